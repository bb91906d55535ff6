"""Vectors: how wide they are, how they are read and written, and how their lanes are folded."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.emitter import (
    LLVMEmitter,
    Scalar,
    Vector,
    in_all_lanes,
    lanes_type,
    spread,
)
from adjoint.backends.llvm.codegen.loops import combined
from adjoint.backends.llvm.compile import jit

I32, I64, POINTER = ir.IntType(32), ir.IntType(64), ir.PointerType()


@cache
def width() -> int:
    """The bytes of a vector register of this processor, or 0 if the lanes of one cannot be masked.

    Where they can (AVX-512; AVX2 for lanes of four bytes and more) the rest of a loop is one more
    round, and short loops are a single one.
    """
    features = set(jit.host()[2].split(","))
    if {"+avx512bw", "+avx512dq", "+avx512vl"} <= features:
        return 64
    return 32 if {"+avx2", "+fma"} <= features else 0


def lanes_for(itemsize: int) -> int:
    """How many values of so many bytes are worked on at once; 1 if vectors are left to LLVM."""
    return 1 if itemsize < (4 if width() == 32 else 1) else max(1, width() // itemsize)


def load(builder: Any, place: Any, kind: Any, lanes: int, mask: Any) -> Any:
    """As many values as there are lanes, from neighbouring places; zeros where `mask` is unset."""
    vector = lanes_type(kind, lanes)
    if mask is None:
        return builder.load(place, typ=vector, align=_bytes(kind))
    zeros = ir.FormattedConstant(vector, "zeroinitializer")
    signature = ir.FunctionType(vector, [POINTER, I32, mask.type, vector])
    function = _masked(builder, "load", vector, signature)
    return builder.call(function, [place, I32(_bytes(kind)), mask, zeros])


def load_reversed(builder: Any, place: Any, kind: Any, lanes: int, mask: Any) -> Any:
    """What `load` answers, the last place in the first lane; `mask` is about the lanes."""
    order = ir.Constant(Vector(I32, lanes), list(reversed(range(lanes))))
    if mask is not None:
        mask = builder.shuffle_vector(mask, mask, order)
    value = load(builder, place, kind, lanes, mask)
    return builder.shuffle_vector(value, value, order)


def gather(builder: Any, places: Any, kind: Any, lanes: int, mask: Any) -> Any:
    """The values at the places that the lanes name; zeros where `mask` is unset."""
    vector = Vector(kind, lanes)
    places.type = Vector(POINTER, lanes)
    zeros = ir.FormattedConstant(vector, "zeroinitializer")
    if mask is None:
        mask = in_all_lanes(ir.IntType(1)(1), lanes)
    name = f"llvm.masked.gather.{vector.intrinsic_name}.v{lanes}p0"
    signature = ir.FunctionType(vector, [places.type, I32, mask.type, vector])
    function = builder.module.globals.get(name) or ir.Function(builder.module, signature, name)
    return builder.call(function, [places, I32(_bytes(kind)), mask, zeros])


def store(builder: Any, place: Any, kind: Any, value: Any, mask: Any) -> None:
    """Write the lanes to neighbouring places, those that `mask` has.

    If it is known how many these are, they are written by stores without a mask. LLVM makes a
    store of one lane out of a masked one of which it knows that, and to that end takes the type
    that the value had before it was truncated: what lies behind the lane is overwritten.
    """
    if mask is None:
        builder.store(value, place, align=_bytes(kind))
        return
    if isinstance(mask, ir.Constant):
        _store_first(builder, place, kind, value, sum(bit.constant for bit in mask.constant))
        return
    vector = Vector(kind, value.type.count)
    signature = ir.FunctionType(ir.VoidType(), [vector, POINTER, I32, mask.type])
    function = _masked(builder, "store", vector, signature)
    builder.call(function, [value, place, I32(_bytes(kind)), mask])


def _store_first(builder: Any, place: Any, kind: Any, value: Any, count: int) -> None:
    """Write the first `count` lanes, in parts of 1, 2, 4 … lanes, the largest first."""
    first = 0
    while first < count:
        lanes = 1 << (count - first).bit_length() - 1
        if lanes == 1:
            part = builder.extract_element(value, I32(first))
        else:
            picks = ir.Constant(Vector(I32, lanes), list(range(first, first + lanes)))
            part = builder.shuffle_vector(value, value, picks)
        there = builder.gep(place, [I64(first)], source_etype=kind) if first else place
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
    """The mask of the first `count` lanes."""
    if isinstance(count, int):
        bits = [int(lane < count) for lane in range(lanes)]
        return ir.Constant(Vector(ir.IntType(1), lanes), bits)
    numbers = ir.Constant(Vector(I32, lanes), list(range(lanes)))
    limit = spread(builder, builder.trunc(count, I32), lanes)
    return builder.icmp_unsigned("<", numbers, limit)


def folded(e: LLVMEmitter, word: str, x: Scalar, lanes: int) -> Scalar:
    """The lanes of `x` combined into one number: halves with halves, always in this order."""
    builder = e.builder
    while lanes > 2:
        lanes //= 2
        halves = [
            builder.shuffle_vector(x.value, x.value, ir.Constant(Vector(I32, lanes), list(picks)))
            for picks in (range(lanes), range(lanes, 2 * lanes))
        ]
        x = combined(replace(e, lanes=lanes), word, *(Scalar(half, x.dtype) for half in halves))
    ends = [Scalar(builder.extract_element(x.value, I32(i)), x.dtype) for i in range(2)]
    return combined(e, word, *ends)
