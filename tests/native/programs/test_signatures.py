"""Arguments and results of compiled functions: what is one signature, what comes out."""

from __future__ import annotations

import gc
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError
from tests.native.running import assert_close

pytestmark = pytest.mark.native

X = np.linspace(-1, 2, 7)


class Counter:
    """A function that knows how often it was traced."""

    def __init__(self, f: Any) -> None:
        self.f, self.traces = f, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.traces += 1
        return self.f(*args, **kwargs)


# signatures


def test_a_signature_is_traced_once() -> None:
    f = Counter(lambda x: ad.sin(x) * 2)
    g = ad.compile(f)
    for values in (X, X + 1, ad.asarray(X), X[::-1], np.arange(14.0)[::2]):
        assert_close(g(values), np.sin(np.asarray(values, float)) * 2)
    assert f.traces == 1


@pytest.mark.parametrize(
    "other",
    [X[:3], X[None], X.astype("float32"), X.astype("int64"), X > 0, 0.5, 1, np.float64(0.5), ()],
    ids=["length", "rank", "float32", "int64", "bool", "float", "int", "numpy", "tuple"],
)
def test_another_shape_dtype_or_structure_is_another_signature(other: Any) -> None:
    f = Counter(lambda x: x if isinstance(x, tuple) else ad.sum(x * 2, dtype="float64"))
    g = ad.compile(f)
    for _ in range(2):
        assert_close(g(X), np.sum(X + X))
        if isinstance(other, tuple):
            assert g(other) == ()
        else:
            assert_close(g(other), np.sum(2 * np.asarray(other, float)))
    assert f.traces == 2


def test_signatures_take_turns() -> None:
    g = ad.compile(lambda x: x * x)
    for n in (1, 2, 3) * 5:
        assert_close(g(np.arange(float(n))), np.arange(float(n)) ** 2)


def test_python_numbers_are_weak_and_arrays_are_not() -> None:
    single = X.astype("float32")
    g = ad.compile(lambda x, c: x * c)
    assert g(single, 2.0).dtype == "float32" == g(single, 2).dtype
    assert g(single, np.float64(2)).dtype == "float64" == g(single, np.array(2.0)).dtype
    assert g(X.astype("int32"), 2).dtype == "int32"
    assert g(X.astype("int32"), 2.0).dtype == "float64"
    assert g(2, 3.0).dtype == "float64" and g(1j, 2).dtype == "complex128"
    assert g(True, 2).dtype == "int64"


def test_the_value_of_a_number_is_not_part_of_the_signature() -> None:
    f = Counter(lambda x, c: x * c)
    g = ad.compile(f)
    for c in (0.0, -0.0, 1.0, np.inf, np.nan, 1e308, 5e-324):
        with np.errstate(all="ignore"):
            expected = X * c
        found = g(X, c).numpy()
        assert_close(found, expected)
        assert np.array_equal(np.signbit(found), np.signbit(expected)) or np.isnan(expected).any()
    assert f.traces == 1


class Point(NamedTuple):
    x: Any
    y: Any


def test_pytrees_go_in_and_come_out() -> None:
    def f(tree: Any, *rest: Any) -> Any:
        total = tree["a"] + tree["b"][0] * tree["b"][1].x
        return {"sum": total, "parts": [Point(total, (rest, None)), ()], "same": tree}

    tree = {"b": (2.0, Point(X, ad.asarray(X))), "a": X}
    g = ad.compile(f)
    for _ in range(3):
        found, expected = g(tree, X), f(tree, ad.asarray(X))
        assert type(found["parts"][0]) is Point and found["parts"][0].y[1] is None
        assert found["parts"][1] == () and list(found) == list(expected)
        assert_close(found["sum"], expected["sum"])
        assert_close(found["same"]["b"][1].y, X)


def test_keyword_arguments() -> None:
    f = Counter(lambda x, y=1.0, *, scale=2.0: (x - y) * scale)
    g = ad.compile(f)
    assert_close(g(X), (X - 1) * 2)
    assert_close(g(X, y=X), X * 0)
    assert_close(g(X, X, scale=3.0), X * 0)
    assert_close(g(X, scale=3.0, y=5.0), (X - 5) * 3)
    assert_close(g(X, y=5.0, scale=3.0), (X - 5) * 3)
    assert_close(g(y=1.0, x=X), (X - 1) * 2)
    assert f.traces == 6  # a function with **named sees their order


def test_wrong_arguments_raise_what_the_function_raises() -> None:
    """Before the first call that fits, and after it."""
    g = ad.compile(lambda x, y: x + y)
    for _ in range(2):
        for call in (lambda: g(X), lambda: g(X, X, X), lambda: g(X, z=X), lambda: g()):
            with pytest.raises(TypeError, match="argument"):
                call()
        for wrong in ("text", object(), np.array(["a"]), np.array([None])):
            with pytest.raises(ArgumentError, match=r"argument 1 \(y\): asarray"):
                g(X, wrong)
        with pytest.raises(ValueError, match="shape"):
            g(X, X[:3])
        assert_close(g(X, X), 2 * X)


