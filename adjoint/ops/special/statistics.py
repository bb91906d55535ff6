"""Distribution functions: Kolmogorov's limit, Tukey's lambda, the skewed normal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.exponential import exp, log, log1p
from adjoint.ops.elementwise.power import power
from adjoint.ops.elementwise.removable_singularities import _exprel
from adjoint.ops.family.elementwise import apply
from adjoint.ops.special.error import ndtr
from adjoint.ops.special.quadrature import gauss_legendre
from adjoint.ops.special.scipy_function import keep_dtype, special_binary, special_unary

__all__ = ["kolmogi", "kolmogorov", "skewed_normal", "tklmbda"]

_TERMS = 6


def _kolmogorov_slope(x: Tensor, y: Tensor | None = None) -> Tensor:
    """Of 2 Σ (-1)ᵏ⁻¹ exp(-2k²x²) for x ≥ 1, and left of it of what it is by Poisson's summation,
    1 - √2π/x Σ exp(-(2k-1)²π²/8x²)."""
    right = x >= 1
    far, near = where(right, x, 1.0), where(right, 1.0, where(x > 0.03, x, 1.0))
    tail: Any = 0.0
    for k in range(1, _TERMS):
        tail = tail + (-1) ** k * 8.0 * k * k * exp(far * far * (-2.0 * k * k))
    body: Any = 0.0
    for k in range(1, _TERMS):
        turned = (2 * k - 1) ** 2 * math.pi**2 / 4 / (near * near)
        body = body + exp(turned * -0.5) * (1 - turned)
    body = body * (math.sqrt(2 * math.pi) / (near * near))
    result: Tensor = where(right, far * tail, where(x > 0.03, body, 0.0))
    return result


kolmogorov = special_unary(
    "kolmogorov",
    _kolmogorov_slope,
    "The probability that Kolmogorov's limiting statistic exceeds x.",
    "0.96394524",
    domain=(0.5, 2.0),
)
kolmogi = special_unary(
    "kolmogi",
    lambda p, x: 1 / _kolmogorov_slope(x),
    "The x with kolmogorov(x) = p.",
    "0.82757356",
    domain=(0.1, 0.9),
)


def _tukey_density(x: Tensor, shape: Tensor, p: Tensor) -> Tensor:
    """The reciprocal of the slope of the quantile (pᵃ - (1-p)ᵃ)/a, 0 outside the support."""
    inside = abs(x) * shape < 1
    p = where(inside, p, 0.5)
    density = 1 / (power(p, shape - 1) + power(1 - p, shape - 1))
    result: Tensor = where(inside, density, 0.0)
    return result


def _tukey_by_shape(x: Tensor, shape: Tensor, p: Tensor) -> Tensor:
    """Minus the density times ∂Q/∂a, where a Q = pᵃ - (1-p)ᵃ; right at a = 0 too."""
    inside = abs(x) * shape < 1
    p = where(inside, p, 0.5)
    left, right = log(p), log1p(-p)
    moved: Tensor = left * left * apply(_exprel, (shape * left,), (1,))
    moved = moved - right * right * apply(_exprel, (shape * right,), (1,))
    return -moved * _tukey_density(x, shape, p)


tklmbda = special_binary(
    "tklmbda",
    "x, lmbda",
    (_tukey_density, _tukey_by_shape),
    "The distribution function of Tukey's lambda distribution.",
    "0.8624872",
    domain=((-0.9, 0.9), (0.1, 0.8)),
    example=(0.5, 1.5),
)


def _skewed_value(x: Any, a: Any) -> Any:
    """Φ(x) - 2 T(x, a), and where the two would cancel the integral of the density."""
    special = import_module("scipy.special")
    like = x
    x, a = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(a, np.float64))
    result = np.array(special.ndtr(x) - 2 * special.owens_t(x, a))
    lost = (result < 0.01) & (a > 0) & np.isfinite(x)
    if np.any(lost):
        result[lost] = _skewed_tail(x[lost], a[lost], special)
    return keep_dtype(result, like)


def _skewed_tail(x: Any, a: Any, special: Any) -> Any:
    """∫ 2 φ(t) Φ(at) dt from -∞ to x, for a > 0."""

    def log_density(t: Any, a: Any) -> Any:
        return special.log_ndtr(a * t) - 0.5 * t * t

    def density(s: Any, x: Any, a: Any, top: Any) -> Any:
        return np.exp(log_density(x - s, a) - top)

    top = log_density(x, a)
    curved = 1 + a * a
    width = 46 / (np.maximum(-x, 0) * curved + np.sqrt(23 * curved)) + np.maximum(x, 0)
    found = gauss_legendre(density, np.zeros_like(x), width, 12, x, a, top)
    return found * np.exp(top) * math.sqrt(2 / math.pi)


skewed_normal = special_binary(
    "skewed_normal",
    "x, a",
    (
        lambda x, a, y: exp(x * x * -0.5) * ndtr(a * x) * math.sqrt(2 / math.pi),
        lambda x, a, y: exp(x * x * (1 + a * a) * -0.5) / (-math.pi * (1 + a * a)),
    ),
    "The distribution function of the skewed normal distribution.",
    "0.9973002",
    prefix="",
    numpy=_skewed_value,
    domain=((-2.0, 2.0), (-2.0, 2.0)),
)
