"""Kalman filter, 4 states, 2,000 steps: log-likelihood and gradient by all its matrices"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.reference import gradient, scan
from benchmarks.row import Goal, Row

ROW = Row("float64", 1e-8, (Goal("jax", 3.0),))


def inputs(smoke: bool) -> tuple[np.ndarray, ...]:
    """Transition, observation, their noise, and the observations."""
    rng = np.random.default_rng(0)
    steps = 20 if smoke else 2000
    a = 0.9 * np.linalg.qr(rng.normal(size=(4, 4)))[0]
    return a, rng.normal(size=(2, 4)), 0.1 * np.eye(4), 0.5 * np.eye(2), rng.normal(size=(steps, 2))


def step_of(xp: Any, a: Any, c: Any, q: Any, r: Any) -> Callable[[Any, Any], Any]:
    """One step of the filter: prediction, and correction by an observation."""

    def step(state: Any, y: Any) -> Any:
        m, p = state
        m, p = a @ m, a @ p @ a.T + q
        s = c @ p @ c.T + r
        determinant = s[0, 0] * s[1, 1] - s[0, 1] * s[1, 0]
        gain = xp.linalg.solve(s, c @ p).T
        e = y - c @ m
        term = xp.log(determinant) + e @ xp.linalg.solve(s, e)
        return (m + gain @ e, p - gain @ c @ p), -0.5 * term

    return step


def reference(*given: np.ndarray) -> Any:
    """The result, by complex steps."""

    def likelihood(a: Any, c: Any, q: Any, r: Any) -> Any:
        start = np.zeros(4), np.eye(4)
        return sum(scan(step_of(np, a, c, q, r), start, given[4])[1])

    return likelihood(*given[:4]), *gradient(likelihood, *given[:4])


def make_adjoint(*given: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    def likelihood(a: Any, c: Any, q: Any, r: Any, ys: Any) -> Any:
        return ad.sum(ad.scan(step_of(ad, a, c, q, r), (np.zeros(4), np.eye(4)), ys)[1])

    f = ad.compile(ad.value_and_grad(likelihood, (0, 1, 2, 3)))

    def work() -> Any:
        value, slopes = f(*given)
        return np.asarray(value), *map(np.asarray, slopes)

    return work


def make_jax(*given: np.ndarray) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def likelihood(a: Any, c: Any, q: Any, r: Any, ys: Any) -> Any:
        return jnp.sum(jax.lax.scan(step_of(jnp, a, c, q, r), (jnp.zeros(4), jnp.eye(4)), ys)[1])

    f = jax.jit(jax.value_and_grad(likelihood, (0, 1, 2, 3)))

    def work() -> Any:
        value, slopes = f(*given)
        return np.asarray(value), *map(np.asarray, slopes)

    return work
