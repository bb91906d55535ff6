"""Checking derivatives against numerical ones, element by element."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.arguments import as_output, check_callable
from adjoint.api.derivatives import jvp, vjp
from adjoint.api.differences import Array, Differences
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError, GradientMismatchError, RangeError
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import size_of
from adjoint.ops.elementwise.complex import real
from adjoint.ops.reductions import reduction

MODES = ("reverse", "forward")
_LEVELS = 9
"""How often a step is halved, at most, in search of the best extrapolated derivative."""


@dataclass(frozen=True)
class Comparison:
    """The worst element of one argument in one mode: its two derivatives, and their distance."""

    mode: str
    place: str
    computed: complex
    numerical: complex
    allowed: float

    @property
    def error(self) -> float:
        """The distance of the two values; 0 if both are nan, or the same infinity."""
        if self.computed == self.numerical:
            return 0.0
        if np.isnan(self.computed) and np.isnan(self.numerical):
            return 0.0
        distance = float(abs(self.computed - self.numerical))
        return np.inf if np.isnan(distance) else distance

    @property
    def agrees(self) -> bool:
        """Whether the error is allowed."""
        return self.error <= self.allowed


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradients` found: per mode and argument the worst element. Prints as a table."""

    function: str
    rows: tuple[Comparison, ...]

    @property
    def agrees(self) -> bool:
        """Whether all errors are allowed."""
        return all(row.agrees for row in self.rows)

    def __str__(self) -> str:
        head = ("mode", "worst element", "computed", "numerical", "error", "allowed", "")
        cells = [head]
        for row in self.rows:
            numbers = (_number(row.computed), _number(row.numerical))
            verdict = "" if row.agrees else "disagrees"
            errors = (f"{row.error:.1e}", f"{row.allowed:.1e}")
            cells.append((row.mode, row.place, *numbers, *errors, verdict))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
        found = "agree" if self.agrees else "disagree"
        return "\n".join(
            [f"check_gradients: derivatives of {self.function} {found} with differences", *lines]
        )

    __repr__ = __str__


def check_gradients(
    f: Callable[..., Any],
    x: Any,
    order: int = 1,
    modes: Sequence[str] = MODES,
    rtol: float | None = None,
    atol: float | None = None,
    *,
    samples: int = 200,
) -> GradientReport:
    """Compare the derivatives of `f` at `x` with numerical ones; raise where they disagree.

    The numerical derivative is the central difference extrapolated to step 0. Outputs that are
    not one number are added up with random weights first. At order 2 the derivatives along a
    random direction, in every mode, are themselves differentiated in every mode, and so on.

    x: a pytree, if `f` takes one argument, or a tuple with an entry for each argument. modes:
    "reverse", "forward" or both. rtol, atol: an error up to atol + rtol max(\\|a\\|, \\|b\\|) is
    allowed; the defaults come from the precision of the dtypes. samples: of an array with more
    elements so many are looked at, chosen at random.

    Returns a report that prints the worst element of each argument. Raises
    `GradientMismatchError`, whose `args[0]` is the report. At a kink, such as abs at 0, no
    numerical derivative is right: choose another point.

    Source: the lecture, "numerical gradient checking".

    >>> import adjoint as ad
    >>> report = ad.check_gradients(lambda x, y: ad.sin(x) * y, (2.0, 5.0), order=2)
    >>> report.agrees
    True
    """
    check_callable("check_gradients", f)
    order = operator.index(order)
    if order < 1:
        raise RangeError(f"check_gradients: order={order} must be at least 1")
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if not modes or not set(modes) <= set(MODES):
        raise ArgumentError(f"check_gradients: modes={modes!r}; choose from {MODES}")
    args = x if isinstance(x, tuple) else (x,)
    rng = np.random.default_rng(0)
    rows: list[Comparison] = []
    functions: dict[str, Callable[..., Any]] = {"": f}
    for _ in range(order):
        following = {}
        for name, function in functions.items():
            check = _Check(function, args, rng, samples)
            for mode in modes:
                label = f"{mode} over {name}" if name else mode
                rows += check.compare(mode, label, rtol, atol)
                following[label] = check.along(mode, rng)
        functions = following
    report = GradientReport(str(getattr(f, "__name__", repr(f))), tuple(rows))
    if not report.agrees:
        raise GradientMismatchError(report)
    return report


