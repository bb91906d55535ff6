"""Loops whose rows do not depend on each other: each thread runs the whole loop for some of them.

In a step of such a loop every row reads its own row of the state, as where `vmap` made a loop over
many examples, or a user wrote a state with one row for each. Steps that threads share one by one
would wait for each other in every step; and all rows of a step together seldom fit into the cache,
so that each step would fetch the state from memory. A chunk of rows does both once.

What a loop back adds up over steps and rows, as the adjoint of a parameter that all rows share, has
a partial sum for each chunk. These are added up in order, so that no result depends on the number
of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.graph.node import Node
from adjoint.ops import records
from adjoint.ops.control.loop import Loop
from adjoint.schedule.access_patterns import is_row_local, is_serial, reads_of
from adjoint.schedule.nests import CHUNKS, PARTIAL, THREADED_WORK, is_added_to, is_row_written
from adjoint.schedule.plan import Alias, Control, Kernel, Nest, Schedule, Step, nbytes
from adjoint.schedule.row_chunks import RowChunks

LEAST_ROWS = 256
"""Fewer rows have few vectors in each chunk; where they are few enough their state lives in
registers, which is faster."""

LONG_CHUNK = 512
"""Rows of a chunk, if there are enough: a page of float64. Chunks go through what the loop stacks
in pieces of so many rows, one for each step, and short pieces touch each page again and again."""

LEAST_WORK = 1 << 14
"""Elements times operations of a step from which on chunks are worth it: two of them do half a
microsecond of work each, beside the 0.1 µs that a chunk needs to begin a step: to find addresses,
call kernels and end sums."""

CHUNK_WORK = 1 << 15
"""The same for each of more chunks than two: one to two microseconds."""

CHUNK_BYTES = 1 << 18
"""Bytes that a chunk reads and writes in a step, at most: they are to be in the cache still when
the next step comes."""

REGION_WORK = 1 << 27
"""Elements times operations after which the threads meet, so that the one that called can ask for
signals: a tenth of a second or so of one core."""


def in_rows(step: Control) -> Control:
    """A loop of known length, to be run in chunks of rows if that can be done and pays."""
    loop: Loop = step.root.params[0]
    (body,) = step.inner
    work = sum(inner.work for inner in body.steps)
    extent = max((inner.rows[0] for inner in body.steps if inner.rows), default=0)
    if extent < LEAST_ROWS or work < LEAST_WORK or work * loop.length < 2 * THREADED_WORK:
        return step
    rows = RowSteps(body, loop, extent)
    if not rows.are_independent():
        return step
    traffic = max(1, sum(nest.bytes_moved for nest in rows.nests) // extent)
    count = max(2, min(CHUNKS, work // CHUNK_WORK, extent // LONG_CHUNK))
    grain = min(-(-extent // count), max(LONG_CHUNK, CHUNK_BYTES // traffic))
    nests = [replace(nest, block=min(nest.block, grain)) for nest in rows.nests]
    steps: list[Step] = [*rows.aliases, *nests]
    chunks = RowChunks(extent, grain, rows.sums, rows.still, max(1, REGION_WORK // work))
    return Control(step.root, [replace(body, steps=steps)], chunks)


FOLDED = {records.add: "add", records.logical_or: "bitwise_or"}
"""What a part of the state may add up over rows and steps: the word that `combine` has for it."""


class RowSteps:
    """The steps of the body of a loop, as far as they go over so many rows.

    `sums`: by its number, what is added to a part of the state in each step: sums over all rows.
    """

    def __init__(self, body: Schedule, loop: Loop, extent: int) -> None:
        self.body, self.loop, self.extent = body, loop, extent
        self.aliases = [step for step in body.steps if isinstance(step, Alias)]
        self.nests = [
            Nest([step], extent, frozenset(), extent, extent)
            if isinstance(step, Kernel)
            else replace(step, grain=extent)
            for step in body.steps
            if isinstance(step, Kernel | Nest) and step.rows == (extent,)
        ]
        self.kernels = [kernel for nest in self.nests for kernel in nest.kernels]
        others = [
            step for step in body.steps if not isinstance(step, Alias) and step.rows != (extent,)
        ]
        self.few = [x for x in others if isinstance(x, Kernel)]
        self.are_kernels = len(self.few) == len(others) and bool(self.nests)
        self.variables = body.inputs[loop.constants : loop.constants + loop.state]
        self.still = {n for n, x in enumerate(self.variables) if body.outputs[n] is x}
        """The parts of the state that stay as they are."""
        self.sums: dict[int, list[Node]] = {}

    def are_independent(self) -> bool:
        """Whether no row depends on another, but for what is added up over all of them."""
        if not self.are_kernels or self.body.packed:
            return False
        roots = [root for kernel in self.kernels for root in kernel.roots]
        totals = [root for root in roots if not is_row_written(root)]
        changing = {x for n, x in enumerate(self.variables) if n not in self.still} | set(roots)
        changing |= {x.root for x in self.aliases if self.body_of(x) in changing}
        return (
            all(map(self.keeps_rows, self.aliases))
            and all(self.reads_own_rows(kernel, changing) for kernel in self.kernels)
            and all(root in totals or self.is_row(root) for root in roots)
            and self.find_sums(totals)
            and all(map(self.can_be_written, enumerate(self.body.outputs)))
        )

    def body_of(self, alias: Alias) -> Node:
        """What the memory of an alias was written for."""
        sources = {x.root: x.source for x in self.aliases}
        source = alias.source
        while source in sources:
            source = sources[source]
        return source

    def keeps_rows(self, alias: Alias) -> bool:
        """Whether each row of an alias is the row of its source."""
        source = alias.source
        return (
            self.is_row(alias.root)
            and self.is_row(source)
            and nbytes(alias.root) == nbytes(source)
            and alias.root not in self.body.outputs
        )

    def is_row(self, node: Node) -> bool:
        """Whether a node has a row for each, which a kernel writes at once."""
        reverses = node.op.scans and node.params[0] == 0
        return node.shape[:1] == (self.extent,) and not is_added_to(node) and not reverses

    def reads_own_rows(self, kernel: Kernel, changing: set[Node]) -> bool:
        """Whether a kernel reads only its own rows of what changes from step to step."""
        return not is_serial(kernel) and all(
            is_row_local(node, indices, self.extent)
            for node, indices in reads_of(kernel).items()
            if node in changing
        )

    def find_sums(self, totals: Sequence[Node]) -> bool:
        """Find the parts of the state to which sums over all rows are added, and nothing else is
        done with either."""
        for number, output in enumerate(self.body.outputs[: self.loop.state]):
            if any(output in kernel.roots for kernel in self.few):
                terms = terms_of(output)
                own = self.variables[number]
                sums = [x for x in terms if x is not own]
                folded = FOLDED.get(output.op)
                if len({*sums}) != len(terms) - 1 or not {*sums} <= {*totals}:
                    return False
                if folded is None or any(x.op.combine != folded for x in sums):
                    return False
                self.sums[number] = sums
        taken = {x for sums in self.sums.values() for x in sums}
        added = {self.body.outputs[number] for number in self.sums}
        private = {self.variables[number] for number in self.sums} | taken
        read = {x for kernel in self.kernels for x in kernel.reads}
        return (
            taken == {*totals}
            and all(nbytes(x) <= PARTIAL for x in totals)
            and all(root in added for kernel in self.few for root in kernel.roots)
            and private.isdisjoint({*read, *self.body.outputs})
            and sum(x in added for x in self.body.outputs) == len(added)
        )

    def can_be_written(self, numbered: tuple[int, Node]) -> bool:
        """Whether each chunk can write its rows of an output."""
        number, output = numbered
        if number in self.sums or number in self.still:
            return True
        is_written = any(output in kernel.roots for kernel in self.kernels)
        return output.shape[:1] == (self.extent,) and (is_written or output.dtype.kind != "b")


def terms_of(node: Node) -> list[Node]:
    """What is added up, or whatever the operation is, to make a node, each as often as it is."""
    found, stack = [], [node]
    while stack:
        x = stack.pop()
        if x.op is node.op and all(y.shape == node.shape for y in x.inputs):
            stack += x.inputs
        else:
            found.append(x)
    return found
