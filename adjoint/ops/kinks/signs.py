"""The smooth forms of |u|, max(u, c) and min(u, c) where the sign of u is known by its making.

|x²| is x², and max(x², 0) too: there the kink is only met, never crossed.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.ops.kinks import smooth_forms

_LOOK = 6
"""How many levels of nodes are looked through."""
_NEVER_NEGATIVE = frozenset(
    {"abs", "square", "sqrt", "exp", "exp2", "expit", "cosh", "norm2", "hypot"}
)
_AS_THEIR_INPUT = frozenset({"reshape", "broadcast_to", "permute_dims", "slice", "sum"})


def size(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u for |u| where u is never negative, -u where it is never positive."""
    (u,) = node.inputs
    sign = sign_of(u)
    if not sign:
        return None
    return Tensor(u) if sign > 0 else -Tensor(u)


def larger(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u for max(u, c) where u is never below 0 nor c above; else as `smooth_forms.larger`."""
    found = _beyond_constant(node, 1)
    return smooth_forms.larger(node, kept) if found is None else found


def smaller(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u for min(u, c) where u is never above 0 nor c below; else as `smooth_forms.smaller`."""
    found = _beyond_constant(node, -1)
    return smooth_forms.smaller(node, kept) if found is None else found


def _beyond_constant(node: Node, side: int) -> Tensor | None:
    """The input that lies on the `side` of 0 where the other, a constant, does not."""
    for u, other in (node.inputs, node.inputs[::-1]):
        if other.op.name == "constant" and u.shape == node.shape and u.dtype is node.dtype:
            known = np.asarray(other.value)
            if known.dtype.kind in "fiu" and _lies_beyond(known, -side) and sign_of(u) == side:
                return Tensor(u)
    return None


def _lies_beyond(known: np.ndarray[Any, Any], side: int) -> bool:
    """Whether numbers are 0 or lie on a `side` of it."""
    if known.size == 1:  # without ceremony
        return bool(known.item() * side >= 0)
    return bool(np.all(known >= 0 if side > 0 else known <= 0))


def sign_of(x: Node, look: int = _LOOK) -> int:
    """1 if a real `x` is certainly not negative, -1 if it is certainly not positive, else 0; where
    it is nan that is no matter."""
    if x.dtype.kind != "f":
        return 0
    if x.op.name == "constant":
        return _sign_of_values(x.value)
    if x.op.name in _NEVER_NEGATIVE:
        return 1
    if x.op.name == "power_const" and x.params[0] % 2 == 0:
        return 1
    if not look or not x.inputs:
        return 0
    signs = [sign_of(child, look - 1) for child in x.inputs[:2]]
    match x.op.name:
        case "negative":
            return -signs[0]
        case "add":
            return signs[0] if signs[0] == signs[1] else 0
        case "subtract":
            return signs[0] if signs[0] == -signs[1] else 0
        case "multiply" if square := _sign_of_square(*x.inputs):
            return square
        case "multiply" | "divide":
            return signs[0] * signs[1]
    return signs[0] if x.op.name in _AS_THEIR_INPUT else 0


def _sign_of_square(a: Node, b: Node) -> int:
    """1 for u u, -1 for -u u, else 0."""
    sign = 1
    bases = []
    for node in (a, b):
        if node.op.name == "negative" and node.inputs:
            node, sign = node.inputs[0], -sign
        bases.append(node)
    return sign if bases[0] is bases[1] else 0


def _sign_of_values(value: Any) -> int:
    array = np.asarray(value)
    return int(bool(np.all(array >= 0))) or -int(bool(np.all(array <= 0)))
