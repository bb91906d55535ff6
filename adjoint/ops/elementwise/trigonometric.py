"""Trigonometric functions and their inverses."""

from __future__ import annotations

import math

import numpy as np

from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.comparison import equal, logical_and, not_equal
from adjoint.ops.elementwise.power import hypot
from adjoint.ops.family.elementwise import Factor, KinkSpec, Masked, Unary, binary, unary

__all__ = [
    "sin",
    "cos",
    "tan",
    "arcsin",
    "asin",
    "arccos",
    "acos",
    "arctan",
    "atan",
    "arctan2",
    "atan2",
    "deg2rad",
    "radians",
    "rad2deg",
    "degrees",
]

_INSIDE = (-0.9, 0.9)

sin = unary("sin", np.sin, lambda x, y: cos(x), doc="The sine.")
cos: Unary = unary("cos", np.cos, lambda x, y: -sin(x), doc="The cosine.")
tan = unary("tan", np.tan, lambda x, y: 1 + y * y, domain=(-1.2, 1.2), doc="The tangent.")


arcsin_slope: Unary = unary(
    "arcsin_slope",
    lambda x: np.reciprocal(np.sqrt((1 - x) * (1 + x))),
    lambda x, y: x * (y * y * y),
    domain=_INSIDE,
    prefix="",
    doc="The derivative of arcsin, 1 / √(1 - x²); those that follow are ±∞ at ±1, and never ∞ - ∞.",
)
arcsin = asin = unary(
    "arcsin",
    np.arcsin,
    lambda x, y: arcsin_slope(x),
    domain=_INSIDE,
    doc="The inverse sine; slope ∞ at ±1.",
)
arccos = acos = unary(
    "arccos",
    np.arccos,
    lambda x, y: -arcsin_slope(x),
    domain=_INSIDE,
    doc="The inverse cosine; slope -∞ at ±1.",
)
arctan = atan = unary("arctan", np.arctan, lambda x, y: 1 / (1 + x * x), doc="The inverse tangent.")


def _turn(x: Tensor, x1: Tensor, x2: Tensor) -> Factor:
    """x / (x1² + x2²), in steps that neither overflow nor underflow; 0 at (0, 0)."""
    h = hypot(x1, x2)
    return Masked(not_equal(h, 0), x / h / h)


arctan2 = atan2 = binary(
    "arctan2",
    np.arctan2,
    lambda x1, x2, y: _turn(x2, x1, x2),
    lambda x1, x2, y: _turn(-x1, x1, x2),
    accepts="real",
    kink=KinkSpec("angle", lambda x1, x2, y: logical_and(equal(x1, 0), equal(x2, 0))),
    domain=((0.5, 2.0), (-2.0, 2.0)),
    doc="The angle of the point (x2, x1), from -π to π; its derivatives at (0, 0) are 0.",
)
deg2rad = radians = unary(
    "deg2rad",
    np.deg2rad,
    lambda x, y: math.pi / 180,
    accepts="real",
    example=(180.0,),
    doc="Degrees as radians.",
)
rad2deg = degrees = unary(
    "rad2deg", np.rad2deg, lambda x, y: 180 / math.pi, accepts="real", doc="Radians as degrees."
)
public_as("radians")(radians)
public_as("degrees")(degrees)
