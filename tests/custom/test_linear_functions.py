"""linearize keeps a derivative as a function; linear_transpose turns a linear one around."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

import adjoint as ad
from adjoint.errors import ArgumentError, NotDifferentiableError, ShapeError

X, Y = np.linspace(0.3, 1.0, 3), np.linspace(1.0, 2.0, 3)


def same(a, b):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-13)


def f(x, y):
    return {"a": ad.sin(x) * y, "b": ad.sum(x * y)}


def test_one_run_serves_many_directions():
    runs = []

    def counted(x, y):
        runs.append(1)
        return f(x, y)

    value, along = ad.linearize(counted, X, Y)
    for t in (X, Y, np.ones(3)):
        got, want = along(t, Y), ad.jvp(f, (X, Y), (t, Y))[1]
        same(got["a"], want["a"])
        same(got["b"], want["b"])
    same(value["a"], f(X, Y)["a"])
    assert len(runs) == 1


def test_linearize_can_be_differentiated_batched_and_compiled():
    def slope(x):
        return ad.linearize(lambda x: ad.sum(ad.sin(x) * x), x)[1](ad.cos(x))

    def want(x):
        return ad.jvp(lambda x: ad.sum(ad.sin(x) * x), (x,), (ad.cos(x),))[1]

    same(ad.grad(slope)(X), ad.grad(want)(X))
    same(ad.compile(ad.grad(slope))(X), ad.grad(want)(X))
    same(ad.vmap(slope)(np.stack([X, Y])), [float(want(X)), float(want(Y))])
    _, along = ad.linearize(ad.sin, X)
    same(ad.vmap(along)(np.eye(3)), np.diag(np.cos(X)))


def test_linearize_refuses():
    _, along = ad.linearize(f, X, Y)
    with pytest.raises(ArgumentError, match="2 tangents"):
        along(X)
    with pytest.raises(ShapeError, match="tangent 1"):
        along(X, np.ones(2))
    with pytest.raises(ArgumentError, match="linear_transpose: the linear function takes 2"):
        ad.linear_transpose(along, X)


def test_transpose():
    a = np.arange(6.0).reshape(2, 3)
    back = ad.linear_transpose(lambda x, y: {"s": a @ x + 2 * y}, np.zeros(3), np.zeros(2))
    dx, dy = back({"s": np.array([1.0, -1.0])})
    same(dx, a.T @ [1.0, -1.0])
    same(dy, [2.0, -2.0])


LINEARIZED = {
    "loop": lambda x: ad.scan(lambda c, t: (ad.sin(c) * t, c), x, np.arange(1.0, 4.0)),
    "matrix function": lambda x: scipy.linalg.sqrtm(ad.diag(x) + 0.1),
    "kink": lambda x: {"a": ad.abs(x), "b": ad.max(x)},
    "complex": lambda x: ad.exp(1j * x),
}


@pytest.mark.parametrize("name", LINEARIZED)
def test_what_was_linearized_is_transposed_whatever_it_holds(name):
    f = LINEARIZED[name]
    w, along = ad.linearize(f, X)
    same(ad.linear_transpose(along, X)(w)[0], ad.vjp(f, X)[1](w)[0])

    def back(x):
        return ad.sum(ad.linear_transpose(ad.linearize(f, x)[1], x)(w)[0] ** 2)

    def want(x):
        return ad.sum(ad.vjp(f, x)[1](w)[0] ** 2)

    same(ad.compile(ad.grad(back))(X), ad.grad(want)(X))


def test_transpose_depends_on_what_the_function_reads():
    def g(x, y):
        return ad.sum(ad.linear_transpose(lambda v: ad.sin(x) * v, y)(y)[0] ** 2)

    def want(x, y):
        return ad.sum((ad.sin(x) * y) ** 2)

    same(ad.grad(g)(X, Y), ad.grad(want)(X, Y))
    same(ad.compile(ad.hessian(g))(X, Y), ad.hessian(want)(X, Y))
    same(ad.vmap(ad.grad(g), in_axes=(0, None))(np.stack([X, Y]), Y)[1], ad.grad(want)(Y, Y))


def test_what_an_argument_does_not_reach_is_zero():
    dx, dy = ad.linear_transpose(lambda x, y: 3 * x, X, Y)(X)
    same(dx, 3 * X)
    same(dy, np.zeros(3))


@pytest.mark.parametrize("g", [ad.sin, lambda v: v * v, lambda v: X + 1], ids=range(3))
def test_functions_that_are_not_linear(g):
    with pytest.raises(NotDifferentiableError, match="not linear"):
        ad.linear_transpose(g, X)


def test_complex():
    a = np.array([[1.0, 2.0j], [0.5, 1.0 + 1.0j]])
    (got,) = ad.linear_transpose(lambda v: a @ v, np.zeros(2, complex))(np.array([1.0, 1.0j]))
    same(got, a.conj().T @ np.array([1.0, 1.0j]))


def test_transpose_refuses():
    back = ad.linear_transpose(lambda v: 2 * v, X)
    with pytest.raises(ShapeError, match="linear_transpose"):
        back(np.ones(2))
    with pytest.raises(ArgumentError, match="structure"):
        back({"a": X})
