"""Rearranging axes and elements: composites of reshape, permute, slice, concat and gather."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.arrays import plain_array
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import normalize_axes, normalize_axis
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.indexing.gather import gather
from adjoint.ops.indexing.slicing import along, put_into_zeros, slice_of
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape
from adjoint.ops.shape.rolling import rolled

__all__ = [
    "diag",
    "diagonal",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "moveaxis",
    "ravel",
    "repeat",
    "roll",
    "rot90",
    "swapaxes",
    "tile",
    "trace",
    "transpose",
    "tril",
    "triu",
]


@public
def transpose(x: Any, /, axes: Iterable[int] | None = None) -> Tensor:
    """`x` with its axes in the order `axes`; None reverses them. The same as `permute_dims`.

    >>> import adjoint as ad
    >>> ad.transpose(ad.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 3.],
            [2., 4.]])
    """
    return permute_dims(x, axes)


def _positions(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    given = tuple(axis) if isinstance(axis, Iterable) else (axis,)
    found = tuple(normalize_axis(name, a, ndim) for a in given)
    if len(set(found)) != len(found):
        raise ShapeError(f"{name}: {axis} names the same axis twice")
    return found


@public
def moveaxis(x: Any, /, source: Any, destination: Any) -> Tensor:
    """`x` with the axes `source` moved to the positions `destination`, the others in order.

    Both are an integer or sequences of equal length. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.moveaxis(ad.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = as_tensor(x)
    sources = _positions("moveaxis", source, x.ndim)
    targets = _positions("moveaxis", destination, x.ndim)
    if len(sources) != len(targets):
        raise ShapeError(
            f"moveaxis: source {source} names {len(sources)} axes, destination {destination} "
            f"{len(targets)}; both must name the same number of axes"
        )
    order = [a for a in range(x.ndim) if a not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return permute_dims(x, order)


@public
def swapaxes(x: Any, /, axis1: int, axis2: int) -> Tensor:
    """`x` with two axes exchanged.

    >>> import adjoint as ad
    >>> ad.swapaxes(ad.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    x = as_tensor(x)
    a, b = (normalize_axis("swapaxes", axis, x.ndim) for axis in (axis1, axis2))
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    return permute_dims(x, order)


@public
def ravel(x: Any, /, order: str = "C") -> Tensor:
    """`x` with one axis, in row-major order, with `order` "F" in column-major order.

    >>> import adjoint as ad
    >>> ad.ravel(ad.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 2., 3., 4.])
    """
    return reshape(x, (-1,), order=order)


@public
def flatten(x: Any, /, order: str = "C") -> Tensor:
    """`x` with one axis. The same as `ravel`.

    >>> import adjoint as ad
    >>> ad.flatten(ad.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 2., 3., 4.])
    """
    return reshape(x, (-1,), order=order)


@public
def flip(x: Any, /, axis: Any = None) -> Tensor:
    """`x` with its elements in reverse order along `axis` (an integer, several, or None for all).

    >>> import adjoint as ad
    >>> ad.flip(ad.asarray([1.0, 2.0, 3.0]))
    Tensor([3., 2., 1.])
    """
    x = as_tensor(x)
    axes = normalize_axes("flip", axis, x.ndim)
    turned = tuple(a in axes and size > 1 for a, size in enumerate(x.shape))
    starts = tuple(size - 1 if t else 0 for t, size in zip(turned, x.shape, strict=True))
    return slice_of(x, starts, tuple(-1 if t else 1 for t in turned), x.shape, x.shape)


@public
def fliplr(x: Any, /) -> Tensor:
    """`x` with its columns (axis 1) in reverse order.

    >>> import adjoint as ad
    >>> ad.fliplr(ad.asarray([[1.0, 2.0]]))
    Tensor([[2., 1.]])
    """
    return flip(x, 1)


@public
def flipud(x: Any, /) -> Tensor:
    """`x` with its rows (axis 0) in reverse order.

    >>> import adjoint as ad
    >>> ad.flipud(ad.asarray([1.0, 2.0]))
    Tensor([2., 1.])
    """
    return flip(x, 0)


@public
def roll(x: Any, /, shift: Any, axis: Any = None) -> Tensor:
    """`x` with its elements moved on by `shift` along `axis`; the last ones come in at the front.

    Several axes with a shift each, or one for all, as in NumPy. None rolls flattened `x`.

    >>> import adjoint as ad
    >>> ad.roll(ad.asarray([1.0, 2.0, 3.0]), 1)
    Tensor([3., 1., 2.])
    """
    x = as_tensor(x)
    if axis is None:
        flat = reshape(x, (-1,))
        for s in _shifts(shift):
            flat = rolled(flat, s, 0)
        return reshape(flat, x.shape)
    axes = tuple(axis) if isinstance(axis, Iterable) else (axis,)
    shifts = _shifts(shift)
    if len(shifts) != len(axes):
        if 1 not in (len(shifts), len(axes)):
            raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes; give one for each")
        shifts, axes = shifts * len(axes), axes * len(shifts)
    for s, a in zip(shifts, axes, strict=True):
        x = rolled(x, s, normalize_axis("roll", a, x.ndim))
    return Tensor(x.node)


def _shifts(shift: Any) -> tuple[int, ...]:
    given = tuple(shift) if isinstance(shift, (tuple, list)) else (shift,)
    try:
        return tuple(s.__index__() for s in given)
    except AttributeError:
        raise ArgumentError(
            f"roll: shift must be an integer or a tuple of them, got {shift!r}"
        ) from None


@public
def rot90(x: Any, /, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """`x` turned by `k` right angles in the plane of `axes`, from the first towards the second.

    >>> import adjoint as ad
    >>> ad.rot90(ad.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[2., 4.],
            [1., 3.]])
    """
    x = as_tensor(x)
    found = _positions("rot90", axes, x.ndim)
    if len(found) != 2:
        raise ShapeError(f"rot90: axes must name two axes, got {axes}")
    a, b = found
    match k % 4:
        case 1:
            return swapaxes(flip(x, b), a, b)
        case 2:
            return flip(x, (a, b))
        case 3:
            return flip(swapaxes(x, a, b), b)
        case _:
            return Tensor(x.node)


@public
def tile(x: Any, /, reps: Any) -> Tensor:
    """`x` laid out `reps` times, a number for each axis; missing axes are added in front.

    >>> import adjoint as ad
    >>> ad.tile(ad.asarray([1.0, 2.0]), (2, 2))
    Tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    x = as_tensor(x)
    given = tuple(reps) if isinstance(reps, Iterable) else (reps,)
    rank = max(len(given), x.ndim)
    counts = (1,) * (rank - len(given)) + tuple(int(c.__index__()) for c in given)
    if min(counts, default=1) < 0:
        raise RangeError(f"tile: reps must not be negative, got {reps}")
    shape = (1,) * (rank - x.ndim) + x.shape
    spaced = reshape(x, tuple(size for s in shape for size in (1, s)))
    pairs = tuple(size for c, s in zip(counts, shape, strict=True) for size in (c, s))
    return reshape(
        broadcast_to(spaced, pairs), tuple(c * s for c, s in zip(counts, shape, strict=True))
    )


