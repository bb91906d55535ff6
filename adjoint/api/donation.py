"""Donation at a call: which buffers may be written to, and what becomes of donated tensors.

A donated tensor cannot be used afterwards. Its memory is taken for a result only if nobody but that
tensor can see it: a view, another tensor of the same node, or a graph that needs the value keeps it
from being touched. A donated NumPy array is taken at its word, and overwritten.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from adjoint.backends.graph_signature import are_counts_exact
from adjoint.errors import DonatedError
from adjoint.graph import engine
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.op import Op
from adjoint.graph.tensor import Tensor, from_array
from adjoint.schedule.donation import Donations, Reuse

Array = np.ndarray[Any, Any]


class Donated(Op):
    """What a donated tensor stands for. Not an operation that anybody can call."""

    name = "donated"
    family = "leaf"
    param_names = ("to",)

    def evaluate(self, value: Any, to: str) -> Any:
        raise DonatedError(
            f"this tensor was donated to {to}, which may have overwritten its memory; use the "
            f"result instead, or leave the argument out of donate="
        )


_donated = Donated()
_nothing = constant_node(np.zeros(()), (), np.dtype(float))


def donate(tensor: Tensor, to: str) -> None:
    """Make a tensor unusable: shape and dtype remain, its value is an error."""
    tensor.node = _donated_node(tensor.node, to)


def _donated_node(node: Node, to: str) -> Node:
    """What stands for a node that was donated."""
    return Node(_donated, (_nothing,), (to,), node.shape, node.dtype)


class Donation:
    """What each call of a program donates: those of its `inputs` that are `donated`, by number, to
    function `to`, which makes of them what `reuse` says."""

    def __init__(
        self, inputs: Sequence[Node], donated: Sequence[int], to: str, reuse: Reuse
    ) -> None:
        self.donated = donated
        self.to = to
        self.is_sure = reuse.is_sure
        nodes = {i: _donated_node(inputs[i], to) for i in donated}
        self.donations = Donations(nodes, reuse.inputs)

    def take(
        self, leaves: Sequence[Any], read: Callable[[Sequence[Any]], list[Array]]
    ) -> tuple[dict[int, Array], list[Array]]:
        """Donate the tensors among the leaves: memory for some outputs, by number, and the arrays
        that `read` finds in the leaves."""
        buffers = {i: buffer_of(leaves[i]) for i in self.donations.reused.values()}
        arrays = read(leaves)
        into = {}
        for number, i in self.donations.reused.items():
            buffer = buffers[i]
            if buffer is arrays[i] and apart(buffer, [*arrays[:i], *arrays[i + 1 :]]):
                into[number] = buffer
        for i in self.donated:
            if type(leaves[i]) is Tensor:
                donate(leaves[i], self.to)
        return into, arrays


def buffer_of(leaf: Any) -> Array | None:
    """The array of a donated leaf if it may be written to; None if somebody else can see it."""
    if type(leaf) is Tensor:
        engine.value_of(leaf.node)
        if not are_counts_exact() or _reference_counts(leaf) != _unshared_counts():
            return None
        array = leaf.node.value
        if type(array) is not np.ndarray or array.base is not None:
            return None
    else:
        array = leaf
    if type(array) is not np.ndarray or not array.flags.writeable:
        return None
    orderly = array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative
    return array if orderly else None


def _reference_counts(tensor: Tensor) -> tuple[int, int]:
    """How many references there are to the node and to the value of a tensor."""
    return sys.getrefcount(tensor.node), sys.getrefcount(tensor.node.value)


@cache
def _unshared_counts() -> tuple[int, int]:
    """The `_reference_counts` of a tensor whose node and value nothing else references."""
    return _reference_counts(from_array(np.zeros(1)))


def apart(buffer: Array, others: Sequence[Any]) -> bool:
    """Whether a buffer shares no memory with any of the other leaves."""
    return not any(np.may_share_memory(buffer, other) for other in others)
