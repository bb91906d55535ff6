"""How a function of SciPy is called, and what its counterpart is judged by.

A case is one call, written against a namespace that is SciPy itself or `adjoint.scipy`, with the
arrays by which it is differentiated. SciPy gives the value, and differences of order 8 of SciPy's
values the derivative.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

import adjoint as ad

STENCIL = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))


class Namespace:
    """The modules of a package by attribute, imported when asked for."""

    def __init__(self, package: str) -> None:
        self.package = package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return importlib.import_module(f"{self.package}.{name}")


SCIPY, OURS = Namespace("scipy"), Namespace("adjoint.scipy")


@dataclass(frozen=True, eq=False)
class Case:
    """One call. `step` is that of the differences, `rtol` the bound on values and derivatives."""

    name: str
    call: Callable[..., Any]
    at: Sequence[Any]
    rtol: float = 1e-11
    slope: float = 1e-6
    step: float = 2.0**-8
    second: bool = True
    single: bool = True
    compiled: bool = True

    def points(self) -> list[np.ndarray]:
        return [np.asarray(x, float) for x in self.at]

    def scipy(self, *xs: Any) -> Any:
        return self.call(SCIPY, *xs)

    def ours(self, *xs: Any) -> Any:
        return self.call(OURS, *xs)

    def loss(self, *xs: Any) -> Any:
        """The weighted sum of our results."""
        return total(self.ours(*xs))


def leaves(result: Any) -> list[Any]:
    """The arrays and tensors of a result."""
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in leaves(part)]
    return [] if result is None else [result]


def weights(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def total(result: Any, n: Any = ad) -> Any:
    """A weighted sum of all floating numbers of a result."""
    found = 0.0
    for i, leaf in enumerate(leaves(result)):
        if not hasattr(leaf, "dtype") or leaf.dtype.kind == "f":
            leaf = n.asarray(leaf) if n is np else leaf
            w = weights(leaf.shape, i)
            found = found + n.sum(leaf * (w if n is np else w.astype(leaf.dtype)))
    return found


def slope(f: Callable[[float], Any], step: float) -> Any:
    return sum(c * (f(k * step) - f(-k * step)) for k, c in STENCIL) / step


def slope_along(case: Case, i: int, v: np.ndarray) -> float:
    """The slope of the weighted sum of SciPy's results by argument i along v, by differences."""
    xs = case.points()

    def along(t: float) -> float:
        return float(total(case.scipy(*xs[:i], xs[i] + t * v, *xs[i + 1 :]), np))

    return float(slope(along, case.step))


@lru_cache(maxsize=1)
def gradients(case: Case) -> list[np.ndarray]:
    """The gradient of the weighted sum of our results by every argument."""
    xs = case.points()
    return [g.numpy() for g in ad.grad(case.loss, argnums=tuple(range(len(xs))))(*xs)]
