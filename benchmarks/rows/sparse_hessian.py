"""Sparse Hessian of the chained Rosenbrock function of 5,000 variables, NumPy in, scipy.sparse out

Planning, that is detecting the pattern and coloring it, is part of the first call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Goal, Row, at_first_call
from benchmarks.rows.rosenbrock10 import in_casadi, rosenbrock

ROW = Row("float64", 1e-11, (Goal("casadi", 1.0),), most_seconds=0.3e-3)


def inputs(smoke: bool) -> tuple[np.ndarray]:
    """A point near the curved valley."""
    return (np.linspace(0.5, 1.5, 50 if smoke else 5_000),)


def make_adjoint(x: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.hessian(rosenbrock, sparse=True)
    return lambda: f(x).data


def make_casadi(x: np.ndarray) -> Callable[[], Any]:
    import casadi

    def build() -> Callable[[], Any]:
        a = casadi.SX.sym("x", len(x))
        f = casadi.Function("f", [a], [casadi.hessian(in_casadi(a), a)[0]])
        return lambda: f(x).sparse().data

    return at_first_call(build)


def make_numpy(x: np.ndarray) -> Callable[[], Any]:
    import scipy.sparse

    def work() -> Any:
        head, tail = x[:-1], x[1:]
        diagonal = np.zeros_like(x)
        diagonal[:-1] = 1200.0 * head * head - 400.0 * tail + 2.0
        diagonal[1:] += 200.0
        beside = -400.0 * head
        found = scipy.sparse.diags_array([beside, diagonal, beside], offsets=[-1, 0, 1])
        return found.tocsr().data

    return work
