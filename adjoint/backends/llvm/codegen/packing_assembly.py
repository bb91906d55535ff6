"""Packing as assembly: what `product_packing` writes, with zeros in lanes behind the last column.

Floor 6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adjoint.backends.llvm.codegen.assembly import I8, Operands, Registers
from adjoint.backends.llvm.codegen.loops import I64, element_address, loop
from adjoint.backends.llvm.codegen.product_packing import smaller
from adjoint.backends.llvm.codegen.product_tile import Columns


def pack(
    builder: Any,
    registers: Registers,
    columns: Columns,
    source: Any,
    stride: Any,
    depth: Any,
    to: Any,
) -> None:
    """Copy rows of b that begin at `source`, `stride` bytes apart, for so much depth."""
    given = {"stride": stride}
    is_partial = columns.active < columns.lanes
    if is_partial:
        given["mask"] = registers.mask_of(builder, I64(columns.active))
    operands = Operands({"source": source, "to": to, "depth": depth}, given)

    def lines() -> Iterator[str]:
        if is_partial:
            yield from registers.ready(operands["mask"])
        yield from (".p2align 4", "1:")
        for v, register in enumerate(registers.named(0, columns.width)):
            place = f"{v * registers.bytes}"
            at = f"{place}({operands['source']})"
            if is_partial and v == columns.width - 1:
                yield from registers.load_first(at, register, operands["mask"])
            else:
                yield f"vmovu{registers.packed} {at}, {register}"
            yield f"vmovu{registers.packed} {register}, {place}({operands['to']})"
        yield f"addq {operands['stride']}, {operands['source']}"
        yield f"addq $${columns.width * registers.bytes}, {operands['to']}"
        yield from (f"subq $$1, {operands['depth']}", "jne 1b")

    operands.write(builder, registers, list(lines()))


def pack_transposed(
    builder: Any,
    registers: Registers,
    columns: Columns,
    source: Any,
    stride: Any,
    depth: Any,
    to: Any,
) -> None:
    """The same where `source` is the first of the columns, which lie `stride` bytes apart.

    Up to `lanes - 1` rows of zeros are written behind the last.
    """
    lanes, row_bytes = columns.lanes, columns.width * registers.bytes
    whole = columns.width - (columns.active < lanes)
    with loop(builder, I64(0), depth, lanes, unroll=False) as k:
        left = smaller(builder, builder.sub(depth, k), I64(lanes))
        mask = registers.mask_of(builder, left)
        first = element_address(builder, source, builder.mul(k, I64(registers.itemsize)), I8)
        target = element_address(builder, to, builder.mul(k, I64(row_bytes)), I8)

        def square(v: Any, count: int, first: Any, target: Any, mask: Any) -> None:
            column = builder.mul(builder.mul(v, I64(lanes)), stride)
            given = {
                "to": element_address(builder, target, builder.mul(v, I64(registers.bytes)), I8),
                "stride": stride,
                "mask": mask,
            }
            operands = Operands({"column": element_address(builder, first, column, I8)}, given)
            lines = list(_square(registers, operands, count, row_bytes))
            operands.write(builder, registers, lines)

        if whole:
            with loop(builder, I64(0), I64(whole), unroll=False) as v:
                square(v, lanes, first, target, mask)
        if whole < columns.width:
            square(I64(whole), columns.active, first, target, mask)


def _square(registers: Registers, operands: Operands, count: int, row_bytes: int) -> Iterator[str]:
    """As many columns as a register has lanes, of which so many are read, written as rows."""
    lanes, column = registers.lanes, operands["column"]
    given, others = registers.named(0, lanes), registers.named(lanes, 2 * lanes)
    yield from registers.ready(operands["mask"])
    for register in given[:count]:
        yield from registers.load_first(f"({column})", register, operands["mask"])
        yield f"addq {operands['stride']}, {column}"
    yield from registers.zeros(given[count:])
    for distance, low, high in _exchanges(registers):
        yield from _exchanged(given, others, distance, low, high)
        given, others = others, given
    for row in range(lanes):
        # within 16 bytes neighbours of neighbours come first
        place = row & ~3 | (row & 1) << 1 | (row & 2) >> 1 if registers.itemsize == 4 else row
        yield f"vmovu{registers.packed} {given[place]}, {row * row_bytes}({operands['to']})"


def _exchanges(registers: Registers) -> Iterator[tuple[int, str, str]]:
    """The steps that transpose a square: which registers exchange parts, and the instructions for
    what the first of two becomes, and the second."""
    distance = 1
    for kind in ("ps", "pd")[registers.itemsize == 8 :]:
        yield distance, f"vunpckl{kind}", f"vunpckh{kind}"
        distance *= 2
    while distance < registers.lanes:
        if registers.is_widest:
            yield distance, "vshuff64x2 $$0x88,", "vshuff64x2 $$0xdd,"
        else:
            yield distance, "vperm2f128 $$0x20,", "vperm2f128 $$0x31,"
        distance *= 2


def _exchanged(
    given: Sequence[str], to: Sequence[str], distance: int, low: str, high: str
) -> Iterator[str]:
    """One step, from one half of the registers to the other."""
    for first in range(len(given)):
        if not first & distance:
            second = first + distance
            x, y = given[first], given[second]
            yield from (f"{low} {y}, {x}, {to[first]}", f"{high} {y}, {x}, {to[second]}")
