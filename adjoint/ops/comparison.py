"""Comparisons, logic and predicates: boolean results, so no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.ops.elementwise import Binary, Unary, binary, to_bool, unary

__all__ = [
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "isnan",
    "isinf",
    "isfinite",
    "signbit",
]


def _compare(name: str, numpy: Any, sign: str, accepts: str = "any") -> Binary:
    return binary(
        name,
        numpy,
        None,
        None,
        accepts=accepts,
        tame=True,
        result=to_bool,
        doc=f"Whether x1 {sign} x2; boolean, so its derivative is zero.",
    )


less = _compare("less", np.less, "<")
less_equal = _compare("less_equal", np.less_equal, "<=")
greater = _compare("greater", np.greater, ">")
greater_equal = _compare("greater_equal", np.greater_equal, ">=")
equal = _compare("equal", np.equal, "==")
not_equal = _compare("not_equal", np.not_equal, "!=")
logical_and = _compare("logical_and", np.logical_and, "and")
logical_or = _compare("logical_or", np.logical_or, "or")
logical_xor = _compare("logical_xor", np.logical_xor, "xor")


def _ask(name: str, numpy: Any, doc: str, accepts: str = "any", example: Any = 0.5) -> Unary:
    options = {"accepts": accepts, "tame": True, "result": to_bool}
    return unary(name, numpy, None, example=(example,), doc=doc, **options)


logical_not = _ask("logical_not", np.logical_not, "Whether x is false.", example=True)
isnan = _ask("isnan", np.isnan, "Whether x is not a number.")
isinf = _ask("isinf", np.isinf, "Whether x is infinite.")
isfinite = _ask("isfinite", np.isfinite, "Whether x is finite.")
signbit = _ask(
    "signbit", np.signbit, "Whether the sign of x is minus, of -0.0 too.", "real", example=-0.5
)
