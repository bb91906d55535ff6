"""Folding: what depends on constants only is computed now, unless that would take more memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph import engine
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops.shape.movement import broadcast_to
from adjoint.passes.rewriting import rebuild, with_inputs

MOVEMENTS = frozenset({"slice", "permute_dims", "reshape"})
"""Operations after which a repeated number still is one."""

LIMIT = 1024
"""A larger result is folded only if it is no larger than what it is computed from."""


def fold(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which operations on constants are done."""

    arrays: dict[Node, Node] = {}

    def as_number(node: Node) -> Node:
        if node.op.name != "constant" or not node.shape:
            return node
        if node not in arrays:
            arrays[node] = number_everywhere(node) or node
        return arrays[node]

    def rule(node: Node) -> Node:
        if node.op.pointwise:
            node = with_inputs(node, tuple([as_number(x) for x in node.inputs]))
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


def number_everywhere(node: Node) -> Node | None:
    """A constant array of one floating-point number, as that number repeated: it needs no memory.

    Integers may be indices, which other passes look for.
    """
    value = np.asarray(node.value)
    if node.dtype.kind != "f" or value.size < 2:
        return None
    flat = bits(value).reshape(value.size, -1)
    if (flat[-1] != flat[0]).any() or (flat != flat[0]).any():
        return None
    number = constant_node(value.reshape(-1)[0].reshape(()), (), node.dtype)
    return broadcast_to(Tensor(number), node.shape).node


def bits(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The bytes of an array, one element after the other."""
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8)


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
    return broadcast_to(Tensor(number), node.shape).node


def number_in(node: Node) -> Node | None:
    """The constant that a node repeats."""
    while node.op.name in ("broadcast_to", "reshape") and node.inputs:
        node = node.inputs[0]
    return node if node.op.name == "constant" and size_of(node.shape) == 1 else None
