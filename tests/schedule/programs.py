"""Typical programs of which the schedules are shown in full.

    python -m tests.schedule.programs

writes what is expected anew, to be looked at with ``git diff``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import adjoint as ad


def softmax_step(w: Any, b: Any, x: Any, y: Any) -> Any:
    """Softmax regression: loss, gradient, and the update of the parameters."""

    def loss(w: Any, b: Any) -> Any:
        return -ad.mean(ad.sum(y * ad.log_softmax(x @ w + b, axis=1), axis=1))

    value, (dw, db) = ad.value_and_grad(loss, (0, 1))(w, b)
    return value, w - 0.1 * dw, b - 0.1 * db


def black_scholes(s: Any, k: Any, t: Any, r: Any, v: Any) -> Any:
    """The price of a call option and its partial derivatives by s, t, r and v."""

    def price(s: Any, t: Any, r: Any, v: Any) -> Any:
        spread = v * ad.sqrt(t)
        d = (ad.log(s / k) + (r + v * v / 2) * t) / spread
        ndtr = ad.special.ndtr
        return s * ndtr(d) - k * ad.exp(-r * t) * ndtr(d - spread)

    def total(*args: Any) -> Any:
        values = price(*args)
        return ad.sum(values), values

    gradients, values = ad.grad(total, (0, 1, 2, 3), has_aux=True)(s, t, r, v)
    return values, *gradients


def normalisation(x: Any, scale: Any, shift: Any) -> Any:
    """The gradient of layer normalisation by all that goes in."""

    def f(x: Any, scale: Any, shift: Any) -> Any:
        centred = x - ad.mean(x, axis=1, keepdims=True)
        spread = ad.sqrt(ad.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
        return ad.sum(ad.tanh(centred / spread * scale + shift))

    return ad.grad(f, (0, 1, 2))(x, scale, shift)


def rosenbrock(x: Any) -> Any:
    return ad.grad(lambda x: ad.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2))(x)


_rng = np.random.default_rng(0)

PROGRAMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "softmax_step": (
        softmax_step,
        (
            _rng.normal(size=(20, 5)),
            np.zeros(5),
            _rng.normal(size=(64, 20)),
            np.eye(5)[_rng.integers(0, 5, 64)],
        ),
    ),
    "black_scholes": (black_scholes, tuple(_rng.uniform(0.5, 2, (5, 10_000)))),
    "normalisation": (
        normalisation,
        (_rng.normal(size=(100, 32)), np.ones(32), np.zeros(32)),
    ),
    "rosenbrock": (rosenbrock, (_rng.normal(size=10),)),
}

EXPECTED = Path(__file__).parent / "expected"


def report_text(name: str) -> str:
    """The report of a program before it is compiled, which is the same on every machine."""
    f, arguments = PROGRAMS[name]
    compiled = ad.compile(f)
    compiled.trace(*arguments)
    return f"{compiled.report()}\n"


if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    for name in PROGRAMS:
        (EXPECTED / f"{name}.txt").write_text(report_text(name), encoding="utf-8")
