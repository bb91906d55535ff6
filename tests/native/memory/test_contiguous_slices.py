"""Contiguous slices that calls read are addresses inside the whole, not copies."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(9, 8, 6)), RNG.normal(size=(6, 6))


def as_numpy_has_it(f, *args):
    """The compiled function, whose results are those of the function on arrays."""
    compiled = ad.compile(f)
    ours, expected = compiled(*args), f(*args)
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (ours, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, strict=True)
    return compiled


@pytest.mark.parametrize(
    "part",
    [
        np.s_[3],
        np.s_[2:5],
        np.s_[4, 2:7],
        np.s_[4, 3:4],
        np.s_[8:, :],
        np.s_[::3],
        np.s_[5::-1],
        np.s_[:, 2],
        np.s_[2:4, 1:3],
        np.s_[3, ::2],
        np.s_[0:1, 7:8],
    ],
    ids=str,
)
def test_any_slice_of_an_argument_and_of_a_result(part):
    as_numpy_has_it(lambda x, w: x[part] @ w, X, W)
    as_numpy_has_it(lambda x, w: (x @ w)[part] @ w, X, W)
    as_numpy_has_it(lambda x, w: ad.tanh(x)[part] @ w, X, W)
    as_numpy_has_it(lambda x, w: (x[part], x[part] @ w), X, W)
    as_numpy_has_it(lambda x, w: ad.reshape(x @ w, (9, 48, 1))[2:4, 6:12] * w[:, :1], X, W)


def test_slices_of_slices_and_of_constants():
    table = RNG.normal(size=(5, 6, 6))
    as_numpy_has_it(lambda x: x[2][3:7] @ table[4] + x[2][1:5] @ table[0], X)
    as_numpy_has_it(lambda x: ad.reshape(x[1:4], (24, 6))[8:16] @ table[1], X)


def test_no_slice_is_copied():
    """A chain of products with matrices of a stack: nothing but products.

    The matrices are too large for the products to be loops in one nest.
    """

    def chain(x, stack):
        for i in range(9):
            x = x @ stack[i]
        return x

    x, stack = RNG.normal(size=(24, 24)), RNG.normal(size=(9, 24, 24))
    compiled = as_numpy_has_it(chain, x, stack)
    assert {row.kind for row in compiled.report().rows} == {"gemm"}
    gradient = as_numpy_has_it(ad.grad(lambda x, s: ad.sum(chain(x, s))), x, stack)
    assert [row.kind for row in gradient.report().rows].count("kernel") <= 1


def test_other_item_sizes():
    """Offsets are counted in bytes."""
    for dtype in (np.float32, np.int8, np.bool_):
        x = RNG.integers(0, 2, (7, 5, 3)).astype(dtype)
        w = np.ones((3, 2), dtype)
        found = ad.compile(lambda x, w: x[3, 1:4] @ w)(x, w)
        np.testing.assert_array_equal(found, x[3, 1:4] @ w)


def test_stepwise_runs_find_the_slices_too():
    """A program for another size takes its first steps one by one."""
    f = ad.compile(lambda x, w: ad.tanh((x[1] @ w)[2:4] @ w))
    for rows in (8, 9, 10):
        x = RNG.normal(size=(3, rows, 6))
        for _ in range(5):
            np.testing.assert_allclose(f(x, W), np.tanh((x[1] @ W)[2:4] @ W), rtol=1e-12)
