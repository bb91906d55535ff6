"""Complex numbers in memory: the real part, and behind it the imaginary part.

Floor 6. In registers the parts are apart. Where lanes are neighbours, twice as many numbers are
read or written at once, and shuffles take them apart or bring them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.registers import (
    Scalar,
    lane_numbers,
    llvm_type,
    pair_type,
    scalar_in,
    splat,
    vector_type,
)
from adjoint.graph.loop_form import Affine
from adjoint.graph.types import DType, to_real

I64 = ir.IntType(64)


class Point(Protocol):
    """What is asked of the writer of elements."""

    e: LLVMEmitter
    lanes: int
    mask: Any

    def step(self, i: Affine) -> int: ...
    def has_counters_only(self, i: Affine) -> bool: ...
    def address(self, pointer: Any, offset: Affine, kind: Any) -> Any: ...
    def integers(self, i: Affine) -> Any: ...
    def with_alias_metadata(self, access: Any, pointer: Any) -> Any: ...


def load(at: Point, pointer: Any, dtype: DType, offset: Affine) -> Scalar:
    """An element, or one per lane, as `ElementWriter.load` has it."""
    builder, counters_only = at.e.builder, at.has_counters_only(offset)
    part, step = llvm_type(to_real(dtype)), at.step(offset)
    whole = pair_type(part)
    if at.lanes == 1 or (step == 0 and counters_only):
        places = part_addresses(builder, at.address(pointer, offset, whole), part)
        loads = [builder.load(place, typ=part) for place in places]
        parts = [splat(builder, at.with_alias_metadata(x, pointer), at.lanes) for x in loads]
    elif abs(step) == 1 and counters_only:
        first = offset if step == 1 else offset + (1 - at.lanes)
        address = at.address(pointer, first, whole)
        parts = load_neighbours(builder, address, part, at.lanes, at.mask, reverse=step < 0)
    else:
        addresses = builder.gep(pointer, [at.integers(offset)], source_etype=whole)
        parts = gather(builder, addresses, part, at.lanes, at.mask)
    return scalar_in(parts, dtype)


def store(at: Point, pointer: Any, address: Any, x: Scalar) -> None:
    """Write an element, or the active lanes to neighbouring elements."""
    builder, part = at.e.builder, llvm_type(to_real(x.dtype))
    if at.lanes > 1:
        store_neighbours(builder, address, part, x.registers, at.lanes, at.mask)
        return
    places = part_addresses(builder, address, part)
    for value, place in zip(x.registers, places, strict=True):
        at.with_alias_metadata(builder.store(value, place), pointer)


def part_addresses(builder: Any, address: Any, kind: Any) -> list[Any]:
    """Where the parts lie of the number at an address."""
    return [address, builder.gep(address, [I64(1)], source_etype=kind)]


def load_neighbours(
    builder: Any, address: Any, kind: Any, lanes: int, mask: Any, reverse: bool = False
) -> list[Any]:
    """The parts of as many numbers as there are lanes, the last one first if `reverse`."""
    if lanes == 1:
        return [builder.load(at, typ=kind) for at in part_addresses(builder, address, kind)]
    order = range(lanes)[::-1] if reverse else range(lanes)
    if mask is not None:
        mask = doubled_mask(builder, mask, order)
    both = vectors.load(builder, address, kind, 2 * lanes, mask)
    return [
        builder.shuffle_vector(both, both, lane_numbers(*[2 * i + part for i in order]))
        for part in range(2)
    ]


def gather(builder: Any, addresses: Any, kind: Any, lanes: int, mask: Any) -> list[Any]:
    """The parts of the numbers at the addresses that the lanes hold."""
    addresses.type = vector_type(vectors.POINTER, lanes)
    behind = builder.gep(addresses, [I64(1)], source_etype=kind)
    return [vectors.gather(builder, place, kind, lanes, mask) for place in (addresses, behind)]


def store_neighbours(
    builder: Any, address: Any, kind: Any, parts: Sequence[Any], lanes: int, mask: Any
) -> None:
    """Write the lanes to neighbouring elements, those that `mask` has."""
    if lanes == 1:
        for value, at in zip(parts, part_addresses(builder, address, kind), strict=True):
            builder.store(value, at)
        return
    real, imag = parts
    picks = [part * lanes + i for i in range(lanes) for part in range(2)]
    both = builder.shuffle_vector(real, imag, lane_numbers(*picks))
    both.type = vector_type(kind, 2 * lanes)
    if mask is not None:
        mask = doubled_mask(builder, mask, range(lanes))
    vectors.store(builder, address, kind, both, mask)


def doubled_mask(builder: Any, mask: Any, order: Sequence[int]) -> Any:
    """The mask of lanes, in an order, as one of the parts of neighbours."""
    if isinstance(mask, ir.Constant):
        bits = [mask.constant[i] for i in order for _ in range(2)]
        return ir.Constant(vector_type(ir.IntType(1), len(bits)), bits)
    wide = builder.shuffle_vector(mask, mask, lane_numbers(*[i for i in order for _ in range(2)]))
    wide.type = vector_type(ir.IntType(1), 2 * len(order))
    return wide
