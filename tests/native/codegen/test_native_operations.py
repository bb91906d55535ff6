"""Every operation of the registry means the same compiled as interpreted.

At the points of the table with its gradient, at special values, on every dtype it accepts; inputs
of every layout; and at the awkward points of the conventions.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.op import OPS
from adjoint.graph.tensor import make
from adjoint.ops.family.elementwise import _KINDS, Elementwise
from adjoint.ops.family.scalar_rules import scalar_rule
from adjoint.ops.scalar import BOUNDS
from tests.native.fuzzing.layouts import LAYOUTS
from tests.native.running import step_kinds
from tests.sampling import marked
from tests.table.cases import CASES, NONNEGATIVE, Case
from tests.table.edges import EDGES, Edge
from tests.table.test_edges import scalar

pytestmark = pytest.mark.native

DTYPES = ("float64", "float32", "int64", "int32", "uint8", "bool")

# Tolerances, in units in the last number. The interpreter's own functions (NumPy's, SciPy's) are
# good to a few units; ours to BOUNDS; a formula of several of either adds them up.
EXACT = frozenset(
    [
        "add",
        "subtract",
        "multiply",
        "divide",
        "reciprocal",
        "square",
        "negative",
        "positive",
        "abs",
        "sqrt",
        "sign",
        "clip",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "floor",
        "ceil",
        "trunc",
        "rint",
        "copysign",
        "where",
        "remainder",
        "fmod",
        "floor_divide",
        "stop_gradient",
        "nonnegative",
        "astype",
        "nextafter",
        "heaviside",
        "log_slope",
        "excess",
        "real",
        "imag",
        "conj",
    ]
)
"""Correctly rounded, or no arithmetic at all."""
OWN = 4.0
"""Units by which NumPy and SciPy may be wrong."""
FORMULA = 64.0
"""For what has no bound of its own: a formula of functions that have."""
BETWEEN_POLES = frozenset({"gammaln", "digamma"})
"""Functions with zeros between poles, near which both engines lose digits."""
EITHER_ZERO = frozenset(["maximum", "minimum", "fmax", "fmin", "clip", "erfinv", "log_ndtr"])
"""Where the sign of a zero is open: NumPy's choice between 0 and -0 depends on the array's length,
and SciPy's erfinv(-0) and log_ndtr(∞) have the other sign than the functions near there."""
SUBNORMAL = frozenset({"gammaln", "erfcinv"})
"""Functions of which SciPy takes subnormal numbers for 0; the native ones do not."""


def units(name: str) -> float:
    """The tolerance for an operation."""
    if name in EXACT:
        return 0.0
    return BOUNDS[name] + OWN if name in BOUNDS else FORMULA


