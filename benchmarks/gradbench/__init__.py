"""The evaluations of the GradBench suite, beside the suite's own programs, on one pinned core.

`make(eval, input)` answers what a harness of the suite asks: for each of the two functions of an
evaluation a callable without arguments and a function that brings its result to one flat array of
float64; of `particle` and `saddle`, which are nothing but derivatives, it answers that for each of
four variants. Nothing is traced or compiled before the first call.

``python -m benchmarks gradbench`` needs such a harness: GRADBENCH_HARNESS names the folder of its
``run.py``, which reads the suite's data by its own variables. Without it, and with ``--smoke``,
every evaluation is run on small inputs made up here, and its derivative compared with differences
of its value.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.measure import Result

EVALS = (
    "hello",
    "gmm",
    "ba",
    "ht",
    "lstm",
    "llsq",
    "lse",
    "kmeans",
    "det",
    "ode",
    "particle",
    "saddle",
)


def make(name: str, given: Any) -> Any:
    """``{"primal": (callable, canon), "derivative": (callable, canon)}``, or by the names of the
    variants; None if not offered."""
    if name not in EVALS:
        return None
    return import_module(f"benchmarks.gradbench.{name}").make(given)


def run(smoke: bool) -> list[Result]:
    """The measured rows; with `smoke` the differences from differences."""
    from benchmarks.gradbench import harness, small

    if not smoke and harness.folder() is None:
        print("  GRADBENCH_HARNESS is not set: small inputs only")
    return small.run() if smoke or harness.folder() is None else harness.run()
