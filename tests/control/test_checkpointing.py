"""Scans with a budget: the same numbers, few states, and not many more steps than the optimum."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import fresh_variable
from adjoint.ops.control.checkpointing import MOST_LEVELS, block_size, kept, levels_for
from adjoint.passes.pipeline import optimise
from tests.sampling import in_turn

RNG = np.random.default_rng(8)
STATE = 2 * 8
"""Bytes of the state of `step`."""


def step(c, x):
    c = ad.tanh(c * x + ad.flip(c, 0) * 0.5)
    return c, ad.sum(c) * x


def states(levels, length):
    """The smallest number of states for which so many levels are chosen; None if none is."""
    return next((s for s in range(1, length + 1) if levels_for(length, s) == levels), None)


def test_levels_follow_from_the_states_that_may_be_kept():
    assert [levels_for(1_000_000, s) for s in (10**6, 2000, 1999, 300, 125)] == [1, 2, 3, 3, 4]
    assert levels_for(1_000_000, 1) == MOST_LEVELS
    for length in (1, 2, 3, 10, 1000, 10**6, 10**9):
        for levels in range(1, MOST_LEVELS + 1):
            assert 1 <= block_size(length, levels) <= length
            assert kept(length, levels) <= max(length, levels * (length ** (1 / levels) + 2))
        for s in (2, 30, 500, length):
            levels = levels_for(length, s)
            assert kept(length, levels) <= s or kept(length, levels) == min(
                kept(length, n) for n in range(1, MOST_LEVELS + 1)
            )


@pytest.mark.parametrize(
    ("reverse", "length", "compiled", "levels"),
    in_turn([False, True], [53, 64], [False, True], [2, 3, 4]),
)
def test_derivatives(reverse, length, compiled, levels):
    xs, c, v = RNG.normal(size=(length, 2)), RNG.normal(size=2), RNG.normal(size=2)
    memory = states(levels, length) * STATE

    def loss(c, xs, memory):
        last, ys = ad.scan(step, c, xs, reverse=reverse, memory=memory)
        return ad.sum(last**2) + ad.sum(ys**2)

    def results(memory):
        def both(c, xs):
            def of_c(c):
                return loss(c, xs, memory)

            value, slopes = ad.value_and_grad(lambda c, xs: loss(c, xs, memory), (0, 1))(c, xs)
            tangent = ad.jvp(lambda xs: loss(c, xs, memory), (xs,), (xs * 0.5,))[1]
            return value, *slopes, tangent, ad.hvp(of_c, (c,), (v,))

        found = (ad.compile(both) if compiled else both)(c, xs)
        return [np.asarray(x) for x in found]

    for found, wanted in zip(results(memory), results(None), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def test_under_vmap_and_around_it():
    xs, cs = RNG.normal(size=(41, 2)), RNG.normal(size=(3, 2))
    memory = states(3, 41) * STATE

    def slope(memory):
        return ad.grad(lambda c: ad.sum(ad.scan(step, c, xs, memory=memory)[0]))

    found, wanted = (np.asarray(ad.vmap(slope(m))(cs)) for m in (memory, None))
    np.testing.assert_allclose(found, wanted, rtol=1e-11)
    found, wanted = (np.asarray(ad.jacobian(slope(m))(cs[0])) for m in (memory, None))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5])
def test_few_steps(length):
    xs = RNG.normal(size=(length, 2))

    def slope(memory):
        f = ad.grad(lambda c: ad.sum(ad.scan(step, c, xs, memory=memory)[0]))
        return np.asarray(f(np.ones(2)))

    np.testing.assert_allclose(slope(1), slope(None), rtol=1e-12)
    assert ad.scan(step, np.ones(2), xs, memory=1)[1].shape == (length, 2)


def test_with_steps_written_out_and_states_of_several_parts():
    def of(c, x):
        a, n = c
        return (ad.tanh(a + x), n + 1), None

    def slope(memory, unroll=1):
        def last(a):
            return ad.sum(
                ad.scan(of, (a, 0), np.linspace(0, 1, 47), memory=memory, unroll=unroll)[0][0]
            )

        return np.asarray(ad.grad(last)(np.ones(3)))

    np.testing.assert_allclose(slope(13 * 32), slope(None), rtol=1e-12)
    np.testing.assert_allclose(slope(8 * 32, unroll=3), slope(None), rtol=1e-12)


def steps_taken(length, memory):
    """How many steps forward the gradient of a loop takes: how often its sine is computed."""
    start = fresh_variable((1,), np.dtype("f8"))

    def last(y):
        def grow(y, _):
            return y + ad.sin(y), None

        return ad.sum(ad.scan(grow, y, length=length, memory=memory)[0])

    slope = ad.grad(last)(start)
    graph = optimise([slope.node], [start.node])

    def count(nodes, ends):
        order = topological_order(nodes, lambda n: () if n in ends else n.inputs)
        own = sum(x.op.name == "sin" for x in order)
        held = [(x.op.rounds(x), g) for x in order if x not in ends for g in x.op.graphs(x)]
        return own + sum(rounds * count(g.outputs, set(g.inputs)) for rounds, g in held)

    return count(graph, {start.node})


def binomial_optimum(length, states):
    """The fewest steps forward with so many states (Griewank and Walther, 2000, section 2)."""
    again = 0
    while comb(states + again, again) < length:
        again += 1
    return again * length - comb(states + again, again - 1) if again else 0


@pytest.mark.parametrize(
    ("length", "room"),
    [
        (1000, 1000),
        (1000, 100),
        (1000, 50),
        (10_000, 200),
        (10_000, 64),
        (10_000, 50),
        (10**6, 300),
    ],
)
def test_the_number_of_steps_taken(length, room):
    levels = levels_for(length, room)
    taken = steps_taken(length, room * 8)
    assert (levels - 1) * length < taken <= levels * length
    if levels > 1:
        assert taken <= 1.6 * binomial_optimum(length, room)
