"""Incomplete gamma and beta functions, with derivatives by all their arguments."""

from __future__ import annotations

from typing import Any

from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.exponential import exp, log, log1p
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special import incomplete_derivatives, incomplete_orders
from adjoint.ops.special.entropy import xlog1py, xlogy
from adjoint.ops.special.gamma import betaln, digamma, gammaln, polygamma
from adjoint.ops.special.incomplete_orders import bell
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


def _gamma_by_shape(a: Any, x: Any, n: int) -> Any:
    numbers = incomplete_derivatives if n == 1 else incomplete_orders
    order = () if n == 1 else (n,)
    return keep_dtype(numbers.gammainc_by_shape(a, x, *order), x)


def _gamma_rise(a: Tensor, x: Tensor, y: Tensor, n: int) -> Tensor:
    """The n-th derivative of the density by a."""

    def slope(index: tuple[int, ...]) -> Tensor:
        """The derivative of the logarithm of the density."""
        return log(x) - digamma(a) if index[0] == 1 else -polygamma(index[0] - 1, a)

    risen: Tensor = _gamma_density(a, x) * bell((n,), slope)
    return risen


_gamma_by: Elementwise = register(
    Elementwise(
        "gammainc_by_a",
        _gamma_by_shape,
        (lambda a, x, y, n: apply(_gamma_by, (a, x), (n + 1,)), _gamma_rise),
        accepts="real",
        domain=(_SHAPE, _SHAPE),
        param_names=("n",),
        samples=((1,),),
    )
)


def gammainc_by_a(a: Tensor, x: Tensor) -> Tensor:
    """The derivative of gammainc by a."""
    return apply(_gamma_by, (a, x), (1,))


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


def _beta_by_shapes(a: Any, b: Any, x: Any, i: int, j: int) -> Any:
    if i + j == 1:
        return keep_dtype(incomplete_derivatives.betainc_by_shape(a, b, x, j), x)
    return keep_dtype(incomplete_orders.betainc_by_shapes(a, b, x, i, j), x)


def _beta_rise(a: Tensor, b: Tensor, x: Tensor, y: Tensor, i: int, j: int) -> Tensor:
    """The derivative of the density by a and b, i and j times."""

    def slope(index: tuple[int, ...]) -> Tensor:
        """The derivative of the logarithm of the density."""
        order = index[0] + index[1] - 1
        total = polygamma(order, a + b)
        if not index[1]:
            total = total - polygamma(order, a) + (log(x) if order == 0 else 0.0)
        if not index[0]:
            total = total - polygamma(order, b) + (log1p(-x) if order == 0 else 0.0)
        return total

    risen: Tensor = _beta_density(a, b, x) * bell((i, j), slope)
    return risen


_beta_by: Elementwise = register(
    Elementwise(
        "betainc_by_shapes",
        _beta_by_shapes,
        (
            lambda a, b, x, y, i, j: apply(_beta_by, (a, b, x), (i + 1, j)),
            lambda a, b, x, y, i, j: apply(_beta_by, (a, b, x), (i, j + 1)),
            _beta_rise,
        ),
        accepts="real",
        domain=(_SHAPE, _SHAPE, _FRACTION),
        param_names=("i", "j"),
        samples=((1, 0),),
    )
)


def betainc_by_a(a: Tensor, b: Any, x: Tensor) -> Tensor:
    """The derivative of betainc by a."""
    return apply(_beta_by, (a, b, x), (1, 0))


def betainc_by_b(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """The derivative of betainc by b."""
    return apply(_beta_by, (a, b, x), (0, 1))


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
