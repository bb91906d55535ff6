"""Python loops in functions that nobody compiled are rolled up, call after call, and nothing else
changes: what the interpreter alone says is right."""

from __future__ import annotations

import random
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api import rolled_call
from adjoint.api.rolled_call import rolled_up
from adjoint.api.tree import flatten
from adjoint.errors import KinkWarning
from adjoint.graph import node
from adjoint.graph.order import topological_order
from adjoint.passes.rolling import attempts, worth
from adjoint.passes.rolling.attempts import Attempts, code_of
from tests.control.random_python_loops import ROWS, RandomProgram
from tests.control.test_random_python_loops import modes
from tests.control.test_random_rolled_loops import Program
from tests.counting import calls
from tests.sampling import every, in_turn

CALLS = 4
"""How often each function is called: what is seen again may be answered in another way."""

A = np.array([1.0, 0.5, 0.7, 0.6])
V = np.linspace(0.1, 0.9, 10)
M = np.random.default_rng(0).normal(size=(5, 5)) * 0.3


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """No function was seen before."""
    monkeypatch.setattr(rolled_call, "_attempts", Attempts())


def predator_and_prey(p, steps=24):
    """Scalars, by the method of Runge and Kutta."""

    def slope(x, y):
        return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y

    x, y, h = 1.0, 0.5, 0.01
    for _ in range(steps):
        a, b = slope(x, y)
        c, d = slope(x + h / 2 * a, y + h / 2 * b)
        e, f = slope(x + h / 2 * c, y + h / 2 * d)
        g, i = slope(x + h * e, y + h * f)
        x = x + h / 6 * (a + 2 * c + 2 * e + g)
        y = y + h / 6 * (b + 2 * d + 2 * f + i)
    return x * y


def recurrent(v, steps=60):
    h = np.zeros(10)
    for _ in range(steps):
        h = ad.tanh(h * v + 0.1) - 0.01 * ad.sin(h)
    return ad.sum(h)


def products(m, steps=60):
    h = np.full((2, 5), 0.1)
    for _ in range(steps):
        h = ad.tanh(h @ m + 0.1) * ad.cos(h)
    return ad.sum(h * h)


def nested(p, steps=24):
    x = p[0]
    for k in range(steps):
        y = x
        for _ in range(10):
            y = ad.sin(y) * p[1] + 0.01 * k
        x = x * 0.9 + y
    return x


FUNCTIONS = {f.__name__: (f, x) for f, x in (
    (predator_and_prey, A), (recurrent, V), (products, M), (nested, A),
)}  # fmt: skip

DERIVATIVES: dict[str, Callable[..., Callable[..., Any]]] = {
    "grad": ad.grad,
    "value_and_grad": ad.value_and_grad,
    "jvp": lambda f: lambda x: ad.jvp(f, (x,), (np.cos(x),)),
    "vjp": lambda f: lambda x: ad.vjp(f, x)[1](1.0),
    "hessian": ad.hessian,
    "gradients of a batch": lambda f: lambda x: ad.vmap(ad.grad(f))(np.stack([x, x * 0.5])),
}


def arrays(f: Callable[..., Any], *given: Any, **settings: Any) -> list[Any]:
    """The arrays of what a function returns."""
    with ad.options(**settings):
        return [np.asarray(x) for x in flatten(ad.evaluate(f(*given)))[0]]


def interpreted(f: Callable[..., Any], *given: Any) -> list[Any]:
    """What the interpreter alone makes of all operations, one by one."""
    return arrays(f, *given, native="never", roll_loops=False)


@cache
def wanted(name: str, derivative: str, number: int) -> list[Any]:
    """What the interpreter alone makes of a derivative in the call of that number."""
    f, x = FUNCTIONS[name]
    return interpreted(DERIVATIVES[derivative](f), argument(x, number))


def argument(x: Any, number: int) -> Any:
    return x * (1 - 0.1 * number)


