"""How a pass goes over a graph: inputs before users, each node offered to a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.open_numbers import array_of
from adjoint.graph.order import topological_order
from adjoint.ops import records


def rebuild(
    outputs: Sequence[Node], inputs: Sequence[Node], rule: Callable[[Node], Node]
) -> list[Node]:
    """The outputs of the graph in which `rule` has replaced each node.

    The rule sees each node with its inputs replaced already, and returns it or an equal one. The
    `inputs` of the program stay as they are. Linear in the size of the graph.
    """
    ends = set(inputs)
    done: dict[Node, Node] = {node: node for node in ends}
    for node in topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs):
        given = node.inputs  # read before the value, which is there before they are forgotten
        if node in done:
            continue
        if is_known(node):
            done[node] = rule(as_constant(node))
        else:
            done[node] = rule(with_inputs(node, tuple([done[c] for c in given])))
    return [done[node] for node in outputs]


def owned(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of the same graph, of nodes that nobody else holds.

    Whoever holds a node may have it computed at any time, in another thread too, after which it has
    forgotten what it was computed from: code that is made of it then would be another.
    """
    done: dict[Node, Node] = {node: node for node in inputs}
    for node in topological_order(outputs, lambda n: () if n in done or is_known(n) else n.inputs):
        given = node.inputs  # as above
        if node in done:
            continue
        if is_known(node):
            done[node] = constant_node(array_of(node.value), node.shape, node.dtype)
        else:
            inner = tuple([done[c] for c in given])
            done[node] = Node(node.op, inner, node.params, node.shape, node.dtype)
    return [done[node] for node in outputs]


def is_known(node: Node) -> bool:
    """Whether the node has its value: then it may have forgotten its inputs."""
    return node.value is not None


def is_transpose(x: Node) -> bool:
    """Whether a matrix is another one with its axes exchanged."""
    return x.op is records.permute_dims and bool(x.inputs) and x.params[0] == (1, 0)


def as_constant(node: Node) -> Node:
    """A node with a value as a constant."""
    if is_constant(node):
        return node
    return constant_node(array_of(node.value), node.shape, node.dtype)


def with_inputs(node: Node, inputs: tuple[Node, ...]) -> Node:
    """`node` applied to other inputs of the same shapes and dtypes."""
    if inputs == node.inputs:
        return node
    return Node(node.op, inputs, node.params, node.shape, node.dtype)
