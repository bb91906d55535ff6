"""Comparisons, logic and predicates: boolean results, so no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.leaf import constant_node, is_weak
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import BOOL
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


def _compare(name: str, numpy: Any, sign: str, otherwise: Any = None) -> Binary:
    return binary(
        name,
        numpy,
        None,
        None,
        accepts="any",
        tame=True,
        result=to_bool,
        otherwise=otherwise,
        doc=f"Whether x1 {sign} x2; boolean, so its derivative is zero.",
    )


def _order(name: str, numpy: Any, sign: str) -> Binary:
    """A comparison, of integers also with Python's that are beyond their dtype."""

    def beyond(x1: Any, x2: Any) -> Tensor | None:
        if type(x2) is int and (side := _side(x1, x2)):
            return _everywhere(numpy(0, side), x1)
        if type(x1) is int and (side := _side(x2, x1)):
            return _everywhere(numpy(side, 0), x2)
        return None

    return _compare(name, numpy, sign, beyond)


def _side(x: Any, number: int) -> int:
    """1 if a number is greater than all that an integer tensor can hold, -1 if it is less, else 0.

    What stands for a Python number holds any, as far as one can tell."""
    if type(x) is not Tensor or x.node.dtype.kind not in "iu" or is_weak(x.node):
        return 0
    limits = np.iinfo(x.node.dtype)
    return (number > limits.max) - (number < limits.min)


def _everywhere(truth: Any, x: Tensor) -> Tensor:
    shape = x.node.shape
    return Tensor(constant_node(np.full(shape, truth), shape, BOOL))


less = _order("less", np.less, "<")
less_equal = _order("less_equal", np.less_equal, "<=")
greater = _order("greater", np.greater, ">")
greater_equal = _order("greater_equal", np.greater_equal, ">=")
equal = _order("equal", np.equal, "==")
not_equal = _order("not_equal", np.not_equal, "!=")
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
