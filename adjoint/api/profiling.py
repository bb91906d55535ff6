"""Where the time of a compiled function goes: its steps, memory, and what is around them."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adjoint.api.report import report_of
from adjoint.api.signature import is_open
from adjoint.api.specialization import Specialization
from adjoint.backends.availability import missing
from adjoint.errors import ArgumentError
from adjoint.graph.forking import import_module
from adjoint.graph.options import current
from adjoint.graph.tensor import Tensor

SECONDS = 0.3
"""How long calls are measured."""
FEWEST, MOST = 5, 1000
"""How many are measured, however long they take."""
FIRST_CALLS = 6
"""Calls that are not measured: a program is called from Python first, and then compiled."""


@dataclass(frozen=True)
class Part:
    """A part of a call: a step of the program, named as in its report; "memory", which is finding
    room for intermediate results, and copies into results; or "entry", all that is around the
    program: reading arguments, memory for results, tensors."""

    kind: str
    computes: str
    seconds: float
    bytes_moved: int = 0
    flops: int = 0


@dataclass(frozen=True)
class Profile:
    """Prints as a table. `seconds` is the time of a whole call, and that of the parts together;
    each is the median of `calls` calls."""

    name: str
    parts: tuple[Part, ...]
    seconds: float
    calls: int

    def by_kind(self) -> dict[str, float]:
        """The seconds of all parts of each kind."""
        found: dict[str, float] = {}
        for part in self.parts:
            found[part.kind] = found.get(part.kind, 0.0) + part.seconds
        return found

    def __str__(self) -> str:
        lines = [f"{'part':<8} {'µs':>10} {'%':>6} {'GB/s':>7} {'Gflop/s':>8}  computes"]
        for part in self.parts:
            share = 100 * part.seconds / self.seconds
            rates = [part.bytes_moved, part.flops]
            bandwidth, speed = (_rate(x, part.seconds) for x in rates)
            lines.append(
                f"{part.kind:<8} {1e6 * part.seconds:>10.2f} {share:>6.1f} {bandwidth:>7} "
                f"{speed:>8}  {part.computes}".rstrip()
            )
        lines.append(f"a call of {self.name}: {1e6 * self.seconds:.2f} µs (of {self.calls} calls)")
        return "\n".join(lines)

    def trace(self) -> dict[str, Any]:
        """The parts one after the other, as events of the trace format of Chrome."""
        events: list[dict[str, Any]] = [_event(self.name, "call", 0.0, self.seconds, {})]
        start = 0.0
        for part in self.parts:
            counts = {"bytes moved": part.bytes_moved, "flops": part.flops}
            name = f"{part.kind} {part.computes}".rstrip()
            events.append(_event(name, part.kind, start, part.seconds, counts))
            start += part.seconds
        return {"traceEvents": events, "displayTimeUnit": "ns"}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the trace as JSON, for ``chrome://tracing`` or https://ui.perfetto.dev."""
        Path(path).write_text(json.dumps(self.trace(), indent=1) + "\n", encoding="utf-8")


def _rate(count: int, seconds: float) -> str:
    """Billions in a second; nothing where there is nothing to count."""
    return f"{1e-9 * count / seconds:.1f}" if count and seconds > 0 else ""


def _event(name: str, kind: str, start: float, seconds: float, counts: Any) -> dict[str, Any]:
    """An event that is complete; its times are in microseconds."""
    times = {"ts": 1e6 * start, "dur": 1e6 * seconds}
    return {"name": name, "cat": kind, "ph": "X", **times, "pid": 1, "tid": 1, "args": counts}


def profile_of(
    name: str, found: Specialization, leaves: Sequence[Any], call: Callable[[], Any]
) -> Profile:
    """The profile of the calls of a specialization with some arguments."""
    reason = missing() or ("native is 'never'" if current().native == "never" else "")
    if reason:
        raise ArgumentError(f"profile: {name} has no native code to measure: {reason}")
    if found.is_part or any(type(x) is Tensor and is_open(x.node) for x in leaves):
        raise ArgumentError(
            f"profile: {name} was given, or reads, a tensor of a transform that is under way; "
            f"profile it with arrays, or profile the compiled transform"
        )
    timed = import_module("adjoint.backends.llvm.program.timed_code").TimedCode(found.program)
    arrays = found.arrays(leaves)
    whole: list[float] = []
    steps: list[Any] = []
    try:
        for _ in range(FIRST_CALLS):
            call()
        began = time.perf_counter()
        while len(whole) < FEWEST or (time.perf_counter() - began < SECONDS and len(whole) < MOST):
            steps.append(timed.run(arrays))
            whole.append(_clocked(call) - _clocked(_nothing))
    except found.program.failed:
        raise ArgumentError(
            f"profile: the native code of {name} fails for these arguments, so that calls are "
            f"answered by the interpreter; there is nothing to measure"
        ) from None
    before, *own, after = 1e-9 * np.median(steps, axis=0)
    seconds = max(statistics.median(whole), float(np.sum(own) + before + after))
    return Profile(name, _parts(found, own, float(before + after), seconds), seconds, len(whole))


def _clocked(call: Callable[[], Any]) -> float:
    """The seconds that a call takes."""
    start = time.perf_counter_ns()
    call()
    return 1e-9 * (time.perf_counter_ns() - start)


def _nothing() -> None:
    """What takes the time of calling Python and reading the clock."""


def _parts(
    found: Specialization, own: Sequence[float], memory: float, seconds: float
) -> tuple[Part, ...]:
    """All parts of a call, the steps in their order; views take no time that is told apart."""
    pairs = zip(found.schedule.steps, own, strict=True)
    worked = [float(x) for step, x in pairs if not step.is_view]
    rows = report_of(found).rows
    parts = [
        Part(row.kind, row.computes, x, row.bytes_moved, row.flops)
        for row, x in zip(rows, worked, strict=True)
    ]
    memory += float(np.sum(own)) - sum(worked)
    entry = seconds - memory - sum(worked)
    return Part("entry", "", entry), Part("memory", "", memory), *parts
