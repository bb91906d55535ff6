"""Assigning to items: what counts where places repeat, derivatives, dtypes, errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adjoint as ad
from adjoint.errors import (
    ConcretizationError,
    DTypeError,
)

pytestmark = pytest.mark.unit


def test_of_two_values_for_one_element_only_the_last_counts():
    def f(v):
        return ad.setitem(ad.zeros(3), [0, 0, 2], v)

    assert_array_equal(f(np.array([1.0, 2.0, 3.0])), [2, 0, 3])
    assert_array_equal(ad.jacrev(f)(np.ones(3)), [[0, 1, 0], [0, 0, 0], [0, 0, 1]])
    assert_array_equal(ad.jacfwd(f)(np.ones(3)), [[0, 1, 0], [0, 0, 0], [0, 0, 1]])

    def g(v):
        return ad.setitem(ad.zeros((2, 3)), (slice(None), [1, 1]), v)

    assert_array_equal(g(np.array([1.0, 2.0])), [[0, 2, 0], [0, 2, 0]])
    assert_array_equal(ad.grad(lambda v: ad.sum(g(v)))(np.ones(2)), [0, 2])


def test_the_adjoint_of_the_old_value_is_zero_where_it_was_overwritten():
    def f(x):
        t = x * 1.0
        t[1] = t[0] * 5
        t[2:] += 1
        return t

    assert_array_equal(
        ad.jacrev(f)(np.ones(4)), [[1, 0, 0, 0], [5, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )


def test_a_program_that_fills_a_tensor_in_a_loop_is_differentiated():
    def powers(x):
        t = ad.zeros(5)
        t[0] = 1.0
        for i in range(1, 5):
            t[i] = t[i - 1] * x
        return t

    assert_array_equal(powers(2.0), [1, 2, 4, 8, 16])
    assert_array_equal(ad.jacfwd(powers)(2.0), [0, 1, 4, 12, 32])
    assert_array_equal(ad.jacrev(powers)(2.0), [0, 1, 4, 12, 32])


def test_a_mask_and_one_value_need_no_value_of_the_mask():
    relu = ad.vmap(lambda x: ad.setitem(x, x < 0, 0.0))
    assert_array_equal(relu(np.array([[-1.0, 2.0], [3.0, -4.0]])), [[0, 2], [3, 0]])
    rows = ad.setitem(ad.zeros((3, 2)), np.array([True, False, True]), np.array([1.0, 2.0]))
    assert_array_equal(rows, [[1, 2], [0, 0], [1, 2]])
    with pytest.raises(ConcretizationError, match=r"adjoint\.where"):
        ad.vmap(lambda x: x[x < 0])(np.ones((2, 3)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", "int64", "bool"])
def test_dtypes_are_kept(dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    for index in (1, [1, 0], (slice(None), [0, 0]), x.astype(bool)):
        assert ad.asarray(x)[index].dtype == dtype
        assert_array_equal(ad.asarray(x)[index], x[index])
        assert ad.setitem(x, index, False).dtype == dtype


def test_sums_of_a_transposed_gather_in_every_dtype():
    index = np.array([0, 2, 2, 2])
    for dtype in ("int64", "float32", "float64", "complex64", "complex128"):
        for width in ((), (3,)):
            x = (np.arange(4 * (3 if width else 1)).reshape(4, *width) + 1).astype(dtype)
            x = x * (1 + 2j) if x.dtype.kind == "c" else x
            expected = np.zeros((3, *width), x.dtype)
            np.add.at(expected, index, x)
            got = ad.index_add(ad.asarray(np.zeros_like(expected)), index, x)
            assert got.dtype == expected.dtype
            assert_array_equal(got, expected)


def test_assigning_a_value_that_does_not_fit_is_an_error():
    with pytest.raises(DTypeError, match="without loss"):
        ad.setitem(ad.asarray([1, 2]), 0, 0.5)
    with pytest.raises(DTypeError, match="without loss"):
        ad.setitem(ad.asarray([1.0, 2.0]), 0, 1j)
