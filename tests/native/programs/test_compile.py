"""Compiled functions as their users see them: calls, trees, options, errors, cost."""

from __future__ import annotations

import copy
import pickle
import re
import sys

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError, ConcretizationError, NanError, OutOfBoundsError
from adjoint.graph.leaf import is_weak
from adjoint.graph.op import find
from tests.native.running import python

pytestmark = pytest.mark.native

X = np.linspace(-1.0, 1.0, 50)


# Trees of arguments.


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (({"w": 1.0, "b": X},), ({"b": X + 1, "w": 2.0},)),
        (({"w": X, "b": X},), ({"w": 2 * X, "b": 3 * X, "c": X},)),
        (([X, 2.0], {"a": (X, X)}), ([X + 1, 3.0], {"a": (X, -X)})),
        (((X, X), {"k": X}), ((X, X), {"k": 3 * X})),
        (({1: X, "a": X},), ({1: X, "a": 2 * X},)),
        ((None, {"a": X, "b": None}), (None, {"a": 2 * X, "b": None})),
        (({"a": {"b": {"c": X}}, "d": ()},), ({"a": {"b": {"c": 2 * X}}, "d": ()},)),
        (({"a": X, "b": X},), ({"a": X[:20], "b": X[:20]},)),
        (({"a": X, "b": X},), ({"a": X, "b": [X]},)),
        (({"a": X, "b": X},), ([X, X],)),
    ],
)
def test_trees_that_come_again_and_trees_that_do_not(first, second):
    def f(*args):
        import optree

        return optree.tree_map(lambda x: x * 2.0 + 1.0, args, namespace="adjoint")

    compiled = ad.compile(f)
    for args in (first, first, first, second, second, first, second):
        found, structure = flatten(compiled(*args))
        wanted, same = flatten(f(*args))
        assert structure == same
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(a, b)


def test_positions_and_names_are_not_confused():
    f = ad.compile(lambda *a, **k: (len(a), [x for x in a], k) and sum_of(a, k))
    pair = (X, 2 * X)
    for _ in range(3):
        np.testing.assert_allclose(f(pair, {"k": X}), 2000 + 6 * X)
        np.testing.assert_allclose(f(X, 2 * X, k=X), 2100 + 6 * X)
        np.testing.assert_allclose(f(pair, k=X), 1100 + 6 * X)


def sum_of(args, kwargs):
    """The sum of all leaves, and a number that tells how they came."""
    number = 1000 * len(args) + 100 * len(kwargs)
    if len(args) == 2 and not isinstance(args[0], tuple):
        a, b, c = *args, kwargs["k"]
    else:
        (a, b), c = args[0], (args[1] if len(args) == 2 else kwargs)["k"]
    return number + a + 2 * b + c


def test_the_order_of_a_dict_is_kept():
    f = ad.compile(lambda p: {"z": p["a"], "a": p["z"]})
    for _ in range(3):
        assert list(f({"a": 1.0, "z": 2.0})) == ["z", "a"]
        assert float(f({"z": 2.0, "a": 1.0})["a"]) == 2.0


def test_a_result_that_is_no_array_is_named():
    with pytest.raises(ArgumentError, match="argument"):
        ad.compile(lambda p: p["a"])({"a": "text"})


# Options.


def test_never_answers_from_the_interpreter_and_back():
    f = ad.compile(lambda x: (ad.sum(ad.sin(x) * x), x.T))
    wanted = (float(np.sum(np.sin(X) * X)), X)
    for mode in ("auto", "never", "auto", "never"):
        with ad.options(native=mode):
            total, same = f(X)
            assert float(total) == pytest.approx(wanted[0], rel=1e-13)
            np.testing.assert_array_equal(same, X)
            assert not np.shares_memory(np.asarray(same), X)


def test_never_keeps_python_numbers_weak():
    x = np.ones(3, np.float32)
    f = ad.compile(lambda x, a: x * a)
    for mode in ("auto", "never"):
        with ad.options(native=mode):
            assert f(x, 2.0).dtype == np.float32
            assert f(x, 2).dtype == np.float32


def test_never_raises_what_operations_raise():
    f = ad.compile(lambda x, i: x[i])
    for mode in ("auto", "never", "auto"):
        with ad.options(native=mode), pytest.raises(OutOfBoundsError):
            f(X, np.array([3, 100])).numpy()


def test_a_nan_is_traced_through_a_compiled_function():
    @ad.compile
    def f(x, scale):
        assert isinstance(scale, ad.Tensor)
        y = ad.log(x)  # the line that is named
        return y * scale

    assert np.isnan(float(f(-1.0, 2.0)))
    with ad.options(debug_nans=True):
        with pytest.raises(NanError, match=r"log\(float64\[\]\) made nan") as error:
            f(-1.0, 2.0)
        assert float(f(1.0, 2.0)) == 0.0
    line = f.__wrapped__.__code__.co_firstlineno + 3
    assert f"{__file__}:{line}" in str(error.value)
    assert np.isnan(float(f(-1.0, 2.0)))


