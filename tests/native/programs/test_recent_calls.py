"""Calls like recent ones are answered without a search, and only they."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.recent_calls import MOST
from tests.counting import calls

pytestmark = pytest.mark.native

RNG = np.random.default_rng(3)
X, M = RNG.random(6), RNG.random((3, 3))


class Pair(NamedTuple):
    a: Any
    b: Any


class OtherPair(NamedTuple):
    a: Any
    b: Any


class Backwards(NamedTuple):
    """A named tuple that is not read as tuples are."""

    a: Any
    b: Any

    def __iter__(self) -> Any:
        return iter((self[1], self[0]))


@ad.register_dataclass
@dataclasses.dataclass
class Part:
    a: Any
    b: Any
    factor: Any = dataclasses.field(default=2, metadata={"static": True})


class Way(enum.Enum):
    """A choice."""

    UP = 1
    DOWN = 2


class Switch:
    """A static argument that is equal by what it holds, which may change."""

    def __init__(self, on: bool) -> None:
        self.on = on

    def __hash__(self) -> int:
        return hash(self.on)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Switch) and self.on == other.on


def described(x: Any) -> Any:
    """The numbers of a result, with all that a function can tell of its parts."""
    if isinstance(x, dict):
        return [(k, described(v)) for k, v in x.items()]
    if isinstance(x, (list, tuple)):
        return [type(x).__name__, *map(described, x)]
    if x is None:
        return None
    array = np.asarray(x)
    return array.shape, array.dtype.name, array.tolist()


def assert_answers_like(f: Callable[..., Any], some: list[Any], **options: Any) -> Any:
    """Each of some arguments, a tuple and perhaps a dict, in every order, as `f` itself says."""
    g = ad.compile(f, **options)
    expected = [described(f(*args, **kwargs)) for args, kwargs in some]
    turns = itertools.chain(*itertools.permutations(range(len(some)), 2))
    for i in (*range(len(some)), *range(len(some)), *turns):
        args, kwargs = some[i]
        found, right = described(g(*args, **kwargs)), expected[i]
        assert str(found)[:20] == str(right)[:20]
        np.testing.assert_equal(found, right)
    return g


def positional(*arguments: Any) -> list[Any]:
    return [((x,), {}) for x in arguments]


def test_arguments_of_all_kinds_take_turns() -> None:
    def double(x: Any) -> Any:
        return x * 2

    numbers = [1.5, 3, True, X, M.T, ad.asarray(X), ad.asarray(M).T, np.float32(0.5)]
    assert_answers_like(double, positional(*numbers[: MOST - 2]))
    view = np.arange(12, dtype=np.int32)[::2]
    assert_answers_like(double, positional(2j, X[::-1], view, X.astype(">f4"), np.zeros((0, 2))))


def test_trees_of_all_kinds_take_turns() -> None:
    def swapped(p: Any) -> Any:
        if isinstance(p, dict):
            return {k: v + 1.0 for k, v in p.items()}
        if p is None:
            return ad.asarray(7.0)
        return [x * 2.0 for x in ((p.a, p.b) if hasattr(p, "a") else p) if x is not None]

    trees = [
        *({"a": 1.0, "b": X}, {"b": X, "a": 1.0}, {"a": 1.0, "b": 2.0}, {"a": X, "b": 1.0}),
        *([1.0, X], (1.0, X), (1.0, X, 2.0), (1.0, None), (None, 1.0), None),
        *(Pair(1.0, X), OtherPair(X, 1.0), Backwards(1.0, X), Part(1.0, X)),
    ]
    for start in range(0, len(trees), 5):
        assert_answers_like(swapped, positional(*trees[start : start + 6]))


def test_static_arguments_are_exactly_the_same() -> None:
    def scaled(x: Any, n: Any, *, way: Any = Way.UP) -> Any:
        factor = {int: 2.0, float: 3.0, bool: 5.0, str: 7.0, tuple: 11.0}.get(type(n), 13.0)
        sign = str(n).startswith("-")
        return x * (-factor if sign else factor) * (1.0 if way is Way.UP else 0.5)

    values = [1, 1.0, True, "1", (1,), (1.0,), 0.0, -0.0, None, Way.UP, len]
    some = [((2.0, n), {}) for n in values]
    some += [((X, 1), {"way": Way.UP}), ((X, 1), {"way": Way.DOWN})]
    for start in range(0, len(some), 4):
        assert_answers_like(scaled, some[start : start + 5], static=(1, "way"))


def test_a_static_argument_that_changes_is_noticed() -> None:
    g = ad.compile(lambda x, s: x * (2.0 if s.on else 3.0), static=1)
    switch = Switch(True)
    for on in (True, True, True, False, True, False):
        switch.on = on
        assert float(g(1.0, switch)) == (2.0 if on else 3.0)


def test_what_a_registered_class_holds_beside_numbers_may_change() -> None:
    g = ad.compile(lambda p: p.a * (2.0 if p.factor.on else 3.0))
    part = Part(1.0, X, Switch(True))
    for on in (True, True, True, False, True, False):
        part.factor.on = on
        assert float(g(part)) == (2.0 if on else 3.0)


def test_what_a_registered_class_holds_beside_numbers_is_looked_at() -> None:
    g = ad.compile(lambda p: Part(p.a * p.factor, p.b, p.factor))
    part = Part(1.0, X)
    for factor in (2, 2, 2, 2.0, True, 3, 2):
        part.factor = factor
        found = g(part)
        assert type(found.factor) is type(factor) and float(found.a) == float(factor)


def searched(f: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    """Whether a call is searched for, when it was made often enough to have a driver."""
    for _ in range(12):
        f(*args, **kwargs)
    entered: set[str] = set()
    sys.setprofile(lambda frame, event, argument: entered.add(frame.f_code.co_name))
    try:
        f(*args, **kwargs)
    finally:
        sys.setprofile(None)
    return "_find_and_answer" in entered


def test_common_calls_are_not_searched_for() -> None:
    f = ad.compile(lambda p, k=1.0: (p, k))
    tensor = ad.asarray(M)
    trees = [{"a": X, "b": [1.0]}, {"a": M.T}, Pair(1.0, X), Part(1.0, X), (None, 1.0)]
    for p in (*trees, M.T, X[::2], tensor.T):
        assert not searched(f, p), p
        assert not searched(f, p, 2.0) and not searched(f, p, k=2), p
    assert not searched(f, ad.asarray(X)) and searched(f, X.astype(">f8"))
    g = ad.compile(lambda x, n: x**n, static="n")
    assert not searched(g, 2.0, n=3) and not searched(g, X, n=2)
    h = ad.compile(lambda x: x * 2)
    turns = [1.0, 2, X, X[:3], M, np.float32(1.0), X > 0.5, 1j]
    assert not searched(lambda: list(map(h, turns)))


def test_the_commonest_call_becomes_the_native_entry() -> None:
    f = ad.compile(lambda x: x * 2)
    for _ in range(3):
        f(1.5)
    f(2)
    assert calls(lambda: f(1.5)) > 1
    for _ in range(20):
        f(1.5)
    assert calls(lambda: f(1.5)) <= 2, "the lambda, and the entry"
    assert [float(f(x)) for x in (1.5, 2, True)] == [3.0, 4.0, 2.0]


def test_pending_tensors_and_open_transforms() -> None:
    f = ad.compile(lambda x: ad.sum(ad.sin(x) * x))
    for i in range(4):
        f(X)
        pending = ad.asarray(X) * (i + 1.0)
        np.testing.assert_allclose(f(pending), np.sum(np.sin(X * (i + 1)) * X * (i + 1)))
        slope = ad.grad(lambda x: f(x * 2.0) + f(X[::-1]))(X)
        np.testing.assert_allclose(slope, 2 * (np.sin(2 * X) + 2 * X * np.cos(2 * X)))
    v = ad.variable(X)
    np.testing.assert_allclose(ad.grad(f)(v), np.sin(X) + X * np.cos(X))


def test_settings_have_calls_looked_at() -> None:
    f = ad.compile(lambda x, n: ad.log(x) * n, static=1)
    for _ in range(4):
        f({"a": 1.0}["a"], 1), f(1.0, 2)
    with ad.options(debug_nans=True), pytest.raises(ad.errors.AdjointError):
        f(-1.0, 1)
    with ad.options(native="never"):
        assert searched(f, 2.0, 2)
    assert not searched(f, 2.0, 2)
    f.clear_cache()
    assert float(f(1.0, 2)) == 0.0


def test_donated_arguments_are_donated_in_every_call() -> None:
    f = ad.compile(lambda w, p: w + p["a"], donate=0)
    for i in range(4):
        w, p = ad.asarray(X), {"a": X[::-1] if i % 2 else X}
        np.testing.assert_allclose(f(w, p), X + p["a"])
        with pytest.raises(ad.errors.DonatedError):
            w.numpy()
    g = ad.compile(lambda w: w + 1.0, donate=0)
    for _ in range(4):
        w = ad.asarray(M).T
        np.testing.assert_allclose(g(w), M.T + 1.0)
        with pytest.raises(ad.errors.DonatedError):
            w.numpy()
