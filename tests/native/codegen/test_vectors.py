"""Kernels written with vectors: every length of a tail, every way to load, every reduction."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.compile import kernel_cache

pytestmark = pytest.mark.native

SIZES = (5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 300, 1003)


def random(shape, dtype, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * 3).astype(dtype)


@pytest.mark.parametrize("size", SIZES)
def test_any_number_of_elements(vector_target, size):
    """Cheap elements have a loop and a tail, expensive ones a masked loop; both reduce."""
    x, y = random(size, "f8"), random(size, "f8", 1)

    def f(x, y):
        return x * y + 1.0, ad.sum(x * y), ad.max(x), ad.exp(x) * y, ad.sum(ad.exp(x)), x > y

    found = ad.compile(f)(x, y)
    wanted = (x * y + 1.0, np.sum(x * y), x.max(), np.exp(x) * y, np.exp(x).sum(), x > y)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("columns", [5, 8, 10, 16, 19, 300])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8"])
def test_reductions_along_each_axis(vector_target, columns, dtype):
    x = random((13, columns), dtype)
    x = 1 + x / 100 if x.dtype.kind == "f" else x

    def f(x):
        return [
            reduce(x, axis=axis)
            for reduce in (ad.sum, ad.prod, ad.max, ad.min)
            for axis in (0, 1, (0, 1))
        ]

    wanted = [
        reduce(x.astype("f8") if dtype == "f4" else x, axis=axis)
        for reduce in (np.sum, np.prod, np.max, np.min)
        for axis in (0, 1, (0, 1))
    ]
    for a, b in zip(ad.compile(f)(x), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize("columns", [6, 17])
def test_booleans(vector_target, columns):
    x = random((9, columns), "f4") > 2.0
    y = random((9, columns), "f4", 1) > 2.0
    found = ad.compile(lambda x, y: (ad.any(x & y, axis=1), ad.all(x | y, axis=0), x ^ y, ~x))(x, y)
    wanted = np.any(x & y, axis=1), np.all(x | y, axis=0), x ^ y, ~x
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("columns", [6, 8, 21])
def test_every_way_to_load(vector_target, columns):
    """Backwards, across, every other, moved, repeated, and at indices only known at run time."""
    x = random((11, columns), "f8")
    indices = np.random.default_rng(2).integers(-11, 11, columns)

    def f(x, indices):
        return (
            x[:, ::-1] + 1.0,
            x.T * 2.0,
            x[:, ::2] - 1.0,
            x[:, 1:] - x[:, :-1],
            ad.pad(x, ((0, 0), (2, 3))) * 2.0,
            x[:, :1] * x[:1, :],
            x[indices, ad.arange(columns)] + 1.0,
            ad.concat([x[:, 3:], x[:, :2]], axis=1) * 3.0,
            x * ad.arange(columns),
        )

    wanted = (
        x[:, ::-1] + 1.0,
        x.T * 2.0,
        x[:, ::2] - 1.0,
        x[:, 1:] - x[:, :-1],
        np.pad(x, ((0, 0), (2, 3))) * 2.0,
        x[:, :1] * x[:1, :],
        x[indices, np.arange(columns)] + 1.0,
        np.concatenate([x[:, 3:], x[:, :2]], axis=1) * 3.0,
        x * np.arange(columns),
    )
    for a, b in zip(ad.compile(f)(x, indices), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_index_out_of_bounds_in_one_lane_is_an_error(vector_target):
    x = random((4, 9), "f8")
    indices = np.zeros(9, int)
    f = ad.compile(lambda x, indices: x[indices, ad.arange(9)] + 1.0)
    f(x, indices)
    indices[7] = 4
    with pytest.raises(IndexError):
        f(x, indices)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_slow_path_in_some_lanes(vector_target, dtype):
    x = random(37, dtype)
    x[[3, 17, 36]] = 1e9, -3e30, np.inf
    with np.errstate(invalid="ignore"):
        wanted = np.sin(x.astype("f8")) if dtype == "f4" else np.sin(x)
    np.testing.assert_allclose(ad.compile(ad.sin)(x), wanted, rtol=1e-6 if dtype == "f4" else 1e-14)
    import scipy.special

    y = np.where(np.arange(37) % 5 == 0, -1.5, np.abs(x)).astype(dtype)
    y[36] = 2.0
    wanted = scipy.special.gammaln(y.astype("f8"))
    found = ad.compile(ad.special.gammaln)(y)
    np.testing.assert_allclose(found, wanted, rtol=2e-6 if dtype == "f4" else 1e-13)


@pytest.mark.parametrize("size", [5, 9, 13, 100])
def test_nothing_beyond_an_array_is_read(vector_target, size):
    """The array ends where the memory of the process does."""
    page = mmap.PAGESIZE
    pages = mmap.mmap(-1, 3 * page)
    whole = np.frombuffer(pages, np.uint8)
    start = whole.ctypes.data
    guard = (start + 2 * page) // page * page
    _protect(guard, page)
    try:
        bytes_before = guard - start
        x = whole[bytes_before - 8 * size : bytes_before].view("f8")
        x[:] = random(size, "f8")
        f = ad.compile(lambda x: (x + 1.0, ad.exp(x), ad.sum(x), ad.max(ad.exp(x))))
        for _ in range(5):
            found = f(x)
        wanted = x + 1.0, np.exp(x), x.sum(), np.exp(x).max()
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)
    finally:
        _protect(guard, page, allowed=3)


def _protect(address, size, allowed=0):
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), allowed):
        pytest.skip("this system lets no page be protected")


def test_bits_do_not_depend_on_which_size_came_first(vector_target, tmp_path, monkeypatch):
    """Code for any number of elements reduces in one order, for whichever size it was compiled."""
    sizes = (3, 40, 3000)
    f = lambda x: ad.sum(ad.exp(x) * 1.1)
    results = []
    for order in (sizes, sizes[::-1]):
        monkeypatch.setattr(kernel_cache, "_kernels", {})
        monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path / str(order[0])))
        g = ad.compile(f)
        results.append({n: float(g(random(n, "f8"))) for n in order})
    assert results[0] == results[1]


@pytest.mark.parametrize("size", [5, 8, 9, 20, 31, 32, 33])
def test_a_few_vectors(size):
    """Elements, sums and rows of so many, some beside a number, so that loops have known ends."""

    def f(np_, x, y):
        z = np_.where(x > 0, x * y, y - 1)
        return z, np_.sum(z * x), np_.max(y - x), x * np_.sum(y), np_.flip(x) + y

    x, y = np.random.default_rng(size).normal(size=(2, size))
    for found, expected in zip(ad.compile(lambda *a: f(ad, *a))(x, y), f(np, x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    x, y = (np.stack([a, 2 * a]) for a in (x, y))
    for found, expected in zip(ad.compile(lambda *a: f(ad, *a))(x, y), f(np, x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)