@public
def repeat(x: Any, /, repeats: Any, axis: int | None = None) -> Tensor:
    """`x` with each element repeated `repeats` times along `axis`; None means of flattened `x`.

    repeats: an integer, or one for each element along the axis. Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.repeat(ad.asarray([1.0, 2.0]), 2), ad.repeat(ad.asarray([1.0, 2.0]), [1, 2])
    (Tensor([1., 1., 2., 2.]), Tensor([1., 2., 2.]))
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = normalize_axis("repeat", axis, x.ndim)
    size = x.shape[axis]
    counts = plain_array(repeats)
    if counts.dtype.kind not in "iu" or counts.ndim > 1:
        raise ArgumentError(
            f"repeat: repeats must be an integer or a list of them, got {repeats!r}"
        )
    if counts.size and counts.min() < 0:
        raise RangeError(f"repeat: repeats must not be negative, got {repeats!r}")
    if counts.size == 1:
        n = int(counts.reshape(()))
        before, after = x.shape[:axis], x.shape[axis + 1 :]
        spread = broadcast_to(reshape(x, (*before, size, 1, *after)), (*before, size, n, *after))
        return reshape(spread, (*before, size * n, *after))
    if counts.size != size:
        raise ShapeError(
            f"repeat: {counts.size} repeats were given for axis {axis} of size {size}; give one "
            f"number, or one for each element"
        )
    return gather(x, (from_array(np.repeat(np.arange(size), counts)),), (axis,), axis)


@public
def diagonal(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal of the matrices that lie in two axes, as the last axis of the result.

    offset: how far right of the main diagonal; negative is below it.

    >>> import adjoint as ad
    >>> ad.diagonal(ad.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"diagonal: needs at least 2 axes, got shape {x.shape}")
    _positions("diagonal", (axis1, axis2), x.ndim)
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    *lead, rows, columns = x.shape
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    start = (offset if offset >= 0 else -offset * columns) if count else 0
    flat = reshape(x, (*lead, rows * columns))
    return along(flat, len(lead), start, columns + 1 if count > 1 else 1, count)


@public
def trace(x: Any, /, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Tensor:
    """The sum along the diagonal of the matrices that lie in two axes.

    >>> import adjoint as ad
    >>> ad.trace(ad.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.)
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"trace: needs at least 2 axes, got shape {x.shape}")
    return reduction.sum(diagonal(x, offset, axis1, axis2), -1, dtype=dtype)


@public
def diag(x: Any, /, k: int = 0) -> Tensor:
    """The diagonal `k` of a matrix; or a matrix of zeros with the vector `x` on its diagonal `k`.

    >>> import adjoint as ad
    >>> ad.diag(ad.asarray([1.0, 2.0]))
    Tensor([[1., 0.],
            [0., 2.]])
    """
    x = as_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ShapeError(f"diag: needs a vector or a matrix, got shape {x.shape}; see diagonal")
    count = x.shape[0]
    size = count + abs(k)
    start = k if k >= 0 else -k * size
    step = size + 1 if count > 1 else 1
    flat = put_into_zeros(x, (start if count else 0,), (step,), (count,), (size * size,))
    return reshape(flat, (size, size))


def _below(x: Tensor, k: int) -> Tensor:
    """Whether an element of a matrix in the last two axes lies on the diagonal `k` or below."""
    rows, columns = x.shape[-2:]
    return from_array(np.arange(columns) <= np.arange(rows)[:, None] + k)


@public
def tril(x: Any, /, k: int = 0) -> Tensor:
    """The matrices in the last two axes with zeros above their diagonal `k`.

    >>> import adjoint as ad
    >>> ad.tril(ad.ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]])
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"tril: needs at least 2 axes, got shape {x.shape}")
    return keep_where(_below(x, k), x)


@public
def triu(x: Any, /, k: int = 0) -> Tensor:
    """The matrices in the last two axes with zeros below their diagonal `k`.

    >>> import adjoint as ad
    >>> ad.triu(ad.ones((2, 2)))
    Tensor([[1., 1.],
            [0., 1.]])
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"triu: needs at least 2 axes, got shape {x.shape}")
    return keep_where(~_below(x, k - 1), x)
