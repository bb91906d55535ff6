"""Bessel functions. Their derivatives by the order are not known (`Missing`).

By the argument: Jᵥ' = (Jᵥ₋₁ - Jᵥ₊₁)/2, the same for Y; Iᵥ' = (Iᵥ₋₁ + Iᵥ₊₁)/2 and
Kᵥ' = -(Kᵥ₋₁ + Kᵥ₊₁)/2 (NIST Handbook of Mathematical Functions, 10.6.1 and 10.29.1). In this form
nothing is divided by the argument, so the derivatives of every order are right at 0.
"""

from __future__ import annotations

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import sign
from adjoint.ops.family.elementwise import Binary, Factor, Missing, Unary
from adjoint.ops.special.scipy_function import special_binary, special_unary

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


jv: Binary = special_binary(
    "jv",
    "v, x",
    (Missing("jv", "v"), _jv_slope),
    "The Bessel function of the first kind and real order v.",
    "0.12894325",
    domain=_ORDERED,
)
jn = jv
yv: Binary = special_binary(
    "yv",
    "v, x",
    (Missing("yv", "v"), _yv_slope),
    "The Bessel function of the second kind and real order v.",
    "-1.12778378",
    domain=_ORDERED,
)
iv: Binary = special_binary(
    "iv",
    "v, x",
    (Missing("iv", "v"), _iv_slope),
    "The modified Bessel function of the first kind and real order v.",
    "0.21273996",
    domain=_ORDERED,
)
kv: Binary = special_binary(
    "kv",
    "v, x",
    (Missing("kv", "v"), _kv_slope),
    "The modified Bessel function of the second kind and real order v.",
    "0.64738539",
    domain=_ORDERED,
)
ive: Binary = special_binary(
    "ive",
    "v, x",
    (Missing("ive", "v"), _ive_slope),
    "exp(-|x|) iv(v, x), which does not overflow.",
    "0.02879122",
    domain=_ORDERED,
)
kve: Binary = special_binary(
    "kve",
    "v, x",
    (Missing("kve", "v"), _kve_slope),
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
    lambda x, y: _half(i0e(x) + ive(2.0, x)) - _sign(x) * y,
    "exp(-|x|) i1(x), which does not overflow.",
    "0.1564208",
)
i0e: Unary = special_unary(
    "i0e",
    lambda x, y: i1e(x) - _sign(x) * y,
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
    lambda x, y: y - _half(k0e(x) + kve(2.0, x)),
    "exp(x) k1(x), which does not underflow.",
    "2.73100971",
    domain=_POSITIVE,
)
k0e: Unary = special_unary(
    "k0e",
    lambda x, y: y - k1e(x),
    "exp(x) k0(x), which does not underflow.",
    "1.52410939",
    domain=_POSITIVE,
)
