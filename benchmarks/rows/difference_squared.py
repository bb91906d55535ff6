"""The gradient of the sum of squared differences between neighbours, on a grid of 256³

A roughness penalty of images and fields. Ten numbers are read for each that is written, but from
memory each comes once: what bounds it is the bandwidth of the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.row import FASTEST_PEER, Goal, Row

ROW = Row("float64", 1e-12, (Goal(FASTEST_PEER, 1.5),))


def inputs(smoke: bool) -> tuple[np.ndarray]:
    """A field."""
    n = 6 if smoke else 256
    return (np.random.default_rng(0).normal(size=(n, n, n)),)


def roughness(u: Any) -> Any:
    """Σ (uᵢ₊₁ − uᵢ)² along each of the three axes."""
    return (
        ((u[1:] - u[:-1]) ** 2).sum()
        + ((u[:, 1:] - u[:, :-1]) ** 2).sum()
        + ((u[:, :, 1:] - u[:, :, :-1]) ** 2).sum()
    )


def make_adjoint(u: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.compile(ad.grad(roughness))
    return lambda: np.asarray(f(u))


def make_adjoint_uncompiled(u: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.grad(roughness)
    return lambda: np.asarray(f(u))


def make_jax(u: np.ndarray) -> Callable[[], Any]:
    import jax

    f = jax.jit(jax.grad(roughness))
    given = jax.device_put(u)
    return lambda: f(given).block_until_ready()


def make_torch(u: np.ndarray) -> Callable[[], Any]:
    import torch

    def work() -> Any:
        a = torch.from_numpy(u).requires_grad_()
        return torch.autograd.grad(roughness(a), a)[0]

    return work


def make_torch_compile(u: np.ndarray) -> Callable[[], Any]:
    import torch

    return partial(torch.compile(torch.func.grad(roughness)), torch.from_numpy(u))


def make_numpy(u: np.ndarray) -> Callable[[], Any]:
    def work() -> Any:
        gradient = np.zeros_like(u)
        for axis in range(3):
            step = 2.0 * np.diff(u, axis=axis)
            moved, out = np.moveaxis(step, axis, 0), np.moveaxis(gradient, axis, 0)
            out[1:] += moved
            out[:-1] -= moved
        return gradient

    return work
