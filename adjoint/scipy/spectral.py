"""Spectra of samples, as of ``scipy.signal``: periodograms, Welch's method, coherence.

Windowed segments that overlap, their Fourier transforms, and means of products of these.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from adjoint.array import fft
from adjoint.array.calculus.differences import unwrap
from adjoint.array.manipulation.editing import sliding_window_view
from adjoint.array.statistics.descriptive import mean, median
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.caller import warn
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import to_real
from adjoint.ops.elementwise.choice import abs
from adjoint.ops.elementwise.complex import angle, conj, imag, real
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import constant, floating, integer, unsupported
from adjoint.scipy.trends import detrend

__all__ = ["coherence", "csd", "periodogram", "spectrogram", "welch"]

Array: TypeAlias = "np.ndarray[Any, Any]"
_HANN = "hann_periodic"


def periodic(window: Any) -> Any:
    """The window by the name that older versions of SciPy have for it, too."""
    if isinstance(window, tuple):
        return periodic(window[0]), *window[1:]
    return window.removesuffix("_periodic") if isinstance(window, str) else window


def segment_length(name: str, nperseg: Any, count: int) -> int:
    """The length of a segment of `count` samples, for a window that is given by its name."""
    size = 256 if nperseg is None else integer(name, "nperseg", nperseg)
    if size <= count:
        return size
    warn(
        f"{name}: nperseg = {size} is greater than the {count} samples, which are taken as one "
        f"segment",
        UserWarning,
    )
    return count


def _window_of(name: str, window: Any, nperseg: Any, count: int) -> Array:
    """The values of the window, one for each sample of a segment."""
    values: Array
    if isinstance(window, (str, tuple)):
        size = segment_length(name, nperseg, count)
        if size < 1:
            raise RangeError(f"{name}: nperseg must be positive, got {size}")
        values = import_module("scipy.signal").get_window(periodic(window), size)
        return values
    values = constant(name, "window", window)
    size = values.shape[0] if values.ndim == 1 else -1
    if size != (size if nperseg is None else integer(name, "nperseg", nperseg)):
        raise RangeError(f"{name}: the window has shape {values.shape}, nperseg {nperseg}")
    if not 0 < size <= count:
        raise RangeError(f"{name}: a window of shape {values.shape} for {count} samples")
    return values


class Segments:
    """How samples along the last axis are cut into windowed segments and transformed."""

    def __init__(
        self,
        name: str,
        x: Tensor,
        fs: Any,
        window: Any,
        nperseg: Any,
        noverlap: Any,
        nfft: Any,
        detrend: Any,
        onesided: bool,
        scaling: str,
    ) -> None:
        self.name, self.detrend = name, detrend
        count = x.shape[-1]
        values = _window_of(name, window, nperseg, count)
        self.size = size = values.shape[0]
        self.length = size if nfft is None else integer(name, "nfft", nfft)
        overlap = size // 2 if noverlap is None else integer(name, "noverlap", noverlap)
        if overlap >= size or self.length < size:
            raise RangeError(
                f"{name}: expected noverlap < nperseg <= nfft, got {overlap}, {size}, {self.length}"
            )
        self.step = size - overlap
        self.rate = float(constant(name, "fs", fs))
        if scaling not in ("density", "spectrum"):
            raise ArgumentError(f'{name}: scaling is "density" or "spectrum", got {scaling!r}')
        power = np.sum(values**2) * self.rate if scaling == "density" else np.sum(values) ** 2
        self.scale = float(1 / power)
        self.window = values.astype(to_real(x.dtype))
        self.onesided = onesided and x.dtype.kind != "c"
        frequencies = np.fft.rfftfreq if self.onesided else np.fft.fftfreq
        self.frequencies = frequencies(self.length, 1 / self.rate)
        starts = np.arange(0, count - size + 1, self.step)
        self.times = (starts + size / 2) / self.rate

    def transformed(self, x: Tensor) -> Tensor:
        """The transforms of the segments of `x`: axes of segments and frequencies at the end."""
        parts = sliding_window_view(x, self.size, -1)[..., :: self.step, :]
        if self.detrend:
            if callable(self.detrend):
                raise unsupported(self.name, "detrend", self.detrend, 'give "constant" or "linear"')
            parts = detrend(parts, axis=-1, type=self.detrend)
        transform = fft.rfft if self.onesided else fft.fft
        return transform(parts * self.window, n=self.length)

    def powers(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The spectra of the segments of `x`, or of `x` with `y`; frequencies at the end."""
        found = self.transformed(x)
        if y is None:
            product = real(found) ** 2 + imag(found) ** 2
        else:
            product = conj(found) * self.transformed(y)
        factor = np.full(len(self.frequencies), self.scale)
        if self.onesided:  # what stands for two frequencies counts twice
            factor[1 : None if self.length % 2 else -1] *= 2
        result: Tensor = product * factor.astype(to_real(product.dtype))
        return result


