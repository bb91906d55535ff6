"""How incomplete gamma and beta functions change with their shape parameters: the numbers.

Where a power series of positive terms converges fast it is differentiated term by term; elsewhere
a continued fraction is evaluated by Lentz's method (I. J. Thompson and A. R. Barnett, "Coulomb
and Bessel functions of complex arguments and order", 1986) in dual numbers, so that its derivative
comes along.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module

Array: TypeAlias = Any
Terms: TypeAlias = Callable[[int], tuple[Array, Array, Array, Array]]
"""Numerator, its derivative, denominator, its derivative, of the n-th level of a fraction."""

_EPS = 2.0**-54
_TINY = 1e-300
_MOST = 100_000


def gammainc_by_shape(a: Array, x: Array) -> Array:
    """∂P(a, x)/∂a of the regularised lower incomplete gamma function P."""
    special = import_module("scipy.special")
    a, x = _broadcast(a, x)
    inside = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    result = np.where((a > 0) & (x >= 0), 0.0, np.nan)
    low = inside & (x < a + 1)
    high = inside & ~low
    result[low] = _gamma_series(a[low], x[low], special)
    result[high] = -_gamma_fraction(a[high], x[high], special)
    return result


def _gamma_series(a: Array, x: Array, special: Any) -> Array:
    """P = Σ wₙ with wₙ = xᵃ⁺ⁿ e⁻ˣ / Γ(a + n + 1), so ∂P/∂a = Σ wₙ (log x - ψ(a + n + 1))."""
    weight = _poisson(a, x, special)
    slope = np.log(x) - special.digamma(a + 1)
    total = weight * slope
    size = np.abs(total)
    for n in range(1, _MOST):
        weight = weight * x / (a + n)
        slope = slope - 1 / (a + n)
        term = weight * slope
        total = total + term
        size = np.maximum(size, np.abs(total))
        if np.all(np.abs(term) <= _EPS * size):
            break
    return total


def _gamma_fraction(a: Array, x: Array, special: Any) -> Array:
    """∂Q/∂a with Q = xᵃ e⁻ˣ / Γ(a) / (x+1-a- 1(1-a) / (x+3-a- 2(2-a) / (x+5-a- …)))."""
    one = np.ones_like(a)

    def terms(n: int) -> tuple[Array, Array, Array, Array]:
        numerator = (-n * (n - a), n * one) if n else (one, 0 * one)
        return *numerator, x + 2 * n + 1 - a, -one

    value, slope = _fraction(terms, one)
    weight = a * _poisson(a, x, special)
    return weight * (slope + value * (np.log(x) - special.digamma(a)))


def _poisson(a: Array, x: Array, special: Any) -> Array:
    """xᵃ e⁻ˣ / Γ(a + 1); for large a by Stirling's series, whose terms do not cancel."""
    large = a > 30
    b = np.where(large, a, 1.0)
    excess = (x - b) / b
    inverse = 1 / (b * b)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / b
    stirling = b * (np.log1p(excess) - excess) - 0.5 * np.log(2 * np.pi * b) - series
    return np.exp(np.where(large, stirling, special.xlogy(a, x) - x - special.gammaln(a + 1)))


def betainc_by_shape(a: Array, b: Array, x: Array, which: int) -> Array:
    """∂I(x; a, b)/∂a (`which` 0) or ∂/∂b (1) of the regularised incomplete beta function I.

    I(x; a, b) = 1 - I(1-x; b, a) brings x to where the fraction converges fast.
    """
    special = import_module("scipy.special")
    a, b, x = _broadcast(a, b, x)
    valid = (a > 0) & (b > 0) & (x >= 0) & (x <= 1)
    result = np.where(valid, 0.0, np.nan)
    inside = valid & (x > 0) & (x < 1) & np.isfinite(a) & np.isfinite(b)
    low = inside & (x <= (a + 1) / (a + b + 2))
    high = inside & ~low
    result[low] = _beta_fraction(a[low], b[low], x[low], which, special)
    result[high] = -_beta_fraction(b[high], a[high], 1 - x[high], 1 - which, special)
    return result


def _beta_fraction(a: Array, b: Array, x: Array, which: int, special: Any) -> Array:
    """I = xᵃ (1-x)ᵇ / (a B(a, b)) / (1 + d₁ / (1 + d₂ / (1 + …))), differentiated.

    The dₙ are those of the NIST Handbook of Mathematical Functions, 8.17.22.
    """
    one = np.ones_like(a)

    def terms(n: int) -> tuple[Array, Array, Array, Array]:
        if n == 0:
            return one, 0 * one, one, 0 * one
        m = n // 2
        if n % 2:
            d = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            by_a = 1 / (a + m) + 1 / (a + b + m) - 1 / (a + 2 * m) - 1 / (a + 2 * m + 1)
            slope = d * (1 / (a + b + m) if which else by_a)
        else:
            scale = m * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = scale * (b - m)
            by_a = -1 / (a + 2 * m - 1) - 1 / (a + 2 * m)
            slope = scale if which else d * by_a
        return d, slope, one, 0 * one

    value, slope = _fraction(terms, one)
    weight = np.exp(special.xlogy(a, x) + special.xlog1py(b, -x) - special.betaln(a, b)) / a
    both = special.digamma(a + b)
    if which:
        outer = np.log1p(-x) - special.digamma(b) + both
    else:
        outer = np.log(x) - special.digamma(a + 1) + both
    return weight * (slope + value * outer)


def _fraction(terms: Terms, one: Array) -> tuple[Array, Array]:
    """The value of a continued fraction and its derivative; `one` has the shape of the result."""
    c, dc = _TINY * one, 0 * one
    d, dd = 0 * one, 0 * one
    value, slope = _TINY * one, 0 * one
    for n in range(_MOST):
        p, dp, q, dq = terms(n)
        below = q + p * d
        below = np.where(below == 0, _TINY, below)
        dbelow = dq + dp * d + p * dd
        d, dd = 1 / below, -dbelow / (below * below)
        new = q + p / c
        new = np.where(new == 0, _TINY, new)
        c, dc = new, dq + (dp - p * dc / c) / c
        change, dchange = c * d, dc * d + c * dd
        before = slope
        value, slope = value * change, slope * change + value * dchange
        settled = np.abs(change - 1) <= 4 * _EPS
        settled &= np.abs(slope - before) <= 8 * _EPS * np.maximum(np.abs(slope), np.abs(value))
        if n > 1 and np.all(settled):
            break
    return value, slope


def _broadcast(*values: Any) -> tuple[Array, ...]:
    return np.broadcast_arrays(*(np.asarray(value, np.float64) for value in values))
