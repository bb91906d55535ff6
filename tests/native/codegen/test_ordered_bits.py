"""Maxima and minima of floats, found as ordered bits: every kind of number, at every position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

NUMBERS = [0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 1e-40, -1e-40, 1e38, -1e38, np.inf, -np.inf]
SIZES = [1, 2, 7, 16, 17, 40, 64, 100, 1000]


def both(axis: int | None = -1) -> Any:
    return ad.compile(lambda x: (ad.max(x, axis=axis), ad.min(x, axis=axis)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_two_numbers_in_either_order(dtype: Any) -> None:
    """Zeros of either sign, subnormals, infinities; to the last bit."""
    numbers = np.array(NUMBERS, dtype)
    pairs = [(a, b) for a in numbers for b in numbers]
    largest, smallest = map(np.asarray, both()(np.array(pairs)))
    for pair, high, low in zip(pairs, largest, smallest, strict=True):
        first, last = sorted(pair, key=lambda x: (x, np.copysign(1, x)))
        assert (high, np.signbit(high)) == (last, np.signbit(last)), pair
        assert (low, np.signbit(low)) == (first, np.signbit(first)), pair


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_nan_anywhere_is_the_result(size: int, dtype: Any) -> None:
    """Of either sign, first or last, among infinities too; rows without one are as they were."""
    rng = np.random.default_rng(size)
    x = rng.choice(np.array([*NUMBERS, 2.5, -7.0], dtype), (2 * size + 1, size))
    for row in range(size):
        x[row, row] = np.nan
        x[size + row, row] = np.copysign(dtype(np.nan), dtype(-1))
    f = both()
    largest, smallest = map(np.asarray, f(x))
    assert np.isnan(largest[:-1]).all() and np.isnan(smallest[:-1]).all()
    np.testing.assert_array_equal(largest[-1], x[-1].max())
    np.testing.assert_array_equal(smallest[-1], x[-1].min())


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8])
def test_along_any_axis(dtype: Any, axis: int | None) -> None:
    """Within rows, over rows and over everything, and of what is computed on the way."""
    rng = np.random.default_rng(1)
    x = (100 * rng.normal(size=(33, 5, 17))).astype(dtype)
    for found, expected in zip(both(axis)(x), (x.max(axis), x.min(axis)), strict=True):
        np.testing.assert_array_equal(np.asarray(found), expected)
    f = ad.compile(lambda x: (ad.max(ad.abs(x), axis=axis), ad.sum(x, axis=axis)))
    largest, total = f(x)
    np.testing.assert_array_equal(np.asarray(largest), np.abs(x).max(axis))
    np.testing.assert_allclose(np.asarray(total), x.sum(axis), rtol=1e-3, atol=1e-3)


def test_with_a_slow_path_on_the_way() -> None:
    """A strip with a huge angle is computed again, from the largest before it."""
    x = np.linspace(-3, 3, 5000)
    x[1234] = 1e22
    f = ad.compile(lambda x: (ad.max(ad.sin(x)), ad.min(ad.sin(x)), ad.sum(ad.sin(x))))
    largest, smallest, total = map(float, f(x))
    assert largest == np.max(np.asarray(ad.sin(x))) and smallest == np.min(np.asarray(ad.sin(x)))
    np.testing.assert_allclose(total, np.sin(x).sum(), atol=1e-9)


def test_in_chunks_for_threads() -> None:
    """The largest of everything, each chunk of rows with its own, for any number of threads."""
    x = np.random.default_rng(2).normal(size=(4000, 300))
    f = ad.compile(lambda x: (ad.max(ad.exp(x)), ad.min(x, axis=0)))
    with ad.options(threads=1):
        once = [np.asarray(y) for y in f(x)]
    for found, expected in zip(f(x), once, strict=True):
        np.testing.assert_array_equal(np.asarray(found), expected)
    np.testing.assert_array_equal(once[1], x.min(0))
    np.testing.assert_allclose(once[0], np.exp(x.max()), rtol=1e-15)
