"""One case for every operation and dtype: how to call it, at which point, and who knows better."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import adjoint as ad
import adjoint.ops
from adjoint.graph.op import FUNCTIONS, OPS
from adjoint.graph.tensor import Tensor, make
from adjoint.ops.family.elementwise import _KINDS, Elementwise, Missing
from tests.table.oracles import Differences, Flat, Mathematics, mathematics, numerical
from tests.table.random_rows import RANDOM_ROWS
from tests.table.row import Row
from tests.table.rows import ROWS
from tests.table.signal_rows import SIGNAL_ROWS

for found in pkgutil.walk_packages(adjoint.ops.__path__, "adjoint.ops."):
    importlib.import_module(found.name)  # some register themselves only when first needed


class Functions:
    """Every function by the name under which users call it, in whatever namespace it stands."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return FUNCTIONS[name] if name in FUNCTIONS else getattr(ad, name)


LEAVES = {name for name, op in OPS.items() if op.family in ("leaf", "kinks")}
"""Not operations on numbers; marks of kinks are made by derivatives (tests/trust)."""
"""Constants and variables: every other case is made of them."""
ONCE: dict[str, set[int]] = {
    "log_gamma_quantile_by_a": {0},
    "von_mises_quantile_by_kappa": {0},
}
"""Inputs by which there is a first derivative but no formula for a second."""
NOT_THRICE = {"log_gamma_quantile", "von_mises_quantile"}
"""Operations of which there is a second derivative but no formula for a third."""
FLAT = {"stop_gradient", "round"}
"""Their derivative is zero by definition."""
NONNEGATIVE = {"power": 1, "bitwise_left_shift": 1, "bitwise_right_shift": 1}
"""By operation the input that must not be negative where it is an integer."""
SIZE = 5


@dataclass(frozen=True)
class Case:
    """An operation at a point: `active` are the inputs to differentiate."""

    name: str
    op: str
    call: Callable[..., Tensor]
    inputs: tuple[np.ndarray[Any, Any], ...]
    oracle: Mathematics | Differences
    digits: float = 1.0
    public: Callable[..., Tensor] | None = None
    once: frozenset[int] = frozenset()

    @property
    def active(self) -> list[int]:
        fixed = self.missing | self.once
        return [i for i, x in enumerate(self.inputs) if x.dtype.kind in "fc" and i not in fixed]

    @property
    def missing(self) -> set[int]:
        """The inputs by which there is no derivative."""
        rules = getattr(OPS[self.op], "partials", ())
        return {i for i, rule in enumerate(rules) if isinstance(rule, Missing)}

    @property
    def exact(self) -> tuple[np.ndarray[Any, Any], ...]:
        """The inputs in double precision, for the oracle."""
        wide = {"f": np.float64, "c": np.complex128}
        return tuple(x.astype(wide.get(x.dtype.kind, x.dtype)) for x in self.inputs)

    @property
    def single(self) -> bool:
        return any(x.dtype in (np.float32, np.complex64) for x in self.inputs)

    @property
    def real(self) -> bool:
        """Whether neither the inputs to differentiate nor the output are complex."""
        return "c" not in {x.dtype.kind for x in (*self.inputs, self.output())}

    @property
    def differentiable(self) -> bool:
        try:
            return bool(self.active) and self.output().dtype.kind in "fc"
        except Exception:  # a broken row fails in its tests, not here for all of them
            return bool(self.active)

    def output(self) -> Tensor:
        return self.call(*map(ad.asarray, self.inputs))

    def of_active(self, *given: Any) -> Tensor:
        """The operation as a function of its active inputs."""
        chosen = dict(zip(self.active, map(ad.asarray, given), strict=True))
        return self.call(*(chosen.get(i, x) for i, x in enumerate(map(ad.asarray, self.inputs))))

    def random(self, like: Any, seed: int) -> Any:
        """Numbers between 0.5 and 1.5 in size, of both signs."""
        rng = np.random.default_rng([seed, *map(ord, self.op)])
        draw = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
        if like.dtype.kind == "c":
            draw = draw * np.exp(1j * rng.uniform(0.2, 1.3, like.shape))
        return np.asarray(draw).astype(like.dtype)


def points(shape: tuple[int, ...], lo: float, hi: float, seed: int) -> np.ndarray[Any, Any]:
    """Generic points, evenly spaced and shuffled: no ties, and far enough from them."""
    n = int(np.prod(shape))
    rng = np.random.default_rng(seed)
    even = (np.arange(n) + 0.35 + 0.11 * seed % 0.4) / max(n, 1)
    return np.asarray(lo + (hi - lo) * rng.permutation(even)).reshape(shape)


