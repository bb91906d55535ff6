"""Loops: what another loop computes as well is read from that one."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.ops.control.merging import merged_results
from adjoint.passes.rewriting import is_known, with_inputs


def merge_loops(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which no loop does a part of what another does."""
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    merged = merged_results(order)
    if not merged:
        return list(outputs)

    def follow(node: Node) -> tuple[Node, ...]:
        if node in merged:
            return (merged[node],)
        return () if node in ends or is_known(node) else node.inputs

    done: dict[Node, Node] = {}
    for node in topological_order(outputs, follow):
        if node in merged:
            done[node] = done[merged[node]]
        elif node in ends or is_known(node):
            done[node] = node
        else:
            done[node] = with_inputs(node, tuple([done[x] for x in node.inputs]))
    return [done[node] for node in outputs]
