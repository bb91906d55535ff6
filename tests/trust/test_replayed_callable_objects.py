"""Objects from outside that are called: their `__call__` is looked at as a function is."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.replay import Replay, replay_of
from adjoint.backends.availability import missing

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

scale = 2.0


class Layer:
    def __init__(self, w: Any) -> None:
        self.w = w

    def __call__(self, x: Any) -> Any:
        return np.tanh(x @ self.w) * scale


class Derived(Layer):
    pass


class Net:
    def __init__(self) -> None:
        self.layer = Layer(np.eye(3))

    def loss(self, x: Any) -> Any:
        return np.sum(self.layer(x))


class Counting:
    calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return x * self.calls


class Chosen:
    @property
    def __call__(self) -> Callable[[Any], Any]:
        return lambda x: x * scale


net, model, derived, chosen = Net(), Layer(np.eye(3)), Derived(2 * np.eye(3)), Chosen()


@pytest.fixture(autouse=True)
def own_scale() -> Iterator[None]:
    """What is read from outside is as it was afterwards."""
    call = Layer.__call__
    yield
    globals()["scale"] = 2.0
    Layer.__call__ = call  # type: ignore[method-assign]


def called(f: Callable[[Any], Any], change: Callable[[int], object]) -> Replay:
    """What is known of calls after a change, each as by the interpreter."""
    g = ad.value_and_grad(f)
    for i in range(6):
        change(i)
        x = 0.1 * (np.arange(3.0) + i)
        with ad.options(native="always"):
            found = g(x)
        with ad.options(native="never"):
            wanted = ad.value_and_grad(f)(x)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-12)
    replay = replay_of(g)
    assert replay is not None
    return replay


def of_model(x: Any) -> Any:
    return np.sum(model(x) * x) + np.sum(derived(x))


def test_calls_of_objects_are_left_out_until_something_changes() -> None:
    def rescale(i: int) -> None:
        globals()["scale"] = 3.0 if i == 4 else scale

    def move(i: int) -> None:
        model.w = np.eye(3) * (2 if i == 4 else 1)

    def exchange(i: int) -> None:
        if i == 4:
            Layer.__call__ = lambda self, x: x @ self.w * 5  # type: ignore[method-assign]

    assert called(of_model, lambda i: None).plans
    assert called(net.loss, lambda i: None).plans
    for change in (rescale, move, exchange):
        assert "not what it was" in called(of_model, change).told


class Indexed(Layer):
    def __getitem__(self, i: int) -> Callable[[Any], Any]:
        return lambda x: x * scale

    def __neg__(self) -> Callable[[Any], Any]:
        return lambda x: x * scale


counting, indexed = Counting(), Indexed(np.eye(3))


def test_objects_that_do_more_are_called() -> None:
    g = ad.grad(lambda x: np.sum(counting(x)))
    with ad.options(native="always"):
        assert [float(g(np.ones(1))[0]) for _ in range(4)] == [1.0, 2.0, 3.0, 4.0]
    assert "self" in ad.why_traced(g)
    assert "property" in ad.why_traced(ad.grad(lambda x: np.sum(chosen(x))))
    assert not ad.why_traced(ad.grad(lambda x: np.sum(indexed(x))))
    for f in (
        lambda x: sum(map(indexed, [x])),
        lambda x: np.sum(indexed[0](x)),
        lambda x: np.sum((-indexed)(x)),
        lambda x: np.sum((indexed if len(x) else model)(x)),
    ):
        assert "itself" in ad.why_traced(ad.grad(f))


def test_operators_under_their_names() -> None:
    def f(x: Any) -> Any:
        return reduce(operator.mul, [x[i] for i in range(3)]) + operator.getitem(x, 0)

    assert called(f, lambda i: None).plans
    assert "iadd" in ad.why_traced(ad.grad(lambda x: operator.iadd(x, 1.0)))