def test_a_nan_in_a_gradient_is_traced():
    f = ad.compile(ad.grad(lambda x: ad.sum(ad.sqrt(x))))
    assert np.isinf(np.asarray(f(np.zeros(2)))).all()
    g = ad.compile(lambda p: {"a": ad.sqrt(p["x"])})
    g({"x": -1.0})
    with ad.options(debug_nans=True), pytest.raises(NanError, match="sqrt"):
        g({"x": -1.0})


def test_arguments_are_weak_in_the_function_itself():
    seen = []
    f = ad.compile(lambda x: seen.append(is_weak(x.node)) or x * 2.0)
    with ad.options(debug_nans=True):
        assert float(f(3.0)) == 6.0
    assert seen == [True]


def test_the_cost_is_known_before_anything_is_compiled():
    calls = []

    def f(a, b):
        calls.append(1)
        return ad.sum(a @ b + 1.0, axis=0)

    compiled = ad.compile(f)
    a, b = np.ones((20, 30)), np.ones((30, 40))
    cost = compiled.cost(a, b)
    assert cost.flops >= 2 * 20 * 30 * 40
    assert cost.kernels == 2
    assert cost.peak_memory >= 8 * (600 + 1200 + 800 + 40)
    assert cost.peak_memory < 2 * 8 * (600 + 1200 + 800 + 40)
    assert cost.bytes_moved >= 8 * (600 + 1200 + 800)
    assert "flops" in str(cost)
    assert "2 steps" in str(cost)
    assert compiled.trace(a, b).built is None
    compiled(a, b)
    assert len(calls) == 1


def test_the_cost_of_what_will_never_run():
    huge = ad.compile(lambda x: ad.sum(x * 2.0))
    x = np.broadcast_to(np.float64(1.0), (1 << 20, 1 << 20))
    assert huge.cost(x).peak_memory >= 8 << 40


# Errors that name the user's line.


def test_a_look_at_a_value_names_its_line_and_the_ways_out():
    def f(x, n):
        if x > 0:  # the line that is named
            return x
        return -x

    with pytest.raises(ConcretizationError) as error:
        ad.compile(f)(1.0, 2)
    said = str(error.value)
    assert said.startswith(f"{__file__}:{f.__code__.co_firstlineno + 1}: ")
    for way in ("adjoint.where", "static=", "leave the function uncompiled"):
        assert way in said
    named = re.findall(r"adjoint\.(\w+)", said)
    assert {"where", "cond", "while_loop"} <= set(named)
    assert [name for name in named if not hasattr(ad, name)] == []
    assert float(ad.compile(f, static=0)(1.0, 2)) == 1.0


def test_numpy_that_looks_inside_names_the_line_of_the_user():
    kept = [np.array]

    def f(x):
        return kept[0](x)  # NumPy calls back

    with pytest.raises(ConcretizationError, match=f":{f.__code__.co_firstlineno + 1}: "):
        ad.compile(f)(X)


# A function like others.


@ad.compile
def at_the_top(x):
    """Twice x."""
    return x * 2.0


def twice(x):
    """Twice x."""
    return x * 2.0


def test_what_it_is_can_be_read():
    f = ad.compile(twice)
    assert repr(f) == "<compiled twice, no signature yet>"
    f(1.0)
    assert repr(f) == "<compiled twice, 1 signature>"
    f(X)
    assert repr(f) == "<compiled twice, 2 signatures>"
    assert f.__name__ == "twice"
    assert f.__doc__ == "Twice x."
    assert f.__wrapped__ is twice


def test_the_cache_can_be_cleared():
    calls = []
    f = ad.compile(lambda x: calls.append(1) or x * 2.0)
    for _ in range(3):
        f(1.0)
    assert len(calls) == 1
    f.clear_cache()
    assert "no signature" in repr(f)
    assert float(f(1.0)) == 2.0
    assert len(calls) == 2


def test_pickling():
    at_the_top(X)
    assert pickle.loads(pickle.dumps(at_the_top)) is at_the_top
    again = pickle.loads(pickle.dumps(ad.compile(twice, donate=0)))
    assert repr(again) == "<compiled twice, no signature yet>"
    assert float(again(2.0)) == 4.0
    with pytest.raises(pickle.PicklingError, match=r"def at the top of a module"):
        pickle.dumps(ad.compile(lambda x: x))
    assert pickle.loads(pickle.dumps(Model.predict)) is Model.predict
    with pytest.raises(pickle.PicklingError, match="found again by name"):
        pickle.dumps(Model(1.0).predict)
    assert copy.deepcopy(at_the_top) is at_the_top


