"""Scans along the last axis, several rows of which are computed in one iteration."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

ROWS = (1, 7, 8, 9, 31, 40)


@pytest.mark.parametrize("rows", ROWS)
def test_any_number_of_rows(rows):
    """Forwards and from the end, of floats and of integers, several scans at once."""
    x = np.random.default_rng(rows).normal(1.0, 0.1, (rows, 11))

    def f(x):
        return ad.cumprod(x, axis=1), ad.flip(ad.cumsum(ad.flip(x * 2.0, axis=1), axis=1), axis=1)

    products, sums = ad.compile(f)(x)
    np.testing.assert_allclose(products, np.cumprod(x, axis=1), rtol=1e-14)
    np.testing.assert_allclose(sums, np.cumsum(2.0 * x[:, ::-1], axis=1)[:, ::-1], rtol=1e-14)
    whole = np.arange(rows * 6).reshape(rows, 6) % 7 - 3
    np.testing.assert_array_equal(
        ad.compile(lambda i: ad.cumsum(i, axis=1))(whole), np.cumsum(whole, axis=1)
    )


@pytest.mark.parametrize("shape", [(3, 10, 5), (2, 3, 9, 4), (9, 8, 1), (17, 2)], ids=str)
@pytest.mark.parametrize("axis", [-1, -2])
def test_scans_of_more_axes_and_along_others(shape, axis):
    x = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_allclose(
        ad.compile(lambda x: ad.cumsum(x, axis=axis))(x), np.cumsum(x, axis=axis), rtol=1e-13
    )


@pytest.mark.parametrize("rows", ROWS)
def test_derivatives(rows):
    """By a row's number that all its factors share, and by each factor."""
    rng = np.random.default_rng(rows)
    x, weights = rng.normal(1.0, 0.1, (rows, 12)), rng.normal(size=(rows, 12))
    t = rng.normal(1.0, 0.1, rows)

    def by_each(x):
        return ad.sum(ad.cumprod(x, axis=1) * weights)

    def by_one(t):
        return by_each(ad.broadcast_to(ad.expand_dims(t, 1), (rows, 12)))

    powers = t[:, None] ** np.arange(12)
    expected = np.sum(weights * np.arange(1, 13) * powers, axis=1)
    np.testing.assert_allclose(ad.compile(ad.grad(by_one))(t), expected, rtol=1e-12)
    np.testing.assert_allclose(
        ad.compile(ad.grad(by_each))(x), ad.grad(by_each)(x), rtol=1e-12, atol=1e-14
    )


def test_chunks_that_are_no_multiple_of_the_unrolled_rows():
    """1003 rows, in blocks and chunks of them, give the same as a few at a time."""
    x = np.random.default_rng(0).normal(size=(1003, 300))
    f = ad.compile(lambda x: ad.cumsum(ad.tanh(x), axis=1) * ad.sum(x, axis=1, keepdims=True))
    expected = np.cumsum(np.tanh(x), axis=1) * np.sum(x, axis=1, keepdims=True)
    np.testing.assert_allclose(f(x), expected, rtol=1e-11, atol=1e-11)
    for few in (5, 13):
        np.testing.assert_array_equal(f(x[:few]), np.asarray(f(x))[:few])
