"""The dense Hessian of Rosenbrock's function of 300 variables, NumPy in and out"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import FASTEST_PEER, Goal, Row, at_first_call
from benchmarks.rows.rosenbrock10 import in_casadi, rosenbrock

ROW = Row("float64", 1e-12, (Goal(FASTEST_PEER, 2.0),))


def inputs(smoke: bool) -> tuple[np.ndarray]:
    """A point near the curved valley."""
    return (np.linspace(0.5, 1.5, 30 if smoke else 300),)


def make_adjoint(x: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.compile(ad.hessian(rosenbrock))
    return lambda: np.asarray(f(x))


def make_adjoint_uncompiled(x: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.hessian(rosenbrock)
    return lambda: np.asarray(f(x))


def make_jax(x: np.ndarray) -> Callable[[], Any]:
    import jax

    f = jax.jit(jax.hessian(rosenbrock))
    return lambda: np.asarray(f(x))


def make_torch(x: np.ndarray) -> Callable[[], Any]:
    import torch

    f = torch.func.hessian(rosenbrock)
    return lambda: f(torch.from_numpy(x)).numpy()


def make_torch_compile(x: np.ndarray) -> Callable[[], Any]:
    import torch

    f = torch.compile(torch.func.hessian(rosenbrock))
    return lambda: f(torch.from_numpy(x)).numpy()


def make_autograd(x: np.ndarray) -> Callable[[], Any]:
    import autograd

    f = autograd.hessian(lambda x: autograd.numpy.sum(rosenbrock(x)))
    return lambda: f(x)


def make_casadi(x: np.ndarray) -> Callable[[], Any]:
    import casadi

    def build() -> Callable[[], Any]:
        a = casadi.SX.sym("x", len(x))
        f = casadi.Function("f", [a], [casadi.densify(casadi.hessian(in_casadi(a), a)[0])])
        return lambda: f(x).full()

    return at_first_call(build)


def make_numpy(x: np.ndarray) -> Callable[[], Any]:
    def work() -> Any:
        head, tail = x[:-1], x[1:]
        diagonal = np.zeros_like(x)
        diagonal[:-1] = 1200.0 * head * head - 400.0 * tail + 2.0
        diagonal[1:] += 200.0
        beside = -400.0 * head
        return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)

    return work
