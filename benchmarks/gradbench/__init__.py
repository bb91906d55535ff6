"""The evaluations of the GradBench suite, written with adjoint.

`make(eval, input)` answers what a harness of the suite asks: for each of the two functions of an
evaluation a callable without arguments and a function that brings its result to one flat array of
float64. Nothing is traced or compiled before the first call.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

EVALS = ("hello", "gmm", "ba", "ht", "lstm", "llsq", "lse", "kmeans", "det", "ode")


def make(name: str, given: Any) -> Any:
    """``{"primal": (callable, canon), "derivative": (callable, canon)}``; None if not offered."""
    if name not in EVALS:
        return None
    return import_module(f"benchmarks.gradbench.{name}").make(given)
