"""Filters of Fourier transforms, which multiply each frequency by a number. Composites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.elementwise.removable_singularities import sinc
from adjoint.ops.elementwise.trigonometric import cos, sin
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import constant, floating, integer, refuse
from adjoint.scipy.ndimage.correlations import axis_of, per_axis

__all__ = ["fourier_ellipsoid", "fourier_gaussian", "fourier_shift", "fourier_uniform"]


def _frequencies(name: str, x: Tensor, n: Any, axis: Any) -> list[Tensor]:
    """The frequencies along each axis, in cycles per element, which broadcast to the shape."""
    length, halved = integer(name, "n", n), axis_of(name, axis, x.ndim)
    found = []
    for place, size in enumerate(x.shape):
        values = np.fft.fftfreq(size) if size else np.zeros(0)
        if length >= 0 and place == halved:
            if size != length // 2 + 1:
                raise ShapeError(
                    f"{name}: a real transform of {length} elements has {length // 2 + 1} "
                    f"frequencies along axis {halved}, got {size}"
                )
            values = np.arange(size) / length
        shape = (-1, *(1,) * (x.ndim - place - 1))
        found.append(from_array(values.reshape(shape).astype(x.real.dtype)))
    return found


def _product(
    name: str, input: Any, amounts: Any, n: Any, axis: Any, f: Callable[..., Any]
) -> Tensor:
    """The transform times f(frequency, amount) for each axis."""
    x: Any = floating(input)
    each = per_axis(name, name.rpartition("_")[2], amounts, x.ndim)
    for frequency, amount in zip(_frequencies(name, x, n, axis), each, strict=True):
        x = x * f(frequency, as_tensor(amount, x.real.dtype))
    return Tensor(x.node)


def fourier_gaussian(
    input: Any, sigma: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Tensor:
    """The transform of what a bell curve makes of the array, which is continued by itself.

    >>> import adjoint as ad
    >>> from adjoint.scipy.ndimage import fourier_gaussian
    >>> fourier_gaussian(ad.ones(3), 0.2).round(4)
    Tensor([1.   , 0.916, 0.916])
    """
    name = "scipy.ndimage.fourier_gaussian"
    refuse(name, output=(output, None))

    def factor(frequency: Tensor, width: Tensor) -> Tensor:
        return exp(-2 * np.pi**2 * (frequency * width) ** 2)

    return _product(name, input, sigma, n, axis, factor)


def fourier_uniform(
    input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Tensor:
    """The transform of the mean over boxes of `size`.

    >>> import adjoint as ad
    >>> from adjoint.scipy.ndimage import fourier_uniform
    >>> fourier_uniform(ad.ones(3), 1.0).round(4)
    Tensor([1.   , 0.827, 0.827])
    """
    name = "scipy.ndimage.fourier_uniform"
    refuse(name, output=(output, None))
    return _product(name, input, size, n, axis, lambda frequency, width: sinc(frequency * width))


def fourier_shift(
    input: Any, shift: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Tensor:
    """The transform of the array moved by `shift` elements, which need not be whole.

    >>> import adjoint as ad
    >>> from adjoint.scipy.ndimage import fourier_shift
    >>> ad.fft.ifft(fourier_shift(ad.fft.fft([1.0, 2.0, 4.0]), 1)).real.round(4)
    Tensor([4., 1., 2.])
    """
    name = "scipy.ndimage.fourier_shift"
    refuse(name, output=(output, None))

    def factor(frequency: Tensor, distance: Tensor) -> Tensor:
        angle = 2 * np.pi * frequency * distance
        turned: Tensor = cos(angle) - 1j * sin(angle)
        return turned

    return _product(name, input, shift, n, axis, factor)


def fourier_ellipsoid(
    input: Any, size: Any, n: int = -1, axis: int = -1, output: Any = None
) -> Tensor:
    """The transform of the mean over ellipsoids of `size`, in up to three axes; `size` is constant.

    >>> import adjoint as ad
    >>> from adjoint.scipy.ndimage import fourier_ellipsoid
    >>> fourier_ellipsoid(ad.ones(3), 1.0).round(4)
    Tensor([1.   , 0.827, 0.827])
    """
    name = "scipy.ndimage.fourier_ellipsoid"
    refuse(name, output=(output, None))
    x = floating(input)
    ones = np.ones(x.shape, x.real.dtype)
    factor = import_module("scipy.ndimage").fourier_ellipsoid(
        ones, constant(name, "size", size), n, axis
    )
    return as_tensor(x * reshape(from_array(factor.astype(ones.dtype)), x.shape))
