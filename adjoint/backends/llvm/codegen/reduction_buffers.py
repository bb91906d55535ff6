"""Loops over whole buffers: set to where a reduction starts, combined with another, copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.complex_memory import load_neighbours, store_neighbours
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.loops import (
    I64,
    POINTER,
    combined,
    extern,
    loop,
    memory_type,
    start_of,
)
from adjoint.backends.llvm.codegen.registers import (
    Scalar,
    llvm_type,
    scalar_in,
    splat_constant,
    vector_type,
)
from adjoint.graph.node import Node
from adjoint.graph.types import DType, size_of, to_real

VECTOR_BYTES = 64
"""Bytes per iteration: a cache line, and the widest vector register there is. Where registers are
narrower LLVM splits the vector."""


def initialize(builder: Any, root: Node, address: Any) -> None:
    """Set a result that is accumulated in memory to where its reduction starts."""
    start = start_of(LLVMEmitter(builder), root)
    kind = memory_type(root.dtype)
    if all(str(r.constant) in ("0", "0.0") for r in start.registers):  # not -0.0, which has a bit
        zero = extern(builder.module, "memset", POINTER, [POINTER, ir.IntType(32), I64])
        size = size_of(root.shape) * root.dtype.itemsize
        builder.call(zero, [address, ir.IntType(32)(0), I64(size)])
        return

    def write(i: Any, lanes: int) -> None:
        own = LLVMEmitter(builder, lanes=lanes)
        store(own, builder.gep(address, [i], source_etype=kind), start_of(own, root))

    for_each_vector(builder, root, write)


def copy_buffer(builder: Any, node: Node, target: Any, source: Any) -> None:
    """Copy a result. Of bools that were given from outside any other byte than 0 becomes 1."""
    if node.dtype.kind != "b":
        copy = extern(builder.module, "memcpy", POINTER, [POINTER, POINTER, I64])
        size = size_of(node.shape) * node.dtype.itemsize
        builder.call(copy, [target, source, I64(size)])
        return
    kind = memory_type(node.dtype)

    def write(i: Any, lanes: int) -> None:
        ends = [builder.gep(p, [i], source_etype=kind) for p in (target, source)]
        given = vectors.load(builder, ends[1], kind, lanes, None)
        true = builder.icmp_unsigned("!=", given, splat_constant(kind(0), lanes))
        value = builder.zext(true, vector_type(kind, lanes))
        vectors.store(builder, ends[0], kind, value, None)

    for_each_vector(builder, node, write)


def combine_buffers(builder: Any, root: Node, target: Any, source: Any) -> None:
    """Combine a partial result with the result, element by element."""
    kind = memory_type(root.dtype)
    word = "add" if root.op.scatters else root.op.combine

    def write(i: Any, lanes: int) -> None:
        emitter = LLVMEmitter(builder, lanes=lanes)
        ends = [builder.gep(p, [i], source_etype=kind) for p in (target, source)]
        old, new = (load(emitter, end, root.dtype) for end in ends)
        store(emitter, ends[0], combined(emitter, word, old, new))

    for_each_vector(builder, root, write)


def load(e: LLVMEmitter, address: Any, dtype: DType) -> Scalar:
    """As many neighbours in memory as the emitter has lanes."""
    if dtype.kind == "c":
        part = llvm_type(to_real(dtype))
        return scalar_in(load_neighbours(e.builder, address, part, e.lanes, None), dtype)
    value = vectors.load(e.builder, address, memory_type(dtype), e.lanes, None)
    if dtype.kind == "b":
        value = e.builder.trunc(value, e.kind(dtype))
    return Scalar(value, dtype)


def store(e: LLVMEmitter, address: Any, x: Scalar) -> None:
    """Write as many neighbours in memory as the emitter has lanes."""
    if x.dtype.kind == "c":
        store_neighbours(
            e.builder, address, llvm_type(to_real(x.dtype)), x.registers, e.lanes, None
        )
        return
    kind, value = memory_type(x.dtype), x.value
    if x.dtype.kind == "b":
        value = e.builder.zext(value, vector_type(kind, e.lanes))
    vectors.store(e.builder, address, kind, value, None)


def for_each_vector(builder: Any, root: Node, write: Callable[[Any, int], None]) -> None:
    """Loops over all elements of a buffer: vectors of them, then the tail one by one."""
    size, wide = size_of(root.shape), VECTOR_BYTES // root.dtype.itemsize
    for lanes, low, high in ((wide, 0, size - size % wide), (1, size - size % wide, size)):
        if low < high:
            with loop(builder, I64(low), I64(high), lanes) as i:
                write(i, lanes)
