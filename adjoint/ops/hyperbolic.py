"""Hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from adjoint.ops.elementwise import Unary, unary
from adjoint.ops.exponential import log_slope
from adjoint.ops.power import sqrt

__all__ = [
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "asinh",
    "arccosh",
    "acosh",
    "arctanh",
    "atanh",
]

sinh = unary("sinh", np.sinh, lambda x, y: cosh(x), doc="The hyperbolic sine.")
cosh: Unary = unary("cosh", np.cosh, lambda x, y: sinh(x), doc="The hyperbolic cosine.")
tanh = unary("tanh", np.tanh, lambda x, y: 1 - y * y, doc="The hyperbolic tangent.")
arcsinh = asinh = unary(
    "arcsinh",
    np.arcsinh,
    lambda x, y: 1 / sqrt(1 + x * x),
    doc="The inverse hyperbolic sine.",
)
arccosh = acosh = unary(
    "arccosh",
    np.arccosh,
    lambda x, y: 1 / (sqrt(x - 1) * sqrt(x + 1)),
    domain=(1.5, 3.0),
    example=(2.0,),
    doc="The inverse hyperbolic cosine; slope ∞ at 1.",
)
arctanh = atanh = unary(
    "arctanh",
    np.arctanh,
    lambda x, y: log_slope((1 - x) * (1 + x)),
    domain=(-0.9, 0.9),
    doc="The inverse hyperbolic tangent; slope ∞ at ±1, nan outside.",
)
