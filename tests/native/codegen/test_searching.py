"""Searching sorted numbers by bisection in vectors, as NumPy does it one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.ops.reductions import sorting

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)


def kinds(f: Any, *arguments: Any) -> set[str]:
    work = ad.compile(f)
    work(*arguments)
    return {row.kind for row in work.report().rows}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_both_sides(vector_target: Any, dtype: Any) -> None:
    """Of one number and of many, with equal ones, infinities and nan."""
    work = ad.compile(lambda x, y: [ad.searchsorted(x, y, side=side) for side in ("left", "right")])
    for size in (1, 8, 100):
        x = np.sort(RNG.integers(0, 60, size).astype(dtype))
        y = RNG.integers(0, 70, (5, 21)).astype(dtype)
        if np.dtype(dtype).kind == "f":
            y[0, :4] = np.nan, -np.inf, np.inf, -0.0
            if size == 100:
                x[[0, -3, -2, -1]] = -np.inf, np.inf, np.nan, np.nan
        left, right = work(x, y)
        np.testing.assert_array_equal(left, np.searchsorted(x, y, "left"))
        np.testing.assert_array_equal(right, np.searchsorted(x, y, "right"))


def test_what_is_left_to_numpy() -> None:
    """Nothing to search, complex numbers, and more numbers than fit into a cache."""
    for x in (np.zeros(0), np.arange(3) + 0j, np.arange(sorting.LARGEST + 1.0)):
        y = np.ones(4, x.dtype)
        assert "numpy" in kinds(ad.searchsorted, x, y)
        found = ad.compile(ad.searchsorted)(x, y)
        np.testing.assert_array_equal(found, np.searchsorted(x, y))


def test_interpolation_calls_no_numpy() -> None:
    """Neither the value nor the gradient by what is interpolated; nor a histogram's places."""
    x, places, f = RNG.random(500), np.linspace(0, 1, 30), RNG.normal(size=30)

    def loss(f: Any) -> Any:
        return ad.sum(ad.interp(x, places, f) ** 2)

    assert "numpy" not in kinds(ad.value_and_grad(loss), f)
    value, slope = ad.compile(ad.value_and_grad(loss))(f)
    weights = np.stack([np.interp(x, places, row) for row in np.eye(30)])
    np.testing.assert_allclose(value, ((f @ weights) ** 2).sum(), rtol=1e-12)
    np.testing.assert_allclose(slope, 2 * weights @ (f @ weights), rtol=1e-10, atol=1e-12)
    assert "numpy" not in kinds(lambda x: ad.digitize(ad.exp(x), places), x)
    rows = ad.compile(ad.vmap(lambda y: ad.searchsorted(places, y)))(x.reshape(5, 100))
    np.testing.assert_array_equal(rows, np.searchsorted(places, x.reshape(5, 100)))
