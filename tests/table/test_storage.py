"""Every operation in the narrow dtypes: what a function returns of bfloat16 is what it returns of
float32, rounded once, on every engine; and float16 is near float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import NotDifferentiableError
from adjoint.graph.op import OPS
from tests.table.cases import CASES, Functions, row_cases
from tests.table.random_rows import RANDOM_ROWS
from tests.table.rows import ROWS
from tests.table.signal_rows import SIGNAL_ROWS

ml_dtypes = pytest.importorskip("ml_dtypes")
pytestmark = [
    pytest.mark.unit,
    pytest.mark.native,
    pytest.mark.filterwarnings("ignore::adjoint.errors.KinkWarning"),
]

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
SAMPLE = {
    *("add-float32", "sin-float32", "exp-float32", "maximum-float32", "sum-float32"),
    *("matmul-float32", "sort-float32", "gather-float32", "concat-float32", "where-float32"),
    *("softmax-float32", "cumsum-float32", "slice-float32", "reshape-float32"),
}
"""What is always run; the others only if slow tests are."""


class Noted:
    """The functions of the namespace, which notes how many were called, and what the last gave."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return self.noted(getattr(Functions(), name)) if name != "fft" else NotedTransforms(self)

    def noted(self, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.results.append(function(*args, **kwargs))
            return self.results[-1]

        return call


class NotedTransforms:
    """The functions of the namespace `fft`."""

    def __init__(self, home: Noted) -> None:
        self.home = home

    def __getattr__(self, name: str) -> Any:
        return self.home.noted(getattr(ad.fft, name))


class Narrow(NamedTuple):
    """A call of a function, with numbers that bfloat16 and float16 hold."""

    op: str
    call: Callable[..., Any]
    inputs: Sequence[np.ndarray[Any, Any]]

    def of(self, dtype: Any) -> tuple[Callable[..., Any], list[np.ndarray[Any, Any]]]:
        """The call as a function of its floating inputs, and those."""
        given = [x.astype(dtype) if is_float(x) else x for x in self.inputs]
        places = [i for i, x in enumerate(self.inputs) if is_float(x)]

        def f(*xs: Any) -> Any:
            whole = [*given]
            for place, x in zip(places, xs, strict=True):
                whole[place] = x
            return self.call(Functions(), *map(ad.asarray, whole))

        return f, [given[place] for place in places]

    @property
    def is_one(self) -> bool:
        """Whether it calls one function, and returns what that does."""
        seen = Noted()
        result = self.call(seen, *map(ad.asarray, self.inputs))
        return len(seen.results) == 1 and result is seen.results[0]


def is_float(x: np.ndarray[Any, Any]) -> bool:
    return x.dtype.kind == "f"


def calls() -> Iterator[Any]:
    """The calls of the table in float32, by their names."""
    found = {
        case.name: (case.op, lambda n, *xs, f=case.public: f(*xs), case.inputs)
        for case in CASES
        if case.single and case.public is not None and case.op != "nextafter"  # refused
    }
    for row in (*ROWS, *RANDOM_ROWS, *SIGNAL_ROWS):
        if row.op in OPS:
            found |= {c.name: (row.op, row.call, c.inputs) for c in row_cases(row) if c.single}
    for name, (op, call, inputs) in found.items():
        if all(x.dtype.kind != "c" for x in inputs) and "of rank 1" not in name:
            wide = [
                x.astype(BFLOAT16).astype(x.dtype) if x.dtype.kind == "f" else x for x in inputs
            ]
            marks = [] if name in SAMPLE else [pytest.mark.slow]
            yield pytest.param(Narrow(op, call, wide), id=name, marks=marks)


each = pytest.mark.parametrize("case", list(calls()))


def stored(x: Any) -> Any:
    """A result in float32 as ml_dtypes rounds it, to nearest even."""
    array = np.asarray(x)
    return array.astype(BFLOAT16) if array.dtype == np.float32 else array


def same(found: Any, expected: Any) -> None:
    """Both to the last bit, but for the bits of a nan."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    wide = np.float32 if found.dtype == BFLOAT16 else found.dtype
    np.testing.assert_array_equal(found.astype(wide), expected.astype(wide))


def near(found: Any, expected: Any, rtol: float) -> None:
    found, expected = (np.asarray(x).astype(np.float64) for x in (found, expected))
    assert found.shape == expected.shape
    size = np.max(np.abs(expected[np.isfinite(expected)]), initial=1e-3)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * size)


@each
def test_a_function_of_bfloat16_is_that_of_float32_rounded_once(case):
    narrow, xs = case.of(BFLOAT16)
    wide, ys = case.of(np.float32)
    with np.errstate(all="ignore"):
        found, expected = narrow(*xs), wide(*ys)
        if case.is_one:
            same(found, stored(expected))
            same(ad.compile(narrow)(*xs), stored(ad.compile(wide)(*ys)))
        elif expected.dtype.kind == "f":
            near(found, expected, 2**-4)


@each
def test_its_adjoints_and_tangents_are_those_of_float32_rounded_once(case):
    narrow, xs = case.of(BFLOAT16)
    wide, ys = case.of(np.float32)
    with np.errstate(all="ignore"):
        y = wide(*ys)
        if y.dtype.kind != "f":
            return
        w = np.ones(y.shape, BFLOAT16)
        try:
            expected = ad.vjp(wide, *ys)[1](w.astype(y.dtype))
        except NotDifferentiableError:
            return
        for gradient, x in zip(ad.vjp(narrow, *xs)[1](w), expected, strict=True):
            assert gradient.dtype == BFLOAT16
            if case.is_one:
                same(gradient, stored(x))
            else:
                near(gradient, x, 2**-3)
        if case.is_one:
            pushed, wanted = ad.jvp(narrow, xs, xs)[1], ad.jvp(wide, ys, ys)[1]
            same(pushed, stored(wanted))


@each
def test_float16_is_near_float32_and_the_same_in_native_programs(case):
    """NumPy's linear algebra refuses float16, and so does ours; its transforms give float32."""
    home = type(OPS[case.op]).__module__
    if home.startswith("adjoint.ops.linalg.") and case.op != "matmul":
        return
    narrow, xs = case.of(np.float16)
    wide, ys = case.of(np.float32)
    with np.errstate(all="ignore"):
        found, expected = narrow(*xs), wide(*ys)
        if expected.dtype.kind != "f":
            return
        if "fft" not in case.op:
            assert found.dtype == (np.float16 if expected.dtype == np.float32 else expected.dtype)
        near(found, expected, 2**-7)
        if case.op == "log_softmax":  # made of other operations in a native program
            near(ad.compile(narrow)(*xs), found, 2**-9)
        else:
            same(ad.compile(narrow)(*xs), found)
        try:
            adjoints = ad.vjp(wide, *ys)[1](np.ones(expected.shape, expected.dtype))
        except NotDifferentiableError:
            return
        for gradient, x in zip(ad.vjp(narrow, *xs)[1](found * 0 + 1), adjoints, strict=True):
            assert gradient.dtype == np.float16
            near(gradient, x, 2**-6)