def assert_close(got: list[Any], want: list[Any], tolerance: float = 1e-10) -> None:
    for a, b in zip(got, want, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        size = np.abs(b[np.isfinite(b)]).max(initial=1e-3)
        np.testing.assert_allclose(a, b, tolerance, tolerance * size)


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_by_the_interpreter(name, derivative):
    f, x = FUNCTIONS[name]
    g = DERIVATIVES[derivative](f)
    before = rolled_up()
    first = arrays(g, x, native="never")
    assert rolled_up() > before
    assert_close(first, wanted(name, derivative, 0))
    for a, b in zip(arrays(g, x, native="never"), first, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.native
@pytest.mark.parametrize(
    ("name", "native", "derivative"),
    in_turn(FUNCTIONS, ["auto", "always"], ["value_and_grad", "jvp", "hessian"]),
)
def test_derivatives_call_after_call(name, native, derivative):
    f, x = FUNCTIONS[name]
    g = DERIVATIVES[derivative](f)
    for number in range(CALLS):
        found = arrays(g, argument(x, number), native=native)
        assert_close(found, wanted(name, derivative, number))


def test_values_are_the_same_to_the_bit():
    for f, x in FUNCTIONS.values():
        pair = ad.value_and_grad(f)
        got, want = arrays(pair, x, native="never"), interpreted(pair, x)
        np.testing.assert_array_equal(got[0], want[0])


@pytest.mark.parametrize("derive", [ad.grad, ad.hessian])
def test_the_graph_does_not_grow_with_the_loop(derive):
    def size(steps):
        return len(topological_order([derive(lambda v: recurrent(v, steps))(V).node]))

    assert size(100) == size(400)


def test_chains_longer_than_the_bound_are_rolled_up():
    def f(x):
        for _ in range(node.PENDING_BOUND):
            x = ad.sin(x) + 0.5
        return x

    before = rolled_up()
    pair = arrays(ad.value_and_grad(f), 0.3)
    assert rolled_up() == before + 1
    slope, x = 1.0, 0.3
    for _ in range(node.PENDING_BOUND):
        slope *= np.cos(x)
        x = np.sin(x) + 0.5
    assert_close(pair, [np.asarray(x), np.asarray(slope)])


def test_a_loop_that_looks_at_values():
    def f(x):
        for k in range(80):
            x = ad.sin(x) + 0.5 if float(ad.stop_gradient(x)) < 1.2 else x * 0.9
            if k % 20 == 19 and x > 5:
                break
        return x

    for start in (0.3, 2.0, 0.3, 2.0):
        assert_close(arrays(ad.grad(f), start), interpreted(ad.grad(f), start))


def test_loops_of_other_lengths_and_numbers_in_each_call():
    def f(x, steps, rows, c):
        for t in range(steps):
            x = ad.tanh(x * c + rows[t]) - 0.1 * t
        return ad.sum(x)

    rng = np.random.default_rng(2)
    for steps in (50, 80, 50, 120, 50):
        rows, c = rng.normal(size=(steps, 3)), rng.normal(size=3)
        given = np.ones(3), steps, rows, c
        assert_close(arrays(ad.grad(f), *given), interpreted(ad.grad(f), *given))


def test_tensors_that_the_function_returns_beside_stay_the_same_objects():
    kept: list[Any] = []

    def f(x):
        path = []
        for _ in range(60):
            x = ad.sin(x) * 0.9 + 0.1
            path.append(x)
        kept[:] = [x, path[30]]
        return x * x, {"path": path, 3: object(), "x": x}

    gradient, aux = ad.grad(f, has_aux=True)(np.asarray(0.4))
    assert aux["x"] is kept[0]
    assert aux["path"][30] is kept[1]
    numbers = [0.4]
    for _ in range(60):
        numbers.append(np.sin(numbers[-1]) * 0.9 + 0.1)
    np.testing.assert_allclose([float(x) for x in aux["path"]], numbers[1:], rtol=1e-12)
    np.testing.assert_allclose(float(kept[1]), numbers[31], rtol=1e-12)
    assert_close([np.asarray(gradient)], interpreted(lambda x: ad.grad(f, has_aux=True)(x)[0], 0.4))


def test_nothing_is_kept_that_nobody_needs():
    alive = []

    def f(x):
        for _ in range(150):
            x = ad.sin(x) + 0.5
        noise = ad.asarray(np.ones(3))
        for _ in range(10):
            noise = ad.cos(noise)
            float(ad.sum(noise))
            reference = weakref.ref(noise.node)
            noise = ad.asarray(noise.numpy())
            alive.append(reference())
        return ad.sum(x)

    before = rolled_up()
    np.asarray(ad.grad(f)(np.ones(2)))
    assert alive == [None] * 10
    assert rolled_up() == before + 1


def test_large_numbers_are_not_stacked():
    weights = np.random.default_rng(3).normal(size=(70, 50, 50)) * 0.1

    def f(x):
        for t in range(70):
            x = ad.tanh(x @ weights[t] + 0.1) * 0.9
        return ad.sum(x)

    before = rolled_up()
    found = arrays(ad.grad(f), np.ones(50))
    assert rolled_up() == before
    assert_close(found, interpreted(ad.grad(f), np.ones(50)))


def test_options_that_leave_loops_alone():
    before = rolled_up()
    for settings in ({"roll_loops": False}, {"debug_nans": True}):
        arrays(ad.grad(recurrent), V, **settings)
    assert rolled_up() == before


def test_a_nan_in_a_loop_names_its_line():
    def f(x):
        for _ in range(60):
            x = ad.log(x) + 0.1
        return x

    with (
        ad.options(debug_nans=True),
        pytest.raises(ad.errors.NanError, match=rf"{__file__}:\d+: log"),
    ):
        float(ad.grad(f)(0.5))


def test_threads():
    f, x = FUNCTIONS["predator_and_prey"]
    want = [interpreted(ad.grad(f), x * k) for k in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: arrays(ad.grad(f), x * k), [1, 2, 3, 4] * 2))
    for a, b in zip(found, want * 2, strict=True):
        assert_close(a, b)
    assert node.recorded is None


def test_an_error_ends_the_recording():
    def f(x):
        for _ in range(60):
            x = ad.sin(x)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        ad.grad(f)(1.0)
    assert node.recorded is None


# How often one looks.


def test_functions_without_loops_are_looked_at_more_and_more_seldom():
    known, looked = Attempts(), []
    for call in range(100):
        if known.is_due(recurrent, 300):
            looked.append(call)
            known.tell(recurrent, 300, found=False)
    assert looked[:5] == [0, 2, 6, 14, 30]
    assert set(np.diff(looked[4:])) == {attempts.SELDOM}
    assert known.is_due(products, 300)
    assert known.is_due(recurrent, 3000)


def test_a_loop_that_is_found_is_looked_for_each_time():
    known = Attempts()
    known.tell(recurrent, 300, found=False)
    assert not known.is_due(recurrent, 300)
    known.tell(recurrent, 300, found=True)
    assert all(known.is_due(recurrent, 300) for _ in range(20))


def test_few_functions_are_remembered():
    known = Attempts()
    for number in range(3 * attempts.KNOWN):
        known.tell(type(f"F{number}", (), {})(), 300, found=False)
    assert len(known.vain) == attempts.KNOWN


def test_a_function_that_is_made_anew_is_known():
    made = [lambda x, k=k: recurrent(x) * k for k in range(2)]
    assert code_of(made[0]) == code_of(made[1])
    assert code_of(ad.grad(made[0])) == code_of(ad.grad(made[1]))
    known = {code_of(f) for f in (recurrent, ad.grad(recurrent), ad.hessian(recurrent), made[0])}
    assert len(known) == 4  # what is found in one says nothing of the others


def test_looking_in_vain_costs_little():
    r = random.Random(4)
    steps = [(r.choice((ad.sin, ad.cos, ad.tanh, ad.square)), r.uniform(0, 1)) for _ in range(150)]

    def f(x):
        made = [x, x * 0.5]
        for act, c in steps:
            made.append(act(made[-1]) * c + made[r.randrange(len(made))])
        return made[-1]

    def several(roll):
        with ad.options(native="never", roll_loops=roll):
            for _ in range(30):
                float(ad.grad(f)(0.3))

    several(True)
    plain = calls(lambda: several(False))
    assert calls(lambda: several(True)) < 1.15 * plain


# Random programs.


def derivatives(program: Any, given: list[Any]) -> dict[str, Any]:
    """Derivatives of the sum of what a program returns, by their names."""
    directions = tuple(np.random.default_rng(5).normal(size=x.shape) for x in given)

    def total(*x: Any) -> Any:
        return sum(ad.sum(ad.sin(y)) for y in flatten(program(*x))[0])

    slopes = ad.grad(total, (0, 1))
    return {
        "grad": slopes,
        "jvp": lambda *x: ad.jvp(program, x, directions),
        "hessian": ad.hessian(total, 1),
        "forward over reverse": lambda *x: ad.jvp(slopes, x, directions)[1],
    }


@pytest.mark.parametrize("seed", every(3, range(40, 64)))
def test_random_periodic_programs(seed, monkeypatch):
    monkeypatch.setattr(worth, "WORTH", 1)
    rng = np.random.default_rng(seed)
    given = [rng.normal(size=(100, 3)), rng.normal(size=3)]
    found = derivatives(Program(seed), given)
    for name in random.Random(seed).sample([*found], 2):
        rolled_call._attempts.vain.clear()  # kinks at order two say nothing of the gradient
        want, before = interpreted(found[name], *given), rolled_up()
        for number in range(CALLS):
            assert_close(arrays(found[name], *given), want, 1e-9)
            assert rolled_up() > before or name != "grad", number


def disagreements(seed: int, chosen: int, native: str) -> Iterator[str]:
    """What is wrong with the program number `seed` when it is called several times, as text."""
    program, rng = RandomProgram(seed), np.random.default_rng(seed)
    given = [rng.normal(size=(ROWS, 2)), rng.normal(size=(2, 2)) * 0.5, rng.normal(size=2)]
    tolerance = 1e-4 if "float32" in program.text else 1e-9
    found = modes(program.f, given)
    for name in ["gradient", *random.Random(seed).sample([*found][2:], chosen)]:
        f, x = found[name]
        want, met = watched(lambda f=f, x=x: interpreted(f, *x))
        for number in range(CALLS):
            got, kink = watched(lambda f=f, x=x: arrays(f, *x, native=native))
            if kink != met:
                yield f"{name}, call {number}: KinkWarning {kink} for {met}"
            for a, b in zip(got, want, strict=True):
                size = tolerance * np.abs(b[np.isfinite(b)]).max(initial=1e-3)
                same = a.shape == b.shape and a.dtype == b.dtype
                if not same or not np.allclose(a, b, tolerance, size, equal_nan=True):
                    yield f"{name}, call {number}: {a} for {b}"


def watched(act: Callable[[], list[Any]]) -> tuple[list[Any], bool]:
    """What is found, and whether a kink was met."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = act()
    return found, any(w.category is KinkWarning for w in caught)


@pytest.mark.parametrize("first", every(2, range(200, 216, 4)))
def test_random_loops_call_after_call(first, monkeypatch):
    monkeypatch.setattr(worth, "WORTH", 1)
    for seed in range(first, first + 4):
        assert not list(disagreements(seed, 1, "never")), RandomProgram(seed).text


@pytest.mark.native
@pytest.mark.parametrize("seed", every(3, range(1201, 1204)))
def test_random_loops_natively(seed, monkeypatch):
    monkeypatch.setattr(worth, "WORTH", 1)
    assert not list(disagreements(seed, 1, "always")), RandomProgram(seed).text


if __name__ == "__main__":
    worth.WORTH = 1
    for seed in range(*map(int, sys.argv[1:3])):
        for text in disagreements(seed, 2, sys.argv[3]):
            print(seed, text, flush=True)
