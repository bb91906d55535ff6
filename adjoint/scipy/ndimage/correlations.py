"""Correlations with weights on arrays continued beyond their ends, for ``scipy.ndimage``."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.indexing.indexing import take
from adjoint.ops.shape.rearrange import flip, moveaxis
from adjoint.ops.signal.convolution import convolve_last
from adjoint.scipy.common import floating, integer, refuse, unsupported
from adjoint.scipy.convolutions import windows

PADDING = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
    "constant": "edge",
    "grid-constant": "edge",
}
"""What NumPy calls the ways in which SciPy continues an array."""


def extended(
    name: str, x: Tensor, axis: int, before: int, after: int, mode: str, cval: Any
) -> Tensor:
    """`x` continued along one axis."""
    if mode not in PADDING:
        raise unsupported(name, "mode", mode, f"give one of {', '.join(map(repr, PADDING))}")
    size = x.shape[axis]
    if not size:
        raise ShapeError(f"{name}: there is no element along axis {axis}")
    places = np.pad(np.arange(size), (before, after), mode=PADDING[mode])  # type: ignore[call-overload]
    result = take(x, places, axis=axis)
    if mode in ("constant", "grid-constant"):
        inside = np.zeros(len(places), bool)
        inside[before : before + size] = True
        result = where(inside.reshape(-1, *(1,) * (x.ndim - axis - 1)), result, cval)
    whole: Tensor = result
    return whole


def axis_of(name: str, axis: Any, ndim: int) -> int:
    place = integer(name, "axis", axis)
    if not -ndim <= place < ndim:
        raise ShapeError(f"{name}: axis {axis} does not exist for {ndim} axes")
    return place % ndim


def per_axis(name: str, argument: str, value: Any, count: int) -> list[Any]:
    """One value for each axis."""
    several = isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) > 0
    values = list(value) if several else [value] * count
    if len(values) != count:
        raise ShapeError(f"{name}: {argument} has {len(values)} entries for {count} axes")
    return values


def margins(name: str, size: int, origin: int) -> tuple[int, int]:
    """How many elements before and after its own place `size` weights reach; raises if beyond."""
    before, after = size // 2 + origin, size - 1 - size // 2 - origin
    if before < 0 or after < 0:
        raise RangeError(f"{name}: origin {origin} lies outside the {size} weights")
    return before, after


def mirrored(origin: int, size: int) -> int:
    """The origin of a correlation with the flipped weights that is a convolution with `origin`."""
    return -origin - (1 if size % 2 == 0 else 0)


def weighted(
    name: str, x: Tensor, weights: Tensor, axis: int, mode: str, cval: Any, origin: int
) -> Tensor:
    """Σ_j weights[j] x[i + j - size // 2 - origin]"""
    before, after = margins(name, weights.shape[0], origin)
    padded = extended(name, x, axis, before, after, mode, cval)
    result = convolve_last(moveaxis(padded, axis, -1), flip(weights), "valid")
    return moveaxis(result, -1, axis)


def correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Tensor:
    """The correlation with `weights` along one axis, on an array continued as `mode` says.

    >>> from adjoint.scipy.ndimage import correlate1d
    >>> correlate1d([1.0, 2.0, 4.0], [1.0, 0.0, 0.0])
    Tensor([1., 1., 2.])
    """
    name = "scipy.ndimage.correlate1d"
    refuse(name, output=(output, None))
    x = floating(input)
    w = as_tensor(weights, x.dtype)
    return weighted(name, x, w, axis_of(name, axis, x.ndim), mode, cval, origin)


def convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Tensor:
    """The convolution with `weights` along one axis, on an array continued as `mode` says.

    >>> from adjoint.scipy.ndimage import convolve1d
    >>> convolve1d([1.0, 2.0, 4.0], [1.0, 0.0, 0.0])
    Tensor([2., 4., 4.])
    """
    name = "scipy.ndimage.convolve1d"
    refuse(name, output=(output, None))
    x = floating(input)
    w = flip(as_tensor(weights, x.dtype))
    place = axis_of(name, axis, x.ndim)
    return weighted(name, x, w, place, mode, cval, mirrored(origin, w.shape[0]))


def _several(
    name: str, x: Tensor, weights: Tensor, mode: Any, cval: Any, origins: list[int]
) -> Tensor:
    """The correlation with weights along all axes."""
    if weights.ndim != x.ndim:
        raise ShapeError(
            f"{name}: weights of shape {weights.shape} need as many axes as the array, {x.shape}"
        )
    modes = per_axis(name, "mode", mode, x.ndim)
    for axis, (size, origin) in enumerate(zip(weights.shape, origins, strict=True)):
        before, after = margins(name, size, origin)
        x = extended(name, x, axis, before, after, modes[axis], cval)
    return windows(x, weights)


def correlate(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The correlation with `weights`, on an array continued as `mode` says.

    >>> from adjoint.scipy.ndimage import correlate
    >>> correlate([[1.0, 2.0]], [[2.0]])
    Tensor([[2., 4.]])
    """
    name = "scipy.ndimage.correlate"
    refuse(name, output=(output, None), axes=(axes, None))
    x = floating(input)
    w = as_tensor(weights, x.dtype)
    return _several(name, x, w, mode, cval, per_axis(name, "origin", origin, x.ndim))


def convolve(
    input: Any,
    weights: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The convolution with `weights`, on an array continued as `mode` says.

    >>> from adjoint.scipy.ndimage import convolve
    >>> convolve([[1.0, 2.0]], [[2.0]])
    Tensor([[2., 4.]])
    """
    name = "scipy.ndimage.convolve"
    refuse(name, output=(output, None), axes=(axes, None))
    x = floating(input)
    w = flip(as_tensor(weights, x.dtype))
    given = per_axis(name, "origin", origin, x.ndim)
    origins = [mirrored(o, size) for o, size in zip(given, w.shape, strict=True)]
    return _several(name, x, w, mode, cval, origins)
