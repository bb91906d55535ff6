"""Rows of the speed table on a machine with two other busy processes, beside JAX and PyTorch.

Each figure is how many times as long a call takes as on the same machine without them: with two
cores a fair share would be 2. Calls are timed over a stretch of seconds, in which the others had
the cores in between, and not one by one: most single calls of a short row meet nobody.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.measure import Result
from benchmarks.process import Failed, Process
from benchmarks.row import module_of, systems_of
from benchmarks.systems import SYSTEMS

ROWS = ("product_chain", "training_small", "training_large", "softmax_hvp", "gru", "black_scholes")
PEERS = ("adjoint", "jax", "torch")
OTHERS = 2
"""Busy processes beside the one that is measured."""
MOST = 3.0
"""How many times as long our rows may take."""
SECONDS, ROUNDS = 2.0, 3


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that do nothing but use a core."""
    children = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def run(smoke: bool = False) -> list[Result]:
    """Time rows with and without other processes, in turns."""
    rows = ROWS[:1] if smoke else ROWS
    return [line for row in rows for line in measured(row, smoke)]


def measured(name: str, smoke: bool) -> list[Result]:
    """The figures of one row."""
    found = []
    for system in PEERS[:1] if smoke else PEERS:
        if system not in systems_of(name) or SYSTEMS[system].lacks:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                alone, beside = times(name, system, folder, smoke)
            except Failed as failure:
                print(f"  {name}, {SYSTEMS[system].label}: {failure}")
                continue
        label = f"{name}, {SYSTEMS[system].label}"
        most = MOST if system == "adjoint" and not smoke else None
        found += [
            Result(f"{label}, alone", 1e6 * alone, "µs"),
            Result(f"{label}, beside {OTHERS} others", beside / alone, "times as long", most),
        ]
    return found


def times(name: str, system: str, folder: str, smoke: bool) -> tuple[float, float]:
    """The seconds of a call without others and with them, medians of several stretches each."""
    seconds, rounds = (0.1, 1) if smoke else (SECONDS, ROUNDS)
    process = Process(name, module_of(name).ROW, system, folder, smoke)
    try:
        process.ask(f"first {folder}/results.npz")
        process.ask(f"stretch {seconds}")  # all code is there, and memory in use
        alone, beside = [], []
        for _ in range(rounds):
            alone.append(process.ask(f"stretch {seconds}"))
            with busy(OTHERS):
                beside.append(process.ask(f"stretch {seconds}"))
    finally:
        with suppress(OSError):
            process.end()
    return statistics.median(alone), statistics.median(beside)
