"""Constant folding: what depends on constants only is computed now, unless that takes memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph import engine
from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.open_numbers import OpenArray, Recipe, array_of
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops import records
from adjoint.ops.shape.movement import broadcast_to
from adjoint.passes.rewriting import rebuild, with_inputs

LIMIT = 1024
"""A result of more elements is folded only if it has no more than what it is computed from: a
program holds it as long as it lives, and computing 1024 elements takes longer than reading them."""


def fold_constants(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which operations on constants are done."""

    arrays: dict[Node, Node] = {}

    def as_number(node: Node) -> Node:
        if not is_constant(node) or not node.shape:
            return node
        if node not in arrays:
            arrays[node] = number_everywhere(node) or node
        return arrays[node]

    def rule(node: Node) -> Node:
        if node.op.pointwise:
            node = with_inputs(node, tuple([as_number(x) for x in node.inputs]))
        if (number := repeated(node)) is not None:
            return number
        if not node.inputs or any(not is_constant(x) for x in node.inputs):
            return node
        if node.op is records.broadcast_to:
            return node  # a number repeated is best left a number
        if size_of(node.shape) > max(LIMIT, *(size_of(x.shape) for x in node.inputs)):
            return node
        value = computed(node)
        return constant_node(value, node.shape, node.dtype)

    return rebuild(outputs, inputs, rule)


def computed(node: Node) -> Any:
    """The value of an operation on constants. If one of them is left open, so is the result."""
    given = [x.value for x in node.inputs if type(x.value) is OpenArray]
    if not given:
        return np.asarray(engine.value_of(node))
    known = [x.value.known if type(x.value) is OpenArray else x.value for x in node.inputs]
    pairs = zip(known, node.inputs, strict=True)
    inputs = tuple([constant_node(value, x.shape, x.dtype) for value, x in pairs])
    value = engine.value_of(Node(node.op, inputs, node.params, node.shape, node.dtype))
    values = [x.value for x in node.inputs]
    recipe = Recipe(node.op, values, node.params, node.shape, node.dtype)
    return given[0].assumptions.array(np.asarray(value), recipe)


def number_everywhere(node: Node) -> Node | None:
    """A constant array of one floating-point number, as that number repeated: it needs no memory.

    Integers may be indices, which other passes look for.
    """
    value = array_of(node.value)
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
    if node.op is records.broadcast_to or all(is_constant(x) for x in node.inputs):
        return None
    numbers = [number_in(x) for x in node.inputs]
    if any(number is None for number in numbers) or not size_of(node.shape):
        return None
    if node.op.pointwise:
        scalars = tuple([constant_node(n.value, (), n.dtype) for n in numbers if n is not None])
        value = computed(Node(node.op, scalars, node.params, (), node.dtype))
    elif is_rearranged(node) and numbers[0] is not None:
        value = array_of(numbers[0].value)
    else:
        return None
    number = constant_node(value.reshape(()), (), node.dtype)
    return broadcast_to(Tensor(number), node.shape).node


def is_rearranged(node: Node) -> bool:
    """Whether each element of the result is one of the input: a repeated number remains one."""
    return node.op.moves and not node.op.makes_zeros and len(node.inputs) == 1


def number_in(node: Node) -> Node | None:
    """The constant that a node repeats."""
    while node.inputs and is_rearranged(node):
        node = node.inputs[0]
    return node if is_constant(node) and size_of(node.shape) == 1 else None
