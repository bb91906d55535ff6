"""How what an operation reads changes from one repetition to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.types import DType, Shape
from adjoint.ops.indexing.slicing import Ints
from adjoint.passes.rolling.sequence import is_number

WINDOW = 8
"""Slices that overlap, or leave something out, are of at most so many elements."""


class Relation:
    """How what is read in a repetition is told by the number of the repetition."""

    def counted_from(self, number: int) -> Relation:
        """The same for repetitions of which the one with this number is the first."""
        return self


@dataclass(frozen=True)
class Same(Relation):
    """The same node in every repetition."""

    node: Node


@dataclass(frozen=True)
class Shifted(Relation):
    """A node of the sequence, so many places after the start of the repetition; if negative, one of
    an earlier repetition."""

    places: int


@dataclass(frozen=True)
class Advancing(Relation):
    """Slices of one node from outside, whose start along an axis advances by a constant.

    `first` is where it would start in repetition 0.
    """

    base: Node
    axis: int
    first: int
    by: int
    params: tuple[Ints, ...]
    """Those of the slice of some repetition."""

    def start(self, number: int) -> int:
        """Where the slice of a repetition starts along the axis."""
        return self.first + number * self.by

    def slice_of(self, number: int) -> tuple[Ints, ...]:
        """The parameters of the slice of a repetition."""
        starts, *rest = self.params
        moved = (*starts[: self.axis], self.start(number), *starts[self.axis + 1 :])
        return (moved, *rest)

    def counted_from(self, number: int) -> Relation:
        return replace(self, first=self.start(number), params=self.slice_of(number))


@dataclass(frozen=True)
class Numbers(Relation):
    """Known numbers of a shape and dtype, others in every repetition."""

    shape: Shape
    dtype: DType


LARGE = 1 << 12
"""Arrays of so many bytes are compared without a copy."""


@dataclass(frozen=True)
class Stretch:
    """Repetitions of `period` operations of a sequence, from a place on."""

    sequence: Sequence[Node]
    places: Mapping[Node, int]
    start: int
    period: int

    def begin(self, number: int) -> int:
        """Where a repetition starts."""
        return self.start + number * self.period

    def node(self, number: int, offset: int) -> Node:
        """An operation of a repetition."""
        return self.sequence[self.start + number * self.period + offset]

    def is_before(self, node: Node) -> bool:
        """Whether a node stands before the stretch, or outside of the sequence."""
        return self.places.get(node, -1) < self.start

    def relation(self, x: Node, y: Node, number: int) -> Relation | None:
        """How `x`, read in a repetition, and `y`, read in the next, hang together."""
        if x is y:
            return Same(x) if self.is_before(x) else None
        if x.op is y.op is find("slice") and x.inputs and x.inputs == y.inputs:
            return self.advancing(x, y, number) if self.is_before(x.inputs[0]) else None
        if is_number(x) and is_number(y):
            alike = x.shape == y.shape and x.dtype == y.dtype
            return Numbers(x.shape, x.dtype) if alike else None
        place, after = self.places.get(x), self.places.get(y)
        if place is None or after is None or after - place != self.period:
            return None
        return Shifted(place - self.begin(number))

    def advancing(self, x: Node, y: Node, number: int) -> Advancing | None:
        """How two slices of one node from outside hang together."""
        (base,) = x.inputs
        if x.params[1:] != y.params[1:] or not base.shape:
            return None
        gaps = [b - a for a, b in zip(x.params[0], y.params[0], strict=True)]
        moving = [axis for axis, gap in enumerate(gaps) if gap]
        if len(moving) > 1:
            return None
        axis = moving[0] if moving else 0
        by = gaps[axis] if moving else 0
        size, step = x.params[2][axis], x.params[1][axis]
        if by and not (0 < size <= WINDOW or by == size * step):
            return None
        first = x.params[0][axis] - number * by
        return Advancing(base, axis, first, by, x.params)

    def holds(self, relation: Relation, y: Node, begin: int, number: int) -> bool:
        """Whether a node that is read in a repetition, which begins at a place, is the one that a
        relation tells."""
        if type(relation) is Shifted:
            return self.places.get(y) == begin + relation.places
        if type(relation) is Same:
            return y is relation.node
        if type(relation) is Advancing:
            return (
                y.op is find("slice")
                and y.inputs == (relation.base,)
                and y.params == relation.slice_of(number)
            )
        assert type(relation) is Numbers
        return is_number(y) and y.shape == relation.shape and y.dtype == relation.dtype


def are_same_numbers(nodes: Sequence[Node]) -> bool:
    """Whether known nodes all hold the same numbers, bit by bit."""
    first = nodes[0]
    others = [x for x in nodes if x.value is not first.value]
    value = np.asarray(first.value)
    if value.nbytes >= LARGE:
        return all(same_number(first, x) for x in others)
    if [x for x in others if x.shape != first.shape or x.dtype != first.dtype]:
        return False
    wanted = value.tobytes()
    return not [x for x in others if np.asarray(x.value).tobytes() != wanted]


def same_number(x: Node, y: Node) -> bool:
    """Whether two nodes hold the same numbers, bit by bit."""
    a, b = np.asarray(x.value), np.asarray(y.value)
    if x.shape != y.shape or x.dtype != y.dtype:
        return False
    if a.nbytes < LARGE:
        return a.tobytes() == b.tobytes()
    return np.array_equal(_bytes(a), _bytes(b))


def _bytes(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(a).reshape(-1).view(np.uint8)
