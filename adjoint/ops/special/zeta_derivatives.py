"""How zeta functions change with their argument x, and polygamma functions of complex numbers."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module

Array: TypeAlias = Any

_BEGIN = 12
"""How many terms are summed before the Euler-Maclaurin formula takes over."""
_CORRECTIONS = 14
_CIRCLE = 64


def by_x(x: Array, q: Array, n: int) -> Array:
    """∂ⁿζ(x, q)/∂xⁿ for x > 1 and q > 0, by the Euler-Maclaurin formula, differentiated (25.11.28
    in the NIST Handbook of Mathematical Functions): each term as a Taylor polynomial in x."""
    x, q = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(q, np.float64))
    known = (x > 1) & (q > 0)
    s, at = np.where(known, x, 2.0), np.where(known, q, 1.0)
    total = sum(_power(s, at + k, n)[n] for k in range(_BEGIN))
    end = at + _BEGIN
    power = _power(s, end, n)
    reciprocal = [(-1) ** k / (s - 1) ** (k + 1) for k in range(n + 1)]
    total = total + end * _times(power, reciprocal)[n] + 0.5 * power[n]
    rising = [s, np.ones_like(s), *(np.zeros_like(s) for _ in range(n - 1))][: n + 1]
    bernoulli = import_module("scipy.special").bernoulli(2 * _CORRECTIONS)
    for k in range(1, _CORRECTIONS + 1):
        scale = bernoulli[2 * k] / math.factorial(2 * k)
        total = total + scale * _times(power, rising)[n] / end ** (2 * k - 1)
        for j in (2 * k - 1, 2 * k):
            shifted = [np.zeros_like(s), *rising[:-1]]
            rising = [(s + j) * a + b for a, b in zip(rising, shifted, strict=True)]
    return np.where(known, math.factorial(n) * total, np.nan)


def _power(s: Array, base: Array, n: int) -> list[Array]:
    """The Taylor polynomial of base⁻ˢ in s."""
    log = -np.log(base)
    value = np.exp(s * log)
    return [value * log**k / math.factorial(k) for k in range(n + 1)]


def _times(f: list[Array], g: list[Array]) -> list[Array]:
    return [sum(f[i] * g[k - i] for i in range(k + 1)) for k in range(len(f))]


def riemann(x: Array, n: int) -> Array:
    """dⁿζ(x)/dxⁿ for every x but the pole at 1; right of 2 as `by_x`, else by Cauchy's integral
    over a circle around x, on which SciPy computes ζ."""
    x = np.asarray(x, np.float64)
    right = x > 2
    circled = ~right & (x != 1) & np.isfinite(x)
    result = np.where(right, by_x(np.where(right, x, 3.0), 1.0, n), np.nan)
    if not np.any(circled):
        return result
    centre = np.where(circled, x, 0.0)
    radius = np.minimum(0.5, 0.5 * np.abs(centre - 1))[..., None]
    turns = np.exp(2j * math.pi * (np.arange(_CIRCLE) + 0.5) / _CIRCLE)
    values = import_module("scipy.special").zeta(centre[..., None] + radius * turns)
    mean = np.mean(values * turns**-n, -1).real / radius[..., 0] ** n
    return np.where(circled, math.factorial(n) * mean, result)


_ASYMPTOTIC = 16.0
_MOST_STEPS = 4096


def complex_polygamma(z: Array, n: int) -> Array:
    """The n-th derivative of digamma, n > 0, at complex z: upwards by its recurrence, until the
    asymptotic series holds (5.15.5 and 5.15.8); nan where that takes more than 4096 steps."""
    z = np.array(z, np.complex128)
    total = np.zeros_like(z)
    sign = (-1) ** (n + 1)
    with np.errstate(all="ignore"):
        for _ in range(_MOST_STEPS):
            left = (z.real < 0) & (np.abs(z.imag) < _ASYMPTOTIC)
            low = (np.abs(z) < _ASYMPTOTIC) | (left & np.isfinite(z))
            if not np.any(low):
                break
            total = total + np.where(low, 1 / z ** (n + 1), 0)
            z = np.where(low, z + 1, z)
        z = np.where(low, np.nan, z)
        series = math.factorial(n - 1) / z**n + math.factorial(n) / (2 * z ** (n + 1))
        bernoulli = import_module("scipy.special").bernoulli(2 * _CORRECTIONS)
        for k in range(1, _CORRECTIONS + 1):
            scale = bernoulli[2 * k] * math.factorial(2 * k + n - 1) / math.factorial(2 * k)
            series = series + scale / z ** (2 * k + n)
    return sign * (math.factorial(n) * total + series)
