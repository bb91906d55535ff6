"""Inlining: a call of a graph that has its own derivative becomes the graph."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.ops.control.custom_call import inlined_results
from adjoint.passes.loops import redirected, unknown_order


def inline(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph without such calls; those within calls are inlined, too."""
    nodes = list(outputs)
    while found := inlined_results(unknown_order(nodes, inputs)):
        nodes = redirected(nodes, inputs, found)
    return nodes
