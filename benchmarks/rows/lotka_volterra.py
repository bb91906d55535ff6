"""Lotka–Volterra by RK4, 10,000 steps: gradient and Hessian by 4 parameters"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.reference import gradient, hessian, scan
from benchmarks.row import Goal, Row

ROW = Row("float64", 1e-7, (Goal("jax", 10.0),))


def inputs(smoke: bool) -> tuple[np.ndarray, int]:
    """The parameters, and the number of steps."""
    return np.array([1.5, 1.0, 1.0, 3.0]), 200 if smoke else 10_000


def step_of(xp: Any, p: Any, h: float) -> Callable[[Any, Any], Any]:
    """One step of the method."""

    def flow(y: Any) -> Any:
        return xp.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])

    def step(y: Any, _: Any) -> Any:
        k1 = flow(y)
        k2 = flow(y + h / 2 * k1)
        k3 = flow(y + h / 2 * k2)
        k4 = flow(y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    return step


def reference(p: np.ndarray, steps: int) -> Any:
    """The result, by complex steps and differences of these."""

    def end(p: Any) -> Any:
        return np.sum(scan(step_of(np, p, 10 / steps), np.ones(2), None, steps)[0])

    return *gradient(end, p), hessian(end, p)


def make_adjoint(p: np.ndarray, steps: int) -> Callable[[], Any]:
    import adjoint as ad

    def end(p: Any) -> Any:
        return ad.sum(ad.scan(step_of(ad, p, 10 / steps), np.ones(2), length=steps)[0])

    f = ad.compile(lambda p: (ad.grad(end)(p), ad.hessian(end)(p)))
    return lambda: tuple(map(np.asarray, f(p)))


def make_jax(p: np.ndarray, steps: int) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def end(p: Any) -> Any:
        return jnp.sum(jax.lax.scan(step_of(jnp, p, 10 / steps), jnp.ones(2), length=steps)[0])

    f = jax.jit(lambda p: (jax.grad(end)(p), jax.hessian(end)(p)))
    return lambda: tuple(map(np.asarray, f(p)))
