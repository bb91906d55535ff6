"""Gradients of each of 64 examples by all weights of a network 64-128-10, float32

As in training with private data: the gradients are clipped to length 1 and added up.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Goal, Row

ROW = Row("float32", 1e-4, (Goal("jax", 2.0),))


def inputs(smoke: bool) -> tuple[Any, ...]:
    """Weights, examples and their labels, one-hot."""
    rng = np.random.default_rng(0)
    sizes = (8, 16, 4) if smoke else (64, 128, 10)
    pairs = list(itertools.pairwise(sizes))
    weights = [(rng.normal(size=p) / np.sqrt(p[0])).astype(np.float32) for p in pairs]
    count = 6 if smoke else 64
    x = rng.normal(size=(count, sizes[0])).astype(np.float32)
    labels = np.eye(sizes[-1], dtype=np.float32)[rng.integers(0, sizes[-1], count)]
    return weights, x, labels


def loss(np_: Any, weights: Any, x: Any, label: Any) -> Any:
    """The cross entropy of one example."""
    z = np_.tanh(x @ weights[0]) @ weights[1]
    top = np_.max(z)
    return np_.log(np_.sum(np_.exp(z - top))) + top - np_.sum(z * label)


def clipped(np_: Any, gradients: Any) -> Any:
    """The sum of the gradients, none longer than 1."""
    length = np_.sqrt(sum(np_.sum(g * g, axis=(1, 2)) for g in gradients))
    factor = 1 / np_.maximum(length, 1.0)
    return tuple(np_.sum(g * factor[:, None, None], axis=0) for g in gradients)


def make_adjoint(weights: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import adjoint as ad

    each = ad.vmap(ad.grad(lambda w, x, y: loss(ad, w, x, y)), (None, 0, 0))
    f = ad.compile(lambda w, x, y: clipped(ad, each(w, x, y)))
    return lambda: [np.asarray(g) for g in f(weights, x, labels)]


def make_jax(weights: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    each = jax.vmap(jax.grad(lambda w, x, y: loss(jnp, w, x, y)), (None, 0, 0))
    f = jax.jit(lambda w, x, y: clipped(jnp, each(w, x, y)))
    return lambda: [np.asarray(g) for g in f(weights, x, labels)]


def make_torch(weights: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import torch

    tensors = [torch.from_numpy(w) for w in weights]

    def of_one(w: Any, x: Any, y: Any) -> Any:
        z = torch.tanh(x @ w[0]) @ w[1]
        return torch.logsumexp(z, 0) - torch.sum(z * y)

    each = torch.func.vmap(torch.func.grad(of_one), (None, 0, 0))

    def work() -> Any:
        gradients = each(tensors, torch.from_numpy(x), torch.from_numpy(labels))
        length = torch.sqrt(sum((g * g).sum((1, 2)) for g in gradients))
        factor = 1 / torch.clamp(length, min=1.0)
        return [(g * factor[:, None, None]).sum(0).numpy() for g in gradients]

    return work


def reference(weights: Any, x: Any, labels: Any) -> list[np.ndarray]:
    """By hand, an example at a time, in double precision."""
    w1, w2 = (w.astype(np.float64) for w in weights)
    total = [np.zeros_like(w1), np.zeros_like(w2)]
    for row, label in zip(x.astype(np.float64), labels, strict=True):
        hidden = np.tanh(row @ w1)
        z = hidden @ w2
        p = np.exp(z - z.max())
        back = p / p.sum() - label
        gradients = [np.outer(row, (w2 @ back) * (1 - hidden**2)), np.outer(hidden, back)]
        length = np.sqrt(sum((g**2).sum() for g in gradients))
        for g, t in zip(gradients, total, strict=True):
            t += g / max(length, 1.0)
    return total
