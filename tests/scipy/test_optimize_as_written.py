"""SciPy's solvers as programs call them: guesses in lists, derivatives by hand, numbers."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
import scipy.optimize as so

import adjoint as ad
from adjoint.errors import ConvergenceWarning

pytestmark = pytest.mark.unit

Pair = namedtuple("Pair", "first second")
X = np.array([0.7, 1.9, 0.4, 0.2])
DIRECTION = np.array([1.0, 2.0, 3.0, 4.0])


def well(v, x):
    return np.sum((v**2 - x[:2]) ** 2)


PROGRAMS = {
    "root of a list": lambda x: so.root(
        lambda v: [v[0] ** 2 + v[1] - x[0] - 1, v[0] - x[1] * v[1]], [1.0, 1.0], tol=1e-13
    ).x.sum(),
    "root, its Jacobian and arguments": lambda x: so.root(
        lambda v, a: np.array([v[0] ** 2 + v[1] - x[0] - a, v[0] - x[1] * v[1]]),
        (1.0, 1.0),
        args=(x[3],),
        jac=lambda v, a: np.array([[2 * v[0], 1], [1, -x[1]]]),
        tol=1e-13,
    ).x.sum(),
    "fsolve": lambda x: so.fsolve(
        lambda v: [v[0] ** 2 + v[1] - x[0] - 1, v[0] - x[1] * v[1]], [1.0, 1.0], xtol=1e-13
    ).sum(),
    "fsolve, its Jacobian by columns": lambda x: so.fsolve(
        lambda v: np.array([v[0] ** 2 + v[1] - x[0] - 1, v[0] - x[1] * v[1]]),
        np.ones(2),
        fprime=lambda v: np.array([[2 * v[0], 1], [1, -x[1]]]).T,
        col_deriv=True,
        full_output=True,
        xtol=1e-13,
    )[0][0],
    "minimize of a list": lambda x: so.minimize(
        lambda v: well(v, x), [1.0, 1.0], method="BFGS", tol=1e-10
    ).x.sum(),
    "minimize, its gradient": lambda x: so.minimize(
        lambda v, c: well(v, x * c),
        [1.0, 1.0],
        args=(x[2],),
        jac=lambda v, c: 4 * v * (v**2 - x[:2] * c),
        method="BFGS",
        tol=1e-10,
    ).x.sum(),
    "minimize, its Hessian": lambda x: so.minimize(
        lambda v: well(v, x),
        [1.0, 1.0],
        jac=lambda v: 4 * v * (v**2 - x[:2]),
        hess=lambda v: np.diag(12 * v**2 - 4 * x[:2]),
        method="trust-exact",
        tol=1e-10,
    ).x.sum(),
    "minimize, products with its Hessian": lambda x: so.minimize(
        lambda v: well(v, x),
        [1.0, 1.0],
        jac=lambda v: 4 * v * (v**2 - x[:2]),
        hessp=lambda v, w: (12 * v**2 - 4 * x[:2]) * w,
        method="Newton-CG",
        options={"xtol": 1e-12},
    ).x.sum(),
    "least_squares of a tuple": lambda x: so.least_squares(
        lambda v: np.array([v[0] - x[0], v[1] * v[0] - x[1]]),
        (1.0, 1.0),
        jac=lambda v: np.array([[1.0, 0.0 * x[0]], [v[1], v[0]]]),
    ).x.sum(),
    "newton": lambda x: so.newton(lambda t: t**3 - x[0], 1.0, fprime=lambda t: 3 * t**2 + 0 * x[1]),
    "root_scalar": lambda x: (
        so.root_scalar(
            lambda t: t**3 - x[0], x0=1.0, fprime=lambda t: 3 * t**2 + 0 * x[0], method="newton"
        ).root
    ),
    "minimize_scalar": lambda x: so.minimize_scalar(lambda t: np.cosh(t - x[0]) + x[1] * t).fun,
    "minimize_scalar, within bounds": lambda x: (
        so.minimize_scalar(
            lambda t, a: (t - a) ** 2 * (1 + x[1] * t**2),
            bounds=(0, 3),
            method="bounded",
            args=(x[0],),
            options={"xatol": 1e-12},
        ).x
    ),
    "minimize_scalar, at a bound": lambda x: (
        so.minimize_scalar(
            lambda t: (t + x[0]) ** 2 + x[1], bounds=(x[2], 3.0), options={"xatol": 1e-10}
        ).fun
    ),
    "minimize_scalar, in a bracket": lambda x: (
        so.minimize_scalar(
            lambda t: (t - x[0]) ** 4 + np.exp(t) * x[1], bracket=(-1, 1), tol=1e-12
        ).fun
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_solutions_have_derivatives(name):
    f = PROGRAMS[name]
    value, gradient = ad.value_and_grad(f)(X)
    assert float(value) == pytest.approx(float(f(X)), abs=1e-7)
    slope = (f(X + 1e-4 * DIRECTION) - f(X - 1e-4 * DIRECTION)) / 2e-4
    assert np.sum(gradient.numpy() * DIRECTION) == pytest.approx(float(slope), rel=1e-3)


def test_other_trees_stay_trees():
    programs = {
        "list": ([{"a": 1.0}, np.ones(2)], lambda v: v[0]["a"] ** 2 + np.sum(v[1] ** 2)),
        "dict": ({"a": 1.0, "b": (1.0, 2.0)}, lambda v: v["a"] ** 2 + v["b"][0] ** 2),
        "Pair": (Pair(1.0, 2.0), lambda v: v.first**2 + v.second**2),
    }
    for kind, (guess, f) in programs.items():
        assert type(ad.optimize.minimize(f, guess).x).__name__ == kind


def test_what_is_not_solved_is_warned_of():
    with pytest.warns(ConvergenceWarning, match="fsolve"):
        ad.optimize.fsolve(lambda v: v**2 + 1.0, [1.0])
