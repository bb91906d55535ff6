"""Comparisons, logic and predicates: boolean results, so no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph import calls
from adjoint.graph.leaf import constant_node, is_weak
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import BOOL, DType, broadcast_shapes, promote
from adjoint.ops.family.elementwise import Binary, Unary, binary, to_bool, unary

UINT64 = np.dtype(np.uint64)

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
        keeps_finite=True,
        result=to_bool,
        otherwise=otherwise,
        doc=f"Whether x1 {sign} x2; boolean, so its derivative is zero.",
    )


def _order(name: str, numpy: Any, sign: str) -> Binary:
    """A comparison, exact for all pairs of integers: neither float64 nor the dtype of the other
    holds every number that there may be on one side."""

    def exact(x1: Any, x2: Any) -> Tensor | None:
        first, second = _whole(x1), _whole(x2)
        if first is None or second is None:
            if first is not None and type(x2) is int and (side := _side(first, x2)):
                return _everywhere(bool(numpy(0, side)), first)
            if second is not None and type(x1) is int and (side := _side(second, x1)):
                return _everywhere(bool(numpy(side, 0)), second)
            return None
        a, b = first.node.dtype, second.node.dtype
        if a.kind == b.kind or UINT64 not in (a, b):
            dtype = promote(a, b)
            return compared(_as(first, dtype), _as(second, dtype))
        number, found = first if a.kind == "i" else second, bool(numpy(*_SIGNS[a.kind]))
        usual = compared(_as(first, UINT64), _as(second, UINT64))
        if found:
            return logical_or(less(number, 0), usual)
        return logical_and(greater_equal(number, 0), usual)

    def compared(a: Node, b: Node) -> Tensor:
        shape = broadcast_shapes(name, a.shape, b.shape)
        return Tensor(Node(find(name), (a, b), (), shape, BOOL))

    return _compare(name, numpy, sign, exact)


_SIGNS = {"i": (-1, 0), "u": (0, -1)}
"""A negative number and one that is not, the negative one first where the first is signed."""


def _whole(x: Any) -> Tensor | None:
    """An integer tensor or array as a tensor; None if it is anything else."""
    if type(x) is not Tensor and not isinstance(x, (np.ndarray, np.integer)):
        return None
    if x.dtype.kind not in "iu":
        return None
    whole = as_tensor(x)
    if is_weak(whole.node):  # make it one that is of no other dtype than its own
        whole = calls.add(whole, 0)
    return whole


def _as(x: Tensor, dtype: DType) -> Node:
    return x.node if x.node.dtype is dtype else as_tensor(x, dtype).node


def _side(x: Tensor, number: int) -> int:
    """1 if a number is beyond the greatest that `x` may hold, -1 if beyond the least, else 0."""
    limits = np.iinfo(x.node.dtype)
    return (number > limits.max) - (number < limits.min)


def _everywhere(truth: bool, x: Tensor) -> Tensor:
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
    options = {"accepts": accepts, "keeps_finite": True, "result": to_bool}
    return unary(name, numpy, None, example=(example,), doc=doc, **options)


logical_not = _ask("logical_not", np.logical_not, "Whether x is false.", example=True)
isnan = _ask("isnan", np.isnan, "Whether x is not a number.")
isinf = _ask("isinf", np.isinf, "Whether x is infinite.")
isfinite = _ask("isfinite", np.isfinite, "Whether x is finite.")
signbit = _ask(
    "signbit", np.signbit, "Whether the sign of x is minus, of -0.0 too.", "real", example=-0.5
)
