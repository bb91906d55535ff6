"""The gradient of Rosenbrock's function of 10 variables, NumPy in and out"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.row import Goal, Row, at_first_call

ROW = Row("float64", 1e-12, (Goal("jax", 8.0),), most_seconds=1.5e-6)


def inputs(smoke: bool) -> tuple[np.ndarray]:
    """A point near the curved valley."""
    return (np.linspace(0.5, 1.5, 10),)


def rosenbrock(x: Any) -> Any:
    """Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def in_casadi(x: Any) -> Any:
    """The same, of a column in CasADi."""
    import casadi

    return casadi.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def make_adjoint(x: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.compile(ad.grad(rosenbrock))
    return lambda: np.asarray(f(x))


def make_adjoint_uncompiled(x: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.grad(rosenbrock)
    return lambda: np.asarray(f(x))


def make_jax(x: np.ndarray) -> Callable[[], Any]:
    import jax

    f = jax.jit(jax.grad(rosenbrock))
    return lambda: np.asarray(f(x))


def make_torch(x: np.ndarray) -> Callable[[], Any]:
    import torch

    def work() -> Any:
        a = torch.from_numpy(x).requires_grad_()
        return torch.autograd.grad(rosenbrock(a), a)[0].numpy()

    return work


def make_torch_compile(x: np.ndarray) -> Callable[[], Any]:
    import torch

    f = torch.compile(torch.func.grad(rosenbrock))
    return lambda: f(torch.from_numpy(x)).numpy()


def make_autograd(x: np.ndarray) -> Callable[[], Any]:
    import autograd

    return partial(autograd.grad(lambda x: autograd.numpy.sum(rosenbrock(x))), x)


def make_casadi(x: np.ndarray) -> Callable[[], Any]:
    import casadi

    def build() -> Callable[[], Any]:
        a = casadi.SX.sym("x", len(x))
        f = casadi.Function("f", [a], [casadi.gradient(in_casadi(a), a)])
        return lambda: f(x).full()[:, 0]

    return at_first_call(build)


def make_numpy(x: np.ndarray) -> Callable[[], Any]:
    def work() -> Any:
        head, gap = x[:-1], x[1:] - x[:-1] ** 2
        gradient = np.zeros_like(x)
        gradient[:-1] = -400.0 * head * gap - 2.0 * (1.0 - head)
        gradient[1:] += 200.0 * gap
        return gradient

    return work
