"""Decomposition: operations that are better fused in pieces, as softmax is, become the pieces."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.passes.rewriting import rebuild


def decompose(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph without operations that can be decomposed."""

    def rule(node: Node) -> Node:
        if not node.inputs:
            return node
        found = node.op.decompose(node)
        return node if found is None else found.node

    return rebuild(outputs, inputs, rule)
