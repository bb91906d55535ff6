"""Comparisons, logic and predicates: boolean results, so no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.ops.elementwise import binary, to_bool, unary


def _compare(name: str, numpy: Any, sign: str, accepts: str = "any") -> Any:
    return binary(
        name,
        numpy,
        None,
        None,
        accepts=accepts,
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
logical_not = unary(
    "logical_not",
    np.logical_not,
    None,
    accepts="any",
    result=to_bool,
    example=(True,),
    doc="Whether x is false.",
)
isnan = unary(
    "isnan", np.isnan, None, accepts="any", result=to_bool, doc="Whether x is not a number."
)
isinf = unary("isinf", np.isinf, None, accepts="any", result=to_bool, doc="Whether x is infinite.")
isfinite = unary(
    "isfinite", np.isfinite, None, accepts="any", result=to_bool, doc="Whether x is finite."
)
