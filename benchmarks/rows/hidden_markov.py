"""Hidden Markov model, 20 states, 5,000 steps: log-likelihood and gradient"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.reference import gradient, scan
from benchmarks.row import Goal, Row

ROW = Row("float64", 1e-8, (Goal("jax", 3.0),))


def inputs(smoke: bool) -> tuple[np.ndarray, ...]:
    """The transition matrix, and the logarithms of how likely each observation is in each state."""
    states, steps = (4, 10) if smoke else (20, 5000)
    rng = np.random.default_rng(0)
    moves = rng.random(size=(states, states))
    return moves / moves.sum(1, keepdims=True), rng.normal(size=(steps, states))


def step_of(xp: Any, moves: Any) -> Callable[[Any, Any], Any]:
    """One step of the forward algorithm, and the logarithm of its factor."""

    def step(a: Any, seen: Any) -> Any:
        a = (a @ moves) * xp.exp(seen)
        factor = xp.sum(a)
        return a / factor, xp.log(factor)

    return step


def reference(moves: np.ndarray, seen: np.ndarray) -> Any:
    """The result, by complex steps."""

    def likelihood(moves: Any, seen: Any) -> Any:
        count = len(moves)
        return sum(scan(step_of(np, moves), np.full(count, 1 / count), seen)[1])

    return likelihood(moves, seen), *gradient(likelihood, moves, seen)


def make_adjoint(moves: np.ndarray, seen: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    count = len(moves)

    def likelihood(moves: Any, seen: Any) -> Any:
        return ad.sum(ad.scan(step_of(ad, moves), np.full(count, 1 / count), seen)[1])

    f = ad.compile(ad.value_and_grad(likelihood, (0, 1)))

    def work() -> Any:
        value, slopes = f(moves, seen)
        return np.asarray(value), *map(np.asarray, slopes)

    return work


def make_jax(moves: np.ndarray, seen: np.ndarray) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    count = len(moves)

    def likelihood(moves: Any, seen: Any) -> Any:
        return jnp.sum(jax.lax.scan(step_of(jnp, moves), jnp.full(count, 1 / count), seen)[1])

    f = jax.jit(jax.value_and_grad(likelihood, (0, 1)))

    def work() -> Any:
        value, slopes = f(moves, seen)
        return np.asarray(value), *map(np.asarray, slopes)

    return work
