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
    element_address,
    extern,
    loop,
)
from adjoint.backends.llvm.codegen.reduction_buffers import combine_buffers, initialize
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.schedule.memory import ALIGNMENT, rounded
from adjoint.schedule.nests import is_row_written
from adjoint.schedule.plan import Nest, nbytes

I8 = ir.IntType(8)


def sums_of(writers: Sequence[Any]) -> tuple[list[Node], list[Node]]:
    """The roots of the kernels of a nest that are added to in memory: over the rows, and within
    each row."""
    roots = [root for w in writers for root in w.kernel.roots if w.accumulates(root)]
    sums = [root for root in roots if not is_row_written(root)]
    return sums, [root for root in roots if root not in sums]


class NestWriter:
    """Writes one nest. `kernel` gives the function of a kernel and its writer."""

    def __init__(self, nest: Nest, kernel: Callable[[Any], tuple[Any, Any]]) -> None:
        self.nest = nest
        self.kernels = [kernel(k) for k in nest.kernels]
        buffers = dict.fromkeys(n for writer, _ in self.kernels for n in writer.arguments)
        self.arguments = [n for n in buffers if n not in nest.local]
        self.sums, self.row_sums = sums_of([writer for writer, _ in self.kernels])

    @property
    def chunks(self) -> int:
        """Into how many chunks of rows the nest is cut for threads. It depends on shapes only, so
        results do not depend on how many threads there are."""
        return -(-self.nest.extent // self.nest.grain)

    def partial_bytes(self) -> int:
        """The memory for the partial sums of all chunks."""
        return self.chunks * sum(rounded(nbytes(root)) for root in self.sums)

    def write(self, module: Any, name: str) -> Any:
        """The function; its table holds the addresses of `arguments`, then of the partial sums."""
        self.function = ir.Function(
            module, ir.FunctionType(ir.VoidType(), [POINTER, I64, I64]), name
        )
        self.function.linkage = "internal"
        builder = IRBuilder(self.function.append_basic_block())
        table, low, high = self.function.args
        addresses = {n: self.address(builder, table, i) for i, n in enumerate(self.arguments)}
        if self.nest.in_chunks:
            addresses |= self.partial_sums(builder, table, low)
        scratch = {n: self.stack_buffer(builder, n) for n in self.nest.local}
        with loop(builder, low, high, self.nest.block) as start:
            stop = builder.add(start, I64(self.nest.block), flags=("nsw",))
            stop = builder.select(builder.icmp_signed("<", stop, high), stop, high)
            for node, buffer in scratch.items():
                # Kernels count rows from the first of all: let row `start` be the buffer's first.
                back = builder.mul(start, I64(-nbytes(node) // self.nest.extent), flags=("nsw",))
                addresses[node] = builder.gep(buffer, [back], source_etype=I8)
            for writer, function in self.kernels:
                call_kernel(builder, writer, function, addresses, start, stop)
        builder.ret_void()
        return self.function

    def address(self, builder: Any, table: Any, number: int) -> Any:
        """An address from a table."""
        slot = element_address(builder, table, I64(number), POINTER)
        return builder.load(slot, typ=POINTER)

    def stack_buffer(self, builder: Any, node: Node) -> Any:
        """Memory for one block of rows of a local result."""
        size = nbytes(node) // self.nest.extent * self.nest.block
        buffer = alloca(builder, ir.ArrayType(I8, max(1, size)))
        buffer.align = ALIGNMENT
        buffer.type = POINTER
        return buffer

    def partial_sums(self, builder: Any, table: Any, low: Any) -> dict[Node, Any]:
        """The partial sums of the chunk that begins at `low`, set to where they start."""
        base = self.address(builder, table, len(self.arguments))
        chunk = builder.sdiv(low, I64(self.nest.grain))
        found = {}
        for root, (offset, size) in self.partial_offsets().items():
            own = builder.add(builder.mul(chunk, I64(size)), I64(offset))
            found[root] = builder.gep(base, [own], source_etype=I8)
            initialize(builder, root, found[root])
        return found

    def partial_offsets(self) -> dict[Node, tuple[int, int]]:
        """For each sum the offset of its partial sums, and the bytes of one, padded so that no two
        chunks write to one cache line."""
        found, offset = {}, 0
        for root in self.sums:
            size = rounded(nbytes(root))
            found[root] = offset, size
            offset += size * self.chunks
        return found

    def run(self, builder: Any, addresses: dict[Node, Any], partial: Any) -> None:
        """Call the nest from the program, and add the partial sums of the chunks up, in order."""
        entries = [addresses[n] for n in self.arguments]
        entries += [partial] if self.nest.in_chunks else []
        table = table_of(builder, entries)
        for root in self.row_sums if self.nest.in_chunks else (*self.row_sums, *self.sums):
            initialize(builder, root, addresses[root])
        if not self.nest.in_chunks:
            builder.call(self.function, [table, I64(0), I64(self.nest.extent)])
            return
        rows = [I64(0), I64(self.nest.extent), I64(self.nest.grain)]
        kinds = [POINTER, POINTER, I64, I64, I64]
        parallel = extern(builder.module, "adjoint_parallel", ir.VoidType(), kinds)
        builder.call(parallel, [self.function, table, *rows])
        for root, (offset, size) in self.partial_offsets().items():
            initialize(builder, root, addresses[root])
            with loop(builder, I64(0), I64(self.chunks)) as chunk:
                own = builder.add(builder.mul(chunk, I64(size)), I64(offset))
                source = builder.gep(partial, [own], source_etype=I8)
                combine_buffers(builder, root, addresses[root], source)

    def run_rows(self, builder: Any, addresses: dict[Node, Any], low: Any, high: Any) -> None:
        """Call the nest for the rows from `low` to `high`, which others run besides. What it adds
        up over rows is added to what is there."""
        table = table_of(builder, [addresses[n] for n in self.arguments])
        builder.call(self.function, [table, low, high])


def call_kernel(
    builder: Any,
    writer: KernelWriter,
    function: Any,
    addresses: dict[Node, Any],
    low: Any,
    high: Any,
) -> None:
    """Run a kernel on the rows from `low` to `high`."""
    if writer.flat:
        width = I64(size_of(writer.kernel.domain[1:]))
        low = builder.mul(low, width, flags=("nsw",))
        high = builder.mul(high, width, flags=("nsw",))
    pointers = [addresses[node] for node in writer.arguments]
    if writer.by_table:
        pointers = [table_of(builder, pointers)]
    builder.call(function, [*pointers, low, high])


def table_of(builder: Any, pointers: Sequence[Any]) -> Any:
    """Addresses in a row in memory."""
    table = alloca(builder, ir.ArrayType(POINTER, max(1, len(pointers))))
    table.type = POINTER
    for i, pointer in enumerate(pointers):
        builder.store(pointer, element_address(builder, table, I64(i), POINTER))
    return table


def all_rows(writer: KernelWriter) -> tuple[Any, Any]:
    """The bounds within which a kernel goes over its whole domain."""
    return I64(0), I64(writer.kernel.domain[0] if writer.kernel.domain else 1)
