"""Folding: what depends on constants only is computed now, unless that would take more memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph import engine
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.passes.rewriting import rebuild

MOVEMENTS = frozenset({"slice", "permute_dims", "reshape"})
"""Operations after which a repeated number still is one."""

LIMIT = 1024
"""A larger result is folded only if it is no larger than what it is computed from."""


def fold(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which operations on constants are done."""

    def rule(node: Node) -> Node:
        if (number := repeated(node)) is not None:
            return number
        if not node.inputs or any(x.op.name != "constant" for x in node.inputs):
            return node
        if node.op.name == "broadcast_to":
            return node  # a number repeated is best left a number
        if size_of(node.shape) > max(LIMIT, *(size_of(x.shape) for x in node.inputs)):
            return node
        value = np.asarray(engine.value_of(node))
        return constant_node(value, node.shape, node.dtype)

    return rebuild(outputs, inputs, rule)


def repeated(node: Node) -> Node | None:
    """A node that works on one number repeated, as that number worked on, then repeated."""
    if node.op.name == "broadcast_to" or all(x.op.name == "constant" for x in node.inputs):
        return None
    numbers = [number_in(x) for x in node.inputs]
    if any(number is None for number in numbers) or not size_of(node.shape):
        return None
    if node.op.pointwise:
        scalars = tuple([constant_node(n.value, (), n.dtype) for n in numbers if n is not None])
        value = np.asarray(engine.value_of(Node(node.op, scalars, node.params, (), node.dtype)))
    elif node.op.name in MOVEMENTS and numbers[0] is not None:
        value = np.asarray(numbers[0].value)
    else:
        return None
    number = constant_node(value.reshape(()), (), node.dtype)
    result: Node = FUNCTIONS["broadcast_to"](Tensor(number), node.shape).node
    return result


def number_in(node: Node) -> Node | None:
    """The constant that a node repeats."""
    while node.op.name in ("broadcast_to", "reshape") and node.inputs:
        node = node.inputs[0]
    return node if node.op.name == "constant" and size_of(node.shape) == 1 else None
