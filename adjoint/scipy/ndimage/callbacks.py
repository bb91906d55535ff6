"""Filters and transforms that call a function of the user's. Composites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.batching import vmap
from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import floating, refuse
from adjoint.scipy.ndimage.correlations import per_axis
from adjoint.scipy.ndimage.interpolation import checked, image, sampled
from adjoint.scipy.ndimage.neighborhoods import chosen_axes, neighbors, window

__all__ = [
    "generic_filter",
    "generic_gradient_magnitude",
    "generic_laplace",
    "geometric_transform",
]


def generic_filter(
    input: Any,
    function: Callable[..., Any],
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Tensor:
    """What `function` makes of the vector of neighbours of each element; it is mapped (`vmap`).

    >>> from adjoint.scipy.ndimage import generic_filter
    >>> generic_filter([3.0, 1.0, 2.0, 4.0], lambda w: w.max() - w.min(), 3)
    Tensor([2., 2., 3., 2.])
    """
    name = "scipy.ndimage.generic_filter"
    refuse(name, output=(output, None))
    x = as_tensor(input)
    w = window(name, x, size, footprint, origin, mode, axes)
    found = neighbors(name, x, w, cval)
    rows = reshape(moveaxis(found, 0, -1), (-1, found.shape[0]))
    named = dict(extra_keywords or {})
    result = vmap(lambda row: as_tensor(function(row, *extra_arguments, **named)))(rows)
    if result.ndim != 1:
        raise ShapeError(f"{name}: the function must return a number, got shape {result.shape[1:]}")
    return reshape(result, x.shape)


def _derivatives(
    name: str, input: Any, function: Any, mode: Any, cval: Any, extra: Any, named: Any, axes: Any
) -> list[Tensor]:
    """What the function makes of the array along each axis."""
    x = floating(input)
    chosen = chosen_axes(name, axes, x.ndim)
    modes = per_axis(name, "mode", mode, len(chosen))
    found = []
    for axis, m in zip(chosen, modes, strict=True):
        part = as_tensor(function(x, axis, None, m, cval, *extra, **(named or {})))
        if part.shape != x.shape:
            raise ShapeError(
                f"{name}: the function must return an array of shape {x.shape}, got {part.shape}"
            )
        found.append(part)
    return found or [x]


def generic_laplace(
    input: Any,
    derivative2: Callable[..., Any],
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Tensor:
    """The sum over the axes of ``derivative2(input, axis, None, mode, cval, ...)``.

    >>> from adjoint.scipy.ndimage import correlate1d, generic_laplace
    >>> def second(x, axis, output, mode, cval):
    ...     return correlate1d(x, [1.0, -2.0, 1.0], axis, output, mode, cval)
    >>> generic_laplace([1.0, 1.0, 4.0], second)
    Tensor([ 0.,  3., -3.])
    """
    name = "scipy.ndimage.generic_laplace"
    refuse(name, output=(output, None))
    given = (derivative2, mode, cval, extra_arguments, extra_keywords, axes)
    total, *others = _derivatives(name, input, *given)
    for other in others:
        total = total + other
    return total


def generic_gradient_magnitude(
    input: Any,
    derivative: Callable[..., Any],
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Tensor:
    """The root of the sum over the axes of the squares of ``derivative(input, axis, None, mode,
    cval, ...)``; where all are 0 the derivative is 0.

    >>> from adjoint.scipy.ndimage import generic_gradient_magnitude, sobel
    >>> generic_gradient_magnitude([1.0, 1.0, 4.0], sobel)
    Tensor([0., 3., 3.])
    """
    name = "scipy.ndimage.generic_gradient_magnitude"
    refuse(name, output=(output, None))
    given = (derivative, mode, cval, extra_arguments, extra_keywords, axes)
    return norm2(stack(_derivatives(name, input, *given)), 0)


def geometric_transform(
    input: Any,
    mapping: Callable[..., Any],
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    extra_arguments: tuple[Any, ...] = (),
    extra_keywords: Any = None,
) -> Tensor:
    """The image whose element at each place is that of the input at ``mapping(place)``.

    `mapping` takes the tuple of coordinates of one place and returns as many as the input has axes;
    it is mapped over the places (`vmap`). What it depends on has a derivative.

    >>> from adjoint.scipy.ndimage import geometric_transform
    >>> geometric_transform([1.0, 2.0, 4.0], lambda at: (at[0] / 2,), order=1)
    Tensor([1. , 1.5, 2. ])
    """
    name = "scipy.ndimage.geometric_transform"
    order = checked(name, order, mode, output)
    x = image(name, input)
    shape = x.shape if output_shape is None else tuple(map(int, output_shape))
    named = dict(extra_keywords or {})
    grid = np.indices(shape, dtype=float).reshape(len(shape), -1)

    def one(place: Tensor) -> Tensor:
        at = mapping(tuple(place[i] for i in range(len(shape))), *extra_arguments, **named)
        found = stack([as_tensor(c) for c in at])
        if found.shape != (x.ndim,):
            raise ShapeError(f"{name}: the mapping must return {x.ndim} numbers, got {len(at)}")
        return found

    places = vmap(one, in_axes=1, out_axes=1)(grid)
    at = [reshape(places[i], shape) for i in range(x.ndim)]
    return sampled(x, at, order, mode, cval, prefilter)
