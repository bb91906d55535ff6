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
