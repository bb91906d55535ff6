"""Closing a graph: what it uses from outside becomes inputs, so that a loop can hold it."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.leaf import constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import is_inexact, size_of
from adjoint.transforms.substitute import substitute

WRITTEN_IN = 64
"""Floating constants of up to so many elements are written into a graph, where they can be folded.
Larger ones are inputs: graphs that differ in them only share their code, and hold no memory."""


def dependent(order: Sequence[Node], variables: Sequence[Node]) -> set[Node]:
    """The nodes of a topological order that depend on the variables."""
    found = set(variables)
    for node in order:
        if not found.isdisjoint(node.inputs):
            found.add(node)
    return found


def captured(
    outputs: Sequence[Node], variables: Sequence[Node], written_in: int = WRITTEN_IN
) -> list[Node]:
    """The nodes from outside that the graph between `variables` and `outputs` reads.

    What depends on no variable is computed outside, once. Constants of up to `written_in` elements,
    and all that are not floating, such as indices, are written into the graph.
    """
    ends = set(variables)
    order = topological_order(
        outputs, lambda n: () if n in ends or n.value is not None else n.inputs
    )
    inside = dependent(order, variables)
    read = [x for node in order if node in inside and node not in ends for x in node.inputs]
    read += outputs
    return [x for x in dict.fromkeys(read) if x not in inside and not is_written_in(x, written_in)]


def reading_once(outputs: Sequence[Node], variables: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph that reads each part of a tensor from outside once.

    ``p[0]`` is made anew wherever it is written. A loop back would add up an adjoint for each.
    """
    outside = captured(outputs, variables)
    first: dict[object, Node] = {}
    found = {
        x: Tensor(first.setdefault((x.op, x.inputs, x.params) if x.op.moves else x, x))
        for x in outside
    }
    if len(first) == len(outside):
        return list(outputs)
    return [x.node for x in substitute(outputs, found | {x: Tensor(x) for x in variables})]


def is_written_in(x: Node, most: int) -> bool:
    """Whether a node stands for itself in a graph that reads it."""
    if x.op is not constant:
        return False
    return not is_inexact(x.dtype) or size_of(x.shape) <= most


def closed(outputs: Sequence[Node], variables: Sequence[Node], outside: Sequence[Node]) -> Subgraph:
    """The graph with inputs for the nodes from `outside`, and after them for the `variables`."""
    given = [*outside, *variables]
    inputs = fresh_variables(given)
    found: dict[Node, Tensor] = dict(zip(given, inputs, strict=True))
    return Subgraph([x.node for x in inputs], [x.node for x in substitute(outputs, found)])
