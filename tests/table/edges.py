"""The awkward points: what value and what derivatives the conventions promise there.

One line for each point: a function of one array, the array, the gradient of the sum of its
outputs, and where it is worth saying, the derivative of that gradient along a vector of ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.array.elementwise import activations
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor

INF, NAN = np.inf, np.nan


class Functions:
    """Every function by the name under which users call it."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in FUNCTIONS:
            return FUNCTIONS[name]
        for namespace in (ad, ad.nn, activations):
            if hasattr(namespace, name):
                return getattr(namespace, name)
        raise Missing(name)


class Missing(Exception):
    """A function that is not there (yet)."""


@dataclass(frozen=True)
class Edge:
    """A function at an awkward point, and its derivatives there."""

    name: str
    f: Callable[[Any, Tensor], Tensor]
    at: Sequence[float]
    gradient: Sequence[complex]
    second: Sequence[float] | None = None


EDGES = [
    # kinks: the subgradient of least norm
    Edge("abs(0)", lambda n, x: n.abs(x), [0.0, -0.0], [0, 0], [0, 0]),
    Edge("abs(0)²", lambda n, x: n.abs(x) ** 2, [0.0], [0], [2]),
    Edge("|x| |x|", lambda n, x: n.abs(x) * n.abs(x), [0.0], [0], [2]),
    Edge("sign(0)", lambda n, x: n.sign(x), [0.0], [0], [0]),
    Edge("maximum tie", lambda n, x: n.maximum(x[0], x[1]), [1.0, 1.0], [0.5, 0.5]),
    Edge("minimum tie", lambda n, x: n.minimum(x[0], x[1]), [1.0, 1.0], [0.5, 0.5]),
    Edge("max(x, -x)²", lambda n, x: n.maximum(x, -x) ** 2, [0.0], [0], [2]),
    Edge("maximum with constant 0", lambda n, x: n.maximum(x, 0.0), [0.0], [0], [0]),
    Edge("maximum with 0 on the left", lambda n, x: n.maximum(0.0, x), [0.0], [0], [0]),
    Edge("minimum with constant 0", lambda n, x: n.minimum(x, 0.0), [0.0], [0], [0]),
    Edge("relu(0)", lambda n, x: n.relu(x), [0.0, -1.0, 2.0], [0, 0, 1], [0, 0, 0]),
    Edge("relu(0)²", lambda n, x: n.relu(x) ** 2, [0.0], [0]),
    Edge("relu6 at 0 and 6", lambda n, x: n.relu6(x), [0.0, 6.0, 3.0], [0, 0, 1]),
    Edge("leaky_relu(0)", lambda n, x: n.leaky_relu(x), [0.0, -1.0, 1.0], [0.01, 0.01, 1]),
    Edge("clip edges", lambda n, x: n.clip(x, -1, 1), [-1.0, 1.0, -2.0, 2.0], [1, 1, 0, 0]),
    Edge("max tie", lambda n, x: n.max(x), [1.0, 3.0, 3.0], [0, 0.5, 0.5]),
    Edge("min tie", lambda n, x: n.min(x), [1.0, 1.0, 3.0], [0.5, 0.5, 0]),
    Edge("max with nan", lambda n, x: n.max(x), [1.0, NAN], [NAN, NAN]),
    Edge("cummax tie", lambda n, x: n.cummax(x), [1.0, 1.0, 0.0], [2, 1, 0]),
    Edge(
        "sort tie",
        lambda n, x: n.sort(x) * np.array([1.0, 2.0, 3.0]),
        [2.0, 1.0, 1.0],
        [3, 1, 2],
    ),
    Edge("median of four", lambda n, x: n.median(x), [1.0, 2.0, 3.0, 4.0], [0, 0.5, 0.5, 0]),
    Edge("median, all equal", lambda n, x: n.median(x), [1.0, 1.0, 1.0], [1 / 3] * 3),
    Edge(
        "quantile ¼ of four", lambda n, x: n.quantile(x, 0.25), [1.0, 2, 3, 4], [0.25, 0.75, 0, 0]
    ),
    # steps: zero almost everywhere
    Edge("floor", lambda n, x: n.floor(x), [1.0, 0.5], [0, 0], [0, 0]),
    Edge("round", lambda n, x: n.round(x), [0.5, 1.2], [0, 0], [0, 0]),
    Edge("heaviside", lambda n, x: n.heaviside(x, 0.5), [0.0, 1.0], [0, 0]),
    # vertical tangents: infinite, not nan
    Edge("sqrt(0)", lambda n, x: n.sqrt(x), [0.0], [INF]),
    Edge("cbrt(0)", lambda n, x: n.cbrt(x), [0.0], [INF]),
    Edge("arccos(1)", lambda n, x: n.arccos(x), [1.0], [-INF]),
    Edge("arcsin(-1)", lambda n, x: n.arcsin(x), [-1.0], [INF]),
    Edge("log(0)", lambda n, x: n.log(x), [0.0], [INF]),
    Edge("arctanh(1)", lambda n, x: n.arctanh(x), [1.0], [INF]),
    # outside the domain the value is nan, and so is the derivative
    Edge("log(-1)", lambda n, x: n.log(x), [-1.0], [NAN]),
    Edge("sqrt(-1)", lambda n, x: n.sqrt(x), [-1.0], [NAN]),
    Edge("arcsin(2)", lambda n, x: n.arcsin(x), [2.0], [NAN]),
    Edge("log1p(-2)", lambda n, x: n.log1p(x), [-2.0], [NAN]),
    # sizes at the origin
    Edge("norm(0)", lambda n, x: n.norm2(x), [0.0, 0.0], [0, 0]),
    Edge("norm(0)²", lambda n, x: n.norm2(x) ** 2, [0.0, 0.0], [0, 0], [2, 2]),
    Edge("√Σx² at 0", lambda n, x: n.sqrt(n.sum(x * x)), [0.0, 0.0], [0, 0]),
    Edge("√Σx² at 0, by square", lambda n, x: n.sqrt(n.sum(n.square(x))), [0.0, 0.0], [0, 0]),
    Edge("hypot(0, 0)", lambda n, x: n.hypot(x[0], x[1]), [0.0, 0.0], [0, 0]),
    Edge("hypot(0, 0)²", lambda n, x: n.hypot(x[0], x[1]) ** 2, [0.0, 0.0], [0, 0], [2, 2]),
    Edge("arctan2(0, 0)", lambda n, x: n.arctan2(x[0], x[1]), [0.0, 0.0], [0, 0]),
    Edge("std of equals", lambda n, x: n.std(x), [2.0, 2.0, 2.0], [0, 0, 0]),
    Edge("var of equals", lambda n, x: n.var(x), [2.0, 2.0, 2.0], [0, 0, 0], [0, 0, 0]),
    # powers
    Edge("x⁰ at 0", lambda n, x: x**0, [0.0], [0], [0]),
    Edge("x⁰·⁰ at 0", lambda n, x: x**0.0, [0.0], [0], [0]),
    Edge("0⁰, both", lambda n, x: x[0] ** x[1], [0.0, 0.0], [0, 0]),
    Edge("0², both", lambda n, x: x[0] ** x[1], [0.0, 2.0], [0, 0]),
    Edge("0¹, both", lambda n, x: x[0] ** x[1], [0.0, 1.0], [1, 0]),
    Edge("√0, both", lambda n, x: x[0] ** x[1], [0.0, 0.5], [INF, 0]),
    Edge("(-2)², both", lambda n, x: x[0] ** x[1], [-2.0, 2.0], [-4, NAN]),
    Edge("(-2)³", lambda n, x: x**3.0, [-2.0], [12], [-12]),
    Edge("x² at 0", lambda n, x: x**2.0, [0.0], [0], [2]),
    # a branch that is not taken has no influence
    Edge("where sqrt", lambda n, x: n.where(x > 0, n.sqrt(x), 0.0), [0.0], [0]),
    Edge("where log", lambda n, x: n.where(x > 0, n.log(x), x), [0.0], [1]),
    Edge("where sin x / x", lambda n, x: n.where(x != 0, n.sin(x) / x, 1.0), [0.0], [0]),
    Edge(
        "where, nested, shared",
        lambda n, x: n.where(x > 0, n.where(x > 1, n.log(x), n.sqrt(x)) * n.sqrt(x), 0.0),
        [0.0, 4.0],
        [0, np.log(4) / 4 + 0.5],
    ),
    Edge("where, second order", lambda n, x: n.where(x > 0, n.sqrt(x), x), [0.0], [1], [0]),
    # 0 · ∞
    Edge("x log x at 0", lambda n, x: x * n.log(x), [0.0], [-INF]),
    Edge("entr(0)", lambda n, x: n.entr(x), [0.0], [INF]),
    # products
    Edge("prod, one zero", lambda n, x: n.prod(x), [0.0, 2.0, 3.0], [6, 0, 0], [5, 3, 2]),
    Edge("prod, two zeros", lambda n, x: n.prod(x), [0.0, 0.0, 3.0], [0, 0, 0], [3, 3, 0]),
    Edge("cumprod, one zero", lambda n, x: n.cumprod(x), [0.0, 2.0, 3.0], [9, 0, 0]),
    Edge("cumprod, two zeros", lambda n, x: n.cumprod(x), [2.0, 0.0, 0.0], [1, 2, 0]),
    # exponentials
    Edge("logsumexp(-∞, 0)", lambda n, x: n.logsumexp(x), [-INF, 0.0], [0, 1]),
    Edge("logsumexp, large", lambda n, x: n.logsumexp(x), [1e3, 1e3], [0.5, 0.5]),
    Edge("logsumexp(∞, 0)", lambda n, x: n.logsumexp(x), [INF, 0.0], [1, 0]),
    Edge("logsumexp(-∞, -∞)", lambda n, x: n.logsumexp(x), [-INF, -INF], [0, 0]),
    Edge("logaddexp(-∞, -∞)", lambda n, x: n.logaddexp(x[0], x[1]), [-INF, -INF], [0, 0]),
    Edge("softmax with -∞", lambda n, x: n.softmax(x)[0], [-INF, 0.0], [0, 0]),
    Edge("log_softmax, large", lambda n, x: n.log_softmax(x)[0], [1e3, 1e3], [0.5, -0.5]),
    Edge("softplus(±1000)", lambda n, x: n.softplus(x), [1e3, -1e3], [1, 0], [0, 0]),
    Edge("tanh(1000)", lambda n, x: n.tanh(x), [1e3], [0], [0]),
    Edge("sinc(0)", lambda n, x: n.sinc(x), [0.0], [0], [-(np.pi**2) / 3]),
    # at jumps: the derivative of the continuous piece
    Edge("remainder", lambda n, x: n.remainder(x[0], x[1]), [5.5, 2.0], [1, -2]),
    Edge("fmod", lambda n, x: n.fmod(x[0], x[1]), [-5.5, 2.0], [1, 2]),
    # indexing the same place twice
    Edge("gather twice", lambda n, x: x[np.array([0, 0, 1])], [1.0, 2.0], [2, 1]),
    Edge(
        "set twice",
        lambda n, x: n.setitem(n.asarray([5.0]), np.array([0, 0]), x),
        [1.0, 2.0],
        [0, 1],
    ),
    # missing numbers
    Edge("nansum", lambda n, x: n.nansum(x), [1.0, NAN], [1, 0]),
    Edge("nanmean", lambda n, x: n.nanmean(x), [1.0, NAN, 3.0], [0.5, 0, 0.5]),
]

COMPLEX = [
    Edge("|z|²", lambda n, z: n.abs(z) ** 2, [1 + 2j], [2 + 4j]),
    Edge("|z|² by parts", lambda n, z: z.real**2 + z.imag**2, [1 + 2j], [2 + 4j]),
    Edge("z conj(z)", lambda n, z: n.real(z * n.conj(z)), [1 + 2j], [2 + 4j]),
    Edge("|z| at 0", lambda n, z: n.abs(z), [0j], [0]),
    Edge("|z|", lambda n, z: n.abs(z), [3 + 4j], [0.6 + 0.8j]),
    Edge("re z²", lambda n, z: n.real(z * z), [1 + 2j], [2 - 4j]),
]
"""The gradient of a real function of complex numbers is the direction of steepest ascent."""
