"""What a row of the speed table is: inputs, and for each system a way to do the work.

A row is a module of `benchmarks.rows` with

- a docstring whose first line says what the work is,
- ``ROW``, a `Row`,
- ``inputs(smoke)``, a tuple of what all systems are given,
- ``reference(*inputs)``, the right result, if none of the systems is NumPy,
- ``make_<system>(*inputs)`` for each system that does it: a callable without arguments, which
  returns when the results are in memory. Nothing is traced or compiled before its first call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.systems import SYSTEMS

NAMES = (
    "lecture",
    "lecture_tensors",
    "rosenbrock10",
    "training_small",
    "training_large",
    "black_scholes",
    "hessian_rosenbrock300",
    "softmax_hvp",
    "long_chain",
    "matrix_recurrence",
    "linear_recurrence",
    "kalman",
    "lotka_volterra",
    "independent_rows",
    "hidden_markov",
    "heat",
    "gru",
    "sparse_hessian",
    "laplacian",
    "per_example_gradients",
    "product_chain",
    "difference_squared",
    "kinematic_chain",
    "complex_inner_products",
    "sorted_distance",
    "twenty_shapes",
)

FASTEST_PEER = "fastest peer"


@dataclass(frozen=True)
class Goal:
    """`factor` times faster than a system, which is then one that stands in the same row."""

    than: str
    factor: float


@dataclass(frozen=True)
class Row:
    """How a row is measured, and what is wanted of it.

    tolerance: the largest difference between the results of two systems, in units of the largest
    number in an array. most_seconds: the longest time of a call, and most_first of the first one.
    once: only the first call is measured, as that is the work. timeout: seconds until a system is
    given up on.
    """

    dtype: str
    tolerance: float
    goals: tuple[Goal, ...] = ()
    most_seconds: float | None = None
    most_first: float | None = None
    pinned: bool = False
    once: bool = False
    timeout: float = 180.0


def module_of(name: str) -> ModuleType:
    """The module of a row."""
    return import_module(f"benchmarks.rows.{name}")


def title_of(name: str) -> str:
    """What the work of a row is."""
    return (module_of(name).__doc__ or "").split("\n\n")[0].replace("\n", " ").rstrip(".")


def systems_of(name: str) -> list[str]:
    """The systems that do the work of a row, in the order of the table."""
    module = module_of(name)
    return [system for system in SYSTEMS if hasattr(module, f"make_{system}")]


def make(name: str, system: str, smoke: bool) -> Callable[[], Any]:
    """The work of a row as done by one system."""
    module = module_of(name)
    built: Callable[[], Any] = getattr(module, f"make_{system}")(*module.inputs(smoke))
    return built


def at_first_call(build: Callable[[], Callable[[], Any]]) -> Callable[[], Any]:
    """Work that is built by its first call, for systems that do not wait by themselves."""
    built: list[Callable[[], Any]] = []

    def work() -> Any:
        if not built:
            built.append(build())
        return built[0]()

    return work


def arrays_of(result: Any) -> list[np.ndarray]:
    """The arrays of a result, a tree of tuples and lists, in order."""
    if isinstance(result, (tuple, list)):
        return [array for part in result for array in arrays_of(part)]
    if hasattr(result, "detach"):  # of PyTorch
        result = result.detach()
    if hasattr(result, "full"):  # of CasADi, to whom a number is a matrix
        result = result.full().squeeze()
    return [np.asarray(result)]


def difference(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """The largest difference of corresponding arrays, in units of the largest number in each."""
    if [a.shape for a in found] != [a.shape for a in wanted]:
        raise AssertionError(
            f"the shapes differ: {[a.shape for a in found]}, {[a.shape for a in wanted]}"
        )
    worst = 0.0
    for a, b in zip(found, wanted, strict=True):
        scale = float(np.max(np.abs(b), initial=0.0)) or 1.0
        gap = np.abs(a.astype(float) - b.astype(float))
        worst = max(worst, float(np.max(gap, initial=0.0)) / scale)
    return worst
