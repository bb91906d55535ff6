"""Sparse Jacobians and Hessians of known shapes, against dense ones, and the number of sweeps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import optree
import pytest
import scipy.sparse as sp

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, ShapeError

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(0)


def chained_rosenbrock(x):
    return ad.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrowhead(x):
    return ad.sum(x[0] * x[1:] ** 2) + ad.sum(x**4)


def banded(x):
    return ad.sum((x[2:] * x[:-2] - x[1:-1]) ** 2) + ad.sum(ad.exp(x))


def blocks(x):
    return ad.sum(ad.linalg.det(ad.reshape(x, (-1, 2, 2)) + np.eye(2)) ** 2)


def grid(x):
    """The energy of a membrane on a grid, which has the five-point Laplacian and a cubic term."""
    u = ad.reshape(x, (6, 6))
    return ad.sum((u[1:] - u[:-1]) ** 2) + ad.sum((u[:, 1:] - u[:, :-1]) ** 2) + ad.sum(u**4)


def clnlbeam(x):
    """The clamped nonlinear beam of the COPS collection, with its constraints as penalties."""
    t, u, y = ad.reshape(x, (3, -1))
    h = 1.0 / (t.shape[0] - 1)
    effort = 0.5 * h * (u[1:] ** 2 + u[:-1] ** 2)
    value = ad.sum(effort + 175.0 * h * (ad.cos(t[1:]) + ad.cos(t[:-1])))
    first = y[1:] - y[:-1] - 0.5 * h * (ad.sin(t[1:]) + ad.sin(t[:-1]))
    second = t[1:] - t[:-1] - 0.5 * h * (u[1:] + u[:-1])
    return value + 10 * ad.sum(first**2) + 10 * ad.sum(second**2)


def control(x):
    """A scan inside: what is done in a step is paid for, and where it ends."""

    def step(s, u):
        s = s + 0.1 * u
        return s, ad.sin(u) ** 2

    _, costs = ad.scan(step, 0.0, x)
    return ad.sum(costs) + ad.sum(x[1:] * x[:-1])


class Known(NamedTuple):
    f: object
    size: int
    sweeps: int
    """At most."""


HESSIANS = {
    "tridiagonal": Known(chained_rosenbrock, 40, 3),
    "arrowhead": Known(arrowhead, 40, 2),
    "banded": Known(banded, 40, 5),
    "blocks": Known(blocks, 40, 4),
    "grid": Known(grid, 36, 6),
    "clnlbeam": Known(clnlbeam, 45, 7),
    "control": Known(control, 30, 3),
    "dense": Known(lambda x: ad.sum(x) ** 3, 10, 10),
    "diagonal": Known(lambda x: ad.sum(ad.sin(x)), 10, 1),
    "linear": Known(lambda x: ad.sum(x), 10, 0),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name):
    known = HESSIANS[name]
    x = RNG.uniform(0.5, 1.0, known.size)
    sparse = ad.hessian(known.f, sparse=True)
    found = sparse(x)
    assert isinstance(found, sp.csr_array)
    dense = np.asarray(ad.hessian(known.f)(x))
    np.testing.assert_allclose(found.toarray(), dense, rtol=1e-10, atol=1e-10)
    plan = sparse.plan(x)
    assert plan.forward <= known.sweeps
    assert plan.reverse == 0
    again = RNG.uniform(0.5, 1.0, known.size)
    expected = np.asarray(ad.hessian(known.f)(again))
    np.testing.assert_allclose(sparse(again).toarray(), expected, rtol=1e-10, atol=1e-10)
    assert sparse.plan(again) is plan


def brusselator(y, n=8):
    """The right side of the Brusselator's reaction and diffusion on a periodic grid."""
    u, v = ad.reshape(y, (2, n, n))

    def laplacian(w):
        return sum(ad.roll(w, s, a) for s in (1, -1) for a in (0, 1)) - 4 * w

    du = 1 + u**2 * v - 4.4 * u + 0.02 * laplacian(u) * n**2
    dv = 3.4 * u - u**2 * v + 0.02 * laplacian(v) * n**2
    return ad.reshape(ad.stack([du, dv]), (-1,))


