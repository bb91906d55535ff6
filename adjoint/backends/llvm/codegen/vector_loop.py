"""The innermost loop of a kernel written with vectors: rounds of all lanes, and the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from adjoint.backends.llvm.codegen.element import Counter
from adjoint.backends.llvm.codegen.loops import I64, is_constant, is_deep, loop

DEEP = 16
"""How long a chain of instructions must be for two registers to be filled in a round."""


class Widen(Exception):
    """One register of elements a round would leave the processor waiting: take two."""


class Writer(Protocol):
    """What is asked of the writer of a kernel."""

    lanes: int
    span: str
    expensive: int
    may_widen: bool
    before: Any
    round: list[Any]

    def most_lanes(self) -> int: ...
    def vector(self, builder: Any, counters: list[Counter], sums: Any, left: Any) -> None: ...


class Rounds:
    """Writes the loop: a vector of elements a round, of which the last may have only some lanes."""

    def __init__(
        self, writer: Writer, builder: Any, counters: list[Counter], sums: Any, part: Any
    ) -> None:
        self.writer, self.builder = writer, builder
        self.counters, self.sums, self.part = counters, sums, part

    def over(self, start: Any, stop: Any) -> None:
        """Write the loop.

        Costly elements of which there are not many are written once, for any lanes; others for all
        lanes, which is faster, and for the rest.
        """
        lanes = self.writer.lanes
        once = self.writer.expensive and self.writer.span != "many"
        if is_constant(start) and is_constant(stop):
            rest = (stop.constant - start.constant) % lanes
            middle = I64(stop.constant - rest)
            if rest and once and start.constant < middle.constant:
                self.rounds(start, stop, lambda value: self.left(value, stop))
                return
            self.rounds(start, middle, None)
            self.rounds(middle, stop, lambda value: rest)
        elif once:
            self.rounds(start, stop, lambda value: self.left(value, stop))
        else:
            whole = self.builder.and_(self.builder.sub(stop, start), I64(-lanes))
            middle = self.builder.add(start, whole, flags=("nsw",))
            self.rounds(start, middle, None)
            self.rest(middle, stop)

    def rounds(self, start: Any, stop: Any, left: Callable[[Any], Any] | None) -> None:
        """Rounds of all lanes, or of as many as are `left` from a place on."""
        over = loop(self.builder, start, stop, self.writer.lanes)
        if over.rounds == 0:
            return
        with over as value:
            self.writer.before = over.before
            self.write(value, None if left is None else left(value))
        if self.writer.may_widen and is_deep(self.writer.round, DEEP):
            raise Widen

    def rest(self, start: Any, stop: Any) -> None:
        """Fewer elements than a round has; one register at a time where nothing is folded, which
        is less for LLVM to do."""
        writer, lanes = self.writer, self.writer.lanes
        writer.lanes = lanes if self.sums else writer.most_lanes()
        if writer.lanes < lanes:
            self.rounds(start, stop, lambda value: self.left(value, stop))
        else:
            writer.before = self.builder.block
            with self.builder.if_then(self.builder.icmp_signed("<", start, stop)):
                self.write(start, self.builder.sub(stop, start))
        writer.lanes = lanes

    def left(self, value: Any, stop: Any) -> Any:
        """How many lanes of a round that begins at `value` are before the end."""
        if is_constant(value) and is_constant(stop):
            return min(stop.constant - value.constant, self.writer.lanes)
        left, lanes = self.builder.sub(stop, value), I64(self.writer.lanes)
        return self.builder.select(self.builder.icmp_signed("<", left, lanes), left, lanes)

    def write(self, value: Any, left: Any) -> None:
        """One round."""
        counters = [*self.counters, Counter(value, *self.part)]
        self.writer.vector(self.builder, counters, self.sums, left)
