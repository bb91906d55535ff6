"""Parts: a kernel too large for LLVM is cut into several, which store what the others read.

What a cut stores is written by one loop and read by others. A loop must not read at another index
what it writes itself: where that element lies, nothing may have been written yet. So a part also
ends before any node that would.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from adjoint.graph.node import Node
from adjoint.graph.types import Shape

Reads = Callable[[Node], Sequence[Node]]


def cut(
    nodes: Sequence[Node],
    roots: Collection[Node],
    domain: Shape,
    starts: set[Node],
    reads: Reads,
    same_index: Callable[[Node, Node], bool],
) -> tuple[dict[Node, int], set[Node]]:
    """For the `nodes` of a kernel, inputs before users, the number of the part each belongs to, and
    what the parts store.

    Parts begin at `starts`, and where else they must.
    """
    starts = set(starts)
    while True:
        part = numbered(nodes, starts)
        stored = set(roots)
        if starts:
            stored |= read_across(part, domain, reads)
        more = too_early(nodes, starts, stored, reads, same_index) if starts else set()
        if not more:
            return part, stored
        starts |= more  # which stores more, and so may have others read too early


def heavy(nodes: Sequence[Node], weight_of: Callable[[Node], int], most: int) -> set[Node]:
    """The nodes with which those since the last such weigh more than `most`."""
    found: set[Node] = set()
    weight = 0
    for node in nodes:
        weight += weight_of(node)
        if weight > most:
            found.add(node)
            weight = weight_of(node)
    return found


def numbered(nodes: Sequence[Node], starts: Collection[Node]) -> dict[Node, int]:
    """The number of the part of each node, where new ones begin at `starts`."""
    part: dict[Node, int] = {}
    number = 0
    for node in nodes:
        number += node in starts
        part[node] = number
    return part


def read_across(part: dict[Node, int], domain: Shape, reads: Reads) -> set[Node]:
    """The nodes of the shape of the domain that another part reads."""
    return {
        child
        for node, number in part.items()
        for child in reads(node)
        if child.shape == domain and part.get(child, number) != number
    }


def too_early(
    nodes: Sequence[Node],
    starts: Collection[Node],
    stored: Collection[Node],
    reads: Reads,
    same_index: Callable[[Node, Node], bool],
) -> set[Node]:
    """The nodes that read at another index what their own part stores.

    Each begins a new part, for which what was stored before is complete.
    """
    found: set[Node] = set()
    own: set[Node] = set()
    """The nodes of the part that are stored, or read at their own index what is stored."""
    for node in nodes:
        if node in starts:
            own = set()
        children = [child for child in reads(node) if child in own]
        if any(not same_index(node, child) for child in children):
            found.add(node)
            own, children = set(), []
        if children or node in stored:
            own.add(node)
    return found