def _averaged(name: str, powers: Tensor, average: str) -> Tensor:
    """The mean of segments, or their median less its bias."""
    count = powers.shape[-2]
    if average == "mean":
        return mean(powers, -2)
    if average != "median":
        raise ArgumentError(f'{name}: average is "mean" or "median", got {average!r}')
    if count == 1:
        return powers[..., 0, :]
    even = 2 * np.arange(1.0, (count - 1) // 2 + 1)
    bias = float(1 + np.sum(1 / (even + 1) - 1 / even))
    if powers.dtype.kind == "c":
        return (median(real(powers), -2) + median(imag(powers), -2) * 1j) / bias
    return median(powers, -2) / bias


def padded_to(x: Tensor, count: int) -> Tensor:
    """`x` with zeros behind, up to a number of samples."""
    missing = count - x.shape[-1]
    if not missing:
        return x
    return concat([x, np.zeros((*x.shape[:-1], missing), x.dtype)], axis=x.ndim - 1)


def csd(
    x: Any,
    y: Any,
    fs: Any = 1.0,
    window: Any = _HANN,
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Array, Tensor]:
    """Frequencies, and the cross spectral density of `x` and `y` by Welch's method.

    For samples of shape (..., n) along `axis`: frequencies of shape (m,) in the unit of `fs`, and
    densities of shape (..., m). Raises `RangeError` where segments do not fit. As in SciPy.

    >>> from adjoint.scipy.signal import csd
    >>> csd([1.0, -1.0, 1.0, -1.0], [0.0, 1.0, 0.0, 1.0], nperseg=4)[1]
    Tensor([ 0.        +0.j, -0.66666667+0.j, -1.33333333+0.j])
    """
    how = (fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average)
    return _cross_density("scipy.signal.csd", x, y, *how)


def _cross_density(
    name: str,
    x: Any,
    y: Any,
    fs: Any,
    window: Any,
    nperseg: Any,
    noverlap: Any,
    nfft: Any,
    detrend: Any,
    return_onesided: bool,
    scaling: str,
    axis: int,
    average: str = "mean",
) -> tuple[Array, Tensor]:
    """What `csd` returns, for the function of that name."""
    same = y is x
    x = moveaxis(floating(x), axis, -1)
    y = x if same else moveaxis(floating(y), axis, -1)
    count = max(x.shape[-1], y.shape[-1])
    x, y = padded_to(x, count), padded_to(y, count)
    onesided = return_onesided and y.dtype.kind != "c"
    how = (fs, window, nperseg, noverlap, nfft, detrend, onesided, scaling)
    segments = Segments(name, x, *how)
    powers = segments.powers(x, None if same else y)
    return segments.frequencies, moveaxis(_averaged(name, powers, average), -1, axis)


def welch(
    x: Any,
    fs: Any = 1.0,
    window: Any = _HANN,
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Array, Tensor]:
    """Frequencies, and the power spectral density by Welch's method. Shapes as for `csd`.

    >>> from adjoint.scipy.signal import welch
    >>> welch([1.0, -1.0, 1.0, -1.0], nperseg=4)[1]
    Tensor([0.        , 1.33333333, 2.66666667])
    """
    x = floating(x)
    how = (fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average)
    return _cross_density("scipy.signal.welch", x, x, *how)


def periodogram(
    x: Any,
    fs: Any = 1.0,
    window: Any = "boxcar",
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
) -> tuple[Array, Tensor]:
    """Frequencies, and the power spectral density of all samples as one segment.

    >>> from adjoint.scipy.signal import periodogram
    >>> periodogram([1.0, -1.0, 1.0, -1.0])[1]
    Tensor([0., 0., 4.])
    """
    name = "scipy.signal.periodogram"
    x = moveaxis(floating(x), axis, -1)
    length = x.shape[-1] if nfft is None else integer(name, "nfft", nfft)
    x = x[..., :length]
    window = "boxcar" if window is None else window
    how = (fs, window, x.shape[-1], 0, length, detrend, return_onesided, scaling, -1)
    frequencies, power = _cross_density(name, x, x, *how)
    return frequencies, moveaxis(power, -1, axis)


def coherence(
    x: Any,
    y: Any,
    fs: Any = 1.0,
    window: Any = _HANN,
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = "constant",
    axis: int = -1,
) -> tuple[Array, Tensor]:
    """Frequencies, and the squared coherence of `x` and `y` by Welch's method.

    >>> from adjoint.scipy.signal import coherence
    >>> coherence([1.0, -1.0, 2.0, -1.0], [2.0, -2.0, 4.0, -2.0], nperseg=4)[1]
    Tensor([1., 1., 1.])
    """
    x, y = floating(x), floating(y)
    how = (fs, window, nperseg, noverlap, nfft, detrend, True, "density", axis)
    (frequencies, both), (_, of_x), (_, of_y) = (
        _cross_density("scipy.signal.coherence", a, b, *how) for a, b in ((x, y), (x, x), (y, y))
    )
    result: Tensor = (real(both) ** 2 + imag(both) ** 2) / of_x / of_y
    return frequencies, result


def spectrogram(
    x: Any,
    fs: Any = 1.0,
    window: Any = ("tukey_periodic", 0.25),
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    mode: str = "psd",
) -> tuple[Array, Array, Tensor]:
    """Frequencies, times, and the power spectral density of each segment; with `mode` its
    "magnitude", "angle", "phase", or the "complex" transform.

    >>> from adjoint.scipy.signal import spectrogram
    >>> spectrogram([1.0, -1.0, 1.0, -1.0], window="boxcar", nperseg=2, noverlap=0)[2]
    Tensor([[0., 0.],
            [2., 2.]])
    """
    name = "scipy.signal.spectrogram"
    x = moveaxis(floating(x), axis, -1)
    if noverlap is None:
        given = 256 if isinstance(window, (str, tuple)) else len(window)
        noverlap = min(given if nperseg is None else nperseg, x.shape[-1]) // 8
    how = (fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling)
    segments = Segments(name, x, *how)
    if mode == "psd":
        found = segments.powers(x)
    elif mode in ("complex", "magnitude", "angle", "phase"):
        found = segments.transformed(x) * segments.scale**0.5
        if mode != "complex":
            found = abs(found) if mode == "magnitude" else angle(found)
    else:
        raise ArgumentError(f"{name}: mode={mode!r} is not known; give psd, complex, magnitude, …")
    found = moveaxis(found, -1, axis - 1 if axis < 0 else axis)  # the segments come last
    if mode == "phase":
        found = unwrap(found, axis=axis - 1 if axis < 0 else axis)
    return segments.frequencies, segments.times, found
