"""Stacked results of a scan that are its own slices are the xs: nothing is stored again."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order

pytestmark = pytest.mark.native

RNG = np.random.default_rng(11)


def stacked_results(compiled) -> list[int]:
    """How many results each of the scans of a program has."""
    nodes = topological_order(compiled._last().optimised)
    loops = [x.params[0] for x in nodes if x.op.name == "scan"]
    return [len(loop.body.outputs) - loop.state for loop in loops]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_slice_or_its_reshape_is_not_stacked(reverse):
    def f(xs, start):
        def step(c, x):
            c = ad.tanh(c + ad.sum(x, 0))
            return c, (x, ad.reshape(x, (3, 2)), c)

        last, (same, turned, states) = ad.scan(step, start, xs, reverse=reverse)
        return last, same * 1.0, turned + 0.0, states

    xs, start = RNG.normal(size=(5, 2, 3)), RNG.normal(size=3)
    compiled = ad.compile(f)
    _, same, turned, states = compiled(xs, start)
    np.testing.assert_array_equal(same, xs)
    np.testing.assert_array_equal(turned, xs.reshape(5, 3, 2))
    np.testing.assert_allclose(states, f(xs, start)[3], rtol=1e-14)
    assert stacked_results(compiled) == [1]


def test_a_state_that_happens_to_be_a_slice_is_not_the_xs():
    def f(xs):
        return ad.scan(lambda c, x: (x, c), ad.zeros(2), xs)

    xs = RNG.normal(size=(4, 2))
    last, before = ad.compile(f)(xs)
    np.testing.assert_array_equal(last, xs[-1])
    np.testing.assert_array_equal(before, [np.zeros(2), *xs[:-1]])


def test_the_way_back_of_a_product_stacks_one_factor():
    """The state before each step is stacked by the loop forwards, and read from there."""

    def loss(w, xs):
        step = lambda h, x: (ad.tanh(h @ w + x), None)
        return ad.sum(ad.scan(step, ad.zeros((40, 16)), xs)[0] ** 2)

    w, xs = RNG.normal(size=(16, 16)) / 4, RNG.normal(size=(6, 40, 16))
    compiled = ad.compile(ad.grad(loss))
    found = compiled(w, xs)
    assert stacked_results(compiled)[-1] == 1
    step = 1e-6 * RNG.normal(size=w.shape)
    difference = (loss(w + step, xs) - loss(w - step, xs)) / 2
    assert float(ad.sum(found * step)) == pytest.approx(float(difference), rel=1e-6)


def test_slices_that_are_the_same_in_every_step_are_constants():
    """Such are the adjoints of a sum over steps, and of a mean."""

    def f(start, weights):
        def step(c, row):
            c = ad.sin(c * 2.0 + row)
            return c, ad.sum(c)

        last, sums = ad.scan(step, start, ad.broadcast_to(weights, (6, 3)))
        return ad.mean(sums) + ad.sum(last)

    start, weights = RNG.normal(size=(2, 3))
    compiled = ad.compile(ad.value_and_grad(f, (0, 1)))
    value, slopes = compiled(start, weights)
    expected, expected_slopes = ad.value_and_grad(f, (0, 1))(start, weights)
    assert float(value) == pytest.approx(float(expected), rel=1e-13)
    for a, b in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    nodes = topological_order(compiled._last().optimised)
    forward, back = (x.params[0] for x in nodes if x.op.name == "scan")
    assert len(forward.body.inputs) == forward.constants + forward.state == 2
    assert [x.shape for x in back.body.inputs[back.constants + back.state :]] == [(3,)]