class _Check:
    """A function at a point, made scalar by weighting its outputs, and elements to look at."""

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], rng: np.random.Generator, samples: int
    ) -> None:
        self.f = f
        self.args = tuple(_as_tensors(a) for a in args)
        self.numeric = Differences("check_gradients", self.f, self.args)
        outputs = self.numeric.outputs
        scalar = len(outputs) == 1 and outputs[0].shape == () and outputs[0].dtype.kind == "f"
        self.weights = [np.ones_like(y) if scalar else _random(rng, y) for y in outputs]
        self.points: list[list[tuple[int, ...]]] = []
        for x in self.numeric.leaves:
            chosen = rng.permutation(x.size)[:samples]
            shape = x.shape
            self.points.append([tuple(map(int, np.unravel_index(i, shape))) for i in chosen])
        self.numerical = [
            [self.difference(n, index) for index in points] for n, points in enumerate(self.points)
        ]

    def compare(
        self, mode: str, label: str, rtol: float | None, atol: float | None
    ) -> list[Comparison]:
        """The worst element of each leaf, in one mode."""
        rows = []
        for number, points in enumerate(self.points):
            if not points:
                continue
            computed = self.reverse(number) if mode == "reverse" else self.forward(number)
            noise = self.noise(number)
            scale = max(map(_size, [*computed, *(value for value, _ in self.numerical[number])]))
            unit = self.numeric.unit**0.4 if rtol is None else rtol
            entries = []
            for index, a, (b, doubt) in zip(points, computed, self.numerical[number], strict=True):
                larger = max(_size(a), _size(b))
                floor = 0.01 * unit * scale + noise + min(doubt, 0.01 * larger)
                allowed = (floor if atol is None else atol) + unit * larger
                place = self.numeric.element(number, index)
                entries.append(Comparison(label, place, a, b, allowed))
            rows.append(max(entries, key=lambda e: (not e.agrees, e.error)))
        return rows

    def noise(self, number: int) -> float:
        """The error that rounding of the outputs can make in a difference."""
        terms = zip(self.weights, self.numeric.outputs, strict=True)
        size = sum(float(np.sum(_finite(np.abs(w * y)))) for w, y in terms)
        return 1e4 * self.numeric.unit * size

    def total(self, outputs: Sequence[Array]) -> float:
        """The weighted sum of the outputs."""
        terms = zip(self.weights, outputs, strict=True)
        with np.errstate(all="ignore"):
            return float(sum(np.sum((np.conj(w) * y).real, dtype=float) for w, y in terms))

    def difference(self, number: int, index: tuple[int, ...]) -> tuple[complex, float]:
        """The numerical derivative by one element, and how much it is to be doubted."""
        x = self.numeric.leaves[number]
        value, doubt = self.extrapolated(number, index, 1.0)
        if x.dtype.kind != "c":
            return value, doubt
        across, more = self.extrapolated(number, index, 1j)
        return complex(value, across), doubt + more

    def extrapolated(
        self, number: int, index: tuple[int, ...], direction: complex
    ) -> tuple[float, float]:
        """Ridders' method: central differences for halved steps, extrapolated to step 0."""
        x = self.numeric.leaves[number][index]
        single = self.numeric.unit > 1e-10
        h = max(abs(x), 0.5 if single else 0.0625) * (0.25 if single else 0.125)
        h = 2.0 ** np.floor(np.log2(h)) if np.isfinite(h) else 1.0
        best, doubt = np.nan, np.inf
        row: list[float] = []
        for _ in range(_LEVELS):
            after, end = self.numeric.moved(number, index, h * direction)
            before, start = self.numeric.moved(number, index, -h * direction)
            distance = ((end - start) / direction).real
            if distance == 0:
                break
            previous, row = row, [(self.total(after) - self.total(before)) / float(distance)]
            for k, old in enumerate(previous):
                row.append(row[k] + (row[k] - old) / (4.0 ** (k + 1) - 1))
                error = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - old))
                if error < doubt:
                    best, doubt = row[k + 1], error
            if not np.isfinite(row[0]):
                row = []
            if doubt <= self.numeric.unit * 100 * abs(best):
                break
            h /= 2
        return (best, doubt) if np.isfinite(doubt) else (np.nan, 0.0)

    def reverse(self, number: int) -> list[complex]:
        """The derivatives at the points of a leaf, in reverse mode."""
        found = _leaves(vjp(self.f, *self.args)[1](self.seed()))
        gradient = found[number].numpy()
        return [gradient[index].item() for index in self.points[number]]

    def forward(self, number: int) -> list[complex]:
        """The same in forward mode, one element at a time."""
        x = self.numeric.leaves[number]
        result: list[complex] = []
        for index in self.points[number]:
            along = self.slope(number, index, 1.0)
            across = self.slope(number, index, 1j) if x.dtype.kind == "c" else None
            result.append(along if across is None else complex(along, across))
        return result

    def slope(self, number: int, index: tuple[int, ...], direction: complex) -> float:
        """The tangent of the weighted sum in the direction of one element."""
        tangents = [np.zeros_like(leaf) for leaf in self.numeric.leaves]
        tangents[number][index] = direction
        _, slopes = jvp(self.f, self.args, self.numeric.arguments(tangents))
        return self.total([y.numpy() for y in _leaves(slopes)])

    def seed(self) -> Any:
        """The weights in the structure of the output."""
        return self.numeric.structure.unflatten(map(from_array, self.weights))

    def along(self, mode: str, rng: np.random.Generator) -> Callable[..., Any]:
        """The derivative along a random direction as a scalar function, by one mode."""
        f = self.f
        drawn = [_random(rng, leaf) for leaf in self.numeric.leaves]

        def reverse(*args: Any) -> Any:
            return _inner(drawn, _leaves(vjp(f, *args)[1](self.seed())))

        def forward(*args: Any) -> Any:
            slopes = jvp(f, args, self.numeric.arguments(drawn))[1]
            return _inner(self.weights, [as_output("jvp", f, y) for y in _leaves(slopes)])

        return functools.wraps(f)(reverse if mode == "reverse" else forward)


