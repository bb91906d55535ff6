"""Rows as the lanes of vectors, where rows are short or each element has code of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from llvmlite import ir

import adjoint as ad
from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.kernel import KernelWriter

pytestmark = pytest.mark.native


def columns(count: int, axis: int = 1) -> Any:
    def f(a: Any, b: Any) -> Any:
        return ad.stack([ad.exp(a * k) * ad.sin(b) + k for k in range(count)], axis=axis)

    return f


def by_numpy(count: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(float), b.astype(float)
    return np.stack([np.exp(a * k) * np.sin(b) + k for k in range(count)], axis=1)


def given(n: int, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=n).astype(dtype), rng.normal(size=n).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [17, 40, 1003])
@pytest.mark.parametrize("count", [2, 3, 9])
def test_columns_of_functions(vector_target: Any, count: int, n: int, dtype: str) -> None:
    a, b = given(n, dtype)
    found = ad.compile(columns(count))(a, b).numpy()
    assert found.dtype == dtype
    tolerance = 1e-13 if dtype == "float64" else 5e-6
    wanted = by_numpy(count, a, b)
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_nothing_else_is_written(vector_target: Any) -> None:
    """Of a row beside others, and behind the last row of the last vector."""

    def f(a: Any, b: Any) -> Any:
        return ad.concat([columns(2)(a, b), a[:, None], columns(3)(b, a)], axis=1)

    for n in (16, 23, 33):
        a, b = given(n)
        wanted = np.concatenate([by_numpy(2, a, b), a[:, None], by_numpy(3, b, a)], axis=1)
        np.testing.assert_allclose(ad.compile(f)(a, b).numpy(), wanted, rtol=1e-12, atol=1e-13)


def test_arguments_that_need_care() -> None:
    """One of the rows in a vector takes the slow path of sin, others are nan and infinite."""
    a, b = given(200)
    b[[3, 77, 199]] = 1e300, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        wanted = by_numpy(3, a, b)
    np.testing.assert_allclose(ad.compile(columns(3))(a, b).numpy(), wanted, rtol=1e-12, atol=1e-13)


def test_results_of_other_dtypes() -> None:
    def f(a: Any, b: Any) -> Any:
        rows = ad.stack([ad.sin(a) > b, ad.exp(a) < ad.cos(b)], axis=1)
        return rows, ad.astype(ad.stack([ad.exp(a) * 10, ad.cos(b) * 100], axis=1), np.int32)

    a, b = given(300)
    rows, numbers = ad.compile(f)(a, b)
    np.testing.assert_array_equal(rows, np.stack([np.sin(a) > b, np.exp(a) < np.cos(b)], 1))
    wanted = np.stack([np.exp(a) * 10, np.cos(b) * 100], 1).astype(np.int32)
    np.testing.assert_array_equal(numbers, wanted)


def test_the_jacobian_of_each_row() -> None:
    def polar(v: Any) -> Any:
        return ad.stack([v[0] * ad.cos(v[1]), v[0] * ad.sin(v[1])])

    v = np.random.default_rng(0).normal(size=(500, 2))
    found = ad.compile(ad.vmap(ad.jacrev(polar)))(v).numpy()
    r, t = v.T
    wanted = [[np.cos(t), -r * np.sin(t)], [np.sin(t), r * np.cos(t)]]
    np.testing.assert_allclose(found, np.moveaxis(np.array(wanted), 2, 0), rtol=1e-13, atol=1e-15)


def turned(f: Any, *arguments: Any) -> list[bool]:
    """For each kernel with rows whether these are lanes."""
    steps = ad.compile(f).trace(*arguments).schedule.steps
    found = []
    for kernel in [kernel for step in steps for kernel in step.kernels]:
        writer = KernelWriter(kernel)
        writer.write_vectors(ir.Module(), "kernel", {})
        found.append(writer.has_rows_as_lanes)
    return found


@pytest.mark.skipif(vectors.register_bytes() < 64, reason="this processor has no scatters")
def test_which_kernels_are_turned() -> None:
    a, b = given(500)
    assert turned(columns(2), a, b) == turned(columns(9), a, b) == [True]
    assert turned(lambda a, b: ad.stack([a / b, a * b], axis=1), a, b) == [False]
    assert turned(lambda a, b: ad.stack([ad.exp(a), *[a + k for k in range(9)]], 1), a, b) == [
        False
    ]
    assert turned(columns(2, axis=0), a, b) == [False]
    assert turned(lambda a, b: ad.sum(columns(2)(a, b), axis=1), a, b) == [False]
