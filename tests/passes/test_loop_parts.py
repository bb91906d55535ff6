"""What no step of a loop has to wait for is computed outside of it, with the same results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint as ad
from adjoint.passes.loop_parts import MOST_BYTES, SHORTEST

pytestmark = pytest.mark.native

RNG = np.random.default_rng(5)
T, N = 17, 16
XS, W = RNG.normal(size=(T, N)), RNG.normal(size=(N, N)) * 0.3
S = RNG.normal(size=N)


def loop_of(f: Any) -> str:
    """The line of the schedule that says what a loop computes."""
    (line,) = [line for line in f.text("schedule").splitlines() if "scan, " in line]
    return line.partition("scan, ")[2]


def with_loss(w: Any, s: Any, xs: Any) -> Any:
    """A gate that depends on no state, and a loss that no later step reads."""

    def step(s: Any, x: Any) -> Any:
        s = ad.tanh(s * w[0] + ad.special.expit(x * w[1]))
        return s, ad.log(2.0 + ad.sum(ad.exp(s * w[2])))

    return ad.sum(ad.scan(step, s, xs)[1])


def with_product(w: Any, s: Any, xs: Any) -> Any:
    def step(s: Any, x: Any) -> Any:
        s = ad.sin(s + x)
        return s, (ad.max(s @ w), ad.sum(x))

    s, (a, b) = ad.scan(step, s, xs)
    return ad.sum(a * b) + ad.sum(s)


def backwards(w: Any, s: Any, xs: Any) -> Any:
    def step(s: Any, x: Any) -> Any:
        return ad.cos(s * w[1] - x), (ad.exp(s), s, ad.exp(x[::-1]) * s, ad.where(s > 0, s, -s))

    s, ys = ad.scan(step, s, xs, reverse=True)
    return sum((ad.sum(y * xs) for y in ys), ad.sum(s))


def with_integers(w: Any, s: Any, xs: Any) -> Any:
    def step(s: Any, x: Any) -> Any:
        s = ad.sin(s * w[0] + x)
        return s, (ad.argmax(s), ad.exp(s), ad.sort(ad.exp(s)) @ w)

    s, (n, y, z) = ad.scan(step, s, xs)
    return ad.sum(n * ad.sum(y, axis=1)) + ad.sum(z)


def with_two_states(w: Any, s: Any, xs: Any) -> Any:
    def step(state: Any, x: Any) -> Any:
        s, total = state
        likely = ad.log(ad.sum(ad.exp(x @ w)))
        s = ad.tanh(s + likely)
        return (s, total + ad.sum(s * ad.exp(x))), ad.log1p(ad.exp(total)) * likely

    (s, total), y = ad.scan(step, (s, 0.0), xs)
    return ad.sum(s) * total * 1e-3 + ad.sum(y)


def loop_in_a_loop(w: Any, s: Any, xs: Any) -> Any:
    def step(s: Any, x: Any) -> Any:
        s, y = ad.scan(lambda s, v: (ad.sin(s * v + x), ad.exp(s)), s, w[0] * ad.ones((20, 1)))
        return s, ad.exp(ad.sum(y, axis=0) * 0.1)

    return ad.sum(ad.scan(step, s, xs)[1])


PROGRAMS = (with_loss, with_product, backwards, with_integers, with_two_states, loop_in_a_loop)


def in_python(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` with Python's loop in place of each `scan`."""

    def scan(step: Any, s: Any, xs: Any, reverse: bool = False) -> Any:
        order = range(len(xs))
        ys = []
        for t in reversed(order) if reverse else order:
            s, y = step(s, xs[t])
            ys.append(y)
        ys = ys[::-1] if reverse else ys
        if isinstance(ys[0], tuple):
            return s, tuple(ad.stack(list(parts)) for parts in zip(*ys, strict=True))
        return s, ad.stack(ys)

    def g(*args: Any) -> Any:
        before = ad.scan
        ad.scan = scan
        try:
            return f(*args)
        finally:
            ad.scan = before

    return g


def leaves(x: Any) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(part) for part in (x if isinstance(x, tuple) else (x,))]


def assert_same(found: Any, expected: Any) -> None:
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("f", PROGRAMS)
def test_the_results_are_those_of_a_python_loop(f: Any) -> None:
    plain = in_python(f)
    every = (0, 1, 2)
    with ad.options(native="never"):
        expected = [ad.value_and_grad(plain, argnums=every)(W, S, XS)]
        tangents = (W[::-1], S[::-1], XS[::-1])
        expected.append(ad.jvp(plain, (W, S, XS), tangents))
    value, gradient = ad.compile(ad.value_and_grad(f, argnums=every))(W, S, XS)
    assert_same(value, expected[0][0])
    assert_same(gradient, expected[0][1])
    assert_same(ad.compile(lambda *args: ad.jvp(f, args, tangents))(W, S, XS), expected[1])
    assert_same(ad.compile(f)(W, S, XS), expected[0][0])
    many = np.stack([XS, XS[::-1]])
    found = ad.compile(ad.vmap(f, in_axes=(None, None, 0)))(W, S, many)
    with ad.options(native="never"):
        assert_same(found, np.array([float(plain(W, S, xs)) for xs in many]))


