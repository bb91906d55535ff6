"""Whether what stands in |u|, a maximum, a clip is curved where the kink is met.

A slope s that was chosen there is a factor of the gradient, s u'. The second derivative has the
term s u'': it depends on the choice unless u'' is 0. So -x² in |-x²| and both sides of
min(x², x⁴) spoil a second derivative at 0, where -2 x, 2 - 3 x and W x do not.

u'' is seen in u̇, the tangent of u, or what its adjoint becomes in a second sweep: if nothing that
is differentiated moves u̇, u is straight. That is asked of numbers, where a kink is met: by the
tangent of u̇ in a generic direction, through the operations between the variables and u̇. What is
zero by construction, as above a Cholesky factor, is exactly 0 there and does not move. Beyond
`_LONGEST` operations, and beyond loops and spectra, u̇ counts as moved: then a true value may become
nan, and no wrong one a number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, make
from adjoint.ops.family.elementwise import Elementwise, keep_where
from adjoint.ops.kinks.dependence import (
    FIXED,
    OTHER,
    Array,
    Dependence,
    Entry,
    is_differentiated,
    uneven_steps,
    values_of,
    vanishes,
)
from adjoint.ops.kinks.slope import Kink, KinkSlope

_LONGEST = 200
_FOLLOWED = frozenset({"elementwise", "linear", "bilinear", "normalisation"})
_MARKS = frozenset({"marked_adjoint", "marked_tangent"})
_WITH_KINKS = frozenset({"with_kink", "with_ties"})


class KinkCurvature(KinkSlope):
    """nan where a kink is met by what is curved there; else 0."""

    name = "kink_curvature"

    def at(self, dependence: Dependence, values: Sequence[Array], kink: Kink) -> Array:
        return np.where(is_moved(dependence, values), np.nan, 0.0)


_curvature = register(KinkCurvature())


def curvature(moved: Tensor, met: Tensor, kink: Kink) -> Tensor | None:
    """nan where the kink is `met` and `moved`, the tangent of what stands in it, is not constant;
    None if it is constant in any case."""
    if not is_differentiated(moved.node):
        return None
    dependence, given = dependence_on_variables(moved.node)
    if not dependence.varies:
        return None
    return make(_curvature, (met, *map(Tensor, given)), (dependence, kink, ()))


def dependence_on_variables(result: Node) -> tuple[Dependence, list[Node]]:
    """`result` as a function of all that is differentiated, and the nodes that are given."""
    followed: dict[Node, tuple[Node, ...]] = {}

    def follow(node: Node) -> tuple[Node, ...]:
        leads_on = len(followed) < _LONGEST and _can_follow(node)
        followed[node] = node.inputs if leads_on else ()
        return followed[node]

    numbers: dict[Node, int] = {}
    entries: list[Entry] = []
    given: list[Node] = []
    for node in topological_order((result,), follow):
        numbers[node] = len(entries)
        if followed[node]:
            places = tuple([numbers[x] for x in node.inputs])
            entries.append((node.op, node.params, node.shape, node.dtype, places))
        else:
            entries.append((None, _role(node), node.shape, node.dtype))
            given.append(node)
    return Dependence(tuple(entries)), given


def _can_follow(node: Node) -> bool:
    if not is_differentiated(node) or not any(map(is_differentiated, node.inputs)):
        return False
    if node.op.name in _WITH_KINKS:
        return not node.params[1]
    if node.op.family == "linalg":
        return not node.op.kinks
    return node.op.family in _FOLLOWED or node.op.name in _MARKS


def _role(node: Node) -> str:
    """What is chosen among constants is fixed, whatever the choice depends on."""
    chosen = node.inputs and not any(map(is_differentiated, node.inputs))
    return OTHER if is_differentiated(node) and not chosen else FIXED


def is_moved(dependence: Dependence, values: Sequence[Array]) -> Array:
    """Where the result of `dependence` changes with what is given, in a generic direction; so it
    does for all that is known where an operation on the way is at a kink of its own."""
    nodes = dependence.numbers(values)
    tangents: list[Tensor | None] = []
    for number, (node, entry) in enumerate(zip(nodes, dependence.entries, strict=True)):
        if entry[0] is None:
            tangents.append(_steps(node, number) if entry[1] == OTHER else None)
            continue
        moved = [tangents[i] for i in entry[4]]
        found = node.op.push(node, moved) if any(t is not None for t in moved) else None
        at_kink = None if found is None else _own_kink(node)
        if found is not None and at_kink is not None:
            found = found + keep_where(at_kink, found * 0.0 + np.nan)
        tangents.append(found)
    last = tangents[-1]
    if last is None:
        return np.zeros(nodes[-1].shape, bool)
    values_of([last.node])
    return ~vanishes(last.node)


def _steps(node: Node, number: int) -> Tensor:
    steps = uneven_steps(node.shape, number).astype(node.dtype)
    return Tensor(constant_node(steps, node.shape, node.dtype))


def _own_kink(node: Node) -> Tensor | None:
    """Where an operation is at its kink; marks say so of themselves (`KinkMarker.alone`)."""
    if node.op.name in _WITH_KINKS:
        return Tensor(node.inputs[1])
    if isinstance(node.op, Elementwise) and node.op.kink is not None:
        return node.op.at_kink(node)
    return None