CAMERAS, POINTS = np.repeat(np.arange(3), 8), np.tile(np.arange(8), 3)


def reprojections(p):
    """Bundle adjustment: what 3 cameras see of 8 points."""
    cameras, points = ad.reshape(p[:18], (3, 6)), ad.reshape(p[18:], (8, 3))
    seen, x = cameras[CAMERAS], points[POINTS]
    moved = x + np.cross(seen[:, :3], x) + seen[:, 3:] + np.array([0.0, 0.0, 10.0])
    return ad.reshape(moved[:, :2] / moved[:, 2:], (-1,))


def tall(x):
    return ad.concat([ad.reshape(ad.sum(x**2), (1,)), x[1:] * x[:-1], x * x[0]])


JACOBIANS = {
    "brusselator": Known(brusselator, 128, 16),
    "bundle adjustment": Known(reprojections, 42, 10),
    "dense row and dense column": Known(tall, 30, 5),
    "one row": Known(lambda x: ad.reshape(ad.sum(x**3), (1,)), 20, 1),
    "one column": Known(lambda x: x[0] * np.ones(20), 5, 1),
    "permutation": Known(lambda x: x[::-1] ** 2, 20, 1),
}


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobians(name):
    known = JACOBIANS[name]
    x = RNG.uniform(0.5, 1.0, known.size)
    sparse = ad.jacobian(known.f, sparse=True)
    dense = np.asarray(ad.jacobian(known.f)(x))
    np.testing.assert_allclose(sparse(x).toarray(), dense, rtol=1e-10, atol=1e-12)
    plan = sparse.plan(x)
    assert plan.forward + plan.reverse <= known.sweeps


def test_trees_dtypes_and_other_arguments():
    def f(p, x):
        return {"a": p["w"] ** 2 * x, "b": p["b"] * p["w"][:1]}

    p = {"w": np.arange(1.0, 4.0, dtype=np.float32), "b": np.float32(2.0)}
    found = ad.jacobian(f, sparse=True)(p, np.float32(3.0))
    assert found.dtype == np.float32
    expected = np.zeros((4, 4))  # columns b, w; rows a, b
    expected[:3, 1:] = np.diag(6 * p["w"])
    expected[3, :2] = 1.0, 2.0
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)
    by_x = ad.jacobian(f, argnums=1, sparse=True)(p, 3.0)
    np.testing.assert_allclose(by_x.toarray()[:, 0], [1.0, 4.0, 9.0, 0.0])


def parts(p, a, *, s=1.0):
    y = ad.sin(p["w"]) * p["b"] * a * s
    return y, {"y": 2 * y, "name": "y", "none": None}


PARTS = {
    "a path": {"wrt": "w"},
    "several paths": {"wrt": ("w", "b")},
    "a filter": {"wrt": lambda path, leaf: path != "b"},
    "a name": {"argnames": "a"},
    "names": {"argnames": ("p", "a")},
    "a keyword": {"argnames": "s"},
    "a path in a named argument": {"argnames": "p", "wrt": "b"},
    "a position": {"argnums": 0},
}


@pytest.mark.parametrize("name", PARTS)
def test_by_parts_and_with_more_beside(name):
    """Columns are those of a dense one, the parts one after another; so is what is beside."""
    chosen = PARTS[name]
    p, a = {"w": np.linspace(0.1, 1.0, 4), "b": np.array(2.0)}, np.arange(1.0, 5.0)
    args, named = ((p, a), {"s": 2.0}) if "argnums" in chosen else ((p,), {"a": a, "s": 2.0})
    sparse = ad.jacobian(parts, has_aux=True, sparse=True, **chosen)
    for factor in (1.0, 3.0):
        named["s"] = factor
        found, aux = sparse(*args, **named)
        dense, expected = ad.jacobian(parts, has_aux=True, **chosen)(*args, **named)
        columns = [np.reshape(x, (4, -1)) for x in optree.tree_leaves(dense)]
        np.testing.assert_allclose(found.toarray(), np.concatenate(columns, 1), rtol=1e-13)
        np.testing.assert_allclose(aux["y"], expected["y"])
        assert (aux["name"], aux["none"]) == ("y", None)
    assert len(sparse._made) == 1
    np.testing.assert_allclose(sparse.values(*args, **named), found.data)
    assert sparse.plan(*args, **named).pattern.shape == found.shape


