"""The way back through a `while_loop`, a stretch of rounds at a time.

A stretch is at most `longest` rounds. It is run three times, each time as one graph, so that each
is native code where that pays: to see where it ends and how many rounds it has, to stack the states
its rounds begin with, and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.graph.subgraph import Array, Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor, from_array
from adjoint.graph.types import INT64, size_of
from adjoint.ops.control.derived import instance
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.control.rounds import Rounds, while_loop
from adjoint.ops.elementwise.arithmetic import add
from adjoint.ops.elementwise.comparison import less, logical_and

SHORT = 64
"""The rounds of the first stretch. Many loops end in it: as native code is made of a graph when
that would have paid for so many rounds, one of a thousand would be compiled too soon for them."""

LONGEST = 1024
"""The most rounds of another one: the three calls take 60 µs, so 60 ns for a round."""

MOST_BYTES = 1 << 20
"""The states of a stretch are read again soon: so many stay in a cache."""


def longest(loop: Rounds) -> int:
    """The most rounds of a stretch, of which the states take at most half of the memory."""
    size = sum(size_of(shape) * dtype.itemsize for shape, dtype in loop.pieces())
    return max(1, min(LONGEST, min(loop.memory // 2, MOST_BYTES) // max(1, size)))


@lru_cache(maxsize=256)
def advance(loop: Rounds, length: int) -> Subgraph:
    """(constants, state) to (state, rounds) after at most `length` rounds."""
    given = fresh_variables(loop.body.inputs)
    count = fresh_variable((), INT64)
    inputs = [*given, count]
    goes_on = logical_and(instance(loop.condition, given)[0], less(count, length))
    after = [*instance(loop.body, given), add(count, 1)]
    nodes = [x.node for x in inputs]
    bounded = replace(
        loop,
        condition=Subgraph(nodes, [goes_on.node]),
        body=Subgraph(nodes, [x.node for x in after]),
        likely=length,
    )
    outer = fresh_variables(loop.body.inputs)
    found = while_loop(bounded, [*outer, from_array(np.zeros((), INT64))])
    return Subgraph([x.node for x in outer], [x.node for x in found])


@lru_cache(maxsize=256)
def stack(loop: Rounds, length: int) -> Subgraph:
    """(rounds, constants, state) to the states that the rounds begin with, `length` at most."""
    inputs = [fresh_variable((), INT64), *fresh_variables(loop.body.inputs)]
    state = inputs[1 + loop.constants :]
    outputs = [*instance(loop.body, inputs[1:]), *state]
    body = Subgraph([x.node for x in inputs], [x.node for x in outputs])
    counted = Loop(body, 1 + loop.constants, len(state), length, counted=True)
    outer = fresh_variables(body.inputs)
    found = scan(counted, outer)[len(state) :]
    return Subgraph([x.node for x in outer], [x.node for x in found])


@dataclass(frozen=True)
class Back:
    """What goes back through one round: (constants, state, carried) to (carried, shares)."""

    graph: Subgraph
    constants: int
    state: int


@lru_cache(maxsize=256)
def back(step: Back, length: int) -> Subgraph:
    """(rounds, constants, carried, totals, states) to (carried, totals) before at most `length`
    rounds, each of which adds a share to a total."""
    nodes, first = step.graph.inputs, step.constants + step.state
    constants, state = nodes[: step.constants], nodes[step.constants : first]
    carried = nodes[first:]
    shares = step.graph.outputs[len(carried) :]
    totals = [x.node for x in fresh_variables(shares)]
    sums = [add(Tensor(a), Tensor(b)).node for a, b in zip(totals, shares, strict=True)]
    count = fresh_variable((), INT64).node
    body = Subgraph(
        [count, *constants, *carried, *totals, *state],
        [*step.graph.outputs[: len(carried)], *sums],
    )
    moved = len(carried) + len(totals)
    counted = Loop(body, 1 + step.constants, moved, length, backwards=True, counted=True)
    outer = fresh_variables([count, *constants, *carried, *totals])
    stacks = [fresh_variable((length, *x.shape), x.dtype) for x in state]
    found = scan(counted, [*outer, *stacks])
    return Subgraph([x.node for x in (*outer, *stacks)], [x.node for x in found])


class Stretches:
    """The stretches of a loop, of which every so many-th beginning is kept, within its memory.

    The first one is short, and its beginning is always kept.
    """

    def __init__(self, loop: Rounds, constants: Sequence[Array], state: Sequence[Array]) -> None:
        self.loop, self.constants, self.first = loop, constants, list(state)
        self.length = longest(loop)
        self.short = min(SHORT, self.length)
        self.every, self.count, self.last = 1, 0, 0
        self.kept: list[list[Array]] = []
        after, self.rounds = self.run(self.first, self.short)
        if self.rounds == self.short:
            self.go_on(after)

    def go_on(self, state: list[Array]) -> None:
        """Run all stretches but the first."""
        size = max(1, sum(x.nbytes for x in state))
        most = max(2, self.loop.memory // (2 * size))
        rounds = self.length
        while rounds == self.length:
            after, rounds = self.run(state, self.length)
            if not rounds:
                return
            if self.count % self.every == 0:
                self.kept.append(state)
            if len(self.kept) > most:
                del self.kept[1::2]
                self.every *= 2
            self.count, self.last = self.count + 1, rounds
            state = after

    def run(self, state: Sequence[Array], length: int) -> tuple[list[Array], int]:
        """The state after at most so many rounds, and how many there are."""
        *after, rounds = advance(self.loop, length).run([*self.constants, *state])
        return after, int(rounds)

    def backwards(self, step: Back, carried: list[Array], totals: list[Array]) -> list[Array]:
        """What the adjoints `carried` and the `totals` become on the way back through all."""
        moved = [*carried, *totals]
        end, rounds = self.count, self.last
        while self.kept:
            kept = self.kept.pop()
            start = len(self.kept) * self.every
            for state in self.beginnings(kept, end - start):
                moved = self.back(step, state, moved, rounds, self.length)
                rounds = self.length
            end = start
        # In a long loop also by the graphs of the others, which are native code sooner.
        length = self.length if self.count else self.short
        return self.back(step, self.first, moved, self.rounds, length)

    def back(
        self, step: Back, state: list[Array], moved: list[Array], rounds: int, length: int
    ) -> list[Array]:
        """What `moved` becomes on the way back through a stretch that begins with a state."""
        if not rounds:
            return moved
        count: Any = np.array(rounds)
        states = stack(self.loop, length).run([count, *self.constants, *state])
        return back(step, length).run([count, *self.constants, *moved, *states])

    def beginnings(self, state: list[Array], count: int) -> Iterator[list[Array]]:
        """The states with which so many stretches begin, the last one first.

        By halves, so that few are kept at a time.
        """
        if count == 1:
            yield state
            return
        middle, half = state, count // 2
        for _ in range(half):
            middle = self.run(middle, self.length)[0]
        yield from self.beginnings(middle, count - half)
        yield from self.beginnings(state, half)
