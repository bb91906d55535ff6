"""Whole results in memory: copied, set to where a fold starts, and partial ones folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter, Scalar, in_all_lanes, lanes_type
from adjoint.backends.llvm.codegen.loops import (
    I64,
    POINTER,
    combined,
    extern,
    loop,
    memory_type,
    start_of,
)
from adjoint.graph.node import Node
from adjoint.graph.types import size_of

WIDE = 64
"""Bytes that are gone over at once."""


def fill(builder: Any, root: Node, place: Any) -> None:
    """Set a result that is added to in memory to where the fold starts."""
    start = start_of(LLVMEmitter(builder), root)
    kind = memory_type(root.dtype)
    if str(start.value.constant) in ("0", "0.0"):
        zero = extern(builder.module, "memset", POINTER, [POINTER, ir.IntType(32), I64])
        size = size_of(root.shape) * root.dtype.itemsize
        builder.call(zero, [place, ir.IntType(32)(0), I64(size)])
        return

    def write(i: Any, lanes: int) -> None:
        value = in_all_lanes(ir.Constant(kind, start.value.constant), lanes)
        vectors.store(builder, builder.gep(place, [i], source_etype=kind), kind, value, None)

    sweep(builder, root, write)


def copied(builder: Any, node: Node, place: Any, source: Any) -> None:
    """Copy a result. Of bools that were given from outside any other byte than 0 becomes 1."""
    if node.dtype.kind != "b":
        copy = extern(builder.module, "memcpy", POINTER, [POINTER, POINTER, I64])
        size = size_of(node.shape) * node.dtype.itemsize
        builder.call(copy, [place, source, I64(size)])
        return
    kind = memory_type(node.dtype)

    def write(i: Any, lanes: int) -> None:
        ends = [builder.gep(p, [i], source_etype=kind) for p in (place, source)]
        given = vectors.load(builder, ends[1], kind, lanes, None)
        true = builder.icmp_unsigned("!=", given, in_all_lanes(kind(0), lanes))
        value = builder.zext(true, lanes_type(kind, lanes))
        vectors.store(builder, ends[0], kind, value, None)

    sweep(builder, node, write)


def combined_in_memory(builder: Any, root: Node, place: Any, source: Any) -> None:
    """Fold a partial result into the result, element by element."""
    kind = memory_type(root.dtype)
    word = "add" if root.op.scatters else root.op.combine

    def write(i: Any, lanes: int) -> None:
        emitter = LLVMEmitter(builder, lanes=lanes)
        ends = [builder.gep(p, [i], source_etype=kind) for p in (place, source)]
        values = [vectors.load(builder, end, kind, lanes, None) for end in ends]
        if root.dtype.kind == "b":
            values = [builder.trunc(value, emitter.kind(root.dtype)) for value in values]
        old, new = (Scalar(value, root.dtype) for value in values)
        value = combined(emitter, word, old, new).value
        if root.dtype.kind == "b":
            value = builder.zext(value, lanes_type(kind, lanes))
        vectors.store(builder, ends[0], kind, value, None)

    sweep(builder, root, write)


def sweep(builder: Any, root: Node, write: Callable[[Any, int], None]) -> None:
    """Loops that write all elements of a result: vectors of them, then those left one by one."""
    size, wide = size_of(root.shape), WIDE // root.dtype.itemsize
    for lanes, low, high in ((wide, 0, size - size % wide), (1, size - size % wide, size)):
        if low < high:
            with loop(builder, I64(low), I64(high), lanes) as i:
                write(i, lanes)
