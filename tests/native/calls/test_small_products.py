"""Products of small matrices: stacks of them are loops, fused with what stands around."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.native.running import assert_agrees
from tests.sampling import in_turn

pytestmark = pytest.mark.native

SHAPES = [
    ((70, 3, 3), (70, 3, 3)),
    ((70, 1, 4), (70, 4, 2)),
    ((70, 4, 1), (70, 1, 4)),
    ((9, 8, 2, 3), (8, 3, 2)),
    ((1, 80, 2, 3), (5, 1, 3, 4)),
    ((70, 5, 3), (70, 3, 3)),
    ((63, 3, 3), (63, 3, 3)),
]


@pytest.mark.parametrize(
    ("shapes", "dtype"),
    in_turn(SHAPES, ["float64", "int64", "float32", "complex128"], times=2),
)
def test_values_and_gradients(shapes, dtype):
    first, second = shapes
    rng = np.random.default_rng(0)
    a, b = ((4.0 * rng.normal(size=s)).astype(dtype) for s in (first, second))
    tolerance = {"rtol": 1e-5, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-12}
    np.testing.assert_allclose(ad.compile(ad.matmul)(a, b), a @ b, **tolerance)
    if not dtype.startswith("float"):
        return

    def f(a, b):
        return ad.sum(ad.sin(a.mT.mT @ (b * 2.0)) * 0.5)

    slope = np.cos(a @ (b * 2))
    expected = slope @ np.swapaxes(b, -1, -2), np.swapaxes(a, -1, -2) @ slope
    for ours, theirs in zip(ad.compile(ad.grad(f, argnums=(0, 1)))(a, b), expected, strict=True):
        extra = theirs.ndim - ours.ndim
        theirs = theirs.sum(tuple(range(extra)))
        ones = tuple(i for i, size in enumerate(ours.shape) if size < theirs.shape[i])
        np.testing.assert_allclose(ours, theirs.sum(ones, keepdims=True), rtol=1e-3, atol=1e-3)


def test_what_is_not_finite_spreads_as_in_any_product():
    """∞ · 0 is nan, also where other elements of a row would hide it."""
    a, b = np.ones((64, 2, 2)), np.zeros((64, 2, 2))
    a[3, 0, 1] = np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(ad.compile(ad.matmul)(a, b), a @ b)


def test_no_library_is_called():
    f = ad.compile(lambda a, b: ad.tanh(a @ b))
    for size, calls in ((8, 0), (9, 1)):
        f(np.ones((size, size)), np.ones((size, size)))
        assert [row.kind for row in f.report().rows].count("gemm") == calls


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_product_with_a_constant_of_one_element(dtype: str) -> None:
    one = np.full((1, 1), 3.0, dtype)
    assert_agrees(lambda x: x @ one, np.ones((2, 1), dtype))
    assert_agrees(lambda x: one @ x, np.ones((1, 2), dtype))
