"""Uncompiled programs as users write them: none of a kind is left to the interpreter for good."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats
from scipy.stats import norm

import adjoint as ad
from adjoint.api.replay import replay_of
from adjoint.backends import derivative_programs, payback, tiering
from adjoint.backends.graph_signature import operations_in_loops
from adjoint.graph.order import topological_order
from adjoint.scipy import linalg, special, stats

pytestmark = pytest.mark.native

X = np.random.default_rng(0).normal(size=(7, 3))


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Nothing was seen yet."""
    derivative_programs.clear()
    tiering.clear()
    yield
    derivative_programs.clear()
    tiering.clear()


def interpreted(f: Any, *args: Any) -> Any:
    """Value and gradient by the interpreter."""
    with ad.options(native="never"):
        value, gradient = ad.value_and_grad(f)(*args)
        return np.asarray(value), np.asarray(gradient)


class Unshown:
    """Data whose text costs much to make."""

    def __repr__(self) -> str:
        raise AssertionError("the text of what a function is given was made")


def test_no_text_is_made_of_what_a_function_is_given() -> None:
    def f(data: Unshown, x: Any) -> Any:
        return ad.sum(x * x)

    def g(data: Unshown, x: Any) -> Any:
        return x * x

    assert np.asarray(ad.grad(functools.partial(f, Unshown()))(X)).tolist() == (2 * X).tolist()
    with pytest.raises(ad.errors.ShapeError, match="g returned"):
        ad.grad(functools.partial(g, Unshown()))(X)


@pytest.mark.parametrize("native", ["never", "auto"])
def test_steps_that_nobody_looks_at_are_no_graph_that_grows(native: str) -> None:
    def loss(w: Any) -> Any:
        return ad.sum(ad.cos(w) * w)

    with ad.options(native=native):
        w = by_hand = ad.asarray(X)
        for _ in range(20):
            w = w - 0.1 * ad.grad(loss)(w)
            x = by_hand.numpy()
            by_hand = ad.asarray(x - 0.1 * (np.cos(x) - x * np.sin(x)))
            assert len(topological_order([w.node])) < 20
    np.testing.assert_allclose(np.asarray(w), np.asarray(by_hand), rtol=1e-12)


def test_arguments_that_cannot_be_computed_raise_where_somebody_looks() -> None:
    singular = ad.linalg.cholesky(ad.asarray(-np.eye(2)) * 1.0)
    with ad.options(native="never"):
        found = ad.grad(lambda a: ad.sum(a * a))(singular)
        with pytest.raises(np.linalg.LinAlgError):
            np.asarray(found)


def test_what_loops_repeat_counts() -> None:
    def body(state: Any, x: Any) -> Any:
        return ad.sin(state) * x, state + x

    found = ad.scan(body, ad.asarray(1.0), ad.asarray(np.ones(50)))
    held, run = operations_in_loops(topological_order([x.node for x in found]))
    assert held in (3, 4, 5)
    assert run >= 50 * 2


