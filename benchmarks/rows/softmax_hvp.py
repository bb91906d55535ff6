"""Softmax regression on 1,000 classes, 512 examples of 256 features, float32: loss, gradient and a
Hessian-vector product"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import FASTEST_PEER, Goal, Row

ROW = Row("float32", 2e-5, (Goal(FASTEST_PEER, 1.5),))


def inputs(smoke: bool) -> tuple[np.ndarray, ...]:
    """Weights, a direction, examples and labels."""
    examples, features, classes = (256, 16, 500) if smoke else (512, 256, 1000)
    rng = np.random.default_rng(0)
    weights = rng.normal(0.0, 0.05, (features, classes)).astype(np.float32)
    direction = rng.normal(0.0, 1.0, (features, classes)).astype(np.float32)
    x = rng.normal(0.0, 1.0, (examples, features)).astype(np.float32)
    return weights, direction, x, rng.integers(0, classes, examples)


def make_adjoint(w: Any, v: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import adjoint as ad

    def loss(w: Any, x: Any, labels: Any) -> Any:
        scores = ad.log_softmax(x @ w, axis=-1)
        return -ad.mean(ad.take_along_axis(scores, ad.expand_dims(labels, 1), axis=1))

    @ad.compile
    def work(w: Any, v: Any, x: Any, labels: Any) -> Any:
        return ad.jvp(ad.value_and_grad(lambda w: loss(w, x, labels)), (w,), (v,))

    def three() -> Any:
        (value, gradient), (_, product) = work(w, v, x, labels)
        return value, gradient, product

    return three


def make_jax(w: Any, v: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import jax

    def loss(w: Any, x: Any, labels: Any) -> Any:
        scores = jax.nn.log_softmax(x @ w)
        return -jax.numpy.mean(jax.numpy.take_along_axis(scores, labels[:, None], axis=1))

    @jax.jit
    def work(w: Any, v: Any, x: Any, labels: Any) -> Any:
        both = jax.value_and_grad(lambda w: loss(w, x, labels))
        (value, gradient), (_, product) = jax.jvp(both, (w,), (v,))
        return value, gradient, product

    given = [jax.device_put(a) for a in (w, v, x, labels)]
    return lambda: jax.block_until_ready(work(*given))


def torch_loss(w: Any, x: Any, labels: Any) -> Any:
    """The loss, in PyTorch's words."""
    import torch

    return torch.nn.functional.cross_entropy(x @ w, labels)


def make_torch(w: Any, v: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import torch

    weights = torch.from_numpy(w).requires_grad_()
    direction, examples, classes = (torch.from_numpy(a) for a in (v, x, labels))

    def work() -> Any:
        value = torch_loss(weights, examples, classes)
        (gradient,) = torch.autograd.grad(value, weights, create_graph=True)
        (product,) = torch.autograd.grad(gradient, weights, direction)
        return value, gradient, product

    return work


def make_torch_compile(w: Any, v: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import torch

    @torch.compile
    def work(w: Any, v: Any, x: Any, labels: Any) -> Any:
        both = torch.func.grad_and_value(lambda w: torch_loss(w, x, labels))
        (gradient, value), (product, _) = torch.func.jvp(both, (w,), (v,))
        return value, gradient, product

    given = [torch.from_numpy(a) for a in (w, v, x, labels)]
    return lambda: work(*given)


def make_autograd(w: Any, v: Any, x: Any, labels: Any) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    places = np.arange(len(x)), labels

    def loss(w: Any) -> Any:
        scores = x @ w
        top = anp.max(scores, axis=1, keepdims=True)
        total = anp.log(anp.sum(anp.exp(scores - top), axis=1)) + top[:, 0]
        return anp.mean(total - scores[places])

    both, product = autograd.value_and_grad(loss), autograd.hessian_vector_product(loss)
    return lambda: (*both(w), product(w, v))


def make_numpy(w: Any, v: Any, x: Any, labels: Any) -> Callable[[], Any]:
    examples = np.float32(len(x))
    places = np.arange(len(x)), labels

    def work() -> Any:
        scores = x @ w
        scores -= scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        total = p.sum(axis=1, keepdims=True)
        value = np.mean(np.log(total[:, 0]) - scores[places])
        p /= total
        change = x @ v
        change -= np.sum(p * change, axis=1, keepdims=True)
        change *= p
        p[places] -= 1.0
        return value, x.T @ p / examples, x.T @ change / examples

    return work
