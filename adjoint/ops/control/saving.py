"""What a reverse sweep through a checkpointed function keeps of it, by the names that JAX has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.ops.control.closing import dependent

POLICIES: dict[str, Callable[[Node], bool]] = {
    "nothing_saveable": lambda node: False,
    "dots_saveable": lambda node: node.op.name == "matmul",
    "everything_saveable": lambda node: True,
}
"""Whether the value of a node is kept; what is not is computed again."""
NOTHING = "nothing_saveable"


def saved_values(
    policy: str, forwards: Sequence[Node], inputs: Sequence[Node], backwards: Sequence[Node]
) -> tuple[list[Node], set[Node]]:
    """What the graph to `backwards` reads of the graph from the inputs to `forwards`.

    The first are values that the policy keeps, the second the inputs that are read beside them.
    """
    keeps = POLICIES[policy]
    ends = set(inputs)
    order = topological_order(forwards, lambda n: () if n in ends else n.inputs)
    computed = dependent(order, inputs) - ends
    computed.intersection_update(order)
    kept: dict[Node, None] = {}
    read: set[Node] = set()

    def follow(node: Node) -> tuple[Node, ...]:
        if node in computed and keeps(node):
            kept[node] = None
            return ()
        if node in ends:
            read.add(node)
            return ()
        return node.inputs

    topological_order(backwards, follow)
    return list(kept), read
