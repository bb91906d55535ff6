"""Responses of digital filters, and test signals, for ``scipy.signal``. Composites."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array.manipulation.joining import atleast_1d
from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import power
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
        rate = log(as_tensor(f1 / f0)) / t1
        turns = f0 * (power(f1 / f0, t / t1) - 1) / rate
    elif method in ("hyperbolic", "hyp"):
        pole = -f1 * t1 / (f0 - f1)
        turns = -pole * f0 * log(abs(1 - t / pole))
    else:
        known = 'give "linear", "quadratic", "logarithmic" or "hyperbolic"'
        raise unsupported("scipy.signal.chirp", "method", method, known)
    phase = 2 * math.pi * turns + phi * (math.pi / 180)
    return exp(1j * phase) if complex else cos(phase)
