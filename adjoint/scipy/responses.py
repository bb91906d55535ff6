"""Responses of digital filters, and test signals, for ``scipy.signal``. Composites."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.manipulation.joining import atleast_1d
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.removable_singularities import exprel
from adjoint.ops.elementwise.trigonometric import cos
from adjoint.ops.linalg.matmul import matmul
from adjoint.scipy.common import floating, integer, operand, real_dtype, refuse, unsupported

__all__ = ["chirp", "freqz", "freqz_sos", "sosfreqz"]


def _frequencies(name: str, worN: Any, whole: bool, fs: Any, nyquist: bool) -> tuple[Any, Any]:
    """Frequencies in the unit of `fs`, and in radians a sample."""
    if worN is None or isinstance(worN, (int, np.integer)):
        count = 512 if worN is None else integer(name, "worN", worN)
        end = 2 * math.pi if whole else math.pi
        angles: Any = np.linspace(0, end, count, endpoint=nyquist and not whole)
        return as_tensor(angles * (fs / (2 * math.pi))), angles
    given = atleast_1d(floating(worN))
    return given, given * (2 * math.pi / fs)


def _polynomial(c: Tensor, angles: Any) -> Tensor:
    """Σ c[k] exp(-i k ω) along the last axis of c."""
    steps = as_tensor(angles, c.dtype)[:, None] * np.arange(c.shape[-1], dtype=c.dtype)
    waves = exp(-1j * steps)
    return matmul(waves, as_tensor(c, waves.dtype))


def freqz(
    b: Any,
    a: Any = 1,
    worN: Any = 512,
    whole: bool = False,
    plot: Any = None,
    fs: Any = 2 * math.pi,
    include_nyquist: bool = False,
) -> tuple[Any, Tensor]:
    """Frequencies and the response there of the filter with the coefficients b and a.

    >>> from adjoint.scipy.signal import freqz
    >>> freqz([0.5, 0.5], worN=1)[1]
    Tensor([1.+0.j])
    """
    name = "scipy.signal.freqz"
    refuse(name, plot=(plot, None))
    dtype = real_dtype(b, a)
    b, a = (atleast_1d(as_tensor(c, dtype)) for c in (b, a))
    if b.ndim != 1 or a.ndim != 1:
        raise ShapeError(f"{name}: b and a need one axis, got shapes {b.shape} and {a.shape}")
    shown, angles = _frequencies(name, worN, whole, fs, include_nyquist)
    response: Tensor = _polynomial(b, angles) / _polynomial(a, angles)
    return shown, response


def freqz_sos(
    sos: Any, worN: Any = 512, whole: bool = False, fs: Any = 2 * math.pi
) -> tuple[Any, Tensor]:
    """Frequencies and the response there of a filter of sections of second order.

    >>> from adjoint.scipy.signal import freqz_sos
    >>> freqz_sos([[0.5, 0.5, 0.0, 1.0, 0.0, 0.0]], worN=1)[1]
    Tensor([1.+0.j])
    """
    name = "scipy.signal.freqz_sos"
    sections = floating(sos)
    if sections.ndim != 2 or sections.shape[1] != 6:
        raise ShapeError(f"{name}: sos needs shape (sections, 6), got {sections.shape}")
    shown, angles = _frequencies(name, worN, whole, fs, False)
    response: Any = 1.0
    for k in range(sections.shape[0]):
        section = sections[k]
        response = response * (_polynomial(section[:3], angles) / _polynomial(section[3:], angles))
    return shown, response


def sosfreqz(*args: Any, **kwargs: Any) -> tuple[Any, Tensor]:
    """`freqz_sos` under its older name.

    >>> from adjoint.scipy.signal import sosfreqz
    >>> sosfreqz([[0.5, 0.5, 0.0, 1.0, 0.0, 0.0]], worN=1)[1]
    Tensor([1.+0.j])
    """
    return freqz_sos(*args, **kwargs)


def _ratio(one: Any, other: Any, wanted: str, is_allowed: Callable[[Any], Any]) -> Any:
    """The ratio of two frequencies. One that a chirp cannot have is an error; in tensors, nan."""
    if type(one) is Tensor or type(other) is Tensor:
        ratio = one / other
        return where(is_allowed(ratio), ratio, math.nan)
    if not other or not is_allowed(one / other):
        raise RangeError(f"scipy.signal.chirp: f0 and f1 must be {wanted}, got {one} and {other}")
    return one / other


def _log1p_relative(x: Tensor) -> Tensor:
    """log |1 + x| / x, which is 1 at 0, where it has the derivatives of its series."""
    is_small = abs(x) < 0.01
    series: Any = 0.0
    for k in range(9, 0, -1):
        series = 1 / k - x * series
    other = where(is_small, 1.0, x)
    return where(is_small, series, log(abs(1 + other)) / other)


def chirp(
    t: Any,
    f0: Any,
    t1: Any,
    f1: Any,
    method: str = "linear",
    phi: Any = 0,
    vertex_zero: bool = True,
    *,
    complex: bool = False,
) -> Tensor:
    """A wave whose frequency moves from f0 at time 0 to f1 at time t1.

    >>> from adjoint.scipy.signal import chirp
    >>> chirp(0.0, 1.0, 2.0, 3.0)
    Tensor(1.)
    """
    t = floating(t)
    f0, t1, f1, phi = operand(f0), operand(t1), operand(f1), operand(phi)
    if method in ("linear", "lin", "li"):
        turns = f0 * t + 0.5 * (f1 - f0) / t1 * t * t
    elif method in ("quadratic", "quad", "q"):
        bend = (f1 - f0) / (t1 * t1)
        if vertex_zero:
            turns = f0 * t + bend * t**3 / 3
        else:
            turns = f1 * t + bend * ((t1 - t) ** 3 - t1**3) / 3
    elif method in ("logarithmic", "log", "lo"):
        ratio = _ratio(f1, f0, "of one sign and not 0", lambda x: x > 0)
        rate = (log(ratio) if type(ratio) is Tensor else math.log(ratio)) / t1
        turns = f0 * t * exprel(rate * t)
    elif method in ("hyperbolic", "hyp"):
        ratio = _ratio(f0, f1, "other than 0", lambda x: x != 0)
        turns = f0 * t * _log1p_relative(t / t1 * (ratio - 1))
    else:
        known = 'give "linear", "quadratic", "logarithmic" or "hyperbolic"'
        raise unsupported("scipy.signal.chirp", "method", method, known)
    phase = 2 * math.pi * turns + phi * (math.pi / 180)
    return exp(1j * phase) if complex else cos(phase)
