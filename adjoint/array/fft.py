"""The namespace ``adjoint.fft``: discrete Fourier transforms, under the names of ``numpy.fft``.

y_k = c Σ_j x_j exp(∓2πi jk/n), with the factor c that `norm` says: "backward" (the default) 1
forwards and 1/n back, "forward" the other way round, "ortho" 1/√n for both. Of float32 the results
are in single precision. All are linear, so each is its own tangent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.device import check_device
from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import as_dtype, normalize_axes, normalize_axis, to_complex
from adjoint.ops.indexing.slicing import along, put_slice
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.movement import broadcast_to
from adjoint.ops.shape.rearrange import roll
from adjoint.ops.signal.fourier import SWAPPED, fourier, inverse_real_fourier, real_fourier

# fmt: off
__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]
# fmt: on


def norm_of(name: str, norm: Any) -> str:
    """The norm that `norm` means."""
    found = "backward" if norm is None else norm
    if found not in SWAPPED:
        raise RangeError(f'{name}: norm must be "backward", "ortho" or "forward", got {norm!r}')
    return str(found)


def count_of(name: str, n: Any, size: int) -> int:
    """How many points there are, by default `size`."""
    count = size if n is None else int(n.__index__())
    if count < 1:
        raise RangeError(f"{name}: the number of points must be at least 1, got {count}")
    return count


def _real(name: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.dtype.kind == "c":
        raise RangeError(
            f"{name}: the input must be real, got {x.dtype}; take adjoint.real of it, or use fft"
        )
    single = x.dtype.kind == "f" and x.dtype.itemsize <= 4
    return as_tensor(x, as_dtype("float32" if single else "float64"))


def _complex(x: Any) -> Tensor:
    x = as_tensor(x)
    return as_tensor(x, to_complex(x.dtype))


def fitted(x: Tensor, axis: int, count: int) -> Tensor:
    """`x` cut off, or filled up with zeros, to `count` elements along `axis`."""
    size = x.shape[axis]
    if count <= size:
        return x if count == size else along(x, axis, 0, 1, count)
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    ground = broadcast_to(as_tensor(0, x.dtype), shape)
    return put_slice(ground, x, (0,) * x.ndim, (1,) * x.ndim, x.shape)


def plan_of(name: str, x: Tensor, s: Any, axes: Any) -> tuple[list[int], list[int]]:
    """The axes to transform and how many points each has then."""
    if axes is None:
        axes = range(x.ndim) if s is None else range(-len(s), 0)
    places = [normalize_axis(name, a, x.ndim) for a in axes]
    sizes = [None] * len(places) if s is None else list(s)
    if len(sizes) != len(places):
        raise ShapeError(f"{name}: s names {len(sizes)} sizes, axes {len(places)} axes")
    taken = (None if n == -1 else n for n in sizes)
    return places, [count_of(name, n, x.shape[a]) for n, a in zip(taken, places, strict=True)]


def _several(name: str, x: Tensor, s: Any, axes: Any, norm: Any, inverse: bool) -> Tensor:
    x = _complex(x)
    places, counts = plan_of(name, x, s, axes)
    for place, count in zip(places, counts, strict=True):
        x = fitted(x, place, count)
    return fourier(x, tuple(places), inverse, norm_of(name, norm)) if places else Tensor(x.node)


def _one(name: str, x: Any, n: Any, axis: int, norm: Any, inverse: bool) -> Tensor:
    return _several(name, as_tensor(x), (-1 if n is None else n,), (axis,), norm, inverse)


@public_as("fft.fft")
def fft(x: Any, /, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The transform of `x` along `axis`, y_k = Σ_j x_j exp(-2πi jk/n), as ``numpy.fft.fft``.

    n: how many points: `x` is cut off or filled up with zeros. Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.fft.fft(ad.asarray([1.0, 2.0, 3.0, 4.0]))
    Tensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])
    """
    return _one("fft", x, n, axis, norm, False)


