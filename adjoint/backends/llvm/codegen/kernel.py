"""One kernel as an LLVM function: loops over a domain, and in them the elements of its nodes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from itertools import pairwise
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.element import Body, Counter, Cut, OneByOne
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter, Scalar, lanes_type, llvm_type
from adjoint.backends.llvm.codegen.kernel_layout import ABREAST, KernelForm
from adjoint.backends.llvm.codegen.loops import (
    BIT,
    I64,
    POINTER,
    SHORT,
    alloca,
    combined,
    failures_of,
    loop,
    start_of,
    written_apart,
)
from adjoint.backends.llvm.codegen.ordered_bits import from_key, key_dtype, to_key
from adjoint.backends.llvm.codegen.vector_loop import Rounds, Widen
from adjoint.graph.loop_form import Affine, Index
from adjoint.graph.node import Node
from adjoint.graph.types import DType, size_of
from adjoint.schedule.access_patterns import reversed_along
from adjoint.schedule.in_place import may_overlap
from adjoint.schedule.plan import Kernel
from adjoint.schedule.signature import is_literal

STRETCH = 512
"""How many elements a loop with a slow path computes before it asks whether one needs it."""

MOST_PARTS = 6
"""The most parts into which the range of a loop is cut at the edges of slices."""

MOST_APART = 64
"""The most elements of parts of a join that are written apart."""

MOST_STORES = 64
"""Short loops are unrolled if no more elements are written one after another then."""


class KernelWriter(KernelForm):
    """Writes the function of one kernel: ``void (addresses of reads and roots, low, high)``.

    `low` and `high` bound the outermost counter; a `fixed` kernel does not ask for them.
    """

    def __init__(self, kernel: Kernel, fixed: bool = False, rows: int | None = None) -> None:
        super().__init__(kernel, fixed, rows)
        self.functions: dict[str, Any] = {}
        self.cuts: dict[int, set[int]] = {}
        self.lanes = 1
        self.may_widen = False
        self.begin()

    def begin(self) -> None:
        """What is true where no loop is open yet."""
        self.full_index: Index = tuple(Affine(0, {a: 1}) for a in range(len(self.domain)))
        self.known: dict[tuple[Node, Hashable], Scalar] | None = None
        self.abreast = 1
        self.is_in_vectors = False
        self.mask: Any = None
        self.before: Any = None  # the block before a loop over vectors
        self.round: list[Any] = []  # the instructions of a round of it
        self.failed: Any = None

    def may_cut(self, axis: int, cuts: int, apart: bool) -> bool:
        """Whether the range of an axis may be cut so often more; what is not `apart` is repeated
        in each part."""
        parts = 1 + len(self.cuts.get(axis, ())) + cuts
        return parts <= MOST_PARTS or (apart and parts * len(self.kernel.roots) <= MOST_APART)

    def symbols(self) -> dict[str, int]:
        """What it calls outside beside what all kernels call: nothing."""
        return {}

    def declare(self, module: ir.Module, name: str) -> ir.Function:
        """The function by name and type."""
        kinds = [POINTER] * (1 if self.by_table else len(self.arguments)) + [I64, I64]
        found = module.globals.get(name)
        return found or ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)

    def write_vectors(self, module: ir.Module, name: str) -> bool:
        """Write it into the module with vector instructions, if it has such a form."""
        self.lanes = self.most_lanes()
        if self.lanes > 1:
            try:
                if self.span == "many" and self.folds_along():
                    self.lanes *= 2
                else:
                    self.may_widen = self.span == "many"
                self.write(module, name, {})
                return True
            except OneByOne:
                self.function.blocks.clear()
        self.lanes = 1
        return False

    def write(self, module: ir.Module, name: str, functions: dict[str, Any]) -> None:
        """Write it into the module; again after each place where a loop must be cut.

        `functions` holds the outlined functions of the module.
        """
        self.function = self.declare(module, name)
        self.functions = functions
        together = may_overlap(self.kernel)
        if not self.by_table:
            for node, argument in zip(self.arguments, self.function.args, strict=False):
                if node not in together:
                    argument.add_attribute("noalias")
        buffers = [node for node in self.written_buffers() if node not in together]
        apart = written_apart(module, name, buffers) if self.by_table else {}
        while True:
            self.begin()
            self.function.blocks.clear()
            builder = ir.IRBuilder(self.function.append_basic_block())
            self.pointers = self.find_pointers(builder)
            self.marks = {
                pointer: apart.get(self.kernel.buffer_of(node)[0], apart.get(None))
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
            self.tell_failure(builder)
            builder.ret_void()
            return

    def failure(self, builder: Any) -> Any:
        if self.failed is None:
            with builder.goto_entry_block():
                self.failed = builder.alloca(BIT)
                builder.store(BIT(0), self.failed)
        return self.failed

    def tell_failure(self, builder: Any) -> None:
        """Count it in the process if a check has failed: in the loops a branch would cost."""
        if self.failed is not None:
            with builder.if_then(builder.load(self.failed, typ=BIT), likely=False):
                builder.atomic_rmw("add", failures_of(builder.module), I64(1), "monotonic")

    def find_pointers(self, builder: Any) -> dict[Node, Any]:
        """The addresses of the stored nodes, from the arguments of the function."""
        bases = self.function.args[:-2]
        if self.by_table:
            table = bases[0]
            places = [
                builder.gep(table, [I64(i)], source_etype=POINTER)
                for i in range(len(self.arguments))
            ]
            bases = [builder.load(place, typ=POINTER) for place in places]
        base = dict(zip(self.arguments, bases, strict=True))
        found = {}
        for node in self.stored:
            leader, place = self.kernel.buffer_of(node)
            pointer = base[leader]
            if place:
                pointer = builder.gep(pointer, [I64(place)], source_etype=ir.IntType(8))
            found[node] = pointer
        return found

    # loops

    def axis(self, builder: Any, axis: int, counters: list[Counter], sums: dict[Node, Any]) -> None:
        """Write the loops from `axis` inwards."""
        opened = [r for r in self.reductions() if self.depth(r) == axis]
        for root in opened:
            sums[root] = self.accumulator(builder, root)
        if axis == len(self.domain):
            self.innermost(builder, counters, sums)
        else:
            self.parts(builder, axis, counters, sums)
        for root in opened:
            self.finish(builder, root, counters, sums.pop(root))

    def parts(self, builder: Any, axis: int, counters: list[Counter], sums: Any) -> None:
        size = self.domain[axis]
        points = [0, *sorted(self.cuts.get(axis, ())), size]
        known: dict[tuple[Node, Hashable], Scalar] = {}
        if self.lanes > 1 and axis == self.last and len(points) > MOST_PARTS:
            raise OneByOne
        for low, high in pairwise(points):
            start, stop = I64(low), I64(high)
            if axis == 0 and not self.fixed:
                first, last = self.function.args[-2:]
                start = larger(builder, first, start) if low else first
                if high < size:
                    last = builder.select(builder.icmp_signed("<", last, stop), last, stop)
                stop = last if len(points) == 2 else larger(builder, last, start)
            elif high == low + 1 and not (self.lanes > 1 and axis == self.last):
                self.at_once(builder, axis, [*counters, Counter(start, low, high)], sums, known)
                continue
            last_axis = axis == len(self.domain) - 1
            if self.side_by_side and axis == len(self.domain) - 2:
                start = self.rows_abreast(builder, axis, counters, (start, stop), (low, high))
            if axis == self.last and self.lanes > 1:
                Rounds(self, builder, counters, sums, (low, high)).over(start, stop)
            elif (
                last_axis and self.has_slow_path and not (self.is_in_vectors or self.spread_sums())
            ):
                self.in_stretches(builder, axis, counters, sums, (start, stop), (low, high))
            else:
                with loop(builder, start, stop, stays=self.is_long(axis)) as value:
                    inner = [*counters, Counter(value, low, high)]
                    self.axis(builder, axis + 1, inner, sums)

    def is_long(self, axis: int) -> bool:
        """Whether the loops from `axis` inwards, unrolled, are more than LLVM goes over fast."""
        around = [len(self.cuts.get(a, ())) + 1 for a in range(axis + 1)]
        stores = len(self.kernel.roots) * math.prod(around) * size_of(self.domain[axis:])
        return stores > MOST_STORES

    def at_once(
        self, builder: Any, axis: int, counters: list[Counter], sums: Any, known: Any
    ) -> None:
        """Write the inner loops for one place on an axis.

        On the last axis that needs no loop, and what is `known` may be used at the next place.
        """
        outer, place = self.full_index, Affine(counters[-1].low)
        self.full_index = (*outer[:axis], place, *outer[axis + 1 :])
        self.known = known if axis == len(self.domain) - 1 else None
        self.axis(builder, axis + 1, counters, sums)
        self.full_index, self.known = outer, None

    def rows_abreast(
        self, builder: Any, axis: int, counters: list[Counter], ends: Any, part: Any
    ) -> Any:
        """Go over the rows several at a time; returns the first that is left."""
        start, stop = ends
        whole = builder.sub(stop, builder.srem(builder.sub(stop, start), I64(ABREAST)))
        self.abreast = ABREAST
        with loop(builder, start, whole, ABREAST) as value:
            self.parts(builder, axis + 1, [*counters, Counter(value, *part)], {})
        self.abreast = 1
        return whole

    def vector(self, builder: Any, counters: list[Counter], sums: Any, left: Any) -> None:
        """The elements of one round: all lanes, or the first `left` of them."""
        self.is_in_vectors = True
        if left is not None:
            self.mask = vectors.first_lanes(builder, left, self.lanes)
        before = len(builder.block.instructions)
        self.axis(builder, self.last + 1, counters, sums)
        self.round = builder.block.instructions[before:]
        self.is_in_vectors, self.mask = False, None

    def in_stretches(
        self, builder: Any, axis: int, counters: list[Counter], sums: Any, ends: Any, part: Any
    ) -> None:
        """A loop that LLVM can vectorise; a stretch that needs the slow path is computed again."""
        met = alloca(builder, BIT)
        with loop(builder, ends[0], ends[1], STRETCH) as start:
            stop = builder.add(start, I64(STRETCH), flags=("nsw",))
            stop = builder.select(builder.icmp_signed("<", stop, ends[1]), stop, ends[1])
            before = {root: builder.load(place, typ=place.kind) for root, place in sums.items()}
            builder.store(BIT(0), met)
            with loop(builder, start, stop) as value:
                conditions: list[Any] = []
                body = self.body(builder, [*counters, Counter(value, *part)], conditions)
                self.elements(body, sums)
                flag = builder.load(met, typ=BIT)
                for condition in conditions:
                    flag = builder.or_(flag, condition)
                builder.store(flag, met)
            with builder.if_then(builder.load(met, typ=BIT), likely=False):
                for root, place in sums.items():
                    builder.store(before[root], place)
                with loop(builder, start, stop) as value:
                    body = self.body(builder, [*counters, Counter(value, *part)], None)
                    self.elements(body, sums)

    def innermost(self, builder: Any, counters: list[Counter], sums: Any) -> None:
        for lane in range(self.abreast):
            if lane:
                *outer, rows, last = counters
                beside = builder.add(rows.value, I64(lane), flags=("nsw",))
                here = [*outer, Counter(beside, rows.low, rows.high), last]
            else:
                here = counters
            self.elements(self.body(builder, here, None), sums)

    def body(self, builder: Any, counters: list[Counter], slow: list[Any] | None) -> Body:
        lanes = self.lanes if self.is_in_vectors else 1
        body = Body(self, LLVMEmitter(builder, True, slow, lanes), counters, self.mask)
        if self.known is not None and self.abreast == 1:
            body.known = self.known
        return body

    def elements(self, body: Body, sums: dict[Node, Any]) -> None:
        """Compute and store the elements of all roots at one place of the domain."""
        for root in self.kernel.roots:
            self.precompute(body, root)
            if root.op.scatters:
                self.scatter(body, root)
            elif root.op.combine is None:
                place = self.place_of(root)
                value = body.read(root, place)
                body.store(self.pointers[root], body.offset(self.domain, place), value)
            else:
                value = body.read(root.inputs[0], self.full_index)
                self.fold(body, root, value, sums)

    def scatter(self, body: Body, root: Node) -> None:
        """Add the element to the place in memory that the operation names."""
        value = body.read(root.inputs[0], self.full_index)
        place = body.offset(root.shape, root.op.target(root, self.full_index, body))
        old = body.load(self.pointers[root], root.dtype, place)
        body.store(self.pointers[root], place, combined(body.e, "add", old, value))

    def precompute(self, body: Body, root: Node) -> None:
        """Compute a long chain from its beginning, so that pulling does not recurse deeply."""
        folds = root.op.combine is not None or root.op.scatters
        end = root.inputs[0] if folds else root
        chain = []
        stack = [end]
        seen = set()
        while stack:
            node = stack.pop()
            if node in seen or not node.op.pointwise or node.shape != end.shape:
                continue
            if node is not root and (node in self.pointers or is_literal(node)):
                continue
            seen.add(node)
            chain.append(node)
            stack.extend(node.inputs)
        if len(chain) > 32:
            chained = set(chain)
            for node in self.kernel.inlined:
                if node in chained:
                    body.read(node, self.full_index)

    def place_of(self, root: Node) -> Index:
        """Where the element of a root lies that is computed at the counters."""
        return reversed_along(root, self.full_index)

    # reductions

    def accumulator(self, builder: Any, root: Node) -> Any:
        dtype = self.folded_dtype(root)
        kind = lanes_type(llvm_type(dtype), self.lanes)
        place = alloca(builder, kind)
        place.dtype, place.kind = dtype, kind
        emitter = LLVMEmitter(builder, lanes=self.lanes)
        builder.store(self.to_fold(emitter, start_of(emitter, root), root, place).value, place)
        return place

    def fold(self, body: Body, root: Node, value: Scalar, sums: dict[Node, Any]) -> None:
        place = sums[root]
        value = self.to_fold(body.e, value, root, place)
        old = Scalar(body.e.builder.load(place, typ=place.kind), place.dtype)
        new = combined(body.e, root.op.combine, old, value)
        if self.mask is not None:
            new = body.e.select(Scalar(self.mask, np.dtype(bool)), new, old)
        body.e.builder.store(new.value, place)

    def folded_dtype(self, root: Node) -> DType:
        """The dtype in which a root is folded; of few elements any will do."""
        keys = key_dtype(root) if size_of(self.domain[self.depth(root) :]) > SHORT else None
        return keys or root.dtype

    def to_fold(self, e: LLVMEmitter, x: Scalar, root: Node, place: Any) -> Scalar:
        if place.dtype is root.dtype:
            return x
        return to_key(e, x, place.dtype, str(root.op.combine))

    def finish(self, builder: Any, root: Node, counters: list[Counter], place: Any) -> None:
        """Write what was folded where it belongs."""
        body = self.body(builder, counters, None)
        axes = self.reduced_axes(root)
        index = [Affine(0, {a: 1}) for a in range(len(counters)) if a not in axes]
        offset = body.offset(root.shape, tuple(index))
        value = Scalar(builder.load(place, typ=place.kind), place.dtype)
        if self.lanes > 1 and not self.is_in_vectors:
            value = vectors.folded(body.e, str(root.op.combine), value, self.lanes)
        if place.dtype is not root.dtype:
            value = from_key(body.e, value, root.dtype)
        if self.accumulates(root):
            old = body.load(self.pointers[root], root.dtype, offset)
            value = combined(body.e, root.op.combine, old, value)
        body.store(self.pointers[root], offset, value)


def larger(builder: Any, a: Any, b: Any) -> Any:
    """The larger of two integers."""
    return builder.select(builder.icmp_signed(">", a, b), a, b)
