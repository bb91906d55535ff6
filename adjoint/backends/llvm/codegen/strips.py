"""Loops of scalars in strips, so that one with a slow path has no branches."""

from __future__ import annotations

from typing import Any, Protocol

from adjoint.backends.llvm.codegen.counters import Counter, Segment
from adjoint.backends.llvm.codegen.loops import BIT, I64, alloca, loop

STRIP = 512
"""How many elements a loop with a slow path computes before it asks whether one needs it. From 128
to 2048 the time is the same to 2%; the fewer, the less is computed again."""


class Writer(Protocol):
    """What is asked of the writer of a kernel."""

    def element_writer(
        self, builder: Any, counters: list[Counter], slow: list[Any] | None = None
    ) -> Any: ...
    def write_elements(self, at: Any, accumulators: Any) -> None: ...


def write_strips(
    writer: Writer, builder: Any, counters: list[Counter], accumulators: Any, segment: Segment
) -> None:
    """Strips of a loop without branches, which LLVM can vectorise.

    Each also collects whether an element needs the slow path. If one does, the strip is
    computed again by a loop that branches, from the accumulators that it began with. What it
    reads must still be there then: `reads_once` in `schedule/in_place.py` sees to it.
    """
    is_slow = alloca(builder, BIT)
    with loop(builder, segment.start, segment.stop, STRIP) as start:
        stop = builder.add(start, I64(STRIP), flags=("nsw",))
        is_whole = builder.icmp_signed("<", stop, segment.stop)
        stop = builder.select(is_whole, stop, segment.stop)
        before = {root: a.load(builder) for root, a in accumulators.items()}
        builder.store(BIT(0), is_slow)
        with loop(builder, start, stop) as value:
            conditions: list[Any] = []
            inner = [*counters, segment.counter(value)]
            writer.write_elements(writer.element_writer(builder, inner, conditions), accumulators)
            flag = builder.load(is_slow, typ=BIT)
            for condition in conditions:
                flag = builder.or_(flag, condition)
            builder.store(flag, is_slow)
        with builder.if_then(builder.load(is_slow, typ=BIT), likely=False):
            for root, accumulator in accumulators.items():
                accumulator.store(builder, before[root])
            with loop(builder, start, stop) as value:
                inner = [*counters, segment.counter(value)]
                writer.write_elements(writer.element_writer(builder, inner), accumulators)
