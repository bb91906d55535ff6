"""Nests whose kernels read the same rows: a block of rows at a time, small enough for a cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.schedule.nests import BLOCK_BYTES
from adjoint.schedule.plan import Nest

pytestmark = pytest.mark.unit


def standardised(x: Any) -> Any:
    """Rows less their means, over their deviations: three loops over each row."""
    moved = x - ad.mean(x, axis=1, keepdims=True)
    return moved / ad.sqrt(ad.mean(moved * moved, axis=1, keepdims=True) + 1e-5)


def nest_of(f: Any, x: np.ndarray) -> Nest:
    (nest,) = [s for s in ad.compile(f).trace(x).schedule.steps if isinstance(s, Nest)]
    return nest


def test_rows_that_are_read_again_stay_in_the_cache() -> None:
    nest = nest_of(standardised, np.ones((1000, 700)))
    assert nest.in_chunks and not nest.local
    assert 1 <= nest.block < nest.grain
    assert nest.block * 700 * 8 <= BLOCK_BYTES


@pytest.mark.parametrize("shape", [(1000, 20), (100, 700)])
def test_chunks_that_are_small_are_not_cut(shape: tuple[int, int]) -> None:
    nest = nest_of(standardised, np.ones(shape))
    assert nest.block == nest.grain


def test_values_and_gradients() -> None:
    """Blocks that do not divide a chunk, rows longer than a block, and a sum over all rows."""
    for shape in [(997, 333), (70, 9001), (4099, 65)]:
        x = np.random.default_rng(0).normal(size=shape)
        moved = x - x.mean(1, keepdims=True)
        deviation = np.sqrt((moved**2).mean(1, keepdims=True) + 1e-5)
        found = ad.compile(standardised)(x)
        np.testing.assert_allclose(found.numpy(), moved / deviation, rtol=1e-12, atol=1e-12)

        def both(x: Any) -> Any:
            y = standardised(x)
            return ad.sum(x * y, axis=0), ad.sum(ad.sum(x, axis=1, keepdims=True) * x)

        columns, total = ad.compile(both)(x)
        wanted = (x * moved / deviation).sum(0), (x.sum(1) ** 2).sum()
        np.testing.assert_allclose(columns.numpy(), wanted[0], rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(float(total), wanted[1], rtol=1e-11)
        gradient = ad.compile(ad.grad(lambda x: ad.sum(standardised(x) ** 3)))(x).numpy()
        v = np.random.default_rng(1).normal(size=shape)
        step = 1e-6 * v
        ends = [((np.asarray(standardised(x + s))) ** 3).sum() for s in (step, -step)]
        np.testing.assert_allclose((gradient * v).sum(), (ends[0] - ends[1]) / 2e-6, rtol=1e-5)
