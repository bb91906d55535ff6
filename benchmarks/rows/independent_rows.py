"""Lotka–Volterra by RK4, 4,096 populations with parameters of their own, 1,000 steps: gradient

No population depends on another, so that threads can run the whole loop, each for some of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.reference import scan
from benchmarks.row import Goal, Row

ROW = Row("float64", 1e-8, (Goal("jax", 2.0),))
TINY = 1e-30


def inputs(smoke: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """The first populations, the parameters, and the number of steps."""
    rows, steps = (64, 50) if smoke else (4096, 1000)
    rng = np.random.default_rng(0)
    start = rng.uniform(0.5, 1.5, (rows, 2))
    return start, np.array([1.1, 0.4, 0.1, 0.4]) * rng.uniform(0.9, 1.1, (rows, 4)), steps


def step_of(p: Any) -> Callable[[Any, Any], Any]:
    """One step of the method."""

    def flow(x: Any, y: Any) -> Any:
        return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y

    def step(state: Any, _: Any) -> Any:
        x, y = state
        h = 0.01
        a, b = flow(x, y)
        c, d = flow(x + h / 2 * a, y + h / 2 * b)
        e, f = flow(x + h / 2 * c, y + h / 2 * d)
        g, k = flow(x + h * e, y + h * f)
        return (x + h / 6 * (a + 2 * c + 2 * e + g), y + h / 6 * (b + 2 * d + 2 * f + k)), None

    return step


def reference(start: np.ndarray, p: np.ndarray, steps: int) -> Any:
    """The slopes by complex steps, of all rows at once."""
    points = [np.asarray(start.T, complex), np.asarray(p.T, complex)]
    slopes = [np.empty(x.shape) for x in points]
    for number, slope in enumerate(slopes):
        for place in range(len(slope)):
            moved = [np.array(x) for x in points]
            moved[number][place] += 1j * TINY
            x, y = scan(step_of(moved[1]), tuple(moved[0]), None, steps)[0]
            slope[place] = (x + y).imag / TINY
    return slopes[0].T, slopes[1].T


def make_adjoint(start: np.ndarray, p: np.ndarray, steps: int) -> Callable[[], Any]:
    import adjoint as ad

    def end(start: Any, p: Any) -> Any:
        x, y = ad.scan(step_of(p), (start[0], start[1]), length=steps)[0]
        return x + y

    f = ad.compile(ad.grad(lambda start, p: ad.sum(ad.vmap(end)(start, p)), (0, 1)))
    return lambda: tuple(map(np.asarray, f(start, p)))


def make_jax(start: np.ndarray, p: np.ndarray, steps: int) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def end(start: Any, p: Any) -> Any:
        x, y = jax.lax.scan(step_of(p), (start[0], start[1]), length=steps)[0]
        return x + y

    f = jax.jit(jax.grad(lambda start, p: jnp.sum(jax.vmap(end)(start, p)), (0, 1)))
    return lambda: tuple(map(np.asarray, f(start, p)))
