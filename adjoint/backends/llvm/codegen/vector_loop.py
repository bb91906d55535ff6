"""The innermost loop of a kernel written with vectors: whole vectors, then a masked tail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from adjoint.backends.llvm.codegen.counters import Counter, Segment
from adjoint.backends.llvm.codegen.loops import I64, is_constant, is_deep, loop

MIN_WIDEN_DEPTH = 16
"""How long a chain of instructions must be for two vectors to be computed an iteration: exp over
512 × 1000 float32 went from 111 to 69 µs on one core. With 32, exp is 5% slower; with 1, a product
and a sum are no faster and take 6 ms more to compile. `MIN_INTERLEAVE_DEPTH` is another number, as
it is about loops that LLVM vectorises."""


class Widen(Exception):
    """One vector an iteration would leave the processor waiting: compute two."""


class Writer(Protocol):
    """What is asked of the writer of a kernel."""

    lanes: int
    span: str
    expensive: int
    may_widen: bool
    preheader: Any
    vector_body: list[Any]

    def most_lanes(self) -> int: ...
    def vector(
        self, builder: Any, counters: list[Counter], accumulators: Any, active: Any
    ) -> None: ...


class VectorLoop:
    """Writes the loop: a vector of elements an iteration. In the tail some lanes are inactive."""

    def __init__(
        self,
        writer: Writer,
        builder: Any,
        counters: list[Counter],
        accumulators: Any,
        segment: Segment,
    ) -> None:
        self.writer, self.builder = writer, builder
        self.counters, self.accumulators, self.segment = counters, accumulators, segment

    def write(self) -> None:
        """Write the loop over the segment.

        Expensive elements of which there are not many are written once, each iteration under a
        mask, as compiling the body twice would cost more than masks do. So are others of which
        there are but a few vectors, where masks cost nothing (AVX-512): a masked tail would be one
        of these anyway. All else is written twice: whole vectors without masks, which run faster,
        and the tail.
        """
        start, stop, *_ = self.segment
        lanes = self.writer.lanes
        once = self.writer.expensive and self.writer.span != "many"
        few = self.writer.span == "short"
        if is_constant(start) and is_constant(stop):
            tail = (stop.constant - start.constant) % lanes
            middle = I64(stop.constant - tail)
            is_loop = middle.constant - start.constant > lanes
            if tail and start.constant < middle.constant and (once or (few and is_loop)):
                self.iterations(start, stop, lambda value: self.lanes_left(value, stop))
                return
            self.iterations(start, middle, None)
            self.iterations(middle, stop, lambda value: tail)
        elif once or few:
            self.iterations(start, stop, lambda value: self.lanes_left(value, stop))
        else:
            whole = self.builder.and_(self.builder.sub(stop, start), I64(-lanes))
            middle = self.builder.add(start, whole, flags=("nsw",))
            self.iterations(start, middle, None)
            self.tail(middle, stop)

    def iterations(self, start: Any, stop: Any, active: Callable[[Any], Any] | None) -> None:
        """Iterations with all lanes, or with as many as are `active` from a counter on."""
        over = loop(self.builder, start, stop, self.writer.lanes)
        if over.trip_count == 0:
            return
        with over as value:
            self.writer.preheader = over.preheader
            self.iteration(value, None if active is None else active(value))
        if self.writer.may_widen and is_deep(self.writer.vector_body, MIN_WIDEN_DEPTH):
            raise Widen

    def tail(self, start: Any, stop: Any) -> None:
        """Fewer elements than an iteration has. In a widened loop they are done one vector at a
        time, which is less for LLVM to compile, but for reductions: their accumulators are wide."""
        writer, lanes = self.writer, self.writer.lanes
        writer.lanes = lanes if self.accumulators else writer.most_lanes()
        if writer.lanes < lanes:
            self.iterations(start, stop, lambda value: self.lanes_left(value, stop))
        else:
            writer.preheader = self.builder.block
            with self.builder.if_then(self.builder.icmp_signed("<", start, stop)):
                self.iteration(start, self.builder.sub(stop, start))
        writer.lanes = lanes

    def lanes_left(self, value: Any, stop: Any) -> Any:
        """How many lanes of the iteration that begins at `value` come before the end."""
        if is_constant(value) and is_constant(stop):
            return min(stop.constant - value.constant, self.writer.lanes)
        left, lanes = self.builder.sub(stop, value), I64(self.writer.lanes)
        return self.builder.select(self.builder.icmp_signed("<", left, lanes), left, lanes)

    def iteration(self, value: Any, active: Any) -> None:
        """Write one iteration."""
        counters = [*self.counters, self.segment.counter(value)]
        self.writer.vector(self.builder, counters, self.accumulators, active)
