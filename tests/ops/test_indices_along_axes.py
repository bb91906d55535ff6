"""take, take_along_axis, put_along_axis and nonzero: values as in NumPy, derivatives, errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint as ad
from adjoint.errors import (
    DTypeError,
    OutOfBoundsError,
    ShapeError,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("indices", [0, [2, -1], [[0, 1], [1, 1]], np.zeros((2, 0), int)], ids=str)
def test_take(axis, indices):
    x = np.random.default_rng(0).normal(size=(3, 4, 3))
    assert_array_equal(ad.take(x, indices, axis=axis), np.take(x, indices, axis=axis))
    assert_array_equal(np.take(ad.asarray(x), indices, axis=axis), np.take(x, indices, axis=axis))


@pytest.mark.parametrize("shape, axis", [((3, 2), 0), ((3, 4), -1), ((1, 5), 1), ((5, 4), 0)])
def test_take_along_axis_and_its_derivatives(shape, axis):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4))
    if shape[1 - axis % 2] not in (1, x.shape[1 - axis % 2]):
        x = x[:, : shape[1]]
    i = rng.integers(-2, 2, size=shape)
    expected = np.take_along_axis(x, i, axis)

    def f(x):
        return ad.take_along_axis(x, i, axis)

    assert_array_equal(f(x), expected)
    v, w = rng.normal(size=x.shape), rng.normal(size=expected.shape)
    _y, pullback = ad.vjp(f, x)
    assert_allclose(np.sum(pullback(w)[0] * v), np.sum(w * np.take_along_axis(v, i, axis)))
    rows = ad.vmap(lambda x, i: ad.take_along_axis(x, i, axis))(
        np.stack([x, -x]), np.stack([i, -i - 1])
    )
    assert_array_equal(rows[1], np.take_along_axis(-x, -i - 1, axis))


def test_put_along_axis():
    rng = np.random.default_rng(0)
    x, i, v = rng.normal(size=(3, 4)), np.array([[1], [1], [3]]), rng.normal(size=(3, 1))
    expected = x.copy()
    np.put_along_axis(expected, i, v, 1)
    assert_array_equal(ad.put_along_axis(x, i, v, 1), expected)
    written = ad.asarray(x)
    other = ad.asarray(written)
    ad.put_along_axis(written, i, v, 1)  # as the function of NumPy, which returns nothing
    assert_array_equal(written, expected)
    assert_array_equal(x, other)
    order = np.argsort(x, 1)

    def unsort(x):
        return ad.put_along_axis(ad.zeros((3, 4)), order, ad.take_along_axis(x, order, 1), 1)

    assert_array_equal(unsort(x), x)
    assert_array_equal(ad.grad(lambda x: ad.sum(unsort(x) ** 2))(x), 2 * x)


def test_nonzero():
    x = np.array([[0, 3], [4, 0]])
    for got, expected in zip(ad.nonzero(x), np.nonzero(x), strict=True):
        assert_array_equal(got, expected)
    with pytest.raises(OutOfBoundsError, match="0-d"):
        ad.nonzero(3.0)


def test_along_errors():
    with pytest.raises(ShapeError, match="as many axes"):
        ad.take_along_axis(np.ones((2, 2)), [0])
    with pytest.raises(ShapeError, match="axis 0 differs"):
        ad.take_along_axis(np.ones((2, 2)), np.zeros((3, 1), int), 1)
    with pytest.raises(DTypeError, match="indices must hold integers"):
        ad.take([1.0], [0.5])
    with pytest.raises(OutOfBoundsError, match="take: index 4"):
        ad.take([1.0], [4])
