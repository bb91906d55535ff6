"""A nest as an LLVM function: blocks of rows, each going through all kernels of the nest.

``void nest(ptr table, i64 low, i64 high)`` takes a table of addresses, so that threads can run it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.kernel import KernelWriter
from adjoint.backends.llvm.codegen.loops import (
    I64,
    POINTER,
    alloca,
    extern,
    loop,
)
from adjoint.backends.llvm.codegen.reduction_buffers import combined_in_memory, fill
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.schedule.memory import ALIGNMENT, rounded
from adjoint.schedule.nests import is_row_written
from adjoint.schedule.plan import Nest, nbytes

I8 = ir.IntType(8)


class NestWriter:
    """Writes one nest. `kernel` gives the function of a kernel and its writer."""

    def __init__(self, nest: Nest, kernel: Callable[[Any], tuple[KernelWriter, Any]]) -> None:
        self.nest = nest
        self.parts = [kernel(k) for k in nest.kernels]
        arguments = dict.fromkeys(n for writer, _ in self.parts for n in writer.arguments)
        self.outside = [n for n in arguments if n not in nest.local]
        roots = [
            root
            for writer, _ in self.parts
            for root in writer.kernel.roots
            if writer.accumulates(root)
        ]
        self.sums = [r for r in roots if not is_row_written(r, nest.kernels)]  # over all rows
        self.filled = [r for r in roots if r not in self.sums]  # within each row

    @property
    def chunks(self) -> int:
        return -(-self.nest.extent // self.nest.grain)

    def partial_bytes(self) -> int:
        """The memory for the partial sums of all chunks."""
        return self.chunks * sum(rounded(nbytes(root)) for root in self.sums)

    def write(self, module: Any, name: str) -> Any:
        """The function; its table holds the addresses of `outside`, then of the partial sums."""
        self.function = ir.Function(
            module, ir.FunctionType(ir.VoidType(), [POINTER, I64, I64]), name
        )
        self.function.linkage = "internal"
        builder = ir.IRBuilder(self.function.append_basic_block())
        table, low, high = self.function.args
        places = {n: self.entry(builder, table, i) for i, n in enumerate(self.outside)}
        if self.nest.in_chunks:
            places |= self.partial_sums(builder, table, low)
        scratch = {n: self.room(builder, n) for n in self.nest.local}
        with loop(builder, low, high, self.nest.block) as start:
            stop = builder.add(start, I64(self.nest.block), flags=("nsw",))
            stop = builder.select(builder.icmp_signed("<", stop, high), stop, high)
            for node, place in scratch.items():
                back = builder.mul(start, I64(-nbytes(node) // self.nest.extent), flags=("nsw",))
                places[node] = builder.gep(place, [back], source_etype=I8)
            for writer, function in self.parts:
                call_kernel(builder, writer, function, places, start, stop)
        builder.ret_void()
        return self.function

    def entry(self, builder: Any, table: Any, number: int) -> Any:
        place = builder.gep(table, [I64(number)], source_etype=POINTER)
        return builder.load(place, typ=POINTER)

    def room(self, builder: Any, node: Node) -> Any:
        """Memory for one block of rows of a local result."""
        size = nbytes(node) // self.nest.extent * self.nest.block
        place = alloca(builder, ir.ArrayType(I8, max(1, size)))
        place.align = ALIGNMENT
        place.type = POINTER
        return place

    def partial_sums(self, builder: Any, table: Any, low: Any) -> dict[Node, Any]:
        """The partial sums of the chunk that begins at `low`, set to where they start."""
        base = self.entry(builder, table, len(self.outside))
        chunk = builder.sdiv(low, I64(self.nest.grain))
        found = {}
        for root, (offset, size) in self.partial_places().items():
            place = builder.add(builder.mul(chunk, I64(size)), I64(offset))
            found[root] = builder.gep(base, [place], source_etype=I8)
            fill(builder, root, found[root])
        return found

    def partial_places(self) -> dict[Node, tuple[int, int]]:
        """For each sum where its partial sums begin, and the bytes of one."""
        found, offset = {}, 0
        for root in self.sums:
            size = rounded(nbytes(root))
            found[root] = offset, size
            offset += size * self.chunks
        return found

    def run(self, builder: Any, places: dict[Node, Any], partial: Any) -> None:
        """Call the nest from the program, and add the partial sums of the chunks up."""
        entries = [places[n] for n in self.outside] + ([partial] if self.nest.in_chunks else [])
        table = alloca(builder, ir.ArrayType(POINTER, max(1, len(entries))))
        table.type = POINTER
        for i, pointer in enumerate(entries):
            builder.store(pointer, builder.gep(table, [I64(i)], source_etype=POINTER))
        for root in self.filled if self.nest.in_chunks else (*self.filled, *self.sums):
            fill(builder, root, places[root])
        if not self.nest.in_chunks:
            builder.call(self.function, [table, I64(0), I64(self.nest.extent)])
            return
        rows = [I64(0), I64(self.nest.extent), I64(self.nest.grain)]
        kinds = [POINTER, POINTER, I64, I64, I64]
        parallel = extern(builder.module, "adjoint_parallel", ir.VoidType(), kinds)
        builder.call(parallel, [self.function, table, *rows])
        for root, (offset, size) in self.partial_places().items():
            fill(builder, root, places[root])
            with loop(builder, I64(0), I64(self.chunks)) as chunk:
                place = builder.add(builder.mul(chunk, I64(size)), I64(offset))
                source = builder.gep(partial, [place], source_etype=I8)
                combined_in_memory(builder, root, places[root], source)


def call_kernel(
    builder: Any, writer: KernelWriter, function: Any, places: dict[Node, Any], low: Any, high: Any
) -> None:
    """Run a kernel on the rows from `low` to `high`."""
    if writer.flat:
        width = I64(size_of(writer.kernel.domain[1:]))
        low = builder.mul(low, width, flags=("nsw",))
        high = builder.mul(high, width, flags=("nsw",))
    pointers = [places[node] for node in writer.arguments]
    if writer.by_table:
        pointers = [table_of(builder, pointers)]
    builder.call(function, [*pointers, low, high])


def table_of(builder: Any, pointers: Sequence[Any]) -> Any:
    """Addresses in a row in memory."""
    table = alloca(builder, ir.ArrayType(POINTER, len(pointers)))
    table.type = POINTER
    for i, pointer in enumerate(pointers):
        builder.store(pointer, builder.gep(table, [I64(i)], source_etype=POINTER))
    return table


def whole(writer: KernelWriter) -> tuple[Any, Any]:
    """The bounds of all rows."""
    return I64(0), I64(writer.kernel.domain[0] if writer.kernel.domain else 1)
