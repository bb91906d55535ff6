"""Loops in chunks of rows: threads run the whole loop, each for some of the rows.

``void rows(ptr table, i64 low, i64 high)`` goes through a stretch of steps for the rows from `low`
to `high`. Each row has its own place in all buffers, so that threads never write to the same place.
Only the calling thread asks for signals, between stretches: on other threads nobody may ask Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
from adjoint.backends.llvm.codegen.nest import NestWriter, table_of
from adjoint.backends.llvm.codegen.reduction_buffers import (
    combine_buffers,
    copy_buffer,
    initialize,
)
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.backends.llvm.program.loop_state import (
    Order,
    Round,
    StatePart,
    at_step,
    homes_of,
    part_at,
)
from adjoint.graph.node import Node
from adjoint.ops.control.loop import Loop
from adjoint.schedule.memory import rounded
from adjoint.schedule.plan import Control, Nest, nbytes
from adjoint.schedule.row_chunks import RowChunks

if TYPE_CHECKING:
    from adjoint.backends.llvm.program.control_writer import Scratch
    from adjoint.backends.llvm.program.program_writer import GraphWriter, ProgramWriter

I8 = ir.IntType(8)
APART = 320
"""Bytes between buffers of equal size. Where these are a multiple of 4 KiB all rows with one number
would lie in the same few places of the first-level cache."""


def partial_bytes(chunks: RowChunks) -> int:
    """The memory for the partial sums of all chunks, no two of them in one cache line."""
    return chunks.count * sum(rounded(nbytes(root)) for root in chunks.totals)


class RowLoop:
    """Writes a loop that is run in chunks of rows.

    `stacks` has the addresses of what is stacked, by the numbers of inputs and outputs of a step,
    outputs after inputs; `wanted` those of results.
    """

    def __init__(
        self,
        builder: Any,
        step: Control,
        writer: ProgramWriter,
        graph: GraphWriter,
        stacks: dict[int, Any],
        wanted: dict[int, Any],
        scratch: Scratch,
    ) -> None:
        assert step.chunks is not None
        self.builder, self.writer, self.graph, self.chunks = builder, writer, graph, step.chunks
        self.loop: Loop = step.root.params[0]
        self.body = graph.schedule
        self.homes = homes_of(self.body, self.loop)
        self.first = self.loop.constants + self.loop.state
        self.inputs = [writer.address_of(builder, x) for x in step.root.inputs[: self.first]]
        self.stacks = stacks
        outputs = self.body.outputs
        self.last = {n: wanted.get(n) or scratch.take(outputs[n]) for n in range(self.loop.state)}
        fixed = {*self.chunks.sums, *self.chunks.still}
        self.parts = [n for n in range(self.loop.state) if n not in fixed]
        self.other = {n: scratch.take_bytes(nbytes(outputs[n]) + APART) for n in self.parts}
        self.partial = scratch.take_bytes(partial_bytes(self.chunks))
        self.block = scratch.block

    def write(self) -> None:
        """The loop, on all threads, and what comes before and after it."""
        builder, chunks = self.builder, self.chunks
        parts = self.state_parts(self.inputs, self.stacks, self.last, self.other)
        for part in parts.values():
            part.begin(builder)
        partial_sums = self.partial_sums(chunks.count)
        for root, offset, size in partial_sums:
            with loop(builder, I64(0), I64(chunks.count), unroll=False) as chunk:
                initialize(builder, root, self.partial_sum(builder, chunk, offset, size))
        stretch = alloca(builder, ir.ArrayType(I64, 2))
        stretch.type = POINTER
        task = self.task()
        table = table_of(builder, [stretch, *self.addresses()])
        kinds = [POINTER, POINTER, I64, I64, I64]
        parallel = extern(builder.module, "adjoint_parallel", ir.VoidType(), kinds)
        rows = [I64(0), I64(chunks.extent), I64(chunks.grain)]
        with loop(builder, I64(0), I64(self.loop.length), chunks.steps, unroll=False) as start:
            stop = builder.add(start, I64(chunks.steps))
            is_inside = builder.icmp_signed("<", stop, I64(self.loop.length))
            stop = builder.select(is_inside, stop, I64(self.loop.length))
            for place, number in enumerate((start, stop)):
                builder.store(number, builder.gep(stretch, [I64(place)], source_etype=I64))
            self.writer.interrupts.check(self.writer.failed)
            builder.call(parallel, [task, table, *rows])
        for part in parts.values():
            part.end(builder)
        self.write_last(partial_sums)

    def write_last(self, partial_sums: Sequence[tuple[Node, int, int]]) -> None:
        """The parts of the last state that are as at first, but for the sums of the chunks."""
        builder = self.builder
        for number in (*self.chunks.sums, *self.chunks.still):
            last, initial = self.last[number], self.inputs[self.loop.constants + number]
            copy_buffer(builder, self.body.outputs[number], last, initial)
            roots = self.chunks.sums.get(number, ())
            for root, offset, size in partial_sums:
                if root in roots:
                    with loop(builder, I64(0), I64(self.chunks.count), unroll=False) as chunk:
                        own = self.partial_sum(builder, chunk, offset, size)
                        combine_buffers(builder, root, last, own)

    def partial_sums(self, count: int) -> list[tuple[Node, int, int]]:
        """For each sum over rows the offset of its partial sums, and the bytes of one."""
        found, offset = [], 0
        for root in self.chunks.totals:
            size = rounded(nbytes(root))
            found.append((root, offset, size))
            offset += size * count
        return found

    def partial_sum(self, builder: Any, chunk: Any, offset: int, size: int) -> Any:
        """Where the partial sum of a chunk lies."""
        own = builder.add(builder.mul(chunk, I64(size)), I64(offset))
        return builder.gep(self.partial, [own], source_etype=I8)

    def state_parts(
        self,
        inputs: Sequence[Any],
        stacks: dict[int, Any],
        last: dict[int, Any],
        other: dict[int, Any],
    ) -> dict[int, StatePart]:
        """Where the parts of the state lie that have rows."""
        order = Order.of(self.loop)
        found: dict[int, StatePart] = {}
        for n in self.parts:
            node, initial = self.body.outputs[n], inputs[self.loop.constants + n]
            found[n] = part_at(self.homes.get(n), node, order, stacks, initial, last[n], other[n])
        return found

    # the function for some of the rows

    def addresses(self) -> list[Any]:
        """All that the function needs to know, as a list."""
        return [
            *self.inputs,
            *self.stacks.values(),
            *self.last.values(),
            *self.other.values(),
            self.partial,
            self.block,
        ]

    def task(self) -> Any:
        """The function."""
        module = self.builder.module
        kind = ir.FunctionType(ir.VoidType(), [POINTER, I64, I64])
        function = ir.Function(module, kind, module.get_unique_name("adjoint_rows"))
        function.linkage = "internal"
        builder = IRBuilder(function.append_basic_block())
        table, low, high = function.args
        taken = iter(range(1, 1 + len(self.addresses())))

        def load(number: int, kind: Any = POINTER, base: Any = table) -> Any:
            return builder.load(builder.gep(base, [I64(number)], source_etype=kind), typ=kind)

        def loaded(named: dict[int, Any]) -> dict[int, Any]:
            return {n: load(next(taken)) for n in named}

        start, stop = (load(n, I64, load(0)) for n in range(2))
        inputs = list(loaded(dict(enumerate(self.inputs))).values())
        stacks, last, other = loaded(self.stacks), loaded(self.last), loaded(self.other)
        partial_base, block = load(next(taken)), load(next(taken))
        parts = self.state_parts(inputs, stacks, last, other)
        fixed = self.fixed_addresses(builder, inputs, block)
        chunk = builder.sdiv(low, I64(self.chunks.grain))
        for root, offset, size in self.partial_sums(self.chunks.count):
            own = builder.add(builder.mul(chunk, I64(size)), I64(offset))
            fixed[root] = builder.gep(partial_base, [own], source_etype=I8)
        nests = self.nests()
        final = I64(self.loop.length - 1)
        with loop(builder, start, stop, unroll=False) as i:
            now = Round.at(builder, i, final, self.loop.backwards)
            given, outputs = self.places(builder, now, stacks, parts)
            addresses = self.addresses_of(builder, fixed, given, outputs)
            for nest in nests:
                nest.run_rows(builder, addresses, low, high)
            self.copy_rows(builder, addresses, outputs, low, high)
        builder.ret_void()
        return function

    def nests(self) -> list[NestWriter]:
        """The functions of the kernels."""
        found = []
        for nest in self.body.steps:
            if isinstance(nest, Nest):
                kernel = partial(self.graph.kernel, fixed=False, rows=nest.rows_at_once)
                writer = NestWriter(nest, kernel)
                writer.write(self.graph.module, f"nest_{len(self.graph.nests)}")
                self.graph.nests.append(writer)
                found.append(writer)
        return found

    def fixed_addresses(self, builder: Any, inputs: Sequence[Any], block: Any) -> dict[Node, Any]:
        """The addresses that are the same in all steps."""
        state = self.loop.constants
        found = dict(zip(self.body.inputs[:state], inputs, strict=False))
        found |= {self.body.inputs[state + n]: inputs[state + n] for n in self.chunks.still}
        found |= self.graph.constant_addresses(builder)
        for node, offset in self.graph.memory.offsets.items():
            found[node] = builder.gep(block, [I64(offset)], source_etype=I8)
        return found

    def places(
        self, builder: Any, now: Round, stacks: dict[int, Any], parts: dict[int, StatePart]
    ) -> tuple[dict[Node, Any], dict[int, Any]]:
        """Where a step reads the state and the slices, and where it writes its outputs."""
        slices = [*self.body.inputs, *self.body.outputs]
        rows = {n: at_step(builder, stack, now.t, slices[n]) for n, stack in stacks.items()}
        given = {
            self.body.inputs[self.loop.constants + n]: part.before(builder, now)
            for n, part in parts.items()
        }
        given |= {x: rows[n] for n, x in enumerate(self.body.inputs) if n in rows}
        left_out = {home.left_out for n, home in self.homes.items() if n in parts}
        outputs = {n: part.after(builder, now) for n, part in parts.items()}
        count = len(self.body.inputs)
        outputs |= {n - count: x for n, x in rows.items() if n >= count}
        return given, {n: x for n, x in outputs.items() if n not in left_out}

    def addresses_of(
        self,
        builder: Any,
        fixed: dict[Node, Any],
        given: dict[Node, Any],
        outputs: dict[int, Any],
    ) -> dict[Node, Any]:
        """Where the tensors of a step lie."""
        written = {root for step in self.body.steps for root in step.roots}
        found = fixed | given
        for n, address in outputs.items():
            if self.body.outputs[n] in written:  # of an output that is there twice, the first
                found.setdefault(self.body.outputs[n], address)
        for node, (source, offset) in self.graph.memory.storage.items():
            if source in found and source is not node:
                found[node] = builder.gep(found[source], [I64(offset)], source_etype=I8)
        return found

    def copy_rows(
        self,
        builder: Any,
        addresses: dict[Node, Any],
        outputs: dict[int, Any],
        low: Any,
        high: Any,
    ) -> None:
        """Copy the rows of outputs that no kernel writes, or that are there twice."""
        copy = extern(builder.module, "memcpy", POINTER, [POINTER, POINTER, I64])
        for n, address in outputs.items():
            node = self.body.outputs[n]
            if addresses[node] is not address:
                row = I64(nbytes(node) // self.chunks.extent)
                offset, size = builder.mul(low, row), builder.mul(builder.sub(high, low), row)
                ends = [
                    builder.gep(base, [offset], source_etype=I8)
                    for base in (address, addresses[node])
                ]
                builder.call(copy, [*ends, size])