@public_as("fft.ifft")
def ifft(x: Any, /, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The inverse of `fft`, x_j = 1/n Σ_k y_k exp(2πi jk/n). Raises as `fft`.

    >>> import adjoint as ad
    >>> ad.fft.ifft(ad.asarray([4.0, 0.0, 0.0, 0.0]))
    Tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _one("ifft", x, n, axis, norm, True)


@public_as("fft.fftn")
def fftn(x: Any, /, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """The transform of `x` along several `axes`, by default all; `s` are the numbers of points.

    Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.fft.fftn(ad.ones((2, 2)))
    Tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _several("fftn", as_tensor(x), s, axes, norm, False)


@public_as("fft.ifftn")
def ifftn(x: Any, /, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """The inverse of `fftn`. Raises as `fftn`.

    >>> import adjoint as ad
    >>> ad.fft.ifftn(ad.asarray([[4.0, 0.0], [0.0, 0.0]]))
    Tensor([[1.+0.j, 1.+0.j],
            [1.+0.j, 1.+0.j]])
    """
    return _several("ifftn", as_tensor(x), s, axes, norm, True)


@public_as("fft.fft2")
def fft2(x: Any, /, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """The transform of `x` along two `axes`, by default the last. Raises as `fftn`.

    >>> import adjoint as ad
    >>> ad.fft.fft2(ad.ones((3, 2, 2))).shape
    (3, 2, 2)
    """
    return _several("fft2", as_tensor(x), s, axes, norm, False)


@public_as("fft.ifft2")
def ifft2(x: Any, /, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """The inverse of `fft2`. Raises as `fftn`.

    >>> import adjoint as ad
    >>> ad.fft.ifft2(ad.ones((2, 2)))
    Tensor([[1.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _several("ifft2", as_tensor(x), s, axes, norm, True)


def _half(name: str, x: Any, n: Any, axis: int, norm: str) -> Tensor:
    x = _real(name, x)
    place = normalize_axis(name, axis, x.ndim)
    count = count_of(name, n, x.shape[place])
    return real_fourier(fitted(x, place, count), place, norm)


def _whole(name: str, x: Any, n: Any, axis: int, norm: str) -> Tensor:
    x = _complex(x)
    place = normalize_axis(name, axis, x.ndim)
    count = count_of(name, n, 2 * (x.shape[place] - 1))
    return inverse_real_fourier(fitted(x, place, count // 2 + 1), place, count, norm)


@public_as("fft.rfft")
def rfft(x: Any, /, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The first n // 2 + 1 terms of `fft` of real `x`; the others are their conjugates.

    Raises `ShapeError`, and `RangeError` for complex `x`.

    >>> import adjoint as ad
    >>> ad.fft.rfft(ad.asarray([1.0, 2.0, 3.0, 4.0]))
    Tensor([10.+0.j, -2.+2.j, -2.+0.j])
    """
    return _half("rfft", x, n, axis, norm_of("rfft", norm))


@public_as("fft.irfft")
def irfft(x: Any, /, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The inverse of `rfft`: `n` real numbers, by default 2 (m - 1) from m terms.

    The imaginary parts of the first term, and for even `n` of the last, count for nothing. Raises
    `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.fft.irfft(ad.asarray([10.0, -2 + 2j, -2.0]))
    Tensor([1., 2., 3., 4.])
    """
    return _whole("irfft", x, n, axis, norm_of("irfft", norm))


@public_as("fft.hfft")
def hfft(x: Any, /, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The real transform, of `n` points, of a signal of which the first half is `x`, the other its
    conjugate.

    >>> import adjoint as ad
    >>> ad.fft.hfft(ad.asarray([1.0, 2.0, 3.0]))
    Tensor([ 8., -2.,  0., -2.])
    """
    return _whole("hfft", conjugate(as_tensor(x)), n, axis, SWAPPED[norm_of("hfft", norm)])


@public_as("fft.ihfft")
def ihfft(x: Any, /, n: Any = None, axis: int = -1, norm: Any = None) -> Tensor:
    """The inverse of `hfft`, of real `x`.

    >>> import adjoint as ad
    >>> ad.fft.ihfft(ad.asarray([8.0, -2.0, 0.0, -2.0]))
    Tensor([1.-0.j, 2.-0.j, 3.-0.j])
    """
    return conjugate(_half("ihfft", x, n, axis, SWAPPED[norm_of("ihfft", norm)]))


def _half_of_several(name: str, x: Any, s: Any, axes: Any, norm: Any) -> Tensor:
    x = _real(name, x)
    places, counts = plan_of(name, x, s, axes)
    if not places:
        raise ShapeError(f"{name}: give at least one axis to transform")
    half = _half(name, x, counts[-1], places[-1], norm_of(name, norm))
    return _several(name, half, counts[:-1], places[:-1], norm, False)


def _whole_of_several(name: str, x: Any, s: Any, axes: Any, norm: Any) -> Tensor:
    x = _complex(x)
    places, counts = plan_of(name, x, s, axes)
    if not places:
        raise ShapeError(f"{name}: give at least one axis to transform")
    last = None if s is None or s[-1] == -1 else counts[-1]
    x = _several(name, x, counts[:-1], places[:-1], norm, True)
    return _whole(name, x, last, places[-1], norm_of(name, norm))


@public_as("fft.rfftn")
def rfftn(x: Any, /, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """`rfft` of real `x` along the last of `axes`, then `fft` along the others.

    >>> import adjoint as ad
    >>> ad.fft.rfftn(ad.ones((2, 4))).shape
    (2, 3)
    """
    return _half_of_several("rfftn", x, s, axes, norm)


@public_as("fft.irfftn")
def irfftn(x: Any, /, s: Any = None, axes: Any = None, norm: Any = None) -> Tensor:
    """The inverse of `rfftn`; `s` are the numbers of real points along `axes`.

    >>> import adjoint as ad
    >>> ad.fft.irfftn(ad.fft.rfftn(ad.ones((2, 4))))
    Tensor([[1., 1., 1., 1.],
            [1., 1., 1., 1.]])
    """
    return _whole_of_several("irfftn", x, s, axes, norm)


@public_as("fft.rfft2")
def rfft2(x: Any, /, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """`rfftn` along two axes, by default the last.

    >>> import adjoint as ad
    >>> ad.fft.rfft2(ad.ones((3, 2, 4))).shape
    (3, 2, 3)
    """
    return _half_of_several("rfft2", x, s, axes, norm)


@public_as("fft.irfft2")
def irfft2(x: Any, /, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Tensor:
    """`irfftn` along two axes, by default the last.

    >>> import adjoint as ad
    >>> ad.fft.irfft2(ad.ones((3, 2, 3))).shape
    (3, 2, 4)
    """
    return _whole_of_several("irfft2", x, s, axes, norm)


def _shifted(name: str, x: Any, axes: Any, back: bool) -> Tensor:
    x = as_tensor(x)
    places = normalize_axes(name, axes, x.ndim)
    moves = [x.shape[a] // 2 * (-1 if back else 1) for a in places]
    return roll(x, tuple(moves), places)


@public_as("fft.fftshift")
def fftshift(x: Any, /, axes: Any = None) -> Tensor:
    """`x` with the term of frequency 0 moved from the front to the middle along `axes`.

    >>> import adjoint as ad
    >>> ad.fft.fftshift(ad.fft.fftfreq(4))
    Tensor([-0.5 , -0.25,  0.  ,  0.25])
    """
    return _shifted("fftshift", x, axes, False)


@public_as("fft.ifftshift")
def ifftshift(x: Any, /, axes: Any = None) -> Tensor:
    """The inverse of `fftshift`.

    >>> import adjoint as ad
    >>> ad.fft.ifftshift(ad.asarray([-1.0, 0.0, 1.0]))
    Tensor([ 0.,  1., -1.])
    """
    return _shifted("ifftshift", x, axes, True)


def fftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Tensor:
    """The frequencies of the terms of `fft` of `n` points that lie `d` apart, which may be traced.

    >>> import adjoint as ad
    >>> ad.fft.fftfreq(4, 0.5)
    Tensor([ 0. ,  0.5, -1. , -0.5])
    """
    check_device("fftfreq", device)
    numbers = np.fft.ifftshift(np.arange(-(n // 2), (n - 1) // 2 + 1))
    return _frequencies(numbers, n, d, dtype)


def rfftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Tensor:
    """The frequencies of the terms of `rfft` of `n` points that lie `d` apart, which may be traced.

    >>> import adjoint as ad
    >>> ad.fft.rfftfreq(4, 0.5)
    Tensor([0. , 0.5, 1. ])
    """
    check_device("rfftfreq", device)
    return _frequencies(np.arange(n // 2 + 1), n, d, dtype)


def _frequencies(numbers: np.ndarray[Any, Any], n: int, d: Any, dtype: Any) -> Tensor:
    """How many periods each of the waves `numbers` has in a unit of length."""
    result: Tensor = from_array(numbers) / (n * as_tensor(d))
    return as_tensor(result, None if dtype is None else as_dtype(dtype))
