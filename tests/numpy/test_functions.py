"""NumPy's functions called on tensors: value, derivatives in both modes, second order, compiled.

The oracle is NumPy's function itself: its value, and differences of its values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ConcretizationError
from tests.numpy.calls import NAN, Call
from tests.numpy.differences import near, points, slopes
from tests.numpy.matrix_calls import CALLS

pytestmark = pytest.mark.unit


def arrays(case: Call) -> list[Any]:
    return [points(shape, seed) for seed, shape in enumerate(case.inputs)]


def parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def weights(outputs: list[Any]) -> list[Any]:
    """Random numbers for each output with derivatives, to make one number of all."""
    rng = np.random.default_rng(7)
    found = []
    for y in outputs:
        w = rng.uniform(0.5, 1.5, np.shape(y)) * rng.choice([-1.0, 1.0], np.shape(y))
        if np.asarray(y).dtype.kind == "c":
            w = w + 1j * rng.uniform(0.5, 1.5, np.shape(y))
        found.append(w if np.asarray(y).dtype.kind in "fc" else None)
    return found


def scalar(n: Any, outputs: list[Any], ws: list[Any]) -> Any:
    pairs = [(y, w) for y, w in zip(outputs, ws, strict=True) if w is not None]
    return sum(n.sum(n.real(y * w) if y.dtype.kind == "c" else y * n.real(w)) for y, w in pairs)


def quiet(case: Call, n: Any, *xs: Any) -> list[Any]:
    """The outputs, without the warnings that are NumPy's own."""
    with np.errstate(all="ignore"):
        return parts(case.call(n, *xs))


