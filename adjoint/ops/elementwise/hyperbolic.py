"""Hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.ops.family.elementwise import Unary, unary

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


def _tanh(x: Any) -> Any:
    """NumPy's, but at ±∞ + b j the imaginary part has the sign of b, as in the array API."""
    found = np.tanh(x)
    if found.dtype.kind != "c":
        return found
    ends = np.isinf(x.real) & np.isfinite(x.imag)
    if ends.any():
        found = np.array(found)
        found.imag = np.where(ends, np.copysign(0, x.imag), found.imag)
    return found


tanh = unary("tanh", _tanh, lambda x, y: 1 - y * y, doc="The hyperbolic tangent.")


def _arcsinh_slope(x: Any) -> Any:
    if np.iscomplexobj(x):
        return np.reciprocal(np.sqrt(1 + x * x))
    return np.reciprocal(np.hypot(1, x)).astype(np.asarray(x).dtype)


arcsinh_slope: Unary = unary(
    "arcsinh_slope",
    _arcsinh_slope,
    lambda x, y: -(x * y) * (y * y),
    prefix="",
    doc="The derivative of arcsinh, 1 / √(x² + 1), where x² overflows too.",
)
arcsinh = asinh = unary(
    "arcsinh",
    np.arcsinh,
    lambda x, y: arcsinh_slope(x),
    doc="The inverse hyperbolic sine.",
)
arccosh_slope: Unary = unary(
    "arccosh_slope",
    lambda x: np.reciprocal(np.sqrt(x - 1) * np.sqrt(x + 1)),
    lambda x, y: -0.5 * (y * (1 / (x - 1) + 1 / (x + 1))),
    domain=(1.5, 3.0),
    example=(2.0,),
    prefix="",
    doc="The derivative of arccosh, 1 / √(x² - 1); those that follow are ±∞ at 1.",
)
arccosh = acosh = unary(
    "arccosh",
    np.arccosh,
    lambda x, y: arccosh_slope(x),
    domain=(1.5, 3.0),
    example=(2.0,),
    doc="The inverse hyperbolic cosine; slope ∞ at 1.",
)


def _arctanh_slope(x: Any) -> Any:
    inside = (1 - x) * (1 + x)
    if np.iscomplexobj(x):
        return np.reciprocal(inside)
    return np.where(np.less(inside, 0), np.nan, np.reciprocal(inside)).astype(np.asarray(x).dtype)


arctanh_slope: Unary = unary(
    "arctanh_slope",
    _arctanh_slope,
    lambda x, y: 2 * x * (y * y),
    domain=(-0.9, 0.9),
    prefix="",
    doc="The derivative of arctanh, 1 / (1 - x²), but nan where arctanh is.",
)
arctanh = atanh = unary(
    "arctanh",
    np.arctanh,
    lambda x, y: arctanh_slope(x),
    domain=(-0.9, 0.9),
    doc="The inverse hyperbolic tangent; slope ∞ at ±1, nan outside.",
)
