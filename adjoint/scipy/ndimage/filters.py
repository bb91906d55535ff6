"""Linear filters: bell curves, means, differences. Composites."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import ConcretizationError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.rearrange import flip
from adjoint.scipy.common import (
    differentiated,
    floating,
    integer,
    refuse,
    unsupported,
)
from adjoint.scipy.ndimage.correlations import (
    axis_of,
    correlate1d,
    per_axis,
    weighted,
)

__all__ = [
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "laplace",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]


def _gaussian_weights(sigma: Any, order: int, radius: int, dtype: Any) -> Tensor:
    """The bell curve, normalised, or its derivative of that order, from -radius to radius."""
    x = np.arange(-radius, radius + 1).astype(dtype)
    variance = as_tensor(sigma, dtype) * as_tensor(sigma, dtype)
    bell = exp(-0.5 / variance * (x * x))
    bell = bell / sum(bell)
    polynomial: list[Any] = [1.0] + [0.0] * order
    for _ in range(order):  # the derivative of q exp(-x²/2σ²) is (q' - x q/σ²) times it
        slope = [(i + 1) * polynomial[i + 1] for i in range(order)] + [0.0]
        raised = [0.0] + [-1.0 * q / variance for q in polynomial[:-1]]
        polynomial = [a + b for a, b in zip(slope, raised, strict=True)]
    factor = 0
    for power, q in enumerate(polynomial):
        factor = factor + q * x**power
    weights: Tensor = bell * factor
    return weights


def _radius(name: str, sigma: Any, truncate: float, radius: Any) -> int:
    if radius is not None:
        return integer(name, "radius", radius)
    if isinstance(sigma, Tensor):
        try:
            sigma = stop_gradient(sigma).item()
        except ConcretizationError as error:
            raise unsupported(
                name, "sigma", sigma, "while tracing its value is not known: give radius="
            ) from error
    return int(float(truncate) * float(sigma) + 0.5)


def gaussian_filter1d(
    input: Any,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
) -> Tensor:
    """The correlation with a bell curve along one axis, or with its derivative of some order.

    The radius is whole and held fixed in derivatives by sigma.

    >>> from adjoint.scipy.ndimage import gaussian_filter1d
    >>> gaussian_filter1d([1.0, 1.0, 1.0], 1.0)
    Tensor([1., 1., 1.])
    """
    name = "scipy.ndimage.gaussian_filter1d"
    refuse(name, output=(output, None))
    x = floating(input)
    reach = _radius(name, sigma, truncate, radius)
    weights = flip(_gaussian_weights(sigma, integer(name, "order", order), reach, x.dtype))
    return weighted(name, x, weights, axis_of(name, axis, x.ndim), mode, cval, 0)


def _chosen_axes(name: str, axes: Any, ndim: int) -> list[int]:
    if axes is None:
        return list(range(ndim))
    given: Sequence[Any] = (axes,) if isinstance(axes, numbers.Integral) else axes
    return [axis_of(name, axis, ndim) for axis in given]


def gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Tensor:
    """`gaussian_filter1d` along every axis, with one sigma, order, mode, radius or one for each.

    >>> from adjoint.scipy.ndimage import gaussian_filter
    >>> gaussian_filter([[1.0, 1.0]], 2.0)
    Tensor([[1., 1.]])
    """
    name = "scipy.ndimage.gaussian_filter"
    refuse(name, output=(output, None))
    x = floating(input)
    chosen = _chosen_axes(name, axes, x.ndim)
    each = [
        per_axis(name, argument, value, len(chosen))
        for argument, value in (
            ("sigma", sigma),
            ("order", order),
            ("mode", mode),
            ("radius", radius),
        )
    ]
    for axis, s, n, m, r in zip(chosen, *each, strict=True):
        if (isinstance(s, Tensor) and differentiated(s)) or s > 1e-15:
            x = gaussian_filter1d(x, s, axis, n, None, m, cval, truncate, radius=r)
    return x


def uniform_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Tensor:
    """The mean of `size` neighbours along one axis.

    >>> from adjoint.scipy.ndimage import uniform_filter1d
    >>> uniform_filter1d([1.0, 1.0, 4.0], 3)
    Tensor([1., 2., 3.])
    """
    name = "scipy.ndimage.uniform_filter1d"
    refuse(name, output=(output, None))
    x = floating(input)
    count = integer(name, "size", size)
    weights = as_tensor(np.full(count, 1 / count, x.dtype))
    return weighted(name, x, weights, axis_of(name, axis, x.ndim), mode, cval, origin)


def uniform_filter(
    input: Any,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """`uniform_filter1d` along every axis.

    >>> from adjoint.scipy.ndimage import uniform_filter
    >>> uniform_filter([1.0, 1.0, 4.0], 3)
    Tensor([1., 2., 3.])
    """
    name = "scipy.ndimage.uniform_filter"
    refuse(name, output=(output, None))
    x = floating(input)
    chosen = _chosen_axes(name, axes, x.ndim)
    sizes, modes, origins = (
        per_axis(name, argument, value, len(chosen))
        for argument, value in (("size", size), ("mode", mode), ("origin", origin))
    )
    for axis, count, m, o in zip(chosen, sizes, modes, origins, strict=True):
        if count > 1:
            x = uniform_filter1d(x, count, axis, None, m, cval, o)
    return x


def laplace(
    input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None
) -> Tensor:
    """The sum of second differences along every axis.

    >>> from adjoint.scipy.ndimage import laplace
    >>> laplace([1.0, 1.0, 4.0])
    Tensor([ 0.,  3., -3.])
    """
    name = "scipy.ndimage.laplace"
    refuse(name, output=(output, None))
    x = floating(input)
    chosen = _chosen_axes(name, axes, x.ndim)
    modes = per_axis(name, "mode", mode, len(chosen))
    parts = [
        correlate1d(x, [1.0, -2.0, 1.0], axis, None, m, cval)
        for axis, m in zip(chosen, modes, strict=True)
    ]
    return _summed(parts)


def _summed(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _edges(name: str, x: Any, axis: Any, mode: Any, cval: Any, side: list[float]) -> Tensor:
    x = floating(x)
    modes = per_axis(name, "mode", mode, x.ndim)
    place = axis_of(name, axis, x.ndim)
    result = correlate1d(x, [-1.0, 0.0, 1.0], place, None, modes[place], cval)
    for other in range(x.ndim):
        if other != place:
            result = correlate1d(result, side, other, None, modes[other], cval)
    return result


def sobel(
    input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0
) -> Tensor:
    """Sobel's filter: differences along `axis`, smoothed along the others.

    >>> from adjoint.scipy.ndimage import sobel
    >>> sobel([1.0, 1.0, 4.0])
    Tensor([0., 3., 3.])
    """
    refuse("scipy.ndimage.sobel", output=(output, None))
    return _edges("scipy.ndimage.sobel", input, axis, mode, cval, [1.0, 2.0, 1.0])


def prewitt(
    input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0
) -> Tensor:
    """Prewitt's filter: differences along `axis`, added up along the others.

    >>> from adjoint.scipy.ndimage import prewitt
    >>> prewitt([1.0, 1.0, 4.0])
    Tensor([0., 3., 3.])
    """
    refuse("scipy.ndimage.prewitt", output=(output, None))
    return _edges("scipy.ndimage.prewitt", input, axis, mode, cval, [1.0, 1.0, 1.0])


def _gaussian_parts(
    name: str, input: Any, sigma: Any, mode: Any, cval: Any, axes: Any, order: int, options: Any
) -> list[Tensor]:
    """For each axis the bell curve's derivative of that order along it."""
    x = floating(input)
    chosen = _chosen_axes(name, axes, x.ndim)
    parts = []
    for i in range(len(chosen)):
        orders = [order if j == i else 0 for j in range(len(chosen))]
        part = gaussian_filter(x, sigma, orders, None, mode, cval, axes=chosen, **options)
        parts.append(part)
    return parts


def gaussian_laplace(
    input: Any,
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    **kwargs: Any,
) -> Tensor:
    """The sum of second derivatives of `gaussian_filter` along every axis.

    >>> from adjoint.scipy.ndimage import gaussian_laplace
    >>> gaussian_laplace([[1.0, 1.0]], 1.0).shape
    (1, 2)
    """
    name = "scipy.ndimage.gaussian_laplace"
    refuse(name, output=(output, None))
    return _summed(_gaussian_parts(name, input, sigma, mode, cval, axes, 2, kwargs))


def gaussian_gradient_magnitude(
    input: Any,
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    **kwargs: Any,
) -> Tensor:
    """The length of the gradient of `gaussian_filter`; its derivative at 0 is 0.

    >>> from adjoint.scipy.ndimage import gaussian_gradient_magnitude
    >>> gaussian_gradient_magnitude([[1.0, 1.0]], 1.0).shape
    (1, 2)
    """
    name = "scipy.ndimage.gaussian_gradient_magnitude"
    refuse(name, output=(output, None))
    parts = _gaussian_parts(name, input, sigma, mode, cval, axes, 1, kwargs)
    return norm2(stack(parts), 0)
