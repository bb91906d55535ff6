"""The memory plan: where each intermediate result lies in one block of memory, and until when."""

from __future__ import annotations

from dataclasses import dataclass

from adjoint.graph.node import Node
from adjoint.schedule.plan import Alias, Schedule, nbytes

ALIGNMENT = 64


@dataclass
class MemoryPlan:
    """Offsets of the intermediate results, the size of the block, and what it would be without
    reuse. `storage` gives for each stored node the one whose memory it lies in."""

    offsets: dict[Node, int]
    size: int
    unshared: int
    storage: dict[Node, Node]


def plan_memory(schedule: Schedule) -> MemoryPlan:
    """Give each intermediate result a place that nothing alive at the same time uses."""
    storage = storages(schedule)
    outside = {*schedule.inputs, *schedule.outputs, *schedule.constants}
    first: dict[Node, int] = {}
    last: dict[Node, int] = {}
    for time, step in enumerate(schedule.steps):
        for node in (*step.roots, *step.reads):
            place = storage.get(node, node)
            if place not in outside:
                first.setdefault(place, time)
                last[place] = time
    offsets: dict[Node, int] = {}
    alive: list[tuple[int, int, int]] = []  # offset, end, last time
    size = unshared = 0
    for node in sorted(first, key=lambda n: (first[n], -nbytes(n))):
        need = rounded(nbytes(node))
        alive = sorted(block for block in alive if block[2] >= first[node])
        offset = lowest_gap(alive, need)
        alive.append((offset, offset + need, last[node]))
        offsets[node] = offset
        size = max(size, offset + need)
        unshared += need
    return MemoryPlan(offsets, size, unshared, storage)


def storages(schedule: Schedule) -> dict[Node, Node]:
    """For each alias the node in whose memory it lies; an output has memory of its own."""
    storage: dict[Node, Node] = {}
    for step in schedule.steps:
        if isinstance(step, Alias) and step.root not in schedule.outputs:
            source = step.root.inputs[0]
            storage[step.root] = storage.get(source, source)
    return storage


def rounded(size: int) -> int:
    """`size` rounded up to the alignment."""
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT


def lowest_gap(alive: list[tuple[int, int, int]], need: int) -> int:
    """The lowest offset at which `need` bytes are free between the blocks, sorted by offset."""
    offset = 0
    for start, end, _ in alive:
        if start - offset >= need:
            return offset
        offset = max(offset, end)
    return offset
