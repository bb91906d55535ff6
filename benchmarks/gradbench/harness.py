"""Run a harness of the suite and read its log: our evaluations beside the suite's own programs.

A time is the least, over rounds, of the median within a round.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.gradbench.descent import VARIANTS
from benchmarks.measure import Result
from benchmarks.process import unpinned

ROOT = Path(__file__).parent.parent.parent
TOOLS = ("manual", "limit", "jax", "jax*", "pytorch", "adjoint")
ROUNDS = 3
PATIENCE = 5
"""Seconds to wait, before each measurement, for a core to be free."""
TOLERANCE = 1e-9

GOALS = {
    ("gmm", "2_5"): 0.1,
    ("gmm", "20_25"): 4.0,
    ("gmm", "64_100"): 130.0,
    ("ba", "1"): 5.0,
    ("kmeans", "100_10000_8"): 4.0,
    ("lse", "80000"): 0.25,
    ("lse", "1280000"): 5.0,
    ("llsq", "1024"): 0.12,
    ("ht", "1"): 30.0,
    ("lstm", "2_1024"): 2.0,
    **{("particle", variant): 4.0 for variant in VARIANTS},
    **{("saddle", variant): 2.0 for variant in VARIANTS},
}
"""The milliseconds that a derivative may take."""

GOALS_OF_MEANS = {"manual": 0.5, "jax": 0.25}
"""The geometric mean of our times over those of the suite's C++ by hand, and of JAX, at most."""

Times = dict[str, dict[str, dict[str, float]]]


def folder() -> Path | None:
    """Where the harness is."""
    place = os.environ.get("GRADBENCH_HARNESS")
    return Path(place) if place else None


def run() -> list[Result]:
    """Measure all rows, check and store them."""
    harness = folder()
    assert harness is not None
    with tempfile.TemporaryDirectory() as place:
        records = measured(harness, place)
        gaps = {f"{e} {s}": difference(place, e, s) for e, s in GOALS}
    times = times_of(records)
    results.save("gradbench", {"times": times, "differences": gaps})
    for name, gap in gaps.items():
        assert gap is None or gap <= TOLERANCE, f"{name}: differs by {gap:.1e}"
    return [*rows(times), *means(times)]


def measured(harness: Path, place: str) -> list[dict[str, Any]]:
    """The records of a run."""
    log = Path(place, "log.jsonl")
    evals = list(dict.fromkeys(name for name, _ in GOALS))
    sizes = {name: ",".join(size for n, size in GOALS if n == name) for name in evals}
    command = [sys.executable, "run.py", "--rounds", str(ROUNDS), "--pool", "--log", str(log)]
    command += ["--evals", ",".join(evals), "--tools", ",".join(TOOLS), "--outdir", place]
    command += ["--patience", str(PATIENCE)]
    command += ["--sizes", ";".join(f"{name}={s}" for name, s in sizes.items())]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    variables = {
        "ADJOINT_GRADBENCH": "benchmarks.gradbench",
        "ADJOINT_CACHE_DIR": os.path.join(place, "cache"),
        "PYTHONPATH": os.pathsep.join(paths),
    }
    subprocess.run(command, cwd=harness, env=unpinned(os.environ) | variables, check=True, stdout=2)
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def times_of(records: list[dict[str, Any]]) -> Times:
    """For each row and tool the seconds of value, derivative and compiling."""
    found: Times = {f"{e} {s}": {} for e, s in GOALS}
    for record in records:
        row = found.get(f"{record['eval']} {record['size']}")
        if row is None:
            continue
        if "derivative" not in record:
            print(f"  {record['tool']}: {record.get('error', 'no result').splitlines()[-1]}")
            continue
        tool = row.setdefault(record["tool"].rstrip("*"), {})
        for which in ("primal", "derivative"):
            if which in record:  # particle and saddle are derivatives only
                keep_least(tool, which, record[which]["median"])
        derivative = record["derivative"]
        prepared = derivative.get("prepare", derivative["first"] - derivative["median"])
        tool["first"] = max(tool.get("first", 0.0), prepared)  # later ones find a cache
    return found


def keep_least(table: dict[str, float], key: str, value: float) -> None:
    """Enter a value, if there is no smaller one."""
    table[key] = min(table.get(key, math.inf), value)


def difference(place: str, name: str, size: str) -> float | None:
    """How far our derivative is from the first other one, relative to the length of the whole."""

    def stored(tool: str) -> Path:
        return Path(place, f"{name}.{size}.{tool}.derivative.npy")

    others = [tool for tool in ("manual", "limit", "jax", "jaxS") if stored(tool).exists()]
    if not others or not stored("adjoint").exists():
        return None
    ours, theirs = np.load(stored("adjoint")), np.load(stored(others[0]))
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def rows(times: Times) -> list[Result]:
    """The derivative of each row, with what is allowed, and the other tools."""
    found = []
    for (name, size), most in GOALS.items():
        for tool, t in times[f"{name} {size}"].items():
            allowed = most if tool == "adjoint" else None
            label = f"{name} {size}, {tool}"
            found.append(Result(label, 1e3 * t["derivative"], "ms", allowed))
    return found


def means(times: Times) -> list[Result]:
    """The geometric means of our derivatives over those of others, over the rows they have."""
    found = []
    for rival, most in GOALS_OF_MEANS.items():
        mean = mean_over(times, rival)
        if mean is not None:
            found.append(Result(f"geometric mean over {rival}", mean, "", most))
    return found


def mean_over(times: Times, rival: str) -> float | None:
    """The geometric mean of our derivatives' times over a rival's."""
    both = [t for t in times.values() if rival in t and "adjoint" in t]
    logs = [math.log(t["adjoint"]["derivative"] / t[rival]["derivative"]) for t in both]
    return math.exp(sum(logs) / len(logs)) if logs else None
