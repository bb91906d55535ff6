"""Long chains of operations, computed from their beginning: pulling would recurse deeply."""

from __future__ import annotations

from collections.abc import Container, Sequence

from adjoint.graph.loop_form import MAX_NESTED_READS
from adjoint.graph.node import Node
from adjoint.schedule.signature import is_literal


def long_chain(root: Node, stored: Container[Node], inlined: Sequence[Node]) -> list[Node]:
    """What is computed for an element of a root, inputs first, if that is much; `stored` nodes are
    read from memory, and those `inlined` are in order."""
    reduces = root.op.combine is not None or root.op.scatters
    end = root.inputs[0] if reduces else root
    chain = set()
    stack = [end]
    while stack:
        node = stack.pop()
        if node in chain or not node.op.pointwise or node.shape != end.shape:
            continue
        if node is not root and (node in stored or is_literal(node)):
            continue
        chain.add(node)
        stack.extend(node.inputs)
    if len(chain) <= MAX_NESTED_READS:
        return []
    return [node for node in inlined if node in chain]
