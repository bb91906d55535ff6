"""Reverse mode through a `while_loop` in native code: its states kept, dropped and made again."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import adjoint as ad

BUDGETS = (1, 100, 4096, 1 << 28)
"""From two states to all of them; the first memory that is taken has room for about a thousand."""


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-13)


def turned(angle, x, steps, memory=1 << 28):
    """A vector turned so many times; the steps are a value, the angle a constant of the loop."""

    def turn(at):
        k, v = at
        return k + 1, v + angle * ad.stack([-v[1], v[0], ad.sin(v[2])])

    return ad.while_loop(lambda at: at[0] < steps, turn, (0, x), memory=memory)[1]


def loss(angle, x, steps, memory=1 << 28):
    return ad.sum(ad.cos(turned(angle, x, steps, memory)))


X = np.array([1.0, 0.5, 0.25])


def gradient(memory=1 << 28):
    return ad.value_and_grad(lambda a, x, n: loss(a, x, n, memory), (0, 1))


def test_it_is_a_step_of_the_program():
    f = ad.compile(gradient())
    f(0.01, X, 5)
    kinds = [row.kind for row in f.report().rows]
    assert "while_adjoint" in kinds and "numpy" not in kinds


@pytest.mark.parametrize("memory", BUDGETS)
def test_the_budget_does_not_change_a_bit(memory):
    all_kept, few = ad.compile(gradient()), ad.compile(gradient(memory))
    for steps in (0, 1, 2, 3, 4, 7, 8, 9, 100, 2049):
        (value, slopes), (other, others) = all_kept(0.01, X, steps), few(0.01, X, steps)
        assert float(value) == float(other)
        assert float(slopes[0]) == float(others[0])
        np.testing.assert_array_equal(slopes[1], others[1])


@pytest.mark.parametrize("steps", [0, 1, 2, 50])
def test_as_the_loop_written_out(steps):
    def written_out(a, x):
        for _ in range(steps):
            x = x + a * ad.stack([-x[1], x[0], ad.sin(x[2])])
        return ad.sum(ad.cos(x))

    got, want = ad.compile(gradient())(0.3, X, steps), ad.grad(written_out, (0, 1))(0.3, X)
    same(got[1][0], want[0])
    same(got[1][1], want[1])


@pytest.mark.parametrize(
    "derive",
    [
        ad.hessian,
        lambda f: ad.jacfwd(ad.jacrev(f)),
        lambda f: ad.grad(lambda x: ad.sum(ad.grad(f)(x) ** 2)),
        lambda f: lambda x: ad.vmap(ad.grad(f))(ad.stack([x, 2 * x])),
    ],
    ids=["hessian", "forward of reverse", "reverse of reverse", "examples"],
)
def test_derivatives_of_it(derive):
    f = derive(lambda x: loss(0.1, x, 6, 64))
    with ad.options(native="never"):
        want = np.asarray(f(X))
    same(ad.compile(f)(X), want, 1e-11)


def test_states_of_several_dtypes():
    def f(w, z):
        def step(at):
            k, odd, small, large, turning = at
            large = ad.where(odd, large * w, large + small.astype("float64"))
            turning = turning * ad.exp(1j * large / 10)
            return k + 1, ~odd, small * 0.9 + 0.1, large, turning

        start = (0, False, ad.asarray(z, dtype="float32"), w, ad.exp(1j * w))
        _, _, small, large, turning = ad.while_loop(lambda at: at[0] < 11, step, start, memory=200)
        return large + ad.real(turning) + small.astype("float64")

    derived = ad.grad(f, (0, 1))
    with ad.options(native="never"):
        want = derived(1.1, 0.5)
    got = ad.compile(derived)(1.1, 0.5)
    same(got[0], want[0], 1e-6)  # a step in float32 is rounded once in native code, or twice
    same(got[1], want[1], 1e-6)


def test_a_loop_in_the_body_of_another():
    def f(a):
        def inner(x):
            return ad.while_loop(lambda y: abs(y * y - x) > 1e-12, lambda y: (y + x / y) / 2, x)

        return ad.while_loop(lambda x: x > 1.5, lambda x: inner(x) * a, a * 50.0, memory=16)

    def by_hand(a):
        x = a * 50.0
        while x > 1.5:
            x = ad.sqrt(x) * a
        return x

    same(ad.compile(ad.grad(f))(1.1), ad.grad(by_hand)(1.1), 1e-9)


def test_a_gradient_of_a_loop_in_the_body_of_another():
    def root(a):
        return ad.while_loop(lambda x: abs(x * x - a) > 1e-13, lambda x: (x + a / x) / 2, a)

    solved = ad.compile(
        lambda a: ad.while_loop(lambda x: ad.grad(root)(x) < a, lambda x: x / 2, 9.0)
    )
    same(solved(1.1), 0.140625)


def test_what_python_computes_in_the_body():
    def f(x):
        def step(at):
            return at[0] + 1, ad.linalg.eigvalsh(at[1] + at[1].T)[:, None] * at[1]

        return ad.sum(ad.while_loop(lambda at: at[0] < 3, step, (0, x))[1])

    x = np.array([[0.5, 0.1], [0.2, 0.3]])
    with ad.options(native="never"):
        want = ad.grad(f)(x)
    same(ad.compile(ad.grad(f))(x), want, 1e-10)


def test_an_error_in_the_body_is_the_users():
    def f(x, index):
        table = ad.asarray([1.0, 2.0, 3.0])
        return ad.while_loop(
            lambda at: at[0] < 5000,
            lambda at: (at[0] + index, at[1] * table[at[0] // 1000]),
            (0, x),
        )[1]

    g = ad.compile(ad.grad(f))
    with pytest.raises(IndexError):
        g(1.0, 1)
    h = ad.compile(ad.grad(lambda x: f(x, 2000)))
    with pytest.raises(IndexError):
        h(1.0)


def test_a_signal_stops_it():
    def stop(*_):
        raise TimeoutError

    f = ad.compile(gradient(1 << 20))
    f(0.01, X, 5)
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(TimeoutError):
            f(0.01, X, 10**12)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
