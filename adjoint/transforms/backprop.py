"""Backpropagation, the first generation: numbers pushed back over the same graph.

It stands beside `reverse` for comparison. It is as exact and costs the same, but its results are
numbers: there is no graph of the derivative to print, optimise or differentiate again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.graph import calls, engine
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import BOOL
from adjoint.transforms.history import check_history
from adjoint.transforms.paths import between


@dataclass
class Number:
    """An adjoint as a number, and its nonzero mask, if that is known.

    A graph shows that of itself; a bare number would forget it, and 0 times ∞ become nan.
    """

    value: Any
    mask: Any = None

    def add(self, other: Number) -> None:
        """Add another partial adjoint."""
        self.value = self.value + other.value
        known = self.mask is not None and other.mask is not None
        self.mask = self.mask | other.mask if known else None

    def tensor(self, like: Node) -> Tensor:
        """The adjoint of `like`, as a new tensor."""
        x = Tensor(constant_node(np.asarray(self.value), like.shape, like.dtype))
        if self.mask is None:
            return x
        mask = Tensor(constant_node(self.mask, np.shape(self.mask), BOOL))
        zero = Tensor(constant_node(np.zeros((), like.dtype), (), like.dtype))
        return calls.where(mask, x, zero)


def backprop(out: Node, seed: Any, inputs: Sequence[Node]) -> dict[Node, np.ndarray[Any, Any]]:
    """The adjoints of `inputs` (and of the nodes between) as NumPy arrays."""
    engine.compute((out,))
    check_history(out, inputs)
    numbers = {out: Number(seed)}
    needed = between((out,), inputs)
    while needed:
        node, taken = needed.popitem()  # the last: users before inputs
        wanted = [child in needed for child in taken.inputs]
        if node not in numbers or not any(wanted):
            continue
        shares = taken.op.pull(detached(taken), numbers[node].tensor(node), wanted)
        for child, share, want in zip(taken.inputs, shares, wanted, strict=True):
            if want and share is not None:
                number = as_number(share)
                if child in numbers:
                    numbers[child].add(number)
                else:
                    numbers[child] = number
    return {node: np.asarray(number.value) for node, number in numbers.items()}


def as_number(share: Tensor) -> Number:
    """What `share` says, without its graph."""
    mask = calls.nonzero_mask(share)
    value = engine.value_of(share.node)
    return Number(value, None if mask is None else engine.value_of(mask.node))


def detached(node: Node) -> Node:
    """A copy of a node, with its value, whose inputs are constants with their values."""
    inputs = tuple(
        constant_node(engine.value_of(child), child.shape, child.dtype) for child in node.inputs
    )
    for copied, child in zip(inputs, node.inputs, strict=True):
        copied.scope = child.scope  # ties against a constant are decided by it
    copy = Node(node.op, inputs, node.params, node.shape, node.dtype)
    copy.value = engine.value_of(node)
    return copy
