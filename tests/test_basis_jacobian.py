"""Jacobians: all basis vectors at once give what each gives alone, with no more zeros in the
graph than the result has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order

pytestmark = pytest.mark.unit

N = 24
MATRIX = np.cos(np.arange(N * 7.0)).reshape(7, N)
CHOICE = np.arange(N) % 3 == 0
PLACES = np.array([3, 1, 4, 1, 5, 9, 2, 6])

Function = Callable[[Any], Any]

FUNCTIONS: dict[str, Function] = {
    "elementwise": lambda x: ad.sin(x) * x / (1.0 + x * x) - x,
    "neighbours": lambda x: x[1:] * x[:-1] - x[1:] / x[:-1],
    "steps": lambda x: x[::2] * x[::-2],
    "convolution by hand": lambda x: x[2:] - 2.0 * x[1:-1] * x[1:-1] + x[:-2],
    "sum": lambda x: ad.sum(x * x),
    "sums of rows": lambda x: ad.sum(ad.reshape(x * x, (4, 6)), axis=1),
    "sums of repetitions": lambda x: ad.sum(x * ad.ones((3, 1)), axis=0),
    "outer": lambda x: ad.reshape(x, (-1, 1)) * x,
    "matrix": lambda x: ad.exp(ad.reshape(x, (4, 6))).T,
    "product": lambda x: ad.tanh(MATRIX @ (x * x)),
    "product on the right": lambda x: (x * x) @ MATRIX.T,
    "product of parts": lambda x: MATRIX[:, 4:20] @ ad.exp(x[4:20]),
    "product of matrices": lambda x: MATRIX[:, :6] @ ad.reshape(x * x, (6, 4)),
    "product with itself": lambda x: ad.reshape(x, (4, 6)) @ ad.reshape(x, (6, 4)),
    "choice": lambda x: ad.where(CHOICE, x * x, ad.sqrt(x)),
    "choice of one": lambda x: ad.where(CHOICE, x * x, 1.0),
    "choice of neighbours": lambda x: ad.where(CHOICE[1:], x[1:], x[:-1]),
    "joined": lambda x: ad.concat([x * x, ad.zeros(3), ad.sin(x[2:5])]),
    "joined neighbours": lambda x: ad.concat([x[1:] * x[:-1], x]),
    "stacked": lambda x: ad.stack([x, x * x, ad.zeros(N)]),
    "gathered": lambda x: ad.take(x * x, ad.asarray(PLACES)),
    "added to places": lambda x: ad.index_add(x, PLACES, x[:8] * x[8:16]),
    "added to distinct places": lambda x: ad.index_add(x, PLACES[4:], x[:4] * x[8:12]),
    "set": lambda x: ad.setitem(x * x, slice(3, 7), ad.exp(x[4:8])),
    "running": lambda x: ad.cumsum(x * x),
    "largest": lambda x: ad.max(x) * x,
    "softmax": lambda x: ad.softmax(x),
    "one element": lambda x: x[3] * x[3],
    "many neighbours": lambda x: sum((x[k : k + 4] * x[:4] for k in range(20)), ad.zeros(4)),
    "single precision": lambda x: ad.astype(x, np.float32) * 0.5,
}


def point() -> np.ndarray:
    return 0.5 + np.arange(N) / N


def one_by_one(f: Function, x: np.ndarray) -> np.ndarray:
    """The Jacobian from a tangent for each direction alone."""
    columns = [np.asarray(ad.jvp(f, (x,), (unit,))[1]) for unit in np.eye(N)]
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("transform", [ad.jacfwd, ad.jacrev])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_basis_tangents_give_the_jacobian(name: str, transform: Any) -> None:
    """Forward and reverse, the Jacobian has the columns that single directions give."""
    f, x = FUNCTIONS[name], point()
    np.testing.assert_allclose(transform(f)(x), one_by_one(f, x), rtol=1e-12, atol=1e-14)


@pytest.mark.native
@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessians_of_compiled_functions(name: str) -> None:
    """The Hessian of a sum, compiled, has the columns that single directions give."""
    f, x = FUNCTIONS[name], point()

    def total(x: Any) -> Any:
        return ad.sum(ad.square(f(x)))

    expected = one_by_one(ad.grad(total), x)
    found = np.asarray(ad.compile(ad.hessian(total))(x))
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_arguments_of_several_axes() -> None:
    """The axes of the argument follow those of the output."""
    x = point().reshape(2, 3, 4)
    found = np.asarray(ad.jacobian(lambda x: x[:, 1:] * x[:, :-1])(x))
    expected = one_by_one(lambda x: (lambda m: m[:, 1:] * m[:, :-1])(x.reshape((2, 3, 4))), point())
    assert found.shape == (2, 2, 4, 2, 3, 4)
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def test_third_derivatives() -> None:
    """What the zeros are put into can be differentiated again, forward and back."""
    x = point()[:6]
    expected = np.zeros((6, 6, 6))
    expected[np.arange(6), np.arange(6), np.arange(6)] = np.exp(x)
    for transform in (ad.jacfwd, ad.jacrev):
        found = transform(ad.hessian(lambda x: ad.sum(ad.exp(x))))(x)
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def widest(f: Function, x: np.ndarray) -> list[str]:
    """The operations of a Jacobian that make as many elements as it has."""
    jacobian = ad.jacobian(f)
    traced = ad.compile(jacobian)
    size = np.asarray(traced(x)).size
    nodes = topological_order(traced._last().outputs)
    return [n.op.name for n in nodes if int(np.prod(n.shape)) >= size]


@pytest.mark.parametrize("name", ["elementwise", "neighbours", "steps", "choice", "joined"])
def test_only_the_result_stores_zeros(name: str) -> None:
    """The values are worked on without the zeros between them."""
    assert widest(FUNCTIONS[name], point()) == ["scatter_add", "reshape"]


def energy(x: Any) -> Any:
    """What a grid of numbers costs for its curvature."""
    u = ad.reshape(x, (14, 14))
    inner = 4 * u[1:-1, 1:-1] - u[2:, 1:-1] - u[:-2, 1:-1] - u[1:-1, 2:] - u[1:-1, :-2]
    return ad.sum(inner**3)


def test_a_grid_has_many_neighbours() -> None:
    """Thirteen to each point, none of them worked on together with all others."""
    x = np.cos(np.arange(196.0))
    units = np.eye(196)
    expected = np.stack([np.asarray(ad.hvp(energy, x, unit)) for unit in units[:20]], axis=-1)
    found = np.asarray(ad.compile(ad.hessian(energy))(x))
    np.testing.assert_allclose(found[:, :20], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found, found.T, rtol=1e-12, atol=1e-12)
    assert widest(ad.grad(energy), x) == ["scatter_add", "reshape"]


@pytest.mark.parametrize("then", [ad.cumsum, lambda y: ad.convolve(y, np.ones(3)), ad.softmax])
def test_operations_that_need_the_zeros_have_them(then: Function) -> None:
    """After one neighbour, or several, an operation without a rule of its own."""
    for f in (lambda x: then(x * x), lambda x: then(x[2:] * x[1:-1] * x[:-2])):
        x = point()
        found = np.asarray(ad.compile(ad.jacfwd(f))(x))
        np.testing.assert_allclose(found, one_by_one(f, x), rtol=1e-12, atol=1e-14)


def test_products_with_diagonals_are_elementwise() -> None:
    """The Jacobian of a product with a matrix is the matrix, scaled."""
    assert "matmul" not in widest(FUNCTIONS["product"], point())


def test_the_graph_of_a_jacobian_grows_as_the_function() -> None:
    """Along a chain of turns, each by an angle of its own, the graph grows as the chain does."""

    def turned(x: Any) -> Any:
        result: Any = np.eye(2)
        for i in range(N):
            c, s = ad.cos(x[i]), ad.sin(x[i])
            result = result @ ad.reshape(ad.stack([c, -s, s, c]), (2, 2))
        return result

    jacobian = ad.jacfwd(turned)
    traced = ad.compile(jacobian)
    traced(point())
    assert len(topological_order(traced._last().outputs)) < 40 * N
    np.testing.assert_allclose(jacobian(point()), one_by_one(turned, point()), atol=1e-12)


def test_structural_zeros_stay_zero_beside_infinity() -> None:
    """What does not depend on an element has derivative 0 by it, and is not 0·∞."""
    x = np.array([1.0, 0.0, 4.0, 9.0, 16.0, 25.0])
    found = np.asarray(ad.jacobian(ad.sqrt)(x))
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(found, np.diag(0.5 / np.sqrt(x)))
