"""The awkward points, line by line: value, gradient and second derivative that are promised there.

One row for each: a function of one array, the array, the sum of its outputs, the gradient of that,
and where it is worth saying the derivative of the gradient along a vector of ones. The order is
that of the table of conventions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import adjoint as ad

INF, NAN, PI = np.inf, np.nan, np.pi


@dataclass(frozen=True)
class Point:
    """What is promised of `f` at a point."""

    name: str
    f: Callable[[Any], Any]
    at: Any
    value: complex | None
    gradient: Sequence[complex]
    second: Sequence[float] | None = None

    @property
    def x(self) -> Any:
        """The point as an array of floating or complex numbers."""
        array = np.asarray(self.at)
        return array if array.dtype.kind == "c" else array.astype(np.float64)

    def total(self, x: Any) -> Any:
        """The sum of the outputs."""
        return ad.sum(ad.asarray(self.f(x)))

    def results(self, x: Any) -> list[Any]:
        """Value, gradient in both modes (of real points), and the second derivative in both."""
        found = [self.total(x), ad.grad(self.total)(x)]
        if self.x.dtype.kind == "c":
            return found
        along = lambda x: ad.jvp(self.total, (x,), (np.ones_like(self.x),))[1]
        found.append(ad.jacfwd(self.total)(x))
        if self.second is not None:
            found.append(ad.jvp(ad.grad(self.total), (x,), (np.ones_like(self.x),))[1])
            found.append(ad.grad(lambda x: ad.sum(ad.grad(self.total)(x)))(x))
            found.append(ad.grad(along)(x))
        return found

    @property
    def promised(self) -> list[Any]:
        """What `results` returns."""
        shape = self.x.shape
        gradient = np.reshape(np.asarray(self.gradient), shape)
        if self.x.dtype.kind == "c":
            return [self.value, gradient]
        if self.second is None:
            return [self.value, gradient, gradient]
        second = np.reshape(np.asarray(self.second), shape)
        return [self.value, gradient, gradient, second, second, second]


def distances(x: Any) -> Any:
    """All distances of the rows of `x`, those to themselves included."""
    return ad.linalg.norm(x[:, None] - x[None], axis=-1)


POINTS = [
    # kinks: the subgradient of least norm
    Point("abs", ad.abs, [0.0, -0.0], 0, [0, 0], [0, 0]),
    Point("sign", ad.sign, [0.0], 0, [0], [0]),
    Point("abs, squared", lambda x: ad.abs(x) ** 2, [0.0], 0, [0], [2]),
    Point("max(x, -x), squared", lambda x: ad.maximum(x, -x) ** 2, [0.0], 0, [0], [2]),
    Point("maximum, tie", lambda x: ad.maximum(x[0], x[1]), [1.0, 1.0], 1, [0.5, 0.5], [0, 0]),
    Point("minimum, tie", lambda x: ad.minimum(x[0], x[1]), [1.0, 1.0], 1, [0.5, 0.5], [0, 0]),
    Point("maximum with nan", lambda x: ad.maximum(x, NAN), [1.0], NAN, [NAN]),
    Point("minimum of nan", lambda x: ad.minimum(x[0], x[1]), [NAN, 1.0], NAN, [NAN, NAN]),
    Point("maximum with 0", lambda x: ad.maximum(x, 0.0), [0.0], 0, [0], [0]),
    Point("maximum of 0 with", lambda x: ad.maximum(0.0, x), [0.0], 0, [0], [0]),
    Point("minimum with 0", lambda x: ad.minimum(x, 0.0), [0.0], 0, [0], [0]),
    Point("relu", ad.nn.relu, [0.0], 0, [0], [0]),
    Point("relu6, edges", ad.nn.relu6, [0.0, 6.0, 3.0], 9, [0, 0, 1], [0, 0, 0]),
    Point("hard_tanh, edges", ad.nn.hard_tanh, [-1.0, 1.0], 0, [0, 0], [0, 0]),
    Point("leaky_relu", ad.nn.leaky_relu, [0.0, -1.0], -0.01, [0.01, 0.01], [0, 0]),
    Point("clip, edges", lambda x: ad.clip(x, -1, 1), [-1.0, 1.0], 0, [1, 1], [0, 0]),
    Point("clip, outside", lambda x: ad.clip(x, -1, 1), [-2.0, 2.0], 0, [0, 0], [0, 0]),
    Point("clip of nan", lambda x: ad.clip(x, -1, 1), [NAN], NAN, [NAN]),
    Point("max, ties", ad.max, [1.0, 3.0, 3.0], 3, [0, 0.5, 0.5], [0, 0, 0]),
    Point("min, ties", ad.min, [1.0, 1.0, 3.0], 1, [0.5, 0.5, 0], [0, 0, 0]),
    Point("max with nan", ad.max, [1.0, NAN], NAN, [NAN, NAN]),
    Point("min with nan", ad.min, [1.0, NAN], NAN, [NAN, NAN]),
    Point("cummax, ties", ad.cummax, [1.0, 1.0, 0.0], 3, [2, 1, 0]),
    Point("sort, ties", lambda x: ad.sort(x) * np.arange(1.0, 4.0), [2.0, 1, 1], 9, [3, 1, 2]),
    Point("top_k, ties", lambda x: ad.top_k(x, 1)[0], [1.0, 1.0], 1, [1, 0]),
    Point("top_k, ties of two", lambda x: ad.top_k(x, 2)[0], [1.0, 2, 1], 3, [1, 1, 0]),
    Point("median of four", ad.median, [1.0, 2.0, 3.0, 4.0], 2.5, [0, 0.5, 0.5, 0]),
    Point("median of three equals", ad.median, [1.0, 1.0, 1.0], 1, [1 / 3] * 3),
    Point("median of four equals", ad.median, [1.0, 1.0, 1.0, 1.0], 1, [0.25] * 4),
    Point("quantile", lambda x: ad.quantile(x, 0.25), [1.0, 2, 3, 4], 1.75, [0.25, 0.75, 0, 0]),
    # steps
    Point("floor", ad.floor, [1.0, 0.5], 1, [0, 0], [0, 0]),
    Point("ceil", ad.ceil, [1.0, 0.5], 2, [0, 0], [0, 0]),
    Point("round", ad.round, [0.5, 1.2], 1, [0, 0], [0, 0]),
    Point("trunc", ad.trunc, [-1.0, 1.7], 0, [0, 0], [0, 0]),
    Point("heaviside", lambda x: ad.heaviside(x, 0.5), [0.0, 1.0], 1.5, [0, 0], [0, 0]),
    Point("argmax", lambda x: ad.argmax(x) + 0.0 * x[0], [1.0, 2.0], 1, [0, 0]),
    # vertical tangents
    Point("sqrt", ad.sqrt, [0.0], 0, [INF], [-INF]),
    Point("cbrt", ad.cbrt, [0.0], 0, [INF]),
    Point("arccos", ad.arccos, [1.0], 0, [-INF], [-INF]),
    Point("arcsin", ad.arcsin, [1.0], PI / 2, [INF], [INF]),
    Point("arcsin at -1", ad.arcsin, [-1.0], -PI / 2, [INF], [-INF]),
    Point("arccosh", ad.arccosh, [1.0], 0, [INF], [-INF]),
    Point("arctanh", ad.arctanh, [1.0], INF, [INF], [INF]),
    Point("log", ad.log, [0.0], -INF, [INF], [-INF]),
    Point("log1p", ad.log1p, [-1.0], -INF, [INF], [-INF]),
    # outside the domain
    Point("log outside", ad.log, [-1.0], NAN, [NAN], [NAN]),
    Point("sqrt outside", ad.sqrt, [-1.0], NAN, [NAN], [NAN]),
    Point("arcsin outside", ad.arcsin, [2.0], NAN, [NAN], [NAN]),
    Point("arctanh outside", ad.arctanh, [2.0], NAN, [NAN], [NAN]),
    Point("log1p outside", ad.log1p, [-2.0], NAN, [NAN], [NAN]),
    # sizes at the origin
    Point("norm", ad.linalg.norm, [0.0, 0.0], 0, [0, 0]),
    Point("norm of a matrix", ad.linalg.norm, [[0.0, 0.0], [0.0, 0.0]], 0, [0, 0, 0, 0]),
    Point("norm, squared", lambda x: ad.linalg.norm(x) ** 2, [0.0, 0.0], 0, [0, 0], [2, 2]),
    Point("root of a sum of squares", lambda x: ad.sqrt(ad.sum(x * x)), [0.0, 0.0], 0, [0, 0]),
    Point("norm 1", lambda x: ad.linalg.vector_norm(x, ord=1), [0.0, -2.0], 2, [0, -1], [0, 0]),
    Point("norm ∞", lambda x: ad.linalg.vector_norm(x, ord=INF), [1.0, -1.0], 1, [0.5, -0.5]),
    Point("hypot", lambda x: ad.hypot(x[0], x[1]), [0.0, 0.0], 0, [0, 0]),
    Point("hypot, squared", lambda x: ad.hypot(x[0], x[1]) ** 2, [0.0, 0.0], 0, [0, 0], [2, 2]),
    Point("arctan2", lambda x: ad.arctan2(x[0], x[1]), [0.0, 0.0], 0, [0, 0]),
    Point("angle of a real number", ad.angle, [0.0], 0, [0]),
    Point("angle of a complex number", ad.angle, [0j], 0, [0]),
    Point("distances", distances, [[0.0, 0.0], [3.0, 4.0]], 10, [-1.2, -1.6, 1.2, 1.6]),
    Point("std of equals", ad.std, [2.0, 2.0], 0, [0, 0]),
    Point("std of one", lambda x: ad.std(x, ddof=1), [2.0], NAN, [NAN]),
    Point("var of equals", ad.var, [2.0, 2.0], 0, [0, 0], [0, 0]),
    Point("var of one", lambda x: ad.var(x, ddof=1), [2.0], NAN, [NAN]),
    # powers
    Point("x⁰", lambda x: x**0, [0.0], 1, [0], [0]),
    Point("x⁰·⁰", lambda x: x**0.0, [0.0], 1, [0], [0]),
    Point("x to an array of zeros", lambda x: x ** np.zeros(1), [0.0], 1, [0], [0]),
    Point("0⁰", lambda x: x[0] ** x[1], [0.0, 0.0], 1, [0, 0]),
    Point("0²", lambda x: x[0] ** x[1], [0.0, 2.0], 0, [0, 0]),
    Point("0¹", lambda x: x[0] ** x[1], [0.0, 1.0], 0, [1, 0]),
    Point("0 to ½", lambda x: x[0] ** x[1], [0.0, 0.5], 0, [INF, 0]),
    Point("(-2)²", lambda x: x[0] ** x[1], [-2.0, 2.0], 4, [-4, NAN]),
    Point("(-2)³", lambda x: x**3.0, [-2.0], -8, [12], [-12]),
    Point("x² at 0", lambda x: x**2.0, [0.0], 0, [0], [2]),
    Point(
        "third derivative of x²", lambda x: ad.grad(lambda y: ad.sum(y**2.0))(x), [0.0], 0, [2], [0]
    ),
    # branches
    Point("where, root", lambda x: ad.where(x > 0, ad.sqrt(x), 0.0), [0.0], 0, [0], [0]),
    Point("where, logarithm", lambda x: ad.where(x > 0, ad.log(x), x), [0.0], 0, [1], [0]),
    Point("where, quotient", lambda x: ad.where(x != 0, ad.sin(x) / x, 1.0), [0.0], 1, [0], [0]),
    Point(
        "where, shared",
        lambda x: ad.where(x > 0, ad.where(x > 1, ad.log(x), ad.sqrt(x)) * ad.sqrt(x), 0.0),
        [0.0],
        0,
        [0],
        [0],
    ),
    # zero times infinity
    Point("x log x", lambda x: x * ad.log(x), [0.0], NAN, [-INF]),
    Point("xlogy", lambda x: ad.special.xlogy(x[0], x[1]), [0.0, 0.0], 0, [0, 0]),
    Point("entr", ad.special.entr, [0.0], 0, [INF]),
    # products
    Point("prod, one zero", ad.prod, [0.0, 2.0, 3.0], 0, [6, 0, 0], [5, 3, 2]),
    Point("prod, two zeros", ad.prod, [0.0, 0.0, 3.0], 0, [0, 0, 0], [3, 3, 0]),
    Point("cumprod, one zero", ad.cumprod, [0.0, 2.0, 3.0], 0, [9, 0, 0], [6, 4, 2]),
    Point("cumprod, two zeros", ad.cumprod, [2.0, 0.0, 0.0], 2, [1, 2, 0], [1, 3, 2]),
    # exponentials
    Point("logsumexp(-∞, 0)", ad.logsumexp, [-INF, 0.0], 0, [0, 1], [0, 0]),
    Point("logsumexp, large", ad.logsumexp, [1e3, 1e3], 1e3 + np.log(2), [0.5, 0.5], [0, 0]),
    Point("logsumexp(∞, 0)", ad.logsumexp, [INF, 0.0], INF, [1, 0]),
    Point("logsumexp(-∞, -∞)", ad.logsumexp, [-INF, -INF], -INF, [0, 0], [0, 0]),
    Point("logaddexp(-∞, -∞)", lambda x: ad.logaddexp(x[0], x[1]), [-INF, -INF], -INF, [0, 0]),
    Point("softmax with -∞", lambda x: ad.softmax(x)[1], [-INF, 0.0], 1, [0, 0], [0, 0]),
    Point("softmax, large", lambda x: ad.softmax(x)[0], [1e3, 0.0], 1, [0, 0], [0, 0]),
    Point("softmax of -∞", ad.softmax, [-INF, -INF], 0, [0, 0], [0, 0]),
    Point("log_softmax, large", lambda x: ad.log_softmax(x)[1], [1e3, 0.0], -1e3, [-1, 1], [0, 0]),
    Point("log_softmax with -∞", lambda x: ad.log_softmax(x)[1], [-INF, 0.0], 0, [0, 0], [0, 0]),
    Point("softplus", ad.nn.softplus, [1e3, -1e3], 1e3, [1, 0], [0, 0]),
    Point("log_sigmoid", ad.nn.log_sigmoid, [-1e3], -1e3, [1], [0]),
    Point("tanh", ad.tanh, [1e3], 1, [0], [0]),
    Point("sinc", ad.sinc, [0.0], 1, [0], [-(PI**2) / 3]),
    # written out by hand
    Point(
        "log sum exp by hand", lambda x: ad.log(ad.sum(ad.exp(x))), [1e3, 0.0], 1e3, [1, 0], [0, 0]
    ),
    Point(
        "softmax by hand",
        lambda x: (ad.exp(x) / ad.sum(ad.exp(x)))[0],
        [1e3, 0.0],
        1,
        [0, 0],
        [0, 0],
    ),
    Point("sigmoid by hand", lambda x: 1 / (1 + ad.exp(-x)), [1e3, -1e3], 1, [0, 0], [0, 0]),
    Point(
        "log sigmoid by hand",
        lambda x: ad.log(1 / (1 + ad.exp(-x))),
        [1e3, -1e3],
        -1e3,
        [0, 1],
        [0, 0],
    ),
    Point("softplus by hand", lambda x: ad.log(1 + ad.exp(x)), [1e3, -1e3], 1e3, [1, 0], [0, 0]),
    Point("log1p(exp(x))", lambda x: ad.log1p(ad.exp(x)), [1e3, -1e3], 1e3, [1, 0], [0, 0]),
    # jumps
    Point("remainder", lambda x: ad.remainder(x[0], x[1]), [5.5, 2.0], 1.5, [1, -2], [0, 0]),
    Point("remainder at a jump", lambda x: ad.remainder(x[0], x[1]), [4.0, 2.0], 0, [1, -2]),
    Point("fmod", lambda x: ad.fmod(x[0], x[1]), [-5.5, 2.0], -1.5, [1, 2], [0, 0]),
    # places
    Point("taken twice", lambda x: x[np.array([0, 0, 1])], [1.0, 2.0], 4, [2, 1], [0, 0]),
    Point("added twice", lambda x: ad.index_add(np.zeros(2), [0, 0], x), [1.0, 2.0], 3, [1, 1]),
    Point("set twice", lambda x: ad.setitem(np.zeros(1), [0, 0], x), [1.0, 2.0], 2, [0, 1]),
    Point(
        "put along an axis twice",
        lambda x: ad.put_along_axis(np.zeros(2), np.array([0, 0]), x, 0),
        [1.0, 2.0],
        2,
        [0, 1],
    ),
    Point(
        "interp",
        lambda x: ad.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]),
        [0.0, 1.0, 2.0, -1.0, 9.0],
        7,
        [1, 2, 2, 0, 0],
    ),
    # gaps
    Point("nansum", ad.nansum, [1.0, NAN], 1, [1, 0], [0, 0]),
    Point("nanmean", ad.nanmean, [1.0, NAN], 1, [1, 0], [0, 0]),
    # matrices
    Point("eigvalsh, the sum", ad.linalg.eigvalsh, np.eye(2), 2, [1, 0, 0, 1]),
    Point("eigvalsh, the first", lambda A: ad.linalg.eigvalsh(A)[0], np.eye(2), 1, [1, 0, 0, 0]),
    Point("svdvals, the sum", ad.linalg.svdvals, np.eye(2), 2, [1, 0, 0, 1]),
    Point("det of rank 1", ad.linalg.det, np.diag([2.0, 0]), 0, [0, 0, 0, 2], [1, -1, -1, 1]),
    Point("det of rank 0", ad.linalg.det, np.zeros((2, 2)), 0, [0] * 4, [1, -1, -1, 1]),
    Point("det of rank 2 of 3", ad.linalg.det, np.diag([2.0, 3, 0]), 0, [0] * 8 + [6]),
    Point("pinv of rank 1", ad.linalg.pinv, np.diag([1.0, 0.0]), 1, [-1, 1, 1, 0]),
    Point(
        "lstsq of rank 1",
        lambda b: ad.linalg.lstsq(np.ones((2, 2)), b)[0],
        [1.0, 1.0],
        1,
        [0.5, 0.5],
    ),
    Point("cholesky", ad.linalg.cholesky, np.eye(2), 2, [0.5] * 4),
    Point(
        "solve_triangular",
        lambda A: ad.linalg.solve_triangular(A, np.ones(2)),
        np.eye(2),
        2,
        [-1, -1, 0, -1],
    ),
    Point("matrix_power(0, 2)", lambda A: ad.matrix_power(A, 2), np.zeros((2, 2)), 0, [0] * 4),
    # complex numbers: the direction of steepest ascent
    Point("|z|²", lambda z: ad.abs(z) ** 2, [1 + 2j], 5, [2 + 4j]),
    Point("|z|", ad.abs, [0j], 0, [0]),
]