def agree(found: Any, expected: Any, name: str, what: str) -> None:
    """Equal shapes, dtypes, nan, infinities and signs of zeros; numbers within the tolerance."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, what)
        return
    size = np.maximum(np.abs(expected), 1) if name in BETWEEN_POLES else np.abs(expected)
    with np.errstate(invalid="ignore", over="ignore"):
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        near = np.isfinite(expected) & (np.abs(found - expected) <= np.spacing(size) * units(name))
    wrong = ~(same | near)
    shown = f"{found[wrong][:4]} for {expected[wrong][:4]}"
    assert not wrong.any(), f"{what}: {shown} at {np.argwhere(wrong)[:4].tolist()}"
    if name not in EITHER_ZERO:
        zeros = (found == 0) & (expected == 0)
        signs = np.signbit(found)[zeros] == np.signbit(expected)[zeros]
        assert signs.all(), f"{what}: the signs of zeros"


# the points of the table

BY_OPERATION: dict[str, list[Case]] = defaultdict(list)
for case in CASES:
    BY_OPERATION[case.op].append(case)


def programs() -> list[Any]:
    """Two programs of each operation: of its cases in float64 and integers, and for every third
    operation those in float32, for the next the complex ones, which always runs; and of the others.
    """
    found = []
    for number, name in enumerate(sorted(BY_OPERATION)):
        cases = BY_OPERATION[name]
        left_out = {
            case.name
            for case in cases
            if (case.single and number % 3 != 1)
            or (any(x.dtype.kind == "c" for x in case.inputs) and number % 3 != 2)
        }
        if len(left_out) == len(cases):
            left_out = set()
        for quick in (True, False):
            chosen = [case for case in cases if (case.name not in left_out) == quick]
            if chosen:
                found.append(marked(chosen, quick, name if quick else f"{name}-others"))
    return found


@pytest.mark.parametrize("cases", programs())
def test_values_and_gradients_at_the_points_of_the_table(cases: list[Case]) -> None:
    """Cases of an operation in one program."""

    def results(*groups: Any) -> list[Any]:
        found = []
        for case, inputs in zip(cases, groups, strict=True):
            found.append([case.call(*inputs)])
            if case.differentiable:
                active = [inputs[i] for i in case.active]

                def f(*given: Any, case: Case = case, inputs: Any = inputs) -> Any:
                    chosen = dict(zip(case.active, given, strict=True))
                    y = case.call(*(chosen.get(i, x) for i, x in enumerate(inputs)))
                    total = ad.sum(y * case.random(y, 7))
                    return ad.real(total) if total.dtype.kind == "c" else total

                found[-1] += ad.grad(f, tuple(range(len(active))))(*active)
        return found

    groups = [tuple(case.inputs) for case in cases]
    interpreted = results(*[tuple(map(ad.asarray, group)) for group in groups])
    for case, ours, theirs in zip(cases, ad.compile(results)(*groups), interpreted, strict=True):
        for number, (found, expected) in enumerate(zip(ours, theirs, strict=True)):
            what = f"{case.name}, result {number}"
            close(found.numpy(), expected.numpy(), what, np.float32 if case.single else None)


def close(found: Any, expected: Any, what: str, made_of: Any = None) -> None:
    """Equal to 1,000 units of the largest element: a sum of products is no better conditioned.

    The units are those of the dtype that the numbers are `made_of`, if that is another.
    """
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, expected, what)
        return
    tolerance = 1000 * np.finfo(made_of or expected.dtype).eps
    size = float(np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0))
    np.testing.assert_allclose(found, expected, tolerance, tolerance * size, err_msg=what)


# special values

ELEMENTWISE = [op for op in OPS.values() if isinstance(op, Elementwise)]


def special(dtype: str) -> np.ndarray[Any, Any]:
    """The ends of a dtype, what lies around zero, and if it has them infinities and nan."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return np.array([False, True])
    if kind.kind in "iu":
        info = np.iinfo(kind)
        values = [0, 1, 2, 3, 7, 100, info.max, info.max - 1, info.min, info.min + 1, -1, -2]
        return np.array([v for v in values if info.min <= v <= info.max], kind)
    info = np.finfo(kind)
    positive = [0, info.smallest_subnormal, info.tiny / 3, info.tiny, 1e-10, 0.3, 0.5, 1, 1.5]
    positive += [2, 2.5, np.pi, 7, 20.25, 89, 300, 1e6, 1e15, info.max / 3, info.max, np.inf]
    return np.array([*positive, *(-np.array(positive)), np.nan, 1 - info.epsneg], kind)


def columns(op: Elementwise, dtype: str) -> list[Any]:
    """All combinations of special values, or a good part of them."""
    kinds = ["bool" if op.name == "where" and i == 0 else dtype for i in range(len(op.partials))]
    values = [special(kind) for kind in kinds]
    if NONNEGATIVE.get(op.name) is not None and values[0].dtype.kind in "iu":
        bits = 8 * values[0].itemsize
        values[1] = np.array([0, 1, 2, bits - 1], values[0].dtype)
    if len(values) < 3:
        return [x.ravel() for x in np.meshgrid(*values, indexing="ij")]
    rng = np.random.default_rng(0)
    return [rng.choice(x, 1500) for x in values]


OF_ONE_DTYPE = {"fold_in", "multiply_high"}
"""Operations on the words of random numbers, made for these alone (tests/random)."""
NATIVE = [op for op in ELEMENTWISE if scalar_rule(op) is not None and op.name not in OF_ONE_DTYPE]
"""The others are NumPy's on both engines."""


def is_whole(parameter: Any) -> bool:
    return isinstance(parameter, str) or parameter == abs(int(parameter))


@pytest.mark.parametrize("op", NATIVE, ids=lambda op: op.name)
def test_special_values(op: Elementwise) -> None:
    """Of all dtypes in one program."""
    dtypes = [d for d in DTYPES if np.dtype(d).kind in _KINDS[op.accepts]]
    points = {dtype: columns(op, dtype) for dtype in dtypes}

    def results(points: Any) -> Any:
        return {
            (dtype, params): make(op, [ad.asarray(x) for x in xs], params)
            for dtype, xs in points.items()
            for params in op.samples
            if dtype[0] == "f" or not params or is_whole(params[0])
        }  # whole numbers have no negative and no broken powers

    found, expected = ad.compile(results)(points), results(points)
    assert list(found) == list(expected) != []
    for (dtype, params), value in expected.items():
        kept: Any = slice(None)
        x = points[dtype][0]
        if op.name in SUBNORMAL:
            kept = (np.abs(x) >= np.finfo(dtype).tiny) & (x != -np.inf)  # C: lgamma(-∞) = ∞
        what = f"{op.name}{params} of {dtype}"
        agree(found[dtype, params].numpy()[kept], value.numpy()[kept], op.name, what)


