"""Loops: what another loop computes as well is read from that; what nobody reads is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.ops.control.merging import merged_results
from adjoint.ops.control.pruning import unread_left_out
from adjoint.passes.rewriting import is_known, with_inputs


def merge_loops(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which no loop does a part of what another does."""
    return redirected(outputs, inputs, merged_results(unknown_order(outputs, inputs)))


def prune_loops(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which loops compute only what is read of them."""
    order = unknown_order(outputs, inputs)
    return redirected(outputs, inputs, unread_left_out(order, set(outputs)))


def unknown_order(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The nodes that a program computes or reads, inputs before users."""
    ends = set(inputs)
    return topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)


def redirected(
    outputs: Sequence[Node], inputs: Sequence[Node], targets: Mapping[Node, Node]
) -> list[Node]:
    """The outputs of a graph that reads the targets in place of other nodes."""
    if not targets:
        return list(outputs)
    ends = set(inputs)

    def follow(node: Node) -> tuple[Node, ...]:
        if node in targets:
            return (targets[node],)
        return () if node in ends or is_known(node) else node.inputs

    done: dict[Node, Node] = {}
    for node in topological_order(outputs, follow):
        if node in targets:
            done[node] = done[targets[node]]
        elif node in ends or is_known(node):
            done[node] = node
        else:
            done[node] = with_inputs(node, tuple([done[x] for x in node.inputs]))
    return [done[node] for node in outputs]
