"""The innermost place of a kernel: the elements of its nodes at the loop counters.

Elements are pulled: a root asks its operation's `lower` rule for the element at the loop counters,
the rule reads elements of the inputs, and these are loaded if stored or computed the same way.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.emitter import (
    LLVMEmitter,
    Scalar,
    in_all_lanes,
    in_any_lane,
    lanes_type,
    llvm_type,
    spread,
)
from adjoint.backends.llvm.codegen.loops import BIT, I64, memory_type
from adjoint.graph.leaf import is_constant
from adjoint.graph.loop_form import ZERO, Affine, Index, broadcast_index
from adjoint.graph.node import Node
from adjoint.graph.types import DType, Shape
from adjoint.schedule.native_rule import is_elementary
from adjoint.schedule.plan import Kernel


class Writer(Protocol):
    """What the elements ask of the kernel that is being written."""

    kernel: Kernel
    domain: Shape
    last: int
    before: Any
    flat: bool
    outlines: bool
    own: set[Node]
    pointers: dict[Node, Any]
    marks: dict[Any, dict[str, Any] | None]
    functions: dict[str, Any]

    def place_of(self, root: Node) -> Index:
        """Where the element of a root lies that is computed at the counters."""

    def failure(self, builder: Any) -> Any:
        """The place of the bit that says whether a check has failed."""

    def may_cut(self, axis: int, cuts: int, apart: bool) -> bool:
        """Whether the loop over an axis may be cut so often more.

        apart: each part will hold the code of its own elements only.
        """


class OneByOne(Exception):
    """The elements at neighbouring counters cannot be computed as the lanes of vectors."""


class Cut(Exception):
    """What an element is depends on the loop counter: cut its range at `points`."""

    def __init__(self, axis: int, points: Sequence[int]) -> None:
        super().__init__(axis, points)
        self.axis = axis
        self.points = points


@dataclass
class Counter:
    """A loop counter: its LLVM value, and the range of it that is being written."""

    value: Any
    low: int
    high: int


class Body:
    """Implements `adjoint.graph.loop_form.Loops` at one place in the loops of a kernel.

    If the emitter has several lanes, these are the elements that follow each other along the last
    axis, the first one at its counter. `mask` says which of them there are, if not all.
    """

    def __init__(
        self, writer: Writer, emitter: LLVMEmitter, counters: list[Counter], mask: Any = None
    ) -> None:
        self.writer = writer
        self.e = emitter
        self.lanes = emitter.lanes
        self.mask = mask
        self.counters = counters
        self.known: dict[tuple[Node, Hashable], Scalar] = {}
        self.indices: dict[Hashable, Any] = {}

    def read(self, x: Node, index: Index) -> Scalar:
        key = (x, tuple([i.key for i in index]))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self._element(x, index)
        return found

    def _element(self, x: Node, index: Index) -> Scalar:
        writer = self.writer
        if x in writer.own and index == writer.place_of(x):
            return self.computed(x, index)
        if x in writer.pointers:
            offset = self.offset(x.shape, index)
            early = x not in writer.own and self.is_fixed(offset)
            with self.before_loop() if early else nullcontext():
                return self.load(writer.pointers[x], x.dtype, offset)
        if is_constant(x):
            return self.e.constant(np.asarray(x.value).item(), x.dtype)
        return self.computed(x, index)

    def computed(self, x: Node, index: Index) -> Scalar:
        if self.writer.outlines and x.op.pointwise and is_elementary(x):
            return self.outlined(x, index)
        return x.op.lower(x, index, self)  # type: ignore[no-any-return]

    def outlined(self, x: Node, index: Index) -> Scalar:
        """The element from a function of its own: a call is compiled faster than its body."""
        values = [self.read(c, broadcast_index(index, c.shape)) for c in x.inputs]
        kinds = [v.value.type for v in values]
        builder = self.e.builder
        places = [x.inputs.index(c) for c in x.inputs]  # x / x must not answer for x / y
        signature = f"{x.op.name}{x.params}{[v.dtype.str for v in values]}{places}"
        function = self.writer.functions.get(signature)
        if function is None:
            kind = ir.FunctionType(llvm_type(x.dtype), kinds)
            name = f"scalar_{len(self.writer.functions)}"
            function = ir.Function(builder.module, kind, name)
            function.linkage = "internal"
            function.attributes.add("noinline")
            inner = ir.IRBuilder(function.append_basic_block())
            arguments = map(Scalar, function.args, (v.dtype for v in values))
            given = dict(zip(x.inputs, arguments, strict=True))
            body = Given(LLVMEmitter(inner, contract=True), given)
            inner.ret(x.op.lower(x, index, body).value)  # type: ignore[arg-type]  # pointwise
            self.writer.functions[signature] = function
        return Scalar(builder.call(function, [v.value for v in values]), x.dtype)

    def offset(self, shape: Shape, index: Index) -> Affine:
        """The position of an element in row-major order."""
        if self.writer.flat and shape in (self.writer.kernel.domain, self.writer.domain):
            return index[0]  # also of one element: the code serves any number
        total = ZERO
        stride = 1
        for size, i in zip(reversed(shape), reversed(index), strict=True):
            if size != 1:
                total = total + i * stride
            stride *= size
        return total

    def number(self, i: Affine) -> Any:
        """An index as an LLVM integer: that of the first lane, if it steps from lane to lane."""
        found = self.indices.get(i.key)
        if found is None:
            with self.before_loop() if self.is_fixed(i) else nullcontext():
                found = self.indices[i.key] = self._number(i)
        return found

    def is_fixed(self, i: Affine) -> bool:
        """Whether an index is the same in all rounds of the loop over vectors."""
        outer = (isinstance(name, int) and name < self.writer.last for name in i.terms)
        return self.lanes > 1 and all(outer)

    def before_loop(self) -> Any:
        """Write what follows before the loop over vectors, if there is one."""
        block, builder = self.writer.before, self.e.builder
        return nullcontext() if block in (None, builder.block) else builder.goto_block(block)

    def _number(self, i: Affine) -> Any:
        builder = self.e.builder
        total = None
        for name, factor in i.terms.items():
            value = self.counters[name].value if isinstance(name, int) else name[1]  # type: ignore[index]
            if factor != 1:
                value = builder.mul(value, I64(factor), flags=("nsw",))
            total = value if total is None else builder.add(total, value, flags=("nsw",))
        if total is None:
            return I64(i.constant)
        return builder.add(total, I64(i.constant), flags=("nsw",)) if i.constant else total

    def numbers(self, i: Affine) -> Any:
        """An index as LLVM integers, one for each lane."""
        builder = self.e.builder
        known: dict[Hashable, int] = {n: f for n, f in i.terms.items() if isinstance(n, int)}
        total = spread(builder, self.number(Affine(i.constant, known)), self.lanes)
        if step := self.step(i):
            steps = ir.Constant(total.type, [lane * step for lane in range(self.lanes)])
            total = builder.add(total, steps, flags=("nsw",))
        for name, factor in i.terms.items():
            if name not in known:
                times = in_all_lanes(I64(factor), self.lanes)
                value = builder.mul(name[1], times, flags=("nsw",))  # type: ignore[index]
                total = builder.add(total, value, flags=("nsw",))
        return total

    def step(self, i: Affine) -> int:
        """How an index changes from one lane to the next, as far as counters go."""
        return i.terms.get(self.writer.last, 0) if self.lanes > 1 else 0

    def is_plain(self, i: Affine) -> bool:
        """Whether an index is made of counters alone."""
        return all(isinstance(name, int) for name in i.terms)

    def place(self, pointer: Any, offset: Affine, kind: Any) -> Any:
        """The address of an element: that of the first lane, if there are several."""
        return self.e.builder.gep(pointer, [self.number(offset)], source_etype=kind)

    def load(self, pointer: Any, dtype: DType, offset: Affine) -> Scalar:
        builder = self.e.builder
        kind = memory_type(dtype)
        step = self.step(offset)
        if self.lanes == 1 or (step == 0 and self.is_plain(offset)):
            value = self.marked(builder.load(self.place(pointer, offset, kind), typ=kind), pointer)
            value = spread(builder, value, self.lanes)
        elif step == 1 and self.is_plain(offset):
            place = self.place(pointer, offset, kind)
            value = vectors.load(builder, place, kind, self.lanes, self.mask)
        elif step == -1 and self.is_plain(offset):
            place = self.place(pointer, offset + (1 - self.lanes), kind)
            value = vectors.load_reversed(builder, place, kind, self.lanes, self.mask)
        else:
            places = builder.gep(pointer, [self.numbers(offset)], source_etype=kind)
            value = vectors.gather(builder, places, kind, self.lanes, self.mask)
        if dtype.kind == "b":
            zero = in_all_lanes(kind(0), self.lanes)  # any other byte is true, not only 1
            value = builder.icmp_unsigned("!=", value, zero)
        return Scalar(value, dtype)

    def store(self, pointer: Any, offset: Affine, x: Scalar) -> None:
        builder = self.e.builder
        kind = memory_type(x.dtype)
        value = x.value
        if x.dtype.kind == "b":
            value = builder.zext(value, lanes_type(kind, self.lanes))
        if self.lanes > 1 and (self.step(offset) != 1 or not self.is_plain(offset)):
            raise OneByOne
        place = self.place(pointer, offset, kind)
        if self.lanes == 1:
            self.marked(builder.store(value, place), pointer)
        else:
            vectors.store(builder, place, kind, value, self.mask)

    def marked(self, access: Any, pointer: Any) -> Any:
        """A load or store, with what the kernel knows of the buffer that begins at `pointer`."""
        for name, mark in (self.writer.marks.get(pointer) or {}).items():
            access.set_metadata(name, mark)
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
        value = self.numbers(i)
        above = self.e.builder.icmp_signed(">=", value, in_all_lanes(I64(low), self.lanes))
        below = self.e.builder.icmp_signed("<", value, in_all_lanes(I64(high), self.lanes))
        return Scalar(self.e.builder.and_(above, below), np.dtype(bool))

    def bounds(self, i: Affine) -> tuple[int | None, int | None]:
        """The least and the largest value of an index in the part being written."""
        least = most = i.constant
        for name, factor in i.terms.items():
            if not isinstance(name, int):
                return None, None
            counter = self.counters[name]
            ends = sorted((counter.low * factor, (counter.high - 1) * factor))
            least, most = least + ends[0], most + ends[1]
        return least, most

    def cut(self, i: Affine, low: int, high: int) -> None:
        """Ask for the loop to be cut where the index gets to `low` or `high`."""
        for place in (low, high):
            self.cut_at(i, (place,), apart=False)

    def edges(self, i: Affine, places: Sequence[int]) -> None:
        self.cut_at(i, places, apart=True)

    def cut_at(self, i: Affine, places: Sequence[int], apart: bool) -> None:
        """Ask for the loop to be cut at places, if the index is one counter plus a constant."""
        if len(i.terms) != 1:
            return
        ((axis, factor),) = i.terms.items()
        if abs(factor) != 1 or not isinstance(axis, int):
            return
        counter = self.counters[axis]
        points = [p - i.constant if factor > 0 else i.constant - p + 1 for p in places]
        inner = [p for p in points if counter.low < p < counter.high]
        if inner and self.writer.may_cut(axis, len(inner), apart):
            raise Cut(axis, inner)

    def counter(self, scalar: Scalar) -> Affine:
        wide = self.e.convert(scalar, np.dtype(np.int64))
        return Affine(0, {("value", wide.value): 1})

    def check(self, condition: Scalar) -> None:
        builder, slot = self.e.builder, self.writer.failure(self.e.builder)
        failed = builder.not_(condition.value)
        if self.mask is not None:
            failed = builder.and_(failed, self.mask)
        failed = in_any_lane(builder, failed, self.lanes)
        builder.store(builder.or_(builder.load(slot, typ=BIT), failed), slot)

    def scalar(self, i: Affine) -> Scalar:
        return Scalar(self.numbers(i), np.dtype(np.int64))

    def clamped(self, i: Affine, size: int) -> Affine:
        least, most = self.bounds(i)
        if least is not None and most is not None and least >= 0 and most < size:
            return i
        return self.counter(self.e.minimum(self.e.maximum(self.scalar(i), 0), size - 1))


class Given:
    """The loops of an outlined function: its inputs are its arguments."""

    def __init__(self, emitter: LLVMEmitter, given: dict[Node, Scalar]) -> None:
        self.e = emitter
        self.given = given

    def read(self, x: Node, index: Index) -> Scalar:
        return self.given[x]
