"""Hypergeometric functions and their derivatives by parameters: the numbers.

Each term of the series Σ (a)ₖ … / (b)ₖ … xᵏ/k! is carried as a Taylor polynomial in the changes of
the parameters: it is multiplied by a + k + ε and divided by b + k + δ. Left of 0 Kummer's and
Pfaff's transformations make the terms keep their sign (NIST Handbook of Mathematical Functions,
13.2.39 and 15.8.1).
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.ops.special.quadrature import flat, trapezoid

Array: TypeAlias = Any

_MOST = 20_000
_CANCELLED = 1e5
"""A sum this much smaller than its terms is not returned, but nan."""


def times(series: Array, value: Array, *axes: tuple[int, int]) -> Array:
    """A Taylor polynomial times value + Σ sign ε, each of `axes` an axis and a sign."""
    result = series * value
    for axis, sign in axes:
        to, of = [slice(None)] * series.ndim, [slice(None)] * series.ndim
        to[axis], of[axis] = slice(1, None), slice(None, -1)
        result[tuple(to)] += sign * series[tuple(of)]
    return result


def over(series: Array, value: Array, axis: int) -> Array:
    """A Taylor polynomial divided by value + ε."""
    result = series / value
    moved = np.moveaxis(result, axis, 0)
    for k in range(1, moved.shape[0]):
        moved[k] -= moved[k - 1] / value
    return result


def hyp0f1(b: Array, x: Array, j: int, n: int) -> Array:
    """∂ʲ⁺ⁿ/∂bʲ∂xⁿ of ₀F₁(b; x)."""
    (b, x), shape = flat(b, x)
    start = _start((j,), x)
    for k in range(n):
        start = over(start, b + k, 0)
    b = b + n

    def step(t: Array, k: int) -> Array:
        return over(t * (x / (k + 1)), b + k, 0)

    return (_sum(start, step)[j] * math.factorial(j)).reshape(shape)


def hyp1f1(a: Array, b: Array, x: Array, i: int, j: int, n: int) -> Array:
    """∂ⁱ⁺ʲ⁺ⁿ/∂aⁱ∂bʲ∂xⁿ of ₁F₁(a; b; x)."""
    (a, b, x), shape = flat(a, b, x)
    start = _start((i, j), x)
    for k in range(n):
        start = over(times(start, a + k, (0, 1)), b + k, 1)
    a, b = a + n, b + n
    left = x < 0

    def direct(t: Array, k: int) -> Array:
        return over(times(t, a + k, (0, 1)) * (np.where(left, 0.0, x) / (k + 1)), b + k, 1)

    def kummer(t: Array, k: int) -> Array:
        grown = times(t, b - a + k, (1, 1), (0, -1))
        return over(grown * (np.where(left, -x, 0.0) / (k + 1)), b + k, 1)

    found = _sum(start, direct)[i, j]
    if np.any(left):
        found = np.where(left, np.exp(np.where(left, x, 0.0)) * _sum(start, kummer)[i, j], found)
    return (found * (math.factorial(i) * math.factorial(j))).reshape(shape)


def hyp2f1(a: Array, b: Array, c: Array, x: Array, orders: tuple[int, int, int, int]) -> Array:
    """The derivative of ₂F₁(a, b; c; x) of these orders by its arguments, for x < 1."""
    (a, b, c, x), shape = flat(a, b, c, x)
    *powers, n = orders
    start = _start(tuple(powers), x)
    for k in range(n):
        start = over(times(times(start, a + k, (0, 1)), b + k, (1, 1)), c + k, 2)
    a, b, c = a + n, b + n, c + n
    left = x < 0
    right = np.where(left | (x >= 1), 0.0, x)
    turned = np.where(left, x / (x - 1), 0.0)

    def direct(t: Array, k: int) -> Array:
        grown = times(times(t, a + k, (0, 1)), b + k, (1, 1))
        return over(grown * (right / (k + 1)), c + k, 2)

    def pfaff(t: Array, k: int) -> Array:
        grown = times(times(t, a + k, (0, 1)), c - b + k, (2, 1), (1, -1))
        return over(grown * (turned / (k + 1)), c + k, 2)

    place = tuple(powers)
    found = _sum(start, direct)[place]
    if np.any(left):
        factor = np.zeros_like(start)
        log = -np.log1p(np.where(left, -x, 0.0))
        for k in range(powers[0] + 1):
            factor[k, 0, 0] = np.exp(a * log) * log**k / math.factorial(k)
        found = np.where(left, _product(factor, _sum(start, pfaff))[place], found)
    scale = math.prod(map(math.factorial, powers))
    return np.where(x < 1, found * scale, np.nan).reshape(shape)


def _product(f: Array, g: Array) -> Array:
    """`f`, a polynomial in the first variable alone, times `g`."""
    result = np.zeros_like(g)
    for k in range(g.shape[0]):
        result[k:] += f[k, 0, 0] * g[: g.shape[0] - k]
    return result


def _start(orders: tuple[int, ...], like: Array) -> Array:
    """1 as a Taylor polynomial of these orders."""
    start = np.zeros((*(k + 1 for k in orders), like.size))
    start[(0,) * len(orders)] = 1.0
    return start


def _sum(term: Array, step: Any) -> Array:
    """The sum of the terms that `step` makes of each other; nan where they do not converge."""
    total, size = term.copy(), np.abs(term)
    small = 0
    with np.errstate(all="ignore"):
        for k in range(_MOST):
            term = step(term, k)
            total = total + term
            size = size + np.abs(term)
            settled = np.all(~(np.abs(term) > 2.0**-56 * np.abs(total)))
            small = small + 1 if settled else 0
            if small > 3:
                break
        else:
            converged = np.abs(term) <= 1e-13 * np.abs(total)
            total = np.where(converged, total, np.nan)
        value = np.abs(total[(0,) * (total.ndim - 1)])
        lost = size > _CANCELLED * np.maximum(np.abs(total), value)
        return np.where(lost | ~np.isfinite(total), np.nan, total)


def hyperu(a: Array, b: Array, x: Array, i: int, j: int) -> Array:
    """∂ⁱ⁺ʲ/∂aⁱ∂bʲ of Tricomi's U(a, b, x) for a > 0 and x > 0, else nan.

    1/Γ(a) ∫₀^∞ exp(-xt) tᵃ⁻¹ (1+t)ᵇ⁻ᵃ⁻¹ dt is differentiated (13.4.4).
    """
    (a, b, x), shape = flat(a, b, x)
    result = np.full(x.shape, np.nan)
    known = (a > 0) & (x > 0) & np.isfinite(a + b + x)
    if np.any(known):
        result[known] = _tricomi(a[known], b[known], x[known], i, j)
    return result.reshape(shape)


def _tricomi(a: Array, b: Array, x: Array, i: int, j: int) -> Array:
    special = import_module("scipy.special")
    growth = np.maximum(b - 1, 0.0)
    high = np.log((760 + 40 * growth) / x + 1)
    high = np.log((760 + growth * np.maximum(high, 0.0)) / x + 1) + 0.5
    low = np.log(a / (a + x)) - 1 - 45 / a
    stretch = np.sqrt(1 + a + np.abs(b))
    total = np.zeros_like(x)
    for k in range(i + 1):

        def integrand(w: Array, a: Array, b: Array, x: Array, s: Array, k: int = k) -> Array:
            u = w / s
            t = np.exp(u)
            more = np.log1p(t)
            size = np.exp(a * u - x * t + (b - a - 1) * more - special.gammaln(a))
            return size / s * (u - more) ** k * more**j

        part = trapezoid(integrand, low * stretch, high * stretch, a, b, x, stretch)
        total += math.comb(i, k) * _reciprocal_gamma(a, i - k) * part
    return total


def _reciprocal_gamma(a: Array, n: int) -> Array:
    """Γ(a) dⁿ/daⁿ 1/Γ(a)"""
    special = import_module("scipy.special")
    found = [np.ones_like(a)]
    for k in range(n):
        found.append(
            -sum(math.comb(k, m) * special.polygamma(m, a) * found[k - m] for m in range(k + 1))
        )
    return found[n]
