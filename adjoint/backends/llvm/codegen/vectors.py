"""Vectors: how wide they are, how they are read and written, and how their lanes are reduced."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.loops import combined
from adjoint.backends.llvm.codegen.registers import (
    Scalar,
    Vector,
    lane_numbers,
    scalar_in,
    splat,
    splat_constant,
    vector_type,
)
from adjoint.backends.llvm.compile import jit

I32, I64, POINTER = ir.IntType(32), ir.IntType(64), ir.PointerType()
STACK_ALIGNMENT = 16
"""Bytes to which the stack is aligned where a function begins."""


@cache
def register_bytes() -> int:
    """The bytes of a vector register of this processor, or 0 if the lanes of one cannot be masked.

    Where they can (AVX-512; AVX2 for lanes of four bytes and more) the tail of a loop is one more
    iteration, and short loops are a single one. Without masks a tail would be scalar code with a
    copy of the body, so there the loops are left to LLVM's vectoriser.
    """
    features = set(jit.host()[2].split(","))
    if {"+avx512bw", "+avx512dq", "+avx512vl"} <= features:
        return 64
    return 32 if {"+avx2", "+fma"} <= features else 0


FEW_NODES = 8
"""What computes so many nodes seldom needs more vectors than there are registers."""


def align_stack(function: Any, nodes: int) -> None:
    """Have vectors that lack a register lie on the stack within one cache line each.

    LLVM promises 16 bytes; where the stack happened to begin elsewhere, every second access or all
    of them touched two lines, and a kernel with many vectors took up to a third longer.
    """
    if nodes > FEW_NODES and register_bytes() > STACK_ALIGNMENT:
        function.attributes.add("nounwind")  # llvmlite writes no alignment that stands alone
        function.attributes.alignstack = register_bytes()


def lanes_for(itemsize: int) -> int:
    """How many values of so many bytes are worked on at once; 1 if vectors are left to LLVM."""
    narrowest = 4 if register_bytes() == 32 else 1  # AVX2 masks no lanes of one or two bytes
    return 1 if itemsize < narrowest else max(1, register_bytes() // itemsize)


def load(builder: Any, address: Any, kind: Any, lanes: int, mask: Any) -> Any:
    """As many values as there are lanes, neighbours in memory; zeros where `mask` is unset.

    Rows begin anywhere, so no more than the alignment of one value is promised to LLVM: on these
    processors an unaligned load of aligned memory is as fast as an aligned one.
    """
    vector = vector_type(kind, lanes)
    if mask is None:
        return builder.load(address, typ=vector, align=_bytes(kind))
    zeros = ir.FormattedConstant(vector, "zeroinitializer")
    signature = ir.FunctionType(vector, [POINTER, I32, mask.type, vector])
    function = _masked(builder, "load", vector, signature)
    return builder.call(function, [address, I32(_bytes(kind)), mask, zeros])


def load_reversed(builder: Any, address: Any, kind: Any, lanes: int, mask: Any) -> Any:
    """What `load` answers, the last value in the first lane; `mask` is about the lanes."""
    order = lane_numbers(*reversed(range(lanes)))
    if mask is not None:
        mask = builder.shuffle_vector(mask, mask, order)
    value = load(builder, address, kind, lanes, mask)
    return builder.shuffle_vector(value, value, order)


def gather(builder: Any, addresses: Any, kind: Any, lanes: int, mask: Any) -> Any:
    """The values at the addresses that the lanes hold; zeros where `mask` is unset."""
    vector = vector_type(kind, lanes)
    addresses.type = vector_type(POINTER, lanes)
    zeros = ir.FormattedConstant(vector, "zeroinitializer")
    if mask is None:
        mask = splat_constant(ir.IntType(1)(1), lanes)
    name = f"llvm.masked.gather.{vector.intrinsic_name}.v{lanes}p0"
    signature = ir.FunctionType(vector, [addresses.type, I32, mask.type, vector])
    function = builder.module.globals.get(name) or ir.Function(builder.module, signature, name)
    return builder.call(function, [addresses, I32(_bytes(kind)), mask, zeros])


def scatter(builder: Any, addresses: Any, kind: Any, value: Any, mask: Any) -> None:
    """Write the lanes that `mask` has to the addresses that lanes hold, no two of them equal."""
    vector = vector_type(kind, value.type.count)
    addresses.type = vector_type(POINTER, value.type.count)
    if mask is None:
        mask = splat_constant(ir.IntType(1)(1), value.type.count)
    name = f"llvm.masked.scatter.{vector.intrinsic_name}.v{value.type.count}p0"
    signature = ir.FunctionType(ir.VoidType(), [vector, addresses.type, I32, mask.type])
    function = builder.module.globals.get(name) or ir.Function(builder.module, signature, name)
    builder.call(function, [value, addresses, I32(_bytes(kind)), mask])


def store(builder: Any, address: Any, kind: Any, value: Any, mask: Any) -> None:
    """Write the lanes to neighbouring elements, those that `mask` has.

    If it is known how many these are, they are written by stores without a mask. LLVM 22 turns a
    masked store of which it knows that one lane is active into a scalar store, but gives that the
    type which the value had before it was truncated: up to 7 bytes behind the lane are overwritten.
    """
    if mask is None:
        builder.store(value, address, align=_bytes(kind))
        return
    if isinstance(mask, ir.Constant):
        _store_first(builder, address, kind, value, sum(bit.constant for bit in mask.constant))
        return
    vector = vector_type(kind, value.type.count)
    signature = ir.FunctionType(ir.VoidType(), [vector, POINTER, I32, mask.type])
    function = _masked(builder, "store", vector, signature)
    builder.call(function, [value, address, I32(_bytes(kind)), mask])


def _store_first(builder: Any, address: Any, kind: Any, value: Any, count: int) -> None:
    """Write the first `count` lanes, in parts of 1, 2, 4 … lanes, the largest first."""
    first = 0
    while first < count:
        lanes = 1 << (count - first).bit_length() - 1
        if lanes == 1:
            part = builder.extract_element(value, I32(first))
        else:
            picks = lane_numbers(*range(first, first + lanes))
            part = builder.shuffle_vector(value, value, picks)
        there = builder.gep(address, [I64(first)], source_etype=kind) if first else address
        builder.store(part, there, align=_bytes(kind))
        first += lanes


def _masked(builder: Any, word: str, vector: Vector, signature: Any) -> Any:
    name = f"llvm.masked.{word}.{vector.intrinsic_name}.p0"
    found = builder.module.globals.get(name)
    return found or ir.Function(builder.module, signature, name)


def _bytes(kind: Any) -> int:
    """The size of a value in memory, and its alignment."""
    return {"half": 2, "float": 4, "double": 8}.get(str(kind)) or kind.width // 8


def first_lanes(builder: Any, count: Any, lanes: int) -> Any:
    """The mask in which the first `count` lanes are active."""
    if isinstance(count, int):
        bits = [int(lane < count) for lane in range(lanes)]
        return ir.Constant(Vector(ir.IntType(1), lanes), bits)
    numbers = lane_numbers(*range(lanes))
    limit = splat(builder, builder.trunc(count, I32), lanes)
    return builder.icmp_unsigned("<", numbers, limit)


def reduce_lanes(e: LLVMEmitter, word: str, x: Scalar, lanes: int) -> Scalar:
    """The lanes of `x` combined into one number: halves with halves, always in this order, so that
    a result has the same bits on each call."""
    builder = e.builder
    while lanes > 2:
        lanes //= 2
        halves = [
            [builder.shuffle_vector(r, r, lane_numbers(*picks)) for r in x.registers]
            for picks in (range(lanes), range(lanes, 2 * lanes))
        ]
        x = combined(replace(e, lanes=lanes), word, *(scalar_in(half, x.dtype) for half in halves))
    ends = [[builder.extract_element(r, I32(i)) for r in x.registers] for i in range(2)]
    return combined(e, word, *(scalar_in(end, x.dtype) for end in ends))
