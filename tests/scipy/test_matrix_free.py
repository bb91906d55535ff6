"""cg, bicgstab and gmres for functions that multiply, against dense solutions."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(0)
N = 12
B = RNG.normal(size=(N, N))
POSITIVE = B @ B.T + N * np.eye(N)
GENERAL = B + 5 * np.eye(N)
RIGHT = RNG.normal(size=N)
METHODS = {"cg": POSITIVE, "bicgstab": GENERAL, "gmres": GENERAL}


def solver(method, **options):
    function = getattr(ad.sparse.linalg, method)
    return lambda A, b: function(lambda v: A @ v, b, rtol=1e-13, **options)[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("compiled", [False, True])
def test_solution_and_derivatives(method, compiled):
    a, w = METHODS[method], RNG.normal(size=N)

    def value(a, b):
        return w @ solver(method)(a, b)

    f = ad.value_and_grad(value, (0, 1))
    found, (by_a, by_b) = (ad.compile(f) if compiled else f)(a, RIGHT)
    x, back = np.linalg.solve(a, RIGHT), np.linalg.solve(a.T, w)
    assert float(found) == pytest.approx(w @ x, rel=1e-9)
    np.testing.assert_allclose(by_b, back, rtol=1e-8)
    expected = -np.outer(back, x)
    if method == "cg":  # within symmetric matrices
        by_a, expected = by_a + np.asarray(by_a).T, expected + expected.T
    np.testing.assert_allclose(by_a, expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_forward_second_order_and_many(method):
    a, solve = METHODS[method], solver(method)
    v = RNG.normal(size=N)
    _, moved = ad.jvp(lambda s: solve(a * s, RIGHT), (2.0,), (1.0,))
    np.testing.assert_allclose(moved, -np.linalg.solve(a, RIGHT) / 4, rtol=1e-8)
    second = ad.grad(ad.grad(lambda s: v @ solve(a * s, RIGHT)))(2.0)
    assert float(second) == pytest.approx(v @ np.linalg.solve(a, RIGHT) / 4, rel=1e-7)
    many = ad.vmap(lambda b: solve(a, b))(np.stack([RIGHT, 2 * RIGHT]))
    np.testing.assert_allclose(many[1], 2 * np.linalg.solve(a, RIGHT), rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_trees_preconditioners_and_guesses(method):
    a = METHODS[method]
    diagonal = np.diag(a)

    def product(tree):
        y = a @ ad.concat([tree["u"], tree["v"]])
        return {"u": y[:5], "v": y[5:]}

    def near(tree):
        return {"u": tree["u"] / diagonal[:5], "v": tree["v"] / diagonal[5:]}

    b = {"u": RIGHT[:5], "v": RIGHT[5:]}
    x, info = getattr(ad.sparse.linalg, method)(product, b, b, rtol=1e-13, M=near)
    expected = np.linalg.solve(a, RIGHT)
    np.testing.assert_allclose(x["u"], expected[:5], rtol=1e-8)
    np.testing.assert_allclose(x["v"], expected[5:], rtol=1e-8)
    assert int(info) == 0


def test_gmres_with_restarts():
    x = solver("gmres", restart=4)(GENERAL, RIGHT)
    np.testing.assert_allclose(x, np.linalg.solve(GENERAL, RIGHT), rtol=1e-8)


def test_complex_systems():
    a = GENERAL + 1j * RNG.normal(size=(N, N))
    for method in ("bicgstab", "gmres"):
        x = solver(method)(a, RIGHT + 1j)
        np.testing.assert_allclose(x, np.linalg.solve(a, RIGHT + 1j), rtol=1e-7)


def test_no_success_is_told():
    _, info = ad.sparse.linalg.cg(lambda v: POSITIVE @ v, RIGHT, rtol=1e-14, maxiter=2)
    assert int(info) == 2


def test_a_right_side_of_zeros():
    for method, a in METHODS.items():
        np.testing.assert_array_equal(solver(method)(a, np.zeros(N)), np.zeros(N))


def test_errors():
    with pytest.raises(ArgumentError, match="must return what is like its argument"):
        ad.sparse.linalg.cg(lambda v: v[:2], RIGHT)
    with pytest.raises(ArgumentError, match="M must be a function like A"):
        ad.sparse.linalg.cg(lambda v: v, RIGHT, M=POSITIVE)
