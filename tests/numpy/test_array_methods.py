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
MASK = X > 0
ARGUMENTS = {
    "astype": lambda x: x.astype(float, copy=False),
    "astype, all": lambda x: x.astype("f4", order="K", casting="same_kind", copy=True),
    "sum": lambda x: x.sum(axis=0, dtype=float),
    "sum, by position": lambda x: x.sum(0, None, None, True),
    "sum, where": lambda x: x.sum(where=MASK, initial=2.0),
    "prod": lambda x: x.prod(axis=0, initial=2.0),
    "mean": lambda x: x.mean(0, dtype=float, where=MASK),
    "std": lambda x: x.std(0, ddof=1, dtype=float),
    "var, by position": lambda x: x.var(0, None, None, 1),
    "max": lambda x: x.max(axis=1, initial=3.5),
    "min": lambda x: x.min(0, None, True),
    "any": lambda x: (x > 3).any(axis=0, where=MASK),
    "argmax": lambda x: x.argmax(axis=0, keepdims=True),
    "argsort": lambda x: x.argsort(axis=0, kind="stable"),
    "reshape": lambda x: x.reshape((3, 2), order="F"),
    "flatten": lambda x: x.flatten("F"),
    "ravel": lambda x: x.ravel(order="F"),
    "copy": lambda x: x.copy(order="K"),
    "clip": lambda x: x.clip(0, 2, out=None),
    "round": lambda x: x.round(decimals=0),
    "dot": lambda x: x.dot(X.T, out=None),
    "cumsum": lambda x: x.cumsum(axis=0, dtype=float),
    "cumprod": lambda x: x.cumprod(0, None, None),
    "trace": lambda x: x.trace(dtype=float),
    "take": lambda x: x.take([0, 9], axis=1, mode="clip"),
}
IN_PLACE = {
    "sort": lambda x: x.sort(axis=1, kind="stable"),
    "put": lambda x: x.put([0, -1], [7.0, 8.0]),
    "put, wrapped": lambda x: x.put([6, 7], 1.0, mode="wrap"),
    "partition": lambda x: x.partition((0, 1, 2), axis=1),
}


@pytest.mark.parametrize("name", RETURNING)
def test_methods_return_what_numpy_s_do(name):
    call = RETURNING[name]
    np.testing.assert_array_equal(np.asarray(call(ad.asarray(X))), call(X))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_methods_take_the_arguments_of_numpy_s(name):
    call = ARGUMENTS[name]
    found, expected = np.asarray(call(ad.asarray(X))), np.asarray(call(X))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)


def test_methods_write_into_out():
    for n in (np, ad):
        x, out = n.asarray(X), n.zeros(3)
        x.sum(axis=0, out=out)
        assert out.tolist() == [3.5, 0.0, 6.0]
    with pytest.raises(TypeError, match="cannot cast"):
        ad.asarray(X).astype(int, casting="safe")


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
