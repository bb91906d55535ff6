"""Loops as operations against the same loops written out, in every mode and engine."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

RNG = np.random.default_rng(20)
W, U = RNG.normal(size=(4, 4)) / 2, RNG.normal(size=(3, 4))
X, H = RNG.normal(size=(6, 2, 3)), RNG.normal(size=(2, 4))


def network(scan, w, u, x, h):
    """A recurrent network whose last state and outputs count."""

    def step(h, row):
        h = ad.tanh(h @ w + row @ u)
        return h, ad.sum(h * h)

    h, ys = scan(step, h, x)
    return ad.sum(h) + ad.sum(ad.sin(ys))


def written_out(step, state, xs, length=None, reverse=False, **_):
    """What `scan` means."""
    count = len(xs) if length is None else length
    ys = [None] * count
    for t in reversed(range(count)) if reverse else range(count):
        state, ys[t] = step(state, None if xs is None else xs[t])
    return state, ad.stack(ys)


def both(f):
    """f with the loop as one operation, and with it written out."""
    return (lambda *a: f(ad.scan, *a)), (lambda *a: f(written_out, *a))


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("number", range(4))
def test_gradients(number, compiled):
    looped, plain = both(network)
    got = ad.grad(looped, number)
    got = ad.compile(got) if compiled else got
    same(got(W, U, X, H), ad.grad(plain, number)(W, U, X, H))


@pytest.mark.parametrize(
    "derive",
    [
        ad.hessian,
        lambda f: ad.jacfwd(ad.grad(f)),
        lambda f: ad.jacrev(ad.jacfwd(f)),
        lambda f: ad.grad(lambda x: ad.sum(ad.grad(f)(x) ** 2)),
        lambda f: ad.grad(lambda x: ad.jvp(f, (x,), (ad.cos(x),))[1]),
    ],
    ids=["hessian", "forward-reverse", "reverse-forward", "reverse-reverse", "reverse of jvp"],
)
@pytest.mark.parametrize("argument", [0, 2, 3])
def test_second_order(derive, argument):
    looped, plain = both(network)
    given = [W, U, X, H]

    def of(f):
        def flat(v):
            args = list(given)
            args[argument] = ad.reshape(v, given[argument].shape)
            return f(*args)

        return flat

    v = given[argument].ravel()
    same(derive(of(looped))(v), derive(of(plain))(v), rtol=1e-9)


def test_batches():
    looped, plain = both(network)
    hs = np.stack([H, 2 * H, -H])
    mapped = ad.vmap(ad.grad(looped, 3), (None, None, None, 0))(W, U, X, hs)
    same(mapped, np.stack([np.asarray(ad.grad(plain, 3)(W, U, X, h)) for h in hs]))
    xs = np.stack([X, X + 1, -X])
    mapped = ad.vmap(ad.grad(looped), (None, None, 0, None))(W, U, xs, H)
    same(mapped, np.stack([np.asarray(ad.grad(plain)(W, U, x, H)) for x in xs]))
    whole = ad.grad(lambda w: ad.sum(ad.vmap(lambda x: looped(w, U, x, H))(xs)))(W)
    same(whole, ad.sum(mapped, axis=0))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("how", [{}, {"unroll": 2}, {"unroll": 4}, {"memory": 64}])
def test_ways_to_run(how, reverse):
    def f(scan, x, h):
        def step(h, row):
            return ad.sin(h + row), h * row

        h, ys = scan(step, h, x, reverse=reverse, **how)
        return ad.sum(h * h) + ad.sum(ys * ys)

    looped, plain = both(f)
    x, h = RNG.normal(size=(7, 3)), RNG.normal(size=3)
    for number in range(2):
        same(ad.grad(looped, number)(x, h), ad.grad(plain, number)(x, h))


@pytest.mark.parametrize("steps", [0, 1])
def test_few_steps(steps):
    def f(h):
        h, ys = ad.scan(lambda h, x: (h * x, h), h, np.full((steps, 2), 3.0))
        return ad.sum(h) + ad.sum(ys)

    same(ad.grad(f)(np.ones(2)), np.full(2, 4.0 if steps else 1.0))
    same(ad.compile(ad.grad(f))(np.ones(2)), np.full(2, 4.0 if steps else 1.0))


def test_loops_within_loops_and_branches():
    def f(scan, x):
        def inner(s, v):
            s = ad.cond(ad.sum(s) > 0, lambda s: ad.sin(s) * v, lambda s: s + v, s)
            return s, s * v

        def outer(s, row):
            s, ys = scan(inner, s, row)
            return s, ad.sum(ys)

        s, ys = scan(outer, ad.zeros(2) + 0.1, x)
        return ad.sum(s) + ad.sum(ys)

    looped, plain = both(f)
    x = RNG.normal(size=(3, 4))
    same(ad.grad(looped)(x), ad.grad(plain)(x))
    same(ad.compile(ad.grad(looped))(x), ad.grad(plain)(x))
    same(ad.hessian(looped)(x[:2]), ad.hessian(plain)(x[:2]), rtol=1e-9)


def test_states_of_several_dtypes():
    def step(state, x):
        count, single, double = state
        return (count + 1, single * 2, double * ad.astype(single, "float64") + x), count

    def f(single, double):
        state, counts = ad.scan(step, (0, single, double), np.arange(4.0))
        assert state[0].dtype == np.int64 and counts.dtype == np.int64
        assert state[1].dtype == np.float32 and state[2].dtype == np.float64
        return state[2] + ad.astype(state[1], "float64") * state[0]

    def by_hand(single, double):
        count = 0
        for x in range(4):
            count, double, single = count + 1, double * single + x, single * 2
        return double + single * count

    single, double = ad.asarray(np.float32(0.5)), 3.0
    got = ad.value_and_grad(f, (0, 1))(single, double)
    want = ad.value_and_grad(by_hand, (0, 1))(0.5, double)
    same(got[0], want[0], 1e-6)
    same(got[1][0], want[1][0], 1e-6)
    same(got[1][1], want[1][1], 1e-6)


def test_while_loops_in_every_mode():
    def root(a):
        return ad.while_loop(lambda x: abs(x * x - a) > 1e-13, lambda x: (x + a / x) / 2, 1.5 * a)

    a = 3.0
    same(root(a), np.sqrt(a))
    for f in (ad.grad(root), ad.jacfwd(root), ad.compile(ad.grad(root))):
        same(f(a), 0.5 / np.sqrt(a), 1e-9)
    for f in (
        ad.hessian(root),
        ad.grad(ad.grad(root)),
        ad.jacfwd(ad.jacfwd(root)),
        ad.compile(ad.grad(ad.grad(root))),
    ):
        same(f(a), -0.25 * a**-1.5, 1e-7)
    same(ad.grad(ad.grad(ad.grad(root)))(a), 0.375 * a**-2.5, 1e-5)
    many = np.array([2.0, 30.0, 400.0])
    same(ad.vmap(root)(many), np.sqrt(many))
    same(ad.vmap(ad.grad(root))(many), 0.5 / np.sqrt(many), 1e-8)
    same(ad.grad(lambda x: ad.sum(ad.vmap(root)(x)))(many), 0.5 / np.sqrt(many), 1e-8)


def test_while_loops_keep_few_states():
    kept = []

    def value(x, memory):
        return ad.while_loop(
            lambda s: s[0] < 1000, lambda s: (s[0] + 1, s[1] * x), (0, 1.0), memory=memory
        )[1]

    from adjoint.ops.control.while_adjoint import History

    before = History.backwards

    def counting(self):
        kept.append(len(self.kept))
        return before(self)

    History.backwards = counting
    try:
        with ad.options(native="never"):
            got = [float(ad.grad(lambda x, m=m: value(x, m))(1.001)) for m in (1 << 20, 160)]
    finally:
        History.backwards = before
    assert kept[0] == 1000 and kept[1] <= 11
    assert got[0] == got[1]
    same(got[0], 1000 * 1.001**999, 1e-9)


def test_a_loop_whose_value_is_wanted_with_its_gradient_runs_once(monkeypatch):
    from adjoint.ops.control import scan

    runs = []
    run = scan.run_loop
    monkeypatch.setattr(scan, "run_loop", lambda *a: runs.append(a) or run(*a))
    looped, _ = both(network)
    value, slope = ad.value_and_grad(looped)(W, U, X, H)
    ad.evaluate((value, slope))
    assert len(runs) == 2  # forward and back


def test_what_does_not_change_is_computed_before_the_loop():
    seen = []

    def f(w, x):
        def step(h, row):
            seen.append(h)
            return ad.tanh(h + row @ w), None

        return ad.sum(ad.scan(step, ad.zeros(4), x)[0])

    out = f(ad.asarray(U), ad.asarray(X[:, 0]))
    order = ad.topological_order(out)
    assert [t.node.op.name for t in order].count("matmul") == 1  # of all rows, outside
    assert len(seen) == 1


def test_associative_scan():
    x = RNG.normal(size=(7, 2, 2))
    got = ad.associative_scan(ad.matmul, x)
    want = [x[0]]
    for a in x[1:]:
        want.append(want[-1] @ a)
    same(got, np.stack(want))
    for n in range(1, 9):
        v = RNG.normal(size=(2, n))
        same(ad.associative_scan(ad.add, v, axis=1), np.cumsum(v, 1))
        backwards = ad.associative_scan(ad.add, v, axis=-1, reverse=True)
        same(backwards, np.cumsum(v[:, ::-1], 1)[:, ::-1])
    pair = (np.array([0.5, 0.2, 0.1]), np.array([1.0, 2.0, 3.0]))

    def compose(a, b):
        return a[0] * b[0], a[1] * b[0] + b[1]

    same(ad.associative_scan(compose, pair)[1], [1.0, 2.2, 3.22])


def test_checkpoint_has_the_same_derivatives():
    def f(x):
        return ad.sum(ad.exp(ad.sin(x)) * x)

    x = RNG.normal(size=5)
    g = ad.checkpoint(f)
    same(ad.grad(g)(x), ad.grad(f)(x))
    same(ad.hessian(g)(x), ad.hessian(f)(x))
    same(ad.compile(ad.grad(g))(x), ad.grad(f)(x))
    same(ad.vmap(ad.grad(g))(np.stack([x, 2 * x]))[1], ad.grad(f)(2 * x))


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
def test_what_is_zero_by_construction_meets_no_infinity(wrap):
    def last(x):  # of the ys only one counts
        return ad.scan(lambda h, x: (h, ad.sqrt(x)), 0.0, x)[1][-1]

    same(wrap(ad.grad(last))(np.array([0.0, 0.0, 4.0])), [0, 0, 0.25])

    def second(x):  # of the state only one element
        return ad.scan(lambda h, _: (ad.sqrt(h), None), x, length=2)[0][1]

    same(wrap(ad.grad(second))(np.array([0.0, 16.0])), [0, 0.25 * 16**-0.75])

    def late(b):  # a part of the state whose last value does not count
        return ad.scan(lambda s, _: ((s[0] + s[1], ad.sqrt(s[1])), None), (0.0, b), length=1)[0][0]

    same(wrap(ad.grad(late))(0.0), 1.0)

    def while_late(b):
        def step(s):
            return s[0] + s[1], ad.sqrt(s[1]), s[2] + 1

        return ad.while_loop(lambda s: s[2] < 1, step, (0.0, b, 0))[0]

    same(wrap(ad.grad(while_late))(0.0), 1.0)
