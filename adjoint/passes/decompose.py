"""Expansion: operations that are better fused in pieces, such as softmax, become these pieces."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.passes.rewriting import rebuild


def expand(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph without operations that can be expanded."""

    def rule(node: Node) -> Node:
        if not node.inputs:
            return node
        found = node.op.expand(node)
        return node if found is None else found.node

    return rebuild(outputs, inputs, rule)
