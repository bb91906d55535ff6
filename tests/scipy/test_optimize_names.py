"""Solvers of scipy.optimize under the names that programs use: solutions have derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

import adjoint as ad
from adjoint.errors import AdjointError, NotDifferentiableError

pytestmark = pytest.mark.unit

A = np.array([[2.0, 1.0], [1.0, 3.0], [0.0, 1.0]])


def bowl(x, a, b=1.0):
    return (x[0] - a**2) ** 2 + (x[1] - a * b) ** 4 + x[1] ** 2


def curve(x, a):
    return np.cosh(x - a**2) + 0.1 * x


MINIMISERS = {
    "fmin": lambda a: optimize.fmin(bowl, [1.0, 1.0], (a,), disp=0)[0],
    "fmin, all": lambda a: optimize.fmin(bowl, [1.0, 1.0], (a, 2.0), disp=0, full_output=1)[1],
    "fmin_bfgs": lambda a: optimize.fmin_bfgs(lambda x: bowl(x, a), [1.0, 1.0], disp=0)[1],
    "fmin_cg": lambda a: optimize.fmin_cg(bowl, np.ones(2), args=(a,), disp=0).sum(),
    "fmin_powell": lambda a: optimize.fmin_powell(bowl, np.ones(2), args=(a,), disp=0).sum(),
    "basinhopping": lambda a: optimize.basinhopping(
        lambda x: bowl(x, a), np.ones(2), niter=2, rng=0
    ).x.sum(),
    "differential_evolution": lambda a: (
        optimize.differential_evolution(bowl, [(0, 5), (-1, 1)], args=(a,), rng=0, maxiter=20).fun
    ),
    "dual_annealing": lambda a: optimize.dual_annealing(
        bowl, [(0, 5), (-1, 1)], args=(a,), rng=0, maxiter=10
    ).x.sum(),
    "shgo": lambda a: optimize.shgo(bowl, [(0, 5), (-1, 1)], args=(a,)).x.sum(),
    "direct": lambda a: optimize.direct(bowl, [(0, 5), (-1, 1)], args=(a,), maxiter=50).x.sum(),
    "brent": lambda a: optimize.brent(lambda x: curve(x, a)),
    "golden": lambda a: optimize.golden(curve, (a,)),
    "fminbound": lambda a: optimize.fminbound(curve, 0, 4, (a,), full_output=1)[1],
    "at an end": lambda a: optimize.fminbound(lambda x: curve(x, 2.0), 0, a) ** 2,
    "a list": lambda a: optimize.minimize(lambda x: np.sum((x - a**2) ** 2), [1.0, 2.0]).x[1],
    "leastsq": lambda a: optimize.leastsq(lambda x: A @ x - np.array([a, a**2, 1.0]), [0.0, 0.0])[
        0
    ].sum(),
    "leastsq, covariance": lambda a: optimize.leastsq(
        lambda x: np.array([x[0] ** 2 - a, x[0] - 1.0]), [1.0], full_output=True
    )[1][0, 0],
}


@pytest.mark.parametrize("name", MINIMISERS)
def test_derivatives_are_those_of_the_exact_solution(name):
    f = MINIMISERS[name]
    value, found = ad.value_and_grad(f)(1.3)
    assert float(np.asarray(value)) == pytest.approx(float(np.asarray(f(1.3))), rel=2e-3)
    # The oracle is that of our own values, which are exact where SciPy's search is coarse.
    exact = lambda a: float(ad.value_and_grad(f)(a)[0])
    slope = (exact(1.3 + 1e-4) - exact(1.3 - 1e-4)) / 2e-4
    assert float(found) == pytest.approx(slope, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ["brent", "golden", "fminbound", "leastsq"])
def test_values_are_those_of_scipy_where_its_search_is_fine(name):
    f = MINIMISERS[name]
    assert float(ad.value_and_grad(f)(1.3)[0]) == pytest.approx(float(f(1.3)), rel=1e-6)
    second = float(ad.grad(ad.grad(f))(1.3))
    slope = (float(ad.grad(f)(1.3 + 1e-5)) - float(ad.grad(f)(1.3 - 1e-5))) / 2e-5
    assert second == pytest.approx(slope, rel=1e-4, abs=1e-5)


LINEAR = {
    "nnls": lambda a: optimize.nnls(A, np.array([a, a**2, -3.0]))[0].sum(),
    "nnls, the norm": lambda a: optimize.nnls(A * a, np.array([a, -a, 1.0]))[1],
    "nothing positive": lambda a: optimize.nnls(A, np.array([-a, -(a**2), -1.0]))[0].sum() + a,
    "lsq_linear": lambda a: optimize.lsq_linear(A, np.array([a, a**2, 1.0]), (0.1, 0.4)).x.sum(),
    "lsq_linear, cost": lambda a: optimize.lsq_linear(A, np.array([a, a**2, 1.0]), (0, a / 4)).cost,
    "isotonic_regression": lambda a: (
        optimize.isotonic_regression(
            np.array([a, 3.0, a**2, 4.0]), weights=np.array([1.0, a, 2, 1])
        ).x
        * np.arange(4)
    ).sum(),
    "decreasing": lambda a: optimize.isotonic_regression([a, 3.0, a**2], increasing=False).x[0],
    "assignment": lambda a: (
        lambda c: c[optimize.linear_sum_assignment(c)].sum()
    )(np.array([[a, 1.0], [2.0, a**2]])),
}  # fmt: skip


@pytest.mark.parametrize("name", LINEAR)
def test_linear_problems_with_conditions(name):
    f = LINEAR[name]
    value, found = ad.value_and_grad(f)(1.3)
    assert float(value) == pytest.approx(float(f(1.3)), rel=1e-7)
    slope = (f(1.3 + 1e-6) - f(1.3 - 1e-6)) / 2e-6
    assert float(found) == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_wrong_arguments_are_named():
    with pytest.raises(AdjointError, match="as many rows"):
        ad.grad(lambda a: optimize.nnls(A, np.ones(2) * a)[1])(1.0)
    with pytest.raises(NotDifferentiableError, match="fmin_slsqp has no derivative"):
        ad.grad(lambda a: optimize.fmin_slsqp(lambda x: (x[0] - a) ** 2, [1.0], disp=0)[0])(1.0)
    with pytest.raises(AdjointError, match="not known"):
        ad.compile(MINIMISERS["golden"])(1.3)
