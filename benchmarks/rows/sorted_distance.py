"""The 2-Wasserstein distance of two samples of 100,000 numbers, and its gradient by the first

A loss that sorts: Σ (x₍ᵢ₎ − y₍ᵢ₎)², and what each number of x adds to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import FASTEST_PEER, Goal, Row

ROW = Row("float64", 1e-12, (Goal(FASTEST_PEER, 1.0),))


def inputs(smoke: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two samples."""
    rng = np.random.default_rng(0)
    n = 20 if smoke else 100_000
    return rng.normal(size=n), rng.exponential(size=n)


def make_adjoint(x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    def distance(x: Any, y: Any) -> Any:
        return ad.sum((ad.sort(x) - ad.sort(y)) ** 2)

    f = ad.compile(ad.value_and_grad(distance))

    def work() -> Any:
        value, gradient = f(x, y)
        return float(value), np.asarray(gradient)

    return work


def make_jax(x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    f = jax.jit(jax.value_and_grad(lambda x, y: jnp.sum((jnp.sort(x) - jnp.sort(y)) ** 2)))
    given = jax.device_put(x), jax.device_put(y)
    return lambda: jax.block_until_ready(f(*given))


def make_torch(x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    import torch

    other = torch.from_numpy(y)

    def work() -> Any:
        a = torch.from_numpy(x).requires_grad_()
        value = torch.sum((torch.sort(a).values - torch.sort(other).values) ** 2)
        return value, torch.autograd.grad(value, a)[0]

    return work


def make_numpy(x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    def work() -> Any:
        order = np.argsort(x)
        gap = x[order] - np.sort(y)
        gradient = np.empty_like(x)
        gradient[order] = 2.0 * gap
        return gap @ gap, gradient

    return work
