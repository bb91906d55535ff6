"""One system doing the work of one row, in a process of its own: ``python -m benchmarks.worker``.

It reads one word a line from standard input and answers each with a line of JSON:

- ``first FILE``: make the first call, store its results in FILE, answer its seconds;
- ``measure SECONDS``: call for about so long, answer the median of the seconds of a call;
- ``stretch SECONDS``: call for at least so long, answer the mean of the seconds of a call;
- ``mean``: answer the mean of the seconds of all calls so far, the first one included;
- anything else ends it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

CLOCK = 2e-3
"""A sample takes at least so many seconds: as many calls as fit are timed together."""

LEAST_SAMPLES = 5


class Total:
    """How many calls there were, and how long they took together."""

    calls = 0
    seconds = 0.0

    def add(self, calls: int, seconds: float) -> None:
        """Count some more."""
        self.calls += calls
        self.seconds += seconds


total = Total()


def seconds_of(work: Callable[[], Any], calls: int) -> float:
    """The seconds of one of several calls."""
    repeat = range(calls)
    started = time.perf_counter()
    for _ in repeat:
        work()
    taken = time.perf_counter() - started
    total.add(calls, taken)
    return taken / calls


def median_seconds(work: Callable[[], Any], budget: float) -> float:
    """The median of samples that together take about `budget` seconds."""
    calls = 1
    while (once := seconds_of(work, calls)) * calls < CLOCK:
        calls = max(2 * calls, min(100 * calls, int(CLOCK / max(once, 1e-9))))
    gc.collect()
    samples: list[float] = []
    until = time.perf_counter() + budget
    while time.perf_counter() < until or len(samples) < LEAST_SAMPLES:
        samples.append(seconds_of(work, calls))
        if time.perf_counter() > until + 2 * budget:
            break
    return statistics.median(samples)


def mean_seconds(work: Callable[[], Any], budget: float) -> float:
    """The mean over all calls of about `budget` seconds."""
    calls, started = 0, time.perf_counter()
    while (taken := time.perf_counter() - started) < budget:
        work()
        calls += 1
    total.add(calls, taken)
    return taken / calls


def serve(work: Callable[[], Any], answer: Callable[[Any], None]) -> None:
    """Answer requests until there are no more."""
    import numpy as np

    from benchmarks.row import arrays_of

    for line in sys.stdin:
        request, _, detail = line.strip().partition(" ")
        if request == "first":
            started = time.perf_counter()
            result = work()
            taken = time.perf_counter() - started
            total.add(1, taken)
            np.savez(detail, *arrays_of(result))
            answer(taken)
        elif request == "measure":
            answer(median_seconds(work, float(detail)))
        elif request == "stretch":
            answer(mean_seconds(work, float(detail)))
        elif request == "mean":
            answer(total.seconds / total.calls)
        else:
            return


def main() -> int:
    """Prepare one system, then serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row")
    parser.add_argument("system")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer

    def answer(value: Any) -> None:
        print(json.dumps(value), file=replies, flush=True)

    from benchmarks.row import make
    from benchmarks.systems import SYSTEMS

    system = SYSTEMS[options.system]
    system.wake()
    work = make(options.row, options.system, options.smoke)
    answer(system.version)
    serve(work, answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
