"""Short-time Fourier transforms and their inverse, for ``scipy.signal``. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array import fft
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import normalize_axis, to_real
from adjoint.ops.indexing.slicing import along, put_into_zeros
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import constant, floating, integer, unsupported
from adjoint.scipy.spectral import Segments, padded_to, periodic, segment_length

__all__ = ["istft", "stft"]

_SCALINGS = {"spectrum": "spectrum", "psd": "density"}


def _scaling(name: str, scaling: str) -> str:
    if scaling not in _SCALINGS:
        raise ArgumentError(f'{name}: scaling is "spectrum" or "psd", got {scaling!r}')
    return _SCALINGS[scaling]


def stft(
    x: Any,
    fs: Any = 1.0,
    window: Any = "hann_periodic",
    nperseg: Any = 256,
    noverlap: Any = None,
    nfft: Any = None,
    detrend: Any = False,
    return_onesided: bool = True,
    boundary: Any = "zeros",
    padded: bool = True,
    axis: int = -1,
    scaling: str = "spectrum",
) -> tuple[Any, Any, Tensor]:
    """Frequencies, times and the transforms of windowed segments, one a column at the end.

    >>> from adjoint.scipy.signal import stft
    >>> stft([1.0, 1.0, 1.0, 1.0], nperseg=2)[2].shape
    (2, 5)
    """
    name = "scipy.signal.stft"
    t = floating(x)
    place = normalize_axis(name, axis, t.ndim)
    t = moveaxis(t, place, -1)
    size = nperseg
    if isinstance(window, (str, tuple)):
        size = segment_length(name, nperseg, t.shape[-1])
    if size is None:
        size = constant(name, "window", window).shape[0]
    size = integer(name, "nperseg", size)
    before = 0
    if boundary is not None:
        if boundary != "zeros":
            raise unsupported(name, "boundary", boundary, 'give "zeros" or None')
        before = size // 2
    count = t.shape[-1] + 2 * before
    step = size - (size // 2 if noverlap is None else integer(name, "noverlap", noverlap))
    if padded and step > 0:
        count += -(count - size) % step % size
    shape = (*t.shape[:-1], count)
    extended = put_into_zeros(t, (0,) * (t.ndim - 1) + (before,), (1,) * t.ndim, t.shape, shape)
    cut = Segments(
        name, extended, fs, window, size, noverlap, nfft, detrend, return_onesided,
        _scaling(name, scaling),
    )  # fmt: skip
    found = cut.transformed(extended) * cut.scale**0.5
    times = cut.times - (size / 2 / cut.rate if before else 0)
    return cut.frequencies, times, moveaxis(found, -1, place)


def istft(
    Zxx: Any,
    fs: Any = 1.0,
    window: Any = "hann_periodic",
    nperseg: Any = None,
    noverlap: Any = None,
    nfft: Any = None,
    input_onesided: bool = True,
    boundary: Any = True,
    time_axis: int = -1,
    freq_axis: int = -2,
    scaling: str = "spectrum",
) -> tuple[Any, Tensor]:
    """Times and the samples of which `stft` made these transforms.

    >>> from adjoint.scipy.signal import istft, stft
    >>> istft(stft([1.0, 2.0, 3.0, 4.0], nperseg=2)[2], nperseg=2)[1]
    Tensor([1., 2., 3., 4.])
    """
    name = "scipy.signal.istft"
    z = floating(Zxx)
    if z.ndim < 2:
        raise RangeError(f"{name}: Zxx needs two axes or more, got shape {z.shape}")
    axes = normalize_axis(name, freq_axis, z.ndim), normalize_axis(name, time_axis, z.ndim)
    if axes[0] == axes[1]:
        raise ArgumentError(f"{name}: freq_axis and time_axis are both {axes[0]}; give two axes")
    z = moveaxis(z, axes, (-2, -1))
    length = 2 * (z.shape[-2] - 1) if input_onesided else z.shape[-2]
    size = length if nperseg is None else integer(name, "nperseg", nperseg)
    points = length if nfft is None else integer(name, "nfft", nfft)
    if nfft is None and input_onesided and size == length + 1:
        points = size  # as many frequencies stand for an odd number of points
    step = size - (size // 2 if noverlap is None else integer(name, "noverlap", noverlap))
    if not 0 < step <= size <= points:
        raise RangeError(
            f"{name}: expected noverlap < nperseg <= nfft, got {size - step}, {size}, {points}"
        )
    transform = fft.irfft if input_onesided else fft.ifft
    parts = along(transform(z, points, -2), z.ndim - 2, 0, 1, size)
    values, share = _synthesis(name, window, size, float(constant(name, "fs", fs)), scaling)
    values = values.astype(to_real(parts.dtype))
    count = size + (z.shape[-1] - 1) * step
    total, weight = _overlapped(parts * values[:, None], step, count), np.zeros(count)
    for k in range(z.shape[-1]):
        weight[k * step : k * step + size] += values**2
    ends = size // 2 if boundary else 0
    kept = count - 2 * ends
    if np.any(weight[ends : count - ends] < 1e-10):
        raise RangeError(
            f"{name}: the window and noverlap leave samples that no segment tells; give a larger "
            "noverlap"
        )
    norm = np.where(weight > 1e-10, weight, 1.0)
    samples = along(total * (share / norm).astype(values.dtype), total.ndim - 1, ends, 1, kept)
    place = axes[1] - (axes[0] < axes[1])
    return np.arange(kept) / float(constant(name, "fs", fs)), moveaxis(samples, -1, place)


def _synthesis(name: str, window: Any, size: int, rate: float, scaling: str) -> tuple[Any, float]:
    """The window, and what its segments are multiplied by."""
    if isinstance(window, (str, tuple)):
        values = import_module("scipy.signal").get_window(periodic(window), size)
    else:
        values = constant(name, "window", window)
        if values.shape != (size,):
            raise RangeError(f"{name}: the window has shape {values.shape}, nperseg is {size}")
    if _scaling(name, scaling) == "spectrum":
        return values, float(np.sum(values))
    return values, float(np.sqrt(rate * np.sum(values**2)))


def _overlapped(parts: Tensor, step: int, count: int) -> Tensor:
    """The sum of segments, one a column, each `step` after the last."""
    size, segments = parts.shape[-2:]
    lead = parts.shape[:-2]
    rounds = -(-size // step)
    total: Any = None
    for k in range(rounds):  # the k-th piece of each segment; these lie side by side
        width = min(step, size - k * step)
        piece = moveaxis(along(parts, len(lead), k * step, 1, width), -1, -2)
        whole = (*lead, segments, step)
        zeros = (0,) * len(whole)
        piece = put_into_zeros(piece, zeros, (1,) * len(whole), piece.shape, whole)
        flat = piece.reshape((*lead, segments * step))
        start = (*(0,) * len(lead), k * step)
        shape = (*lead, (rounds - 1 + segments) * step)
        moved = put_into_zeros(flat, start, (1,) * len(shape), flat.shape, shape)
        total = moved if total is None else total + moved
    return (
        padded_to(total, count)
        if total.shape[-1] < count
        else along(as_tensor(total), len(lead), 0, 1, count)
    )
