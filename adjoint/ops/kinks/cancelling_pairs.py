"""Sums of two kinks that cancel: log(eᵃ + eᵇ) as careful users write it.

max(a, b) + log(1 + exp(-|a - b|)) does not overflow, and is smooth. Its terms are not: where a = b,
which is where all weights are zero, |a - b| and max(a, b) have the subgradients of least norm, and
these do not add up to the derivative of the sum. So the pair is differentiated as `logaddexp`, and
where b is 0 as `softplus`. The `smooth_form` of sums and differences (see
`adjoint.ops.kinks.smooth_forms`).
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np

from adjoint.graph import calls
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops.stability.exponents import alike
from adjoint.ops.stability.scaled_numbers import is_one, softplus

_KINKS = frozenset({"maximum", "minimum", "where"})
_ORDER = frozenset({"greater", "greater_equal", "less", "less_equal"})
_LOGS = frozenset({"log1p", "log", "softplus"})
_DIRECT = _KINKS | _LOGS
_LEVELS = 4
"""How many sums of sums are looked through."""


class Term(NamedTuple):
    """A term of a sum, and its sign."""

    sign: int
    node: Node


def paired(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """A sum with log(eᵃ + eᵇ) in place of max(a, b) and log(1 + exp(-|a - b|))."""
    first, second = node.inputs
    if (first.op.name not in _DIRECT and second.op.name not in _DIRECT) or node.dtype.kind != "f":
        return None
    terms = list(_terms(node, 1, kept, _LEVELS))
    for tail in terms:
        u = _distance(tail.node, kept)
        if u is None:
            continue
        for kink in terms:
            found = _whole(kink, tail, u, kept)
            if found is not None:
                return _sum(found, [t for t in terms if t is not tail and t is not kink], node)
    return None


def _terms(node: Node, sign: int, kept: AbstractSet[Node], levels: int) -> Iterator[Term]:
    if node.op.name not in ("add", "subtract") or not levels or (node in kept or not node.inputs):
        yield Term(sign, node)
        return
    first, second = node.inputs
    yield from _terms(first, sign, kept, levels - 1)
    yield from _terms(second, sign if node.op.name == "add" else -sign, kept, levels - 1)


def _distance(x: Node, kept: AbstractSet[Node]) -> Node | None:
    """u where x is log(1 + exp(-|u|))."""
    if x.op.name not in _LOGS or x in kept or not x.inputs:
        return None
    (inner,) = x.inputs
    if x.op.name == "softplus":
        return _size(inner, kept)
    if x.op.name == "log":
        if inner.op.name != "add" or inner in kept or not inner.inputs:
            return None
        one, inner = inner.inputs if is_one(inner.inputs[0]) else inner.inputs[::-1]
        if not is_one(one):
            return None
    if inner.op.name != "exp" or inner in kept or not inner.inputs:
        return None
    return _size(inner.inputs[0], kept)


def _size(x: Node, kept: AbstractSet[Node]) -> Node | None:
    """u where x is -|u|."""
    for name in ("negative", "abs"):
        if x.op.name != name or x in kept or not x.inputs:
            return None
        x = x.inputs[0]
    return x


def _whole(kink: Term, tail: Term, u: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """±log(eᵃ + eᵇ), if u is a - b or b - a, and the signs fit; of a minimum ±log(e⁻ᵃ + e⁻ᵇ)."""
    x = kink.node
    if x.op.name not in _KINKS or x in kept or not x.inputs:
        return None
    sign = -1 if x.op.name == "minimum" else 1
    if kink.sign * sign != tail.sign:
        return None
    a, b = _positive_part(x) if x.op.name == "where" else x.inputs
    if is_zero(a):
        a, b = b, a
    if is_zero(b):
        if not _same_size(u, a, kept):
            return None
        whole = softplus(Tensor(a) if sign > 0 else -Tensor(a))
    else:
        if u.op.name != "subtract" or u in kept or not u.inputs:
            return None
        p, q = u.inputs
        if not any(alike(p, x, kept) and alike(q, y, kept) for x, y in ((a, b), (b, a))):
            return None
        first, second = Tensor(a), Tensor(b)
        whole = calls.logaddexp(first, second) if sign > 0 else calls.logaddexp(-first, -second)
    return whole if tail.sign > 0 else -whole


def _positive_part(x: Node) -> tuple[Node, Node]:
    """z and 0 where x is ``where(z > 0, z, 0)`` or the like; else nodes of which neither is 0."""
    condition, yes, no = x.inputs
    if condition.inputs and condition.op.name in _ORDER:
        z, bound = condition.inputs
        chosen, other = (yes, no) if condition.op.name.startswith("greater") else (no, yes)
        if is_zero(bound) and is_zero(other) and chosen is z:
            return z, other
    return condition, condition


def _same_size(u: Node, a: Node, kept: AbstractSet[Node]) -> bool:
    """Whether |u| is |a|."""
    if alike(u, a, kept):
        return True
    for x, y in ((u, a), (a, u)):
        if x.op.name == "negative" and x.inputs and x not in kept and alike(x.inputs[0], y, kept):
            return True
    return False


def is_zero(x: Node) -> bool:
    """Whether `x` is the known number 0, once or everywhere."""
    if x.op.name == "broadcast_to" and x.inputs:
        x = x.inputs[0]
    return size_of(x.shape) == 1 and is_constant(x) and not np.asarray(x.value).any()


def _sum(found: Tensor, rest: list[Term], node: Node) -> Tensor:
    total = found
    for sign, term in rest:
        total = total + Tensor(term) if sign > 0 else total - Tensor(term)
    return total if total.shape == node.shape else calls.broadcast_to(total, node.shape)
