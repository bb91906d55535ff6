"""A chain of 20,000 operations on one number: its gradient compiled and run once, Python floats in
and out"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.row import Row

ROW = Row("float64", 1e-9, most_first=5.0, once=True, timeout=120.0)


def inputs(smoke: bool) -> tuple[float, int]:
    """Where the chain begins, and how often it turns."""
    return 0.3, 200 if smoke else 10_000


def chain(sine: Callable[[Any], Any], turns: int, x: Any) -> Any:
    """x → 1.00001 sin x, again and again: its derivative stays away from zero."""
    for _ in range(turns):
        x = 1.00001 * sine(x)
    return x


def make_adjoint(x: float, turns: int) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.compile(ad.value_and_grad(partial(chain, ad.sin, turns)))
    return lambda: tuple(map(float, f(x)))


def make_jax(x: float, turns: int) -> Callable[[], Any]:
    import jax

    f = jax.jit(jax.value_and_grad(partial(chain, jax.numpy.sin, turns)))
    return lambda: tuple(map(float, f(x)))


def make_torch(x: float, turns: int) -> Callable[[], Any]:
    import torch

    def work() -> Any:
        a = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        y = chain(torch.sin, turns, a)
        return y.item(), torch.autograd.grad(y, a)[0].item()

    return work


def make_torch_compile(x: float, turns: int) -> Callable[[], Any]:
    import torch

    f = torch.compile(torch.func.grad_and_value(partial(chain, torch.sin, turns)))

    def work() -> Any:
        gradient, value = f(torch.tensor(x, dtype=torch.float64))
        return value.item(), gradient.item()

    return work


def make_autograd(x: float, turns: int) -> Callable[[], Any]:
    import autograd

    f = autograd.value_and_grad(partial(chain, autograd.numpy.sin, turns))
    return lambda: f(x)


def make_casadi(x: float, turns: int) -> Callable[[], Any]:
    import casadi

    def work() -> Any:
        a = casadi.SX.sym("x")
        y = chain(casadi.sin, turns, a)
        f = casadi.Function("f", [a], [y, casadi.gradient(y, a)])
        value, gradient = f(x)
        return float(value), float(gradient)

    return work


def make_numpy(x: float, turns: int) -> Callable[[], Any]:
    def work() -> Any:
        value, gradient = x, 1.0
        for _ in range(turns):
            gradient *= 1.00001 * math.cos(value)
            value = 1.00001 * math.sin(value)
        return value, gradient

    return work
