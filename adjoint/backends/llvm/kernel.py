"""One kernel as an LLVM function: loops over a domain, and in them the elements of its nodes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from itertools import pairwise
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.body import Body, Counter, Cut
from adjoint.backends.llvm.emitter import LLVMEmitter, Scalar, llvm_type
from adjoint.backends.llvm.extremes import from_key, key_dtype, to_key
from adjoint.backends.llvm.loop import (
    BIT,
    I64,
    POINTER,
    SHORT,
    alloca,
    combined,
    flag_of,
    loop,
    start_of,
    written_apart,
)
from adjoint.backends.llvm.rare import is_rare
from adjoint.graph.loops import Affine, Index
from adjoint.graph.node import Node
from adjoint.graph.types import DType, Shape, size_of
from adjoint.schedule.access import reversed_along
from adjoint.schedule.fuse import own_cost
from adjoint.schedule.plan import Kernel
from adjoint.schedule.signature import is_generic, is_literal, kernel_text

STRETCH = 512
"""How many elements a loop with rare arguments does before it asks whether it met one."""

MOST_INLINED = 12
"""A kernel of scalars with more elementary functions than this calls them."""

MOST_ARGUMENTS = 24
"""A kernel with more buffers than this takes their addresses in a table."""

FEW = 16
"""Over at most so many elements at a time loops are not vectorised: no vector would be full."""

FIXED = 4096
"""A kernel over at most so many elements is written for its size."""

MOST_PARTS = 6
"""The most parts into which the range of a loop is cut at the edges of slices."""

MOST_APART = 64
"""The most elements of parts of a join that are written apart."""

MOST_STORES = 64
"""Short loops are unrolled if no more elements are written one after another then."""

LANES = 8
"""So many rows are scanned side by side: a step of one need not wait for a step of another."""

LANES_WEIGHT = 16
"""The most nodes of a kernel for which that is done."""


class KernelWriter:
    """Writes the function of one kernel: ``void (addresses of reads and roots, low, high)``.

    `low` and `high` bound the outermost counter; a small kernel that is always run whole (`fixed`)
    does not ask for them. At most `rows` lie between them, if that is known.
    """

    def __init__(self, kernel: Kernel, fixed: bool = False, rows: int | None = None) -> None:
        self.kernel = kernel
        self.few = rows is not None and rows * size_of(kernel.domain[1:]) <= FEW
        self.fixed = fixed and size_of(kernel.domain) <= FIXED and not is_generic(kernel)
        self.functions: dict[str, Any] = {}
        dear = sum(own_cost(n) > 1 for n in (*kernel.inlined, *kernel.roots))
        self.outlines = kernel.domain == () and dear > MOST_INLINED
        self.flat = is_flat(kernel)
        self.domain: Shape = (size_of(kernel.domain),) if self.flat else kernel.domain
        self.stored = list(dict.fromkeys((*self.stored_reads(), *kernel.roots)))
        self.arguments = list(dict.fromkeys(kernel.buffer_of(n)[0] for n in self.stored))
        self.own = set(kernel.roots)
        self.begin()
        self.cuts: dict[int, set[int]] = {}
        self.rare = any(map(is_rare, (*kernel.inlined, *kernel.roots)))
        self.side_by_side = self.has_lanes()

    def begin(self) -> None:
        """What is true where no loop is open yet."""
        self.full_index: Index = tuple(Affine(0, {a: 1}) for a in range(len(self.domain)))
        self.known: dict[tuple[Node, Hashable], Scalar] | None = None
        self.lanes = 1
        self.failed: Any = None

    def stored_reads(self) -> list[Node]:
        return [n for n in self.kernel.reads if n not in self.kernel.roots and not is_literal(n)]

    def may_cut(self, axis: int, cuts: int, apart: bool) -> bool:
        """Whether the range of an axis may be cut so often more; what is not `apart` is repeated
        in each part."""
        parts = 1 + len(self.cuts.get(axis, ())) + cuts
        return parts <= MOST_PARTS or (apart and parts * len(self.kernel.roots) <= MOST_APART)

    def text(self) -> str:
        """The structure of the kernel: kernels with equal text have equal code."""
        return f"{self.fixed} {self.few} {kernel_text(self.kernel, self.stored, self.arguments)}"

    def declare(self, module: ir.Module, name: str) -> ir.Function:
        """The function by name and type."""
        kinds = [POINTER] * (1 if self.by_table else len(self.arguments)) + [I64, I64]
        found = module.globals.get(name)
        return found or ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)

    def write(self, module: ir.Module, name: str, functions: dict[str, Any]) -> ir.Function:
        """Write it into the module; again after each place where a loop must be cut.

        `functions` holds the outlined functions of the module.
        """
        self.function = self.declare(module, name)
        self.functions = functions
        for argument in self.function.args[:-2]:
            argument.add_attribute("noalias")
        apart = written_apart(module, name, self.written_buffers()) if self.by_table else {}
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
            self.tell_failure(builder)
            builder.ret_void()
            return self.function

    def failure(self, builder: Any) -> Any:
        if self.failed is None:
            with builder.goto_entry_block():
                self.failed = builder.alloca(BIT)
                builder.store(BIT(0), self.failed)
        return self.failed

    def tell_failure(self, builder: Any) -> None:
        """Set the flag of the process if a check has failed: in the loops a branch would cost."""
        if self.failed is not None:
            with builder.if_then(builder.load(self.failed, typ=BIT), likely=False):
                builder.store(ir.IntType(32)(1), flag_of(builder.module))

    def written_buffers(self) -> list[Node]:
        """The buffers in which the roots lie."""
        return list(dict.fromkeys(self.kernel.buffer_of(root)[0] for root in self.kernel.roots))

    @property
    def by_table(self) -> bool:
        """Whether the addresses are passed in a table, being too many for arguments."""
        return len(self.arguments) > MOST_ARGUMENTS

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
        for low, high in pairwise(points):
            start, stop = I64(low), I64(high)
            if axis == 0 and not self.fixed:
                first, last = self.function.args[-2:]
                if low:
                    start = builder.select(builder.icmp_signed(">", first, start), first, start)
                else:
                    start = first
                if high < size:
                    stop = builder.select(builder.icmp_signed("<", last, stop), last, stop)
                else:
                    stop = last
            elif high == low + 1:
                self.at_once(builder, axis, [*counters, Counter(start, low, high)], sums, known)
                continue
            last_axis = axis == len(self.domain) - 1
            if self.side_by_side and axis == len(self.domain) - 2:
                start = self.in_lanes(builder, axis, counters, (start, stop), (low, high))
            if last_axis and self.rare and not self.spread_sums():
                self.in_stretches(builder, axis, counters, sums, (start, stop), (low, high))
            else:
                long = self.is_long(axis)
                with loop(builder, start, stop, stays=long, scalar=self.few) as value:
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

    def has_lanes(self) -> bool:
        """Whether the kernel only scans along the last axis, and has enough rows."""
        roots, last = self.kernel.roots, len(self.domain) - 1
        if last < 1 or self.rare or self.domain[last - 1] < LANES:
            return False
        if len(roots) + len(self.kernel.inlined) > LANES_WEIGHT:
            return False
        return all(root.op.scans and root.params[0] == last for root in roots)

    def in_lanes(
        self, builder: Any, axis: int, counters: list[Counter], ends: Any, part: Any
    ) -> Any:
        """Go over the rows several at a time; returns the first that is left."""
        start, stop = ends
        whole = builder.sub(stop, builder.srem(builder.sub(stop, start), I64(LANES)))
        self.lanes = LANES
        with loop(builder, start, whole, LANES) as value:
            self.parts(builder, axis + 1, [*counters, Counter(value, *part)], {})
        self.lanes = 1
        return whole

    def in_stretches(
        self, builder: Any, axis: int, counters: list[Counter], sums: Any, ends: Any, part: Any
    ) -> None:
        """A vector loop that asks whether it met rare arguments, and repeats the stretch if so."""
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
        for lane in range(self.lanes):
            if lane:
                *outer, rows, last = counters
                beside = builder.add(rows.value, I64(lane), flags=("nsw",))
                here = [*outer, Counter(beside, rows.low, rows.high), last]
            else:
                here = counters
            self.elements(self.body(builder, here, None), sums)

    def body(self, builder: Any, counters: list[Counter], rare: list[Any] | None) -> Body:
        body = Body(self, LLVMEmitter(builder, contract=True, rare_conditions=rare), counters)
        if self.known is not None and self.lanes == 1:
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

    def reductions(self) -> list[Node]:
        return [root for root in self.kernel.roots if root.op.combine is not None]

    def reduced_axes(self, root: Node) -> set[int]:
        return {0} if self.flat else set(root.params[0])

    def depth(self, root: Node) -> int:
        """The axis from which inwards all loops belong to the reduction."""
        axes = self.reduced_axes(root)
        depth = len(self.domain)
        while depth and depth - 1 in axes:
            depth -= 1
        return depth

    def spread_sums(self) -> bool:
        """Whether something is added to memory in the innermost loop."""
        if any(root.op.scatters for root in self.kernel.roots):
            return True
        return any(self.depth(root) == len(self.domain) for root in self.reductions())

    def accumulates(self, root: Node) -> bool:
        """Whether the result in memory is added to, rather than written once."""
        if root.op.scatters:
            return True
        if root.op.combine is None:
            return False
        axes = self.reduced_axes(root)
        if 0 in axes and not self.fixed:  # other calls add their rows
            return True
        return any(a < self.depth(root) for a in axes)

    def accumulator(self, builder: Any, root: Node) -> Any:
        emitter = LLVMEmitter(builder)
        dtype = self.folded_dtype(root)
        place = alloca(builder, llvm_type(dtype))
        place.dtype, place.kind = dtype, llvm_type(dtype)
        builder.store(self.to_fold(emitter, start_of(emitter, root), root, place).value, place)
        return place

    def fold(self, body: Body, root: Node, value: Scalar, sums: dict[Node, Any]) -> None:
        place = sums[root]
        value = self.to_fold(body.e, value, root, place)
        old = Scalar(body.e.builder.load(place, typ=place.kind), place.dtype)
        body.e.builder.store(combined(body.e, root.op.combine, old, value).value, place)

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
        if place.dtype is not root.dtype:
            value = from_key(body.e, value, root.dtype)
        if self.accumulates(root):
            old = body.load(self.pointers[root], root.dtype, offset)
            value = combined(body.e, root.op.combine, old, value)
        body.store(self.pointers[root], offset, value)


def is_flat(kernel: Kernel) -> bool:
    """Whether the kernel sees its domain as one long axis."""
    if len(kernel.domain) < 2:
        return False
    for node in (*kernel.roots, *kernel.inlined):
        if node.op.combine is not None:
            if node.shape != () or len(node.params[0]) != len(kernel.domain):
                return False
        elif not node.op.pointwise:
            return False
    shapes = {n.shape for n in (*kernel.inlined, *kernel.reads)}
    shapes |= {n.shape for n in kernel.roots if n.op.combine is None}
    return all(shape == kernel.domain or shape == () for shape in shapes)
