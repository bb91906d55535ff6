"""Reshapes: splitting an axis is arithmetic on indices, another view of memory costs nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.ops.shape.movement import split_axes
from tests.native.running import step_kinds

pytestmark = pytest.mark.native

SPLITS = [
    ((6, 20), (6, 4, 5)),
    ((24,), (2, 3, 4)),
    ((6, 1, 20), (2, 3, 20, 1)),
    ((12, 10), (3, 4, 2, 5)),
    ((1, 8), (2, 1, 4)),
    ((70, 30), (7, 10, 3, 10)),
    ((1,), (1, 1)),
    ((0, 4), (0, 2, 2)),
]
JOINS = [((6, 4, 5), (6, 20)), ((2, 3, 4), (24,)), ((4, 6), (6, 4)), ((4, 6), (2, 12)), ((), (1,))]


@pytest.mark.parametrize(("given", "shape"), [*SPLITS, *JOINS], ids=str)
@pytest.mark.parametrize("name", ["cheap", "expensive", "sums", "outputs"])
def test_between_other_operations(name, given, shape):
    x = np.random.default_rng(0).normal(size=given)
    scale = np.random.default_rng(1).normal(size=shape)

    def f(x):
        match name:
            case "cheap":
                return ad.reshape(x - 2.0, shape) * scale
            case "expensive":
                return ad.reshape(ad.exp(x) / (1.0 + x * x), shape) * scale
            case "sums":
                y = ad.reshape(x * 3.0, shape) * scale
                return ad.sum(y, axis=-1), ad.sum(-ad.reshape(y, given))
        y = x * 2.0
        return y, ad.reshape(y, shape), ad.reshape(y, shape) * scale

    ours, expected = ad.compile(f)(x), f(x)
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (ours, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, strict=True)


@pytest.mark.parametrize(("given", "shape"), SPLITS[:-1], ids=str)
def test_which_axes_are_split(given, shape):
    """The index into the tensor, from the axes it says, is that of the reshaped one."""
    axes = split_axes(given, shape)
    x = np.arange(np.prod(given)).reshape(given)
    y = x.reshape(shape)
    for index in np.ndindex(shape):
        where = []
        for own in axes:
            i = 0
            for axis in own:
                i = i * shape[axis] + index[axis]
            where.append(i)
        assert x[tuple(where)] == y[index]


def test_joining_axes_is_not_splitting():
    assert all(split_axes(given, shape) is None for given, shape in JOINS[:-1])


def test_an_axis_is_split_without_storing_it():
    """One loop after a product, where there were two with a result between them."""
    centre = np.linspace(0.0, 1.0, 60)
    f = ad.compile(lambda a, b: ad.sum(ad.reshape(a @ b - centre, (40, 6, 10)) ** 2, axis=2))
    a, b = np.ones((40, 3)), np.ones((3, 60))
    assert step_kinds(f, a, b) == ["gemm", "kernel"]
    np.testing.assert_allclose(f(a, b), ((a @ b - centre).reshape(40, 6, 10) ** 2).sum(2))


def test_a_sum_of_joined_axes_is_taken_where_they_are_computed():
    """So it goes over the rows while they are there, and not over the whole result again."""
    weights = np.linspace(-1.0, 1.0, 10)

    def f(x):
        y = ad.tanh(x) * weights
        joined = ad.reshape(y, (40, 60))
        return joined, ad.sum(-joined, axis=0)

    x = np.random.default_rng(0).normal(size=(40, 6, 10))
    compiled = ad.compile(f)
    assert len(step_kinds(compiled, x)) == 1
    expected = (np.tanh(x) * weights).reshape(40, 60)
    for ours, theirs in zip(compiled(x), (expected, -expected.sum(0)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


def test_an_axis_more_or_less_of_a_result_is_no_copy():
    f = ad.compile(lambda x: ad.expand_dims(ad.sum(x, axis=1), 1))
    x = np.random.default_rng(0).normal(size=(50, 20))
    assert len(step_kinds(f, x)) == 1
    np.testing.assert_allclose(f(x), x.sum(1)[:, None])


def test_a_product_read_under_two_other_shapes_one_of_them_a_result() -> None:
    """It is computed in the memory of the result, where the other shape must find it."""
    x = np.arange(21.0).reshape(3, 7) / 10

    def f(x: Any) -> Any:
        y = ad.sin(x) @ ad.reshape(ad.tanh(x), (7, 3))
        return ad.exp(-ad.reshape(y, (1, 9))), ad.reshape(y, (1, 3, 3)), ad.sum(ad.reshape(y, (9,)))

    for found, expected in zip(ad.compile(f)(x), f(ad.asarray(x)), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-12, strict=True)
