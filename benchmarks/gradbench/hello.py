"""hello: the square of a number, and its derivative."""

from __future__ import annotations

from typing import Any

import adjoint as ad
from benchmarks.gradbench.forms import flat


def square(x: Any) -> Any:
    """x²."""
    return x * x


def make(x: float) -> Any:
    """The square of x, and 2x."""
    primal, derivative = ad.compile(square), ad.compile(ad.grad(square))
    return {"primal": (lambda: primal(x), flat), "derivative": (lambda: derivative(x), flat)}
