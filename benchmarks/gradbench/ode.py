"""ode: a system of differential equations by Runge–Kutta's method, and the gradient of its end."""

from __future__ import annotations

from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.gradbench.forms import flat


def solution(x: Any, steps: int, end: float = 2.0) -> Any:
    """y(end) where y₀' = x₀ and yᵢ' = xᵢ yᵢ₋₁, from y(0) = 0."""
    h = end / steps
    first = np.ones(1)

    def slope(y: Any) -> Any:
        return x * ad.concat([first, y[:-1]])

    def step(y: Any, _: None) -> Any:
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        return y + h / 6 * (k1 + 2.0 * (k2 + k3) + k4), None

    return ad.scan(step, ad.zeros(x.shape), length=steps)[0]


def make(given: Any) -> Any:
    """The solution, and the gradient of its last component."""
    x, steps = given["x"], given["s"]
    primal = ad.compile(lambda x: solution(x, steps))
    gradient = ad.compile(ad.grad(lambda x: solution(x, steps)[-1]))
    return {"primal": (lambda: primal(x), flat), "derivative": (lambda: gradient(x), flat)}
