"""Exponentials and logarithms, and the logistic function."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from adjoint.graph.emitter import Emitter
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.family.elementwise import Masked, binary, unary
from adjoint.ops.stability import stable_forms

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "logaddexp",
    "logaddexp2",
]

V = TypeVar("V")

_POSITIVE = (0.5, 2.0)
_LN2 = math.log(2.0)
_MODERATE = {"float64": 118.0, "float32": 14.0, "float16": 1.75}
"""Exponents up to here are left alone: even the sixth power of their powers is finite."""

exp = unary("exp", np.exp, lambda x, y: y, doc="The exponential e**x.")
exp2 = unary("exp2", np.exp2, lambda x, y: y * _LN2, doc="The power 2**x.")


def _expm1(x: Any) -> Any:
    """NumPy's, but complex numbers that are 0 or not finite have the values of C99."""
    found = np.expm1(x)
    if found.dtype.kind != "c":
        return found
    odd = ~np.isfinite(x) | np.equal(x, 0)
    return np.where(odd, np.exp(x) - 1, found) if odd.any() else found


expm1 = unary("expm1", _expm1, lambda x, y: y + 1, doc="exp(x) - 1, accurate near 0.")


exp_within = unary(
    "exp_within",
    np.exp,
    lambda x, y: y,
    prefix="",
    doc="exp(x) in a form that is stable already: it is never looked through.",
)


def _excess(x: Any) -> Any:
    x = np.asarray(x)
    moderate = (np.abs(x) <= _MODERATE[x.dtype.name]) | np.isinf(x)
    return np.where(moderate, np.zeros((), x.dtype), x)


def _excess_rule(e: Emitter[V], x: V) -> V:
    size = e.abs(x)
    moderate = e.less_equal(size, _MODERATE[e.dtype(x).name])
    return e.select(e.bitwise_or(moderate, e.equal(size, math.inf)), 0.0, x)


_excess_rule.of_floats = True  # type: ignore[attr-defined]


excess = unary(
    "excess",
    _excess,
    None,
    accepts="real",
    scalar=_excess_rule,
    domain=(-1.5, 1.5),
    prefix="",
    doc="The exponent that is to be taken out of a power: 0 for moderate x and ±inf, else x.",
)


def _log_slope(x: Any) -> Any:
    if np.iscomplexobj(x):
        return np.reciprocal(x)
    slope = np.reciprocal(np.abs(x))
    outside = np.less(x, 0)
    return np.where(outside, np.nan, slope) if np.any(outside) else slope


log_slope = unary(
    "log_slope",
    _log_slope,
    lambda x, y: -(y * y),
    domain=_POSITIVE,
    example=(2.0,),
    shown="0.5",
    prefix="",
    doc="The derivative of log: 1 / x, but nan where log(x) is.",
)
log = unary(
    "log",
    np.log,
    lambda x, y: log_slope(x),
    domain=_POSITIVE,
    stable_rule=stable_forms.logarithm_e,
    doc="The natural logarithm.",
)
log2 = unary(
    "log2",
    np.log2,
    lambda x, y: log_slope(x) * (1 / _LN2),
    domain=_POSITIVE,
    stable_rule=stable_forms.logarithm_2,
    doc="The logarithm to base 2.",
)
log10 = unary(
    "log10",
    np.log10,
    lambda x, y: log_slope(x) * (1 / math.log(10.0)),
    domain=_POSITIVE,
    stable_rule=stable_forms.logarithm_10,
    doc="The logarithm to base 10.",
)
log1p = unary(
    "log1p",
    np.log1p,
    lambda x, y: log_slope(1 + x),
    domain=(-0.5, 2.0),
    stable_rule=stable_forms.logarithm_of_one_more,
    doc="log(1 + x), accurate near 0.",
)
x_log_x = unary(
    "x_log_x",
    lambda x: x * np.log(x),
    lambda x, y: log(x) + 1,
    domain=_POSITIVE,
    prefix="",
    doc="x log(x) as one function, so that its slope at 0 is -∞ and not 0·∞.",
)


def _expit(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), small, 1) / (1 + small)


expit = unary(
    "expit",
    _expit,
    lambda x, y: y * (1 - y),
    accepts="real",
    prefix="ad.special.",
    doc="The logistic sigmoid 1 / (1 + exp(-x)), stable for every x.",
)


def _share(a: Any, b: Any, y: Any, scale: float = 1.0) -> Masked:
    """How much of log(eᵃ + eᵇ) belongs to a: eᵃ⁻ʸ; nothing of an empty sum, log 0."""
    difference = a - b if scale == 1.0 else (a - b) * scale
    return Masked(not_equal(y, -math.inf), expit(difference))


logaddexp = binary(
    "logaddexp",
    np.logaddexp,
    lambda x1, x2, y: _share(x1, x2, y),
    lambda x1, x2, y: _share(x2, x1, y),
    accepts="real",
    doc="log(exp(x1) + exp(x2)), without overflow; the derivatives of log(0 + 0) are 0.",
)
logaddexp2 = binary(
    "logaddexp2",
    np.logaddexp2,
    lambda x1, x2, y: _share(x1, x2, y, _LN2),
    lambda x1, x2, y: _share(x2, x1, y, _LN2),
    accepts="real",
    doc="The logarithm to base 2 of 2**x1 + 2**x2, without overflow.",
)
