"""Incomplete gamma and beta functions, with derivatives by all their arguments."""

from __future__ import annotations

from typing import Any

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.family.elementwise import Binary, Missing
from adjoint.ops.special import incomplete_derivatives
from adjoint.ops.special.entropy import xlog1py, xlogy
from adjoint.ops.special.gamma import betaln, digamma, gammaln
from adjoint.ops.special.scipy_function import keep_dtype, special_binary, special_ternary

__all__ = ["gammainc", "gammaincc", "betainc"]

_SHAPE = (0.5, 3.0)
_FRACTION = (0.1, 0.9)


def _gamma_density(a: Tensor, x: Tensor) -> Tensor:
    """xᵃ⁻¹ e⁻ˣ / Γ(a)"""
    return exp(xlogy(a - 1, x) - x - gammaln(a))


def _beta_density(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """xᵃ⁻¹ (1-x)ᵇ⁻¹ / B(a, b)"""
    return exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def _gamma_by_shape(a: Any, x: Any) -> Any:
    return keep_dtype(incomplete_derivatives.gammainc_by_shape(a, x), x)


gammainc_by_a: Binary = special_binary(
    "gammainc_by_a",
    "a, x",
    (
        Missing("the derivative of gammainc by a", "a"),
        lambda a, x, y: _gamma_density(a, x) * (log(x) - digamma(a)),
    ),
    "The derivative of gammainc by a; its own derivative by a is not known.",
    "-0.23184867",
    prefix="",
    numpy=_gamma_by_shape,
    domain=(_SHAPE, _SHAPE),
)
gammainc = special_binary(
    "gammainc",
    "a, x",
    (lambda a, x, y: gammainc_by_a(a, x), lambda a, x, y: _gamma_density(a, x)),
    "The regularised lower incomplete gamma function P(a, x).",
    "0.32332358",
    domain=(_SHAPE, _SHAPE),
)
gammaincc = special_binary(
    "gammaincc",
    "a, x",
    (lambda a, x, y: -gammainc_by_a(a, x), lambda a, x, y: -_gamma_density(a, x)),
    "The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x).",
    "0.67667642",
    domain=(_SHAPE, _SHAPE),
)


def _beta_by_a(a: Any, b: Any, x: Any) -> Any:
    return keep_dtype(incomplete_derivatives.betainc_by_shape(a, b, x, 0), x)


def _beta_by_b(a: Any, b: Any, x: Any) -> Any:
    return keep_dtype(incomplete_derivatives.betainc_by_shape(a, b, x, 1), x)


betainc_by_a = special_ternary(
    "betainc_by_a",
    "a, b, x",
    (
        Missing("the derivative of betainc by a", "a"),
        Missing("the derivative of betainc by a", "b"),
        lambda a, b, x, y: _beta_density(a, b, x) * (log(x) - digamma(a) + digamma(a + b)),
    ),
    "The derivative of betainc by a; its own derivatives by a and b are not known.",
    "-0.19528869",
    prefix="",
    numpy=_beta_by_a,
    domain=(_SHAPE, _SHAPE, _FRACTION),
    example=(2.0, 3.0, 0.5),
)
betainc_by_b = special_ternary(
    "betainc_by_b",
    "a, b, x",
    (
        Missing("the derivative of betainc by b", "a"),
        Missing("the derivative of betainc by b", "b"),
        lambda a, b, x, y: _beta_density(a, b, x) * (log(1 - x) - digamma(b) + digamma(a + b)),
    ),
    "The derivative of betainc by b; its own derivatives by a and b are not known.",
    "0.15410849",
    prefix="",
    numpy=_beta_by_b,
    domain=(_SHAPE, _SHAPE, _FRACTION),
    example=(2.0, 3.0, 0.5),
)
betainc = special_ternary(
    "betainc",
    "a, b, x",
    (
        lambda a, b, x, y: betainc_by_a(a, b, x),
        lambda a, b, x, y: betainc_by_b(a, b, x),
        lambda a, b, x, y: _beta_density(a, b, x),
    ),
    "The regularised incomplete beta function I(x; a, b).",
    "0.6875",
    domain=(_SHAPE, _SHAPE, _FRACTION),
    example=(2.0, 3.0, 0.5),
)
