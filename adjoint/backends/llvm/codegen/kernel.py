"""One kernel as an LLVM function: loops over a domain, and in them the elements of its nodes.

Writing may fail in three ways, each of which says how to begin again: `Cut` (an element is another
expression from some index on), `Widen` (two vectors an iteration) and `NotVectorizable` (one lane).
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.accumulator import Accumulator
from adjoint.backends.llvm.codegen.buffers import find_pointers
from adjoint.backends.llvm.codegen.counters import Counter, Cut, NotVectorizable, Segment
from adjoint.backends.llvm.codegen.element import ElementWriter
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.kernel_layout import ROWS_UNROLLED, KernelLayout
from adjoint.backends.llvm.codegen.long_chains import long_chain
from adjoint.backends.llvm.codegen.loops import (
    BIT,
    I64,
    POINTER,
    combined,
    failures_of,
    is_deep,
    loop,
    maximum,
    noalias_metadata,
    start_of,
)
from adjoint.backends.llvm.codegen.registers import Scalar
from adjoint.backends.llvm.codegen.rows_inside import write_each_row, write_rows_inside
from adjoint.backends.llvm.codegen.strips import write_strips
from adjoint.backends.llvm.codegen.vector_loop import MIN_WIDEN_DEPTH, VectorLoop, Widen
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.graph.loop_form import Affine, Index
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.schedule.access_patterns import reversed_along
from adjoint.schedule.carried_scans import carried_by
from adjoint.schedule.in_place import may_overlap
from adjoint.schedule.plan import Kernel

MAX_SEGMENTS = 6
"""The most segments into which the range of a loop is cut at the edges of slices: each repeats the
code of the loops inside."""

MAX_STRAIGHT_LINE_STORES = 64
"""The most elements that are written one after another without a loop: short loops are unrolled up
to so many, and the parts of a join written as segments of their own. As each of those has only its
own code, more than `MAX_SEGMENTS` are worth it: the Jacobian of thirty columns went from 29 to
2.3 ms."""

Accumulators = dict[Node, Accumulator]


class KernelWriter(KernelLayout):
    """Writes the function of one kernel: ``void (addresses of reads and roots, low, high)``.

    `low` and `high` bound the outermost counter; a `fixed` kernel does not ask for them.
    """

    def __init__(self, kernel: Kernel, fixed: bool = False, rows: int | None = None) -> None:
        super().__init__(kernel, fixed, rows)
        self.functions: dict[str, Any] = {}
        self.cuts: dict[int, set[int]] = {}
        self.lanes = 1
        self.calls_functions = False
        self.may_widen = False
        self.reset()

    def reset(self) -> None:
        """What is true before the first loop."""
        self.full_index: Index = tuple(Affine(0, {a: 1}) for a in range(len(self.domain)))
        self.shared_values: dict[tuple[Node, Hashable], Scalar] | None = None
        self.rows_at_once = 1
        self.carried: dict[Node, dict[int, Any]] = {scan: {} for scan in carried_by(self.kernel)}
        self.is_in_vectors = False
        self.mask: Any = None
        self.inside: Segment | None = None  # the rows over which the loop inside goes
        self.preheader: Any = None  # the block before the vector loop
        self.inner_loop: tuple[int, Any] = (0, None)  # in a vector loop: its axis, the block before
        self.vector_body: list[Any] = []  # the instructions of its last iteration
        self.begun: tuple[Any, int] = (None, 0)  # the block and place where that begins
        self.failed: Any = None  # the address of the bit that says whether a check has failed

    def may_cut(self, axis: int, cuts: int, separate: bool) -> bool:
        """Whether the range of an axis may be cut so often more; code that is not `separate` is
        repeated in each segment."""
        segments = 1 + len(self.cuts.get(axis, ())) + cuts
        stores = segments * len(self.kernel.roots)
        return segments <= MAX_SEGMENTS or (separate and stores <= MAX_STRAIGHT_LINE_STORES)

    def symbols(self) -> dict[str, int]:
        """What it calls beside what all kernels may call: nothing."""
        return {}

    def declare(self, module: ir.Module, name: str) -> ir.Function:
        """The function, its body not written."""
        kinds = [POINTER] * (1 if self.by_table else len(self.arguments)) + [I64, I64]
        found = module.globals.get(name)
        return found or ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)

    def write_vectors(self, module: ir.Module, name: str, functions: dict[str, Any]) -> bool:
        """Write it into the module with vector instructions; false if that cannot be done.

        Lanes are neighbours along the last axis, or where that is too short, or each of its
        elements has code of its own, rows.
        """
        if self.write_lanes(module, name, functions):
            return True
        if not self.can_turn():
            return False
        usual = self.last, self.span
        self.has_rows_as_lanes, self.last, self.span = True, 0, "some"
        if self.write_lanes(module, name, functions):
            return True
        self.has_rows_as_lanes, (self.last, self.span) = False, usual
        return False

    def write_lanes(self, module: ir.Module, name: str, functions: dict[str, Any]) -> bool:
        """Write it with the lanes that are chosen; false if that cannot be done.

        A long reduction has two accumulators from the start, as each step of one waits for the
        step before. Other long loops are widened if their body turns out to be a long chain.
        """
        self.lanes = self.most_lanes()
        if self.lanes > 1:
            try:
                is_many = self.span == "many" and not self.has_rows_as_lanes
                if self.pairs_vectors() or (is_many and self.reduces_innermost()):
                    self.lanes *= 2
                else:
                    self.may_widen = is_many
                self.write(module, name, functions)
                return True
            except NotVectorizable:
                self.function.blocks.clear()
        self.lanes = 1
        return False

    def write(self, module: ir.Module, name: str, functions: dict[str, Any]) -> None:
        """Write it into the module; from the beginning again for each loop that must be cut.

        `functions` holds the outlined functions of the module. LLVM is told that the buffers do not
        overlap, but for those that `may_overlap` names: a result may lie in the memory of an input.
        """
        self.function = self.declare(module, name)
        vectors.align_stack(self.function, len(self.kernel.nodes))
        self.functions = functions
        self.calls_functions = self.outlines(self.lanes)
        overlapping = may_overlap(self.kernel)
        if not self.by_table:
            for node, argument in zip(self.arguments, self.function.args, strict=False):
                if node not in overlapping:
                    argument.add_attribute("noalias")
        buffers = [node for node in self.written_buffers() if node not in overlapping]
        metadata = noalias_metadata(module, name, buffers) if self.by_table else {}
        while True:
            self.reset()
            self.function.blocks.clear()
            builder = IRBuilder(self.function.append_basic_block())
            self.pointers = find_pointers(builder, self, self.function.args[:-2])
            self.alias_metadata = {
                pointer: metadata.get(self.kernel.buffer_of(node)[0], metadata.get(None))
                for node, pointer in self.pointers.items()
            }
            try:
                self.axis(builder, 0, [], {})
            except Cut as cut:
                self.cuts.setdefault(cut.axis, set()).update(cut.points)
                continue
            except Widen:
                self.lanes *= 2
                self.may_widen = False
                continue
            self.report_failure(builder)
            builder.ret_void()
            return

    def failure_flag(self, builder: Any) -> Any:
        """The address of the bit that says whether a check has failed."""
        if self.failed is None:
            with builder.goto_entry_block():
                self.failed = builder.alloca(BIT)
                builder.store(BIT(0), self.failed)
            if builder.block.is_terminated:  # a check before a loop: back to before its branch
                builder.position_before(builder.block.terminator)
        return self.failed

    def report_failure(self, builder: Any) -> None:
        """Count it in the process if a check has failed. Inside the loops that would be a branch,
        which keeps LLVM from vectorising them."""
        if self.failed is not None:
            with builder.if_then(builder.load(self.failed, typ=BIT), likely=False):
                builder.atomic_rmw("add", failures_of(builder.module), I64(1), "monotonic")

    # loops

    def axis(
        self, builder: Any, axis: int, counters: list[Counter], accumulators: Accumulators
    ) -> None:
        """Write the loops from `axis` inwards."""
        opened = [r for r in self.reductions_from(axis) if not self.adds_elements(r)]
        for root in opened:
            elements = size_of(self.domain[axis:])
            accumulators[root] = Accumulator(builder, root, elements, self.lanes)
        if axis == len(self.domain):
            self.innermost(builder, counters, accumulators)
        else:
            self.segments(builder, axis, counters, accumulators)
        for root in opened:
            self.finish_reduction(builder, root, counters, accumulators.pop(root))

    def segments(
        self, builder: Any, axis: int, counters: list[Counter], accumulators: Accumulators
    ) -> None:
        """Write the loops over an axis: one for each segment between two cuts."""
        size = self.domain[axis]
        points = [0, *sorted(self.cuts.get(axis, ())), size]
        shared: dict[tuple[Node, Hashable], Scalar] = {}
        if self.lanes > 1 and axis == self.last and len(points) > MAX_SEGMENTS:
            raise NotVectorizable
        for low, high in pairwise(points):
            is_open = axis == 0 and not self.fixed
            if is_open:
                segment = self.given_rows(builder, low, high)
            elif high == low + 1 and not (self.lanes > 1 and axis == self.last):
                inner = [*counters, Counter(I64(low), low, high)]
                self.single_iteration(builder, axis, inner, accumulators, shared)
                continue
            else:
                segment = Segment(I64(low), I64(high), low, high)
            self.segment(builder, axis, counters, accumulators, segment)

    def given_rows(self, builder: Any, low: int, high: int) -> Segment:
        """The part between `low` and `high` of the rows for which the function is called."""
        start, stop = self.function.args[-2:]
        if low == 0 and high == self.domain[0]:
            return Segment(start, stop, low, high)
        first = maximum(builder, start, I64(low)) if low else start
        if high < self.domain[0]:
            stop = builder.select(builder.icmp_signed("<", stop, I64(high)), stop, I64(high))
        return Segment(first, maximum(builder, stop, first), low, high)

    def segment(
        self,
        builder: Any,
        axis: int,
        counters: list[Counter],
        accumulators: Accumulators,
        segment: Segment,
    ) -> None:
        """Write the loop over one segment, in the way that suits what is inside."""
        is_innermost = axis == len(self.domain) - 1
        if self.unrolls_rows and axis == len(self.domain) - 2:
            segment = self.unrolled_rows(builder, axis, counters, segment)
        if axis == self.last - 1 and self.turns_loops():
            write_rows_inside(self, builder, counters, accumulators, segment)
        elif axis == self.last and self.lanes > 1:
            VectorLoop(self, builder, counters, accumulators, segment).write()
        elif is_innermost and self.has_slow_path and self.may_repeat():
            write_strips(self, builder, counters, accumulators, segment)
        else:
            unroll = not self.is_long(axis)
            over = loop(builder, segment.start, segment.stop, unroll=unroll)
            around = self.inner_loop
            with over as value:
                if self.is_in_vectors and over.preheader is not None:
                    self.inner_loop = axis, over.preheader
                inner = [*counters, segment.counter(value)]
                self.axis(builder, axis + 1, inner, accumulators)
            self.inner_loop = around

    def turns_loops(self) -> bool:
        """Whether the loop over the last axis stands around that over the rows."""
        return self.has_rows_inside and self.lanes > 1 and not self.cuts.get(self.last)

    def may_repeat(self) -> bool:
        """Whether a strip of elements may be computed a second time: not if it has added to memory.
        A vector loop need not, as it branches on whether any lane needs the slow path, nor where
        functions are called, which branch themselves."""
        return not (
            self.is_in_vectors
            or self.calls_functions
            or self.accumulates_innermost()
            or self.carried
        )

    def is_long(self, axis: int) -> bool:
        """Whether the loops from `axis` inwards, unrolled, are more than LLVM compiles fast."""
        around = [len(self.cuts.get(a, ())) + 1 for a in range(axis + 1)]
        stores = len(self.kernel.roots) * math.prod(around) * size_of(self.domain[axis:])
        return stores > MAX_STRAIGHT_LINE_STORES

    def single_iteration(
        self,
        builder: Any,
        axis: int,
        counters: list[Counter],
        accumulators: Accumulators,
        shared: Any,
    ) -> None:
        """Write the inner loops for one index of an axis.

        On the last axis that needs no loop, and values `shared` with the next index are kept.
        """
        outer, index = self.full_index, Affine(counters[-1].low)
        self.full_index = (*outer[:axis], index, *outer[axis + 1 :])
        self.shared_values = shared if axis == len(self.domain) - 1 else None
        self.axis(builder, axis + 1, counters, accumulators)
        self.full_index, self.shared_values = outer, None

    def unrolled_rows(
        self, builder: Any, axis: int, counters: list[Counter], rows: Segment
    ) -> Segment:
        """Go over the rows several at a time; returns those that are left."""
        left = builder.srem(builder.sub(rows.stop, rows.start), I64(ROWS_UNROLLED))
        whole = builder.sub(rows.stop, left)
        self.rows_at_once = ROWS_UNROLLED
        with loop(builder, rows.start, whole, ROWS_UNROLLED) as value:
            self.segments(builder, axis + 1, [*counters, rows.counter(value)], {})
        self.rows_at_once = 1
        return rows._replace(start=whole)

    def vector(
        self, builder: Any, counters: list[Counter], accumulators: Accumulators, active: Any
    ) -> None:
        """The elements of one iteration: of all lanes, or of the first `active` of them. If the
        loop over the rows stands inside, of all rows."""
        if self.inside is not None:
            write_each_row(self, builder, counters, accumulators, active)
            return
        self.is_in_vectors = True
        if active is not None:
            self.mask = vectors.first_lanes(builder, active, self.lanes)
        self.begun = builder.block, len(builder.block.instructions)
        self.axis(builder, self.last + 1, counters, accumulators)
        self.vector_body = builder.block.instructions[self.begun[1] :]
        self.is_in_vectors, self.mask, self.begun = False, None, (None, 0)

    def widen_if_deep(self, block: Any) -> None:
        """Begin again with two vectors once a chain in the iteration is long enough for that, not
        when all is written; if the iteration will not branch, nor be too much for two."""
        first, before = self.begun
        may_widen = self.may_widen and block is first and self.is_plain()
        if may_widen and is_deep(block.instructions[before:], MIN_WIDEN_DEPTH):
            raise Widen

    def innermost(self, builder: Any, counters: list[Counter], accumulators: Accumulators) -> None:
        """Write the elements at the counters: of one row, or of each of the unrolled rows."""
        for row in range(self.rows_at_once):
            if row:
                *outer, rows, last = counters
                beside = builder.add(rows.value, I64(row), flags=("nsw",))
                here = [*outer, Counter(beside, rows.low, rows.high), last]
            else:
                here = counters
            self.write_elements(self.element_writer(builder, here), accumulators)

    def element_writer(
        self, builder: Any, counters: list[Counter], slow: list[Any] | None = None
    ) -> ElementWriter:
        """The writer of the elements at the counters; `slow` collects the conditions under
        which they need a slow path."""
        lanes = self.lanes if self.is_in_vectors else 1
        emitter = LLVMEmitter(builder, True, slow, lanes)
        writer = ElementWriter(self, emitter, counters, self.mask)
        if self.shared_values is not None and self.rows_at_once == 1:
            writer.values = self.shared_values
        return writer

    def write_elements(self, at: ElementWriter, accumulators: Accumulators) -> None:
        """Compute and store the elements of all roots at one point of the domain."""
        for root in self.kernel.roots:
            for node in long_chain(root, self.pointers, self.kernel.inlined):
                at.read(node, self.full_index)
            if root.op.combine is None and not root.op.scatters:
                index = self.index_of(root)
                at.store(self.pointers[root], at.offset(self.domain, index), at.read(root, index))
                continue
            value = at.read(root.inputs[0], self.full_index)
            if root.op.scatters:
                self.combine_in_memory(at, root, root.op.target(root, self.full_index, at), value)
            elif self.adds_elements(root):
                self.combine_in_memory(at, root, self.left_of(root, self.full_index), value)
            else:
                accumulators[root].add(at.e, value, self.mask)

    def combine_in_memory(self, at: ElementWriter, root: Node, index: Index, value: Scalar) -> None:
        """Combine a value with what was combined so far in an element of a result."""
        offset, word = at.offset(root.shape, index), root.op.combine or "add"
        if self.has_rows_as_lanes and at.lanes > 1 and self.last in self.reduced_axes(root):
            value = self.over_lanes(at, root, value)
            at = ElementWriter(self, replace(at.e, lanes=1), at.counters)
        old = at.load(self.pointers[root], root.dtype, offset)
        at.store(self.pointers[root], offset, combined(at.e, word, old, value))

    def over_lanes(self, at: ElementWriter, root: Node, value: Scalar) -> Scalar:
        """The active lanes of elements, combined."""
        if self.mask is not None:
            value = at.e.select(Scalar(self.mask, np.dtype(bool)), value, start_of(at.e, root))
        number = replace(at.e, lanes=1)
        return vectors.reduce_lanes(number, str(root.op.combine), value, at.lanes)

    def index_of(self, root: Node) -> Index:
        """The index of the element of a root that is computed at the counters."""
        return reversed_along(root, self.full_index)

    def finish_reduction(
        self, builder: Any, root: Node, counters: list[Counter], accumulator: Accumulator
    ) -> None:
        """Write what was accumulated where it belongs."""
        at = self.element_writer(builder, counters)
        index = self.left_of(root, [Affine(0, {a: 1}) for a in range(len(counters))])
        value = accumulator.result(at.e, self.lanes > 1 and not self.is_in_vectors)
        if self.accumulates(root):
            self.combine_in_memory(at, root, index, value)
        else:
            at.store(self.pointers[root], at.offset(root.shape, index), value)
