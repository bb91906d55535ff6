"""How a pass goes over a graph: inputs before users, each node offered to a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order


def rebuild(
    outputs: Sequence[Node], inputs: Sequence[Node], rule: Callable[[Node], Node]
) -> list[Node]:
    """The outputs of the graph in which `rule` has replaced each node.

    The rule sees each node with its inputs replaced already, and returns it or an equal one. The
    `inputs` of the program stay as they are. Linear in the size of the graph.
    """
    ends = set(inputs)
    done: dict[Node, Node] = {node: node for node in ends}
    for node in topological_order(outputs, lambda n: () if n in ends else n.inputs):
        if node not in done:
            done[node] = rule(with_inputs(node, tuple([done[c] for c in node.inputs])))
    return [done[node] for node in outputs]


def with_inputs(node: Node, inputs: tuple[Node, ...]) -> Node:
    """`node` applied to other inputs of the same shapes and dtypes."""
    if inputs == node.inputs:
        return node
    return Node(node.op, inputs, node.params, node.shape, node.dtype)
