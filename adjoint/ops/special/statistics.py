"""Distribution functions of tests: Kolmogorov's limit, Tukey's lambda."""

from __future__ import annotations

import math
from typing import Any

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.exponential import exp, log, log1p
from adjoint.ops.elementwise.power import power
from adjoint.ops.elementwise.removable_singularities import _exprel
from adjoint.ops.family.elementwise import apply
from adjoint.ops.special.scipy_function import special_binary, special_unary

__all__ = ["kolmogi", "kolmogorov", "tklmbda"]

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
