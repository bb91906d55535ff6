"""The slope of a gamma variate of large shape: where series would need more terms than √a.

The logarithm of a gamma variate has the density q(t) = exp(a t - eᵗ) / Γ(a), and ∂ log q/∂a, which
is t - ψ(a), has mean 0. So at y, and at a fixed uniform number,

    dy/da = -∫_{-∞}^y (t - ψ) q(t)/q(y) dt = ∫_y^∞ (t - ψ) q(t)/q(y) dt,

of which the one is taken in which t - ψ has one sign. The integrals are Gauss's, with 64 points
where q(t)/q(y) is above e⁻⁴⁰.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.ops.special.quadrature import gauss_rule

__all__ = ["large_slopes"]

Array: TypeAlias = "np.ndarray[Any, Any]"

POINTS = 64
RANGE = 40.0
HALVINGS = 40
BLOCK = 4096
"""So many elements are computed at once: each needs `POINTS` numbers beside it."""


def large_slopes(a: Array, y: Array) -> tuple[Array, Array]:
    """dy/da at a fixed uniform number, and the derivative of that by a at fixed y; a ≥ 100."""
    first, second = np.empty_like(y), np.empty_like(y)
    for start in range(0, y.size, BLOCK):
        part = slice(start, start + BLOCK)
        first[part], second[part] = _slopes(a[part], y[part])
    return first, second


def _slopes(a: Array, y: Array) -> tuple[Array, Array]:
    special = import_module("scipy.special")
    excess = y - special.digamma(a)
    side = np.where(excess < 0, -1.0, 1.0)
    points, weights = gauss_rule(POINTS)
    far = _range(a, np.exp(y), side)
    step = (side * far)[:, None] * points
    ratio = np.exp(_exponent(a[:, None], np.exp(y)[:, None], step)) * weights * far[:, None]
    score = excess[:, None] + step
    change = score * step - special.polygamma(1, a)[:, None]
    return side * np.sum(score * ratio, -1), side * np.sum(change * ratio, -1)


def _exponent(a: Array, x: Array, step: Array) -> Array:
    """log q(y + step) - log q(y) = (a - x) step - x (e^step - 1 - step), without cancellation."""
    series = step * step / 2 * (1 + step / 3 * (1 + step / 4 * (1 + step / 5 * (1 + step / 6))))
    curve = np.where(np.abs(step) < 1e-2, series, np.expm1(step) - step)
    return np.asarray((a - x) * step - x * curve)


def _range(a: Array, x: Array, side: Array) -> Array:
    """How far from y the density has fallen by e⁻⁴⁰, by bisection; with a ≥ 100 not beyond 4."""
    low, high = np.zeros_like(x), np.full_like(x, 4.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        inside = _exponent(a, x, side * middle) > -RANGE
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high
