"""Rules of logic: what masks of structural zeros are made of when they hold everywhere or nowhere.

Each is a function from a node to an equal one, or None if it does not apply (see `simplify`).
"""

from __future__ import annotations

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import BOOL, size_of
from adjoint.ops import records
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.reductions.reduction import any
from adjoint.ops.shape.movement import broadcast_to
from adjoint.passes.constant_folding import bits, number_in


def truth(node: Node) -> bool | None:
    """Whether a mask is known to hold everywhere, or nowhere; else None."""
    found = number_in(node) if node.dtype is BOOL else None
    return None if found is None else bool(found.value)


def spread(x: Node, node: Node) -> Node | None:
    """`x` in the shape of `node`; None if their dtypes differ."""
    if x.dtype is not node.dtype:
        return None
    return x if x.shape == node.shape else broadcast_to(Tensor(x), node.shape).node


def conjunction(node: Node) -> Node | None:
    """a and true = a and a = a and (a or b) = a, a and false = false, a and (a and b) = a and b."""
    return _connected(node, neutral=True, dual=records.logical_or)


def disjunction(node: Node) -> Node | None:
    """a or false = a or a = a or (a and b) = a, a or true = true, a or (a or b) = a or b."""
    return _connected(node, neutral=False, dual=records.logical_and)


def _connected(node: Node, neutral: bool, dual: object) -> Node | None:
    for a, b in (node.inputs, node.inputs[::-1]):
        known = truth(b)
        if known is not None:
            return spread(a if known == neutral else b, node)
        if a.dtype is BOOL and (a is b or (b.op is dual and a in b.inputs)):
            return spread(a, node)
        if b.op is node.op and a in b.inputs:
            return spread(b, node)
    return None


def known_choice(node: Node) -> Node | None:
    """where(true, a, b) = a, where(false, a, b) = b, and where(c, k, k) = k for a number k."""
    condition, a, b = node.inputs
    known = truth(condition)
    if known is not None:
        return spread(a if known else b, node)
    if a.dtype is not b.dtype or a.dtype is not node.dtype:
        return None
    numbers = [number_in(x) for x in (a, b)]
    if numbers[0] is None or numbers[1] is None:
        return None
    first, second = [bits(np.asarray(x.value)) for x in numbers if x is not None]
    return spread(a, node) if (first == second).all() else None


def any_of_nothing(node: Node) -> Node | None:
    """Where a mask holds nowhere, it holds nowhere along an axis."""
    return zeros_of(node).node if truth(node.inputs[0]) is False else None


def any_of_conjunction(node: Node) -> Node | None:
    """Whether a and b hold anywhere along axes that b does not have: b, and a anywhere along them.

    So each a is looked at once, though it stands beside several b.
    """
    (x,), (axes,) = node.inputs, node.params
    if x.op is not records.logical_and or not x.inputs:
        return None
    for a, b in (x.inputs, x.inputs[::-1]):
        if a.dtype is not BOOL or b.dtype is not BOOL or len(b.shape) != len(x.shape):
            continue
        inner = tuple([i for i in axes if b.shape[i] == 1 < x.shape[i]])
        if inner and a.shape == x.shape:
            left = any(Tensor(a), inner, keepdims=True) & Tensor(b)
            return any(left, axes).node
    return None


def sum_of_zeros(node: Node) -> Node | None:
    """The sum of zeros is 0; -0, which a sum of nothing but -0 is, is no zero here."""
    found = number_in(node.inputs[0])
    if found is None or node.inputs[0].dtype is not node.dtype or not size_of(node.shape):
        return None
    return zeros_of(node).node if not bits(np.asarray(found.value)).any() else None
