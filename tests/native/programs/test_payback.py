"""When native code is made that nobody asked for: once it would have saved what it costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.replay import replay_of
from adjoint.backends import derivative_programs, payback, tiering

pytestmark = pytest.mark.native

X = np.linspace(-1.5, 2.0, 7)
MOST = 1_000
"""The most calls that are made until something happens."""


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Nothing was seen yet, and the native engine is loaded."""
    derivative_programs.clear()
    tiering.clear()
    ad.compile(lambda x: x + 1.0)(1.0)
    yield
    derivative_programs.clear()
    tiering.clear()


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native engine is yet to be loaded."""
    monkeypatch.setattr(payback, "_ENGINE", "no module of this name")
    monkeypatch.setattr(payback, "_lost", 0.0)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of operations of those graphs of which a program was to be made (none is)."""
    found: list[int] = []
    monkeypatch.setattr(
        derivative_programs, "_program", lambda graph, *rest: found.append(len(graph.order))
    )
    return found


def short(x: Any) -> Any:
    return ad.sum(ad.exp(x) * x)


def long(x: Any) -> Any:
    for _ in range(6):
        x = ad.sin(x) * ad.exp(-x) + 1.0
    return ad.sum(x)


def large(w: Any) -> Any:
    return ad.sum((w @ w) ** 2)


def calls_until(happened: Callable[[], object], call: Callable[[], object]) -> int:
    """How many calls it takes."""
    for count in range(MOST):
        if happened():
            return count
        call()
    raise AssertionError(f"nothing happened in {MOST} calls")


def only_family() -> derivative_programs.Family:
    (family,) = derivative_programs._families.values()
    return family


@pytest.mark.parametrize(("f", "x"), [(short, X), (long, X), (large, np.eye(300))])
def test_a_program_is_made_when_it_would_have_paid(
    f: Any, x: Any, compiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [0.0]
    monkeypatch.setattr(payback, "lose", lambda microseconds: lost.append(microseconds))
    with ad.options(replay=False):
        calls = calls_until(lambda: compiled, lambda: ad.grad(f)(x))
    price = derivative_programs.COMPILATION + 3 * derivative_programs.COMPILED * compiled[0]
    saved = max(lost)
    assert price <= saved * calls <= price + 3 * saved
    assert sum(lost) <= price + saved


def test_without_gain_nothing_is_ever_compiled(compiled: list[int]) -> None:
    w = np.eye(900)
    for _ in range(4):
        ad.grad(lambda w: ad.sum(w @ w))(w)
    (structure,) = only_family().structures.values()
    assert structure.compile_at == np.inf
    assert not only_family().microseconds


def test_structures_pay_for_the_engine_together(unloaded: None, compiled: list[int]) -> None:
    def both() -> None:
        with ad.options(replay=False):
            ad.grad(short)(X)
            ad.grad(long)(X)

    together = calls_until(lambda: len(compiled) == 2, both)
    derivative_programs.clear()
    compiled.clear()
    payback._lost = 0.0
    with ad.options(replay=False):
        alone = calls_until(lambda: compiled, lambda: ad.grad(long)(X))
    assert payback._lost > payback.PAYBACK * payback.LOADING
    assert together < alone


def test_structures_that_look_alike_wait_for_their_own_calls(compiled: list[int]) -> None:
    """All gradients of one number by a sum are one family; most of its calls are of others."""

    def all_of_them() -> None:
        for rounds in range(1, 6):
            ad.grad(lambda x, rounds=rounds: ad.sum(x ** (rounds + 0.5) * ad.exp(x) * rounds))(X)
            ad.grad(lambda x: ad.sum(ad.sin(x) + x))(X)

    with ad.options(replay=False):
        rounds = calls_until(lambda: compiled, all_of_them)
    family = only_family()
    assert len(family.structures) > 1
    assert rounds * 5 > 0.8 * min(x.wait for x in family.structures.values())


def test_an_engine_that_is_loaded_need_not_be_paid(unloaded: None, compiled: list[int]) -> None:
    calls = calls_until(lambda: compiled, lambda: ad.grad(long)(X))
    derivative_programs.clear()
    compiled.clear()
    payback._ENGINE = "sys"
    payback._lost = 0.0
    assert calls_until(lambda: compiled, lambda: ad.grad(long)(X)) < calls


def test_graphs_that_are_looked_at_pay_as_well(unloaded: None) -> None:
    x = ad.asarray(np.linspace(-1, 1, 10_000))
    with ad.options(native="auto"):
        calls_until(tiering.answered, lambda: ad.evaluate(ad.sin(x) * ad.exp(x) + ad.cos(x)))
    assert payback._lost > payback.LOADING


def test_when_a_program_is_due_whole_calls_are_left_out_instead(compiled: list[int]) -> None:
    g = ad.grad(long)
    found = replay_of(g)
    assert found is not None
    wanted = g(X).numpy()
    calls = calls_until(lambda: found.plans, lambda: g(X))
    (structure,) = only_family().structures.values()
    assert structure.compile_at <= calls + 1 <= structure.compile_at + 2
    assert not compiled
    np.testing.assert_allclose(g(X), wanted, rtol=1e-11)


def test_a_function_that_is_not_known_gets_a_program(compiled: list[int]) -> None:
    log: list[float] = []

    def f(x: Any) -> Any:
        log.append(1.0)
        return long(x)

    g = ad.grad(f)
    calls = calls_until(lambda: compiled, lambda: g(X))
    found = replay_of(g)
    assert found is not None and found.told and not found.plans
    assert len(log) == calls


def test_transforms_that_are_thrown_away_get_a_program_all_the_same(compiled: list[int]) -> None:
    calls = calls_until(lambda: compiled, lambda: ad.grad(long)(X))
    assert calls < MOST


def test_within_another_transform_a_program_is_made(compiled: list[int]) -> None:
    def outer(y: Any) -> Any:
        return y * float(ad.grad(short)(X)[0])

    calls_until(lambda: compiled, lambda: ad.grad(outer)(2.0))


def test_an_offer_ends_with_its_call_and_is_of_one_thread() -> None:
    seen = []
    with derivative_programs.offering(True) as outer:
        with pytest.raises(ValueError), derivative_programs.offering(False, is_tried=True):
            raise ValueError
        assert derivative_programs._offers.now is outer
        thread = threading.Thread(
            target=lambda: seen.append(derivative_programs._offers.now.is_open)
        )
        thread.start()
        thread.join()
    assert seen == [False]
    assert not derivative_programs._offers.now.is_open


def test_a_function_that_changes_what_it_reads_is_traced_for_good() -> None:
    """Each change throws a plan away; what all plans cost stays bounded."""
    scale = [1.0]
    g = ad.grad(lambda x: ad.sum(scale[0] * ad.sin(x) * x))
    found = replay_of(g)
    assert found is not None
    plans = 0
    for i in range(3_000):
        scale[0] = float(i)
        before = found.plans
        result = g(X)
        plans += found.plans != before and bool(found.plans)
    np.testing.assert_allclose(result, 2_999.0 * (np.sin(X) + X * np.cos(X)), rtol=1e-12)
    assert plans <= 3