def table(cases: list[Call]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def without(*flags: str) -> list[Call]:
    return [case for case in CALLS if not case.flags & set(flags)]


@table(CALLS)
def test_value(case):
    """By NumPy's name and by adjoint's, in shape, dtype and value NumPy's result."""
    xs = arrays(case)
    expected = quiet(case, np, *xs)
    for n in (np, ad):
        if (n is np and "own" in case.flags) or (n is ad and "protocol" in case.flags):
            continue
        found = parts(case.call(n, *map(ad.asarray, xs)))
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            theirs = np.asarray(theirs)
            assert (np.shape(ours), ours.dtype.kind) == (theirs.shape, theirs.dtype.kind)
            near(np.asarray(ours), theirs, 1e-12)


@table(without("plain", "double"))
def test_single_precision_stays(case):
    xs = [
        x.astype({"f": "float32", "c": "complex64"}.get(x.dtype.kind, x.dtype))
        for x in map(np.asarray, arrays(case))
    ]
    n = ad if "protocol" not in case.flags else np
    found = parts(case.call(n, *map(ad.asarray, xs)))
    for ours, theirs in zip(found, quiet(case, np, *xs), strict=True):
        if np.all(np.isfinite(theirs)) and np.all(np.abs(theirs) > 1e-30):
            np.testing.assert_allclose(np.asarray(ours), theirs, rtol=3e-3, atol=3e-4)
        if "float64" not in case.name and ours.dtype.kind in "fc":
            assert ours.dtype.itemsize <= np.asarray(theirs).dtype.itemsize


def of_each(case: Call, n: Any) -> Any:
    """The sum of all outputs as a function of the inputs, and the inputs with derivatives."""
    xs = arrays(case)
    ws = weights(quiet(case, np, *xs))
    active = [i for i, x in enumerate(xs) if np.asarray(x).dtype.kind in "fc"]

    def function(*given: Any, by: Any = n) -> Any:
        whole = list(xs)
        for i, x in zip(active, given, strict=True):
            whole[i] = x
        return scalar(by, parts(case.call(by, *whole)), ws)

    return function, [xs[i] for i in active]


@table(without("plain"))
def test_gradient_and_tangent(case):
    n = np if "protocol" in case.flags else ad
    function, xs = of_each(case, n)
    numbers = tuple(range(len(xs)))
    found = ad.grad(function, numbers)(*xs)
    rng = np.random.default_rng(3)
    vs = [rng.uniform(-1, 1, np.shape(x)).astype(np.asarray(x).dtype) for x in xs]
    total = 0.0
    for i, x in enumerate(xs):

        def along(y: Any, i: int = i) -> Any:
            with np.errstate(all="ignore"):
                return function(*xs[:i], y, *xs[i + 1 :], by=np)

        expected = slopes(along, np.asarray(x))
        assert found[i].dtype == np.asarray(x).dtype
        near(found[i].numpy(), expected, 2e-7)
        total += float(np.sum(np.real(np.conj(expected) * vs[i])))
    tangent = ad.jvp(function, xs, vs)[1]
    near(float(tangent), total, 2e-6)


@table(without("plain", "once", "edges"))
def test_second_order(case):
    """The Hessian times a vector, forward over reverse, against differences of the gradient."""
    n = np if "protocol" in case.flags else ad
    function, xs = of_each(case, n)
    numbers = tuple(range(len(xs)))
    rng = np.random.default_rng(5)
    vs = [np.asarray(rng.uniform(-1, 1, np.shape(x))).astype(np.asarray(x).dtype) for x in xs]

    def slope(*given: Any) -> Any:
        return ad.grad(function, numbers)(*given)

    found = ad.jvp(slope, xs, vs)[1]
    backwards = ad.grad(
        lambda *given: sum(
            ad.sum(ad.real(g * np.conj(v))) for g, v in zip(slope(*given), vs, strict=True)
        ),
        numbers,
    )(*xs)
    h = 1e-4
    after, before = (slope(*(x + s * h * v for x, v in zip(xs, vs, strict=True))) for s in (1, -1))
    for ours, other, a, b in zip(found, backwards, after, before, strict=True):
        expected = (a.numpy() - b.numpy()) / (2 * h)
        near(ours.numpy(), expected, 1e-5)
        near(other.numpy(), expected, 1e-5)


TOGETHER = 12
"""How many cases are compiled in one program, which takes less time than as many programs."""
COMPILED = without("plain", "protocol", "eager")


@pytest.mark.parametrize(
    "cases",
    [COMPILED[i : i + TOGETHER] for i in range(0, len(COMPILED), TOGETHER)],
    ids=[case.name for case in COMPILED[::TOGETHER]],
)
@pytest.mark.native
def test_compiled(cases):
    """Compiled functions return the same."""
    pairs, points = [], []
    for case in cases:
        function, xs = of_each(case, ad)
        pairs.append(ad.value_and_grad(function, tuple(range(len(xs)))))
        points.append(xs)
    expected = [both(*xs) for both, xs in zip(pairs, points, strict=True)]
    compiled = ad.compile(lambda points: [f(*xs) for f, xs in zip(pairs, points, strict=True)])
    for _ in range(3):
        for (again, others), (value, gradients) in zip(compiled(points), expected, strict=True):
            near(float(again), float(value), 1e-12)
            for ours, theirs in zip(others, gradients, strict=True):
                near(ours.numpy(), theirs.numpy(), 1e-11)


@table([case for case in without("plain", "protocol") if "eager" in case.flags])
@pytest.mark.native
def test_compiled_where_values_decide(case):
    """A compiled function says that values decide, or returns the same."""
    function, xs = of_each(case, ad)
    both = ad.value_and_grad(function, tuple(range(len(xs))))
    compiled = ad.compile(both)
    value, gradients = both(*xs)
    try:
        compiled(*xs)
    except ConcretizationError:
        return
    for _ in range(3):
        again, others = compiled(*xs)
        near(float(again), float(value), 1e-12)
        for ours, theirs in zip(others, gradients, strict=True):
            near(ours.numpy(), theirs.numpy(), 1e-11)


@table(without("eager", "plain"))
def test_batched(case):
    """Under vmap each example is what it is by itself, and so is its gradient."""
    function, xs = of_each(case, np if "protocol" in case.flags else ad)
    numbers = tuple(range(len(xs)))
    others = [np.asarray(x)[..., ::-1].copy() if np.ndim(x) else x * 1.1 for x in xs]
    whole = [np.stack([x, y]) for x, y in zip(xs, others, strict=True)]
    found = ad.vmap(ad.grad(function, numbers))(*whole)
    for number, given in enumerate((xs, others)):
        alone = ad.grad(function, numbers)(*given)
        for ours, theirs in zip(found, alone, strict=True):
            near(ours.numpy()[number], theirs.numpy(), 1e-9)


def test_frequencies_are_traced():
    for count in (5, 6):
        np.testing.assert_array_equal(ad.fft.fftfreq(count, 0.5), np.fft.fftfreq(count, 0.5))
        np.testing.assert_array_equal(ad.fft.rfftfreq(count, 0.5), np.fft.rfftfreq(count, 0.5))
    assert float(ad.grad(lambda d: ad.fft.rfftfreq(4, d)[1])(0.5)) == pytest.approx(-1.0)


def test_what_has_no_derivative_raises_at_the_call():
    a = ad.asarray(np.eye(2))
    for function, error, said in (
        (lambda: ad.fft.rfft(1j * a), ValueError, "must be real"),
        (lambda: ad.fft.fft(a, norm="orto"), ValueError, "norm must be"),
        (lambda: ad.fft.fft(a, n=0), ValueError, "at least 1"),
        (lambda: ad.fft.fftn(a, s=(1, 2), axes=(0,)), ValueError, "2 sizes, axes 1"),
        (lambda: ad.frompyfunc(abs, 1, 1), TypeError, "adjoint.vectorize"),
        (lambda: ad.select([a > 0], []), TypeError, "1 conditions and 0 choices"),
        (lambda: ad.insert(a, 7, 0.0), IndexError, "out of bounds"),
        (lambda: ad.choose([5], [a]), IndexError, "from 5 to 5"),
        (lambda: ad.nanargmax(ad.asarray([NAN])), ValueError, "only nan"),
        (lambda: ad.histogram(a, [2.0, 1.0]), ValueError, "must be increasing"),
        (lambda: ad.linalg.tensorinv(a, 0), ValueError, "ind=0"),
        (lambda: np.divide.reduce(a, axis=(0, 1)), TypeError, "depends on their order"),
        (lambda: np.gradient(a, 1.0, 2.0, 3.0), TypeError, "3 distances for 2 axes"),
        (lambda: ad.grad(lambda p: ad.sum(ad.roots(p)))(np.array([0.0, 1.0, 2.0])),
         NotImplementedError, "root is at infinity"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            function()
