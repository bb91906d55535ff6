"""Loops with donated arrays, random keys, stopped gradients, empty states and no steps at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.tree import flatten
from adjoint.errors import DonatedError

pytestmark = pytest.mark.native

RNG = np.random.default_rng(4)
X = RNG.normal(size=(20, 3))
KEY = ad.random.key(7)
CALLS = 4
"""The first calls of a compiled function are answered in other ways than later ones."""


def arrays(tree: Any) -> list[Any]:
    return [np.asarray(x) for x in flatten(ad.evaluate(tree))[0]]


def assert_same(got: Any, want: Any) -> None:
    for a, b in zip(arrays(got), arrays(want), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def on_every_engine(f: Any, want: Any, *given: Any) -> None:
    """What f gives, compiled and not, is what is wanted."""
    compiled = ad.compile(f)
    for _ in range(CALLS):
        assert_same(compiled(*given), want)
    for native in ("never", "auto", "always"):
        with ad.options(native=native):
            assert_same(f(*given), want)


def stepped(h: Any, x: Any) -> Any:
    return ad.scan(lambda h, row: (ad.tanh(h + row), h * row), h, x)


def as_sum(h: Any, x: Any) -> Any:
    h, ys = stepped(h, x)
    return ad.sum(h) + ad.sum(ys * ys)


def exchanged(h: Any, x: Any) -> Any:
    return ad.scan(lambda c, _: ((c[1], c[0]), None), (h, x[0]), length=3)[0]


DONATED = {
    "results": stepped,
    "gradient": ad.grad(as_sum, (0, 1)),
    "exchanged": exchanged,
    "no rounds": lambda h, x: (ad.fori_loop(0, 0, lambda i, h: h * 2, h), x + 1.0),
    "while": lambda h, x: ad.while_loop(lambda s: ad.sum(s) > 1, lambda s: s * 0.5, h + x[0]),
    "while not": lambda h, x: ad.while_loop(lambda s: ad.sum(s) > 9, lambda s: s * 0.5, h),
    "branch": lambda h, x: ad.cond(ad.sum(h) > 0, lambda h, x: (h, x), lambda h, x: (h, x), h, x),
    "prefixes": lambda h, x: ad.associative_scan(ad.add, x) + h,
}


@pytest.mark.parametrize("name", DONATED)
def test_memory_that_is_donated_to_a_loop(name: str) -> None:
    f = DONATED[name]
    want = arrays(f(np.ones(3), X))
    compiled = ad.compile(f, donate=(0, 1))
    for _ in range(CALLS):
        h, x = ad.asarray(np.ones(3)), ad.asarray(X.copy())
        assert_same(compiled(h, x), want)
        with pytest.raises(DonatedError):
            h.numpy()


def test_a_step_that_is_compiled_donates_nothing_inside_a_loop() -> None:
    step = ad.compile(lambda h, row: (ad.tanh(h + row), h * row), donate=(0, 1))
    h = ad.asarray(np.ones(3))
    slope = ad.grad(lambda h: ad.sum(ad.scan(step, h, X)[0]))
    assert_same(slope(h), ad.grad(lambda h: ad.sum(stepped(h, X)[0]))(h))
    assert_same(h, np.ones(3))


def noisy(loop: Any, x: Any) -> Any:
    """A random walk whose steps split a key."""

    def step(state: Any, row: Any) -> Any:
        key, h = state
        key, own = ad.random.split(key)
        h = ad.tanh(h * 0.9 + row + 0.1 * ad.random.normal(own, shape=(3,)))
        return (key, h), ad.sum(h)

    (_, h), sums = loop(step, (KEY, ad.zeros(3)), x)
    return ad.sum(h) + ad.sum(sums * sums)


def in_python(step: Any, state: Any, xs: Any) -> Any:
    found = []
    for row in xs:
        state, y = step(state, row)
        found.append(y)
    return state, ad.stack(found)


@pytest.mark.parametrize("derive", [lambda f: f, ad.grad], ids=["value", "gradient"])
def test_random_keys_are_split_in_a_loop_as_outside(derive: Any) -> None:
    with ad.options(native="never", roll_loops=False):
        want = arrays(derive(lambda x: noisy(in_python, x))(X))
    for loop in (ad.scan, in_python):
        on_every_engine(derive(lambda x, loop=loop: noisy(loop, x)), want, X)


def test_keys_as_slices_in_batches_and_by_number() -> None:
    keys = ad.random.split(KEY, 4)
    one_by_one = [ad.random.normal(key) for key in keys]
    on_every_engine(lambda k: ad.map(ad.random.normal, k), ad.stack(one_by_one), keys)
    walks = [ad.scan(lambda c, _, k=k: (c + ad.random.normal(k), c), 0.0, length=3) for k in keys]
    found = ad.vmap(lambda k: ad.scan(lambda c, _: (c + ad.random.normal(k), c), 0.0, length=3))
    on_every_engine(found, tuple(ad.stack(list(x)) for x in zip(*walks, strict=True)), keys)
    draws = [ad.random.uniform(ad.random.fold_in(KEY, i)) for i in range(5)]

    def counted(upper: Any) -> Any:
        def add(i: Any, total: Any) -> Any:
            return total + ad.random.uniform(ad.random.fold_in(KEY, i))

        return ad.fori_loop(0, upper, add, 0.0)

    on_every_engine(counted, sum(draws, ad.asarray(0.0)), np.asarray(5))


def partly_stopped(loop: Any, h: Any, x: Any) -> Any:
    def step(h: Any, row: Any) -> Any:
        root = ad.sqrt(ad.maximum(row, 0.0))
        h = ad.where(row > 0, root * h, ad.stop_gradient(h) * row)
        return h, ad.sum(ad.stop_gradient(h) * h)

    h, sums = loop(step, h, x)
    return ad.sum(h) + ad.sum(sums)


@pytest.mark.parametrize("derive", [lambda f: ad.grad(f, (0, 1)), lambda f: ad.hessian(f, 0)])
def test_gradients_that_are_stopped_or_not_chosen_in_a_step(derive: Any) -> None:
    with ad.options(native="never", roll_loops=False):
        want = arrays(derive(lambda h, x: partly_stopped(in_python, h, x))(np.ones(3), X))
    assert all(np.isfinite(x).all() for x in want)
    on_every_engine(derive(lambda h, x: partly_stopped(ad.scan, h, x)), want, np.ones(3), X)


EMPTY = {
    "no state": lambda x: ad.scan(lambda c, row: (c, ad.sin(row)), (), x)[1],
    "None": lambda x: ad.scan(lambda c, row: (None, ad.sin(row)), None, x)[1],
    "a tree of none": lambda x: ad.scan(lambda c, row: (c, ad.sin(row)), {"a": []}, x)[1],
    "no elements": lambda x: ad.scan(
        lambda c, row: (c * 2, ad.sum(c) + ad.sin(row)), ad.zeros((0, 3)) * ad.sum(x), x
    )[1],
}


@pytest.mark.parametrize("name", EMPTY)
def test_states_without_numbers(name: str) -> None:
    f = EMPTY[name]
    on_every_engine(f, np.sin(X), X)
    on_every_engine(ad.grad(lambda x: ad.sum(f(x))), np.cos(X), X)


@pytest.mark.parametrize("size", [(), (3,), (0,), (2, 0)])
@pytest.mark.parametrize("rounds", [0, 1])
def test_no_round_and_one(rounds: int, size: tuple[int, ...]) -> None:
    x = np.full(size, 0.4)
    want = [x, np.ones(size)] if rounds == 0 else [np.sin(x), np.cos(x)]
    bound = np.asarray(rounds)
    loops = [
        lambda x, n: ad.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, ad.sin(s[1])), (0, x))[
            1
        ],
        lambda x, n: ad.fori_loop(0, n, lambda i, x: ad.sin(x), x),
        lambda x, n: ad.scan(lambda x, _: (ad.sin(x), None), x, length=rounds)[0],
        lambda x, n: ad.cond(n > 0, ad.sin, lambda x: x, x),
    ]
    for loop in loops:

        def both(x: Any, n: Any, loop: Any = loop) -> Any:
            return loop(x, n), ad.grad(lambda x: ad.sum(loop(x, n)))(x)

        compiled = ad.compile(both)
        for f in (both, compiled, compiled):
            assert_same(f(x, bound), want)
