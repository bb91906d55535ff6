"""Matrix products by code of our own: the function that computes one, tile by tile.

No thread of a library wakes up for them, and sizes are known when they are compiled. Programs share
the functions as they share kernels; the number of rows is left open where there are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.calls.product_layout import MOST_DEPTH, product_of
from adjoint.backends.llvm.codegen import product_packing, vectors
from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, element_address, extern, loop
from adjoint.backends.llvm.codegen.product_dots import Dots
from adjoint.backends.llvm.codegen.product_packing import smaller
from adjoint.backends.llvm.codegen.product_tile import OPEN_SIZE, Columns, Tile, multiply_add
from adjoint.backends.llvm.codegen.registers import llvm_type, splat
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.schedule.plan import Gemm

LITTLE = 4096
"""So many numbers are transposed one by one: in less than a microsecond or two, and by code that is
an eighth as long."""


class ProductWriter:
    """Writes ``void f(ptr a, ptr b, ptr c, ptr scale, ptr scratch, i64 rows, i64 depth, i64 block,
    i64 slot, i64 panel, i64 panels, i64 tile, i64 tiles)``, which computes the tiles from `tile` to
    `tiles` of the panels from `panel` to `panels` of one product, and packs from `slot` on.
    """

    def __init__(self, step: Gemm) -> None:
        self.step = step
        self.product = product_of(step)
        self.kind = llvm_type(step.root.dtype)

    @cached_property
    def fixed_depth(self) -> int | None:
        """The depth, where the code depends on it: it is the distance between rows of a."""
        product = self.product
        is_open = product.transpose_a and product.depth >= OPEN_SIZE
        return None if is_open else product.depth

    @cached_property
    def is_exact(self) -> bool:
        """Whether it is known that tiles end where the rows do."""
        rows, height = self.product.rows, self.product.tile.height
        return self.product.by_dots or (rows < OPEN_SIZE and rows % height == 0)

    @cached_property
    def is_blocked(self) -> bool:
        """Whether the depth is summed in several blocks."""
        return self.product.depth_block < self.product.depth

    def text(self) -> str:
        """What the code depends on: equal for equal functions."""
        step, p = self.step, self.product
        tile = f"{p.rows} dots" if p.by_dots else f"{p.tile.height}x{p.tile.width}"
        block = p.depth_block if self.fixed_depth is not None else self.is_blocked
        return (
            f"product {step.root.dtype.str} {tile} columns {p.columns} depth {self.fixed_depth} "
            f"block {block} {p.lanes} {p.transpose_a} {p.transpose_b} "
            f"packs {p.packs_a} {p.packs} {p.group} "
            f"{p.transpose_b and p.depth * p.columns <= LITTLE} "
            f"exact {self.is_exact} {step.negative} {step.scale is not None} "
            f"{step.addend is not None}"
        )

    def declare(self, module: Any, name: str) -> Any:
        """The function, its body not written."""
        return extern(module, name, ir.VoidType(), [POINTER] * 5 + [I64] * 8)

    level = "written"

    def write(self, module: Any, name: str, functions: dict[str, Any]) -> Any:
        """The function itself."""
        self.write_vectors(module, name, functions)
        return module.globals[name]

    def symbols(self) -> dict[str, int]:
        """It calls nothing outside."""
        return {}

    def write_vectors(self, module: Any, name: str, functions: dict[str, Any]) -> bool:
        """Add the function to a module."""
        function = self.declare(module, name)
        function.attributes.add("nounwind")
        self.builder = builder = IRBuilder(function.append_basic_block())
        for pointer in function.args[:5]:
            pointer.add_attribute("noalias")
        self.a, self.b, self.c, scale, self.scratch = function.args[:5]
        self.rows, self.depth, self.block, self.first_slot, *tiles = function.args[5:]
        if self.fixed_depth is not None:
            self.depth, self.block = I64(self.fixed_depth), I64(self.product.depth_block)
        self.factor = self.read_factor(scale)
        self.nowhere = alloca(builder, ir.ArrayType(self.kind, self.product.panel))
        """Where a row goes that was written before."""
        self.nowhere.type = POINTER
        product = self.product
        if product.packs_a:
            self.packed_a = alloca(builder, ir.ArrayType(self.kind, MOST_DEPTH * self.across_a))
            """What a row of tiles reads of a: on the stack, at most 50 KiB."""
            self.packed_a.type = POINTER
        if product.by_dots:
            self.write_dots(*tiles[:2])
        else:
            self.write_groups(*tiles)
        builder.ret_void()
        return True

    def read_factor(self, scale: Any) -> Any:
        """What the product is multiplied by; None for one."""
        if self.step.scale is None:
            return None
        number = self.builder.load(scale, typ=self.kind)
        return splat(self.builder, number, self.product.lanes)

    # the order of tiles

    def write_groups(self, panel: Any, panels: Any, tile: Any, tiles: Any) -> None:
        """Tiles of these panels and rows: some panels at a time, block by block of the depth."""
        builder, product = self.builder, self.product
        blocks = I64(1)
        if self.is_blocked:
            more = builder.add(self.depth, builder.sub(self.block, I64(1)))
            blocks = builder.udiv(more, self.block)
        with loop(builder, panel, panels, product.group, unroll=False) as group:
            stop = smaller(builder, builder.add(group, I64(product.group)), panels)
            with loop(builder, I64(0), blocks, unroll=False) as number:
                k = builder.mul(number, self.block)
                count = smaller(builder, builder.sub(self.depth, k), self.block)
                if not self.is_blocked:
                    k, count = I64(0), self.depth
                self.write_block(group, stop, tile, tiles, k, count)

    def write_block(self, group: Any, stop: Any, tile: Any, tiles: Any, k: Any, count: Any) -> None:
        """The tiles of one block of the depth, from `k` on: first all that is packed of b."""
        builder = self.builder
        if self.product.packs:
            self.each_panel(
                group, stop, lambda panel, columns: self.pack(panel, columns, group, k, count)
            )
        with loop(builder, tile, tiles, unroll=False) as number:
            height = I64(self.product.tile.height)
            wanted = builder.mul(number, height)
            first = wanted
            if not self.is_exact:  # the last tile begins earlier, to end with the rows
                first = smaller(builder, wanted, builder.sub(self.rows, height))
            if self.product.packs_a:
                self.pack_a(first, k, count)
            self.each_panel(
                group,
                stop,
                lambda panel, columns: self.write_tile(
                    panel, columns, group, (first, wanted), (k, count)
                ),
            )

    def each_panel(self, start: Any, stop: Any, write: Any) -> None:
        """Write the same for all whole panels, and for a last one with fewer columns."""
        builder, product = self.builder, self.product
        whole, rest = divmod(product.columns, product.panel)
        if whole:
            last = smaller(builder, stop, I64(whole)) if rest else stop
            with loop(builder, start, last, unroll=False) as panel:
                write(panel, self.columns_of(product.panel))
        if rest:
            if not whole:
                write(I64(0), self.columns_of(rest))
                return
            with builder.if_then(builder.icmp_signed(">", stop, I64(whole))):
                write(I64(whole), self.columns_of(rest))

    def columns_of(self, count: int) -> Columns:
        """So many columns in vectors."""
        lanes = self.product.lanes
        width = -(-count // lanes)
        return Columns(width, lanes, count - (width - 1) * lanes)

    # one tile

    def slot_of(self, panel: Any, group: Any) -> Any:
        """The memory in which a panel is packed."""
        builder = self.builder
        number = builder.add(self.first_slot, builder.sub(panel, group))
        deep = -(-self.product.depth_block // self.product.lanes) * self.product.lanes
        if self.fixed_depth is None:
            lanes = I64(self.product.lanes)
            more = builder.add(self.block, I64(self.product.lanes - 1))
            size = builder.mul(
                builder.mul(builder.udiv(more, lanes), lanes), I64(self.product.panel)
            )
        else:
            size = I64(deep * self.product.panel)
        return self.element(self.scratch, builder.mul(number, size))

    def pack(self, panel: Any, columns: Columns, group: Any, k: Any, count: Any) -> None:
        """Copy what the tiles of a panel read of b."""
        builder, product = self.builder, self.product
        column = builder.mul(panel, I64(self.product.panel))
        to = self.slot_of(panel, group)
        if self.product.transpose_b:
            source = self.element(self.b, builder.add(builder.mul(column, self.depth), k))
            is_little = product.depth * product.columns <= LITTLE
            write = product_packing.pack_by_number if is_little else product_packing.pack_transposed
            stride = self.depth
        else:
            width = I64(self.product.columns)
            source = self.element(self.b, builder.add(builder.mul(k, width), column))
            write, stride = product_packing.pack, width
        write(builder, self.kind, columns, source, stride, count, to)

    @property
    def across_a(self) -> int:
        """How many numbers a depth has in what is packed of a: whole vectors."""
        lanes = self.product.lanes
        return -(-self.product.tile.height // lanes) * lanes

    def pack_a(self, first: Any, k: Any, count: Any) -> None:
        """Copy what the tiles of a row read of a, which is stored as columns."""
        source = self.element(self.a, self.builder.add(self.builder.mul(k, self.rows), first))
        rows = self.columns_of(self.product.tile.height)
        product_packing.pack(self.builder, self.kind, rows, source, self.rows, count, self.packed_a)

    def write_tile(
        self,
        panel: Any,
        columns: Columns,
        group: Any,
        rows: tuple[Any, Any],
        depths: tuple[Any, Any],
    ) -> None:
        """Compute a tile: `rows` are the first, and the first that has not been written before;
        `depths` the first, and their number."""
        builder, product = self.builder, self.product
        (first, wanted), (k, count) = rows, depths
        column = builder.mul(panel, I64(product.panel))
        if product.packs:
            b, width = self.slot_of(panel, group), columns.width * columns.lanes
        else:
            width = product.columns
            b = self.element(self.b, builder.add(builder.mul(k, I64(width)), column))
        if product.packs_a:
            a, apart = self.packed_a, I64(self.across_a)
        elif product.transpose_a:
            start, apart = builder.add(builder.mul(k, self.rows), first), self.rows
            a = self.element(self.a, start)
        else:
            start, apart = builder.add(builder.mul(first, self.depth), k), None
            a = self.element(self.a, start)

        def a_at(depth: Any) -> Any:
            return self.element(a, depth if apart is None else builder.mul(depth, apart))

        tile = Tile(
            builder,
            self.kind,
            product.tile.height,
            columns,
            a_at,
            1 if product.transpose_a else product.depth,
            lambda depth: self.element(b, builder.mul(depth, I64(width))),
            masked=not product.packs,
        )
        sums = tile.sums(count)
        c = self.element(self.c, builder.add(builder.mul(first, I64(product.columns)), column))
        skipped = builder.sub(wanted, first)
        for row, own in enumerate(sums):
            there = self.element(c, I64(row * product.columns))
            if not self.is_exact and row < len(sums) - 1:  # the other may be another thread's
                is_new = builder.icmp_signed("<=", skipped, I64(row))
                there = builder.select(is_new, there, self.nowhere)
            self.put_down(there, columns, own, k)

    def put_down(self, address: Any, columns: Columns, sums: Sequence[Any], k: Any) -> None:
        """Write the sums of a row, or add them to what is there."""
        builder = self.builder
        for number, total in enumerate(sums):
            there = self.element(address, I64(number * columns.lanes))
            mask = columns.mask(number)
            old = None
            if self.step.addend is not None or self.is_blocked:
                old = vectors.load(builder, there, self.kind, columns.lanes, mask)
                if self.step.addend is None:
                    zero = ir.FormattedConstant(old.type, "zeroinitializer")
                    old = builder.select(builder.icmp_signed("==", k, I64(0)), zero, old)
            value = self.finished(total, old)
            vectors.store(builder, there, self.kind, value, mask)

    def finished(self, total: Any, old: Any) -> Any:
        """± factor · total + old."""
        builder = self.builder
        factor = self.factor
        if factor is not None and factor.type != total.type:
            order = ir.Constant(ir.VectorType(ir.IntType(32), total.type.count), None)
            factor = builder.shuffle_vector(factor, factor, order)
        if factor is None:
            if self.step.negative:
                return builder.fneg(total) if old is None else builder.fsub(old, total)
            return total if old is None else builder.fadd(old, total)
        if self.step.negative:
            factor = builder.fneg(factor)
        if old is None:
            return builder.fmul(factor, total)
        return multiply_add(builder, factor, total, old)

    # products of few rows

    def write_dots(self, low: Any, high: Any) -> None:
        """Sums of `panel` columns at a time."""
        builder, product = self.builder, self.product
        size = product.panel

        def write(panel: Any, count: int) -> None:
            column = builder.mul(panel, I64(size))
            b = self.element(self.b, builder.mul(column, self.depth))
            dots = Dots(builder, self.kind, product.rows, product.lanes, product.depth)
            sums = dots.sums(
                count,
                size,
                lambda row, k: self.element(self.element(self.a, k), I64(row * product.depth)),
                lambda j, k: self.element(self.element(b, k), I64(j * product.depth)),
            )
            columns = Columns(1, size, count)
            for row, total in enumerate(sums):
                there = self.element(self.c, builder.add(column, I64(row * product.columns)))
                self.put_down(there, columns, [total], I64(0))

        whole, rest = divmod(product.columns, size)
        if whole:
            last = smaller(builder, high, I64(whole)) if rest else high
            with loop(builder, low, last, unroll=False) as panel:
                write(panel, size)
        if rest:
            with builder.if_then(builder.icmp_signed(">", high, I64(whole))):
                write(I64(whole), rest)

    def element(self, start: Any, place: Any) -> Any:
        """The address of a number behind another."""
        return element_address(self.builder, start, place, self.kind)
