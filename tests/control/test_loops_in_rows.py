"""Loops whose rows do not depend on each other run in chunks of rows, which threads share."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.control.test_loops_run import interrupting

pytestmark = pytest.mark.native

ROWS, STEPS = 1100, 60  # two chunks of 550 rows, and sums that are no multiples of a vector
RNG = np.random.default_rng(3)
START = RNG.uniform(0.4, 1.2, (ROWS, 2))
FORCES = RNG.normal(size=(STEPS, ROWS)) / 50
P = np.array([1.1, 0.4, 0.4, 0.1])


def flow(x, y, a, b, c, d):
    return a * x - b * x * y, d * x * y - c * y


def step(state, p, force=0.0):
    """A step of Heun's rule for predators and prey."""
    x, y = state
    u, v = flow(x, y, *p)
    r, s = flow(x + 0.02 * u, y + 0.02 * v, *p)
    return x + 0.01 * (u + r) + force, y + 0.01 * (v + s)


def of_one(start, p):
    """The last state of one example."""
    state = start[0], start[1]
    return ad.scan(lambda s, _: (step(s, p), None), state, length=STEPS)[0]


def mapped(start, p):
    x, y = ad.vmap(of_one, (0, None))(start, p)
    return ad.sum(x * y)


def mapped_each(start, p):
    x, y = ad.vmap(of_one)(start, ad.outer(1 + 0.1 * start[:, 0], p))
    return ad.sum(x * y)


def with_slices(start, p):
    forces = ad.asarray(FORCES, dtype=start.dtype)

    def along(state, force):
        after = step(state, [p[n] for n in range(4)], force)
        return after, (state[0], ad.stack([after[1], after[0] * force], axis=1))

    state = start[:, 0], start[:, 1]
    last, (before, pairs) = ad.scan(along, state, forces, reverse=True)
    return ad.sum(last[0]) + ad.sum(before * before) + ad.sum(ad.sin(pairs))


def handing_on(start, p):
    """One part of the state is another before; one is passed on as it is, one is added up."""

    def along(state, _):
        x, y, old, same, total = state
        x, y = step((x, y), p)
        return (x, y, state[0], same, total + ad.sum(x * old)), (old, old)

    x, y = start[:, 0], start[:, 1]
    state, (first, second) = ad.scan(along, (x, y, x, y, 0.0), length=STEPS)
    return ad.sum(state[2] * state[3]) + state[4] + ad.sum(first * second)


def with_masks(start, p):
    def along(x, _):
        y = ad.sqrt(x) + 0.01 * p[1] * ad.exp(-x) * ad.cos(x) / (1 + x * x)
        x = ad.where(x > 0.9, x * 0.9 * p[0], y * 0.9 + 0.1 * y * y - 0.01 * p[2] * ad.sin(y))
        return x, x > 0.8

    x, large = ad.scan(along, start[:, 0] * start[:, 1], length=STEPS)
    return ad.sum(x) + ad.sum(ad.where(large, 1.0, 0.0))


FUNCTIONS = {
    "mapped": mapped,
    "each with its own": mapped_each,
    "slices": with_slices,
    "handing on": handing_on,
    "masks": with_masks,
}


def chunked(compiled):
    """How many loops of a compiled function run in chunks of rows, and how many there are."""
    rows = [row.computes for row in compiled.report().rows if row.kind == "scan"]
    return sum("rows in chunks of" in text for text in rows), len(rows)


CASES = [*[(name, "float64") for name in FUNCTIONS], ("masks", "float32")]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_gradients_for_any_number_of_threads(name, kind):
    arguments = START.astype(kind), P.astype(kind)
    slope = ad.value_and_grad(FUNCTIONS[name], argnums=(0, 1))
    compiled = ad.compile(slope)
    found = []
    for threads in (1, 2, 3):
        with ad.options(threads=threads):
            value, slopes = compiled(*arguments)
            found.append([np.asarray(x) for x in (value, *slopes)])
    assert chunked(compiled) == (2, 2)
    for other in found[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(found[0], other, strict=True))
    with ad.options(native="never"):
        value, slopes = slope(*arguments)
    exact = 2e-11 if kind == "float64" else 2e-3
    for got, want in zip(found[0], (value, *slopes), strict=True):
        np.testing.assert_allclose(got, want, rtol=exact, atol=exact * np.abs(want).max())


def test_second_derivatives():
    def total(p):
        return mapped(START[:600], p)

    compiled = ad.compile(ad.hessian(total))
    found = []
    for threads in (1, 2):
        with ad.options(threads=threads):
            found.append(np.asarray(compiled(P)))
    assert np.array_equal(*found)
    with ad.options(native="never"):
        np.testing.assert_allclose(found[0], ad.hessian(total)(P), rtol=1e-9, atol=1e-9)


