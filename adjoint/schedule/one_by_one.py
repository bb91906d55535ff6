"""Results whose elements are computed one by one, and what is therefore computed before them.

A sum along a row needs the sum before it, and numbers that are added at places which indices name
may meet there. So neighbours cannot be the lanes of vectors, nor can what the same loop computes
for them: a sine takes ten times as long then. It is stored by a loop of its own, which costs a
store and a load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from adjoint.graph.native_rule import ELEMENTARY
from adjoint.graph.node import Node
from adjoint.graph.types import Shape, size_of

LEAST_ELEMENTS = 64
"""Fewer are a few vectors, for which another loop is not worth writing."""


def has_no_lanes(node: Node, domain: Shape) -> bool:
    """Whether neighbours along the last axis of the loops wait for each other, or may meet."""
    last = last_long(domain)
    if node.op.scans:
        return bool(node.params[0] == last)
    return node.op.scatters and last in node.op.scattered_axes(node)


def computed_before(
    stored: Iterable[Node],
    domain_of: Callable[[Node], Shape],
    reads: Callable[[Node], Sequence[Node]],
    costs_of: Callable[[], Mapping[Node, int]],
) -> dict[Node, list[Node]]:
    """The results of `stored` that are computed one by one, each with the costly of its inputs.

    `costs_of` says what an element costs with all that is computed in the same loop; of a leaf, or
    of what is stored anyway, nothing.
    """
    ones = [node for node in stored if has_no_lanes(node, domain_of(node))]
    ones = [node for node in ones if size_of(domain_of(node)) >= LEAST_ELEMENTS]
    costs = costs_of() if ones else {}
    found: dict[Node, list[Node]] = {}
    for node in ones:
        if costly := [x for x in reads(node) if costs.get(x, 0) >= ELEMENTARY]:
            found[node] = costly
    return found


def last_long(domain: Shape) -> int:
    """The last axis with more than one element, or -1."""
    return max((axis for axis, size in enumerate(domain) if size > 1), default=-1)