def test_second_derivatives() -> None:
    for f in (with_loss, with_two_states):
        found = ad.compile(ad.hessian(lambda s, f=f: f(W, s, XS)))(S)
        with ad.options(native="never"):
            expected = ad.hessian(lambda s, f=f: in_python(f)(W, s, XS))(S)
        assert_same(found, expected)


def test_loops_compute_only_what_steps_wait_for() -> None:
    f = ad.compile(with_loss)
    f(W, S, XS)
    assert "tanh" in loop_of(f)
    assert not {"exp", "expit", "log", "sum", "max"} & set(loop_of(f).replace(",", " ").split())
    g = ad.compile(with_product)
    g(W, S, XS)
    assert "sin" in loop_of(g) and "max" not in loop_of(g)


def test_forms_that_do_not_overflow_are_found_across_the_cut() -> None:
    def loss(s: Any, xs: Any, scale: Any) -> Any:
        def step(s: Any, x: Any) -> Any:
            large = ad.exp(s * scale)
            return s * 0.5 + x + 0.0 * ad.min(1.0 / large), ad.log(ad.sum(large))

        return ad.scan(step, s, xs)[1]

    found = ad.compile(loss)(S, XS, 2000.0)
    s, expected = S, []
    for x in XS:
        expected.append(scipy.special.logsumexp(s * 2000.0))
        s = s * 0.5 + x
    usual = np.isfinite(np.asarray(found))
    assert usual.any()
    np.testing.assert_allclose(np.asarray(found)[usual], np.array(expected)[usual], rtol=1e-12)

    def plain(s: Any, xs: Any) -> Any:
        step = lambda s, x: (s * 0.5 + x, ad.log(2.0 + ad.sum(ad.exp(s * 2000.0))))
        return ad.scan(step, s, xs)[1]

    with_two = [np.logaddexp(np.log(2.0), e) for e in expected]
    np.testing.assert_allclose(ad.compile(plain)(S, XS), with_two, rtol=1e-12)


def test_what_stays() -> None:
    def step(s: Any, x: Any) -> Any:
        return s * 0.5 + x, ad.exp(s)

    def outputs(s: Any, xs: Any) -> Any:
        return ad.scan(step, s, xs)

    few = XS[: SHORTEST - 1]
    rows = np.zeros((SHORTEST, MOST_BYTES // 8 // SHORTEST + 1))
    for s, xs, stays in ((S, XS, False), (S, few, True), (rows[0], rows, True)):
        f = ad.compile(outputs)
        last, ys = f(s, xs)
        assert ("exp" in loop_of(f)) is stays
        state = s
        for t in range(len(xs)):
            np.testing.assert_allclose(ys[t], np.exp(state), rtol=1e-14)
            state = state * 0.5 + xs[t]
        np.testing.assert_allclose(last, state, rtol=1e-14)
    products = ad.compile(
        lambda s, xs: ad.scan(lambda s, x: (s + x, ad.sum(ad.exp(s[:, None] * s))), s, xs)[1]
    )
    for width, stays in ((N, False), (140, True)):
        small = np.full(width, 0.1)
        ys = products(small, np.full((T, width), 0.01))
        assert ("exp" in loop_of(products)) is stays
        state = 0.1 + 0.01 * np.arange(T)
        np.testing.assert_allclose(ys, width**2 * np.exp(state**2), rtol=1e-12)
    sums = ad.compile(lambda s, xs: ad.scan(lambda s, x: (s + x, s * 2.0), s, xs)[1])
    np.testing.assert_allclose(sums(S, XS), 2 * (S + np.cumsum(XS, 0) - XS), rtol=1e-12)


def test_nan_and_infinity_arrive_where_they_did() -> None:
    f = ad.compile(ad.grad(with_loss, argnums=2))
    xs = XS.copy()
    xs[T // 2, 1], xs[T // 2 + 3, 2] = np.inf, np.nan
    with ad.options(native="never"):
        expected = ad.grad(in_python(with_loss), argnums=2)(W, S, xs)
    np.testing.assert_allclose(f(W, S, xs), expected, rtol=1e-10, atol=1e-12)
