"""Sorting the quick way and settling ties gives the order of NumPy's stable sort."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.ops.reductions import stable_order as module
from adjoint.ops.reductions.stable_order import LEAST, stable_order

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(0)
N = LEAST + 37

LANES: dict[str, Callable[[], Any]] = {
    "all differ": lambda: RNG.normal(size=N),
    "few ties": lambda: RNG.permutation(np.round(RNG.normal(size=N), 4)),
    "long ties": lambda: np.where(RNG.random(N) < 0.05, 0.5, RNG.normal(size=N)),
    "many ties": lambda: RNG.integers(0, 9, N).astype(float),
    "two zeros": lambda: np.concatenate([RNG.normal(size=N), [0.0, -0.0, 0.0, -0.0]]),
    "nan": lambda: np.concatenate([[np.nan, np.nan], RNG.normal(size=N), [np.nan]]),
    "infinities": lambda: np.concatenate([[np.inf, -np.inf], RNG.normal(size=N), [np.inf]]),
    "in order": lambda: np.sort(RNG.normal(size=N)),
    "in reverse": lambda: np.sort(RNG.normal(size=N))[::-1],
    "nearly in order": lambda: np.arange(N) + RNG.normal(size=N),
    "short": lambda: RNG.integers(0, 9, LEAST - 1),
    "empty": lambda: np.zeros(0),
    "float32": lambda: RNG.normal(size=N).astype("f4"),
    "integers": lambda: RNG.integers(0, 100 * N, N),
    "unsigned": lambda: RNG.integers(0, 2**64 - 1, N, np.uint64),
    "small integers": lambda: RNG.integers(0, 99, N).astype("i1"),
    "float16": lambda: RNG.normal(size=N).astype("f2"),
    "truth values": lambda: RNG.random(N) < 0.5,
    "strided": lambda: np.repeat(RNG.normal(size=N), 3)[::-3],
}


@pytest.mark.parametrize("make", LANES.values(), ids=LANES)
def test_the_order_is_that_of_the_stable_sort(make: Callable[[], Any]) -> None:
    x = make()
    np.testing.assert_array_equal(stable_order(x, 0), np.argsort(x, kind="stable"), strict=True)
    for descending in (False, True):
        found = ad.argsort(x, descending=descending).numpy()
        kept = x[::-1] if descending else x
        order = np.argsort(kept, kind="stable")
        np.testing.assert_array_equal(found, len(x) - 1 - order[::-1] if descending else order)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_any_axis(axis: int) -> None:
    shape = [2, 3, 2]
    shape[axis] = N
    x = np.round(RNG.normal(size=shape), 3)
    wanted = np.argsort(x, axis=axis, kind="stable")
    np.testing.assert_array_equal(stable_order(x, axis), wanted, strict=True)


def test_only_what_gains_is_sorted_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[int] = []

    def settle(order: Any, tied: Any) -> Any:
        settled.append(order.size)
        return order

    monkeypatch.setattr(module, "_settled", settle)
    for name in ("few ties", "many ties", "nan"):
        stable_order(LANES[name](), 0)
    assert len(settled) == 3
    for name in ("all differ", "in order", "in reverse", "short"):
        stable_order(LANES[name](), 0)
    assert len(settled) == 3
