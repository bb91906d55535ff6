"""The elements of a kernel's nodes at the loop counters: what stands in its innermost loop.

Elements are pulled: a root asks its operation's `lower` rule for the element at the loop counters,
the rule reads elements of the inputs, and these are loaded if stored or computed the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from typing import Any, Protocol

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.codegen import complex_memory, vectors
from adjoint.backends.llvm.codegen.counters import Counter, Cut, NotVectorizable, Uniform
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.loops import (
    BIT,
    I64,
    alloca,
    element_address,
    memory_type,
)
from adjoint.backends.llvm.codegen.outlining import call_outlined, outlined_function
from adjoint.backends.llvm.codegen.registers import (
    Scalar,
    any_lane,
    splat,
    splat_constant,
    vector_type,
)
from adjoint.graph.leaf import is_constant
from adjoint.graph.loop_form import (
    MAX_NESTED_READS,
    ZERO,
    Affine,
    Index,
    broadcast_index,
    element_key,
    unread_elements,
)
from adjoint.graph.native_rule import is_elementary
from adjoint.graph.node import Node
from adjoint.graph.types import DType, Shape
from adjoint.schedule.plan import Kernel


class Writer(Protocol):
    """What the elements ask of the kernel that is being written."""

    kernel: Kernel
    domain: Shape
    last: int
    preheader: Any
    inner_loop: tuple[int, Any]
    flat: bool
    calls_functions: bool
    roots: set[Node]
    pointers: dict[Node, Any]
    alias_metadata: dict[Any, dict[str, Any] | None]
    functions: dict[str, Any]
    carried: dict[Node, dict[int, Any]]
    has_rows_as_lanes: bool

    def index_of(self, root: Node) -> Index:
        """The index of the element of a root that is computed at the counters."""

    def failure_flag(self, builder: Any) -> Any:
        """The address of the bit that says whether a check has failed."""

    def widen_if_deep(self, block: Any) -> None:
        """Begin again with two vectors an iteration if the chain in a block is long."""

    def may_cut(self, axis: int, cuts: int, separate: bool) -> bool:
        """Whether the loop over an axis may be cut so often more.

        separate: each segment will hold the code of its own elements only.
        """


class ElementWriter:
    """Implements `adjoint.graph.loop_form.Loops` for one point of a kernel's domain.

    If the emitter has several lanes, these are elements that follow each other along the last axis,
    the first one at its counter. `mask` says which lanes are active, if not all.
    """

    def __init__(
        self, writer: Writer, emitter: LLVMEmitter, counters: list[Counter], mask: Any = None
    ) -> None:
        self.writer = writer
        self.e = emitter
        self.lanes = emitter.lanes
        self.mask = mask
        self.counters = counters
        self.values: dict[tuple[Node, Hashable], Scalar] = {}
        self.nested_reads = 0
        self.index_values: dict[Hashable, Any] = {}

    def read(self, x: Node, index: Index) -> Scalar:
        key = element_key(x, index)
        found = self.values.get(key)
        if found is None:
            if self.nested_reads >= MAX_NESTED_READS:
                for node, at in unread_elements(x, index, self.is_known):
                    self.read(node, at)
            self.nested_reads += 1
            try:
                found = self.values[key] = self._element(x, index)
            finally:
                self.nested_reads -= 1
        return found

    def is_known(self, x: Node, index: Index) -> bool:
        """Whether the element is known without computing it."""
        if is_constant(x) or self.is_loaded(x, index):
            return True
        return element_key(x, index) in self.values

    def is_loaded(self, x: Node, index: Index) -> bool:
        """Whether the element is one in memory, not one that the kernel computes here."""
        writer = self.writer
        is_computed = x in writer.roots and index == writer.index_of(x)
        return x in writer.pointers and not is_computed

    def _element(self, x: Node, index: Index) -> Scalar:
        writer = self.writer
        if self.is_loaded(x, index):
            offset = self.offset(x.shape, index)
            # What the kernel itself writes may change from one iteration to the next.
            with self.before_loops(offset) if x not in writer.roots else nullcontext():
                return self.load(writer.pointers[x], x.dtype, offset)
        if is_constant(x):
            return self.e.constant(np.asarray(x.value).item(), x.dtype)
        return self.computed(x, index)

    def computed(self, x: Node, index: Index) -> Scalar:
        if self.writer.calls_functions and x.op.pointwise and is_elementary(x):
            return self.outlined(x, index)
        found: Scalar = x.op.lower(x, index, self)
        if x in self.writer.carried:
            self.e.builder.store(found.value, self.carried_slot(x))
        if x.op.pointwise and is_elementary(x):
            self.writer.widen_if_deep(self.e.builder.block)
        return found

    def carried(self, scan: Node, index: Index) -> Scalar:
        if scan not in self.writer.carried:
            return self.read(scan, index)
        kind = self.e.kind(scan.dtype)
        return Scalar(self.e.builder.load(self.carried_slot(scan), typ=kind), scan.dtype)

    def carried_slot(self, scan: Node) -> Any:
        """Where the last elements of a scan are kept, one for each lane: a register in the end."""
        slots = self.writer.carried
        if slots[scan].get(self.lanes) is None:
            slots[scan][self.lanes] = alloca(self.e.builder, self.e.kind(scan.dtype))
        return slots[scan][self.lanes]

    def outlined(self, x: Node, index: Index) -> Scalar:
        """The element from a function of its own: a call is compiled faster than what it calls."""
        values = [self.read(c, broadcast_index(index, c.shape)) for c in x.inputs]
        function = outlined_function(self.e, x, values, self.writer.functions)
        return call_outlined(self.e, x, function, values)

    def offset(self, shape: Shape, index: Index) -> Affine:
        """The position of an element in row-major order."""
        if self.writer.flat and shape in (self.writer.kernel.domain, self.writer.domain):
            return index[0]  # also if there is one element: the code serves any number of them
        total = ZERO
        stride = 1
        for size, i in zip(reversed(shape), reversed(index), strict=True):
            if size != 1:
                total = total + i * stride
            stride *= size
        return total

    def integer(self, i: Affine) -> Any:
        """An index as an LLVM integer: that of the first lane, if it steps from lane to lane."""
        found = self.index_values.get(i.key)
        if found is None:
            with self.before_loops(i):
                found = self.index_values[i.key] = self._integer(i)
        return found

    def is_invariant(self, i: Affine) -> bool:
        """Whether an index is the same in all iterations of the vector loop."""
        return self.lanes > 1 and all(map(self.is_outer, i.terms))

    def is_outer(self, name: Hashable) -> bool:
        """Whether a term of an index is the same in all iterations of the innermost loop."""
        if isinstance(name, int):
            return name < self.writer.last
        return isinstance(name, Uniform)

    def before_loops(self, i: Affine) -> Any:
        """Write what follows, which depends on an index only, before the loops that leave it as it
        is: the vector loop, or one inside that."""
        if self.is_invariant(i):
            return self.in_preheader()
        axis, block = self.writer.inner_loop
        is_outside = all(isinstance(n, int) and n < axis for n in i.terms)
        return self.at_end_of(block) if is_outside else nullcontext()

    def in_preheader(self) -> Any:
        """Write what follows before the vector loop, if there is one.

        LLVM could move it there, too, but the pass that does is one of those left out.
        """
        return self.at_end_of(self.writer.preheader)

    def at_end_of(self, block: Any) -> Any:
        """Write what follows at the end of a block, or here if there is none."""
        builder = self.e.builder
        return nullcontext() if block in (None, builder.block) else builder.goto_block(block)

    def _integer(self, i: Affine) -> Any:
        builder = self.e.builder
        total, constant = None, i.constant
        for name, factor in i.terms.items():
            value = self.value_of(name)
            if isinstance(value, ir.Constant):
                constant += factor * value.constant
                continue
            if factor != 1:
                value = builder.mul(value, I64(factor), flags=("nsw",))
            total = value if total is None else builder.add(total, value, flags=("nsw",))
        if total is None:
            return I64(constant)
        return builder.add(total, I64(constant), flags=("nsw",)) if constant else total

    def value_of(self, name: Hashable) -> Any:
        """A term of an index as an LLVM value."""
        if isinstance(name, int):
            return self.counters[name].value
        return name.value if isinstance(name, Uniform) else name[1]  # type: ignore[index]

    def integers(self, i: Affine) -> Any:
        """An index as LLVM integers, one for each lane."""
        builder = self.e.builder
        terms = i.terms.items()
        counters: dict[Hashable, int] = {n: f for n, f in terms if isinstance(n, (int, Uniform))}
        total = splat(builder, self.integer(Affine(i.constant, counters)), self.lanes)
        if step := self.step(i):
            steps = ir.Constant(total.type, [lane * step for lane in range(self.lanes)])
            total = builder.add(total, steps, flags=("nsw",))
        for name, factor in i.terms.items():
            if name not in counters:
                times = splat_constant(I64(factor), self.lanes)
                value = builder.mul(name[1], times, flags=("nsw",))  # type: ignore[index]
                total = builder.add(total, value, flags=("nsw",))
        return total

    def step(self, i: Affine) -> int:
        """How an index changes from one lane to the next, as far as counters go."""
        return i.terms.get(self.writer.last, 0) if self.lanes > 1 else 0

    def has_counters_only(self, i: Affine) -> bool:
        """Whether an index is made of counters alone, and of what is the same in all lanes."""
        return all(isinstance(name, (int, Uniform)) for name in i.terms)

    def address(self, pointer: Any, offset: Affine, kind: Any) -> Any:
        """The address of an element: that of the first lane, if there are several."""
        return element_address(self.e.builder, pointer, self.integer(offset), kind)

    def load(self, pointer: Any, dtype: DType, offset: Affine) -> Scalar:
        """An element, or one per lane: by the cheapest of a broadcast, a load of neighbours, one of
        neighbours in the other order, and a gather."""
        if dtype.kind == "c":
            return complex_memory.load(self, pointer, dtype, offset)
        builder = self.e.builder
        kind = memory_type(dtype)
        step = self.step(offset)
        if self.lanes == 1 or (step == 0 and self.has_counters_only(offset)):
            value = self.with_alias_metadata(
                builder.load(self.address(pointer, offset, kind), typ=kind), pointer
            )
            value = splat(builder, value, self.lanes)
        elif step == 1 and self.has_counters_only(offset):
            address = self.address(pointer, offset, kind)
            value = vectors.load(builder, address, kind, self.lanes, self.mask)
        elif step == -1 and self.has_counters_only(offset):
            address = self.address(pointer, offset + (1 - self.lanes), kind)
            value = vectors.load_reversed(builder, address, kind, self.lanes, self.mask)
        else:
            addresses = builder.gep(pointer, [self.integers(offset)], source_etype=kind)
            value = vectors.gather(builder, addresses, kind, self.lanes, self.mask)
        if dtype.kind == "b":
            zero = splat_constant(kind(0), self.lanes)  # any other byte is true, not only 1
            value = builder.icmp_unsigned("!=", value, zero)
        return Scalar(value, dtype)

    def store(self, pointer: Any, offset: Affine, x: Scalar) -> None:
        """Write an element, or the active lanes to neighbouring elements."""
        builder = self.e.builder
        kind = memory_type(x.dtype)
        value = x.value
        if x.dtype.kind == "b":
            value = builder.zext(value, vector_type(kind, self.lanes))
        if self.lanes > 1 and (self.step(offset) != 1 or not self.has_counters_only(offset)):
            if not self.writer.has_rows_as_lanes or not self.step(offset) or x.dtype.kind == "c":
                raise NotVectorizable
            addresses = builder.gep(pointer, [self.integers(offset)], source_etype=kind)
            vectors.scatter(builder, addresses, kind, value, self.mask)
            return
        address = self.address(pointer, offset, kind)
        if x.dtype.kind == "c":
            complex_memory.store(self, pointer, address, x)
        elif self.lanes == 1:
            self.with_alias_metadata(builder.store(value, address), pointer)
        else:
            vectors.store(builder, address, kind, value, self.mask)

    def with_alias_metadata(self, access: Any, pointer: Any) -> Any:
        """A load or store, with what LLVM may assume of the buffer that begins at `pointer`."""
        for name, scopes in (self.writer.alias_metadata.get(pointer) or {}).items():
            access.set_metadata(name, scopes)
        return access

    def inside(self, i: Affine, low: int, high: int) -> Any:
        if low >= high:
            return False
        least, most = self.bounds(i)
        if least is not None and most is not None:
            if least >= low and most < high:
                return True
            if most < low or least >= high:
                return False
            self.cut(i, low, high)
        value = self.integers(i)
        above = self.e.builder.icmp_signed(">=", value, splat_constant(I64(low), self.lanes))
        below = self.e.builder.icmp_signed("<", value, splat_constant(I64(high), self.lanes))
        return Scalar(self.e.builder.and_(above, below), np.dtype(bool))

    def bounds(self, i: Affine) -> tuple[int | None, int | None]:
        """The least and the largest value of an index in the segment being written."""
        least = most = i.constant
        for name, factor in i.terms.items():
            match name:
                case int():
                    low, high = self.counters[name].low, self.counters[name].high
                case Uniform(size=size):
                    low, high = 0, size
                case _:
                    return None, None
            ends = sorted((low * factor, (high - 1) * factor))
            least, most = least + ends[0], most + ends[1]
        return least, most

    def cut(self, i: Affine, low: int, high: int) -> None:
        """Ask for the loop to be cut where the index gets to `low` or `high`."""
        for position in (low, high):
            self.cut_at(i, (position,), separate=False)

    def edges(self, i: Affine, places: Sequence[int]) -> None:
        self.cut_at(i, places, separate=True)

    def cut_at(self, i: Affine, positions: Sequence[int], separate: bool) -> None:
        """Ask for the loop to be cut where the index gets to `positions`, if it is one counter plus
        a constant."""
        if len(i.terms) != 1:
            return
        ((axis, factor),) = i.terms.items()
        if abs(factor) != 1 or not isinstance(axis, int):
            return
        counter = self.counters[axis]
        points = [p - i.constant if factor > 0 else i.constant - p + 1 for p in positions]
        inner = [p for p in points if counter.low < p < counter.high]
        if inner and self.writer.may_cut(axis, len(inner), separate):
            raise Cut(axis, inner)

    def counter(self, scalar: Scalar) -> Affine:
        wide = self.e.convert(scalar, np.dtype(np.int64))
        return Affine(0, {("value", wide.value): 1})

    def named(self, x: Node, at: Index, size: int, rule: Callable[[Any], Any]) -> Affine:
        if not self.is_outside(x, at):
            return self.counter(rule(self))
        key = element_key(x, at), size
        found = self.index_values.get(key)
        if found is None:
            with self.in_preheader():
                e = LLVMEmitter(self.e.builder, True)
                number = rule(ElementWriter(self.writer, e, self.counters))
                found = self.index_values[key] = e.convert(number, np.dtype(np.int64)).value
        return Affine(0, {Uniform(found, size): 1})

    def is_outside(self, x: Node, at: Index) -> bool:
        """Whether an element is one in memory that the vector loop leaves as it is."""
        return (
            self.lanes > 1
            and all(map(self.is_invariant, at))
            and self.is_loaded(x, at)
            and x not in self.writer.roots
            and self.writer.inner_loop[1] is None
        )

    def check(self, condition: Scalar) -> None:
        builder, slot = self.e.builder, self.writer.failure_flag(self.e.builder)
        failed = builder.not_(condition.value)
        if self.mask is not None:
            failed = builder.and_(failed, self.mask)  # inactive lanes were loaded as zeros
        failed = any_lane(builder, failed, self.lanes)
        builder.store(builder.or_(builder.load(slot, typ=BIT), failed), slot)

    def scalar(self, i: Affine) -> Scalar:
        return Scalar(self.integers(i), np.dtype(np.int64))

    def clamped(self, i: Affine, size: int) -> Affine:
        least, most = self.bounds(i)
        if least is not None and most is not None and least >= 0 and most < size:
            return i
        return self.counter(self.e.minimum(self.e.maximum(self.scalar(i), 0), size - 1))

    def wrapped(self, i: Affine, size: int) -> Affine:
        least, most = self.bounds(i)
        if least is not None and least >= 0:
            return i
        if most is not None and most < 0:
            return i + size
        if all(map(self.is_outer, i.terms)):
            return self.chosen_before(i, size)
        self.cut_at(i, (0,), separate=False)
        number = self.scalar(i)
        return self.counter(self.e.select(self.e.less(number, 0), self.e.add(number, size), number))

    def chosen_before(self, i: Affine, size: int) -> Affine:
        """What `wrapped` answers for an index that the innermost loop does not change: chosen
        before that, which costs nothing, where a cut would be more code."""
        key = i.key, size
        found = self.index_values.get(key)
        if found is None:
            builder, number = self.e.builder, self.integer(i)
            with self.in_preheader() if self.lanes > 1 else nullcontext():
                behind = builder.add(number, I64(size), flags=("nsw",))
                is_negative = builder.icmp_signed("<", number, I64(0))
                found = builder.select(is_negative, behind, number)
            self.index_values[key] = found
        return Affine(0, {Uniform(found, size): 1})
