"""Bessel functions, with derivatives of every order by their order v and their argument x.

By the argument: Jᵥ' = (Jᵥ₋₁ - Jᵥ₊₁)/2, the same for Y; Iᵥ' = (Iᵥ₋₁ + Iᵥ₊₁)/2 and
Kᵥ' = -(Kᵥ₋₁ + Kᵥ₊₁)/2 (NIST Handbook of Mathematical Functions, 10.6.1 and 10.29.1). In this form
nothing is divided by the argument, so the derivatives of every order are right at 0. By the order,
where x ≥ 0, they are integrals (see `bessel_orders`), for which the same recurrences hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, sign, where
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.family.elementwise import Binary, Elementwise, Factor, Unary, apply
from adjoint.ops.special import bessel_orders
from adjoint.ops.special.scipy_function import keep_dtype, special_binary, special_unary

__all__ = [
    "j0",
    "j1",
    "jv",
    "jn",
    "y0",
    "y1",
    "yv",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kv",
    "kve",
]

_POSITIVE = (0.5, 3.0)
_ORDERED = ((0.0, 2.0), _POSITIVE)


def _half(x: Tensor) -> Tensor:
    return x * 0.5


def _sign(x: Tensor) -> Tensor:
    return sign(x)


def _by_order(name: str, before: float, here: float, after: float) -> Callable[..., Tensor]:
    """The n-th derivative by v, an operation with the parameter n. Its derivative by x is the sum
    of these multiples of the same at v - 1, v and v + 1."""
    numbers = getattr(bessel_orders, name)

    def value(v: Any, x: Any, n: int) -> Any:
        return keep_dtype(numbers(v, x, n), x)

    def by_argument(v: Tensor, x: Tensor, y: Tensor, n: int) -> Tensor:
        ends = before * derivative(v - 1, x, n) + after * derivative(v + 1, x, n)
        return ends + here * y if here else ends

    op = register(
        Elementwise(
            name,
            value,
            (lambda v, x, y, n: derivative(v, x, n + 1), by_argument),
            accepts="real",
            domain=_ORDERED,
            param_names=("n",),
            samples=((1,),),
        )
    )

    def derivative(v: Tensor, x: Tensor, n: int) -> Tensor:
        return apply(op, (v, x), (n,))

    return derivative


_jv_by_order = _by_order("jv_by_order", 0.5, 0.0, -0.5)
_yv_by_order = _by_order("yv_by_order", 0.5, 0.0, -0.5)
_ive_by_order = _by_order("ive_by_order", 0.5, -1.0, 0.5)
_kve_by_order = _by_order("kve_by_order", -0.5, 1.0, -0.5)


def _jv_slope(v: Tensor, x: Tensor, y: Tensor) -> Factor:
    return _half(jv(v - 1, x) - jv(v + 1, x))


def _yv_slope(v: Tensor, x: Tensor, y: Tensor) -> Factor:
    return _half(yv(v - 1, x) - yv(v + 1, x))


def _iv_slope(v: Tensor, x: Tensor, y: Tensor) -> Factor:
    return _half(iv(v - 1, x) + iv(v + 1, x))


def _kv_slope(v: Tensor, x: Tensor, y: Tensor) -> Factor:
    return -_half(kv(v - 1, x) + kv(v + 1, x))


def _ive_slope(v: Tensor, x: Tensor, y: Tensor) -> Factor:
    return _half(ive(v - 1, x) + ive(v + 1, x)) - _sign(x) * y


def _kve_slope(v: Tensor, x: Tensor, y: Tensor) -> Factor:
    return y - _half(kve(v - 1, x) + kve(v + 1, x))


_FAR = 100.0
_TERMS = 8


def _far_slope(order: int, x: Tensor, kind: float) -> Tensor:
    """The slope of the scaled functions I (`kind` -1) and K (1) of order 0 or 1 for large x.

    The series √(π/2x) Σ aₖ/xᵏ of K (and that of I, whose signs alternate) is differentiated term
    by term (NIST Handbook of Mathematical Functions, 10.40.1 and 10.40.2).
    """
    coefficients = [1.0]
    for k in range(1, _TERMS):
        coefficients.append(coefficients[-1] * kind * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    step = 1 / x
    total: Any = 0.0
    for k in range(_TERMS - 1, -1, -1):
        total = total * step - (k + 0.5) * coefficients[k]
    scale = math.sqrt(math.pi / 2) if kind > 0 else 1 / math.sqrt(2 * math.pi)
    result: Tensor = scale * total * step / sqrt(x)
    return result


def _scaled_slope(order: int, x: Tensor, kind: float, near: Tensor) -> Tensor:
    """`near`, whose terms would cancel for large |x|, and there the series."""
    large = abs(x) > _FAR
    far = _far_slope(order, where(large, abs(x), _FAR), kind)
    if kind < 0 and order == 0:
        far = far * _sign(x)
    return where(large, far, near)


jv: Binary = special_binary(
    "jv",
    "v, x",
    (lambda v, x, y: _jv_by_order(v, x, 1), _jv_slope),
    "The Bessel function of the first kind and real order v.",
    "0.12894325",
    domain=_ORDERED,
)
jn = jv
yv: Binary = special_binary(
    "yv",
    "v, x",
    (lambda v, x, y: _yv_by_order(v, x, 1), _yv_slope),
    "The Bessel function of the second kind and real order v.",
    "-1.12778378",
    domain=_ORDERED,
)
iv: Binary = special_binary(
    "iv",
    "v, x",
    (lambda v, x, y: exp(x) * _ive_by_order(v, x, 1), _iv_slope),
    "The modified Bessel function of the first kind and real order v.",
    "0.21273996",
    domain=_ORDERED,
)
kv: Binary = special_binary(
    "kv",
    "v, x",
    (lambda v, x, y: exp(-x) * _kve_by_order(v, x, 1), _kv_slope),
    "The modified Bessel function of the second kind and real order v.",
    "0.64738539",
    domain=_ORDERED,
)
ive: Binary = special_binary(
    "ive",
    "v, x",
    (lambda v, x, y: _ive_by_order(v, x, 1), _ive_slope),
    "exp(-|x|) iv(v, x), which does not overflow.",
    "0.02879122",
    domain=_ORDERED,
)
kve: Binary = special_binary(
    "kve",
    "v, x",
    (lambda v, x, y: _kve_by_order(v, x, 1), _kve_slope),
    "exp(x) kv(v, x), which does not underflow.",
    "4.78356697",
    domain=_ORDERED,
)

j1: Unary = special_unary(
    "j1",
    lambda x, y: _half(j0(x) - jv(2.0, x)),
    "The Bessel function of the first kind of order 1.",
    "0.24226846",
)
j0: Unary = special_unary(
    "j0", lambda x, y: -j1(x), "The Bessel function of the first kind of order 0.", "0.93846981"
)
y1: Unary = special_unary(
    "y1",
    lambda x, y: _half(y0(x) - yv(2.0, x)),
    "The Bessel function of the second kind of order 1.",
    "-1.47147239",
    domain=_POSITIVE,
)
y0: Unary = special_unary(
    "y0",
    lambda x, y: -y1(x),
    "The Bessel function of the second kind of order 0.",
    "-0.44451873",
    domain=_POSITIVE,
)
i1: Unary = special_unary(
    "i1",
    lambda x, y: _half(i0(x) + iv(2.0, x)),
    "The modified Bessel function of the first kind of order 1.",
    "0.25789431",
)
i0: Unary = special_unary(
    "i0",
    lambda x, y: i1(x),
    "The modified Bessel function of the first kind of order 0.",
    "1.06348337",
)
i1e: Unary = special_unary(
    "i1e",
    lambda x, y: _scaled_slope(1, x, -1.0, _half(i0e(x) + ive(2.0, x)) - _sign(x) * y),
    "exp(-|x|) i1(x), which does not overflow.",
    "0.1564208",
)
i0e: Unary = special_unary(
    "i0e",
    lambda x, y: _scaled_slope(0, x, -1.0, i1e(x) - _sign(x) * y),
    "exp(-|x|) i0(x), which does not overflow.",
    "0.64503527",
)
k1: Unary = special_unary(
    "k1",
    lambda x, y: -_half(k0(x) + kv(2.0, x)),
    "The modified Bessel function of the second kind of order 1.",
    "1.65644112",
    domain=_POSITIVE,
)
k0: Unary = special_unary(
    "k0",
    lambda x, y: -k1(x),
    "The modified Bessel function of the second kind of order 0.",
    "0.92441907",
    domain=_POSITIVE,
)
k1e: Unary = special_unary(
    "k1e",
    lambda x, y: _scaled_slope(1, x, 1.0, y - _half(k0e(x) + kve(2.0, x))),
    "exp(x) k1(x), which does not underflow.",
    "2.73100971",
    domain=_POSITIVE,
)
k0e: Unary = special_unary(
    "k0e",
    lambda x, y: _scaled_slope(0, x, 1.0, y - k1e(x)),
    "exp(x) k0(x), which does not underflow.",
    "1.52410939",
    domain=_POSITIVE,
)
