"""Higher derivatives of incomplete gamma and beta functions by their shapes: the numbers.

They are integrals of derivatives of the density, from the nearer end of the support, so that a
small tail is not the difference of large numbers. On the scale of log t, or log(t/(1-t)), the
density is as wide as its peak says, and Gauss's rule on short panels integrates it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.ops.special.quadrature import flat, gauss_legendre

Array: TypeAlias = Any

_TERMS = 24
_NOTHING = 46.0
"""exp(-_NOTHING) is nothing beside 1."""


def gammainc_by_shape(a: Array, x: Array, n: int) -> Array:
    """∂ⁿP(a, x)/∂aⁿ of the regularised lower incomplete gamma function P."""
    special = import_module("scipy.special")
    (a, x), shape = flat(a, x)
    result = np.where((a > 0) & (x >= 0), 0.0, np.nan)
    known = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    a, x = a[known], x[known]
    slopes = [-special.digamma(a), *(-special.polygamma(k, a) for k in range(1, n))]

    def log_density(u: Array, a: Array) -> Array:
        return a * u - np.exp(u) - special.gammaln(a)

    def integrand(u: Array, a: Array, *slopes: Array) -> Array:
        by_a = [slopes[0] + u, *slopes[1:]]
        return np.exp(log_density(u, a)) * bell((n,), lambda i: by_a[i[0] - 1])

    width = 1 / np.sqrt(1 + a)
    found = _from_nearer_end(log_density, integrand, np.log(x), x < a, width, (a,), slopes)
    small = (a < 0.5) & (x <= 1)
    if np.any(small):
        found[small] = _gamma_series(a[small], x[small], n, special)
    result[known] = found
    return result.reshape(shape)


def _taken(slopes: list[Array], index: tuple[int, ...]) -> Array:
    return slopes[index[0] - 1]


def _gamma_series(a: Array, x: Array, n: int, special: Any) -> Array:
    """Of P = Σ xᵃ⁺ᵏ e⁻ˣ / Γ(a + k + 1), which is smooth at a = 0, where the density is not."""
    total = np.zeros_like(x)
    for k in range(_TERMS):
        at = a + k + 1
        slopes = [
            np.log(x) - special.digamma(at),
            *(-special.polygamma(m, at) for m in range(1, n)),
        ]
        term = np.exp((a + k) * np.log(x) - x - special.gammaln(at))
        total += term * bell((n,), partial(_taken, slopes))
    return total


def betainc_by_shapes(a: Array, b: Array, x: Array, i: int, j: int) -> Array:
    """∂ⁱ⁺ʲI(x; a, b)/∂aⁱ∂bʲ of the regularised incomplete beta function I."""
    special = import_module("scipy.special")
    (a, b, x), shape = flat(a, b, x)
    result = np.where((a > 0) & (b > 0) & (x >= 0) & (x <= 1), 0.0, np.nan)
    known = (a > 0) & (b > 0) & (x > 0) & (x < 1) & np.isfinite(a) & np.isfinite(b)
    a, b, x = a[known], b[known], x[known]
    orders = range(i + j)
    own = [[special.polygamma(k, s) for k in orders] for s in (a, b, a + b)]

    def log_density(u: Array, a: Array, b: Array) -> Array:
        return -a * np.logaddexp(0, -u) - b * np.logaddexp(0, u) - special.betaln(a, b)

    def integrand(u: Array, a: Array, b: Array, *psi: Array) -> Array:
        by_a, by_b, by_both = (psi[k * len(orders) : (k + 1) * len(orders)] for k in range(3))

        def slope(index: tuple[int, ...]) -> Array:
            order = index[0] + index[1] - 1
            total = by_both[order]
            if not index[1]:
                total = total - by_a[order] - (np.logaddexp(0, -u) if order == 0 else 0.0)
            if not index[0]:
                total = total - by_b[order] - (np.logaddexp(0, u) if order == 0 else 0.0)
            return total

        return np.exp(log_density(u, a, b)) * bell((i, j), slope)

    place = np.log(x) - np.log1p(-x)
    width = 1 / np.sqrt(1 + a * b / (a + b))
    lower = x < a / (a + b)
    found = _from_nearer_end(
        log_density, integrand, place, lower, width, (a, b), [p for row in own for p in row]
    )
    result[known] = found
    return result.reshape(shape)


def _from_nearer_end(
    log_density: Callable[..., Array],
    integrand: Callable[..., Array],
    place: Array,
    lower: Array,
    width: Array,
    shapes: tuple[Array, ...],
    more: list[Array],
) -> Array:
    """∫ from -∞ to `place` where `lower` holds, else minus the integral from `place` to ∞."""
    if not place.size:
        return np.empty_like(place)
    side = np.where(lower, -1.0, 1.0)
    here = log_density(place, *shapes)
    reach = 0.1 * width
    with np.errstate(over="ignore"):
        for _ in range(80):
            near = log_density(place + side * reach, *shapes) > here - _NOTHING
            if not np.any(near):
                break
            reach = np.where(near, 1.5 * reach, reach)
    panels = 6 + int(np.max(reach / np.minimum(width, 1.0) / 3))
    panels = min(panels, 400)
    low = np.where(lower, place - reach, place)
    with np.errstate(over="ignore", under="ignore"):
        return -side * gauss_legendre(integrand, low, low + reach, panels, *shapes, *more)


def bell(orders: tuple[int, ...], slope: Callable[[tuple[int, ...]], Array]) -> Any:
    """The derivative of exp(g), over exp(g), by those of g (Bell's polynomials)."""
    axis = next((k for k, n in enumerate(orders) if n), None)
    if axis is None:
        return 1.0
    fewer = tuple(n - (k == axis) for k, n in enumerate(orders))
    total: Any = 0.0
    for taken in np.ndindex(*(n + 1 for n in fewer)):
        ways = math.prod(math.comb(n, k) for n, k in zip(fewer, taken, strict=True))
        rest = tuple(n - k for n, k in zip(fewer, taken, strict=True))
        index = tuple(k + (m == axis) for m, k in enumerate(taken))
        total = total + ways * bell(rest, slope) * slope(index)
    return total
