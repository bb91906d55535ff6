"""How Bessel functions change with their order: the numbers.

The n-th derivatives by v of Schläfli's integrals (NIST Handbook of Mathematical Functions, 10.9.17,
10.9.18, 10.32.9 and 10.32.12), in which (-t)ⁿ stands beside exp(x sinh t - v t):

- Jᵥ is 1/2πi times the integral on a path from ∞-iπ to ∞+iπ, Iᵥ the same with cosh for sinh;
- Yᵥ is the imaginary part of 1/πi times the integral from -∞ to ∞+iπ;
- Kᵥ is ∫₀^∞ exp(-x cosh t) cosh(v t) dt.

The vertical part of the path goes through the saddle point, where the integrand is largest, so
that nothing cancels where the result is small.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from adjoint.ops.special.quadrature import gauss_legendre

Array: TypeAlias = Any

_LOST = 760.0
"""exp(-_LOST) is 0."""
_LARGEST = 1e5
"""Beyond this order or argument the integrals take too many points, and the result is nan."""


def jv_by_order(v: Array, x: Array, n: int) -> Array:
    """∂ⁿJᵥ(x)/∂vⁿ for x ≥ 0."""
    return _at_positive(v, x, n, _j)


def yv_by_order(v: Array, x: Array, n: int) -> Array:
    """∂ⁿYᵥ(x)/∂vⁿ for x > 0."""
    return _at_positive(v, x, n, _y)


def ive_by_order(v: Array, x: Array, n: int) -> Array:
    """exp(-x) ∂ⁿIᵥ(x)/∂vⁿ for x ≥ 0."""
    return _at_positive(v, x, n, _i)


def kve_by_order(v: Array, x: Array, n: int) -> Array:
    """exp(x) ∂ⁿKᵥ(x)/∂vⁿ for x > 0."""
    return _at_positive(v, x, n, _k)


def _at_positive(v: Array, x: Array, n: int, f: Any) -> Array:
    """`f` where x > 0; at x = 0 the limit where it is 0, else nan."""
    v, x = np.broadcast_arrays(np.asarray(v, np.float64), np.asarray(x, np.float64))
    shape = v.shape
    v, x = v.ravel(), x.ravel()
    vanishes = (x == 0) & (v > 0) & (f in (_j, _i))
    result = np.where(vanishes, 0.0, np.nan)
    known = (x > 0) & (x <= _LARGEST) & (np.abs(v) <= _LARGEST)
    if np.any(known):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            result[known] = f(v[known], x[known], n)
    return result.reshape(shape)


def _panels(v: Array, x: Array) -> int:
    """How many panels resolve exp(i (x sin θ - v θ))."""
    return 6 + int(np.max(np.abs(v) + x) / 8)


def _end(v: Array, x: Array, start: Array) -> Array:
    """Where exp(|v| t - x cosh t) is nothing, right of `start`."""
    end = np.arcsinh(_LOST / x)
    for _ in range(4):
        end = np.arcsinh((_LOST + np.abs(v) * end) / x)
    return np.maximum(end, start) + 0.1


def _tail_panels(low: Array, high: Array, v: Array, x: Array) -> int:
    return 8 + int(np.max(high - low) * 3) + int(np.max(np.sqrt(np.abs(v) + x)) / 2)


def _power(t: Array, n: int) -> Array:
    """(-t)ⁿ"""
    return (-t) ** n if n else 1.0


def _j(v: Array, x: Array, n: int) -> Array:
    saddle = np.arccosh(np.maximum(v / x, 1.0))

    def vertical(angle: Array, a: Array, v: Array, x: Array) -> Array:
        t = a + 1j * angle
        return (np.exp(x * np.sinh(t) - v * t) * _power(t, n)).real

    def tail(s: Array, v: Array, x: Array) -> Array:
        t = s + 1j * math.pi
        turned = _power(t, n) * np.exp(-1j * math.pi * np.fmod(v, 2.0))
        return np.exp(-x * np.sinh(s) - v * s) * turned.imag

    zero, end = np.zeros_like(x), _end(v, x, saddle)
    main = gauss_legendre(vertical, zero, zero + math.pi, _panels(v, x), saddle, v, x)
    panels = _tail_panels(saddle, end, v, x)
    return (main + gauss_legendre(tail, saddle, end, panels, v, x)) / math.pi


def _i(v: Array, x: Array, n: int) -> Array:
    saddle = np.arcsinh(np.maximum(v, 0.0) / x)

    def vertical(angle: Array, a: Array, v: Array, x: Array) -> Array:
        t = a + 1j * angle
        return (np.exp(x * (np.cosh(t) - 1) - v * t) * _power(t, n)).real

    def tail(s: Array, v: Array, x: Array) -> Array:
        t = s + 1j * math.pi
        turned = _power(t, n) * np.exp(-1j * math.pi * np.fmod(v, 2.0))
        return np.exp(-x * (np.cosh(s) + 1) - v * s) * turned.imag

    zero, end = np.zeros_like(x), _end(v, x, saddle)
    main = gauss_legendre(vertical, zero, zero + math.pi, _panels(v, x), saddle, v, x)
    panels = _tail_panels(saddle, end, v, x)
    return (main + gauss_legendre(tail, saddle, end, panels, v, x)) / math.pi


def _y(v: Array, x: Array, n: int) -> Array:
    def arc(angle: Array, v: Array, x: Array) -> Array:
        wave = np.exp(1j * (x * np.sin(angle) - v * angle))
        return (1j * wave * _power(1j * angle, n)).real

    def tails(s: Array, v: Array, x: Array) -> Array:
        turned = _power(s + 1j * math.pi, n) * np.exp(-1j * math.pi * np.fmod(v, 2.0))
        falling = -x * np.sinh(s)
        left = np.exp(falling + v * s) * _power(-s, n)
        return left + np.exp(falling - v * s) * turned.real

    zero = np.zeros_like(x)
    end = _end(v, x, zero)
    main = gauss_legendre(arc, zero, zero + math.pi, _panels(v, x), v, x)
    rest = gauss_legendre(tails, zero, end, _tail_panels(zero, end, v, x), v, x)
    return -(main + rest) / math.pi


def _k(v: Array, x: Array, n: int) -> Array:
    def both(s: Array, v: Array, x: Array) -> Array:
        falling = -2 * x * np.sinh(s / 2) ** 2
        return 0.5 * (np.exp(falling + v * s) * s**n + np.exp(falling - v * s) * (-s) ** n)

    zero = np.zeros_like(x)
    end = np.arccosh(1 + _LOST / x)  # exp(|v| t - x (cosh t - 1)) is nothing there
    for _ in range(4):
        end = np.arccosh(1 + (_LOST + np.abs(v) * end) / x)
    return gauss_legendre(both, zero, end + 0.1, _tail_panels(zero, end, v, x), v, x)
