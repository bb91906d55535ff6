"""One step of training a network with one hidden layer, as each system writes it.

A call computes loss and gradient for one batch and moves the parameters, which the next call finds
moved: in place or donated, where the system can. (torch.compile in place computed wrong parameters,
2.13.0 on a CPU, so it makes new ones.) The result is the loss and the parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

RATE = 0.01
Inputs = tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]


def inputs_of(batch: int, *sizes: int) -> Inputs:
    """Parameters (W₁, b₁, W₂, b₂), pictures and labels, in float32."""
    rng = np.random.default_rng(0)
    first, hidden, last = sizes
    parameters = (
        rng.normal(0.0, first**-0.5, (first, hidden)).astype(np.float32),
        np.zeros(hidden, np.float32),
        rng.normal(0.0, hidden**-0.5, (hidden, last)).astype(np.float32),
        np.zeros(last, np.float32),
    )
    pictures = rng.random((batch, first), dtype=np.float32)
    return parameters, pictures, rng.integers(0, last, batch)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """A row for each label with a one in its place."""
    return np.eye(classes, dtype=np.float32)[labels]


def with_adjoint(parameters: tuple[np.ndarray, ...], x: Any, labels: Any) -> Callable[[], Any]:
    import adjoint as ad

    target = one_hot(labels, len(parameters[3]))

    @ad.compile(donate=0)
    def step(p: Any, x: Any, target: Any) -> Any:
        value, gradient = ad.value_and_grad(adjoint_loss)(p, x, target)
        return value, tuple(a - RATE * g for a, g in zip(p, gradient, strict=True))

    return in_turn(step, parameters, x, target)


def adjoint_loss(p: Any, x: Any, target: Any) -> Any:
    """The cross-entropy, in our words."""
    import adjoint as ad

    hidden = ad.maximum(x @ p[0] + p[1], 0.0)
    scores = ad.log_softmax(hidden @ p[2] + p[3], axis=-1)
    return -ad.sum(target * scores) / x.shape[0]


def with_adjoint_uncompiled(
    parameters: tuple[np.ndarray, ...], x: Any, labels: Any
) -> Callable[[], Any]:
    import adjoint as ad

    both = ad.value_and_grad(adjoint_loss)
    data = ad.asarray(x), ad.asarray(one_hot(labels, len(parameters[3])))

    def step(p: Any, x: Any, target: Any) -> Any:
        value, gradient = both(p, x, target)
        return ad.evaluate((value, tuple(a - RATE * g for a, g in zip(p, gradient, strict=True))))

    return in_turn(step, tuple(map(ad.asarray, parameters)), *data)


def with_jax(parameters: tuple[np.ndarray, ...], x: Any, labels: Any) -> Callable[[], Any]:
    import jax

    target = one_hot(labels, len(parameters[3]))

    def loss(p: Any, x: Any, target: Any) -> Any:
        hidden = jax.nn.relu(x @ p[0] + p[1])
        scores = jax.nn.log_softmax(hidden @ p[2] + p[3])
        return -jax.numpy.sum(target * scores) / x.shape[0]

    def step(p: Any, x: Any, target: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(p, x, target)
        return value, tuple(a - RATE * g for a, g in zip(p, gradient, strict=True))

    compiled = jax.jit(step, donate_argnums=0)
    put = [jax.device_put(a) for a in (x, target)]
    return in_turn(
        lambda *given: jax.block_until_ready(compiled(*given)),
        tuple(map(jax.device_put, parameters)),
        *put,
    )


def in_turn(step: Callable[..., Any], parameters: Any, *data: Any) -> Callable[[], Any]:
    """The work of a step that takes parameters and returns the loss and the next ones."""
    now = [parameters]

    def work() -> Any:
        value, now[0] = step(now[0], *data)
        return value, now[0]

    return work


def torch_loss(p: Any, x: Any, labels: Any) -> Any:
    """The cross-entropy, in PyTorch's words."""
    import torch

    hidden = torch.relu(torch.addmm(p[1], x, p[0]))
    return torch.nn.functional.cross_entropy(torch.addmm(p[3], hidden, p[2]), labels)


