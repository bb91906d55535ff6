"""How a small tensor lies in registers: its elements in parts, one vector each.

A part holds elements that follow each other in memory. Vectors have 1, 2, 4 … lanes; those behind
the last element of a part are never looked at. Which element a lane holds is known when the code is
written, so that moving elements is a choice of lanes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any, NamedTuple

from llvmlite import ir

from adjoint.backends.llvm.codegen.registers import Scalar, lane_numbers, splat, vector_type
from adjoint.graph.types import Shape, size_of
from adjoint.schedule.one_by_one import last_long

I32 = ir.IntType(32)


class Part(NamedTuple):
    """So many elements from `start` on, in row-major order."""

    start: int
    count: int  # type: ignore[assignment]  # not the method of tuples

    @property
    def lanes(self) -> int:
        """The lanes of its vector."""
        return lanes_of(self.count)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The elements."""
        return tuple(range(self.start, self.start + self.count))


def lanes_of(count: int) -> int:
    """The lanes of the vector that holds so many elements."""
    return 1 << (count - 1).bit_length()


@dataclass(frozen=True)
class Partition:
    """Cuts tensors into parts of at most so many `lanes`; with `by_rows` none has elements of two
    rows, so that products of matrices need not move elements from lane to lane."""

    lanes: int
    by_rows: bool

    def parts(self, shape: Shape) -> list[Part]:
        """The parts of a tensor."""
        return parts_of(self.lanes, self.by_rows, shape)


@cache
def parts_of(lanes: int, by_rows: bool, shape: Shape) -> list[Part]:
    """What `Partition.parts` answers."""
    size = size_of(shape)
    row = max(1, prod(shape[last_long(shape) :])) if by_rows and size > 1 else size
    return [
        Part(start, min(lanes, begin + row - start))
        for begin in range(0, size, row)
        for start in range(begin, begin + row, lanes)
    ]


def places_of(shape: Shape, offsets: Sequence[int]) -> list[list[int]]:
    """For each axis the indices of the elements at these offsets in row-major order."""
    found = []
    for size in reversed(shape):
        found.append([offset % size for offset in offsets])
        offsets = [offset // size for offset in offsets]
    return found[::-1]


def picked(
    builder: Any, part_of: Callable[[int], Scalar], parts: Sequence[Part], offsets: Sequence[int]
) -> Scalar:
    """The elements at the offsets of a tensor, of which `part_of` gives the parts by number."""
    starts = [part.start for part in parts]
    where = []
    for offset in offsets:
        number = bisect_right(starts, offset) - 1
        where.append((number, offset - starts[number]))
    vectors = {number: part_of(number) for number, _ in where}
    dtype = vectors[where[0][0]].dtype
    lanes = lanes_of(len(offsets))
    where += [where[-1]] * (lanes - len(where))
    sources = {number: vector.value for number, vector in vectors.items()}
    if lanes == 1:
        ((number, lane),) = where
        value = sources[number]
        if parts[number].lanes > 1:
            value = builder.extract_element(value, I32(lane))
        return Scalar(value, dtype)
    if len(sources) == 1:
        (value,) = sources.values()
        part = parts[where[0][0]]
        own = [lane for _, lane in where]
        return Scalar(rearranged(builder, value, part, own, len(offsets)), dtype)
    return Scalar(collected(builder, sources, parts, where, lanes), dtype)


def rearranged(builder: Any, value: Any, part: Part, lanes: list[int], count: int) -> Any:
    """A vector of these lanes of a part, of which the first `count` are looked at."""
    if part.lanes == 1:
        return splat(builder, value, len(lanes))
    if part.lanes == len(lanes) and lanes[:count] == list(range(count)):
        return value
    return shuffled(builder, value, None, lanes)


def collected(
    builder: Any,
    sources: dict[int, Any],
    parts: Sequence[Part],
    where: Sequence[tuple[int, int]],
    lanes: int,
) -> Any:
    """A vector of lanes of several parts."""
    width = max(lanes, *(parts[number].lanes for number in sources))
    result: Any = None
    known = [0] * width
    for number, value in sources.items():
        wide = widened(builder, value, parts[number].lanes, width)
        own = [lane if n == number else None for n, lane in where]
        own += [None] * (width - lanes)
        if result is None:
            result, known = wide, [0 if lane is None else lane for lane in own]
            continue
        picks = [k if lane is None else width + lane for k, lane in zip(known, own, strict=True)]
        result, known = shuffled(builder, result, wide, picks), list(range(width))
    return result if width == lanes else shuffled(builder, result, None, list(range(lanes)))


def widened(builder: Any, value: Any, lanes: int, width: int) -> Any:
    """A vector with more lanes, that of the first element again behind the others."""
    if lanes == width:
        return value
    if lanes == 1:
        return splat(builder, value, width)
    return shuffled(builder, value, None, [lane if lane < lanes else 0 for lane in range(width)])


def shuffled(builder: Any, a: Any, b: Any, picks: Sequence[int]) -> Any:
    """The lanes picked of two vectors one behind the other."""
    result = builder.shuffle_vector(a, a if b is None else b, lane_numbers(*picks))
    result.type = vector_type(a.type.element, len(picks))
    return result
