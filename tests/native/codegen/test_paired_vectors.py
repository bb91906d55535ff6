"""Short rows of expensive elements: more than one vector of them is computed two at a time."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.codegen import vectors

pytestmark = pytest.mark.native


def cell(x: Any) -> Any:
    return ad.exp(ad.sin(x)) * ad.tanh(x)


def by_numpy(x: np.ndarray) -> np.ndarray:
    return np.exp(np.sin(x)) * np.tanh(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_elements_sums_and_gradients(vector_target: Any, dtype: str) -> None:
    """Full and half vectors, one row and several; nothing is written behind the last element."""
    rng = np.random.default_rng(0)
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    for shape in [(9,), (14,), (32,), (33,), (3, 17)]:
        x = rng.normal(size=shape).astype(dtype)

        def f(x: Any) -> Any:
            y = cell(x)
            return y, ad.sum(y, axis=-1), ad.max(y, axis=-1)

        wide = x.astype(float)
        y = by_numpy(wide)
        slope = y * np.cos(wide) + np.exp(np.sin(wide)) / np.cosh(wide) ** 2
        found = [*ad.compile(f)(x), ad.compile(ad.grad(lambda x: ad.sum(cell(x))))(x)]
        wanted = [y, y.sum(-1), y.max(-1), slope]
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=tolerance, atol=tolerance)


def test_many_functions_and_special_values() -> None:
    """Beyond 32 functions a kernel calls them; slow paths and nan stay in their lanes."""

    def many(x: Any, space: Any = ad) -> Any:
        for n in range(20):
            x = 0.3 * space.sin(x + n) + 0.3 * space.exp(-x * x)
        return x

    x = np.linspace(-2.0, 2.0, 14)
    x[[3, 9, 12]] = np.nan, 1e12, np.inf
    with np.errstate(all="ignore"):
        wanted = [many(x, np), by_numpy(x)]
    np.testing.assert_allclose(ad.compile(many)(x).numpy(), wanted[0], rtol=1e-12)
    np.testing.assert_allclose(ad.compile(cell)(x).numpy(), wanted[1], rtol=1e-13)


@pytest.mark.skipif(vectors.register_bytes() != 64, reason="vectors of 8 numbers are needed")
def test_two_vectors_at_a_time() -> None:
    """Where a vector holds 8 numbers, 14 are one iteration of 16 lanes, and cheap ones are two."""
    x = np.linspace(0.0, 1.0, 14)
    for f, lanes in ((cell, 16), (lambda x: x * x + 1.0, 8)):
        compiled = ad.compile(f)
        compiled(x)
        widths = set(map(int, re.findall(r"<(\d+) x double>", compiled.text("llvm"))))
        assert widths == {lanes}
