"""Student's distribution, and the inverses of distribution functions.

A quantile y = F⁻¹(q; a) has the derivatives 1/f(y; a) by q and -(∂F/∂a)(y; a)/f(y; a) by a, in
which f is the density. Both are stated in y itself, so every order follows.
"""

from __future__ import annotations

import math

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import sign
from adjoint.ops.elementwise.exponential import exp, log, log1p
from adjoint.ops.special.error import erfcx
from adjoint.ops.special.gamma import betaln
from adjoint.ops.special.incomplete import (
    _beta_density,
    _gamma_density,
    betainc_by_a,
    betainc_by_b,
    gammainc_by_a,
)
from adjoint.ops.special.scipy_function import special_binary, special_ternary, special_unary

__all__ = ["betaincinv", "gammainccinv", "gammaincinv", "ndtri_exp", "stdtr", "stdtrit"]

_SHAPE = (0.5, 3.0)
_FRACTION = (0.1, 0.9)


gammaincinv = special_binary(
    "gammaincinv",
    "a, q",
    (
        lambda a, q, y: -gammainc_by_a(a, y) / _gamma_density(a, y),
        lambda a, q, y: 1 / _gamma_density(a, y),
    ),
    "The x with gammainc(a, x) = q.",
    "2.67406031",
    domain=(_SHAPE, _FRACTION),
    example=(3.0, 0.5),
)
gammainccinv = special_binary(
    "gammainccinv",
    "a, q",
    (
        lambda a, q, y: -gammainc_by_a(a, y) / _gamma_density(a, y),
        lambda a, q, y: -1 / _gamma_density(a, y),
    ),
    "The x with gammaincc(a, x) = q.",
    "2.67406031",
    domain=(_SHAPE, _FRACTION),
    example=(3.0, 0.5),
)
betaincinv = special_ternary(
    "betaincinv",
    "a, b, q",
    (
        lambda a, b, q, y: -betainc_by_a(a, b, y) / _beta_density(a, b, y),
        lambda a, b, q, y: -betainc_by_b(a, b, y) / _beta_density(a, b, y),
        lambda a, b, q, y: 1 / _beta_density(a, b, y),
    ),
    "The x with betainc(a, b, x) = q.",
    "0.38572757",
    domain=(_SHAPE, _SHAPE, _FRACTION),
    example=(2.0, 3.0, 0.5),
)
ndtri_exp = special_unary(
    "ndtri_exp",
    lambda x, y: erfcx(y * -math.sqrt(0.5)) * math.sqrt(math.pi / 2),
    "The quantile of the normal distribution of a logarithm, the inverse of log_ndtr.",
    "-0.33747496",
    domain=(-3.0, -0.2),
    example=(-1.0,),
)


def _student_density(df: Tensor, t: Tensor) -> Tensor:
    """(1 + t²/ν)^(-(ν+1)/2) / (√ν B(ν/2, ½))"""
    power: Tensor = (df + 1) * 0.5 * log1p(t * t / df)
    return exp(-power - betaln(df * 0.5, 0.5) - 0.5 * log(df))


def _student_by_df(df: Tensor, t: Tensor, y: Tensor) -> Tensor:
    """From F = 1 - ½ I(z; ν/2, ½) for t > 0, with z = ν/(ν+t²); 0/0 at t = 0 is cancelled."""
    z = df / (df + t * t)
    direct = sign(t) * betainc_by_a(df * 0.5, 0.5, z) * 0.25
    through_z: Tensor = 0.5 * t / df * _student_density(df, t)
    return -direct - through_z


stdtr = special_binary(
    "stdtr",
    "df, t",
    (_student_by_df, lambda df, t, y: _student_density(df, t)),
    "The distribution function of Student's t with df degrees of freedom.",
    "0.93033702",
    domain=(_SHAPE, (0.3, 2.0)),
)
stdtrit = special_binary(
    "stdtrit",
    "df, p",
    (
        lambda df, p, y: -_student_by_df(df, y, p) / _student_density(df, y),
        lambda df, p, y: 1 / _student_density(df, y),
    ),
    "The t with stdtr(df, t) = p.",
    "1.63774435",
    domain=(_SHAPE, _FRACTION),
    example=(3.0, 0.9),
)
