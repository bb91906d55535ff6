"""Linear recurrence of 3×3 matrices, 10,000 steps: value and gradient

mₜ₊₁ = a mₜ + xₜ: the shortest step that there is, so that what is measured is the loop. The row
beside it has a tanh in each step, whose latency alone bounds it (design note 6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Goal, Row
from benchmarks.rows.matrix_recurrence import inputs as inputs

ROW = Row("float64", 1e-9, (Goal("jax", 10.0),))


def make_adjoint(a: np.ndarray, xs: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    def value(a: Any, xs: Any) -> Any:
        return ad.sum(ad.scan(lambda m, x: (a @ m + x, None), np.eye(3), xs)[0])

    f = ad.compile(ad.value_and_grad(value, (0, 1)))

    def work() -> Any:
        value, slopes = f(a, xs)
        return np.asarray(value), *map(np.asarray, slopes)

    return work


def make_jax(a: np.ndarray, xs: np.ndarray) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def value(a: Any, xs: Any) -> Any:
        return jnp.sum(jax.lax.scan(lambda m, x: (a @ m + x, None), jnp.eye(3), xs)[0])

    f = jax.jit(jax.value_and_grad(value, (0, 1)))

    def work() -> Any:
        value, slopes = f(a, xs)
        return np.asarray(value), *map(np.asarray, slopes)

    return work


def make_numpy(a: np.ndarray, xs: np.ndarray) -> Callable[[], Any]:
    def work() -> Any:
        states = [np.eye(3)]
        for x in xs:
            states.append(a @ states[-1] + x)
        back, by_a, by_xs = np.ones((3, 3)), np.zeros((3, 3)), np.empty_like(xs)
        for t in range(len(xs) - 1, -1, -1):
            by_xs[t] = back
            by_a += back @ states[t].T
            back = a.T @ back
        return states[-1].sum(), by_a, by_xs

    return work