# layouts

SHAPES = [(), (1,), (7,), (0,), (5, 4), (4, 0, 3), (3, 1, 2), (2, 3, 2, 5)]


def numbers(shape: Any, dtype: str) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return np.asarray(rng.uniform(0, 9, shape)).astype(dtype)


@pytest.fixture(scope="module")
def mixed() -> Any:
    """A program that reads its inputs in several ways."""

    def f(x: Any, y: Any) -> Any:
        sums = ad.sum(x, axis=0) if x.ndim else x
        return x, y.T, sums, ad.where(x > 4, x, y), ad.expand_dims(y, -1)

    return ad.compile(f)


@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts(mixed: Any, dtype: str) -> None:
    """However an array lies in memory, it means its elements, and is not written to."""
    for shape in SHAPES:
        x = numbers(shape, dtype)
        y = np.asarray(9 - x if dtype != "bool" else ~x)
        expected = mixed(x, y)
        for name, lay in LAYOUTS.items():
            a, b = lay(x), lay(y)
            for left, right in ((a, b), (a, y), (x, b)):
                found = mixed(left, right)
                for f, e in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(f.numpy(), e.numpy(), name, strict=True)
            np.testing.assert_array_equal(a, x)
            np.testing.assert_array_equal(b, y)
        for f, e in zip(expected, mixed._function(ad.asarray(x), ad.asarray(y)), strict=True):
            ulps = (
                4 * np.finfo(dtype).eps if np.dtype(dtype).kind == "f" else 0
            )  # sums have no order
            np.testing.assert_allclose(f.numpy(), e.numpy(), rtol=ulps, atol=0, strict=True)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3)])
def test_inputs_that_repeat_with_a_stride_of_zero(shape: Any) -> None:
    x = np.broadcast_to(np.array([1.0, 2.0, 3.0]), shape)
    y = np.broadcast_to(7.0, shape)
    f = ad.compile(lambda x, y: ad.sum(ad.sin(x) * y, axis=0))
    np.testing.assert_array_equal(f(x, y).numpy(), f(x.copy(), y.copy()).numpy())


def test_the_same_array_may_be_several_inputs() -> None:
    x = np.arange(12.0).reshape(3, 4)
    f = ad.compile(lambda a, b, c: a @ b.T + c[0, 0])
    np.testing.assert_array_equal(f(x, x, x).numpy(), x @ x.T + x[0, 0])
    np.testing.assert_array_equal(f(x, x[::-1], x[:, ::-1]).numpy(), x @ x[::-1].T + x[0, 3])


def test_overlapping_inputs() -> None:
    x = np.arange(10.0)
    f = ad.compile(lambda a, b: a * 2 + b)
    np.testing.assert_array_equal(f(x[:-1], x[1:]).numpy(), x[:-1] * 2 + x[1:])


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.int32, np.bool_])
def test_numpy_scalars_are_arrays_of_no_axes(kind: Any) -> None:
    f = ad.compile(lambda x: x + x if x.dtype.kind != "b" else ad.logical_not(x))
    assert f(kind(1)).dtype == np.dtype(kind)
    np.testing.assert_array_equal(f(kind(1)).numpy(), f(np.array(kind(1))).numpy(), strict=True)


# awkward points


def test_gradients_at_the_points_where_conventions_decide() -> None:
    """All of them in one program."""
    functions, points = [], []
    for edge in EDGES:
        try:
            functions.append(ad.grad(scalar(edge)))
            points.append(np.array(edge.at))
        except pytest.skip.Exception:
            continue
    compiled = ad.compile(lambda xs: [g(x) for g, x in zip(functions, xs, strict=True)])
    edges: list[Edge] = EDGES
    assert len(functions) > len(edges) - 10
    for edge, g, x, found in zip(edges, functions, points, compiled(points), strict=False):
        np.testing.assert_allclose(found.numpy(), g(x).numpy(), 1e-12, 0, err_msg=edge.name)


def test_functions_of_complex_numbers_without_a_rule_work_by_calls_to_numpy() -> None:
    x = np.array([1 + 2j, -0.5j, 3.0])
    f = ad.compile(lambda x: ad.arccos(x) * ad.conj(x) + ad.real(x))
    np.testing.assert_allclose(f(x).numpy(), np.arccos(x) * x.conj() + x.real, 1e-15)
    assert step_kinds(f, x) == ["numpy", "kernel"]