def test_a_loop_is_compiled_after_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a call takes is mostly tracing and rolling up what it repeats."""
    waits: list[float] = []
    own = derivative_programs._wait
    monkeypatch.setattr(
        derivative_programs, "_wait", lambda *a: waits.append(own(*a)[0]) or own(*a)
    )

    def f(x: Any, rounds: int) -> Any:
        for _ in range(rounds):
            x = ad.sin(x) * x + ad.exp(-x)
        return ad.sum(x)

    for rounds in (100, 400):
        for _ in range(4):
            ad.grad(f)(X, rounds)
    assert waits[1] < waits[0] / 2 < 20


def test_structures_of_many_lengths_have_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Program:
        """Answers zeros."""

        known: ClassVar[dict[int, bytes]] = {}

        def run(self, graph: Any) -> list[Any]:
            return [ad.zeros(x.shape) for x in graph.ends]

    monkeypatch.setattr(payback, "PAYBACK", 0.0)
    monkeypatch.setattr(derivative_programs, "_program", lambda *a: Program())
    shapes = [(rounds, n) for rounds in range(1, 6) for n in range(2, 5)]

    def f(x: Any, rounds: int) -> Any:
        for i in range(rounds):
            x = x * X[i, 0] + X[i, 1]
        return ad.sum(x * ad.sin(x))

    answered = 0
    with ad.options(replay=False):
        for _ in range(6):
            before = derivative_programs.answers
            for rounds, n in shapes:
                ad.grad(f)(X[0, :1] * np.ones(n), rounds)
            answered = derivative_programs.answers - before
    assert answered == len(shapes)


def test_a_structure_in_between_does_not_end_the_looks() -> None:
    family = derivative_programs.Family()
    for i in range(1_000):
        family.sightings += 1
        if family.sightings >= family.next_look:
            family.looks += 1
            family.plan_next_look(i % 4 != 0)
    assert family.looks == 999


@pytest.mark.parametrize("kind", ["dp", "tiering"])
def test_the_structure_that_is_forgotten_has_no_program(kind: str) -> None:
    class Known:
        program: Any = None

    family: Any = derivative_programs.Family() if kind == "dp" else tiering.Family()
    for i in range(4):
        known = Known()
        known.program = "made" if i == 0 else None
        if kind == "dp":
            family.structures[i] = known
        else:
            family.uses[i], family.variants[i, b""] = [], known
    for left in ([0, 2, 3], [0, 3], [0], []):
        family.forget_one()
        assert list(family.structures if kind == "dp" else family.uses) == left


def own_density(w: Any) -> Any:
    return np.sum(norm.logpdf(X @ w, loc=w[0], scale=2.0)) + np.sum(
        scipy.stats.gamma.logpdf(np.exp(w), 2.0)
    )


def cholesky(w: Any) -> Any:
    factor = scipy.linalg.cholesky(np.outer(w, w) + np.eye(3), lower=True)
    x = scipy.linalg.cho_solve((factor, True), w)
    return x @ scipy.linalg.solve_triangular(factor, w, lower=True)


def mixed(w: Any) -> Any:
    x = np.sum(scipy.special.logsumexp(X * w, axis=1)) + np.sum(scipy.special.erf(w))
    return x + np.sum(special.logsumexp(X * w, axis=1)) + np.sum(special.gammaln(w * w + 1))


def counterparts(w: Any) -> Any:
    x = np.sum(stats.norm.logpdf(X @ w, 0.5, np.exp(w[0]))) + np.sum(stats.zscore(w) ** 2 * w)
    return x + np.sum(linalg.cho_solve((linalg.cholesky(np.diag(w * w)), False), w))


FUNCTIONS: tuple[Callable[[Any], Any], ...] = (own_density, cholesky, mixed, counterparts)


def test_calls_of_functions_of_scipy_are_left_out() -> None:
    rng = np.random.default_rng(1)
    for f in FUNCTIONS:
        g = ad.value_and_grad(f)
        assert not ad.why_traced(g)
        for _ in range(4):
            w = rng.normal(size=3)
            with ad.options(native="always"):
                found = g(w)
            for x, y in zip(found, interpreted(f, w), strict=True):
                np.testing.assert_allclose(np.asarray(x), y, rtol=1e-9)
        replay = replay_of(g)
        assert replay is not None
        assert replay.plans


@pytest.mark.parametrize(
    ("f", "why"),
    [
        (lambda w: w * norm.rvs(), "method that is not known"),
        (lambda w: np.sum(linalg.sqrtm(w)), "not known what it does"),
        (lambda w: np.sum(scipy.linalg.logm(w)), "not known what it does"),
        (lambda w: w * stats.norm.name, "method that is not known"),
    ],
)
def test_what_draws_or_looks_at_values_is_not_known(f: Any, why: str) -> None:
    assert why in ad.why_traced(ad.grad(f))
