"""Scalar mathematics in emitter words, which loops around it turn into vector mathematics.

Floor 3; imports the graph floor only. Each function is straight-line code, `exp(e, x)`, for
float32 and float64 alike (float16 goes through float32): no branch, no table, no call, so LLVM
vectorises a loop around it. Two things are left to `Emitter.slow_path`: the huge arguments of sin,
cos and tan, and the negative ones of lgamma, digamma and trigamma.

IEEE special values, signed zeros and subnormal numbers are as in C99 throughout.
"""

from __future__ import annotations

from .error import erf, erfc, erfcinv, erfcx, erfinv, log_ndtr, ndtr, ndtri
from .exponential import exp, exp2, expm1, sigmoid, softplus
from .gamma import digamma, lgamma, trigamma
from .hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from .logarithmic import log, log1p, log2, log10
from .power import cbrt, hypot, pow, sqrt
from .trigonometric import acos, asin, atan, atan2, cos, sin, tan

BOUNDS: dict[str, float] = {
    "exp": 1.0,
    "exp2": 1.0,
    "expm1": 1.5,
    "sigmoid": 1.5,
    "softplus": 2.0,
    "log": 1.0,
    "log2": 1.0,
    "log10": 1.0,
    "log1p": 1.0,
    "sin": 1.0,
    "cos": 1.0,
    "tan": 1.0,
    "asin": 1.5,
    "acos": 1.5,
    "atan": 1.0,
    "atan2": 1.5,
    "sinh": 1.5,
    "cosh": 1.5,
    "tanh": 1.5,
    "asinh": 1.0,
    "acosh": 1.0,
    "atanh": 1.0,
    "erf": 1.0,
    "erfc": 1.5,
    "erfcx": 1.5,
    "erfinv": 2.0,
    "erfcinv": 2.0,
    "ndtr": 1.5,
    "ndtri": 2.0,
    "log_ndtr": 2.0,
    "pow": 1.0,
    "sqrt": 0.5,
    "cbrt": 1.0,
    "hypot": 1.0,
    "lgamma": 2.0,  # of x > 0; below, this many of the greatest term of the reflection
    "digamma": 2.0,  # likewise
    "trigamma": 2.0,  # likewise
}
"""The greatest error of each function in units in the last place, in float32 and in float64."""

__all__ = [
    "BOUNDS",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "cos",
    "cosh",
    "digamma",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "hypot",
    "lgamma",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_ndtr",
    "ndtr",
    "ndtri",
    "pow",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "trigamma",
]
