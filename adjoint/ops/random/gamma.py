"""The logarithm of a gamma variate as a function of its shape and a uniform number.

y = log F⁻¹(u; a), F being the regularised incomplete gamma function P(a, x). At fixed u

    dy/da = -(∂P/∂a) / q(y),    q(y) = x p(x) = xᵃ e⁻ˣ / Γ(a),    x = exp y,

which is what implicit reparameterisation says of any way to draw the variate (Figurnov, Mohamed,
Mnih, "Implicit reparameterization gradients", NeurIPS 2018). Below, q is cancelled from both
expansions of P, so nothing over- or underflows: variates too small for a floating-point number, of
shapes near 0, have logarithms, and these have derivatives.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.family.elementwise import Elementwise, Missing, apply
from adjoint.ops.random.large_gamma import large_slopes
from adjoint.ops.special.gamma import digamma, gammaln

__all__ = ["log_gamma_quantile"]

Array: TypeAlias = "np.ndarray[Any, Any]"
Jet: TypeAlias = "tuple[Array, Array, Array]"
"""A function of the shape, and its first two derivatives."""

LARGE = 500.0
"""Shapes above this one are the matter of `large_gamma`."""
_EPS = float(np.finfo(float).eps)
_MOST = 100_000
_TINY = 1e-30
_FAR = -50.0
"""Below this logarithm x is so small that e⁻ˣ is 1: P(a, x) = xᵃ / Γ(a + 1)."""


def _quantile(a: Any, u: Any) -> Any:
    special = import_module("scipy.special")
    a, u = np.asarray(a), np.asarray(u)
    with np.errstate(all="ignore"):
        far = (np.log(u) + special.gammaln(a + 1)) / a
        near = np.log(special.gammaincinv(a, u))
        result = np.where(far < _FAR, far, near)
    return np.where(a > 0, result, np.nan).astype(np.result_type(a, u))


def slopes(a: Any, y: Any) -> tuple[Array, Array]:
    """dy/da at fixed u, and the derivative of that by a at fixed y."""
    dtype = np.result_type(a, y)
    a, y = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(y, np.float64))
    first, second = np.full(a.shape, np.nan), np.full(a.shape, np.nan)
    with np.errstate(all="ignore"):
        x = np.exp(y)
        inside = (a > 0) & np.isfinite(a) & np.isfinite(y) & np.isfinite(x)
        large = inside & (a > LARGE)
        low = inside & ~large & (x < a + 1)
        high = inside & ~large & ~low
        first[large], second[large] = large_slopes(a[large], y[large])
        first[low], second[low] = _series(a[low], x[low], y[low])
        first[high], second[high] = _fraction(a[high], x[high], y[high])
    return first.astype(dtype), second.astype(dtype)


def _series(a: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """P / q = (1/a) Σ tₙ with tₙ = xⁿ / ((a+1) … (a+n)), so -(∂P/∂a) / q = -(1/a) Σ tₙ (y - ψₙ),
    where ψₙ = ψ(a+n+1) grows by 1/(a+n); and once more."""
    special = import_module("scipy.special")
    term, harmonic, squares = np.ones_like(a), np.zeros_like(a), np.zeros_like(a)
    slope, curvature = y - special.digamma(a + 1), special.polygamma(1, a + 1)
    total, by_a = slope.copy(), -curvature
    for n in range(1, _MOST):
        term = term * x / (a + n)
        harmonic, squares = harmonic + 1 / (a + n), squares + 1 / (a + n) ** 2
        part = term * (slope - harmonic)
        more = -term * (harmonic * (slope - harmonic) + curvature - squares)
        total, by_a = total + part, by_a + more
        if np.all(term * (1 + harmonic) ** 2 <= _EPS * _EPS):
            break
    return -total / a, total / (a * a) - by_a / a


def _times(f: Jet, g: Jet) -> Jet:
    return f[0] * g[0], f[1] * g[0] + f[0] * g[1], f[2] * g[0] + 2 * f[1] * g[1] + f[0] * g[2]


def _plus(f: Jet, g: Jet) -> Jet:
    return f[0] + g[0], f[1] + g[1], f[2] + g[2]


def _inverse(f: Jet) -> Jet:
    r = 1 / np.where(f[0] == 0, _TINY, f[0])
    return r, -f[1] * r * r, (2 * f[1] * f[1] * r - f[2]) * r * r


def _fraction(a: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """1 - P = q v with v = 1/(x+1-a- 1(1-a)/(x+3-a- 2(2-a)/(x+5-a- …))), by Lentz's method with
    two derivatives; so -(∂P/∂a) / q = v' + v (y - ψ(a)); and once more."""
    special = import_module("scipy.special")
    zero = np.zeros_like(a)
    c, d, value = (zero + _TINY, zero, zero), (zero, zero, zero), (zero + _TINY, zero, zero)
    for n in range(_MOST):
        over: Jet = (n * (a - n), zero + n, zero) if n else (zero + 1, zero, zero)
        under: Jet = (x + 2 * n + 1 - a, zero - 1, zero)
        d = _inverse(_plus(under, _times(over, d)))
        c = _plus(under, _times(over, _inverse(c)))
        change = _times(c, d)
        value = _times(value, change)
        size = np.abs(change[0] - 1) + np.abs(change[1]) + np.abs(change[2])
        if n > 1 and np.all(size <= 8 * _EPS):
            break
    v, v1, v2 = value
    slope = y - special.digamma(a)
    return v1 + v * slope, v2 + v1 * slope - v * special.polygamma(1, a)


def _by_y(a: Tensor, y: Tensor, s: Tensor, *args: Any) -> Tensor:
    """From s q = -∂P/∂a: ∂s/∂y = -(log q)ₐ - s (log q)ᵧ."""
    return digamma(a) - y - s * (a - exp(y))


_second = register(
    Elementwise(
        "log_gamma_quantile_by_a_a",
        lambda a, y: slopes(a, y)[1],
        (
            Missing("the second derivative of a gamma variate by its shape", "a"),
            Missing("the second derivative of a gamma variate by its shape", "y"),
        ),
        accepts="real",
        domain=((0.5, 3.0), (-1.0, 1.5)),
    )
)
_first = register(
    Elementwise(
        "log_gamma_quantile_by_a",
        lambda a, y: slopes(a, y)[0],
        (lambda a, y, s: apply(_second, (a, y)), _by_y),
        accepts="real",
        domain=((0.5, 3.0), (-1.0, 1.5)),
    )
)


def _density(a: Tensor, y: Tensor) -> Tensor:
    """q(y), the density of the logarithm."""
    return exp(a * y - exp(y) - gammaln(a))


_log_gamma_quantile = register(
    Elementwise(
        "log_gamma_quantile",
        _quantile,
        (lambda a, u, y: apply(_first, (a, y)), lambda a, u, y: 1 / _density(a, y)),
        accepts="real",
        domain=((0.5, 3.0), (0.1, 0.9)),
    )
)


def log_gamma_quantile(a: Any, u: Any) -> Tensor:
    """log x with P(a, x) = u."""
    return apply(_log_gamma_quantile, (a, u))
