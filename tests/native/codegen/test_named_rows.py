"""Whole rows that indices name, read and added to in vectors along the row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.kernel import KernelWriter

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)


def rows(x: Any, names: Any) -> Any:
    return ad.sum(ad.tanh(x[names]) ** 2)


def added(values: Any, names: Any, count: int) -> Any:
    return ad.index_add(ad.zeros((count, *values.shape[names.ndim :]), values.dtype), names, values)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_rows_are_read_and_added_to(vector_target: Any, dtype: Any) -> None:
    """Of lengths that fill vectors and that do not; each name several times, some from the end."""

    def work(x: Any, values: Any, names: Any) -> Any:
        slope = ad.grad(rows)(x, names) if dtype == np.float32 else x
        return added(values, names, 6), x[names] * 2, slope

    for width, shape in ((5, (20,)), (33, (4, 5)), (100, (20,)), (1, (7,))):
        x, names = RNG.normal(size=(6, width)).astype(dtype), RNG.integers(-6, 6, shape)
        values = RNG.normal(size=(*shape, width)).astype(dtype)
        total, taken, gradient = map(np.asarray, ad.compile(work)(x, values, names))
        expected = np.zeros((6, width), dtype)
        np.add.at(expected, names, values)
        np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(taken, x[names] * 2)
        if dtype == np.float32:
            slope, of_rows = np.zeros_like(x), np.tanh(x[names])
            np.add.at(slope, names, 2 * of_rows * (1 - of_rows**2))
            np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-5)


def test_in_the_order_of_the_rows() -> None:
    """So that the sums are the same to the last bit, as one number at a time makes them."""
    values, names = RNG.normal(size=(50, 24)), RNG.integers(0, 3, 50)
    expected = np.zeros((3, 24))
    for name, row in zip(names, values, strict=True):
        expected[name] += row
    found = ad.compile(lambda v, n: added(v, n, 3))(values, names).numpy()
    np.testing.assert_array_equal(found, expected)


def test_names_that_do_not_exist(vector_target: Any) -> None:
    """Each is checked, though it is read once for the whole row; nothing is written then."""
    values, good = np.ones((4, 40)), np.array([0, 2, 1, 2])
    adding = ad.compile(lambda v, n: added(v, n, 3))
    taking = ad.compile(lambda x, n: x[n])
    adding(values, good), taking(values[:3], good)
    for wrong in (3, -4, 1 << 40):
        names = np.array([0, 2, wrong, 1])
        for work in (lambda n=names: adding(values, n), lambda n=names: taking(values[:3], n)):
            with pytest.raises(ad.errors.OutOfBoundsError):
                np.asarray(work())
    np.testing.assert_array_equal(adding(values, good)[:, 0], [1.0, 1.0, 2.0])


def test_names_along_the_row_are_not_lanes() -> None:
    """There two lanes may name one element."""
    x, names = RNG.normal(size=(9, 40)), RNG.integers(0, 5, 40)
    expected = np.zeros((9, 5))
    np.add.at(expected, (slice(None), names), x)
    work = ad.compile(lambda x, n: ad.index_add(ad.zeros((9, 5)), (slice(None), n), x))
    np.testing.assert_allclose(work(x, names), expected, rtol=1e-13, atol=1e-14)
    both = RNG.integers(0, 5, (9, 40))
    expected = np.zeros((9, 5))
    np.add.at(expected, (np.arange(9)[:, None], both), x)
    slope = ad.compile(ad.grad(lambda z, n, x: ad.sum(ad.take_along_axis(z, n, 1) * x)))
    np.testing.assert_allclose(slope(np.zeros((9, 5)), both, x), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.skipif(not vectors.register_bytes(), reason="vectors are left to LLVM")
def test_no_element_has_an_address_of_its_own() -> None:
    """Neither reading nor adding takes a gather, a scatter, or one number at a time."""
    x, names = RNG.normal(size=(100, 64)), RNG.integers(0, 100, 300)
    steps = ad.compile(ad.grad(rows)).trace(x, names).schedule.steps
    kernels = [kernel for step in steps for kernel in step.kernels]
    assert any(root.op.scatters for kernel in kernels for root in kernel.roots)
    for kernel in kernels:
        writer, module = KernelWriter(kernel), ir.Module()
        assert writer.write_vectors(module, "kernel", {})
        assert writer.lanes > 1
        assert "masked.gather" not in str(module) and "masked.scatter" not in str(module)