class Model:
    def __init__(self, w):
        self.w = w
        self.calls = 0

    @ad.compile
    def predict(self, x):
        """w x"""
        self.calls += 1
        return x * self.w

    @ad.compile(static="power")
    def raised(self, x, power):
        return (x * self.w) ** power


def test_a_method_can_be_compiled():
    one, two = Model(2.0), Model(3.0)
    for _ in range(3):
        assert float(one.predict(5.0)) == 10.0
        assert float(two.predict(5.0)) == 15.0
        assert float(two.raised(1.0, power=2)) == 9.0
    assert one.calls == two.calls == 1
    assert one.predict is one.predict
    assert Model.predict.__doc__ == "w x"
    assert "Model.predict" in repr(one.predict)
    one.w = 7.0
    one.predict.clear_cache()
    assert float(one.predict(5.0)) == 35.0
    other = copy.copy(one)
    other.w = 1.0
    assert float(other.predict(5.0)) == 5.0


def test_a_bound_method_lives_no_longer_than_its_object():
    import gc
    import weakref

    model = Model(2.0)
    model.predict(1.0)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_an_object_that_cannot_be_watched_is_an_error():
    class Small:
        __slots__ = ()

        @ad.compile
        def f(self, x):
            return x

    with pytest.raises(ArgumentError, match="__weakref__"):
        Small().f(1.0)


# Out of memory, and interrupted.


def test_out_of_memory_is_an_error():
    code = """
    import resource
    import numpy as np
    import adjoint as ad

    def f(x, w):
        y = x @ w
        return ad.sum(y @ w.T, axis=0) + ad.sum(y * 2.0)

    f = ad.compile(f)
    g = ad.compile(lambda x: x[:, None] * x)
    w = np.ones((1, 20_000))
    f(np.ones((2, 1)), w), g(np.ones(3))
    x, n = np.ones((20_000, 1)), np.ones(20_000)
    f.trace(x, w).program, g.trace(n).program
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))
    for call in (lambda: f(x, w), lambda: g(n)) * 3:
        try:
            call()
        except MemoryError as error:
            print("MemoryError")
    print(float(g(np.ones(3)).sum()))
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("limits memory as Linux does")
    assert python(code).split() == ["MemoryError"] * 6 + ["9.0"]


def test_absurd_sizes_are_fine_until_they_run():
    x = np.broadcast_to(np.float64(1.0), (1 << 20, 1))
    f = ad.compile(lambda x: ad.broadcast_to(x[:, None], (1 << 20, 1 << 24, 1 << 24)) * 2.0)
    assert f.trace(x).outputs[0].shape == (1 << 20, 1 << 24, 1 << 24)
    with pytest.raises(MemoryError):
        f(x)


INTERRUPTED = """
    import os, signal, subprocess
    import numpy as np
    import adjoint as ad

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs

    @ad.compile
    def f(x, w):
        for _ in range(400):
            x = {operation}
        return x

    x = np.eye(2500)
    f({{"small": x[:2, :2]}}["small"], x[:2, :2])
    f.trace(x, x).program
    try:
        subprocess.Popen(["sh", "-c", f"sleep 1.5; kill -INT {{os.getpid()}}"])
        while True:  # a call alone takes minutes, if it is not stopped
            f({arguments})
    except KeyboardInterrupt:
        print("stopped")
    print(float(f(x[:2, :2], x[:2, :2]).sum()))
"""


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("x @ w", "x, x"), ("x @ w", "x.T, x"), ("ad.cummax(x @ w, axis=0)", "x, x")],
    ids=["entry", "slow path", "NumPy inside"],
)
def test_a_long_program_can_be_stopped(operation, arguments):
    if not sys.platform.startswith("linux"):
        pytest.skip("sends itself a signal")
    printed = python(INTERRUPTED.format(operation=operation, arguments=arguments)).split()
    assert printed[0] == "stopped"
    assert float(printed[1]) == (3.0 if "cummax" in operation else 2.0)


def test_errors_of_numpy_calls_inside_come_from_the_interpreter(monkeypatch):
    op = find("cummax")
    evaluate = op.evaluate

    def broken(x, *params):
        if x.sum() > 10:
            raise ValueError("more than ten")
        return evaluate(x, *params)

    monkeypatch.setattr(op, "evaluate", broken)
    f = ad.compile(lambda x: ad.cummax(x * 2.0, axis=0) + 1.0)
    for _ in range(3):
        np.testing.assert_allclose(f(np.array([2.0, 1.0])), [5.0, 5.0])
        with pytest.raises(ValueError, match="more than ten") as error:
            f(np.array([20.0, 1.0]))
        assert error.traceback[-1].name == "broken"