def _as_tensors(tree: Any) -> Any:
    leaves, structure = flatten(tree)
    return structure.unflatten(
        as_tensor(leaf, np.dtype(float)) if type(leaf) is int else as_tensor(leaf)
        for leaf in leaves
    )


def _leaves(tree: Any) -> list[Any]:
    return flatten(tree)[0]


def _inner(weights: Sequence[Array], tensors: Sequence[Tensor]) -> Tensor:
    """The real part of the inner product."""
    total: Any = 0.0
    for w, t in zip(weights, tensors, strict=True):
        if size_of(t.node.shape):
            product = from_array(np.conj(w)) * t
            part = real(product) if product.node.dtype.kind == "c" else product
            total = total + reduction.sum(part)
    return as_tensor(total)


def _random(rng: np.random.Generator, like: Array) -> Array:
    """Weights between 0.5 and 1.5 in size, of both signs, so that nothing vanishes by chance."""
    draw = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
    if like.dtype.kind == "c":
        draw = draw * np.exp(1j * rng.uniform(0.3, 1.2, like.shape))
    return np.asarray(draw).astype(like.dtype)


def _size(value: complex) -> float:
    return abs(value) if np.isfinite(value) else 0.0


def _finite(x: Array) -> Array:
    return np.where(np.isfinite(x), x, 0.0)


def _number(value: complex) -> str:
    return f"{value:.10g}"
