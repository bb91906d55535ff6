"""Parts of orders are those of the whole order, to the last index."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order
from adjoint.ops.reductions import order_part

RNG = np.random.default_rng(0)


def numbers(kind: int, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers without and with ties, nan and infinities, or the ends of the range of integers."""
    x = RNG.normal(size=shape) * 3
    if np.dtype(dtype).kind == "i":
        ends = np.iinfo(dtype)
        return np.where(RNG.random(shape) < kind / 4, ends.min if kind > 2 else 5, x).astype(dtype)
    if kind == 1:
        x = np.round(x)
    if kind == 2:
        x = np.where(RNG.random(shape) < 0.2, np.nan, np.round(x))
    if kind == 3:
        x = np.where(RNG.random(shape) < 0.7, -np.inf, np.where(x > 2, np.inf, x))
    if kind == 4:
        x = np.where(RNG.random(shape) < 0.9, np.nan, -np.inf)
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.complex128])
def test_both_ends_of_both_orders(dtype: Any) -> None:
    for kind, (shape, axis) in itertools.product(
        range(5), [((40,), 0), ((5, 50), 1), ((33, 4), 0)]
    ):
        x = numbers(kind, dtype, shape)
        size = shape[axis]
        rising = np.argsort(x, axis=axis, kind="stable")
        falling = size - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
        for count in (1, 7, 20, size):
            for order, descending in ((rising, False), (falling, True)):
                for last in (False, True):
                    given = (axis, descending, count, last)
                    found = order_part._order_part.evaluate(x, *given)
                    wanted = range(size - count, size) if last else range(count)
                    np.testing.assert_array_equal(found, np.take(order, wanted, axis))


def orders(f: Any, *arguments: Any) -> list[str]:
    """The sorting that is left of a function after the passes."""
    nodes = topological_order(ad.compile(f).trace(*arguments).optimised)
    return [node.op.name for node in nodes if node.op.family == "sorting"]


@pytest.mark.native
def test_who_reads_an_end_sorts_no_more() -> None:
    x = RNG.normal(size=(6, 100))
    assert orders(lambda x: ad.top_k(x, 5), x) == ["order_part"]
    assert orders(lambda x: ad.argsort(x)[:, -5:], x) == ["order_part"]
    assert orders(lambda x: ad.argsort(x, axis=0)[:1], x) == ["argsort"]  # of six
    assert orders(lambda x: ad.argsort(x)[:, 5:9], x) == ["argsort"]
    assert orders(lambda x: ad.argsort(x)[:, :60], x) == ["argsort"]
    assert orders(lambda x: ad.argsort(x)[:3, :5], x) == ["argsort"]
    both = orders(lambda x: (ad.top_k(x, 5), ad.argsort(x, descending=True)), x)
    assert both == ["argsort"]


@pytest.mark.native
def test_the_largest_with_their_gradient() -> None:
    """Of rows with ties the first ones are taken; as by the interpreter, at both orders."""
    x = RNG.normal(size=(30, 90))
    x[:, ::7] = 1.5

    def loss(x: Any) -> Any:
        values, places = ad.top_k(x, 6)
        return ad.sum(ad.exp(values) * (places % 3))

    value, slope = ad.compile(ad.value_and_grad(loss))(x)
    order = np.argsort(-x, axis=1, kind="stable")[:, :6]
    taken = np.take_along_axis(x, order, 1)
    np.testing.assert_allclose(value, (np.exp(taken) * (order % 3)).sum(), rtol=1e-13)
    expected = np.zeros_like(x)
    np.put_along_axis(expected, order, np.exp(taken) * (order % 3), 1)
    np.testing.assert_allclose(slope, expected, rtol=1e-13)
    mapped = ad.compile(ad.vmap(lambda row: ad.top_k(row, 6)[1]))(x)
    np.testing.assert_array_equal(mapped, order)
