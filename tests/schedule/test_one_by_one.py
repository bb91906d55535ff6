"""What is costly is computed before loops whose elements wait for each other, in vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.schedule.one_by_one import has_no_lanes

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)


def waiting(f: Any, *arguments: Any) -> list[set[str]]:
    """What is computed in each kernel that has no lanes."""
    kernels = [k for s in ad.compile(f).trace(*arguments).schedule.steps for k in s.kernels]
    return [
        {node.op.name for node in (*kernel.inlined, *kernel.roots)}
        for kernel in kernels
        if any(has_no_lanes(root, kernel.domain) for root in kernel.roots)
    ]


def summed(x: Any) -> Any:
    return ad.sum(ad.sin(ad.cumsum(ad.exp(x))))


def grouped(x: Any, names: Any) -> Any:
    return ad.sum(ad.log(1 + ad.index_add(ad.zeros(20), names, ad.exp(ad.sin(x)))))


def test_sums_along_a_row_and_the_gradient() -> None:
    """The cosine and the exponential are not in the loops that add up, in either direction."""
    x = RNG.normal(size=3000) / 1000
    assert waiting(ad.value_and_grad(summed), x) == [{"cumsum"}, {"cumsum"}]
    value, slope = ad.compile(ad.value_and_grad(summed))(x)
    total = np.cumsum(np.exp(x))
    np.testing.assert_allclose(value, np.sin(total).sum(), rtol=1e-9)
    expected = np.exp(x) * np.cumsum(np.cos(total)[::-1])[::-1]
    np.testing.assert_allclose(slope, expected, rtol=1e-8, atol=1e-8)
    rows = RNG.normal(size=(30, 100)) / 100
    of_rows = ad.compile(ad.vmap(ad.grad(summed)))(rows)
    alone = [np.asarray(ad.grad(summed)(row)) for row in rows]
    np.testing.assert_allclose(of_rows, alone, rtol=1e-11, atol=1e-12)


def test_numbers_that_may_meet() -> None:
    x, names = RNG.normal(size=2000), RNG.integers(0, 20, 2000)
    assert waiting(ad.grad(grouped), x, names) == [{"scatter_add"}]
    value, slope = ad.compile(ad.value_and_grad(grouped))(x, names)
    each = np.exp(np.sin(x))
    total = np.bincount(names, each, 20)
    np.testing.assert_allclose(value, np.log(1 + total).sum(), rtol=1e-13)
    np.testing.assert_allclose(slope, each * np.cos(x) / (1 + total[names]), rtol=1e-12)
    second = ad.compile(lambda x, v: ad.hvp(lambda y: grouped(y, names), x, v))
    v = RNG.normal(size=2000)
    with ad.options(native="never"):
        expected = np.asarray(ad.hvp(lambda y: grouped(y, names), x, v))
    np.testing.assert_allclose(second(x, v), expected, rtol=1e-10, atol=1e-12)


def test_what_is_cheap_or_short_stays() -> None:
    """A product is computed where it is read, and so is all that would be a vector or two."""
    x = RNG.normal(size=3000)
    assert waiting(lambda x: ad.cumsum(2 * x), x) == [{"multiply", "cumsum"}]
    assert waiting(lambda x: ad.cumsum(ad.exp(x)), x[:20]) == [{"exp", "cumsum"}]
    columns = RNG.normal(size=(100, 70))
    assert waiting(lambda x: ad.cumsum(ad.exp(x), axis=0), columns) == []
