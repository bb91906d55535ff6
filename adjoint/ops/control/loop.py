"""What a loop repeats, and how its results are packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adjoint.graph.op import find
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor, from_array
from adjoint.graph.types import DType, Shape
from adjoint.ops.control.packing import unpacked
from adjoint.ops.shape.movement import broadcast_to


@dataclass(frozen=True)
class Loop:
    """What is repeated: a `body` with so many constants and numbers in its state, `length` times.

    `backwards`: the last slices come first. `extends`: the keys of bodies of which this one has
    the outputs, and then more; a loop over it computes what loops over those do.
    """

    body: Subgraph
    constants: int
    state: int
    length: int
    backwards: bool = False
    extends: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Equal for loops that do the same as often."""
        return self.body.key

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""
        return [
            (x.shape if number < self.state else (self.length, *x.shape), x.dtype)
            for number, x in enumerate(self.body.outputs)
        ]


def scan(loop: Loop, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of a loop: the last state, then the stacked ys."""
    if not loop.length:
        rows = [from_array(np.empty(shape, dtype)) for shape, dtype in loop.pieces()[loop.state :]]
        return [*inputs[loop.constants : loop.constants + loop.state], *rows]
    if not inputs:  # and no state: every step returns the same constants
        return [broadcast_to(Tensor(x), (loop.length, *x.shape)) for x in loop.body.outputs]
    return unpacked(find("scan"), inputs, loop)
