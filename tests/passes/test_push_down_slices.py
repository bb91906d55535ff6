"""Products of which only some rows or columns are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import OutOfBoundsError
from adjoint.graph.order import topological_order
from adjoint.graph.verify import verify
from adjoint.passes.pipeline import optimise
from tests.passes.graphs import graph_of, values_of

pytestmark = pytest.mark.unit

A, B, S = (60, 20), (20, 50), (3, 60, 20)
ROWS = np.array([3, -1, 3, 59, 0])
TABLE = np.array([[1, 2, 3], [0, -2, 1]])
WEIGHTS = np.linspace(-1.0, 1.0, 60)

Case = tuple[Callable[..., Any], tuple[Any, ...], list[tuple[int, ...]]]

NARROWED: dict[str, Case] = {
    "rows": (lambda a, b: ad.take(a @ b, ROWS, axis=0), (A, B), [(5, 50)]),
    "columns": (lambda a, b: ad.take(a @ b, TABLE, axis=1), (A, B), [(60, 6)]),
    "one row": (lambda a, b: (a @ b)[7], (A, B), [(1, 50)]),
    "every third column": (lambda a, b: (a @ b)[:, 40::-3], (A, B), [(60, 14)]),
    "matrices of a stack": (lambda a, b: (a @ b)[1], (S, (3, *B)), [(1, 60, 50)]),
    "through what is elementwise": (
        lambda a, b, c: ad.take(ad.tanh(a @ b + c) * WEIGHTS[:, None], TABLE, axis=0),
        (A, B, (50,)),
        [(6, 50)],
    ),
    "through transposes and reshapes": (
        lambda a, b: ad.take(ad.reshape((a @ b).T, (5, 10, 60)), ROWS, axis=2),
        (A, B),
        [(5, 50)],
    ),
    "through a sum": (lambda a, b: ad.sum(a @ b, axis=1)[5:9], (A, B), [(4, 50)]),
    "products of products": (
        lambda a, b, c: ad.take(c @ (a @ b), TABLE, axis=1),
        (A, B, (30, 60)),
        [(60, 6), (30, 6)],
    ),
    "one that is chosen from twice": (
        lambda a, b: (ad.take(a @ b, ROWS, axis=0), ad.take(ad.exp(a @ b), ROWS, axis=0)),
        (A, B),
        [(5, 50)],
    ),
}

WHOLE: dict[str, Case] = {
    "an output": (lambda a, b: (a @ b, (a @ b)[7]), (A, B), [(60, 50)]),
    "looked at elsewhere": (lambda a, b: (a @ b)[7] * ad.sum(a @ b), (A, B), [(60, 50)]),
    "different choices": (lambda a, b: (a @ b)[7] + (a @ b)[8], (A, B), [(60, 50)]),
    "most rows": (lambda a, b: (a @ b)[:40], (A, B), [(60, 50)]),
    "two axes": (lambda a, b: (a @ b)[:5, :5], (A, B), [(60, 50)]),
    "a small one": (lambda a, b: (a @ b)[0], ((6, 5), (5, 4)), [(6, 4)]),
    "a choice by the product itself": (
        lambda a, b: ad.take(a @ b, ad.argmax((a @ b)[3]), axis=0),
        (A, B),
        [(60, 50)],
    ),
    "a choice by a chosen row of it": (
        lambda a, b: ad.take(c := a @ b, ad.astype(ad.take(c, ROWS, axis=0)[0, :3], "int64") * 0),
        (A, B),
        [(60, 50)],
    ),
}


def products_of(outputs: list[Any]) -> list[tuple[int, ...]]:
    return [n.shape for n in topological_order(outputs) if n.op.name == "matmul"]


def check(case: Case) -> None:
    f, kinds, products = case
    inputs, outputs = graph_of(f, *kinds)
    found = optimise(outputs, inputs)
    verify(found)
    assert products_of(found) == products
    assert [(n.shape, n.dtype) for n in found] == [(n.shape, n.dtype) for n in outputs]
    rng = np.random.default_rng(0)
    given = {node: rng.normal(size=node.shape) for node in inputs}
    for ours, expected in zip(values_of(found, given), values_of(outputs, given), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NARROWED)
def test_only_elements_that_are_read_are_computed(name: str) -> None:
    check(NARROWED[name])


@pytest.mark.parametrize("name", WHOLE)
def test_a_product_that_is_also_read_whole_is_not_sliced(name: str) -> None:
    check(WHOLE[name])


def test_rows_and_columns_of_a_square_matrix() -> None:
    """Rows of x x are rows of one factor and all of the other."""
    check((lambda x: (x @ x)[:5], ((40, 40),), [(40, 40)]))
    check((lambda x: (x @ x.T)[:5], ((40, 40),), [(5, 40)]))


def test_inputs_of_an_index_are_sliced_too() -> None:
    """The places come from a product of which little is looked at."""

    def f(a: Any, b: Any) -> Any:
        places = ad.astype(ad.abs((a @ b)[4, :7]) * 0.0, "int64")
        return ad.take(b.T @ a.T, places, axis=0)

    check((f, (A, B), [(60, 50), (7, 60)]))


@pytest.mark.native
def test_compiled_values_and_derivatives() -> None:
    """By the factors, and in a Jacobian, whose tangents are narrowed like the value."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=A), rng.normal(size=B)

    def f(a: Any, b: Any) -> Any:
        return ad.take(ad.sin(a @ b).T, TABLE, axis=0)

    expected = np.sin(a @ b).T[TABLE]
    np.testing.assert_allclose(ad.compile(f)(a, b), expected, rtol=1e-12, atol=1e-13)
    way = rng.normal(size=A)
    tangent = ad.compile(lambda a: ad.jvp(lambda a: f(a, b), (a,), (way,))[1])(a)
    np.testing.assert_allclose(tangent, (np.cos(a @ b) * (way @ b)).T[TABLE], atol=1e-12)
    gradient = ad.compile(ad.grad(lambda a: ad.sum(f(a, b))))(a)
    counts = np.bincount(TABLE.ravel() % 50, minlength=50)
    np.testing.assert_allclose(gradient, (np.cos(a @ b) * counts) @ b.T, atol=1e-11)


@pytest.mark.native
def test_an_index_out_of_bounds_is_still_an_error() -> None:
    """Also where the rows of one factor are chosen, not those of the product."""
    f = ad.compile(lambda a, b, i: ad.take(a @ b, i, axis=0))
    a, b = np.ones(A), np.ones(B)
    assert np.asarray(f(a, b, np.array([59, -60]))).shape == (2, 50)
    with pytest.raises(OutOfBoundsError):
        f(a, b, np.array([0, 60]))
