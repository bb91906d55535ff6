"""The accumulator of one reduction: what was combined so far, one partial result per lane."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.loops import MAX_FULL_UNROLL, alloca, combined, start_of
from adjoint.backends.llvm.codegen.ordered_bits import from_ordered, ordered_dtype, to_ordered
from adjoint.backends.llvm.codegen.registers import Scalar, scalar_in
from adjoint.graph.node import Node
from adjoint.graph.types import DType


class Accumulator:
    """A stack slot for each register, set to where the reduction starts. LLVM makes a register of
    it.

    Maxima and minima of floats are combined as ordered bits, unless there are so few `elements`
    that the loop is unrolled: rows of 4 are as fast without, rows of 12 take twice the time.
    """

    def __init__(self, builder: Any, root: Node, elements: int, lanes: int) -> None:
        self.root = root
        self.lanes = lanes
        ordered = ordered_dtype(root) if elements > MAX_FULL_UNROLL else None
        self.is_ordered = ordered is not None
        self.dtype: DType = ordered or root.dtype
        emitter = LLVMEmitter(builder, lanes=lanes)
        self.kind = emitter.kind(self.dtype)
        self.slots = [alloca(builder, self.kind) for _ in range(1 + (self.dtype.kind == "c"))]
        self.store(builder, self.encoded(emitter, start_of(emitter, root)))

    def load(self, builder: Any) -> Scalar:
        """What was accumulated so far."""
        return scalar_in([builder.load(slot, typ=self.kind) for slot in self.slots], self.dtype)

    def store(self, builder: Any, x: Scalar) -> None:
        """Replace what was accumulated."""
        for register, slot in zip(x.registers, self.slots, strict=True):
            builder.store(register, slot)

    def encoded(self, e: LLVMEmitter, x: Scalar) -> Scalar:
        """An element as it is combined."""
        if not self.is_ordered:
            return x
        return to_ordered(e, x, self.dtype, str(self.root.op.combine))

    def add(self, e: LLVMEmitter, x: Scalar, mask: Any) -> None:
        """Combine an element with what was accumulated; lanes not in `mask` stay as they are."""
        x = self.encoded(e, x)
        old = self.load(e.builder)
        new = combined(e, self.root.op.combine, old, x)
        if mask is not None:
            new = e.select(Scalar(mask, np.dtype(bool)), new, old)
        self.store(e.builder, new)

    def result(self, e: LLVMEmitter, across_lanes: bool) -> Scalar:
        """The result of the reduction, or one per lane where lanes are elements of the result."""
        value = self.load(e.builder)
        if across_lanes:
            value = vectors.reduce_lanes(e, str(self.root.op.combine), value, self.lanes)
        return from_ordered(e, value, self.root.dtype) if self.is_ordered else value
