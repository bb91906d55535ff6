"""Pooling: the largest number, or the mean, of what lies in a window that moves over images."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.manipulation.padding import pad
from adjoint.array.statistics.descriptive import mean
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import INT64
from adjoint.nn.convolution import check_fits, each, padding_pairs
from adjoint.ops.indexing.slicing import along
from adjoint.ops.reductions import extremum
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import expand_dims, reshape
from adjoint.ops.signal.patches import Geometry
from adjoint.ops.signal.windows import windows


def max_pool(
    x: Any, window: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, axes: int = 2
) -> Tensor:
    """The largest number in a window that moves over the last axes of `x`.

    x: shape ``(..., *sizes)``. window: an integer, or one for each of the last axes; `axes` says
    how many these are if it is one integer. stride: by default that of the window, so that nothing
    overlaps. padding: as in `conv`; what is added never counts. dilation: how far apart the
    elements of a window lie. Elements that tie share the derivative equally, as in `max`. Raises
    `ShapeError`, `ArgumentError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.nn.max_pool(ad.asarray([[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]), 2)
    Tensor([[4., 8.]])
    """
    x = as_tensor(x)
    geometry = pool_geometry("max_pool", x, window, stride, padding, dilation, axes)
    result: Tensor = extremum.max(*in_windows(x, geometry, lowest(x)))
    return result


def avg_pool(
    x: Any,
    window: Any,
    *,
    stride: Any = None,
    padding: Any = 0,
    count_padding: bool = True,
    axes: int = 2,
) -> Tensor:
    """The mean of what lies in a window that moves over the last axes of `x`.

    count_padding: whether zeros that `padding` adds count, or the mean is over elements of `x`
    alone. The others as in `max_pool`. Raises `ShapeError`, `ArgumentError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.nn.avg_pool(ad.asarray([[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]), 2)
    Tensor([[2.5, 6.5]])
    """
    x = as_tensor(x)
    if x.dtype.kind in "biu":
        x = as_tensor(x, np.dtype(np.float64))
    geometry = pool_geometry("avg_pool", x, window, stride, padding, 1, axes)
    total = sum(*in_windows(x, geometry, 0))
    if count_padding:
        result: Tensor = total / math.prod(geometry.window)
        return result
    ones = as_tensor(np.ones(geometry.sizes, np.int64), INT64)
    count = sum(*in_windows(ones, geometry, 0))
    result = total / as_tensor(count, x.dtype)
    return result


def adaptive_max_pool(x: Any, sizes: Any) -> Tensor:
    """The largest number of each part, where the last axes are cut into as many parts as `sizes`.

    Part i of m along an axis of n elements goes from ⌊i n / m⌋ to ⌈(i + 1) n / m⌉. sizes: an
    integer for each of the last axes, or None to leave one as it is. One axis is reduced after the
    other: elements that tie share the derivative equally along each. Raises `ShapeError`,
    `ArgumentError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.nn.adaptive_max_pool(ad.asarray([1.0, 2.0, 5.0, 6.0, 3.0]), (2,))
    Tensor([5., 6.])
    """
    return by_parts("adaptive_max_pool", x, sizes, extremum.max)


def adaptive_avg_pool(x: Any, sizes: Any) -> Tensor:
    """The mean of each part, where the last axes are cut into as many parts as `sizes` says.

    The parts are those of `adaptive_max_pool`, and so are errors.

    >>> import adjoint as ad
    >>> ad.nn.adaptive_avg_pool(ad.ones((8, 3, 7, 7)), (2, 1)).shape
    (8, 3, 2, 1)
    """
    return by_parts("adaptive_avg_pool", x, sizes, mean)


def global_max_pool(x: Any) -> Tensor:
    """The largest number of each channel: of shape (N, C) for images of shape ``(N, C, *sizes)``.

    >>> import adjoint as ad
    >>> ad.nn.global_max_pool(ad.ones((8, 3, 7, 7))).shape
    (8, 3)
    """
    x = images("global_max_pool", x)
    result: Tensor = extremum.max(x, tuple(range(2, x.ndim)))
    return result


def global_avg_pool(x: Any) -> Tensor:
    """The mean of each channel: of shape (N, C) for images of shape ``(N, C, *sizes)``.

    >>> import adjoint as ad
    >>> ad.nn.global_avg_pool(ad.ones((8, 3, 7, 7))).shape
    (8, 3)
    """
    x = images("global_avg_pool", x)
    result: Tensor = mean(x, tuple(range(2, x.ndim)))
    return result


def images(name: str, x: Any) -> Tensor:
    """`x` as a tensor with spatial axes."""
    t = as_tensor(x)
    if t.ndim < 3:
        raise ShapeError(f"{name}: x must have the shape (images, channels, *sizes), got {t.shape}")
    return t


def pool_geometry(
    name: str, x: Tensor, window: Any, stride: Any, padding: Any, dilation: Any, axes: int
) -> Geometry:
    """How the windows lie on the last axes of `x`."""
    d = len(window) if isinstance(window, (tuple, list)) else axes
    if not 1 <= d <= x.ndim:
        raise ShapeError(
            f"{name}: windows over the last {d} axes need as many of x, which has shape {x.shape}; "
            f"give the window as a tuple, or axes="
        )
    sizes = x.shape[x.ndim - d :]
    extent = each(name, "window", window, d)
    steps = extent if stride is None else each(name, "stride", stride, d)
    apart = each(name, "dilation", dilation, d)
    pairs = padding_pairs(name, padding, sizes, extent, steps, apart)
    geometry = Geometry(steps, pairs, apart, 1, sizes, extent)
    check_fits(name, geometry)
    for pair, k, step in zip(pairs, extent, apart, strict=True):
        if max(pair) > step * (k - 1):
            raise ArgumentError(
                f"{name}: padding {pair} is as wide as a window of {k}, some of which would hold "
                f"nothing of x; give less padding"
            )
    return geometry


def in_windows(x: Tensor, geometry: Geometry, ground: Any) -> tuple[Tensor, tuple[int, ...]]:
    """What the windows hold, with `ground` beyond the edges, and the axes of a window."""
    d = len(geometry.sizes)
    lead = x.shape[: x.ndim - d]
    if any(map(any, geometry.padding)):
        pairs = ((0, 0),) * len(lead) + geometry.padding
        x = pad(x, pairs, constant_values=ground)
    if geometry.stride != geometry.window or set(geometry.dilation) != {1}:
        sizes = x.shape[len(lead) :]
        cut = windows(x, sizes, geometry.stride, geometry.dilation, geometry.window)
        return cut, tuple(range(len(lead), len(lead) + d))
    shape = list(lead)
    for axis, (count, k) in enumerate(zip(geometry.places, geometry.window, strict=True)):
        x = along(x, len(lead) + axis, 0, 1, count * k)
        shape += [count, k]
    return reshape(x, tuple(shape)), tuple(range(len(lead) + 1, len(shape), 2))


def lowest(x: Tensor) -> Any:
    """What is below every number of the dtype of `x`."""
    if x.dtype.kind == "f":
        return -np.inf
    return np.iinfo(x.dtype).min if x.dtype.kind in "iu" else False


def by_parts(name: str, x: Any, sizes: Any, reduce: Callable[..., Tensor]) -> Tensor:
    """`reduce` of each part of the last axes, one axis after the other."""
    t = as_tensor(x)
    wanted = list(sizes) if isinstance(sizes, (tuple, list)) else [sizes]
    if not 1 <= len(wanted) <= t.ndim:
        raise ShapeError(
            f"{name}: sizes {sizes!r} are about the last {len(wanted)} axes, but x has the shape "
            f"{t.shape}"
        )
    for axis, size in enumerate(wanted, t.ndim - len(wanted)):
        if size is not None:
            (count,) = each(name, "sizes", [size], 1)
            t = parts_along(t, axis, count, reduce)
    return t


def parts_along(x: Tensor, axis: int, count: int, reduce: Callable[..., Tensor]) -> Tensor:
    """`reduce` of each of `count` parts along one axis."""
    size = x.shape[axis]
    if size % count == 0 and size:
        shape = (*x.shape[:axis], count, size // count, *x.shape[axis + 1 :])
        return reduce(reshape(x, shape), axis + 1)
    found = []
    for i in range(count):
        start, stop = i * size // count, -(-(i + 1) * size // count)
        part = reduce(along(x, axis, start, 1, stop - start), axis)
        found.append(expand_dims(part, axis))
    return concat(found, axis=axis)
