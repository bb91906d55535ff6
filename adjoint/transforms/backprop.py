"""Backpropagation, the first generation: numbers pushed back over the same graph.

It stands beside `reverse` for comparison. It is as exact and costs the same, but its results are
numbers: there is no graph of the derivative to print, optimise or differentiate again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph import engine
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.transforms.reverse import check_history, reached_from


def backprop(out: Node, seed: Any, inputs: Sequence[Node]) -> dict[Node, np.ndarray[Any, Any]]:
    """The adjoints of `inputs` (and of the nodes between) as NumPy arrays."""
    engine.compute((out,))
    check_history(out, inputs)
    order = topological_order((out,))
    needed = reached_from(order, inputs)
    numbers: dict[Node, np.ndarray[Any, Any]] = {out: np.asarray(seed)}
    for node in reversed(order):
        if node not in numbers or node not in needed or not node.inputs:
            continue
        wanted = [child in needed for child in node.inputs]
        shares = node.op.vjp(detached(node), _constant(numbers[node], node), wanted)
        for child, share, want in zip(node.inputs, shares, wanted, strict=True):
            if want and share is not None:
                number = np.asarray(engine.value_of(share.node))
                numbers[child] = numbers[child] + number if child in numbers else number
    return numbers


def detached(node: Node) -> Node:
    """A copy of an evaluated node whose inputs are constants with the same values."""
    inputs = tuple(
        constant_node(engine.value_of(child), child.shape, child.dtype) for child in node.inputs
    )
    for copied, child in zip(inputs, node.inputs, strict=True):
        copied.scope = child.scope  # ties against a constant are decided by it
    copy = Node(node.op, inputs, node.params, node.shape, node.dtype)
    copy.value = node.value
    return copy


def _constant(value: np.ndarray[Any, Any], like: Node) -> Tensor:
    return Tensor(constant_node(value, like.shape, like.dtype))
