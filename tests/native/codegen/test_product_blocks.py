"""Products of thin matrices are shared by our threads, in blocks that BLAS computes on one each."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.calls.blas import ONE_THREAD
from adjoint.backends.llvm.calls.product_blocks import blocks_of
from adjoint.graph.tensor import as_tensor
from adjoint.schedule.library_calls import gemm
from tests.sampling import in_turn

RNG = np.random.default_rng(4)
THIN = [(1500, 70, 65), (70, 1501, 45), (50, 30, 3003), (3, 5, 300_001), (3000, 10, 200)]
"""Rows, columns and depth, none of them a multiple of a block."""


def product(rows, columns, depth):
    a, b = np.ones((rows, depth), "f4"), np.ones((depth, columns), "f4")
    return gemm(ad.matmul(as_tensor(a), as_tensor(b)).node)


@pytest.mark.parametrize("sizes", THIN)
def test_blocks_are_small_and_parts_cover_the_longest_size(sizes):
    blocks = blocks_of(product(*sizes))
    assert blocks is not None
    assert np.prod(blocks.block) <= ONE_THREAD
    assert all(1 <= b <= s for b, s in zip(blocks.block, sizes, strict=True))
    assert sizes[blocks.longest] == max(sizes)
    assert (blocks.parts - 1) * blocks.part < max(sizes) <= blocks.parts * blocks.part
    assert blocks.part % blocks.block[blocks.longest] == 0
    assert 1 < blocks.parts and blocks.sums() < 16


@pytest.mark.parametrize(
    "sizes",
    [(500, 500, 500), (64, 784, 256), (10_000, 300, 300), (3000, 8, 8), (1, 4000, 4000)],
    ids=str,
)
def test_other_products_are_left_to_blas(sizes):
    assert blocks_of(product(*sizes)) is None
    stacked = ad.matmul(as_tensor(np.ones((2, 9000, 30))), as_tensor(np.ones((2, 30, 70))))
    assert blocks_of(gemm(stacked.node)) is None


TURNED = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize(
    ("sizes", "dtype", "turned"), in_turn(THIN, ["float32", "float64"], TURNED)
)
def test_the_product(sizes, dtype, turned):
    rows, columns, depth = sizes
    a = RNG.normal(size=(depth, rows) if turned[0] else (rows, depth)).astype(dtype)
    b = RNG.normal(size=(columns, depth) if turned[1] else (depth, columns)).astype(dtype)
    c = RNG.normal(size=(rows, columns)).astype(dtype)

    def plain(a, b, c):
        a, b = (x.T if t else x for x, t in zip((a, b), turned, strict=True))
        return a @ b, c - a @ b, a @ b * 0.5 + c

    f = ad.compile(plain)
    found = [np.asarray(x) for x in f(a, b, c)]
    wanted = plain(*(x.astype("f8") for x in (a, b, c)))
    atol = (1e-5 if dtype == "float32" else 1e-14) * np.sqrt(depth) * 8
    for x, y in zip(found, wanted, strict=True):
        assert x.dtype == dtype
        np.testing.assert_allclose(x, y, rtol=0, atol=atol)
    before = ad.set_options(threads=1)
    try:
        for threads in (1, 2, 3):
            ad.set_options(threads=threads)
            for x, y in zip(f(a, b, c), found, strict=True):
                np.testing.assert_array_equal(np.asarray(x), y)
    finally:
        ad.set_options(**before)


def test_calls_from_several_threads_at_once():
    from concurrent.futures import ThreadPoolExecutor

    f = ad.compile(lambda a, b: a.T @ b)
    pairs = [RNG.normal(size=(2, 20_000, 40)) for _ in range(8)]
    wanted = [np.asarray(f(a, b)) for a, b in pairs]
    with ThreadPoolExecutor(4) as pool:
        for found, x in zip(pool.map(lambda p: np.asarray(f(*p)), pairs), wanted, strict=True):
            np.testing.assert_array_equal(found, x)


def test_the_derivative_of_a_tall_product():
    x, w = RNG.normal(size=(30_000, 20)), RNG.normal(size=(20, 30))
    f = ad.compile(ad.grad(lambda w, x: ad.sum(ad.tanh(x @ w)), (0, 1)))
    dw, dx = map(np.asarray, f(w, x))
    slope = 1 - np.tanh(x @ w) ** 2
    np.testing.assert_allclose(dw, x.T @ slope, rtol=1e-11)
    np.testing.assert_allclose(dx, slope @ w.T, rtol=1e-11, atol=1e-12)
