"""A graph evaluated again and again by NumPy: what compiled functions do without native code.

The order of the operations is found once; a value is let go of after its last use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order

Array = np.ndarray[Any, Any]


class Replay:
    """Calls the `evaluate` rules of the operations between `inputs` and `outputs` in order."""

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        ends = set(inputs)
        order = topological_order(
            [*inputs, *outputs], lambda n: () if n in ends or n.value is not None else n.inputs
        )
        place = {node: i for i, node in enumerate(order)}
        self.inputs = [place[node] for node in inputs]
        self.outputs = [(place[node], node) for node in outputs]
        self.known = [None if node in ends else node.value for node in order]
        self.steps: list[tuple[int, Node, list[int], list[int]]] = []
        needed = {place[node] for node in outputs}
        for node in reversed(order):
            if node in ends or node.value is not None:
                continue
            read = [place[child] for child in node.inputs]
            last = [i for i in dict.fromkeys(read) if i not in needed]
            needed.update(read)
            self.steps.append((place[node], node, read, last))
        self.steps.reverse()

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        """The outputs, none of which shares memory with the inputs."""
        values: list[Any] = list(self.known)
        for i, array in zip(self.inputs, arrays, strict=True):
            values[i] = array
        with np.errstate(all="ignore"):
            for i, node, read, last in self.steps:
                values[i] = node.op.evaluate(*[values[j] for j in read], *node.params)
                for j in last:
                    values[j] = None
        return [_apart(np.asarray(values[i], n.dtype), arrays) for i, n in self.outputs]


def _apart(result: Array, arrays: Sequence[Array]) -> Array:
    """`result`, or a copy if it may lie in the memory of an input."""
    if any(np.may_share_memory(result, array) for array in arrays):
        return result.copy()
    return result
