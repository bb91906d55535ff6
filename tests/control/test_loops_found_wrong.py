"""What was once wrong with loops and branches, each as the kind of fault that it was."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.ops.control.packing import layout_of, unpack

DOUBLE = np.dtype(np.float64)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.bool_])
def test_a_part_that_a_program_returns_is_copied_at_every_stage(dtype):
    layout = layout_of([((2, 2), DOUBLE), ((3,), np.dtype(dtype))])
    part = np.array([1, 0, 1]).astype(dtype)
    packed = layout.empty()
    layout.write(packed, 1, part)
    f = ad.compile(lambda p: (unpack(p, layout, 1), p[0]))
    for _ in range(6):  # from Python at first, then in native code
        found = np.asarray(f(packed)[0])
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, part)


def test_results_that_are_looked_at_one_after_the_other_natively():
    with ad.options(native="always"):
        for given in (np.int64(5), 2.0, np.arange(3.0)):
            state, ys = ad.scan(lambda c, _, y=given: (c * 2, y), np.ones(2), length=3)
            np.testing.assert_array_equal(np.asarray(state), [8.0, 8.0])
            np.testing.assert_array_equal(np.asarray(ys), np.stack([given] * 3))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_that_reads_nothing(compiled):
    def f(x):
        return ad.map(lambda row: np.ones(2), x), ad.scan(lambda c, _: (c, 1.5), (), length=2)[1]

    found = (ad.compile(f) if compiled else f)(np.zeros(3))
    np.testing.assert_array_equal(np.asarray(found[0]), np.ones((3, 2)))
    np.testing.assert_array_equal(np.asarray(found[1]), [1.5, 1.5])


def test_steps_back_through_loops_in_loops_are_closed_graphs():
    """What a step back read of an inner loop was once an input of it and the inner loop too."""

    def f(x):
        def step(s, _):
            a, b = ad.scan(lambda s, _: ((ad.sin(s[0]), s[1] * 2), None), (s, s[0]), length=2)[0]
            return ad.cos(a) * ad.max(a) + ad.sum(b), None

        return ad.sum(ad.scan(step, x, length=3)[0] ** 2)

    x = np.linspace(0.3, 1.0, 6).reshape(2, 3)
    twice = ad.grad(lambda x: ad.sum(ad.grad(f)(x) * np.cos(x)))
    np.testing.assert_allclose(np.asarray(ad.compile(twice)(x)), np.asarray(twice(x)), rtol=1e-9)


@pytest.mark.parametrize("how", [{}, {"unroll": 2}, {"memory": 16}])
def test_no_steps_in_a_compiled_function(how):
    def f(x):
        state, ys = ad.scan(lambda c, x: (c * x, c + x), x, np.ones((0, 2)), **how)
        return state, ys, ad.grad(lambda x: ad.sum(ad.fori_loop(3, 3, lambda i, v: v * i, x)))(x)

    for g in (f, ad.compile(f)):
        state, ys, slope = g(np.array([2.0, 3.0]))
        assert np.asarray(state).tolist() == [2.0, 3.0] and ys.shape == (0, 2)
        assert np.asarray(slope).tolist() == [1.0, 1.0]
