"""Samples at other rates, and the analytic signal, for ``scipy.signal``. Composites."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array.fft import fft, ifft, irfft, rfft
from adjoint.errors import RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import normalize_axis, promote
from adjoint.ops.indexing.slicing import along, put_into_zeros
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.ops.signal.convolution import convolve_last
from adjoint.scipy.common import constant, floating, integer, refuse, unsupported

__all__ = ["hilbert", "resample", "resample_poly", "upfirdn"]


def _samples(name: str, x: Any) -> Tensor:
    t = floating(x)
    if t.dtype.kind == "c":
        raise unsupported(name, "x", t, "give real samples; take adjoint.real and adjoint.imag")
    return t


def hilbert(x: Any, N: Any = None, axis: int = -1) -> Tensor:
    """The analytic signal of real samples: without negative frequencies, its real part is `x`.

    >>> from adjoint.scipy.signal import hilbert
    >>> hilbert([1.0, 0.0, -1.0, 0.0])
    Tensor([ 1.+0.j,  0.+1.j, -1.+0.j,  0.-1.j])
    """
    name = "scipy.signal.hilbert"
    t = _samples(name, x)
    place = normalize_axis(name, axis, t.ndim)
    count = t.shape[place] if N is None else integer(name, "N", N)
    if count < 1:
        raise RangeError(f"{name}: N must be at least 1, got {count}")
    kept = np.zeros(count, t.dtype)
    kept[0] = 1
    kept[1 : (count + 1) // 2] = 2
    if count % 2 == 0:
        kept[count // 2] = 1
    weights = from_array(kept.reshape((-1,) + (1,) * (t.ndim - place - 1)))
    return ifft(fft(t, count, place) * weights, axis=place)


def resample(
    x: Any, num: Any, t: Any = None, axis: int = 0, window: Any = None, domain: str = "time"
) -> Tensor:
    """`num` samples in place of those given, by the terms of the Fourier series through them.

    >>> from adjoint.scipy.signal import resample
    >>> resample([1.0, 0.0, -1.0, 0.0], 2)
    Tensor([ 1., -1.])
    """
    name = "scipy.signal.resample"
    refuse(name, t=(t, None), window=(window, None), domain=(domain, "time"))
    samples = _samples(name, x)
    place = normalize_axis(name, axis, samples.ndim)
    size, count = samples.shape[place], integer(name, "num", num)
    if count < 1:
        raise RangeError(f"{name}: num must be at least 1, got {count}")
    least = min(size, count)
    terms = along(rfft(samples, axis=place), place, 0, 1, least // 2 + 1)
    if least % 2 == 0 and size != count:  # the last term stands for two, or is one of two
        last = along(terms, place, least // 2, 1, 1) * (2.0 if count < size else 0.5)
        terms = concat([along(terms, place, 0, 1, least // 2), last], axis=place)
    result: Tensor = irfft(terms, count, place) * (count / size)
    return result


def upfirdn(
    h: Any,
    x: Any,
    up: int = 1,
    down: int = 1,
    axis: int = -1,
    mode: str = "constant",
    cval: Any = 0,
) -> Tensor:
    """`x` with zeros between its samples, filtered by `h`, and of that every so many samples.

    >>> from adjoint.scipy.signal import upfirdn
    >>> upfirdn([1.0, 1.0], [1.0, 2.0], up=2)
    Tensor([1., 1., 2., 2.])
    """
    name = "scipy.signal.upfirdn"
    refuse(name, mode=(mode, "constant"))
    if constant(name, "cval", cval) != 0:
        raise unsupported(name, "cval", cval, "leave it at 0")
    taps, samples = floating(h), floating(x)
    dtype = promote(taps.dtype, samples.dtype)
    rate, every = integer(name, "up", up), integer(name, "down", down)
    if taps.ndim != 1 or not taps.size or min(rate, every) < 1:
        raise RangeError(
            f"{name}: h must be a vector with elements and up and down at least 1, got shape "
            f"{taps.shape}, {rate} and {every}"
        )
    place = normalize_axis(name, axis, samples.ndim)
    samples = moveaxis(as_tensor(samples, dtype), place, -1)
    size = samples.shape[-1]
    if not size:
        raise RangeError(f"{name}: there is no sample along axis {axis} of x")
    lead = (1,) * (samples.ndim - 1)
    apart = (*samples.shape[:-1], (size - 1) * rate + 1)
    spread = put_into_zeros(samples, (0,) * samples.ndim, (*lead, rate), samples.shape, apart)
    filtered = convolve_last(spread, as_tensor(taps, dtype), "full")
    kept = -(-filtered.shape[-1] // every)
    return moveaxis(along(filtered, filtered.ndim - 1, 0, every, kept), -1, place)


def resample_poly(
    x: Any,
    up: Any,
    down: Any,
    axis: int = 0,
    window: Any = ("kaiser", 5.0),
    padtype: Any = "constant",
    cval: Any = None,
) -> Tensor:
    """`up` samples in place of `down`, by a filter that cuts off what neither rate can tell.

    window: that of the filter, or its coefficients, which are constant.

    >>> from adjoint.scipy.signal import resample_poly
    >>> resample_poly([1.0, 2.0, 3.0, 4.0], 1, 2).shape
    (2,)
    """
    name = "scipy.signal.resample_poly"
    refuse(name, padtype=(padtype, "constant"), cval=(cval, None))
    samples = floating(x)
    rate, every = integer(name, "up", up), integer(name, "down", down)
    if min(rate, every) < 1:
        raise RangeError(f"{name}: up and down must be at least 1, got {rate} and {every}")
    common = math.gcd(rate, every)
    rate, every = rate // common, every // common
    if rate == every == 1:
        return samples
    place = normalize_axis(name, axis, samples.ndim)
    size = samples.shape[place]
    wanted = -(-size * rate // every)
    if isinstance(window, (list, np.ndarray, Tensor)):
        taps = constant(name, "window", window) * rate
        half = (taps.size - 1) // 2
    else:
        half = 10 * max(rate, every)
        firwin = import_module("scipy.signal").firwin
        taps = firwin(2 * half + 1, 1 / max(rate, every), window=window) * rate
    before = every - half % every
    removed = (half + before) // every
    missing = (removed + wanted - 1) * every + 1 - ((size - 1) * rate + before + taps.size)
    taps = np.concatenate([np.zeros(before), taps, np.zeros(max(missing, 0))])
    found = upfirdn(taps.astype(samples.dtype), samples, rate, every, place)
    return along(found, place, removed, 1, wanted)
