"""Rolling along an axis: what leaves at one end comes in at the other. Linear, and no arithmetic.

As a concatenation of two slices it would be three operations, and four with three sums going back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.loop_form import Index, Loops
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.family.linear import Linear


class Roll(Linear):
    """Elements moved on by `shift`, 0 < shift < size, along `axis`."""

    name = "roll"
    moves = native = True
    param_names = ("shift", "axis")

    def infer(self, x: Node, shift: int, axis: int) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, shift: int, axis: int) -> Any:
        return np.roll(x, shift, axis)

    def is_row_generic(self, node: Node) -> bool:
        return bool(node.params[1])

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        shift, axis = node.params
        place = loops.wrapped(index[axis] - shift, node.shape[axis])
        return loops.read(node.inputs[0], (*index[:axis], place, *index[axis + 1 :]))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        shift, axis = node.params
        return make(self, (adjoint,), (node.shape[axis] - shift, axis))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        shift, axis = node.params
        return make(self, inputs, (shift, axis + 1))


_roll = register(Roll())


def rolled(x: Tensor, shift: int, axis: int) -> Tensor:
    """`x` with its elements moved on by any integer along `axis`."""
    size = x.shape[axis]
    shift = shift % size if size else 0
    return make(_roll, (x,), (shift, axis)) if shift else x
