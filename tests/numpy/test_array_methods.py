"""Methods that tensors have in common with NumPy's arrays."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]])

RETURNING = {
    "argpartition": lambda x: x.argpartition(0, axis=1)[:, 0],
    "choose": lambda x: (x > 1).astype(int).choose([10.0, 20.0]),
    "compress": lambda x: x.compress([True, False, True], axis=1),
    "compress, flat": lambda x: x.compress([False, True]),
    "searchsorted": lambda x: x[0, [1, 2, 0]].searchsorted([1.5, 2.0], side="right"),
    "searchsorted, sorter": lambda x: x[0].searchsorted(2.0, sorter=[1, 2, 0]),
    "tobytes": lambda x: np.frombuffer(x.tobytes()),
}
IN_PLACE = {
    "put": lambda x: x.put([0, -1], [7.0, 8.0]),
    "put, wrapped": lambda x: x.put([6, 7], 1.0, mode="wrap"),
    "partition": lambda x: x.partition((0, 1, 2), axis=1),
}


@pytest.mark.parametrize("name", RETURNING)
def test_methods_return_what_numpy_s_do(name):
    call = RETURNING[name]
    np.testing.assert_array_equal(np.asarray(call(ad.asarray(X))), call(X))


@pytest.mark.parametrize("name", IN_PLACE)
def test_methods_write_what_numpy_s_do(name):
    call = IN_PLACE[name]
    expected, found = X.copy(), ad.asarray(X)
    row = found[1]
    assert call(found) is call(expected) is None
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(row, expected[1])


def test_methods_are_differentiated():
    def g(x):
        y = x * 1.0
        y.put([0, 4], x[1, :2] ** 2)
        return (y.compress([True, True], axis=0) ** 2).sum()

    slope = np.zeros_like(X)
    for i in np.ndindex(X.shape):
        h = np.zeros_like(X)
        h[i] = 1e-6
        slope[i] = (g(X + h) - g(X - h)) / 2e-6
    np.testing.assert_allclose(ad.grad(g)(X), slope, rtol=1e-7, atol=1e-7)