def test_texts_among_the_arguments():
    def f(x, how, y, *, unit="m"):
        scale = 1000.0 if unit == "km" else 1.0
        return (ad.sin(x) if how == "sin" else x**2) * y * scale

    x = np.linspace(0.1, 1.0, 4)
    jacobian = ad.jacobian(f, sparse=True)
    for how, unit in (("sin", "m"), ("square", "m"), ("sin", "km")):
        expected = np.asarray(ad.jacobian(f)(x, how, 2.0, unit=unit))
        np.testing.assert_allclose(jacobian(x, how, 2.0, unit=unit).toarray(), expected)


def test_a_hessian_by_a_part():
    f = lambda p, x: (chained_rosenbrock(p["w"] * x), x)
    p = {"w": np.linspace(0.5, 1.0, 7), "b": 1.0}
    found, aux = ad.hessian(f, has_aux=True, sparse=True, wrt="w")(p, 2.0)
    np.testing.assert_allclose(found.toarray(), ad.hessian(f, has_aux=True, wrt="w")(p, 2.0)[0])
    assert aux == 2.0


def test_values_can_be_compiled_and_differentiated():
    h = ad.hessian(chained_rosenbrock, sparse=True)
    x = RNG.normal(size=6)
    plan = h.plan(x)
    trace = ad.compile(lambda x: ad.sum(h.values(x)))
    assert float(trace(x)) == pytest.approx(h(x).sum())
    slope = ad.grad(lambda x: ad.sum(h.values(x)))(x)
    expected = ad.grad(lambda x: ad.sum(ad.hessian(chained_rosenbrock)(x)))(x)
    np.testing.assert_allclose(slope, expected, rtol=1e-11)
    assert plan.pattern.nnz == len(h.values(x))


def test_an_implicit_step_with_scipys_solver():
    """What it is for: a stiff system, its sparse Jacobian, and `spsolve`."""
    from scipy.sparse.linalg import spsolve

    jacobian = ad.jacobian(brusselator, sparse=True)
    y, h = np.asarray(RNG.uniform(0.5, 1.5, 128)), 0.1
    step = y.copy()
    for _ in range(8):
        residual = step - y - h * np.asarray(brusselator(step))
        step = step - spsolve((sp.eye_array(128) - h * jacobian(step)).tocsc(), residual)
    assert np.abs(step - y - h * np.asarray(brusselator(step))).max() < 1e-9


def test_the_plan_tells_what_is_done():
    text = str(ad.hessian(chained_rosenbrock, sparse=True).plan(np.ones(100)))
    assert "shape (100, 100), 298 elements" in text
    assert "3 products with the Hessian for 100 columns" in text
    assert "detect: " in text
    assert "color: " in text


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: ad.jacobian(3, sparse=True), ArgumentError, "expected a function"),
        (
            lambda: ad.jacobian(ad.sin, (0, 1), sparse=True, wrt="a"),
            ArgumentError,
            "give one position",
        ),
        (
            lambda: ad.jacobian(ad.sin, has_aux=True, sparse=True)(np.ones(3)),
            ArgumentError,
            r"must return a pair \(output, aux\)",
        ),
        (
            lambda: ad.jacobian(ad.sin, sparse=True, argnames="y")(np.ones(3)),
            ArgumentError,
            "argnames names 'y'",
        ),
        (lambda: ad.hessian(ad.sin, sparse=True)(np.ones(3)), ShapeError, "scalar"),
        (lambda: ad.jacobian(ad.sin, sparse=True)(np.ones(3) * 1j), DTypeError, "complex"),
        (lambda: ad.jacobian(ad.sin, sparse=True)(np.arange(3)), DTypeError, "only floating"),
        (
            lambda: ad.compile(ad.jacobian(ad.sin, sparse=True))(np.ones(3)),
            ArgumentError,
            r"use values\(\*args\)",
        ),
    ],
)
def test_errors_say_what_to_do(call, error, says):
    with pytest.raises(error, match=says):
        call()
