"""Python loops in compiled functions become loops again, and nothing else changes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph import node
from adjoint.graph.recording import Rolled
from adjoint.passes.rolling import relations, worth
from tests.control.rolling import compare, run

RNG = np.random.default_rng(8)
X = RNG.normal(size=(40, 3))
W = RNG.normal(size=(3, 3))


def recurrent(x):
    h = ad.zeros(3)
    for t in range(len(x)):
        h = ad.tanh(h * 0.5 + x[t]) * ad.cos(h)
    return h


def over_rows(x):
    h = ad.zeros(3)
    for row in list(x):
        h = ad.tanh(h * 0.5 + row) * ad.cos(h)
    return h


def backwards(x):
    h = ad.zeros(3)
    for t in reversed(range(len(x))):
        h = ad.tanh(h * 0.5 + x[t]) * ad.cos(h)
    return h


def every_other(x):
    h = ad.zeros(2)
    for t in range(0, len(x), 2):
        h = ad.tanh(h * 0.5 + x[t, 1:]) * ad.cos(h) + ad.sin(x[t + 1, :2]) * t
    return h


def windows(x):
    s = 0.0
    for t in range(3, len(x)):
        s = s * 0.3 + ad.sum(x[t - 3 : t] * ad.sin(x[t - 3 : t]))
    return s


def two_steps_back(x):
    a, b = x[0], x[1]
    path = [a, b]
    for _ in range(60):
        a, b = b, 2 * b - a - 0.01 * ad.sin(b)
        path.append(b)
    return ad.stack(path)


def while_counting(x):
    a, n = ad.abs(x) + 1.0, 0
    y = a
    while n < 50:
        y = (y + a / y) / 2
        y = ad.where(y > 0.5, y, -y)
        n += 1
    return y


def first_and_last_differ(x):
    h = x[0]
    for t in range(40):
        if t == 0:
            h = ad.exp(h)
        h = ad.tanh(h + x[t]) * ad.cos(h)
        if t == 39:
            h = ad.sqrt(ad.abs(h))
    return h


def layers(w, x):
    h = x
    for _ in range(50):
        for k in range(4):
            h = ad.tanh(h @ (w + 0.1 * k))
    return h


def written_row_by_row(x):
    y = ad.zeros((60, 3))
    y[0] = x[0]
    for t in range(59):
        y[t + 1] = y[t] + 0.1 * ad.sin(y[t]) * ad.cos(y[t])
    return y


def written_number_by_number(x):
    y = ad.zeros((60, 2))
    y[0, 0], y[0, 1] = x[0, 0], x[0, 1]
    for t in range(1, 60):
        y[t, 0] = y[t - 1, 0] + 0.1 * y[t - 1, 1]
        y[t, 1] = y[t - 1, 1] - 0.1 * ad.sin(y[t - 1, 0])
    return y


def written_into_columns(x):
    out, h = ad.ones((3, 42)), ad.zeros(3)
    for t in reversed(range(40)):
        h = ad.tanh(h + x[t]) * ad.cos(h)
        out[:, t + 1] = h
    return out


def updated_in_place(x):
    u = ad.zeros(20)
    u[10] = x[0, 0]
    for _ in range(60):
        u[1:-1] = u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


CASES = {
    recurrent: [(40, 6)],
    over_rows: [(40, 6)],
    backwards: [(40, 6)],
    every_other: [(20, 10)],
    windows: [(37, 7)],
    two_steps_back: [(60, 5)],
    while_counting: [(50, 6)],
    first_and_last_differ: [(40, 5)],
    written_row_by_row: [(59, 5)],
    written_number_by_number: [(59, 5)],
    written_into_columns: [(40, 5)],
    updated_in_place: [(59, 8)],
}


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_a_loop_rolls_up(f):
    compare(f, X, rolled=CASES[f])


def test_what_layers_repeat_rolls_up():
    compare(layers, W, X, rolled=[(200, 3)])


def test_stacked_results_are_those_of_the_loop():
    def f(x):
        h, path = ad.zeros(3), []
        for t in range(40):
            h = ad.tanh(h * 0.5 + x[t]) * ad.cos(h)
            path.append(h)
        return ad.stack(path), ad.stack(path[::-1], axis=1), ad.concat(path[3:])

    compare(f, X, rolled=[(40, 6)])
    compiled = ad.compile(f)
    compiled(X)
    assert "stack" not in compiled.text("passes") and "concat" not in compiled.text("passes")


def test_some_results_are_read():
    def f(x):
        h, path = ad.zeros(3), []
        for t in range(40):
            h = ad.tanh(h * 0.5 + x[t]) * ad.cos(h)
            path.append(h)
        chosen = [path[t] for t in (3, 4, 9, 20, 21, 39)]
        return ad.stack(path[2::5]), ad.stack(chosen), chosen[1] * ad.sum(chosen[2])

    compare(f, X, rolled=[(40, 6)])


def test_a_loop_reads_what_another_made():
    def f(x):
        h, path = ad.zeros(3), []
        for t in range(40):
            h = ad.tanh(h * 0.5 + x[t]) * ad.cos(h)
            path.append(h)
        g = ad.zeros(3)
        for h in reversed(path):
            g = ad.sin(g + h) * ad.cos(g) - 0.5 * g
        return g

    compare(f, X, rolled=[(40, 6), (40, 7)])


def test_nested_loops():
    def f(x):
        h = ad.zeros(3)
        for t in range(40):
            for _ in range(10):
                h = ad.tanh(h * 0.9 + x[t]) + 0.1 * ad.cos(h)
            h = h * ad.sum(h)
        return h

    compare(f, X, rolled=[(10, 7)] * 40 + [(40, 5)], rtol=1e-9)


def test_small_loops_within_others_stay_written_out():
    def f(x, c):
        h = ad.zeros(3)
        for row in x:
            p = 0.0
            for k in range(8):
                p = p * h + c[k]
            h = ad.tanh(p + row)
        return h

    compare(f, X, RNG.normal(size=8), rolled=[(40, 27)])


def test_loops_over_a_matrix():
    def f(a):
        h = 1.0
        for i in range(12):
            for j in range(16):
                h = ad.sin(h + a[i, j]) * ad.cos(a[i, j])
        return h

    compare(f, RNG.normal(size=(12, 16)), rolled=[(16, 6)] * 12 + [(12, 5)])


def test_no_more_kernels_for_more_steps():
    def f(x):
        h, total = ad.zeros(3), 0.0
        for t in range(len(x)):
            h = ad.tanh(h @ W + x[t])
            total = total + ad.sum(h * h)
        return total

    counts = []
    for steps in (50, 400):
        compiled = ad.compile(ad.value_and_grad(f))
        compiled(RNG.normal(size=(steps, 3)))
        report = compiled.report()
        assert report.rolled == (Rolled(steps, 9),)
        assert f"rolled up: {steps} repetitions of 9 operations" in str(report)
        counts.append((report.kernels, report.operations))
    assert counts[0] == counts[1]


def test_work_grows_with_the_steps_only(monkeypatch):
    asked = []
    holds = relations.Stretch.holds
    monkeypatch.setattr(relations.Stretch, "holds", lambda *a: asked.append(None) or holds(*a))
    counts = []
    for steps in (100, 200, 400):
        asked.clear()
        ad.compile(recurrent).trace(RNG.normal(size=(steps, 3)))
        counts.append(len(asked))
    assert counts[0] > 0
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


@pytest.mark.parametrize(
    "f",
    [
        ad.hessian,
        lambda f: ad.jacfwd(ad.grad(f)),
        lambda f: ad.grad(lambda x: ad.sum(ad.grad(f)(x))),
    ],
    ids=["hessian", "forward-reverse", "reverse-reverse"],
)
def test_second_order(f):
    g = f(lambda x: ad.sum(recurrent(x)))
    got, loops = run(g, (X,))
    assert loops
    want = run(g, (X,), native="never", roll_loops=False)[0]
    np.testing.assert_allclose(got[0], want[0], rtol=1e-9, atol=1e-12)


def test_jacobians_and_batches():
    for g, args in (
        (ad.jacrev(recurrent), (X,)),
        (ad.jacfwd(recurrent), (X,)),
        (ad.vmap(recurrent), (np.stack([X, -X]),)),
        (ad.vmap(ad.grad(lambda x: ad.sum(recurrent(x)))), (np.stack([X, -X]),)),
        (lambda x, v: ad.jvp(recurrent, (x,), (v,)), (X, X + 1)),
        (lambda x, v: ad.vjp(recurrent, x)[1](v), (X, X[0])),
    ):
        got, loops = run(g, args)
        assert loops
        want = run(g, args, native="never", roll_loops=False)[0]
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_a_loop_in_a_step_of_a_scan():
    def f(x):
        return ad.scan(lambda h, row: (recurrent(ad.zeros((40, 3)) + h + row), None), x[0], x)[0]

    compare(f, X, rolled=[(40, 6)])


def test_beside_the_result():
    def f(x):
        h, path = ad.zeros(3), []
        for t in range(40):
            h = ad.tanh(h * 0.5 + x[t]) * ad.cos(h)
            path.append(ad.sum(h))
        return ad.sum(h), {"path": ad.stack(path), "last": h}

    g = ad.value_and_grad(f, has_aux=True)
    got, loops = run(g, (X,))
    assert loops == (Rolled(40, 7),)
    for a, b in zip(got, run(g, (X,), roll_loops=False)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_the_last_repetition_may_lack_what_nobody_reads():
    def f(x):
        h, v = x[0], x[1]
        for t in range(40):
            h, v = h + 0.1 * ad.sin(v) * ad.exp(-ad.abs(v)) + 0.5 * x[t], v - 0.1 * ad.sin(h)
        return h

    compare(f, X, rolled=[(40, 13)])


def test_few_operations_stay_as_they_are():
    def f(x):
        h = ad.zeros(3)
        for t in range(10):
            h = ad.tanh(h + x[t])
        return h

    assert run(f, (X,))[1] == ()


def test_large_elementwise_work_stays_one_pass():
    def f(a):
        y = a
        for _ in range(100):
            y = (y + a / y) / 2
        return y

    large = np.ones(worth.LARGE // 8)
    assert run(f, (large,), native="never")[1] == ()
    assert run(f, (large[:100],), native="never")[1] == (Rolled(100, 3),)


def test_donated_memory_is_used():
    compiled = ad.compile(lambda x: x * 0.5 + recurrent(x), donate=0)
    want = np.asarray(ad.compile(lambda x: x * 0.5 + recurrent(x))(X))
    given = ad.asarray(X.copy())
    np.testing.assert_array_equal(np.asarray(compiled(given)), want)
    with pytest.raises(ad.errors.DonatedError):
        given.numpy()


def test_threads_roll_up_their_own_loops():
    def f(x):
        h = x[0]
        for t in range(40):
            h = ad.tanh(h * 0.5 + x[t]) * ad.cos(h)
            time.sleep(0)  # let the others go on
        return h

    def work(number):
        compiled = ad.compile(ad.jacrev(f))
        return np.asarray(compiled(X * number)), compiled.report().rolled

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(8)))
    for number, (got, loops) in enumerate(found):
        assert loops[0] == Rolled(40, 6)
        np.testing.assert_allclose(
            got, np.asarray(ad.jacrev(f)(X * number)), rtol=1e-12, atol=1e-13
        )
    assert node.recorded is None


def test_long_chains_do_not_recurse():
    def f(x):
        h = x
        for k in range(400):
            h = (ad.abs if k % 7 == k % 3 else ad.square)(h * 0.1) - x * (0.1 + k)
        return ad.reshape(h, (2, 2)) + 1.0

    x = np.full(4, 0.3)
    got, _ = run(f, (x,), roll_loops=False)
    np.testing.assert_allclose(got[0], run(f, (x,), native="never")[0][0], rtol=1e-9)


@pytest.mark.parametrize("chosen", [0.0, 2.0])
@pytest.mark.parametrize("derive", [ad.grad, ad.jacfwd, ad.jacrev])
def test_structural_zeros_stay(derive, chosen):
    taken = np.ones(50, bool)
    taken[30] = False

    def f(h):
        for t in range(50):
            h = ad.where(taken[t], ad.sqrt(h) * (h + 1.0), chosen)
        return ad.sum(h)

    def g(h):
        def step(h, c):
            return ad.where(c, ad.sqrt(h) * (h + 1.0), chosen), None

        return ad.sum(ad.scan(step, h, taken)[0])

    x = np.array([0.0, 0.5])
    got, loops = run(derive(f), (x,))
    assert loops == (Rolled(50, 4),)
    np.testing.assert_array_equal(got[0], [0.0, 0.0])
    np.testing.assert_array_equal(np.asarray(derive(g)(x)), [0.0, 0.0])


def test_kinks_at_order_two_stay():
    def f(x):
        h = x
        for _ in range(60):
            h = ad.abs(h) * 0.9 + ad.sin(h) * 0.01 - 0.05
        return ad.sum(h * h)

    x = np.array([0.0, 1.0])
    with pytest.warns(ad.errors.KinkWarning):
        (got,), _ = run(ad.hessian(f), (x,), native="never")
    with pytest.warns(ad.errors.KinkWarning):
        (want,), _ = run(ad.hessian(f), (x,), native="never", roll_loops=False)
    assert np.isnan(got[0, 0])
    np.testing.assert_array_equal(got, want)
    assert run(ad.grad(f), (x,))[1] == (Rolled(60, 6),)
