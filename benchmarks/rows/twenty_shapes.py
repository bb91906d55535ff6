"""The first call for each of twenty batch sizes: loss and gradient of a network 64-128-10, float32

Data comes in batches of many sizes, and who compiles for each of them anew is slower than who does
not compile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import training
from benchmarks.row import Goal, Row

ROW = Row("float32", 1e-5, (Goal("jax", 5.0),), once=True)
"""The goal is of the whole: twenty times what is compiled, and run once."""

Given = tuple[tuple[np.ndarray, ...], list[tuple[np.ndarray, np.ndarray]]]


def inputs(smoke: bool) -> Given:
    """Parameters, and twenty batches of 20 to 400 examples."""
    sizes = (3, 5) if smoke else tuple(range(20, 401, 20))
    parameters, x, labels = training.inputs_of(max(sizes), 64, 128, 10)
    target = training.one_hot(labels, 10)
    return parameters, [(x[:n], target[:n]) for n in sizes]


def make_adjoint(parameters: Any, batches: Any) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.compile(ad.value_and_grad(training.adjoint_loss))

    def one(x: Any, target: Any) -> Any:
        value, gradient = f(parameters, x, target)
        return np.asarray(value), *map(np.asarray, gradient)

    return lambda: [one(*batch) for batch in batches]


def make_jax(parameters: Any, batches: Any) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def loss(p: Any, x: Any, target: Any) -> Any:
        hidden = jnp.maximum(x @ p[0] + p[1], 0.0)
        scores = jax.nn.log_softmax(hidden @ p[2] + p[3])
        return -jnp.sum(target * scores) / x.shape[0]

    f = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready([f(parameters, *batch) for batch in batches])


def make_torch(parameters: Any, batches: Any) -> Callable[[], Any]:
    import torch

    p = [torch.from_numpy(a).requires_grad_() for a in parameters]

    def one(x: Any, target: Any) -> Any:
        hidden = torch.relu(torch.from_numpy(x) @ p[0] + p[1])
        scores = torch.log_softmax(hidden @ p[2] + p[3], -1)
        value = -torch.sum(torch.from_numpy(target) * scores) / len(x)
        return value, *torch.autograd.grad(value, p)

    return lambda: [one(*batch) for batch in batches]


def make_numpy(parameters: Any, batches: Any) -> Callable[[], Any]:
    w1, b1, w2, b2 = parameters

    def one(x: np.ndarray, target: np.ndarray) -> Any:
        hidden = np.maximum(x @ w1 + b1, 0.0)
        scores = hidden @ w2 + b2
        scores -= scores.max(axis=1, keepdims=True)
        weights = np.exp(scores)
        total = weights.sum(axis=1, keepdims=True)
        value = -np.sum(target * (scores - np.log(total))) / len(x)
        d = (weights / total - target) / len(x)
        e = d @ w2.T * (hidden > 0.0)
        return value, x.T @ e, e.sum(axis=0), hidden.T @ d, d.sum(axis=0)

    return lambda: [one(*batch) for batch in batches]
