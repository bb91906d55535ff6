"""What a loop repeats, and how its results are packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from adjoint.graph.op import find
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, is_inexact
from adjoint.ops.control.packing import Layout, layout_of, unpack


@dataclass(frozen=True)
class Loop:
    """What is repeated: a `body` with so many constants and numbers in its state, `length` times.

    `backwards`: the last slices come first.
    """

    body: Subgraph
    constants: int
    state: int
    length: int
    backwards: bool = False

    @property
    def groups(self) -> list[tuple[int, ...]]:
        """The numbers of the outputs that are packed together: those of one floating dtype.

        The others, which have no derivatives, are packed with the first of these.
        """
        dtypes = [x.dtype for x in self.body.outputs]
        floating = [d for d in dict.fromkeys(dtypes) if is_inexact(d)]
        if len(floating) < 2:
            return [tuple(range(len(dtypes)))]
        first = floating[0]
        return [
            tuple(
                number
                for number, dtype in enumerate(dtypes)
                if dtype == chosen or (chosen == first and not is_inexact(dtype))
            )
            for chosen in floating
        ]

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""
        return [
            (x.shape if number < self.state else (self.length, *x.shape), x.dtype)
            for number, x in enumerate(self.body.outputs)
        ]


@lru_cache(maxsize=1024)
def layouts(loop: Loop) -> tuple[tuple[tuple[int, ...], Layout], ...]:
    """For each group of results their numbers, and how they are packed."""
    pieces = loop.pieces()
    return tuple((group, layout_of([pieces[n] for n in group])) for group in loop.groups)


def scan(loop: Loop, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of a loop: the last state, then the stacked ys."""
    results: list[Tensor | None] = [None] * len(loop.body.outputs)
    for group, (numbers, layout) in enumerate(layouts(loop)):
        packed = make(find("scan"), inputs, (loop, group))
        for place, number in enumerate(numbers):
            results[number] = unpack(packed, layout, place)
    return [x for x in results if x is not None]
