"""Dense Jacobians and Hessians in blocks that fit into a budget."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError

pytestmark = pytest.mark.unit

A = np.random.default_rng(0).normal(size=(7, 5))
X = np.linspace(0.1, 0.9, 5)


def tall(x):
    return ad.reshape(ad.sin(A @ x) * x[0], (7, 1))


def wide(x):
    return ad.tanh(A[:3] @ ad.reshape(x, (5,)) ** 2)


@pytest.mark.parametrize("memory", [1, 300, 10**6])
@pytest.mark.parametrize("compiled", [False, True])
def test_blocks_are_as_a_whole(memory, compiled):
    for f, x in ((tall, X), (wide, X.reshape(5, 1)), (lambda x: ad.sum(x**3), X)):
        blocks = ad.jacobian(f, memory=memory)
        found = (ad.compile(blocks) if compiled else blocks)(x)
        np.testing.assert_allclose(found, ad.jacobian(f)(x), rtol=1e-12, atol=1e-14)
    f = lambda x, a: ad.sum(ad.exp(A @ x) * a)
    blocks = ad.hessian(f, memory=memory)
    found = (ad.compile(blocks) if compiled else blocks)(X, 2.0)
    np.testing.assert_allclose(found, ad.hessian(f)(X, 2.0), rtol=1e-12)


@pytest.mark.parametrize("wrt", ["a", ("a",), lambda path, leaf: path == "a"])
def test_blocks_of_a_part_and_with_more_beside(wrt):
    p = {"a": X, "b": 2.0}
    for kind, f in (
        (ad.jacobian, lambda p: (tall(p["a"] * p["b"]), "aux")),
        (ad.hessian, lambda p: (ad.sum(p["a"] ** 3 * p["b"]), "aux")),
    ):
        found, aux = kind(f, has_aux=True, memory=300, wrt=wrt)(p)
        expected, _ = kind(f, has_aux=True, wrt=wrt)(p)
        assert aux == "aux"
        assert optree.tree_structure(found) == optree.tree_structure(expected)
        optree.tree_map(np.testing.assert_allclose, found, expected)


def test_the_budget_is_kept():
    """The whole would take more than 70 MB for the sweeps; a block of the loop takes a few."""
    n = 3000

    def f(x):
        for _ in range(3):
            x = ad.sin(x[::-1] * x)
        return x

    compiled = ad.compile(ad.jacobian(f, memory=2_000_000))
    compiled(np.linspace(0.0, 1.0, n))
    assert compiled.cost(np.linspace(0.0, 1.0, n)).peak_memory < 8 * n * n * 2 + 20_000_000


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: ad.jacobian(tall, memory=0), RangeError, "positive number of bytes"),
        (lambda: ad.jacobian(tall, (0,), memory=9), ArgumentError, "must be one position"),
        (lambda: ad.jacobian(tall, 0, True, memory=9)(X), ArgumentError, "must return a pair"),
        (
            lambda: ad.hessian(lambda p: ad.sum(p["a"]), memory=9, wrt=("a", "b"))(
                {"a": X, "b": X}
            ),
            ArgumentError,
            "one part must be named",
        ),
        (lambda: ad.jacobian(lambda x: (x, x), memory=9)(X), ArgumentError, "return one tensor"),
        (lambda: ad.jacobian(lambda p: p["a"], memory=9)({"a": X}), ArgumentError, "one tensor"),
    ],
)
def test_errors_say_what_to_do(call, error, says):
    with pytest.raises(error, match=says):
        call()
