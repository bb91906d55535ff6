"""Solutions of equations have the derivatives of implicit functions, in every mode and engine."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    ConvergenceWarning,
    DTypeError,
    NotDifferentiableError,
    ShapeError,
)
from tests.sampling import in_turn

RNG = np.random.default_rng(4)
A = RNG.normal(size=(3, 3)) / 4 + 2 * np.eye(3)
B = RNG.normal(size=3)


def same(a, b, rtol=1e-8):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-11)


def equation(x, a, b):
    """Three equations with one root near zero."""
    return a @ x + 0.1 * ad.sin(x) - b


def by_root(a, b):
    return ad.root(equation, np.zeros(3), a, b)


def by_closure(a, b):
    return ad.root(lambda x: equation(x, a, b), np.zeros(3), tol=1e-13)


def by_fixed_point(a, b):
    return ad.fixed_point(lambda x, a, b: x - 0.4 * equation(x, a, b), np.zeros(3), a, b)


def dense(g, y):
    return ad.linalg.solve(ad.jacobian(g)(y), y)


def newton(f, x):
    return ad.fori_loop(0, 8, lambda _, x: x - ad.linalg.solve(ad.jacobian(f)(x), f(x)), x)


def by_custom_root(a, b):
    return ad.custom_root(lambda x: equation(x, a, b), np.zeros(3), newton, dense)


def by_iterative_tangents(a, b):
    def tangent_solve(g, y):
        return ad.custom_linear_solve(g, y, richardson, richardson)

    return ad.custom_root(lambda x: equation(x, a, b), np.zeros(3), newton, tangent_solve)


def richardson(matvec, b):
    return ad.fori_loop(0, 80, lambda _, x: x - 0.4 * (matvec(x) - b), 0 * b)


def written_out(a, b):
    x = np.zeros(3)
    for _ in range(9):
        jacobian = a + 0.1 * ad.diag(ad.cos(x))
        x = x - ad.linalg.solve(jacobian, equation(x, a, b))
    return x


SOLVERS = [by_root, by_closure, by_fixed_point, by_custom_root, by_iterative_tangents]
DERIVATIVES = {
    "value": lambda f: lambda a, b: f(a, b),
    "reverse": lambda f: ad.jacrev(f),
    "forward": lambda f: ad.jacfwd(f, 1),
    "reverse over reverse": lambda f: ad.jacrev(ad.jacrev(f, 1), 0),
    "forward over reverse": lambda f: ad.jacfwd(ad.jacrev(f, 0), 1),
    "reverse over forward": lambda f: ad.grad(
        lambda a, b: ad.sum(ad.jvp(f, (a, b), (a * a, ad.cos(b)))[1])
    ),
    "vmap": lambda f: (
        lambda a, b: ad.vmap(ad.grad(lambda a, b: ad.sum(f(a, b) ** 2)), in_axes=(None, 0))(
            a, ad.stack([b, 2 * b])
        )
    ),
}


@pytest.mark.parametrize(
    ("solver", "compiled", "derive"), in_turn(SOLVERS, [False, True], DERIVATIVES, times=2)
)
def test_derivatives_are_those_of_the_iteration(solver, compiled, derive):
    got, want = DERIVATIVES[derive](solver), DERIVATIVES[derive](written_out)
    same((ad.compile(got) if compiled else got)(A, B), want(A, B))


@pytest.mark.parametrize("method", ["hybr", "lm", "broyden1", "krylov", "df-sane"])
def test_methods_of_scipy(method):
    def norm(b, how):
        return ad.sum(ad.root(equation, np.zeros(3), A, b, method=how, tol=1e-12) ** 2)

    same(ad.grad(norm)(B, method), ad.grad(norm)(B, "hybr"), 1e-6)


def test_options_go_to_scipy():
    options = {"jac_options": {"method": "gmres"}, "maxiter": 50}
    x = ad.root(equation, np.zeros(3), A, B, method="krylov", options=options)
    same(x, written_out(A, B), 1e-4)


def test_solvers_may_read_values_that_change():
    factor = 1.0

    def tangent_solve(g, y):
        return factor * y / g(1.0)

    def f(a):
        halve = lambda f, x: ad.fori_loop(0, 40, lambda _, x: x - f(x) / 12, x)
        step = lambda c, _: (ad.custom_root(lambda x: x**3 - c, 2.0, halve, tangent_solve), None)
        return ad.scan(step, a, length=1)[0]

    for factor in (1.0, 2.0):
        assert float(ad.grad(f)(8.0)) == pytest.approx(factor / 12)


def test_the_guess_has_no_derivative():
    def f(x0):
        return ad.root(lambda x: x**3 - 8.0, x0)

    assert float(ad.grad(f)(1.0)) == 0.0
    assert float(ad.jvp(f, (1.0,), (1.0,))[1]) == 0.0


def test_single_precision_comes_back():
    x = ad.root(
        lambda x, a: x * x - a, ad.ones(2, dtype="float32"), 4 * ad.ones(2, dtype="float32")
    )
    assert x.dtype == np.float32
    same(x, [2.0, 2.0], 1e-6)


def test_trees_of_arguments():
    def solve(p):
        return ad.root(lambda x, p: p["w"] * x - p["b"][0], 1.0, p)

    slopes = ad.grad(solve)({"w": 2.0, "b": (6.0,)})
    assert float(slopes["w"]) == pytest.approx(-1.5)
    assert float(slopes["b"][0]) == pytest.approx(0.5)


@pytest.mark.parametrize("compiled", [False, True])
def test_what_does_not_converge_warns(compiled):
    def no_root(a):
        return ad.root(lambda x, a: x * x + a, 1.0, a)

    def runs_away(a):
        return ad.fixed_point(lambda x, a: a * x + 1.0, 1.0, a, maxiter=5)

    for f in (no_root, runs_away):
        with pytest.warns(ConvergenceWarning, match="did not converge"):
            float((ad.compile(f) if compiled else f)(2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(by_root(A, B), written_out(A, B))


LINEAR = {
    "reverse": lambda f: ad.jacrev(f, (0, 1)),
    "forward": lambda f: ad.jacfwd(f, (0, 1)),
    "reverse over reverse": lambda f: ad.jacrev(ad.jacrev(f), 1),
    "forward over reverse": lambda f: ad.jacfwd(ad.jacrev(f)),
    "vmap": lambda f: lambda a, b: ad.vmap(f, in_axes=(None, 0))(a, ad.stack([b, 2 * b])),
}


@pytest.mark.parametrize("compiled", [False, True], ids=["", "compiled"])
@pytest.mark.parametrize("derive", LINEAR)
def test_linear_solves(derive, compiled):
    def f(a, b):
        scale = ad.sum(b * b)  # the matrix is made outside, of both arguments

        def back(vecmat, y):
            return richardson(vecmat, y)

        x = ad.custom_linear_solve(
            lambda x: {"x": (a * scale) @ x["x"] / scale},
            {"x": b},
            lambda matvec, y: {"x": richardson(lambda x: matvec({"x": x})["x"], y["x"])},
            lambda vecmat, y: {"x": back(lambda x: vecmat({"x": x})["x"], y["x"])},
        )
        return x["x"]

    got, want = LINEAR[derive](f), LINEAR[derive](ad.linalg.solve)
    got = (ad.compile(got) if compiled else got)(A, B)
    for one, other in zip(ad.evaluate(got), ad.evaluate(want(A, B)), strict=True):
        same(one, other)


@pytest.mark.parametrize("compiled", [False, True])
def test_what_solvers_return_beside(compiled):
    def counting(matvec, y):
        def step(state):
            x, n = state
            return x - 0.4 * (matvec(x) - y), n + 1

        x, n = ad.while_loop(lambda s: ad.sum((matvec(s[0]) - y) ** 2) > 1e-24, step, (0 * y, 0))
        return x, {"steps": n, "size": ad.sum(x)}

    def linear(a, b):
        x, aux = ad.custom_linear_solve(lambda x: a @ x, b, counting, counting, has_aux=True)
        return ad.sum(x**2) + aux["size"], aux["steps"]

    def rooted(a, b):
        x, aux = ad.custom_root(
            lambda x: a @ x - b, 0 * B, lambda f, x: (newton(f, x), ad.sum(x)), dense, has_aux=True
        )
        return ad.sum(x**2) + aux, 1

    want = ad.hessian(lambda a, b: ad.sum(ad.linalg.solve(a, b) ** 2), 1)(A, B)
    for f in (linear, rooted):
        got = ad.hessian(lambda a, b, f=f: f(a, b)[0], 1)
        same((ad.compile(got) if compiled else got)(A, B), want)
        assert int((ad.compile(f) if compiled else f)(A, B)[1]) >= 1
        both = ad.vmap(lambda b, f=f: ad.grad(lambda b: f(A, b)[0])(b))(np.stack([B, 2 * B]))
        same(both[0], ad.grad(lambda b: ad.sum(ad.linalg.solve(A, b) ** 2))(B))


def test_a_symmetric_solve_serves_both_ways():
    def f(a, b):
        s = a + a.T
        return ad.sum(ad.custom_linear_solve(lambda x: s @ x, b, dense, symmetric=True) ** 2)

    def want(a, b):
        return ad.sum(ad.linalg.solve(a + a.T, b) ** 2)

    same(ad.grad(f)(A, B), ad.grad(want)(A, B))
    same(ad.hessian(f, 1)(A, B), ad.hessian(want, 1)(A, B))


def test_a_solver_may_read_what_has_derivatives():
    def f(a, b):
        start = b * b  # where the iteration starts makes no difference

        def solve(matvec, y):
            return ad.fori_loop(0, 80, lambda _, x: x - 0.4 * (matvec(x) - y), start)

        return ad.custom_linear_solve(lambda x: a @ x, b, solve, richardson)

    same(ad.jacrev(ad.jacfwd(f, 1))(A, B), ad.jacrev(ad.jacfwd(ad.linalg.solve, 1))(A, B))


WRONG = [
    (lambda: ad.root(3, 1.0), ArgumentError, "root.*function"),
    (lambda: ad.root(lambda x: x[:1], np.ones(2)), ShapeError, r"shape \(1,\)"),
    (lambda: ad.root(lambda x: (x, x), 1.0), ArgumentError, "one array"),
    (lambda: ad.root(lambda x: x, 1j), DTypeError, "real"),
    (lambda: ad.root(lambda x: 1j * x, 1.0), DTypeError, "real"),
    (lambda: ad.fixed_point(lambda x: x[:1], np.ones(2)), ShapeError, "fixed_point"),
    (
        lambda: ad.custom_root(lambda x: (x, x), 1.0, newton, dense),
        ArgumentError,
        "custom_root.*structure",
    ),
    (
        lambda: ad.custom_linear_solve(lambda x: x[:1], B, richardson),
        ShapeError,
        "custom_linear_solve",
    ),
    (
        lambda: ad.custom_linear_solve(lambda x: x, B, lambda matvec, b: b[0]),
        ShapeError,
        r"shape \(\)",
    ),
    (
        lambda: ad.custom_linear_solve(lambda x: A @ x, B, dense, has_aux=True),
        ArgumentError,
        "pair",
    ),
    (
        lambda: ad.grad(lambda b: ad.sum(ad.custom_linear_solve(lambda x: A @ x, b, dense)))(B),
        NotDifferentiableError,
        "transpose_solve",
    ),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_error(number):
    call, kind, words = WRONG[number]
    with pytest.raises(kind, match=words):
        call()
