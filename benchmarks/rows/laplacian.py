"""Laplacian of a network of 3 layers of 64, at 64 points of 10 numbers

A physics-informed network: the Laplacian by its inputs, at many points. Of JAX's ways the fastest
was taken, the trace of the Hessian. Its `jet` along each direction takes 1.15 times as long.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Goal, Row

ROW = Row("float64", 1e-10, (Goal("jax", 2.0),))


def inputs(smoke: bool) -> tuple[Any, ...]:
    """Points, weights and biases."""
    rng = np.random.default_rng(0)
    sizes = (4, 8, 8, 8, 1) if smoke else (10, 64, 64, 64, 1)
    pairs = list(itertools.pairwise(sizes))
    weights = [rng.normal(size=pair) / np.sqrt(pair[0]) for pair in pairs]
    biases = [0.1 * rng.normal(size=pair[1]) for pair in pairs]
    return rng.normal(size=(5 if smoke else 64, sizes[0])), weights, biases


def network(np_: Any, x: Any, weights: Any, biases: Any) -> Any:
    """The output at one point."""
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        x = np_.tanh(x @ w + b)
    return (x @ weights[-1] + biases[-1])[0]


def make_adjoint(points: Any, weights: Any, biases: Any) -> Callable[[], Any]:
    import adjoint as ad

    def at(x: Any, weights: Any, biases: Any) -> Any:
        return ad.laplacian(lambda y: network(ad, y, weights, biases))(x)

    f = ad.compile(ad.vmap(at, (0, None, None)))
    return lambda: np.asarray(f(points, weights, biases))


def make_jax(points: Any, weights: Any, biases: Any) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    def at(x: Any, weights: Any, biases: Any) -> Any:
        return jnp.trace(jax.hessian(lambda y: network(jnp, y, weights, biases))(x))

    f = jax.jit(jax.vmap(at, (0, None, None)))
    return lambda: np.asarray(f(points, weights, biases))


def reference(points: np.ndarray, weights: Any, biases: Any) -> np.ndarray:
    """Forwards with first and second derivatives, by hand."""
    x, first, second = points, np.eye(points.shape[1])[None].repeat(len(points), 0), 0.0 * points
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        y = np.tanh(x @ w + b)
        slope = 1 - y**2
        first, second = first @ w, second @ w
        second = slope * second - 2 * y * slope * np.sum(first**2, 1)
        first = slope[:, None] * first
        x = y
    return (second @ weights[-1])[:, 0]
