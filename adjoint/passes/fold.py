"""Folding: what depends on constants only is computed now, unless that would take more memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph import engine
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.passes.rewriting import rebuild

LIMIT = 1024
"""A larger result is folded only if it is no larger than what it is computed from."""


def fold(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which operations on constants are done."""

    def rule(node: Node) -> Node:
        if not node.inputs or any(x.op.name != "constant" for x in node.inputs):
            return node
        if node.op.name == "broadcast_to":
            return node  # a number repeated is best left a number
        if size_of(node.shape) > max(LIMIT, *(size_of(x.shape) for x in node.inputs)):
            return node
        value = np.asarray(engine.value_of(node))
        return constant_node(value, node.shape, node.dtype)

    return rebuild(outputs, inputs, rule)