def as_kind(x: np.ndarray[Any, Any], dtype: str, seed: int) -> np.ndarray[Any, Any]:
    """Real points as points of another dtype."""
    kind = np.dtype(dtype).kind
    if kind == "c":
        return (x + 1j * points(x.shape, 0.2, 0.8, seed + 5)).astype(dtype)
    return x.astype(dtype)


def dtypes_of(op: Elementwise) -> list[str]:
    kinds = _KINDS[op.accepts]
    names = {"f": ["float64", "float32"], "c": ["complex128"], "i": ["int64"], "b": ["bool"]}
    return [d for kind in "fcib" if kind in kinds for d in names[kind]]


def integers(op: Elementwise, dtype: str, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Whole numbers from the domain of each input."""
    result = []
    for i, (lo, hi) in enumerate(op.domain):
        choices = np.arange(np.ceil(lo), np.floor(hi) + 1)
        if NONNEGATIVE.get(op.name) == i:
            choices = choices[choices >= 0]
        result.append(np.resize(np.roll(choices, i), shape).astype(dtype))
    return tuple(result)


def elementwise_inputs(op: Elementwise, dtype: str, shapes: list[tuple[int, ...]]) -> Any:
    if dtype in ("int64", "bool"):
        return integers(op, dtype, shapes[0])
    inputs = [
        as_kind(points(shape, *interval, i + 1), dtype, i)
        for i, (shape, interval) in enumerate(zip(shapes, op.domain, strict=True))
    ]
    if op.name == "where":
        inputs[0] = np.resize([True, False, False], shapes[0])
    return tuple(inputs)


def elementwise_oracle(op: Elementwise, dtype: str, params: tuple[Any, ...]) -> Any:
    """mpmath's function, unless it is not a smooth one of these numbers: then NumPy's."""
    known = mathematics(op.name)
    smooth = dtype[0] == "f" or (dtype[0] == "c" and op.holomorphic)
    if known is not None and smooth and (not op.result or op.result(np.dtype(dtype)) == dtype):
        return Mathematics(known, params)
    plain = numerical(op.name)
    if plain is None:
        return None
    family = Flat if op.name in FLAT else Differences
    return family(lambda *xs: plain(*xs, *params))


def elementwise_cases(op: Elementwise) -> Iterator[Case]:
    count = len(op.partials)
    shapes = {"": [(SIZE,)] * count}
    if count > 1:
        shapes["broadcast"] = [(2, 1, 2), (3, 1), (), (2,)][:count]
    for params in op.samples:
        for dtype in dtypes_of(op):
            if dtype == "int64" and params and params[0] != abs(int(params[0])):
                continue  # whole numbers have no negative and no broken powers
            oracle = elementwise_oracle(op, dtype, params)
            if oracle is None:
                return
            for label, given in shapes.items():
                if label and dtype != "float64":
                    continue
                shown = [op.name, *map(str, params), dtype, *([label] if label else [])]
                yield Case(
                    "-".join(shown),
                    op.name,
                    lambda *xs, p=params: make(op, xs, p),
                    elementwise_inputs(op, dtype, given),
                    oracle,
                    public=None if params else FUNCTIONS.get(op.name),
                )


def row_cases(row: Row) -> Iterator[Case]:
    for dtype in row.dtypes:
        inputs = tuple(
            as_kind(points(x, -2.0 * row.spread, 2.0 * row.spread, i + 1), dtype, i)
            if isinstance(x, tuple)
            else x
            if x.dtype.kind not in "fc"
            else as_kind(x, dtype, i)
            for i, x in enumerate(map(_array_or_shape, row.inputs))
        )
        plain = row.numpy or (lambda *xs: row.call(np, *xs))
        yield Case(
            f"{row.op}-{row.label}-{dtype}" if row.label else f"{row.op}-{dtype}",
            row.op,
            lambda *xs: row.call(Functions(), *xs),
            inputs,
            Differences(plain),
            row.digits,
        )


def _array_or_shape(x: Any) -> Any:
    return x if isinstance(x, tuple) else np.asarray(x)


def all_cases() -> list[Case]:
    cases = []
    for op in OPS.values():
        if isinstance(op, Elementwise):
            cases += elementwise_cases(op)
    for row in (*ROWS, *RANDOM_ROWS, *SIGNAL_ROWS):
        if row.op in OPS:
            cases += row_cases(row)
    return cases


CASES = all_cases()

TWICE = [replace(case, once=frozenset(ONCE.get(case.op, ()))) for case in CASES]
"""The same cases, as far as they can be differentiated twice."""
