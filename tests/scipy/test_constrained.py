"""Solutions under constraints have the derivatives of closed forms, or an error says why not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, NonlinearConstraint

import adjoint as ad
from adjoint.errors import NotDifferentiableError

pytestmark = pytest.mark.unit
minimize = ad.optimize.minimize
A = np.array([1.0, 3.0])
LENGTH = np.linalg.norm(A)
ON_DISC = (np.eye(2) - np.outer(A, A) / LENGTH**2) / LENGTH


def nearest(a, constraints, start=(0.5, 0.25), **given):
    """The point nearest to `a` under constraints."""
    return minimize(
        lambda x: ad.sum((x - a) ** 2), np.array(start), constraints=constraints, tol=1e-9, **given
    ).x


EXACT = {"gtol": 1e-9, "xtol": 1e-10}
DISC = {
    "dict": lambda a: nearest(a, {"type": "ineq", "fun": lambda x: 1 - ad.sum(x**2)}),
    "object": lambda a: nearest(a, NonlinearConstraint(lambda x: ad.sum(x**2), -np.inf, 1.0)),
    "trust-constr": lambda a: nearest(
        a,
        NonlinearConstraint(lambda x: ad.sum(x**2), -np.inf, 1.0),
        method="trust-constr",
        options=EXACT,
    ),
    "args": lambda a: nearest(
        a, {"type": "ineq", "fun": lambda x, r: r - ad.sum(x**2), "args": (1.0,)}
    ),
}


@pytest.mark.parametrize("name", DISC)
def test_the_projection_onto_a_disc_has_the_derivative_of_its_closed_form(name):
    for mode in (ad.jacrev, ad.jacfwd):
        np.testing.assert_allclose(np.asarray(mode(DISC[name])(A)), ON_DISC, atol=1e-8)
    inside = np.array([0.1, 0.2])  # where the constraint is idle
    np.testing.assert_allclose(np.asarray(ad.jacobian(DISC[name])(inside)), np.eye(2), atol=1e-8)


def test_the_second_derivative_is_that_of_the_closed_form():
    closed = ad.hessian(lambda a: (a / ad.linalg.norm(a))[0])(A)
    found = ad.hessian(lambda a: DISC["dict"](a)[0])(A)
    np.testing.assert_allclose(np.asarray(found), np.asarray(closed), atol=1e-8)


def test_what_constraints_read_from_outside_is_differentiated():
    radius = lambda r: nearest(A, {"type": "ineq", "fun": lambda x: r**2 - ad.sum(x**2)})
    np.testing.assert_allclose(np.asarray(ad.jacobian(radius)(1.5)), A / LENGTH, atol=1e-8)
    level = lambda r: nearest(A, NonlinearConstraint(lambda x: x[0] + x[1], r, r))
    np.testing.assert_allclose(np.asarray(ad.jacobian(level)(1.0)), [0.5, 0.5], atol=1e-8)


def test_the_projection_onto_a_simplex_moves_within_its_face():
    def onto(a):
        sums = LinearConstraint([[1.0, 1.0, 1.0]], 1.0, 1.0)
        return nearest(a, sums, start=(0.3, 0.3, 0.4), bounds=[(0, None)] * 3)

    found = np.asarray(ad.jacobian(onto)(np.array([0.9, 0.7, -1.0])))
    np.testing.assert_allclose(
        found, [[0.5, -0.5, 0.0], [-0.5, 0.5, 0.0], [0.0, 0.0, 0.0]], atol=1e-8
    )
    corner = np.asarray(ad.jacobian(onto)(np.array([3.0, -1.0, -1.0])))
    np.testing.assert_allclose(corner, 0, atol=1e-8)


def test_trees_and_values_at_the_solution():
    def cost(a):
        found = minimize(
            lambda p: (p["u"] - a) ** 2 + p["v"] ** 2,
            {"u": 0.0, "v": 1.0},
            constraints={"type": "eq", "fun": lambda p: p["u"] + p["v"] - 1},
            tol=1e-10,
        )
        return found.fun, found.x["u"]

    assert float(ad.grad(lambda a: cost(a)[0])(3.0)) == pytest.approx(2.0)  # of (a - 1)² / 2
    assert float(ad.grad(lambda a: cost(a)[1])(3.0)) == pytest.approx(0.5)
    assert float(ad.grad(ad.grad(lambda a: cost(a)[0]))(3.0)) == pytest.approx(1.0)


REFUSED = {
    "strict complementarity fails": lambda a: nearest(
        0.5 * a / a, LinearConstraint([[1.0, 1.0]], -np.inf, 1.0)
    ),
    "LICQ fails": lambda a: nearest(
        a,
        [
            {"type": "eq", "fun": lambda x: x[0] + x[1] - 1},
            {"type": "eq", "fun": lambda x: 2 * x[0] + 2 * x[1] - 2},
        ],
        method="trust-constr",
    ),
    "the curvature at the solution is": lambda a: (
        minimize(
            lambda x: a[0] * x[0],
            np.zeros(2),
            constraints={"type": "ineq", "fun": lambda x: x[0] - 1},
        ).x
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_where_no_derivative_is_determined_an_error_says_why(reason):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy's own, of what is dependent
        with pytest.raises(NotDifferentiableError, match=reason):
            ad.jacobian(REFUSED[reason])(A)
