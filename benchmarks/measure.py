"""What benchmarks share: medians of repeats, the machine, peers that may be absent, a table."""

from __future__ import annotations

import gc
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any


@dataclass(frozen=True)
class Result:
    """One line of a benchmark: what was measured, the figure, its unit, and what is allowed."""

    name: str
    value: float
    unit: str
    most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the figure is within what is allowed."""
        return self.most is None or self.value <= self.most


def median_time(action: Callable[[], Any], repeats: int, inner: int = 1) -> float:
    """The median over `repeats` of the seconds that one of `inner` calls takes."""
    times = []
    for _ in range(repeats):
        gc.collect()
        started = time.perf_counter()
        for _ in range(inner):
            action()
        times.append((time.perf_counter() - started) / inner)
    return statistics.median(times)


def median_process(code: str, repeats: int) -> float:
    """The median of the seconds that a fresh Python needs for `code`."""
    command = [sys.executable, "-c", code]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, env=environment)  # writes the bytecode, warms the disk
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, check=True, env=environment)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def count_calls(action: Callable[[], Any]) -> tuple[int, int]:
    """How many Python and how many C functions `action` calls: a figure that does not flicker."""
    counts = {"call": 0, "c_call": 0}

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event in counts:
            counts[event] += 1

    action()  # whatever happens only once has happened
    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    # less the call of `action` itself, and that of setprofile
    return counts["call"] - 1, counts["c_call"] - 1


def installed(peer: str) -> bool:
    """Whether a peer can be imported; says so if not."""
    if importlib.util.find_spec(peer) is not None:
        return True
    print(f"  {peer} is not installed: skipped")
    return False


def version_of(package: str) -> str:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def machine() -> str:
    """Where the figures come from."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    packages = ", ".join(f"{p} {version_of(p)}" for p in ("numpy", "scipy", "llvmlite"))
    return (
        f"{processor()}, {cores} cores{load}; {platform.system()}; "
        f"Python {platform.python_version()}, {packages}, adjoint {version_of('adjoint')}"
    )


def processor() -> str:
    """What the processor calls itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def show(results: Sequence[Result]) -> None:
    """Print results as a table."""
    width = max((len(r.name) for r in results), default=0)
    for r in results:
        note = "" if r.most is None else f"  (at most {r.most:g})"
        print(f"  {r.name:<{width}}  {r.value:>10.4g} {r.unit}{note}{'' if r.kept else '  OVER'}")
