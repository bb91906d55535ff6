"""Donation: which outputs can be written into the memory of inputs that nobody needs afterwards.

An output may lie in an input's memory if the input is read for the last time before the output is
written for the first time, or in the same loop at the very index that is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adjoint.graph.node import Node
from adjoint.schedule.in_place import overwrites
from adjoint.schedule.memory import placed_pieces, storages
from adjoint.schedule.plan import Schedule, Step


@dataclass(frozen=True)
class Donations:
    """What each call of a program donates: `nodes` holds for each donated input, by number, what
    its tensor stands for afterwards; `reused` names for outputs the input whose memory they may
    take."""

    nodes: Mapping[int, Node]
    reused: Mapping[int, int]


@dataclass(frozen=True)
class Reuse:
    """What a program makes of the inputs that are donated to it: whether a call, once begun, comes
    to its end, so that no donation has to be undone, and for outputs, by number, the number of the
    input in whose memory they may lie."""

    is_sure: bool
    inputs: Mapping[int, int]

    @classmethod
    def of(cls, schedule: Schedule, donated: Sequence[int]) -> Reuse:
        """What the program of a schedule makes of its inputs `donated`, by number."""
        return cls(is_sure(schedule), reusable_inputs(schedule, donated))


def reusable_inputs(schedule: Schedule, donated: Sequence[int]) -> dict[int, int]:
    """For outputs, by number, the number of the donated input in whose memory they may lie.

    Empty for programs that may fail half-way: then the inputs are needed once more.
    """
    if not is_sure(schedule):
        return {}
    life = Lifetimes(schedule)
    found: dict[int, int] = {}
    free = [i for i in donated if schedule.inputs[i] not in schedule.outputs]
    for number, out in enumerate(schedule.outputs):
        if out in schedule.outputs[:number] or out.shape == ():
            continue
        for i in free:
            given = schedule.inputs[i]
            if (given.shape, given.dtype) == (out.shape, out.dtype) and life.allows(out, given):
                found[number] = i
                free.remove(i)
                break
    return found


def is_sure(schedule: Schedule) -> bool:
    """Whether a program, once begun, comes to its end."""
    return not any(step.can_fail for step in schedule.steps)


class Lifetimes:
    """When the memory of each stored node is written first, and read last."""

    def __init__(self, schedule: Schedule) -> None:
        self.steps = schedule.steps
        self.storage = storages(schedule)
        self.written: dict[Node, int] = {}
        self.read: dict[Node, int] = {}
        pieces = placed_pieces(schedule, self.storage)
        for time, step in enumerate(schedule.steps):
            placed = [output for (packed, _), output in pieces.items() if packed in step.roots]
            for node in (*step.roots, *placed):
                self.written.setdefault(self.owner(node), time)
            for node in step.reads:
                self.read[self.owner(node)] = time

    def owner(self, node: Node) -> Node:
        """The node in whose memory another lies."""
        return self.storage.get(node, (node, 0))[0]

    def allows(self, out: Node, given: Node) -> bool:
        """Whether `out` may be written into the memory of `given`."""
        if out not in self.written or self.owner(out) is not out:
            return False
        first, last = self.written[out], self.read.get(given, -1)
        if last != first:
            return last < first
        return self.in_step(self.steps[first], out, given)

    def in_step(self, step: Step, out: Node, given: Node) -> bool:
        """Whether one kernel of a step, and no other, reads `given`, just where it writes `out`."""
        if not step.kernels:  # what a product adds to is there before it begins
            readings = sum(self.owner(n) is given for n in step.reads)
            return given is step.addend and readings == 1  # w + w @ x also reads it as a factor
        readers = [k for k in step.kernels if any(self.owner(n) is given for n in k.reads)]
        if len(readers) != 1:
            return False
        (kernel,) = readers
        shared = any(self.owner(n) is given and n is not given for n in kernel.reads)
        return not shared and overwrites(kernel, out, given)
