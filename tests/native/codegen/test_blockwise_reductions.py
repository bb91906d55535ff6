"""Reductions over all rows are complete when rows are computed in blocks, and on threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.codegen.kernel import KernelWriter
from adjoint.backends.llvm.compile import kernel_cache
from tests.native.running import assert_agrees

pytestmark = pytest.mark.native

REDUCTIONS = {
    "sum": ad.sum,
    "max": ad.max,
    "min": ad.min,
    "prod": lambda x: ad.prod(1 + 1e-6 * x),
    "sum of columns": lambda x: ad.sum(ad.sum(x, axis=0)),
    "any": lambda x: ad.any(x > 2),
    "all": lambda x: ad.all(x > -2),
}


@pytest.mark.parametrize("shape", [(256, 500), (4096, 64), (64, 9000)], ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_reduction_over_everything(name, shape):
    """Rows are scaled first, by a reduction of each, so that a nest has several kernels."""

    def f(x):
        scaled = ad.tanh(x - ad.max(x, axis=1, keepdims=True) / 2)
        return REDUCTIONS[name](scaled), ad.sum(scaled, axis=1)

    x = np.random.default_rng(0).normal(size=shape)
    for ours, expected in zip(ad.compile(f)(x), f(x), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_and_the_gradient_of_softmax_regression(dtype):
    def loss(w, x, labels):
        scores = ad.log_softmax(x @ w, axis=-1)
        return -ad.mean(ad.take_along_axis(scores, ad.expand_dims(labels, 1), axis=1))

    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=s).astype(dtype) for s in ((256, 8), (8, 500)))
    labels = rng.integers(0, 500, 256)
    both = ad.value_and_grad(loss)
    value, gradient = ad.compile(both)(w, x, labels)
    expected, slope = both(w, x, labels)
    rtol = 1e-4 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(value, expected, rtol=rtol)
    np.testing.assert_allclose(gradient, slope, rtol=rtol, atol=rtol * 1e-2)


def test_loops_over_few_elements_are_not_vectorised():
    """Of four rows at a time those results are scalar code that have one element in each."""

    def f(x):
        powers = ad.exp(x - ad.max(x, axis=1, keepdims=True))
        return powers / ad.log(1 + ad.sum(powers, axis=1, keepdims=True))

    x = np.random.default_rng(0).normal(size=(512, 1000))
    compiled = ad.compile(f)
    np.testing.assert_allclose(compiled(x), f(x), rtol=1e-12)
    (nest,) = compiled._last().schedule.steps
    for kernel in nest.kernels:
        writer = KernelWriter(kernel, rows=nest.rows_at_once)
        assert writer.few == (kernel.domain == (512, 1))
        (texts,) = kernel_cache.module_texts({"kernel": writer})
        assert list(texts) == ["written"] or not writer.few


@pytest.mark.parametrize("reduce", [ad.sum, ad.min])
def test_a_reduction_over_a_middle_axis_accumulates_in_memory(reduce: Any) -> None:
    """Its result is set to where the reduction starts before the rows come."""

    def f(x: Any) -> Any:
        return ad.sum(ad.sin(reduce(x, axis=1)) * 2.0, axis=-1)

    assert_agrees(f, np.random.default_rng(0).normal(size=(3, 2, 1000, 8)))


def test_a_loop_that_is_cut_runs_in_blocks_of_rows() -> None:
    """Blocks before and after the cut have no rows in some segments."""

    def f(x: Any, m: Any) -> Any:
        y = ad.asarray(x) * 1.0
        y[221] = 0.5
        return y, ad.sum(ad.maximum(m, 0.5) + ad.cos(m), axis=1) * y, ad.sum(y)

    x, m = np.arange(1000.0), np.ones((1000, 200), np.float32)
    compiled = ad.compile(f)
    y, _, total = compiled(x, m)
    assert " at a time" in compiled.text("schedule")
    x[221] = 0.5
    np.testing.assert_array_equal(y, x)
    np.testing.assert_allclose(total, np.sum(x), 1e-13)
