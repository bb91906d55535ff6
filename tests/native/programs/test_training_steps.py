"""Steps of training that nobody compiled: how often something is evaluated, and that the numbers
are those of a loop in NumPy, whatever is done to parameters and results in between."""

from __future__ import annotations

import contextvars
import threading

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends import derivative_programs, tiering
from adjoint.errors import DonatedError
from adjoint.graph import engine

pytestmark = pytest.mark.native

X = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)
Y = np.array([0.5, -1.0, 2.0, 0.0], np.float32)
START = np.array([0.1, -0.2, 0.3], np.float32), np.array([0.5], np.float32)


@pytest.fixture(autouse=True)
def forgetful():
    """Nothing has been seen yet."""
    tiering.clear()
    derivative_programs.clear()
    yield
    tiering.clear()
    derivative_programs.clear()


@pytest.fixture
def evaluations(monkeypatch):
    """The nodes of each evaluation that the installed engine was asked for."""
    asked: list[list[object]] = []

    def counted(nodes):
        asked.append(list(nodes))
        tiering.evaluate(nodes)

    monkeypatch.setattr(engine, "_installed", counted)
    return asked


def loss(p, x, y):
    return ad.mean((x @ p[0] + p[1] - y) ** 2)


def by_numpy(steps, rates):
    """The losses and the parameters of gradient descent, in float64."""
    w, b, x, y = (np.asarray(a, float) for a in (*START, X, Y))
    losses = []
    for step in range(steps):
        gap = x @ w + b - y
        losses.append(np.mean(gap**2))
        w, b = w - rates[step] * 2 * x.T @ gap / len(y), b - rates[step] * 2 * np.mean(gap)
    return losses, (w, b)


def check(losses, params, steps, rates):
    wanted, (w, b) = by_numpy(steps, rates)
    np.testing.assert_allclose(losses, wanted, rtol=2e-5)
    np.testing.assert_allclose(params[0], w, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(params[1], b, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("native", ["auto", "always"])
def test_the_updates_of_all_parameters_are_one_evaluation(native, evaluations):
    both = ad.value_and_grad(loss)
    params = tuple(map(ad.asarray, START))
    data = ad.asarray(X), ad.asarray(Y)
    rates = [0.1 / (1 + k) for k in range(12)]
    losses, counts = [], []
    with ad.options(native=native):
        for rate in rates:
            evaluations.clear()
            value, grads = both(params, *data)
            params = tuple(p - rate * g for p, g in zip(params, grads, strict=True))
            losses.append(float(value))
            counts.append([len(nodes) for nodes in evaluations])
    if native == "always":  # the gradient is a program, which asks for both parameters
        assert counts[4:] == [[2]] * 8
    check(losses, params, 12, rates)


def test_a_compiled_function_evaluates_its_pending_arguments_at_once(evaluations):
    f = ad.compile(lambda a, b: a @ b)
    a = ad.asarray(X)
    for _ in range(3):
        shared = ad.exp(a)
        evaluations.clear()
        found = f(shared * 2, ad.sin(shared).T)
        assert [len(nodes) for nodes in evaluations] == [2]
        np.testing.assert_allclose(found, 2 * np.exp(X) @ np.sin(np.exp(X)).T, rtol=1e-5)


@pytest.mark.parametrize("take", ["grad", "compile"])
def test_a_pending_argument_that_fails_raises_its_own_error(take):
    given = ad.asarray(1.0)
    ad.compile(lambda x: x * 2, donate=0)(given)
    f = {"grad": ad.grad(lambda p: p[0] * p[1]), "compile": ad.compile(lambda p: p[0] * p[1])}[take]
    with ad.options(native="always"):
        for _ in range(4):
            assert f((ad.asarray(2.0) * 1, ad.asarray(3.0) + 0)) is not None
        fine = ad.asarray(3.0) + 1
        with pytest.raises(DonatedError):
            ad.evaluate(f((fine, given + 1)))
        assert float(fine) == 4.0
        assert float(np.ravel(f((fine, fine)))[0]) == {"grad": 4.0, "compile": 16.0}[take]


def descended(params, grads, rate):
    return [p - rate * g for p, g in zip(params, grads, strict=True)]


def in_place(params, grads, rate):
    for p, g in zip(params, grads, strict=True):
        p -= rate * g
    return params


def shown(params, grads, rate):
    moved = descended(params, grads, rate)
    text = str(moved[1])
    assert text == f"Tensor({np.asarray(moved[1])}, dtype=float32)"
    assert np.isfinite(np.asarray(grads[0])).all()
    return moved


def left_half_way(params, grads, rate):
    moved = descended(params, grads, rate)
    with pytest.raises(np.linalg.LinAlgError):
        ad.evaluate([moved[0], ad.linalg.solve(ad.zeros((2, 2)), ad.zeros(2)) + moved[1]])
    return moved


def written_afterwards(params, grads, rate):
    moved = descended(params, grads, rate)
    params[0][...] = 7.0  # what was computed from it stays
    grads[1][...] = np.nan
    return moved


def through_views(params, grads, rate):
    w = params[0]
    for i in range(3):
        w[i : i + 1] -= rate * grads[0][i]
    return [w, params[1] - rate * grads[1]]


@pytest.mark.parametrize(
    "update", [descended, in_place, shown, left_half_way, written_afterwards, through_views]
)
def test_what_is_done_between_steps_counts_as_in_numpy(update):
    both = ad.value_and_grad(loss)
    params, rates, losses = list(map(ad.asarray, START)), [0.2 / (1 + k) for k in range(9)], []
    data = ad.asarray(X), ad.asarray(Y)
    with ad.options(native="always"):
        for rate in rates:
            value, grads = both(params, *data)
            params = update(params, grads, rate)
            losses.append(value)
    check(np.array(list(map(float, losses))), params, 9, rates)


def test_one_tensor_in_two_places_and_parameters_of_two_dtypes():
    gradient = ad.grad(lambda p: ad.sum(p[0] * p[1] * p[2]))
    w, wide = ad.asarray(START[0]), ad.asarray(START[0].astype(float))
    by_hand = START[0].astype(float), START[0].astype(float)
    with ad.options(native="always"):
        for _ in range(8):
            first, second, third = gradient((w, w, wide))
            w, wide = w - 0.1 * (first + second), wide - 0.1 * third
            a, b = by_hand
            by_hand = a - 0.1 * 2 * a * b, b - 0.1 * a * a
    assert (w.dtype, wide.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(w, by_hand[0], rtol=1e-5)
    np.testing.assert_allclose(wide, by_hand[1], rtol=1e-5)


def test_threads_that_share_pending_parameters_find_the_same():
    both = ad.value_and_grad(loss)
    data = ad.asarray(X), ad.asarray(Y)
    params = tuple(map(ad.asarray, START))
    with ad.options(native="always"):
        for _ in range(6):
            params = tuple(descended(params, both(params, *data)[1], 0.1))
        found: list[tuple[float, bytes]] = []

        def work():
            value, grads = both(params, *data)
            found.append((float(value), np.asarray(grads[0]).tobytes()))

        contexts = [contextvars.copy_context() for _ in range(4)]
        threads = [threading.Thread(target=context.run, args=(work,)) for context in contexts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
