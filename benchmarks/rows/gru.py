"""GRU cell, width 64, batch 32, 1,000 steps: loss and gradient by all weights"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.reference import gradient, scan
from benchmarks.row import Goal, Row

ROW = Row(
    "float32",
    1e-3,
    (Goal("jax", 2.0), Goal("torch", 2.0), Goal("torch_compile", 2.0)),
    timeout=600.0,
)

STEPS_AT_ONCE = 20
"""What torch.compile is given: it writes loops out, and 1,000 steps at once take it too long."""


def inputs(smoke: bool) -> tuple[np.ndarray, ...]:
    """Weights for the input and for the state, biases, a sequence, and the first state."""
    steps, batch, width = (5, 4, 8) if smoke else (1000, 32, 64)
    rng = np.random.default_rng(0)
    shapes = (width, 3 * width), (width, 3 * width), (3 * width,), (steps, batch, width)
    draws = [rng.normal(scale=0.1, size=shape) for shape in (*shapes, (batch, width))]
    return tuple(x.astype(np.float32) for x in draws)


def cell(xp: Any, sigmoid: Any, w: Any, u: Any, b: Any, h: Any, x: Any) -> Any:
    """The next state."""
    width = h.shape[-1]
    given, own = x @ w + b, h @ u
    update = sigmoid(given[:, :width] + own[:, :width])
    reset = sigmoid(given[:, width : 2 * width] + own[:, width : 2 * width])
    new = xp.tanh(given[:, 2 * width :] + reset * own[:, 2 * width :])
    return (1 - update) * new + update * h


def reference(*given: np.ndarray) -> Any:
    """The result, by complex steps in double precision."""

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    def loss(w: Any, u: Any, b: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = cell(np, sigmoid, w, u, b, h, x)
            return h, np.mean(h * h)

        return np.mean(scan(step, given[4], given[3])[1])

    weights = given[:3]
    return loss(*weights), *gradient(loss, *weights)


def make_adjoint(*given: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    def loss(w: Any, u: Any, b: Any, xs: Any, h: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = cell(ad, ad.special.expit, w, u, b, h, x)
            return h, ad.mean(h * h)

        return ad.mean(ad.scan(step, h, xs)[1])

    f = ad.compile(ad.value_and_grad(loss, (0, 1, 2)))

    def work() -> Any:
        value, slopes = f(*given)
        return np.asarray(value), *map(np.asarray, slopes)

    return work


def make_jax(*given: np.ndarray) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def loss(w: Any, u: Any, b: Any, xs: Any, h: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = cell(jnp, jax.nn.sigmoid, w, u, b, h, x)
            return h, jnp.mean(h * h)

        return jnp.mean(jax.lax.scan(step, h, xs)[1])

    f = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))

    def work() -> Any:
        value, slopes = f(*given)
        return np.asarray(value), *map(np.asarray, slopes)

    return work


def torch_steps(w: Any, u: Any, b: Any, h: Any, xs: Any) -> tuple[Any, Any]:
    """The last state of some steps, and the sum of the mean squares of all."""
    import torch

    total = torch.zeros(())
    for x in xs:
        h = cell(torch, torch.sigmoid, w, u, b, h, x)
        total = total + (h * h).mean()
    return h, total


def torch_work(given: tuple[np.ndarray, ...], steps: Any, at_once: int) -> Callable[[], Any]:
    """Loss and gradient by PyTorch, of which `steps` computes so many steps `at_once`."""
    import torch

    def work() -> Any:
        w, u, b, xs, h = map(torch.from_numpy, given)
        weights = [x.clone().requires_grad_() for x in (w, u, b)]
        totals = []
        for part in xs.split(at_once):
            h, total = steps(*weights, h, part)
            totals.append(total)
        value = torch.stack(totals).sum() / len(xs)
        slopes = torch.autograd.grad(value, weights)
        return value.detach().numpy(), *(x.numpy() for x in slopes)

    return work


def make_torch(*given: np.ndarray) -> Callable[[], Any]:
    return torch_work(given, torch_steps, len(given[3]))


def make_torch_compile(*given: np.ndarray) -> Callable[[], Any]:
    import torch

    return torch_work(given, torch.compile(torch_steps), STEPS_AT_ONCE)
