"""Rolling: loops that were written in Python become loop operations.

A `for` or `while` loop in a traced function leaves the operations of its body once for each time
around. Where they repeat (`periods`) and read what they should (`repetitions`), one loop takes
their place (`looping`). The innermost loops come first, as their periods are the shortest; then
they are operations of the loops around them, which are found in the next round.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.graph.node import Node, are_nested
from adjoint.graph.recording import Recorder, Rolled, taken_in
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops.control.closing import WRITTEN_IN
from adjoint.passes.rewriting import with_inputs
from adjoint.passes.rolling.completing import completed
from adjoint.passes.rolling.joined import Piece, is_join, joined
from adjoint.passes.rolling.looping import Looping, outer_nodes, stacks_much, unchanging
from adjoint.passes.rolling.periods import periods, stretches
from adjoint.passes.rolling.repetitions import Repetitions, repetitions
from adjoint.passes.rolling.sequence import sequence_of, signatures
from adjoint.passes.rolling.worth import FUSED, LARGE, LEAST, SMALL, is_worth
from adjoint.passes.rolling.writes import writes_joined

TIMES = 8
"""The most periods that are taken together as one repetition."""

ROUNDS = 16
"""The deepest nest of loops that is looked for, and more."""


def roll(outputs: Sequence[Node], made: Sequence[Node], recorder: Recorder) -> list[Node]:
    """The outputs of an equal graph in which what repeats itself is a loop.

    `made` are the nodes of the function in the order of their making; others are left as they are.
    """
    sequence = sequence_of(outputs, made)
    if _meets_kinks(sequence):
        return list(outputs)
    nodes, made = writes_joined(outputs, sequence, LEAST, recorder)
    for _ in range(ROUNDS):
        sequence = sequence_of(nodes, made)
        loops = _found(sequence, copying=recorder.compiled)
        if not loops:
            break
        sequence, loops = completed(sequence, loops)
        recorder.rolled += [Rolled(x.count, x.stretch.period) for x in loops]
        nodes, made = _Rewriting(nodes, sequence, loops, recorder).result()
    return nodes


def _found(sequence: Sequence[Node], copying: bool) -> list[Repetitions]:
    """The loops in a sequence, none within another, in the order in which they stand there.

    Small ones count only where there are no others: within those they are better written out.
    Those that would have to copy large arrays count only when `copying`.
    """
    weights = np.cumsum([0, *[_written_out(x) if x.op.repeats else 1 for x in sequence]])
    if not is_worth(weights[-1]) or _meets_kinks(sequence):
        return []
    numbers = signatures(sequence)
    places = {node: place for place, node in enumerate(sequence)}
    known = periods(numbers, LEAST)
    for smallest in (SMALL, 0):
        taken = np.zeros(len(sequence), np.bool_)
        found: list[Repetitions] = []
        for period in known:
            loops: list[Repetitions] = []
            for stretch in stretches(numbers, period, LEAST):
                if not taken[slice(*stretch)].any() and not _fuses(sequence[slice(*stretch)]):
                    loops += _within(sequence, places, stretch, period)
            loops = [x for x in loops if copying or not stacks_much(x)]
            sizes = [int(weights[x.stop] - weights[x.stretch.start]) for x in loops]
            loops = [x for x, size in zip(loops, sizes, strict=True) if size >= smallest]
            if is_worth(sum(size for size in sizes if size >= smallest)):
                found += loops
                for loop in loops:
                    taken[loop.stretch.start : loop.stop] = True
        if found:
            return sorted(found, key=lambda loop: loop.stretch.start)
    return []


def _within(
    sequence: Sequence[Node], places: Mapping[Node, int], stretch: tuple[int, int], period: int
) -> list[Repetitions]:
    """The loops in a stretch. Where equal operations read something else each time, as the layers
    of a network do, several periods may be one repetition."""
    start, stop = stretch
    for times in range(1, TIMES + 1):
        if (stop - start) < LEAST * period * times:
            break
        loops = repetitions(sequence, places, stretch, period * times, LEAST)
        if loops:
            return loops
    return []


def _meets_kinks(sequence: Sequence[Node]) -> bool:
    """Whether derivatives of the second order may meet kinks: from within a loop they would not see
    what the function makes of them."""
    for node in sequence:
        if node.op.kinks:
            if are_nested(node):
                return True
        elif node.op.family == "kinks" and (scope := node.scope) and scope.is_differentiated():
            return True
    return False


def _fuses(nodes: Sequence[Node]) -> bool:
    """Whether operations can be one kernel that spares going over large arrays again and again."""
    return len(nodes) < FUSED and all(
        x.op.pointwise and size_of(x.shape) * x.dtype.itemsize >= LARGE for x in nodes
    )


def _written_out(node: Node) -> int:
    """How many operations a loop stands for."""
    return node.op.rounds(node) * sum(len(graph.order()) for graph in node.op.graphs(node))


class _Rewriting:
    """A sequence with loops in place of their repetitions."""

    def __init__(
        self,
        outputs: Sequence[Node],
        sequence: Sequence[Node],
        loops: Sequence[Repetitions],
        recorder: Recorder,
    ) -> None:
        self.outputs, self.sequence, self.loops, self.recorder = outputs, sequence, loops, recorder
        self.starts = [loop.stretch.start for loop in loops]
        self.kept = [unchanging(loop) for loop in loops]
        self.done: dict[Node, Node] = {}
        self.order: list[Node] = []
        self.pieces: dict[Node, Piece] = {}

    def result(self) -> tuple[list[Node], list[Node]]:
        """The outputs, and all nodes in the order in which they were made."""
        sequence = self.sequence
        read = self.read_outside()
        place = 0
        for number, loop in enumerate(self.loops):
            self.copy(place, loop.stretch.start)
            self.run(loop, read[number])
            place = loop.stop
        self.copy(place, len(sequence))
        mark = self.recorder.count()
        found = [self.current(node).node for node in self.outputs]
        self.order += self.recorder.made_since(mark)
        return found, self.order

    def inside(self, node: Node) -> tuple[int, int, int] | None:
        """Of an operation of a loop: which loop, which operation of it, which repetition."""
        place = self.loops[0].stretch.places.get(node, -1)
        number = bisect(self.starts, place) - 1
        if number < 0 or place >= self.loops[number].stop:
            return None
        repetition, offset = divmod(place - self.starts[number], self.loops[number].stretch.period)
        return number, offset, repetition

    def read_outside(self) -> list[dict[int, set[int]]]:
        """For each loop, which of its operations are read outside, in which repetitions."""
        found: list[dict[int, set[int]]] = [{} for _ in self.loops]
        readers = list(self.outputs)
        place = 0
        for loop in self.loops:
            readers += [x for n in self.sequence[place : loop.stretch.start] for x in n.inputs]
            readers += outer_nodes(loop)
            place = loop.stop
        readers += [x for n in self.sequence[place:] for x in n.inputs]
        for node in readers:
            known = self.inside(node)
            if known is not None:
                number, offset, repetition = known
                if offset not in self.kept[number]:
                    found[number].setdefault(offset, set()).add(repetition)
        return found

    def run(self, of: Repetitions, read: dict[int, set[int]]) -> None:
        """Put a loop in the place of its repetitions."""
        mark = self.recorder.count()
        written_in = WRITTEN_IN if self.recorder.compiled else 1  # arrays change between calls
        looping = Looping(of, read, self.current, written_in)
        self.order += self.recorder.made_since(mark)
        for offset, numbers in looping.stacked.items():
            for place, number in enumerate(numbers):
                self.pieces[of.stretch.node(number, offset)] = looping, offset, place
        for offset in looping.finals:
            node = of.stretch.node(of.count - 1, offset)
            self.done[node] = looping.state[offset, 1].node

    def copy(self, start: int, stop: int) -> None:
        """Go over operations that stay, with what they read in place of what they read."""
        for node in self.sequence[start:stop]:
            mark = self.recorder.count()
            found = joined(node, self.pieces, self.current) if is_join(node) else None
            if found is None:
                inputs = tuple([self.current(x).node for x in node.inputs])
                new = with_inputs(node, inputs)
            else:
                new = found.node
            self.done[node] = new
            if new is node:
                self.order += self.recorder.made_since(mark)
                self.order.append(node)
            else:
                self.order += self.recorder.made_since(mark)

    def current(self, node: Node) -> Tensor:
        """What stands now in the place of a node."""
        found = self.done.get(node)
        if found is None:
            if node in self.pieces:
                looping, offset, place = self.pieces[node]
                found = looping.result(offset, place).node
            elif self.inside(node):  # a loop does not change it
                found = with_inputs(node, tuple([self.current(x).node for x in node.inputs]))
                if found is node:  # one stands for its like of all repetitions
                    self.order.append(node)
                    taken_in.add(node)
            else:
                found = node
            self.done[node] = found
        return Tensor(found)
