"""How a loop is cut into chunks of rows, for `plan`; `row_loops` decides it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from adjoint.graph.node import Node


@dataclass(frozen=True)
class RowChunks:
    """How a loop is run in chunks of rows: `grain` of the `extent` at a time, each through `steps`
    steps before the threads meet.

    `sums` are by the number of a part of the state the sums over all rows that a step adds to it;
    parts that are `still` stay as they are.
    """

    extent: int
    grain: int
    sums: dict[int, list[Node]]
    still: AbstractSet[int]
    steps: int

    @property
    def totals(self) -> list[Node]:
        """The sums of all parts, each once, though it may be added to several of them."""
        return list(dict.fromkeys(x for sums in self.sums.values() for x in sums))

    @property
    def count(self) -> int:
        """The number of chunks. It depends on shapes only, and so do the results."""
        return -(-self.extent // self.grain)
