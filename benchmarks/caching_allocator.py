"""The caching allocator: what memory that was in use before gains over the system's."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.measure import Result


def run(smoke: bool) -> list[Result]:
    """Times with cached memory, and how much longer the same takes with none kept."""
    rounds, calls = (2, 5) if smoke else (9, 40)
    results = []
    for name, call in cases(smoke):
        cached, fresh = alternating(call, rounds, calls)
        note = f"µs, {fresh / cached:.2f} times as long with nothing cached"
        results.append(Result(name, 1e6 * cached, note))
    return results


def cases(smoke: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Compiled functions with large results."""
    line = ad.compile(lambda x: 2 * x + 1)
    five = ad.compile(lambda x: tuple(x + i for i in range(1, 6)))
    for megabytes in (1,) if smoke else (1, 8, 64):
        x = np.ones(megabytes << 17)
        yield f"a result of {megabytes} MB", lambda x=x: line(x)
        if megabytes <= 8:
            yield f"five results of {megabytes} MB", lambda x=x: five(x)


def alternating(call: Callable[[], Any], rounds: int, calls: int) -> tuple[float, float]:
    """The median seconds of a call with memory cached and without, measured in turns."""
    times: dict[int | None, list[float]] = {None: [], 0: []}
    for _ in range(rounds):
        for limit, found in times.items():
            with ad.options(cached_memory_limit=limit):
                for _ in range(5):
                    call()
                for _ in range(calls):
                    started = time.perf_counter()
                    call()
                    found.append(time.perf_counter() - started)
    return statistics.median(times[None]), statistics.median(times[0])
