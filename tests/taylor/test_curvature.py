"""Laplacians, traces, Gauss-Newton and Fisher products, against dense Hessians and Jacobians."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, ShapeError

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 4))
X = RNG.normal(size=4)

SCALARS = {
    "network": lambda x: ad.sum(ad.tanh(ad.tanh(A @ x) @ A) * np.arange(4.0)),
    "logarithm of a quotient": lambda x: ad.log(1 + ad.sum(x**2)) / (2 + x[0] ** 2),
    "norm": lambda x: ad.linalg.norm(x),
    "softmax": lambda x: ad.sum(ad.softmax(A @ x) ** 2),
    "solve": lambda x: ad.sum(ad.linalg.solve(np.eye(4) * 5 + ad.outer(x, x), x)),
    "determinant": lambda x: ad.linalg.det(np.eye(4) + ad.outer(x, x**2)),
    "scan": lambda x: ad.sum(ad.scan(lambda c, a: (ad.sin(c * a) + c, c**2), x, A)[1]),
    "scan over parts": lambda x: ad.scan(lambda c, a: (ad.sin(c) + c * a, None), 1.0, x)[0],
    "while": lambda x: ad.sum(
        ad.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, ad.sin(A @ s[1])), (0, x))[1]
    ),
    "branch": lambda x: ad.cond(x[0] > 9, ad.sum, lambda y: ad.sum(ad.exp(y) * y[0]), x),
    "choice": lambda x: ad.sum(ad.where(x > 0, ad.exp(x), x**3)),
    "complex inside": lambda x: ad.sum(ad.abs(ad.exp(1j * x) * (x + 2j)) ** 2 * x),
    "linear": lambda x: x @ np.arange(4.0),
    "constant": lambda x: 1.0,
}


@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("compiled", [False, True])
def test_laplacian_is_the_trace_of_the_hessian(name, compiled):
    f = SCALARS[name]
    expected = np.trace(np.asarray(ad.hessian(f)(X)))
    found = (ad.compile(ad.laplacian(f)) if compiled else ad.laplacian(f))(X)
    assert float(found) == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_laplacian_of_each_output_in_a_batch_and_differentiated():
    def f(x):
        return {"a": ad.sin(x) * x[0], "b": ad.sum(x**4)}

    found = ad.laplacian(f)(X)
    hessians = ad.hessian(lambda x: ad.sin(x) * x[0])(X)
    np.testing.assert_allclose(found["a"], np.trace(hessians, axis1=1, axis2=2), rtol=1e-12)
    rows = RNG.normal(size=(3, 4))
    many = ad.vmap(ad.laplacian(SCALARS["network"]))(rows)
    each = [float(ad.laplacian(SCALARS["network"])(row)) for row in rows]
    np.testing.assert_allclose(many, each, rtol=1e-12)
    slope = ad.grad(ad.laplacian(SCALARS["network"]))(X)
    expected = ad.grad(lambda x: ad.trace(ad.hessian(SCALARS["network"])(x)))(X)
    np.testing.assert_allclose(slope, expected, rtol=1e-10)


def test_the_work_is_linear_in_the_number_of_inputs():
    """The Hessian has n² numbers; nothing here has."""
    compiled = ad.compile(ad.laplacian(lambda x: ad.sum(ad.tanh(np.ones((8, 100)) @ x))))
    compiled(np.ones(100))
    assert "100, 100" not in str(compiled.report()).replace("[100, 100]· ", "")


def test_block_traces_are_of_diagonal_blocks():
    def f(p):
        return ad.sum(ad.sin(p["w"]) ** 2) * p["b"] ** 3

    p = {"w": X, "b": 2.0}
    found = ad.block_traces(f)(p)
    hessian = ad.hessian(f)(p)
    assert float(found["w"]) == pytest.approx(np.trace(np.asarray(hessian["w"]["w"])), rel=1e-12)
    assert float(found["b"]) == pytest.approx(float(hessian["b"]["b"]), rel=1e-12)


def model(w):
    return ad.tanh(A @ w) * w[0]


def dense(h, w):
    j = np.asarray(ad.jacobian(model)(w))
    return j.T @ h @ j


@pytest.mark.parametrize("compiled", [False, True])
def test_gauss_newton_products(compiled):
    def loss(z):
        return ad.logsumexp(z) - z[1]

    v = RNG.normal(size=4)
    h = np.asarray(ad.hessian(loss)(np.asarray(model(X))))

    def product(w, v):
        return ad.gnvp(model, loss, w, v)

    found = (ad.compile(product) if compiled else product)(X, v)
    np.testing.assert_allclose(found, dense(h, X) @ v, rtol=1e-11)


def test_gauss_newton_of_several_arguments_and_outputs():
    def f(p, s):
        return (p["a"] * s, p["b"] * s**2)

    def loss(z):
        return ad.sum(z[0] ** 2) + z[1] ** 2

    primals, tangents = ({"a": X, "b": 3.0}, 2.0), ({"a": X + 1, "b": 1.0}, 0.5)
    by_p, by_s = ad.gnvp(f, loss, primals, tangents)
    j_a = 2.0 * (X + 1) + X * 0.5
    j_b = 4.0 * 1.0 + 3.0 * 2 * 2.0 * 0.5
    np.testing.assert_allclose(by_p["a"], 2 * 2.0 * j_a, rtol=1e-13)
    assert float(by_p["b"]) == pytest.approx(2 * 4.0 * j_b)
    assert float(by_s) == pytest.approx(2 * X @ j_a + 2 * 12.0 * j_b)


def test_gauss_newton_of_a_loss_that_is_not_convex_is_refused():
    with pytest.raises(ArgumentError, match=r"is not convex.*hvp"):
        ad.gnvp(model, lambda z: -ad.sum(z**2), X, X)


INFORMATION = {
    "categorical": lambda z: np.diag(p := np.exp(z) / np.exp(z).sum()) - np.outer(p, p),
    "bernoulli": lambda z: np.diag(1 / (2 + 2 * np.cosh(z))),
    "poisson": lambda z: np.diag(np.exp(z)),
    "normal": lambda z: np.eye(4),
}


@pytest.mark.parametrize("distribution", INFORMATION)
def test_fisher_products(distribution):
    v = RNG.normal(size=4)
    expected = dense(INFORMATION[distribution](np.asarray(model(X))), X) @ v
    np.testing.assert_allclose(ad.fisher_vp(model, distribution, X, v), expected, rtol=1e-11)


def test_empirical_fisher_products():
    def losses(w):
        return ad.sum(ad.sin(A * w), axis=1)

    j = np.asarray(ad.jacobian(losses)(X))
    v = RNG.normal(size=4)
    np.testing.assert_allclose(ad.empirical_fisher_vp(losses, X, v), j.T @ (j @ v) / 4, rtol=1e-12)


def test_estimates_are_unbiased():
    """Over all sign vectors, of which each is as likely, the mean is exact."""
    f = SCALARS["network"]
    hessian = np.asarray(ad.hessian(f)(X))
    found = ad.hutchinson_diagonal(f, X, probes=4000, seed=1)
    off = np.sqrt(np.sum(hessian**2, 1) - np.diag(hessian) ** 2)
    assert np.all(np.abs(np.asarray(found) - np.diag(hessian)) < 6 * off / np.sqrt(4000))
    trace = float(ad.hutchinson_trace(f, X, probes=4000, seed=1))
    assert trace == pytest.approx(float(np.sum(np.asarray(found))), rel=1e-10)
    again = ad.hutchinson_trace(f, X, probes=4000, seed=1)
    assert float(again) == trace


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: ad.laplacian(ad.sum)(X * 1j), ArgumentError, "given complex numbers"),
        (lambda: ad.laplacian(ad.sum)(np.arange(3)), DTypeError, "only floating"),
        (lambda: ad.laplacian(ad.sum, argnums=1)(X), ArgumentError, "argnums=1"),
        (lambda: ad.block_traces(ad.sin)(X), ShapeError, "block_traces.*scalar"),
        (lambda: ad.fisher_vp(model, "cauchy", X, X), ArgumentError, "must be one of"),
        (lambda: ad.empirical_fisher_vp(ad.sum, X, X), ShapeError, "a loss for each example"),
        (lambda: ad.gnvp(model, ad.sum, X, X[:2]), ShapeError, "tangent 0 has shape"),
        (lambda: ad.gnvp(model, ad.sum, (X, X), X), ArgumentError, "tangents must be like primals"),
        (lambda: ad.hutchinson_trace(ad.sum, X, probes=0), ArgumentError, "probes must be"),
    ],
)
def test_errors_say_what_to_do(call, error, says):
    with pytest.raises(error, match=says):
        call()