def with_torch(parameters: tuple[np.ndarray, ...], x: Any, labels: Any) -> Callable[[], Any]:
    import torch

    p = [torch.tensor(a, requires_grad=True) for a in parameters]
    data = torch.from_numpy(x), torch.from_numpy(labels)

    def work() -> Any:
        value = torch_loss(p, *data)
        gradient = torch.autograd.grad(value, p)
        with torch.no_grad():
            torch._foreach_add_(p, gradient, alpha=-RATE)
        return value, p

    return work


def with_torch_compile(
    parameters: tuple[np.ndarray, ...], x: Any, labels: Any
) -> Callable[[], Any]:
    import torch

    @torch.compile
    def step(p: Any, x: Any, labels: Any) -> Any:
        gradient, value = torch.func.grad_and_value(torch_loss)(p, x, labels)
        return value, tuple(a - RATE * g for a, g in zip(p, gradient, strict=True))

    tensors = [torch.from_numpy(a) for a in (*parameters, x, labels)]
    return in_turn(step, tuple(tensors[:-2]), *tensors[-2:])


def with_autograd(parameters: tuple[np.ndarray, ...], x: Any, labels: Any) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    target = one_hot(labels, len(parameters[3]))

    def loss(p: Any) -> Any:
        scores = anp.maximum(x @ p[0] + p[1], 0.0) @ p[2] + p[3]
        scores = scores - anp.max(scores, axis=1, keepdims=True)
        scores = scores - anp.log(anp.sum(anp.exp(scores), axis=1, keepdims=True))
        return -anp.sum(target * scores) / x.shape[0]

    both = autograd.value_and_grad(loss)
    p = tuple(a.copy() for a in parameters)

    def work() -> Any:
        value, gradient = both(p)
        for a, g in zip(p, gradient, strict=True):
            a -= RATE * g.astype(np.float32)
        return value, p

    return work


def with_numpy(parameters: tuple[np.ndarray, ...], x: Any, labels: Any) -> Callable[[], Any]:
    p = tuple(a.copy() for a in parameters)
    w1, b1, w2, b2 = p
    target = one_hot(labels, len(b2))
    batch = np.float32(len(x))

    def work() -> Any:
        hidden = x @ w1
        hidden += b1
        np.maximum(hidden, 0.0, out=hidden)
        scores = hidden @ w2
        scores += b2
        scores -= scores.max(axis=1, keepdims=True)
        e = np.exp(scores)
        total = e.sum(axis=1, keepdims=True)
        value = (np.log(total).sum() - np.vdot(target, scores)) / batch
        e /= total
        e -= target
        e /= batch
        back = e @ w2.T
        back *= hidden > 0.0
        for a, g in ((w1, x.T @ back), (b1, back.sum(0)), (w2, hidden.T @ e), (b2, e.sum(0))):
            g *= RATE
            a -= g
        return value, p

    return work


def products_alone(
    parameters: tuple[np.ndarray, ...], x: np.ndarray, labels: np.ndarray
) -> Callable[[], Any]:
    """The five matrix products of a step, into memory that is there."""
    w1, b1, w2, b2 = parameters
    hidden, scores = np.empty((len(x), len(b1)), x.dtype), np.empty((len(x), len(b2)), x.dtype)
    back, of_w1, of_w2 = np.empty_like(hidden), np.empty_like(w1), np.empty_like(w2)
    turned = np.ascontiguousarray(w2.T)

    def work() -> Any:
        np.matmul(x, w1, out=hidden)
        np.matmul(hidden, w2, out=scores)
        np.matmul(scores, turned, out=back)
        np.matmul(hidden.T, scores, out=of_w2)
        return np.matmul(x.T, back, out=of_w1)

    return work
