"""Products of thin matrices in blocks so small that BLAS computes each on one thread; our threads
share the blocks.

The threads of OpenBLAS wait for each other many times within one product of a long matrix, and spin
meanwhile. On a machine that has other work to do, each wait may last until the scheduler comes
round: a recurrent network of 1,000 steps took 1,200 to 2,000 ms with its gradient instead of 250
(two cores, eight busy processes). Our threads take a block when they have done the last one, and
nobody waits before the end.

Thin matrices lose nothing by it: BLAS packs as much for them in any case. A large square product,
of which BLAS packs a panel once for many blocks, would take 1.5 times as long (one thread of a Xeon
with AVX-512), so that is left to BLAS.

The largest of the three sizes is cut into parts. If that is the one that is summed over, each part
but the first has a sum of its own, and these are added up in order: the result is the same for any
number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.calls import blas
from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
from adjoint.backends.llvm.codegen.registers import llvm_type
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.graph.types import size_of
from adjoint.schedule.plan import Gemm, nbytes

THIN = 8
"""A product is thin if the largest of its three sizes is so many times the second one,"""
WIDE = 256
"""and the second is at most this: from there on BLAS gains by packing once for many blocks."""
SIDE = 64
"""What a block has of each size, where there is so much: ``SIDE ** 3 == ONE_THREAD``."""
SUMS = 16
"""Into how many parts a sum is cut."""


@dataclass(frozen=True)
class Blocks:
    """A product of so many rows, columns and depth (`sizes`), and the sizes of its blocks.

    The size number `longest` is cut into parts of `part`.
    """

    sizes: tuple[int, int, int]
    block: tuple[int, int, int]
    longest: int
    part: int

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.sizes[self.longest] // self.part)

    def sums(self) -> int:
        """How many sums there are beside the result."""
        return self.parts - 1 if self.longest == 2 else 0


def blocks_of(step: Gemm) -> Blocks | None:
    """The blocks of a product; None if BLAS had better compute it at once, or it is complex."""
    if step.root.dtype.kind == "c":
        return None
    rows, columns = step.root.shape[-2:]
    sizes = rows, columns, step.a.shape[-2 if step.transpose_a else -1]
    *_, second, largest = sorted(sizes)
    if size_of(step.root.shape[:-2]) != 1 or 1 in (rows, columns) or second > WIDE:
        return None
    if step.work < blas.WORTH_THREADS or largest < THIN * second:
        return None
    longest = sizes.index(largest)
    block = _block(sizes, longest)
    least = block[longest]
    part = -(-largest // SUMS) if longest == 2 else least
    return Blocks(sizes, block, longest, -(-part // least) * least)


def _block(sizes: tuple[int, int, int], longest: int) -> tuple[int, int, int]:
    """Rows, columns and depth of a block of at most `ONE_THREAD` multiplications.

    All of the depth, if it is not the longest: then nothing is added to a result in memory. The
    longest has what is left.
    """
    block = [min(size, SIDE) for size in sizes]
    if longest != 2:
        block[2] = sizes[2]
    others = block[0] * block[1] * block[2] // block[longest]
    room = blas.ONE_THREAD // others
    block[longest] = min(sizes[longest], room // 8 * 8 if room >= 8 else room)
    return block[0], block[1], block[2]


def emit(
    builder: Any, step: Gemm, blocks: Blocks, ends: Sequence[Any], scale: Any, sums: Any
) -> None:
    """Compute a product on the threads of the pool. `ends` are the addresses of a, b and c, `scale`
    is that of a factor, and `sums` of memory for the sums beside the result."""
    factor = blas.RoutineCalls(builder, step.root.dtype).factor(step.negative, scale)
    pointers = [*ends, factor, sums]
    table = alloca(builder, ir.ArrayType(POINTER, len(pointers)))
    table.type = POINTER
    for number, pointer in enumerate(pointers):
        builder.store(pointer, builder.gep(table, [I64(number)], source_etype=POINTER))
    kinds = [POINTER, POINTER, I64, I64, I64]
    parallel = extern(builder.module, "adjoint_parallel", ir.VoidType(), kinds)
    task = PartTask(builder.module, step, blocks).function
    builder.call(parallel, [task, table, I64(0), I64(blocks.parts), I64(1)])
    if blocks.sums():
        add_up(builder, step, blocks.sums(), ends[2], sums)


def add_up(builder: Any, step: Gemm, parts: int, result: Any, sums: Any) -> None:
    """Add so many sums to the result, in order."""
    kind = llvm_type(step.root.dtype)
    count = size_of(step.root.shape)
    with (
        loop(builder, I64(0), I64(parts)) as part,
        loop(builder, I64(0), I64(count)) as i,
    ):
        place = builder.gep(result, [i], source_etype=kind)
        other = builder.gep(
            sums, [builder.add(builder.mul(part, I64(count)), i)], source_etype=kind
        )
        total = builder.fadd(builder.load(place, typ=kind), builder.load(other, typ=kind))
        builder.store(total, place)


class PartTask:
    """``void task(ptr table, i64 low, i64 high)``: the parts of a product with these numbers."""

    def __init__(self, module: Any, step: Gemm, blocks: Blocks) -> None:
        self.step, self.blocks = step, blocks
        kind = ir.FunctionType(ir.VoidType(), [POINTER, I64, I64])
        self.function = ir.Function(module, kind, module.get_unique_name("adjoint_product"))
        self.function.linkage = "internal"
        self.builder = builder = IRBuilder(self.function.append_basic_block())
        self.calls = blas.RoutineCalls(builder, step.root.dtype)
        table, low, high = self.function.args
        self.a, self.b, self.c, self.scale, self.sums = (
            builder.load(builder.gep(table, [I64(n)], source_etype=POINTER), typ=POINTER)
            for n in range(5)
        )
        self.counts = [alloca(builder, blas.INTEGER) for _ in range(3)]
        for count in self.counts:
            count.type = POINTER
        with loop(builder, low, high) as number:
            self.write_part(number)
        builder.ret_void()

    def write_part(self, number: Any) -> None:
        """One part, block by block; along the depth first, so that its rows are read once."""
        builder, blocks = self.builder, self.blocks
        first = builder.mul(number, I64(blocks.part))
        last = self.smaller(builder.add(first, I64(blocks.part)), blocks.sizes[blocks.longest])
        ends = [(I64(0), I64(size)) for size in blocks.sizes]
        ends[blocks.longest] = first, last
        result, start = self.c, self.calls.real(0.0 if self.step.addend is None else 1.0)
        if blocks.longest == 2:
            size = I64(nbytes(self.step.root))
            offset = builder.mul(builder.sub(number, I64(1)), size)
            own = builder.gep(self.sums, [offset], source_etype=ir.IntType(8))
            is_first = builder.icmp_signed("==", number, I64(0))
            result = builder.select(is_first, self.c, own)
            start = builder.select(is_first, start, self.calls.real(0.0))
        (row, rows), (column, columns), (depth, stop) = ends
        high, wide, deep = blocks.block
        with loop(builder, depth, stop, deep) as k:
            self.set_count(2, k, stop)
            is_new = builder.icmp_signed("==", k, depth)
            beta = builder.select(is_new, start, self.calls.real(1.0))
            with loop(builder, row, rows, high) as i:
                self.set_count(0, i, rows)
                with loop(builder, column, columns, wide) as j:
                    self.set_count(1, j, columns)
                    self.write_product(i, j, k, result, beta)

    def smaller(self, x: Any, most: int) -> Any:
        """A number, or `most` if that is smaller."""
        return self.builder.select(self.builder.icmp_signed("<", x, I64(most)), x, I64(most))

    def set_count(self, number: int, start: Any, stop: Any) -> None:
        """Note how much of a block that begins at `start` is there."""
        builder = self.builder
        count = self.smaller(builder.sub(stop, start), self.blocks.block[number])
        if blas.INTEGER != I64:
            count = builder.trunc(count, blas.INTEGER)
        builder.store(count, self.counts[number])

    def write_product(self, i: Any, j: Any, k: Any, result: Any, beta: Any) -> None:
        """Call BLAS for the block that begins at a row, a column and a depth."""
        step, calls = self.step, self.calls
        a_width, b_width, c_width = step.a.shape[-1], step.b.shape[-1], self.blocks.sizes[1]
        rows, columns, depth = self.counts
        calls.call(
            "gemm",
            calls.letter("T" if step.transpose_b else "N"),
            calls.letter("T" if step.transpose_a else "N"),
            columns,
            rows,
            depth,
            self.scale,
            self.element(self.b, b_width, *((j, k) if step.transpose_b else (k, j))),
            calls.integer(b_width),
            self.element(self.a, a_width, *((k, i) if step.transpose_a else (i, k))),
            calls.integer(a_width),
            beta,
            self.element(result, c_width, i, j),
            calls.integer(c_width),
        )

    def element(self, matrix: Any, width: int, row: Any, column: Any) -> Any:
        """The address of an element of a matrix."""
        builder = self.builder
        place = builder.add(builder.mul(row, I64(width)), column)
        return builder.gep(matrix, [place], source_etype=llvm_type(self.step.root.dtype))
