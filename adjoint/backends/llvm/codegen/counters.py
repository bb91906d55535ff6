"""Loop counters as a kernel is written: their ranges, and what asks for the loops to be others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Uniform(NamedTuple):
    """The name of an index that is one integer for all lanes, in the range of 0 up to `size`."""

    value: Any
    size: int


class NotVectorizable(Exception):
    """The elements at neighbouring counters cannot be computed as the lanes of vectors."""


class Cut(Exception):
    """The loop over an axis must be cut at `points`: elements are other expressions from there."""

    def __init__(self, axis: int, points: Sequence[int]) -> None:
        super().__init__(axis, points)
        self.axis = axis
        self.points = points


@dataclass
class Counter:
    """A loop counter: its LLVM value, and the range of it that is being written."""

    value: Any
    low: int
    high: int


class Segment(NamedTuple):
    """A part of a loop's range without a cut: from `start` up to `stop`, LLVM values that lie
    between `low` and `high`."""

    start: Any
    stop: Any
    low: int
    high: int

    def counter(self, value: Any) -> Counter:
        """A counter in this segment."""
        return Counter(value, self.low, self.high)
