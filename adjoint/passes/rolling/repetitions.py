"""Repetitions: stretches of a sequence in which every operation reads what it should.

A stretch of equal operations is a loop if each of them reads, in every repetition, the same node
from outside, or one that was made so many operations before, or the next slice, or a number. Where
only some repetitions do, those before and after stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from adjoint.errors import ShapeError
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.types import broadcast_shapes, size_of
from adjoint.passes.rolling.relations import Relation, Same, Shifted, Stretch, same_number

Slot: TypeAlias = tuple[int, int]
"""A part of the state: an operation of a repetition, and how many repetitions ago it was made."""

Reads: TypeAlias = list[tuple[Relation, ...]]
"""For each operation of a repetition how its inputs hang together with those of the others."""


@dataclass(frozen=True)
class Repetitions:
    """So many repetitions from the start of a stretch on."""

    stretch: Stretch
    count: int
    reads: Reads
    initial: dict[Slot, Node]
    """What the parts of the state are before the first repetition."""

    @property
    def stop(self) -> int:
        """Where in the sequence the last repetition ends."""
        return self.stretch.begin(self.count)


def repetitions(
    sequence: Sequence[Node],
    places: Mapping[Node, int],
    stretch: tuple[int, int],
    period: int,
    least: int,
) -> list[Repetitions]:
    """The loops in a stretch of equal operations, each of at least so many repetitions."""
    found: list[Repetitions] = []
    waiting = [stretch]
    while waiting:
        start, stop = waiting.pop()
        count = (stop - start) // period
        if count < least:
            continue
        whole = Stretch(sequence, places, start, period)
        middle = (count - 1) // 2
        reads = _reads(whole, middle)
        if reads is None:
            cut = whole.begin(middle + 1)
            waiting += [(cut, stop), (start, cut)]
            continue
        first, last, loop = _around(whole, count, middle, reads)
        if loop is not None and loop.count >= least:
            found.append(loop)
            first, last = loop.stretch.start, loop.stop
        waiting += [(last, stop), (start, first)]
    return found


def _around(
    whole: Stretch, count: int, middle: int, reads: Reads
) -> tuple[int, int, Repetitions | None]:
    """The loop around two repetitions of a stretch, and between which places it was looked for."""
    phase = _phase(whole, middle, reads)
    if phase and middle + 2 < count:
        later = replace(whole, start=whole.start + phase)
        moved = _reads(later, middle)
        if moved is not None:
            whole, reads, count = later, moved, count - 1
    last = middle + 2
    while last < count and _failing(whole, reads, last, middle) == []:
        last += 1
    first = middle
    while first and _failing(whole, reads, first - 1, middle) == []:
        first -= 1
    deepest = max((lag for _, lag, _, _ in _carried(whole, reads)), default=0)
    for begin in range(max(0, first - deepest), last - max(deepest, 1)):
        if not _may_begin(whole, reads, begin, first):
            continue
        shorter = replace(whole, start=whole.begin(begin))
        own = _renumbered(reads, begin)
        initial = _initial(shorter, own)
        if initial is not None:
            loop = Repetitions(shorter, last - begin, own, initial)
            return shorter.start, loop.stop, loop
        if begin > first + deepest:
            break
    return whole.begin(first), whole.begin(last), None


def _renumbered(reads: Reads, begin: int) -> Reads:
    """The relations in which another repetition counts as the first one."""
    return [tuple(relation.counted_from(begin) for relation in each) for each in reads]


def _reads(stretch: Stretch, number: int) -> Reads | None:
    """How the inputs of two neighbouring repetitions hang together; None if they do not."""
    found: Reads = []
    for offset in range(stretch.period):
        node, after = stretch.node(number, offset), stretch.node(number + 1, offset)
        relations = []
        for x, y in zip(node.inputs, after.inputs, strict=True):
            relation = stretch.relation(x, y, number)
            if relation is None:
                return None
            relations.append(relation)
        if node.params != after.params and not is_row(node, relations):
            return None
        found.append(tuple(relations))
    return found


def is_row(node: Node, relations: Sequence[Relation]) -> bool:
    """Whether the node is a slice of one from outside: who reads it, sees which one it is."""
    return node.op is find("slice") and isinstance(relations[0], Same)


def _failing(
    stretch: Stretch, reads: Reads, number: int, model: int
) -> list[tuple[int, int]] | None:
    """The inputs, by operation and place, that do not fit in a repetition; None if a slice does
    not fit that of a repetition that is the model."""
    found = []
    take, places = find("slice"), stretch.places
    begin = stretch.begin(number)
    nodes = stretch.sequence[begin : begin + stretch.period]
    for offset, (node, relations) in enumerate(zip(nodes, reads, strict=True)):
        moved = node.op is take and node.params != stretch.node(model, offset).params
        if moved and not is_row(node, relations):
            return None
        for place, (relation, x) in enumerate(zip(relations, node.inputs, strict=True)):
            if type(relation) is Shifted:  # as most are
                if places.get(x) != begin + relation.places:
                    found.append((offset, place))
            elif not stretch.holds(relation, x, begin, number):
                found.append((offset, place))
    return found


def _may_begin(stretch: Stretch, reads: Reads, begin: int, first: int) -> bool:
    """Whether the loop may begin at a repetition before the `first` one that fits entirely: there
    only what was made before the loop may not fit."""
    for number in range(begin, first):
        failing = _failing(stretch, reads, number, first)
        if failing is None:
            return False
        for offset, place in failing:
            relation = reads[offset][place]
            if not isinstance(relation, Shifted):
                return False
            if -(relation.places // stretch.period) <= number - begin:
                return False
    return True


def _carried(stretch: Stretch, reads: Reads) -> list[tuple[int, int, int, int]]:
    """What is read of earlier repetitions: which operation of them, how many ago they were, and the
    operation and the place at which it is read."""
    return [
        (relation.places % stretch.period, -(relation.places // stretch.period), offset, place)
        for offset, relations in enumerate(reads)
        for place, relation in enumerate(relations)
        if isinstance(relation, Shifted) and relation.places < 0
    ]


def _initial(stretch: Stretch, reads: Reads) -> dict[Slot, Node] | None:
    """The state before the first repetition; None if what is read there is no state."""
    found: dict[Slot, Node] = {}
    for made, lag, offset, place in _carried(stretch, reads):
        model = stretch.node(0, made)
        for number in range(lag):
            user = stretch.node(number, offset)
            x = user.inputs[place]
            if not stretch.is_before(x) or x.dtype != model.dtype:
                return None
            if x.shape != model.shape and not (user.op.pointwise and _fits(x, model)):
                return None
            known = found.setdefault((made, lag - number), x)
            if known is not x and not (
                known.value is not None
                and x.value is not None
                and known.op is x.op
                and known.scope is x.scope is None
                and same_number(known, x)
            ):
                return None
    return found


def _fits(x: Node, model: Node) -> bool:
    """Whether a node broadcasts to the shape of another."""
    try:
        return broadcast_shapes("", x.shape, model.shape) == model.shape
    except ShapeError:
        return False


def _phase(stretch: Stretch, number: int, reads: Reads) -> int:
    """At which operation repetitions had best begin: where the least has to be handed on."""
    period = stretch.period
    lives: dict[int, int] = {}
    for offset, relations in enumerate(reads):
        for relation in relations:
            if isinstance(relation, Shifted):
                made = relation.places % period
                lives[made] = max(lives.get(made, 0), offset - relation.places)
    weights = [0] * (period + 1)
    for made, life in lives.items():
        node = stretch.node(number, made)
        weight = 64 + size_of(node.shape) * node.dtype.itemsize
        weights[0] += weight * (life // period)
        start, rest = made + 1, life % period
        for begin, end in ((start, start + rest), (start - period, start + rest - period)):
            begin, end = max(begin, 0), min(end, period)
            if begin < end:
                weights[begin] += weight
                weights[end] -= weight
    handed_on, best, least = 0, 0, None
    for cut in range(period):
        handed_on += weights[cut]
        if least is None or handed_on < least:
            best, least = cut, handed_on
    return best
