"""Stabilisation: what overflows on the way to an ordinary number is computed in its stable form."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.passes.rewriting import is_known, with_inputs


def stabilise(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph that computes the stable forms of its nodes.

    A form is found in the graph as it was written, never in another form.
    """
    ends = set(inputs)
    forms: dict[Node, Node] = {}

    def follow(node: Node) -> tuple[Node, ...]:
        if node in ends or is_known(node):
            return ()
        if node.op.may_have_stable_form and node.inputs:
            form = node.op.stable_form(node, ends)
            if form is not None:
                forms[node] = form.node
                return (form.node,)
        return node.inputs

    order = topological_order(outputs, follow)
    if not forms:
        return list(outputs)
    done: dict[Node, Node] = {}
    for node in order:
        if node in forms:
            done[node] = done[forms[node]]
        elif node in ends or is_known(node):
            done[node] = node
        else:
            done[node] = with_inputs(node, tuple([done[x] for x in node.inputs]))
    return [done[node] for node in outputs]
