"""What a gradient costs beside its value: at most a few times as much, says the theory.

Reverse mode takes at most five times the operations of the function (Griewank and Walther, 2008);
that the time is no more is not said. These are functions with which others are far from it: a loop
in JAX was measured to take 22 times its value. Both are compiled and called with arrays; figures
are the least of many short samples, in turns: a median would have a longer call wait more often for
what else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.measure import Result, installed

Pair = tuple[Callable[[], Any], Callable[[], Any]]
"""Calls for the value and for the gradient, which return when the results are there."""

SECONDS = 0.002


def sine(space: Any, x: Any) -> Any:
    """Σ sin xᵢ."""
    return space.sum(space.sin(x))


def looped(space: Any, x: Any) -> Any:
    """The same with a loop over the elements in Python."""
    total = 0.0
    for i in range(x.shape[0]):
        total = total + space.sin(x[i])
    return total


def kronecker(space: Any, x: Any) -> Any:
    """The sum of the squares of the Kronecker product of two halves."""
    a, b = x[: len(x) // 2], x[len(x) // 2 :]
    return space.sum(space.kron(a, b) ** 2)


CASES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[int], np.ndarray], int, float]] = {
    "sum(sin(x)), 1,000 numbers": (sine, lambda n: np.linspace(0.0, 1.0, n), 1000, 1.7),
    "a loop over 100 numbers": (looped, lambda n: np.linspace(0.0, 1.0, n), 100, 1.7),
    "kron of two 32 × 32": (
        kronecker,
        lambda n: np.random.default_rng(0).normal(size=(2 * n, n)),
        32,
        1.7,
    ),
}
"""The function, its argument of a size, the size, and how many times the value may be taken."""


def run(smoke: bool) -> list[Result]:
    """The ratio of each function, ours and those of peers that are there."""
    makers = {"adjoint": with_adjoint}
    if not smoke:
        makers |= {"jax": with_jax, "torch": with_torch}
    found = []
    for name, (f, points, size, most) in CASES.items():
        x = points(5 if smoke else size)
        wanted = [np.asarray(call()) for call in with_adjoint(f, x)]
        check(f, x, wanted[1])
        for peer, make in makers.items():
            if peer == "adjoint" or installed(peer):
                pair = make(f, x)
                for result, own in zip(pair, wanted, strict=True):
                    np.testing.assert_allclose(np.asarray(result()), own, rtol=1e-9)
                allowed = None if smoke or peer != "adjoint" else most
                times = in_turns(pair, 3 if smoke else 151)
                label = f"{peer}: {name} ({1e6 * times[1]:.1f} µs)"
                found.append(Result(label, times[1] / times[0], "×", allowed))
    return found


def check(f: Callable[[Any, Any], Any], x: np.ndarray, gradient: np.ndarray) -> None:
    """Compare the gradient with a central difference of NumPy's values, along one direction."""
    v = np.cos(np.arange(x.size)).reshape(x.shape)
    step = 1e-5
    slope = (f(np, x + step * v) - f(np, x - step * v)) / (2 * step)
    np.testing.assert_allclose(np.sum(gradient * v), slope, rtol=1e-5)


def in_turns(pair: Pair, rounds: int) -> list[float]:
    """The least seconds of one call of each."""
    counts = []
    for call in pair:
        call()
        started = time.perf_counter()
        call()
        counts.append(max(1, int(SECONDS / (time.perf_counter() - started))))
    samples: list[list[float]] = [[], []]
    for _ in range(rounds):
        for call, count, taken in zip(pair, counts, samples, strict=True):
            started = time.perf_counter()
            for _ in range(count):
                call()
            taken.append((time.perf_counter() - started) / count)
    return [min(taken) for taken in samples]


def with_adjoint(f: Callable[[Any, Any], Any], x: np.ndarray) -> Pair:
    value, gradient = ad.compile(lambda x: f(ad, x)), ad.compile(ad.grad(lambda x: f(ad, x)))
    return lambda: value(x), lambda: gradient(x)


def with_jax(f: Callable[[Any, Any], Any], x: np.ndarray) -> Pair:
    import jax

    jax.config.update("jax_enable_x64", True)
    given = jax.device_put(x)
    value = jax.jit(lambda x: f(jax.numpy, x))
    gradient = jax.jit(jax.grad(lambda x: f(jax.numpy, x)))
    return lambda: value(given).block_until_ready(), lambda: gradient(given).block_until_ready()


def with_torch(f: Callable[[Any, Any], Any], x: np.ndarray) -> Pair:
    import torch

    given = torch.from_numpy(x)

    def gradient() -> Any:
        a = torch.from_numpy(x).requires_grad_()
        return torch.autograd.grad(f(torch, a), a)[0]

    return lambda: f(torch, given), gradient
