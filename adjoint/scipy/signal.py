"""Counterparts of ``scipy.signal``."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg.contraction import tensordot
from adjoint.array.linalg.equations import solve
from adjoint.array.manipulation.joining import atleast_1d
from adjoint.array.manipulation.padding import pad
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.indexing.slicing import along
from adjoint.ops.linalg.banded import solve_banded
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape
from adjoint.ops.shape.rearrange import flip, moveaxis
from adjoint.ops.signal.convolution import convolve_last
from adjoint.scipy.common import (
    constant,
    floating,
    integer,
    real_dtype,
    refuse,
    round_results,
    unsupported,
)
from adjoint.scipy.convolutions import in_mode, pair, turned
from adjoint.scipy.ndimage import convolve1d
from adjoint.scipy.peaks import find_peaks, peak_prominences, peak_widths
from adjoint.scipy.resampling import hilbert, resample, resample_poly, upfirdn
from adjoint.scipy.responses import chirp, freqz, freqz_sos, sosfreqz
from adjoint.scipy.short_time import istft, stft
from adjoint.scipy.spectral import coherence, csd, periodogram, spectrogram, welch
from adjoint.scipy.trends import detrend

# fmt: off
__all__ = [
    "chirp", "coherence", "convolve", "convolve2d", "correlate", "correlate2d", "csd", "detrend",
    "fftconvolve", "filtfilt", "find_peaks", "freqz", "freqz_sos", "hilbert", "istft", "lfilter",
    "lfilter_zi", "oaconvolve", "peak_prominences", "peak_widths", "periodogram", "resample",
    "resample_poly", "savgol_filter", "sosfilt", "sosfreqz", "spectrogram", "stft", "upfirdn",
    "welch",
]
# fmt: on


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Tensor:
    """The convolution of two arrays, computed directly whatever `method` says.

    >>> from adjoint.scipy.signal import convolve
    >>> convolve([1.0, 2.0, 3.0], [0.0, 1.0], mode="same")
    Tensor([0., 1., 2.])
    """
    name = "scipy.signal.convolve"
    if method not in ("auto", "direct", "fft"):
        raise unsupported(name, "method", method, 'give "auto"')
    return in_mode(name, *pair(name, in1, in2), mode)


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Tensor:
    """`convolve`; `axes` may name one axis, the others then broadcast.

    >>> from adjoint.scipy.signal import fftconvolve
    >>> fftconvolve([1.0, 2.0, 3.0], [0.0, 1.0])
    Tensor([0., 1., 2., 3.])
    """
    return _along_axes("scipy.signal.fftconvolve", in1, in2, mode, axes)


def oaconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Tensor:
    """`convolve`; `axes` as in `fftconvolve`.

    >>> from adjoint.scipy.signal import oaconvolve
    >>> oaconvolve([1.0, 2.0, 3.0], [0.0, 1.0])
    Tensor([0., 1., 2., 3.])
    """
    return _along_axes("scipy.signal.oaconvolve", in1, in2, mode, axes)


def _along_axes(name: str, in1: Any, in2: Any, mode: str, axes: Any) -> Tensor:
    a, b = pair(name, in1, in2)
    if axes is None:
        return in_mode(name, a, b, mode)
    chosen = (axes,) if isinstance(axes, int) else tuple(axes)
    if sorted(axis % a.ndim for axis in chosen) == list(range(a.ndim)):
        return in_mode(name, a, b, mode)
    if len(chosen) != 1:
        raise unsupported(name, "axes", axes, "give one axis, or None for all")
    a, b = moveaxis(a, chosen[0], -1), moveaxis(b, chosen[0], -1)
    size, other = a.shape[-1], b.shape[-1]
    if mode == "valid":
        whole = convolve_last(*((a, b) if size >= other else (b, a)), "valid")
    else:
        whole = convolve_last(a, b, "full")
        if mode == "same":
            whole = along(whole, whole.ndim - 1, (whole.shape[-1] - size) // 2, 1, size)
        elif mode != "full":
            raise unsupported(name, "mode", mode, 'give "full", "same" or "valid"')
    return moveaxis(whole, -1, chosen[0])


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Tensor:
    """The cross-correlation of two arrays, computed directly whatever `method` says.

    >>> from adjoint.scipy.signal import correlate
    >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0], mode="valid")
    Tensor([2., 3.])
    """
    name = "scipy.signal.correlate"
    a, b = pair(name, in1, in2)
    return in_mode(name, a, turned(b), mode)


def convolve2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Tensor:
    """`convolve` of two matrices; beyond the ends of `in1` it goes on as `boundary` says.

    >>> from adjoint.scipy.signal import convolve2d
    >>> convolve2d([[1.0, 2.0]], [[3.0]])
    Tensor([[3., 6.]])
    """
    name = "scipy.signal.convolve2d"
    return _convolved(name, *pair(name, in1, in2), mode, boundary, fillvalue)


_BEYOND = {"fill": "constant", "pad": "constant", "wrap": "wrap", "circular": "wrap",
           "symm": "symmetric", "symmetric": "symmetric"}  # fmt: skip


def _convolved(
    name: str, a: Tensor, b: Tensor, mode: str, boundary: str, fillvalue: Any, late: bool = False
) -> Tensor:
    """The convolution of two matrices, the first extended at its ends.

    Where the middle lies between two places "same" takes the first, or with `late` the second.
    """
    if a.ndim != 2:
        raise ShapeError(f"{name}: needs matrices, got shapes {a.shape} and {b.shape}")
    if boundary not in _BEYOND:
        raise unsupported(name, "boundary", boundary, 'give "fill", "wrap" or "symm"')
    zero = _BEYOND[boundary] == "constant" and type(fillvalue) in (int, float) and fillvalue == 0
    if mode == "valid":
        return in_mode(name, a, b, mode)
    if zero:
        return _middle(name, in_mode(name, a, b, "full"), a, b, mode, late)
    widths = [(m - 1, m - 1) for m in b.shape]
    filled = {"constant_values": fillvalue} if _BEYOND[boundary] == "constant" else {}
    whole = in_mode(name, pad(a, widths, _BEYOND[boundary], **filled), b, "valid")
    return _middle(name, whole, a, b, mode, late)


def _middle(name: str, whole: Tensor, a: Tensor, b: Tensor, mode: str, late: bool) -> Tensor:
    """All of a convolution, or its part that is as large as `a`."""
    if mode == "full":
        return whole
    if mode != "same":
        raise unsupported(name, "mode", mode, 'give "full", "same" or "valid"')
    for axis, size in enumerate(a.shape):
        whole = along(whole, axis, (b.shape[axis] - 1 + late) // 2, 1, size)
    return whole


def correlate2d(
    in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> Tensor:
    """`correlate` of two matrices; beyond the ends of `in1` it goes on as `boundary` says.

    >>> from adjoint.scipy.signal import correlate2d
    >>> correlate2d([[1.0, 2.0]], [[3.0]])
    Tensor([[3., 6.]])
    """
    name = "scipy.signal.correlate2d"
    a, b = pair(name, in1, in2)
    if mode == "valid" and a.size < b.size:  # both exchanged, the result turned, as in SciPy
        return flip(_convolved(name, b, turned(a), mode, boundary, fillvalue))
    return _convolved(name, a, turned(b), mode, boundary, fillvalue, late=True)


# Filters of the form Σ a_j y[n - j] = Σ b_j x[n - j].


def _coefficients(name: str, b: Any, a: Any, dtype: Any) -> tuple[Tensor, Tensor]:
    """Both in one length, divided by the first of `a`."""
    b, a = (atleast_1d(as_tensor(c, dtype)) for c in (b, a))
    if b.ndim != 1 or a.ndim != 1:
        raise ShapeError(f"{name}: b and a need one axis, got shapes {b.shape} and {a.shape}")
    size = max(b.size, a.size)
    b, a = (concat([c, np.zeros(size - c.size, dtype)]) if c.size < size else c for c in (b, a))
    first = a[:1]
    return b / first, a / first


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """The output of a digital filter; with the initial state `zi` also the final state.

    >>> from adjoint.scipy.signal import lfilter
    >>> lfilter([1.0], [1.0, -0.5], [1.0, 0.0, 0.0])
    Tensor([1.  , 0.5 , 0.25])
    """
    name = "scipy.signal.lfilter"
    dtype = real_dtype(b, a, x, *(() if zi is None else (zi,)))
    recursive = as_tensor(a).size > 1
    b, a = _coefficients(name, b, a, dtype)
    x = moveaxis(as_tensor(x, dtype), axis, -1)
    size, states = x.shape[-1], b.size - 1
    driven = convolve_last(x, b, "full")[..., :size]
    if zi is not None:
        zi = moveaxis(as_tensor(zi, dtype), axis, -1)
        zi = broadcast_to(zi, (*x.shape[:-1], states))
        tail = np.zeros((*x.shape[:-1], max(size - states, 0)), dtype)
        driven = driven + concat([zi, tail], axis=x.ndim - 1)[..., :size]
    y = _recursion(driven, a) if recursive else driven
    if zi is None:
        return moveaxis(y, -1, axis)
    return moveaxis(y, -1, axis), moveaxis(_final_state(b, a, x, y, zi), -1, axis)


def _recursion(driven: Tensor, a: Tensor) -> Tensor:
    """y with Σ a_j y[n - j] = driven[n]: a banded system, of one diagonal for each a_j."""
    size, count = driven.shape[-1], a.size
    if count > size:
        a, count = a[:size], size
    bands = broadcast_to(reshape(a, (count, 1)), (count, size))
    columns = permute_dims(reshape(driven, (-1, size)), (1, 0))
    y = solve_banded(bands + np.zeros((count, size), driven.dtype), columns, count - 1, 0)
    return reshape(permute_dims(y, (1, 0)), driven.shape)


def _final_state(b: Tensor, a: Tensor, x: Tensor, y: Tensor, zi: Tensor) -> Tensor:
    """What is left over for the samples that would follow."""
    size, states = x.shape[-1], b.size - 1
    rows = []
    for m in range(states):
        total = zi[..., m + size] if m + size < states else 0.0 * x[..., 0]
        for j in range(m + 1, states + 1):
            at = size + m - j
            if 0 <= at < size:
                total = total + b[j] * x[..., at] - a[j] * y[..., at]
        rows.append(total)
    return stack(rows, axis=-1) if rows else zi


def lfilter_zi(b: Any, a: Any) -> Tensor:
    """The state of `lfilter` that answers a constant 1 with a constant.

    >>> from adjoint.scipy.signal import lfilter_zi
    >>> lfilter_zi([0.5], [1.0, -0.5])
    Tensor([0.5])
    """
    dtype = real_dtype(b, a)
    b, a = _coefficients("scipy.signal.lfilter_zi", b, a, dtype)
    states = b.size - 1
    ahead = np.eye(states, k=1, dtype=dtype)
    zeros = np.zeros((states, states - 1), dtype)
    first = concat([reshape(a[1:], (-1, 1)), zeros], axis=1)
    matrix = np.eye(states, dtype=dtype) + first - ahead
    return solve(matrix, b[1:] - a[1:] * b[0])


def filtfilt(
    b: Any,
    a: Any,
    x: Any,
    axis: int = -1,
    padtype: Any = "odd",
    padlen: Any = None,
    method: str = "pad",
    irlen: Any = None,
) -> Tensor:
    """`lfilter` forwards and backwards, on a signal continued at both ends.

    >>> from adjoint.scipy.signal import filtfilt
    >>> filtfilt([1.0], [1.0], [1.0, 2.0, 3.0, 4.0])
    Tensor([1., 2., 3., 4.])
    """
    name = "scipy.signal.filtfilt"
    refuse(name, method=(method, "pad"), irlen=(irlen, None))
    if padtype not in (None, "odd", "even", "constant"):
        raise unsupported(name, "padtype", padtype, 'give "odd", "even", "constant" or None')
    dtype = real_dtype(b, a, x)
    x = moveaxis(as_tensor(x, dtype), axis, -1)
    taps = max(as_tensor(b).size, as_tensor(a).size)
    edge = 0 if padtype is None else taps * 3 if padlen is None else integer(name, "padlen", padlen)
    if x.shape[-1] <= edge:
        raise RangeError(f"{name}: the signal needs more than {edge} samples, or a padlen")
    extended = _continued(x, edge, padtype)
    state = lfilter_zi(b, a) if taps > 1 else None
    for _ in range(2):
        if state is None:
            extended = lfilter(b, a, extended)
        else:
            extended = lfilter(b, a, extended, zi=state * extended[..., :1])[0]
        extended = flip(extended, -1)
    return moveaxis(extended[..., edge : extended.shape[-1] - edge], -1, axis)


def _continued(x: Tensor, edge: int, padtype: Any) -> Tensor:
    if not edge:
        return x
    last, size = x.ndim - 1, x.shape[-1]
    first, final = x[..., :1], x[..., -1:]
    if padtype == "constant":
        ones = np.ones(edge, x.dtype)
        return concat([first * ones, x, final * ones], axis=last)
    before = flip(x[..., 1 : edge + 1], -1)
    after = flip(x[..., size - edge - 1 : size - 1], -1)
    if padtype == "odd":
        before, after = 2.0 * first - before, 2.0 * final - after
    return concat([before, x, after], axis=last)


def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """Filters of second order, one after the other; with initial states `zi`, a pair for each, also
    the final states.

    >>> from adjoint.scipy.signal import sosfilt
    >>> sosfilt([[1.0, 0.0, 0.0, 1.0, -0.5, 0.0]], [1.0, 0.0, 0.0])
    Tensor([1.  , 0.5 , 0.25])
    """
    sections = floating(sos)
    if sections.ndim != 2 or sections.shape[1] != 6:
        raise ShapeError(
            f"scipy.signal.sosfilt: sos has a row of 6 for each section, got {sections.shape}"
        )
    y, states = floating(x), []
    first = None if zi is None else as_tensor(zi)
    if first is not None and (first.ndim != y.ndim + 1 or first.shape[0] != sections.shape[0]):
        raise ShapeError(
            f"scipy.signal.sosfilt: zi needs a state for each of {sections.shape[0]} sections "
            f"with {y.ndim} axes, got shape {first.shape}"
        )
    for i in range(sections.shape[0]):
        b, a = sections[i, :3], sections[i, 3:]
        if first is None:
            y = lfilter(b, a, y, axis)
        else:
            y, state = lfilter(b, a, y, axis, first[i])
            states.append(state)
    return y if first is None else (y, stack(states))


def savgol_filter(
    x: Any,
    window_length: int,
    polyorder: int,
    deriv: int = 0,
    delta: float = 1.0,
    axis: int = -1,
    mode: str = "interp",
    cval: float = 0.0,
) -> Tensor:
    """Savitzky and Golay's filter: the value at the middle of polynomials fitted to windows.

    >>> from adjoint.scipy.signal import savgol_filter
    >>> savgol_filter([1.0, 4.0, 9.0, 16.0], 3, 2)
    Tensor([ 1.,  4.,  9., 16.])
    """
    name = "scipy.signal.savgol_filter"
    size = integer(name, "window_length", window_length)
    step = float(constant(name, "delta", delta))
    module = import_module("scipy.signal")
    x = floating(x)
    kernel = module.savgol_coeffs(size, polyorder, deriv=deriv, delta=step).astype(x.dtype)
    if mode != "interp":
        return convolve1d(x, kernel, axis, mode=mode, cval=cval)
    x = moveaxis(x, axis, -1)
    count = x.shape[-1]
    if size > count:
        raise RangeError(f"{name}: window_length {size} exceeds the {count} samples")
    half = size // 2
    edges = module.savgol_filter(np.eye(size), size, polyorder, deriv, step, axis=0)
    edges = edges.astype(x.dtype)
    middle = convolve_last(x, as_tensor(kernel), "valid")
    first = tensordot(x[..., :size], edges[:half].T, 1)
    last = tensordot(x[..., count - size :], edges[size - half :].T, 1)
    return moveaxis(concat([first, middle, last], axis=x.ndim - 1), -1, axis)


round_results(__name__)
