"""Measure a row: every system in a process of its own, in alternation, results compared."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.process import Failed, Process
from benchmarks.row import Row, difference, module_of, systems_of
from benchmarks.systems import SYSTEMS

GENERATIONS = 3
"""So many times all processes are started anew: each has one first call. The last generation finds
the caches of the one before, as a second process of a user would."""

ROUNDS = 3
"""So many times in each generation the systems take turns."""

SECONDS = 0.4
"""How long a turn is."""


@dataclass
class Figures:
    """What was measured of one system: seconds of a call, of the first call, and of the first call
    of a process that finds the caches of another; or why there is nothing. `means` are the seconds
    of a call over all calls of a process, of systems that compile nothing when they are told to."""

    version: str = ""
    calls: list[float] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    again: float | None = None
    difference: float | None = None
    failure: str = ""

    @property
    def median(self) -> float | None:
        """The median of the turns."""
        return statistics.median(self.calls) if self.calls else None

    @property
    def first(self) -> float | None:
        """The median of the first calls with empty caches, less that of a later call."""
        if not self.firsts:
            return None
        return max(0.0, statistics.median(self.firsts) - (self.median or 0.0))

    @property
    def mean(self) -> float | None:
        """The median over processes of the mean of all calls, from the first on."""
        return statistics.median(self.means) if self.means else None

    def stored(self) -> dict[str, Any]:
        """As a dictionary to store, the medians included."""
        return asdict(self) | {"median": self.median, "first": self.first, "mean": self.mean}


class Comparison:
    """The measuring of one row."""

    def __init__(self, name: str, systems: Sequence[str] = (), smoke: bool = False) -> None:
        self.name = name
        self.row: Row = module_of(name).ROW
        self.smoke = smoke
        self.figures = {s: Figures() for s in systems or systems_of(name)}
        for system, figures in self.figures.items():
            figures.failure = SYSTEMS[system].lacks
            if figures.failure:
                print(f"  {SYSTEMS[system].label}: {figures.failure}: skipped")

    @property
    def running(self) -> list[str]:
        """The systems that have not failed so far."""
        return [s for s, f in self.figures.items() if not f.failure]

    def run(self) -> dict[str, Figures]:
        """All generations."""
        generations = 1 if self.smoke else GENERATIONS - self.row.once
        with tempfile.TemporaryDirectory() as folder:
            for number in range(generations):
                warm = number > 0 and number == GENERATIONS - 1
                caches = f"{folder}/{number - warm}"
                self.generation(caches, warm)
        return self.figures

    def generation(self, caches: str, warm: bool) -> None:
        """Start all systems, let each make its first call, then let them take turns."""
        processes: dict[str, Process] = {}
        results: dict[str, list[np.ndarray]] = {}
        try:
            for system in self.running:
                with_system = Path(caches, system)
                with_system.mkdir(parents=True, exist_ok=True)
                self.start(system, str(with_system), warm, processes, results)
            self.compare(results)
            for _ in range(0 if self.row.once else ROUNDS):
                for system, process in processes.items():
                    self.turn(system, process)
            for system, process in processes.items() if not self.row.once else ():
                if SYSTEMS[system].eager and not self.figures[system].failure:
                    self.figures[system].means.append(process.ask("mean"))
        finally:
            for process in processes.values():
                process.end()

    def start(
        self, system: str, caches: str, warm: bool, processes: dict[str, Process], results: Any
    ) -> None:
        """Start one system and time its first call."""
        figures = self.figures[system]
        try:
            process = Process(self.name, self.row, system, caches, self.smoke)
            processes[system] = process
            figures.version = process.version
            place = f"{caches}/results.npz"
            seconds = process.ask(f"first {place}")
        except Failed as failure:
            figures.failure = str(failure)
            processes.pop(system, None)
            print(f"  {SYSTEMS[system].label}: {failure}")
            return
        if warm:
            figures.again = seconds
        else:
            figures.firsts.append(seconds)
        with np.load(place) as stored:
            results[system] = [stored[key] for key in stored.files]

    def turn(self, system: str, process: Process) -> None:
        figures = self.figures[system]
        if figures.failure:
            return
        try:
            figures.calls.append(process.ask(f"measure {0.02 if self.smoke else SECONDS}"))
        except Failed as failure:
            figures.failure = str(failure)

    def compare(self, results: dict[str, list[np.ndarray]]) -> None:
        """Check all results against those written by hand: a peer that differs is given up."""
        if "numpy" not in results:
            return
        for system, found in results.items():
            if system in ("products", "numpy"):
                continue
            figures = self.figures[system]
            gap = difference(found, results["numpy"])
            figures.difference = max(gap, figures.difference or 0.0)
            if gap <= self.row.tolerance:
                continue
            figures.failure = f"wrong: differs by {gap:.1e}"
            if system == "adjoint":
                raise AssertionError(
                    f"{self.name}: adjoint differs by {gap:.1e} from what is written by hand; "
                    f"at most {self.row.tolerance:g} is allowed"
                )
