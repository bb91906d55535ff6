"""Loops over the columns of a matrix, a vector at a time, and inside them over the rows.

Where a kernel reads the columns of another matrix, each of the elements of a row lies in a cache
line of its own, of which the next row reads the next element. By the end of a long row the first
lines are gone from the cache; between a vector and the one below it they are not.
"""

from __future__ import annotations

from typing import Any, Protocol

from adjoint.backends.llvm.codegen import vector_loop
from adjoint.backends.llvm.codegen.counters import Counter, Segment
from adjoint.backends.llvm.codegen.loops import I64, loop
from adjoint.graph.types import Shape

ROWS_INSIDE = 64
"""So many rows are computed for one vector of columns before the next: what is read and written
row by row then stays in the cache, too."""


class Writer(vector_loop.Writer, Protocol):
    """What is asked of the writer of a kernel."""

    domain: Shape
    last: int
    inside: Segment | None


def write_rows_inside(
    writer: Writer, builder: Any, counters: list[Counter], accumulators: Any, rows: Segment
) -> None:
    """Write the loops over some rows and all columns, for one vector of these after the other."""
    size = writer.domain[writer.last]
    columns = Segment(I64(0), I64(size), 0, size)
    with loop(builder, rows.start, rows.stop, ROWS_INSIDE) as start:
        stop = builder.add(start, I64(ROWS_INSIDE), flags=("nsw",))
        is_whole = builder.icmp_signed("<", stop, rows.stop)
        stop = builder.select(is_whole, stop, rows.stop)
        writer.inside = rows._replace(start=start, stop=stop)
        vector_loop.VectorLoop(writer, builder, counters, accumulators, columns).write()
    writer.inside = None


def write_each_row(
    writer: Writer, builder: Any, counters: list[Counter], accumulators: Any, active: Any
) -> None:
    """Write the loop over the rows `inside`, for the vector of columns at the last counter.

    What is the same for a row is not computed before the loop over its vectors, as there is none.
    """
    rows, around = writer.inside, writer.preheader
    assert rows is not None
    *outer, columns = counters
    writer.inside, writer.preheader = None, None
    with loop(builder, rows.start, rows.stop, unroll=False) as value:
        writer.vector(builder, [*outer, rows.counter(value), columns], accumulators, active)
    writer.inside, writer.preheader = rows, around
