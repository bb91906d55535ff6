"""Heat equation on 128×128, 500 steps, 64 MB for states: gradient by the initial field"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.reference import gradient, scan
from benchmarks.row import Goal, Row

ROW = Row("float64", 1e-9, (Goal("jax", 2.0),))

MEMORY = 64 << 20


def inputs(smoke: bool) -> tuple[np.ndarray, int]:
    """The initial field, and the number of steps."""
    size, steps = (8, 16) if smoke else (128, 500)
    return np.random.default_rng(0).normal(size=(size, size)), steps


def step_of(xp: Any) -> Callable[[Any, Any], Any]:
    """One explicit step, on a torus."""

    def step(u: Any, _: Any) -> Any:
        around = xp.roll(u, 1, 0) + xp.roll(u, -1, 0) + xp.roll(u, 1, 1) + xp.roll(u, -1, 1)
        return u + 0.1 * (around - 4 * u), None

    return step


def reference(u: np.ndarray, steps: int) -> Any:
    """The result, by complex steps."""

    def end(u: Any) -> Any:
        last = scan(step_of(np), u, None, steps)[0]
        return np.sum(last**2 * last)

    return gradient(end, u)[0]


def make_adjoint(u: np.ndarray, steps: int) -> Callable[[], Any]:
    import adjoint as ad

    def end(u: Any) -> Any:
        last, _ = ad.scan(step_of(ad), u, length=steps, memory=MEMORY)
        return ad.sum(last**2 * last)

    f = ad.compile(ad.grad(end))
    return lambda: np.asarray(f(u))


def make_jax(u: np.ndarray, steps: int) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    block = next(n for n in range(int(steps**0.5), 0, -1) if steps % n == 0)

    @jax.checkpoint
    def several(u: Any, _: Any) -> Any:
        return jax.lax.scan(step_of(jnp), u, length=block)

    def end(u: Any) -> Any:
        last, _ = jax.lax.scan(several, u, length=steps // block)
        return jnp.sum(last**2 * last)

    f = jax.jit(jax.grad(end))
    return lambda: np.asarray(f(u))
