"""The innermost place of a kernel: the elements of its nodes at the loop counters.

Elements are pulled: a root asks its operation's `lower` rule for the element at the loop counters,
the rule reads elements of the inputs, and these are loaded if stored or computed the same way.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.emitter import LLVMEmitter, Scalar, llvm_type
from adjoint.backends.llvm.loop import BIT, I64, memory_type
from adjoint.graph.loops import ZERO, Affine, Index, broadcast_index
from adjoint.graph.node import Node
from adjoint.graph.types import DType, Shape
from adjoint.schedule.fuse import own_cost
from adjoint.schedule.plan import Kernel


class Writer(Protocol):
    """What the elements ask of the kernel that is being written."""

    kernel: Kernel
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
    """Implements `adjoint.graph.loops.Loops` at one place in the loops of a kernel."""

    def __init__(self, writer: Writer, emitter: LLVMEmitter, counters: list[Counter]) -> None:
        self.writer = writer
        self.e = emitter
        self.counters = counters
        self.known: dict[tuple[Node, Hashable], Scalar] = {}

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
            return self.load(writer.pointers[x], x.dtype, self.offset(x.shape, index))
        if x.op.name == "constant":
            return self.e.constant(np.asarray(x.value).item(), x.dtype)
        return self.computed(x, index)

    def computed(self, x: Node, index: Index) -> Scalar:
        if self.writer.outlines and own_cost(x) > 1 and x.op.pointwise:
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
        if self.writer.flat and shape == self.writer.kernel.domain:
            return index[0]
        total = ZERO
        stride = 1
        for size, i in zip(reversed(shape), reversed(index), strict=True):
            if size != 1:
                total = total + i * stride
            stride *= size
        return total

    def number(self, i: Affine) -> Any:
        """An index as an LLVM integer."""
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

    def load(self, pointer: Any, dtype: DType, offset: Affine) -> Scalar:
        builder = self.e.builder
        kind = memory_type(dtype)
        place = builder.gep(pointer, [self.number(offset)], source_etype=kind)
        value = self.marked(builder.load(place, typ=kind), pointer)
        if dtype.kind == "b":
            value = builder.trunc(value, ir.IntType(1))
        return Scalar(value, dtype)

    def store(self, pointer: Any, offset: Affine, x: Scalar) -> None:
        builder = self.e.builder
        kind = memory_type(x.dtype)
        value = builder.zext(x.value, kind) if x.dtype.kind == "b" else x.value
        place = builder.gep(pointer, [self.number(offset)], source_etype=kind)
        self.marked(builder.store(value, place), pointer)

    def marked(self, access: Any, pointer: Any) -> Any:
        """A load or store, with what the kernel knows of the buffer that begins at `pointer`."""
        for name, mark in (self.writer.marks.get(pointer) or {}).items():
            access.set_metadata(name, mark)
        return access

    def inside(self, i: Affine, low: int, high: int) -> Any:
        least, most = self.bounds(i)
        if least is not None and most is not None:
            if least >= low and most < high:
                return True
            if most < low or least >= high:
                return False
            self.cut(i, low, high)
        value = self.number(i)
        above = self.e.builder.icmp_signed(">=", value, I64(low))
        below = self.e.builder.icmp_signed("<", value, I64(high))
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
        failed = builder.or_(builder.load(slot, typ=BIT), builder.not_(condition.value))
        builder.store(failed, slot)

    def scalar(self, i: Affine) -> Scalar:
        return Scalar(self.number(i), np.dtype(np.int64))

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
