"""Black–Scholes prices of 1 M call options and their partial derivatives by spot, volatility, rate
and time, float64, NumPy in and out"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks import black_scholes_c
from benchmarks.row import FASTEST_PEER, Goal, Row

ROW = Row("float64", 1e-12, (Goal(FASTEST_PEER, 2.5), Goal("c", 1 / 1.3)))


def inputs(smoke: bool) -> tuple[np.ndarray, ...]:
    """Spot, volatility, rate, time and strike of each option."""
    n = 1_000 if smoke else 1_000_000
    rng = np.random.default_rng(0)
    limits = ((80.0, 120.0), (0.1, 0.5), (0.01, 0.05), (0.2, 2.0), (80.0, 120.0))
    return tuple(rng.uniform(low, high, n) for low, high in limits)


def price(space: Any, spot: Any, volatility: Any, rate: Any, time: Any, strike: Any) -> Any:
    """What a call is worth; the namespace offers exp, log, sqrt and erf."""
    spread = volatility * space.sqrt(time)
    d1 = (space.log(spot / strike) + rate * time) / spread + 0.5 * spread
    d2 = d1 - spread
    return spot * below(space, d1) - strike * space.exp(-rate * time) * below(space, d2)


def below(space: Any, d: Any) -> Any:
    """The probability that a normal number is below d."""
    return 0.5 + 0.5 * space.erf(d * math.sqrt(0.5))


def make_adjoint(*given: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    space = SimpleNamespace(exp=ad.exp, log=ad.log, sqrt=ad.sqrt, erf=ad.special.erf)

    @ad.compile
    def work(*given: Any) -> Any:
        *moving, strike = given
        value, pullback = ad.vjp(lambda *m: price(space, *m, strike), *moving)
        return value, pullback(ad.ones(value.shape))

    return lambda: work(*given)


def make_jax(*given: np.ndarray) -> Callable[[], Any]:
    import jax

    space = SimpleNamespace(
        exp=jax.numpy.exp, log=jax.numpy.log, sqrt=jax.numpy.sqrt, erf=jax.scipy.special.erf
    )

    @jax.jit
    def work(*given: Any) -> Any:
        *moving, strike = given
        value, pullback = jax.vjp(lambda *m: price(space, *m, strike), *moving)
        return value, pullback(jax.numpy.ones_like(value))

    put = [jax.device_put(a) for a in given]
    return lambda: jax.block_until_ready(work(*put))


def make_torch(*given: np.ndarray) -> Callable[[], Any]:
    import torch

    *moving, strike = map(torch.from_numpy, given)
    for a in moving:
        a.requires_grad_()

    def work() -> Any:
        value = price(torch, *moving, strike)
        return value, torch.autograd.grad(value, moving, torch.ones_like(value))

    return work


def make_torch_compile(*given: np.ndarray) -> Callable[[], Any]:
    import torch

    @torch.compile
    def work(*given: Any) -> Any:
        *moving, strike = given
        value, pullback = torch.func.vjp(lambda *m: price(torch, *m, strike), *moving)
        return value, pullback(torch.ones_like(value))

    tensors = [torch.from_numpy(a) for a in given]
    return lambda: work(*tensors)


def make_autograd(*given: np.ndarray) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp
    from autograd.scipy.special import erf

    space = SimpleNamespace(exp=anp.exp, log=anp.log, sqrt=anp.sqrt, erf=erf)
    *moving, strike = given

    def work() -> Any:
        pullback, value = autograd.make_vjp(lambda m: price(space, *m, strike))(tuple(moving))
        return value, pullback(np.ones_like(value))

    return work


def make_numpy(*given: np.ndarray) -> Callable[[], Any]:
    from scipy.special import ndtr

    spot, volatility, rate, time, strike = given

    def work() -> Any:
        root = np.sqrt(time)
        spread = volatility * root
        d1 = (np.log(spot / strike) + rate * time) / spread + 0.5 * spread
        d2 = d1 - spread
        delta, paid = ndtr(d1), strike * np.exp(-rate * time) * ndtr(d2)
        density = spot * np.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
        by_time = 0.5 * density * volatility / root + rate * paid
        return spot * delta - paid, (delta, density * root, time * paid, by_time)

    return work


make_c = black_scholes_c.make
