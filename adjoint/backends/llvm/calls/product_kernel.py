"""Matrix products by code of our own: the function that computes one, tile by tile.

No thread of a library wakes up for them, and sizes are known when they are compiled. Programs share
the functions as they share kernels; the number of rows is left open where there are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.calls.product_form import ProductForm
from adjoint.backends.llvm.calls.product_layout import MOST_DEPTH
from adjoint.backends.llvm.codegen import packing_assembly, product_packing, vectors
from adjoint.backends.llvm.codegen.loops import (
    I64,
    POINTER,
    alloca,
    element_address,
    extern,
    is_constant,
    loop,
)
from adjoint.backends.llvm.codegen.product_assembly import TileAssembly
from adjoint.backends.llvm.codegen.product_dots import Dots
from adjoint.backends.llvm.codegen.product_packing import smaller
from adjoint.backends.llvm.codegen.product_tile import Columns, Tile, multiply_add
from adjoint.backends.llvm.codegen.registers import llvm_type, splat
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.schedule.plan import Gemm


class ProductWriter(ProductForm):
    """Writes ``void f(ptr a, ptr b, ptr c, ptr scale, ptr scratch, i64 rows, i64 depth, i64 block,
    i64 slot, i64 panel, i64 panels, i64 tile, i64 tiles)``, which computes the tiles from `tile` to
    `tiles` of the panels from `panel` to `panels` of one product, and packs from `slot` on.
    """

    def __init__(self, step: Gemm) -> None:
        super().__init__(step)
        self.kind = llvm_type(step.root.dtype)

    def declare(self, module: Any, name: str) -> Any:
        """The function, its body not written."""
        return extern(module, name, ir.VoidType(), [POINTER] * 5 + [I64] * 8)

    def write(self, module: Any, name: str, functions: dict[str, Any]) -> Any:
        """The function itself."""
        function = self.declare(module, name)
        function.attributes.add("nounwind")
        self.builder = builder = IRBuilder(function.append_basic_block())
        for pointer in function.args[:5]:
            pointer.add_attribute("noalias")
        self.a, self.b, self.c, scale, self.scratch = function.args[:5]
        self.rows, self.depth, self.block, self.first_slot, *tiles = function.args[5:]
        if self.fixed_depth is not None:
            self.depth, self.block = I64(self.fixed_depth), I64(self.product.depth_block)
        self.scale = scale
        self.factor = None if self.is_assembly else self.read_factor(scale)
        if not self.is_assembly:
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
        return function

    def write_vectors(self, module: Any, name: str, functions: dict[str, Any]) -> bool:
        """Add the function to a module, if it is one for LLVM to write."""
        if not self.is_assembly:
            self.write(module, name, functions)
        return not self.is_assembly

    def symbols(self) -> dict[str, int]:
        """It calls nothing outside."""
        return {}

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
        if product.group >= product.panels:
            self.write_depth(panel, panels, tile, tiles, blocks)
            return
        with loop(builder, panel, panels, product.group, unroll=False) as group:
            stop = smaller(builder, builder.add(group, I64(product.group)), panels)
            self.write_depth(group, stop, tile, tiles, blocks)

    def write_depth(self, group: Any, stop: Any, tile: Any, tiles: Any, blocks: Any) -> None:
        """The tiles of a group of panels, block by block of the depth."""
        builder = self.builder
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
        if product.panels == 1:
            write(I64(0), self.columns_of(product.columns))
            return
        if whole:
            last = smaller(builder, stop, I64(whole)) if rest else stop
            with loop(builder, start, last, unroll=False) as panel:
                write(panel, self.columns_of(product.panel))
        if rest:
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
        number = self.plus(self.first_slot, builder.sub(panel, group))
        deep = -(-self.product.depth_block // self.product.lanes) * self.product.lanes
        if self.fixed_depth is None:
            lanes = I64(self.product.lanes)
            more = self.plus(self.block, I64(self.product.lanes - 1))
            size = self.times(self.times(builder.udiv(more, lanes), lanes), I64(self.product.panel))
        else:
            size = I64(deep * self.product.panel)
        return self.element(self.scratch, self.times(number, size))

    def pack(self, panel: Any, columns: Columns, group: Any, k: Any, count: Any) -> None:
        """Copy what the tiles of a panel read of b."""
        product = self.product
        column = self.times(panel, I64(product.panel))
        to = self.slot_of(panel, group)
        if product.transpose_b:
            source = self.element(self.b, self.plus(self.times(column, self.depth), k))
            self.copy(columns, source, self.depth, count, to, is_transposed=True)
        else:
            width = I64(product.columns)
            source = self.element(self.b, self.plus(self.times(k, width), column))
            self.copy(columns, source, width, count, to)

    def copy(
        self,
        columns: Columns,
        source: Any,
        between: Any,
        count: Any,
        to: Any,
        is_transposed: bool = False,
    ) -> None:
        """Pack so much depth of a panel, whose rows, or columns, lie so far apart."""
        if self.is_assembly:
            write = packing_assembly.pack_transposed if is_transposed else packing_assembly.pack
            stride = self.times(between, I64(self.product.itemsize))
            write(self.builder, self.registers, columns, source, stride, count, to)
            return
        copy = product_packing.pack
        if is_transposed:
            copy = product_packing.pack_transposed
            if self.by_number:
                copy = product_packing.pack_by_number
        copy(self.builder, self.kind, columns, source, between, count, to)

    def pack_a(self, first: Any, k: Any, count: Any) -> None:
        """Copy what the tiles of a row read of a, which is stored as columns."""
        source = self.element(self.a, self.plus(self.times(k, self.rows), first))
        rows = self.columns_of(self.product.tile.height)
        self.copy(rows, source, self.rows, count, self.packed_a)

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
        column = self.times(panel, I64(product.panel))
        if product.packs:
            b, width = self.slot_of(panel, group), columns.width * columns.lanes
        else:
            width = product.columns
            b = self.element(self.b, self.plus(self.times(k, I64(width)), column))
        if product.packs_a:
            a, apart = self.packed_a, I64(self.across_a)
        elif product.transpose_a:
            start, apart = self.plus(self.times(k, self.rows), first), self.rows
            a = self.element(self.a, start)
        else:
            start, apart = self.plus(self.times(first, self.depth), k), None
            a = self.element(self.a, start)

        c = self.element(self.c, self.plus(self.times(first, I64(product.columns)), column))
        skipped = builder.sub(wanted, first)
        if self.is_assembly:
            given = {"a": a, "b": b, "c": c, "count": count, "skipped": skipped, "k": k}
            self.write_assembly(columns, width, given)
            return
        tile = Tile(
            builder,
            self.kind,
            product.tile.height,
            columns,
            lambda k: self.element(a, k if apart is None else self.times(k, apart)),
            1 if product.transpose_a else product.depth,
            lambda k: self.element(b, self.times(k, I64(width))),
            masked=not product.packs,
        )
        sums = tile.sums(count)
        for row, own in enumerate(sums):
            there = self.element(c, I64(row * product.columns))
            if not self.is_exact and row < len(sums) - 1:  # the other may be another thread's
                is_new = builder.icmp_signed("<=", skipped, I64(row))
                there = builder.select(is_new, there, self.nowhere)
            self.put_down(there, columns, own, k)

    def write_assembly(self, columns: Columns, width: int, given: dict[str, Any]) -> None:
        """Compute a tile by assembly. Rows of what it reads as b have so many numbers."""
        product, size = self.product, self.product.itemsize
        a_step: int | None = size
        if product.packs_a:
            a_step = self.across_a * size
        elif product.transpose_a:
            a_step = None
            given["a_step"] = self.times(self.rows, I64(size))
        has_addend = self.step.addend is not None
        tile = TileAssembly(
            self.registers,
            product.tile.height,
            columns,
            between=size if product.transpose_a else product.depth * size,
            a_step=a_step,
            b_step=width * size,
            c_step=product.columns * size,
            masked=not product.packs,
            skips=not self.is_exact,
            added="always" if has_addend else "later" if self.is_blocked else "never",
            negative=self.step.negative,
            scaled=self.step.scale is not None,
        )
        tile.write(self.builder, given | {"scale": self.scale})

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

    def plus(self, x: Any, y: Any) -> Any:
        """A sum, which is no instruction if both numbers are known or one is zero."""
        if is_constant(x) and is_constant(y):
            return I64(x.constant + y.constant)
        if is_constant(x) and x.constant == 0:
            return y
        return x if is_constant(y) and y.constant == 0 else self.builder.add(x, y)

    def times(self, x: Any, y: Any) -> Any:
        """A product, which is no instruction if both numbers are known or one is zero or one."""
        known = {z.constant: z for z in (x, y) if is_constant(z)}
        if is_constant(x) and is_constant(y):
            return I64(x.constant * y.constant)
        if 0 in known:
            return known[0]
        if 1 in known:
            return y if is_constant(x) else x
        return self.builder.mul(x, y)

    def element(self, start: Any, place: Any) -> Any:
        """The address of a number behind another."""
        return element_address(self.builder, start, place, self.kind)