def test_static_arguments_by_position_and_by_name() -> None:
    f = Counter(lambda x, power, *, twice=False: x**power * (2 if twice else 1))
    g = ad.compile(f, static=(1, "twice"))
    assert_close(g(X, 2), X**2)
    assert_close(g(X, 3, twice=True), 2 * X**3)
    assert_close(g(X, 2, twice=False), X**2)
    assert_close(g(X + 1, 3, twice=True), 2 * (X + 1) ** 3)
    assert f.traces == 3
    for decorated in (ad.compile(static=1), ad.compile(static=[1])):
        assert_close(decorated(lambda x, n: x[:n])(X, 2), X[:2])


def test_a_static_argument_may_be_anything_hashable() -> None:
    g = ad.compile(lambda x, f, mode: f(x) if mode == "apply" else x, static=(1, 2))
    assert_close(g(X, ad.sin, "apply"), np.sin(X))
    assert_close(g(X, ad.cos, "apply"), np.cos(X))
    assert_close(g(X, ad.cos, "leave"), X)
    with pytest.raises(ArgumentError, match="hashable"):
        g(X, [1], "apply")


def test_callable_objects_are_compiled_as_they_are() -> None:
    class Model:
        w = 3.0

        def __call__(self, x: Any) -> Any:
            return x * self.w

    assert_close(ad.compile(Model())(X), 3 * X)
    assert_close(ad.compile(Model().__call__)(X), 3 * X)


# results


def test_results_that_are_inputs_constants_or_repeated() -> None:
    table = np.arange(3.0)
    g = ad.compile(lambda x, y: (x, table, x, y * 2, 5, y, ad.ones(2), True, y * 2))
    expected = (X, table, X, 4.0, 5, 2.0, np.ones(2), True, 4.0)
    for _ in range(5):
        for f, e in zip(g(X, 2.0), expected, strict=True):
            assert_close(f, e, 0)


def test_a_result_is_no_view_of_an_input_nor_of_another_result() -> None:
    x = X.copy()
    a, b, c = ad.compile(lambda x: (x, x, ad.reshape(x, (7, 1))))(x)
    for tensor in (a, b, c):
        assert not np.shares_memory(tensor.numpy(), x)
    assert not np.shares_memory(a.numpy(), c.numpy())
    x[:] = 9
    assert_close(a, X)
    assert_close(c, X[:, None])


def test_results_of_an_earlier_call_stay() -> None:
    g = ad.compile(lambda x: (x * 2, ad.sum(x)))
    kept = [g(X + i) for i in range(50)]
    gc.collect()
    for i, (double, total) in enumerate(kept):
        assert_close(double, (X + i) * 2)
        assert_close(total, np.sum(X + i))


@pytest.mark.parametrize("nothing", [(), [], {}, None], ids=repr)
def test_no_results(nothing: Any) -> None:
    g = ad.compile(lambda x: nothing)
    for _ in range(5):
        assert g(X) == nothing


def test_no_inputs() -> None:
    g = ad.compile(lambda: ad.sin(ad.ones(3)))
    for _ in range(5):
        assert_close(g(), np.sin(np.ones(3)))


def test_inputs_that_are_not_used() -> None:
    g = ad.compile(lambda x, y, z: y + 1)
    for unused in (X, 1, None, {"a": X}):
        for _ in range(2):
            assert_close(g(X, 2.0, unused), 3.0)


def test_a_function_that_returns_no_tensor_is_refused() -> None:
    for wrong in ("text", object()):
        with pytest.raises(ArgumentError, match="returned"):
            ad.compile(lambda x, wrong=wrong: wrong)(X)


def test_hundreds_of_inputs_and_results() -> None:
    arrays = [np.full(3, float(i)) for i in range(150)]  # of 1,000 LLVM takes long
    g = ad.compile(lambda *xs: [x * 2 + xs[0] for x in xs])
    for _ in range(2):
        for i, y in enumerate(g(*arrays)):
            assert_close(y, np.full(3, 2.0 * i))
    numbers = [float(i) for i in range(1000)]
    h = ad.compile(lambda xs: {"all": tuple(x + 1 for x in xs), "sum": sum(xs)})
    for _ in range(2):
        found = h(numbers)
        assert [float(x) for x in found["all"]] == [i + 1.0 for i in range(1000)]
        assert float(found["sum"]) == sum(numbers)


def test_what_is_not_a_function_is_refused() -> None:
    with pytest.raises(ArgumentError, match="compile"):
        ad.compile(3)


@pytest.mark.parametrize(("a", "b"), [((1,), (1.0,)), (0.0, -0.0), (1, True), ((0.0,), (-0.0,))])
def test_static_arguments_that_python_calls_equal_are_told_apart(a: Any, b: Any) -> None:
    seen: list[Any] = []

    def f(x: Any, s: Any) -> Any:
        seen.append(s)
        return x

    g = ad.compile(f, static=1)
    for s in (a, b, a, b):
        g(1.0, s)
    assert list(map(repr, seen)) == [repr(a), repr(b)]
