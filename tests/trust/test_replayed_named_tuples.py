"""Calls with named tuples as arguments are left out if Python calls no code of their classes."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.replay import Replay, replay_of
from adjoint.api.tree import flatten
from adjoint.backends.availability import missing

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

X = np.arange(12.0).reshape(4, 3)
W = np.arange(3.0)
scale = 2.0


class Layer(NamedTuple):
    w: Any
    b: Any = 1.0

    def predict(self, x: Any) -> Any:
        return x @ self.w * scale


Scaled = namedtuple("Scaled", "by layer")


class Operator(NamedTuple):
    w: Any

    def __mul__(self, other: Any) -> Any:
        return self[0] * other * scale


class Shown(NamedTuple):
    w: Any

    def __repr__(self) -> str:
        return f"{scale}"


class Summed(NamedTuple):
    w: Any

    def sum(self) -> Any:
        return np.sum(self.w) * scale


class Hidden(NamedTuple):
    data: Any
    at: Any


class Derived(Layer):
    def __len__(self) -> int:
        return int(scale)


def loss(p: Any) -> Any:
    return np.sum((X @ p.w + p.b) ** 2)


def unpacked(p: Any) -> Any:
    w, b = p
    return np.sum(X @ w + b) * len(p) + p[0][1]


def moved(p: Any) -> Any:
    for _ in range(3):
        p = Layer(p.w + 0.1 * p.b, p.b - 0.1 * np.sin(p.w))
    return np.sum(p.w**2) + np.sum(p.b)


@pytest.fixture(autouse=True)
def own_scale() -> Iterator[None]:
    """What the classes read from outside is as it was afterwards."""
    yield
    globals()["scale"] = 2.0


def called(f: Callable[[Any], Any], argument: Any) -> Replay:
    """What is known of calls, between which `scale` changes; each is as by the interpreter."""
    g = ad.value_and_grad(f)
    for number in (2.0, 2.0, 2.0, 3.0, 3.0):
        globals()["scale"] = number
        with ad.options(native="always"):
            found = g(argument)
        with ad.options(native="never"):
            wanted = ad.value_and_grad(f)(argument)
        assert type(found[1]) is type(wanted[1])
        for x, y in zip(flatten(found)[0], flatten(wanted)[0], strict=True):
            np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=1e-12)
    replay = replay_of(g)
    assert replay is not None
    assert ad.why_traced(g) == ("" if replay.plans else replay.told)
    return replay


def test_fields_are_read() -> None:
    assert called(loss, Layer(W, 2.0)).plans
    assert called(lambda q: loss(q.layer) * q.by, Scaled(3.0, Layer(W))).plans
    assert called(lambda d: sum(loss(p) for p in d["x"]), {"x": [Layer(W), Layer(W + 1)]}).plans
    assert called(moved, Layer(W, W)).plans
    assert called(lambda w: moved(Layer(w, 0.5 * w)), W).plans
    assert called(unpacked, Layer(W, np.float64(2.0))).plans


@pytest.mark.parametrize(
    ("f", "argument"),
    [
        (lambda p: np.sum(p.predict(X)), Layer(W)),
        (lambda p: np.sum(p * X), Operator(W)),
        (lambda p: np.sum(p.w * X), Shown(W)),
        (lambda p: p.sum() * 2, Summed(W)),
        (lambda w: np.sum(Operator(w) * X), W),
        (lambda p: np.sum(p.data * X), Hidden(W, W)),
        (lambda p: np.sum(p.w * X) * len(p), Derived(W)),
    ],
)
def test_code_of_classes_is_called(f: Any, argument: Any) -> None:
    assert not called(f, argument).plans


def test_a_class_that_is_changed_is_another() -> None:
    class Pair(NamedTuple):
        w: Any
        b: Any

    g = ad.value_and_grad(unpacked)
    with ad.options(native="always"):
        for _ in range(4):
            before = float(g(Pair(W, 1.0))[0])
        replay = replay_of(g)
        assert replay is not None
        assert replay.plans
        Pair.__len__ = lambda self: 5  # type: ignore[method-assign]
        assert float(g(Pair(W, 1.0))[0]) != before
    assert "changed" in replay.told


def test_defaults_of_fields_are_read() -> None:
    class Weighted(NamedTuple):
        w: Any
        by: Any = [2.0]  # noqa: RUF012

    g = ad.grad(lambda x: np.sum(Weighted(x).w * Weighted(x).by[0]))
    with ad.options(native="always"):
        assert [float(g(W).ravel()[0]) for _ in range(4)] == [2.0] * 4
        assert replay_of(g).plans  # type: ignore[union-attr]
        Weighted(W).by[0] = 3.0
        assert float(g(W).ravel()[0]) == 3.0
        Weighted.__new__.__defaults__ = ([5.0],)
        assert [float(g(W).ravel()[0]) for _ in range(4)] == [5.0] * 4
        Weighted.__new__ = lambda cls, w: tuple.__new__(cls, (w * scale, [1.0]))
        assert float(g(W).ravel()[0]) == scale
    assert "not known" in ad.why_traced(g)
