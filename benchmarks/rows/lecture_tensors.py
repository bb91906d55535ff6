"""The lecture's function log x₁ + x₁ x₂ − sin x₂ and both partial derivatives, Python floats in.

Results are left as each system's own scalars.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.row import Goal, Row, at_first_call

ROW = Row("float64", 1e-14, (Goal("jax", 40.0),), most_seconds=0.3e-6)


def inputs(smoke: bool) -> tuple[float, float]:
    """The lecture's point."""
    return 2.0, 5.0


def formula(space: Any, x1: Any, x2: Any) -> Any:
    """The function, with the elementary functions of a namespace."""
    return space.log(x1) + x1 * x2 - space.sin(x2)


def make_adjoint(x1: float, x2: float) -> Callable[[], Any]:
    import adjoint as ad

    return partial(ad.compile(ad.value_and_grad(partial(formula, ad), argnums=(0, 1))), x1, x2)


def make_adjoint_uncompiled(x1: float, x2: float) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.value_and_grad(partial(formula, ad), argnums=(0, 1))
    return lambda: ad.evaluate(f(x1, x2))


def make_jax(x1: float, x2: float) -> Callable[[], Any]:
    import jax

    f = jax.jit(jax.value_and_grad(partial(formula, jax.numpy), argnums=(0, 1)))
    return lambda: jax.block_until_ready(f(x1, x2))


def make_torch(x1: float, x2: float) -> Callable[[], Any]:
    import torch

    def work() -> Any:
        a = torch.tensor(x1, dtype=torch.float64, requires_grad=True)
        b = torch.tensor(x2, dtype=torch.float64, requires_grad=True)
        y = formula(torch, a, b)
        return y, torch.autograd.grad(y, (a, b))

    return work


def make_torch_compile(x1: float, x2: float) -> Callable[[], Any]:
    import torch

    f = torch.compile(torch.func.grad_and_value(partial(formula, torch), argnums=(0, 1)))

    def work() -> Any:
        gradient, value = f(
            torch.tensor(x1, dtype=torch.float64), torch.tensor(x2, dtype=torch.float64)
        )
        return value, gradient

    return work


def make_autograd(x1: float, x2: float) -> Callable[[], Any]:
    import autograd

    f = autograd.value_and_grad(lambda x: formula(autograd.numpy, x[0], x[1]))
    return lambda: f((x1, x2))


def make_casadi(x1: float, x2: float) -> Callable[[], Any]:
    import casadi

    def build() -> Callable[[], Any]:
        a, b = casadi.SX.sym("a"), casadi.SX.sym("b")
        y = formula(casadi, a, b)
        f = casadi.Function("f", [a, b], [y, casadi.gradient(y, a), casadi.gradient(y, b)])
        return lambda: f(x1, x2)

    return at_first_call(build)


def make_numpy(x1: float, x2: float) -> Callable[[], Any]:
    def work() -> Any:
        return math.log(x1) + x1 * x2 - math.sin(x2), (1.0 / x1 + x2, x1 - math.cos(x2))

    return work
