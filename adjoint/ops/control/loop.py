"""What a loop repeats, and how its results are packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from adjoint.graph.op import find
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape
from adjoint.ops.control.packing import Groups, groups_of, unpacked


@dataclass(frozen=True)
class Loop:
    """What is repeated: a `body` with so many constants and numbers in its state, `length` times.

    `backwards`: the last slices come first. `counted`: the first constant says how many steps there
    are, one at least and `length` at most; other slices are neither read nor written. `extends`:
    the keys of bodies of which this one has the outputs, and then more; a loop over it computes
    what loops over those do.
    """

    body: Subgraph
    constants: int
    state: int
    length: int
    backwards: bool = False
    counted: bool = False
    extends: tuple[str, ...] = ()

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""
        return [
            (x.shape if number < self.state else (self.length, *x.shape), x.dtype)
            for number, x in enumerate(self.body.outputs)
        ]


@lru_cache(maxsize=1024)
def layouts(loop: Loop) -> Groups:
    """For each group of results their numbers, and how they are packed."""
    return groups_of(loop.pieces())


def scan(loop: Loop, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of a loop: the last state, then the stacked ys."""
    return unpacked(find("scan"), inputs, loop, layouts(loop))
