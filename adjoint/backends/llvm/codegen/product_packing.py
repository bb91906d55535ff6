"""Packing: the columns of b that a tile reads, copied to lie one after the other.

A panel holds the vectors of a tile for each depth, so that the tile reads one stretch of memory
from its beginning to its end; lanes behind the last column are zero. Where the rows of b are
stored as columns, squares of as many rows as a vector has lanes are transposed in registers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import I64, loop
from adjoint.backends.llvm.codegen.product_tile import Columns
from adjoint.backends.llvm.codegen.registers import Vector

I32 = ir.IntType(32)


def pack(
    builder: Any, kind: Any, columns: Columns, source: Any, stride: Any, depth: Any, to: Any
) -> None:
    """Copy rows of b that begin at `source`, `stride` numbers apart, for so much depth."""
    width = columns.width * columns.lanes
    with loop(builder, I64(0), depth, unroll=False) as k:
        row = builder.gep(source, [builder.mul(k, stride)], source_etype=kind)
        target = builder.gep(to, [builder.mul(k, I64(width))], source_etype=kind)
        for v in range(columns.width):
            place = [I64(v * columns.lanes)]
            value = vectors.load(
                builder,
                builder.gep(row, place, source_etype=kind),
                kind,
                columns.lanes,
                columns.mask(v),
            )
            vectors.store(builder, builder.gep(target, place, source_etype=kind), kind, value, None)


def pack_transposed(
    builder: Any, kind: Any, columns: Columns, source: Any, stride: Any, depth: Any, to: Any
) -> None:
    """The same where `source` is the first of the columns, which lie `stride` numbers apart.

    Lanes behind the last column get copies of it. Up to `lanes - 1` rows of zeros are written
    behind the last.
    """
    lanes = columns.lanes
    last = I64((columns.width - 1) * lanes + columns.active - 1)
    with loop(builder, I64(0), depth, lanes, unroll=False) as k:
        mask = vectors.first_lanes(
            builder, smaller(builder, builder.sub(depth, k), I64(lanes)), lanes
        )
        with loop(builder, I64(0), I64(columns.width), unroll=False) as v:
            first = builder.mul(v, I64(lanes))
            rows = []
            for j in range(lanes):
                column = builder.add(first, I64(j))
                if columns.active < lanes:
                    column = smaller(builder, column, last)
                offset = builder.add(builder.mul(column, stride), k)
                address = builder.gep(source, [offset], source_etype=kind)
                rows.append(vectors.load(builder, address, kind, lanes, mask))
            start = builder.add(builder.mul(k, I64(columns.width * lanes)), first)
            target = builder.gep(to, [start], source_etype=kind)
            for j, row in enumerate(transposed(builder, rows)):
                address = builder.gep(target, [I64(j * columns.width * lanes)], source_etype=kind)
                vectors.store(builder, address, kind, row, None)


def pack_by_number(
    builder: Any, kind: Any, columns: Columns, source: Any, stride: Any, depth: Any, to: Any
) -> None:
    """What `pack_transposed` does, one number after the other."""
    width = columns.width * columns.lanes
    last = I64((columns.width - 1) * columns.lanes + columns.active - 1)
    with loop(builder, I64(0), I64(width), unroll=False) as j:
        column = builder.mul(smaller(builder, j, last), stride)
        with loop(builder, I64(0), depth, unroll=False) as k:
            place = builder.gep(source, [builder.add(column, k)], source_etype=kind)
            offset = builder.add(builder.mul(k, I64(width)), j)
            target = builder.gep(to, [offset], source_etype=kind)
            builder.store(builder.load(place, typ=kind), target)


def transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """The columns of a square of vectors: at each step squares of 1, 2, 4 … change places."""
    lanes = len(rows)
    found = list(rows)
    size = 1
    while size < lanes:
        upper = [lane if not lane & size else lanes + lane - size for lane in range(lanes)]
        lower = [lane + size if not lane & size else lanes + lane for lane in range(lanes)]
        for i in range(lanes):
            if not i & size:
                x, y = found[i], found[i + size]
                found[i] = builder.shuffle_vector(x, y, ir.Constant(Vector(I32, lanes), upper))
                found[i + size] = builder.shuffle_vector(
                    x, y, ir.Constant(Vector(I32, lanes), lower)
                )
        size *= 2
    return found


def smaller(builder: Any, x: Any, y: Any) -> Any:
    """The smaller of two numbers."""
    if isinstance(x, ir.Constant) and isinstance(y, ir.Constant):
        return x if x.constant < y.constant else y
    return builder.select(builder.icmp_signed("<", x, y), x, y)