def test_values_in_all_layouts():
    def run(start, forces):
        state = start[:, 0], start[:, 1]
        return ad.scan(lambda s, f: (step(s, P, f), s[0] - s[1]), state, forces)

    compiled = ad.compile(run)
    want = None
    for start in (START, np.asfortranarray(START), START[::-1].copy()[::-1], START.tolist()):
        for forces in (FORCES, np.asfortranarray(FORCES), np.repeat(FORCES, 2, 1)[:, ::2]):
            (x, y), differences = compiled(np.asarray(start), forces)
            got = [np.asarray(v) for v in (x, y, differences)]
            want = want or got
            assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))
    assert chunked(compiled) == (1, 1)
    x, y = START.T
    for force in FORCES:  # by NumPy
        x, y = step((x, y), P, force)
    np.testing.assert_allclose(want[0], x, rtol=1e-13)
    np.testing.assert_allclose(want[1], y, rtol=1e-13)


def reading(body):
    """Whether a loop with that body for 1,100 rows runs in chunks."""

    def f(x):
        def along(h, _):
            for _ in range(6):  # enough work
                h = ad.sin(h) * 0.9 + 0.01 * h * h
            return body(h), None

        return ad.scan(along, x, length=STEPS)[0]

    compiled = ad.compile(f)
    got = compiled(START[:, 0])
    with ad.options(native="never"):
        np.testing.assert_allclose(got, f(ad.asarray(START[:, 0])), rtol=1e-11)
    return chunked(compiled) == (1, 1)


def test_rows_that_depend_on_each_other_are_not_parted():
    assert reading(lambda h: h * 0.99)
    assert not reading(ad.flip)
    assert not reading(lambda h: ad.roll(h, 1))
    assert not reading(lambda h: h - ad.mean(h))
    assert not reading(lambda h: h + 1e-3 * ad.cumsum(h))
    assert not reading(lambda h: ad.sort(h))
    assert not reading(lambda h: h * h[7])


@pytest.mark.parametrize(("again", "is_parted"), [(1.0, True), (2.0, False)])
def test_a_sum_that_several_parts_of_the_state_add_up(again, is_parted):
    def f(x, first, second):
        def along(state, _):
            x, first, second = state
            for _ in range(6):  # enough work
                x = ad.sin(x) * 0.9 + 0.01 * x * x
            total = ad.sum(x)
            twice = total if again == 1.0 else total + total
            return (x, first + total, second + twice), None

        return ad.scan(along, (x, first, second), length=STEPS)[0]

    compiled = ad.compile(f)
    x, first, second = compiled(START[:, 0], 1.0, 3.0)
    assert (chunked(compiled) == (1, 1)) == is_parted
    y, total = START[:, 0], 0.0
    for _ in range(STEPS):  # by NumPy
        for _ in range(6):
            y = np.sin(y) * 0.9 + 0.01 * y * y
        total += y.sum()
    np.testing.assert_allclose(x, y, rtol=1e-13)
    np.testing.assert_allclose([first, second], [1 + total, 3 + again * total], rtol=1e-13)


def test_an_index_out_of_bounds_is_an_error_and_kept_apart():
    table = np.linspace(0.1, 1.0, 50)

    def f(x, places):
        def along(h, place):
            h = h + ad.asarray(table)[place] * ad.sin(h) * ad.cos(h) + h * h * 0.01 - 0.02 * h
            return h * 0.9 + 0.1 * ad.sin(ad.sin(h)) * ad.cos(h + 1), None

        return ad.scan(along, x, places)[0]

    compiled = ad.compile(f)
    places = np.arange(STEPS * ROWS).reshape(STEPS, ROWS) % 50
    good = np.asarray(compiled(START[:, 0], places))
    bad = places.copy()
    bad[STEPS - 1, ROWS - 1] = 50
    with pytest.raises(IndexError):
        compiled(START[:, 0], bad)
    assert np.array_equal(compiled(START[:, 0], places), good)
    assert chunked(compiled) == (1, 1)


@pytest.mark.parametrize("threads", [1, 2])
def test_interrupts(threads):
    def f(x):
        def along(h, _):
            for _ in range(10):
                h = ad.sin(h) * 0.9 + 0.01 * h * h
            return h, None

        return ad.scan(along, x, length=10**10)[0]

    compiled = ad.compile(f)
    compiled.trace(START[:, 0])
    assert chunked(compiled) == (1, 1)
    with ad.options(threads=threads), interrupting(), pytest.raises(KeyboardInterrupt):
        compiled(START[:, 0])
