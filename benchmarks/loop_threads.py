"""Loops over independent rows on one thread and on two: wall time, and time of all processors.

The row `independent_rows`, with parameters for each population and with parameters that all share.
A busy machine has no second core to give: then only the time of processors says something.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.measure import Result
from benchmarks.rows import independent_rows

MOST_OF_ONE = 0.55
"""The part of one thread's wall time that two may take on two idle cores."""


def run(smoke: bool) -> list[Result]:
    """The gradient by all first populations and all parameters, one thread after two, in turns."""
    start, p, steps = independent_rows.inputs(smoke)

    def end(start: Any, p: Any) -> Any:
        step = independent_rows.step_of(p)
        x, y = ad.scan(step, (start[0], start[1]), length=steps)[0]
        return x + y

    results = []
    for name, axis, given in (("of their own", 0, p), ("shared", None, p[0])):
        f = ad.compile(
            ad.grad(lambda s, p, axis=axis: ad.sum(ad.vmap(end, (0, axis))(s, p)), (0, 1))
        )
        results += compared(name, lambda f=f, given=given: f(start, given), smoke)
    return results


def compared(name: str, call: Callable[[], Any], smoke: bool) -> list[Result]:
    """Wall and processor time of calls on one thread and on two."""
    repeats, most = (3, None) if smoke else (31, MOST_OF_ONE)
    taken: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    found = {}
    for number in range(repeats + 4):  # the first calls compile
        for threads, times in taken.items():
            with ad.options(threads=threads):
                wall, cpu = time.perf_counter(), time.process_time()
                found[threads] = call()
                if number >= 4:
                    times.append((time.perf_counter() - wall, time.process_time() - cpu))
    for one, two in zip(found[1], found[2], strict=True):
        assert np.array_equal(one, two), "the result depends on the number of threads"
    (one, one_cpu), (two, two_cpu) = (
        [1e3 * statistics.median(x) for x in zip(*times, strict=True)] for times in taken.values()
    )
    return [
        Result(f"parameters {name}, one thread", one, f"ms, {one_cpu:.1f} of processors"),
        Result(f"parameters {name}, two threads", two, f"ms, {two_cpu:.1f} of processors"),
        Result(f"parameters {name}, two over one", two / one, "of the time", most),
    ]
