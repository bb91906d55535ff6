"""Nests: kernels over the same rows run together, a block of rows at a time.

What one of them writes and the others read then never leaves the cache, and has memory for a block
only. A nest with much work is cut into chunks of rows, which may run on several threads; the cut
depends on nothing but the shapes, so results do not depend on the number of threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.schedule.access_patterns import check_complete, is_row_local, is_serial, reads_of
from adjoint.schedule.plan import Kernel, Nest, Step, nbytes

BLOCK_BYTES = 1 << 15
"""Bytes of intermediate results that a block of rows may have: a first-level cache. Anything from
2 KiB to 2 MiB was as fast (softmax with its adjoint, 8192 by 64 in float64); a small block costs
the least stack."""

STACK = 1 << 18
"""Bytes that the intermediate results of one row may take on the stack: half of the 512 KiB that
the smallest stacks of threads in use have."""

BLOCKED_TRAFFIC = 1 << 17
"""Bytes of intermediate results, or in a chunk of what several kernels read, from which on blocks
are worth it. Up to 512 KiB of results they made no difference where a second-level cache holds
that, at 2 MiB they halved the time (softmax with its adjoint); smaller caches begin here. Reading
again from the first cache, where chunks were 1 MiB, took 0.83 of the time (rows less their mean,
over their deviation, 4,096 of 1,024 float32) to 0.95 (inner products of complex rows)."""

THREADED_WORK = 1 << 19
"""Elements times operations from which on threads are worth it: about 100 µs on one core, beside
which waking a thread, 5 to 20 µs, is little."""

THREADED_BYTES = 1 << 20
"""The same for bytes read and written, where there is little to compute: 50 µs on one core."""

CHUNKS = 16
"""Into how many chunks of rows a nest is cut for threads, however many there are: so that results
do not depend on the number, and up to eight threads still end at about the same time."""

LANES = 8
"""So many rows are scanned side by side, and so many numbers fill the widest vector."""

PARTIAL = 1 << 16
"""The largest result, in bytes, of which each chunk may have its own partial sum: sixteen of them,
1 MiB, are set to zero and added up beside half a million operations."""


def nested(steps: Sequence[Step], outputs: Sequence[Node]) -> list[Step]:
    """The steps with kernels that can run together made nests."""
    users: dict[Node, list[Step]] = {}
    for step in steps:
        for node in step.reads:
            users.setdefault(node, []).append(step)
    result: list[Step] = []
    group: list[Kernel] = []
    ends = set(outputs)
    for step in steps:
        if isinstance(step, Kernel):
            check_complete(step)
            if fits(step, group) and not ends_threads(step, group):
                group.append(step)
                continue
        result.extend(finished(group, users, ends))
        group = []
        if isinstance(step, Kernel) and step.domain and step.domain[0] > 1 and not is_serial(step):
            group = [step]
        else:
            result.append(step)
    return [*result, *finished(group, users, ends)]


def fits(kernel: Kernel, group: Sequence[Kernel]) -> bool:
    """Whether the kernel goes over the rows of the group, reading its own row of what it wrote."""
    if not group or not kernel.domain or kernel.domain[0] != group[0].domain[0]:
        return False
    if is_serial(kernel):
        return False
    # Rows run block by block, so only what a block has written itself is there: each row must read
    # its own row of it. What was complete before the nest began may be read anywhere.
    written = {root for other in group for root in other.roots}
    return all(
        is_row_local(node, indices, kernel.domain[0]) and is_row_written(node)
        for node, indices in reads_of(kernel).items()
        if node in written
    )


def ends_threads(kernel: Kernel, group: Sequence[Kernel]) -> bool:
    """Whether the group has the work for threads, and could not have them with the kernel, as one
    that scatters: that then runs behind it, on what the group has stored for each row."""
    work = sum(other.work for other in group)
    return work >= THREADED_WORK and can_chunk(group) and not can_chunk([kernel])


def is_row_written(node: Node) -> bool:
    """Whether each row of the domain writes its own row of `node`."""
    if node.op.scatters:
        return False
    return node.op.combine is None or 0 not in node.params[0]


def is_added_to(node: Node) -> bool:
    """Whether a reduction adds to its result in memory, its axes not being the last ones."""
    if node.op.combine is None:
        return False
    rank = len(node.inputs[0].shape)
    return sorted(node.params[0]) != list(range(rank - len(node.params[0]), rank))


def finished(group: list[Kernel], users: dict[Node, list[Step]], outputs: set[Node]) -> list[Step]:
    """The nest of a group, or its kernels as they are if that brings nothing."""
    if not group:
        return []
    inside: set[Step] = set(group)
    local = {
        root
        for kernel in group
        for root in kernel.roots
        if root not in outputs
        and is_row_written(root)
        and not is_added_to(root)
        and root.shape[:1] == kernel.domain[:1]
        and all(user in inside for user in users.get(root, ()))
    }
    # Blocks and threads are chosen from sizes alone, never from the machine: the order in which
    # sums are taken, and so each bit of a result, is the same everywhere.
    traffic = sum(map(nbytes, local))
    extent = group[0].domain[0]
    work = sum(kernel.work for kernel in group)
    nest = Nest(group, extent, local, extent, extent)
    is_worth_it = work >= THREADED_WORK or nest.bytes_moved >= THREADED_BYTES
    threads = is_worth_it and extent >= 2 * CHUNKS and can_chunk(group)
    if not threads and traffic < BLOCKED_TRAFFIC:
        return [Nest(group, extent, set(), extent, extent)] if len(group) > 1 else list(group)
    if traffic < BLOCKED_TRAFFIC:
        local = set()
    row = max(1, sum(nbytes(n) for n in local) // extent)
    if row > STACK:
        local = set()
    grain = -(-extent // CHUNKS) if threads else extent
    if not local:
        row = max(1, read_again(group) // extent)
    is_cut = local or (threads and row * grain >= BLOCKED_TRAFFIC)
    block = even_blocks(grain, max(1, BLOCK_BYTES // row)) if is_cut else grain
    return [Nest(group, extent, local, block, grain)]


def read_again(group: Sequence[Kernel]) -> int:
    """The bytes of what several kernels of the group read, each row its own."""
    extent = group[0].domain[0]
    counts = Counter(
        node
        for kernel in group
        for node, indices in reads_of(kernel).items()
        if is_row_local(node, indices, extent)
    )
    return sum([nbytes(node) for node, count in counts.items() if count > 1])


def even_blocks(rows: int, most: int) -> int:
    """The number of rows in a block: about `most`, in blocks of equal length, and whole vectors.

    With 31 in a block, 64 rows would be two blocks and two rows, and 31 are not whole vectors.
    """
    count = -(-rows // most)
    even = -(-rows // count)
    return min(rows, -(-even // LANES) * LANES if even > LANES else even)


def can_chunk(group: Sequence[Kernel]) -> bool:
    """Whether chunks of rows can be computed apart: what all rows add to must be small."""
    for kernel in group:
        for root in kernel.roots:
            if root.op.scatters:
                return False
            if not is_row_written(root) and nbytes(root) > PARTIAL:
                return False
    return True
