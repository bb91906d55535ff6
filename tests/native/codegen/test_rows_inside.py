"""Where columns of a matrix are read, the loop over rows stands inside that over columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.kernel import KernelWriter

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)


def inside(f: Any, *arguments: Any) -> list[bool]:
    """For each kernel whether its rows are inside."""
    steps = ad.compile(f).trace(*arguments).schedule.steps
    return [KernelWriter(kernel).has_rows_inside for step in steps for kernel in step.kernels]


def shares(x: Any) -> Any:
    """Results that are stored, added up as a whole, and along the rows."""
    s = ad.tanh(x + ad.matrix_transpose(x))
    return s, ad.sum(s * s), ad.sum(s, axis=-2), ad.max(s)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_and_its_transpose(vector_target: Any, dtype: Any) -> None:
    """Of sizes that fill vectors and blocks of rows and that do not; stacks of them, too."""
    for shape in ((128, 128), (131, 131), (2, 145, 145)):
        x = RNG.normal(size=shape).astype(dtype)
        rtol = 1e-12 if dtype == np.float64 else 1e-5
        s = np.tanh((x + np.swapaxes(x, -1, -2)).astype(np.float64))
        wanted = s, (s * s).sum(), s.sum(-2), s.max()
        for found, expected in zip(ad.compile(shares)(x), wanted, strict=True):
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * 20)


def test_parts_of_transposed_matrices() -> None:
    """Slices, steps, reversed axes, edges where another matrix begins, and indices."""
    x, y, b = RNG.normal(size=(150, 310)), RNG.normal(size=(310, 150)), RNG.normal(size=150)
    names = RNG.integers(-150, 150, 140)
    cases: list[tuple[Any, tuple[Any, ...]]] = [
        (lambda n, x, y, b: n.exp(x.T[3:, :140] * y[:-3, 10:]) + b[:140], (x, y, b)),
        (lambda n, x, y, b: x.T[::2, ::-1] - y[::2] * b, (x, y, b)),
        (lambda n, x, y, b: n.flip(x, 0).T * n.where(y > 0, y, b), (x, y, b)),
        (lambda n, x, y, b: n.concatenate([x.T, y, x.T * b], axis=1), (x, y, b)),
        (lambda n, x, y, b: n.roll(x.T, 5, axis=1) + n.roll(y, -7, axis=0), (x, y, b)),
        (lambda n, x, y, b: x.T[:, names] * y[:, :140], (x, y, b)),
        (lambda n, x, y, b: n.sum(x.T * y, axis=1) + n.max(x, axis=1).sum(), (x, y, b)),
        (lambda n, x, y, b: (x.T > y) & (b > 0), (x, y, b)),
        (lambda n, x, y, b: x.T + 1j * y, (x, y, b)),
    ]
    for f, given in cases:
        found = np.asarray(ad.compile(lambda *a, f=f: f(ad, *a))(*given))
        expected = f(np, *given)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_derivatives_and_batches() -> None:
    """The gradient of a loss of x + xᵀ, for each of several and of second order along v."""

    def loss(x: Any) -> Any:
        return ad.sum(ad.sin(x + x.T) * x)

    x, v = RNG.normal(size=(3, 130, 130)), RNG.normal(size=(130, 130))
    s = x + np.swapaxes(x, 1, 2)
    c = np.cos(s) * x
    slopes = np.sin(s) + c + np.swapaxes(c, 1, 2)
    found = ad.compile(ad.vmap(ad.grad(loss)))(x)
    np.testing.assert_allclose(found, slopes, rtol=1e-11, atol=1e-12)
    second = ad.compile(lambda x, v: ad.hvp(loss, x, v))(x[0], v)
    with ad.options(native="never"):
        expected = np.asarray(ad.hvp(loss, x[0], v))
    np.testing.assert_allclose(second, expected, rtol=1e-11, atol=1e-12)


def test_rows_in_chunks_and_step_by_step() -> None:
    """Parts of the rows, as threads share them, with the same bits as all of them at once."""
    x = RNG.normal(size=(700, 700))
    work = ad.compile(lambda x: ad.exp(x + x.T))
    first, again = np.asarray(work(x)).copy(), np.asarray(work(x))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, first.T)
    with ad.options(threads=1):
        np.testing.assert_array_equal(np.asarray(ad.compile(lambda x: ad.exp(x + x.T))(x)), first)


@pytest.mark.skipif(not vectors.register_bytes(), reason="vectors are left to LLVM")
def test_which_kernels_have_rows_inside() -> None:
    x = RNG.normal(size=(200, 200))
    assert inside(lambda x: x + x.T, x) == inside(lambda x: ad.sum(x * x.T), x) == [True]
    assert inside(lambda x: x[:40, :40] + x[:40, :40].T, x) == [False]  # all of it is in the cache
    assert inside(lambda x: x * 2 + x[::-1], x) == [False]
    assert inside(lambda x: ad.sum(x + x.T, axis=1), x) == [False]  # which goes along rows
    assert inside(lambda x: ad.cumsum(x + x.T, axis=1), x) == [False]
    images = RNG.normal(size=(2, 130, 6, 20))
    assert inside(lambda x: ad.transpose(x, (0, 2, 3, 1)) + 1, images) == [True]
    assert inside(lambda x: ad.transpose(x, (0, 2, 1, 3)) + 1, images) == [False]
