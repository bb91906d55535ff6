"""The memory plan: where each intermediate result lies in one block of memory, and until when."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from adjoint.graph.node import Node
from adjoint.schedule.in_place import reused_buffers
from adjoint.schedule.plan import SCALAR, Alias, Control, Schedule, nbytes

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""

WASTE = 2
"""How many times larger than needed the memory may be that is used again: more would leave none for
the large results that come later, less would leave memory unused that is in the cache already."""


@dataclass
class MemoryPlan:
    """Offsets of the intermediate results, the size of the block, and what it would be without
    reuse. `storage` gives for a node that lies in another's memory that node and the offset, in
    bytes; `pieces` the outputs to which a step writes a piece of its result (`placed_pieces`)."""

    offsets: dict[Node, int]
    size: int
    unshared: int
    storage: dict[Node, tuple[Node, int]]
    pieces: dict[tuple[Node, int], Node]


def plan_memory(schedule: Schedule, gap: int = 0) -> MemoryPlan:
    """Give each intermediate result memory that nothing alive at the same time uses.

    With a `gap`, for debugging, none is used again, and so many bytes are free behind each.
    """
    storage = storages(schedule)
    pieces = placed_pieces(schedule, storage)
    outside = {*schedule.inputs, *schedule.outputs, *schedule.constants}
    for step in schedule.steps:
        outside |= step.local  # they live in the nest
    shared = {*storage, *(owner for owner, _ in storage.values())}
    buffers = reused_buffers(schedule, shared, outside)
    storage |= {node: (owner, 0) for node, owner in buffers.items()}
    first: dict[Node, int] = {}
    last: dict[Node, int] = {}
    for time, step in enumerate(schedule.steps):
        for node in (*step.roots, *step.reads):
            owner = storage.get(node, (node, 0))[0]
            if owner not in outside:
                first.setdefault(owner, time)
                last[owner] = time
    dying: dict[int, list[Node]] = {}
    for node, time in last.items():
        dying.setdefault(time, []).append(node)
    needs = {node: nbytes(node) for node in first}
    for leader, behind in storage.values():
        if leader in needs:
            needs[leader] = max(needs[leader], behind + SCALAR)
    offsets: dict[Node, int] = {}
    size = unshared = done = 0
    free: list[tuple[int, int]] = []  # size and offset of the blocks in nobody's use, sorted
    # Best fit, the largest of a step first. A step's results are given memory before what it reads
    # for the last time is free: it may still be reading when it writes. Writing over one's own
    # input is another matter, decided in `in_place` from the indices.
    for node in sorted(first, key=lambda n: (first[n], -needs[n])):
        for time in range(done, first[node]):
            for dead in dying.get(time, ()):
                insort(free, (rounded(needs[dead]), offsets[dead]))
        done = max(done, first[node])
        need = rounded(needs[node]) + gap
        fit = bisect_left(free, (need, -1))
        if not gap and fit < len(free) and free[fit][0] <= need * WASTE:
            offset = free.pop(fit)[1]
        else:
            offset, size = size, size + need
        offsets[node] = offset
        unshared += need
    return MemoryPlan(offsets, size, unshared, storage, pieces)


def storages(schedule: Schedule) -> dict[Node, tuple[Node, int]]:
    """For aliases, packed scalars and what products are added to, where they lie; an output has
    memory of its own."""
    storage = dict(schedule.packed)
    written = {root for step in schedule.steps for root in step.roots}
    steps = [step for step in schedule.steps if isinstance(step, Alias)]
    aliases = {step.root: step.source for step in steps}
    fixed = {*aliases, *schedule.outputs}
    readers = Counter(node for step in schedule.steps for node in step.reads)
    movable = {node for node in written - fixed if readers[node] == 1 and node not in storage}
    for root, source in aliases.items():
        is_movable = source in written - fixed and source not in storage
        if root in schedule.outputs and is_movable and nbytes(source) == nbytes(root):
            storage[source] = root, 0
    for step in reversed(schedule.steps):  # sums before their addends, which may be sums
        if step.addend in movable:
            (root,) = step.roots
            storage[step.addend] = storage.get(root, (root, 0))
    pieces = placed_pieces(schedule, storage)
    for step in steps:  # now it is known where the sources lie
        if step.root not in schedule.outputs:
            source = aliases[step.root]
            owner, offset = storage.get(source, (source, 0))
            place = owner, offset + step.offset
            storage[step.root] = (pieces[place], 0) if place in pieces else place
    return storage


def placed_pieces(
    schedule: Schedule, storage: Mapping[Node, tuple[Node, int]]
) -> dict[tuple[Node, int], Node]:
    """Outputs that are pieces of the packed result of a loop or branch, by that result and where
    in it, in bytes, they would lie: the loop writes them where they are wanted, not in its result.

    Only if whoever reads the packed result reads whole pieces. Others would miss them there.
    """
    packed = {step.root for step in schedule.steps if isinstance(step, Control)}
    packed -= {*storage, *schedule.outputs}
    windows: dict[Node, set[tuple[int, int]]] = {root: set() for root in packed}
    where: dict[Node, tuple[Node, int]] = {}
    for step in schedule.steps:
        if isinstance(step, Alias):
            base, offset = where.get(step.source, (step.source, 0))
            where[step.root] = base, offset + step.offset
            if base in packed:
                windows[base].add((offset + step.offset, nbytes(step.root)))
        else:
            packed.difference_update(step.reads)
    found: dict[tuple[Node, int], Node] = {}
    for output in schedule.outputs:
        base, start = where.get(output, (output, 0))
        end = start + nbytes(output)
        if base in packed and start < end and (base, start) not in found:
            others = windows[base] - {(start, nbytes(output))}
            if all(end <= first or first + size <= start for first, size in others):
                found[base, start] = output
    return found


def rounded(size: int) -> int:
    """`size` rounded up to the alignment."""
    return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
