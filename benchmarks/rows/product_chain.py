"""A chain of 800 products of 16×16 matrices, float64, and its sum"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import FASTEST_PEER, Goal, Row

ROW = Row("float64", 1e-9, (Goal(FASTEST_PEER, 2.0),))


def inputs(smoke: bool) -> tuple[np.ndarray, int]:
    """A rotation, which keeps the numbers as large as they are, and the number of products."""
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))
    return turn, 20 if smoke else 800


def chain(x: Any, steps: int) -> Any:
    """The power of a matrix, product by product."""
    y = x
    for _ in range(steps):
        y = y @ x
    return y


def make_adjoint(x: np.ndarray, steps: int) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.compile(lambda x: chain(x, steps).sum())
    return lambda: f(x)


def make_jax(x: np.ndarray, steps: int) -> Callable[[], Any]:
    import jax

    f = jax.jit(lambda x: jax.lax.fori_loop(0, steps, lambda _, y: y @ x, x).sum())
    given = jax.device_put(x)
    return lambda: f(given).block_until_ready()


def make_torch(x: np.ndarray, steps: int) -> Callable[[], Any]:
    import torch

    given = torch.from_numpy(x)
    return lambda: chain(given, steps).sum()


def make_numpy(x: np.ndarray, steps: int) -> Callable[[], Any]:
    return lambda: chain(x, steps).sum()
