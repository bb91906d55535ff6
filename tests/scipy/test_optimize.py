"""SciPy's solvers with exact derivatives, and derivatives of their solutions."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.optimize

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    ConvergenceWarning,
    DTypeError,
    LostDerivativeError,
    MissingExtraError,
)

pytestmark = pytest.mark.unit

X0 = np.array([-1.2, 1.0, 0.5])


def rosenbrock(x):
    return ad.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


METHODS = [
    *("Nelder-Mead", "Powell", "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "COBYLA", "COBYQA"),
    *("SLSQP", "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov"),
]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_scipys(method):
    start = np.array([0.8, 1.2, 1.1]) if method in ("COBYLA", "dogleg") else X0
    f = (
        (lambda x: ad.sum((x - 1) ** 2) + ad.sum(x**4) / 12 - ad.sum(x) / 3)
        if method
        in (
            "dogleg",
            "COBYLA",
        )
        else rosenbrock
    )
    most = {"Nelder-Mead": "maxiter", "Powell": "maxiter", "COBYLA": "maxiter", "TNC": "maxfun"}
    options = {most[method]: 4000} if method in most else None
    found = ad.optimize.minimize(f, start, method=method, options=options)
    assert isinstance(found, scipy.optimize.OptimizeResult)
    np.testing.assert_allclose(found.x, 1.0, atol=2e-3)


@pytest.mark.parametrize("method", ["TNC", "SLSQP", "L-BFGS-B", "trust-exact"])
def test_single_precision_functions_are_given_to_solvers_in_double(method):
    f = lambda x: ad.sum((x - np.float32(3)) ** 2)
    found = ad.optimize.minimize(f, np.ones(2, np.float32), method=method)
    assert found.x.dtype == np.float32
    np.testing.assert_allclose(found.x, 3.0, rtol=1e-4)


def test_exact_derivatives_spare_evaluations():
    ours = ad.optimize.minimize(rosenbrock, X0, method="BFGS", options={"gtol": 1e-8})
    assert ours.success
    assert (
        ours.nfev
        < scipy.optimize.minimize(
            lambda x: float(np.asarray(rosenbrock(x))), X0, method="BFGS"
        ).nfev
        / 2
    )


def test_trees():
    f = lambda p: ad.sum((p["w"] - 2.0) ** 2) + (p["b"] + 1.0) ** 2
    found = ad.optimize.minimize(f, {"w": np.zeros((2, 2)), "b": 0.0})
    np.testing.assert_allclose(found.x["w"], np.full((2, 2), 2.0), atol=1e-6)
    assert found.x["b"] == pytest.approx(-1.0, abs=1e-6)


def test_constraints_get_exact_jacobians():
    f = lambda x: x[0] ** 2 + x[1] ** 2
    for constraint in (
        {"type": "eq", "fun": lambda x: x[0] + 2 * x[1] - 5},
        scipy.optimize.NonlinearConstraint(lambda x: x[0] + 2 * x[1], 5, 5),
    ):
        method = "SLSQP" if isinstance(constraint, dict) else "trust-constr"
        found = ad.optimize.minimize(f, np.ones(2), method=method, constraints=constraint)
        np.testing.assert_allclose(found.x, [1.0, 2.0], atol=1e-5)


A = np.array([[2.0, 0.3], [0.3, 1.0]])


def energy(x, a):
    return 0.5 * x @ A @ x - ad.sum(a * x) + ad.sum(x**4)


def solution(a, **options):
    return ad.optimize.minimize(energy, np.zeros(2), (a,), tol=1e-10, **options).x


def differences(f, a, h=1e-5):
    columns = [(f(a + h * e) - f(a - h * e)) / (2 * h) for e in np.eye(len(a))]
    return np.stack(columns, axis=-1)


def test_a_solution_has_derivatives():
    a = np.array([1.0, -0.5])
    x = np.asarray(solution(a))
    expected = np.linalg.inv(A + np.diag(12 * x**2))
    np.testing.assert_allclose(ad.jacobian(solution)(a), expected, rtol=1e-8)
    np.testing.assert_allclose(ad.jacfwd(solution)(a), expected, rtol=1e-8)
    closing = lambda a: ad.optimize.minimize(lambda x: energy(x, a), np.zeros(2), tol=1e-10).x
    np.testing.assert_allclose(ad.jacobian(closing)(a), expected, rtol=1e-8)


def test_second_derivatives_of_a_solution():
    a = np.array([1.0, -0.5])
    slope = lambda a: ad.sum(ad.jacobian(solution)(a) * np.array([[1.0, 2.0], [3.0, 4.0]]))
    numerical = differences(lambda a: np.asarray(slope(a)), a, 1e-4)
    np.testing.assert_allclose(ad.grad(slope)(a), numerical, rtol=1e-5)


def test_what_stands_at_a_bound_stays_there():
    bounds = [(None, 0.1), (None, None)]
    f = lambda a: solution(a, bounds=bounds)
    a = np.array([1.0, -0.5])
    assert np.asarray(f(a))[0] == pytest.approx(0.1)
    found = np.asarray(ad.jacobian(f)(a))
    np.testing.assert_allclose(found[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(found, differences(lambda a: np.asarray(f(a)), a, 1e-4), atol=1e-5)
    by_bound = ad.grad(lambda top: ad.sum(solution(a, bounds=[(None, top), (None, None)])))(0.1)
    low, high = (
        np.sum(np.asarray(solution(a, bounds=[(None, 0.1 + h), (None, None)])))
        for h in (-1e-4, 1e-4)
    )
    assert float(by_bound) == pytest.approx((high - low) / 2e-4, rel=1e-5)


def test_a_solver_that_failed_warns():
    with pytest.warns(ConvergenceWarning, match="minimize did not converge"):
        ad.grad(lambda a: ad.sum(solution(a, options={"maxiter": 0})))(np.ones(2))


def test_user_code_as_it_stands():
    from scipy.optimize import brentq, least_squares, minimize

    def outer(a):
        found = minimize(lambda x: np.sum((x - a) ** 4 + x**2), np.zeros(2), method="BFGS")
        return np.sum(found.x) * found.fun

    a = np.array([1.0, 2.0])
    np.testing.assert_allclose(
        ad.grad(outer)(a), differences(lambda a: np.asarray(float(outer(a))), a, 1e-4), rtol=1e-4
    )
    slope = ad.grad(lambda c: brentq(lambda x: np.exp(x) - c, 0.0, 5.0))(3.0)
    assert float(slope) == pytest.approx(1 / 3)
    t = np.linspace(0, 1, 6)
    rate = ad.grad(lambda s: least_squares(lambda k: np.exp(-k * t) - s * t, 1.0).x[0])(0.3)

    def fitted(s):
        return scipy.optimize.least_squares(
            lambda k: np.exp(-k * t) - s * t, 1.0, xtol=1e-15, ftol=1e-15, gtol=1e-15
        ).x[0]

    sides = fitted(0.2999), fitted(0.3001)
    assert float(rate) == pytest.approx((sides[1] - sides[0]) / 0.0002, rel=1e-4)


T = np.linspace(0.0, 1.0, 8)


def model(t, a, b):
    return a * ad.exp(-b * t)


def test_least_squares_with_the_full_second_derivative():
    """Residuals do not vanish, so that Gauss and Newton's matrix would give another answer."""
    y = np.cos(3 * T) + 0.5

    def fit(y):
        return ad.optimize.least_squares(
            lambda p: model(T, p[0], p[1]) - y,
            np.array([1.0, 1.0]),
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
        ).x

    numerical = differences(lambda y: np.asarray(fit(y)), y, 1e-4)
    np.testing.assert_allclose(ad.jacobian(fit)(y), numerical, rtol=2e-5, atol=1e-7)


def test_curve_fit_and_its_covariance():
    rng = np.random.default_rng(0)
    y = 2.0 * np.exp(-1.3 * T) + 0.01 * rng.normal(size=8)
    p, covariance = ad.optimize.curve_fit(model, T, y, p0=[1.0, 1.0])
    theirs = scipy.optimize.curve_fit(lambda t, a, b: a * np.exp(-b * t), T, y, p0=[1.0, 1.0])
    np.testing.assert_allclose(p, theirs[0], rtol=1e-5)
    np.testing.assert_allclose(covariance, theirs[1], rtol=1e-4)
    error = lambda y: ad.sqrt(ad.optimize.curve_fit(model, T, y, p0=[1.0, 1.0])[1][1, 1])
    numerical = differences(lambda y: np.asarray(error(y)), y, 1e-5)
    np.testing.assert_allclose(ad.grad(error)(y), numerical, rtol=1e-3, atol=1e-6)


ROOTS = {
    "root": lambda a: ad.optimize.root(lambda x: x**3 - a, 1.0).x,
    "root, lm": lambda a: ad.optimize.root(lambda x: x**3 - a, 1.0, method="lm").x,
    "root_scalar": lambda a: ad.optimize.root_scalar(lambda x: x**3 - a, bracket=(0.0, 9.0)).root,
    "root_scalar, newton": lambda a: ad.optimize.root_scalar(lambda x: x**3 - a, x0=1.5).root,
    "brentq": lambda a: ad.optimize.brentq(lambda x: x**3 - a, 0.0, 9.0),
    "bisect": lambda a: ad.optimize.bisect(lambda x: x**3 - a, 0.0, 9.0),
    "ridder": lambda a: ad.optimize.ridder(lambda x, a: x**3 - a, 0.0, 9.0, args=(a,)),
    "newton": lambda a: ad.optimize.newton(lambda x: x**3 - a, 1.5),
    "fixed_point": lambda a: ad.optimize.fixed_point(lambda x: (a / x**2 + 2 * x) / 3, 1.5),
}


@pytest.mark.parametrize("name", ROOTS)
def test_roots(name):
    f = ROOTS[name]
    assert float(np.squeeze(np.asarray(f(8.0)))) == pytest.approx(2.0)
    scalar = lambda a: ad.sum(f(a))
    assert float(ad.grad(scalar)(8.0)) == pytest.approx(1 / 12)
    assert float(ad.grad(ad.grad(scalar))(8.0)) == pytest.approx(-2 / 9 * 8 ** (-5 / 3), rel=1e-6)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-exact", "Nelder-Mead"])
def test_functions_that_look_at_values(method):
    def f(x):
        return (x[0] - 1.0) ** 4 if x[0] > 1.0 else (x[0] - 1.0) ** 2

    found = ad.optimize.minimize(f, np.array([-3.0]), method=method)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-3)


def test_functions_that_look_at_values_have_no_derivatives_of_solutions():
    def solution(a):
        def f(x):
            return (x[0] - a) ** 2 if x[0] > 9 else x[0] ** 2 * a

        return ad.optimize.minimize(f, np.ones(1)).x[0]

    with pytest.raises(LostDerivativeError):
        ad.grad(solution)(1.0)


def test_progress_on_request(capsys):
    ad.optimize.minimize(rosenbrock, X0, method="BFGS", progress=True)
    assert "minimize" in capsys.readouterr().out


def test_progress_without_the_package_that_shows_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(MissingExtraError, match=r"minimize: progress=True needs rich"):
        ad.optimize.minimize(rosenbrock, X0, method="BFGS", progress=True)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: ad.optimize.minimize(3, 1.0), ArgumentError, "expected a function"),
        (lambda: ad.optimize.minimize(lambda x: x, X0), ArgumentError, "must return one number"),
        (lambda: ad.optimize.minimize(ad.sum, X0 * 1j), DTypeError, "unknowns must be real"),
        (
            lambda: ad.compile(lambda a: ad.optimize.minimize(lambda x: (x - a) ** 2, 0.0).x)(1.0),
            ArgumentError,
            "not known within compile",
        ),
        (
            lambda: ad.grad(lambda a: ad.optimize.root(lambda x: x[:1] * a, np.ones(2)).x[0])(1.0),
            ArgumentError,
            "as many equations as unknowns",
        ),
        (lambda: ad.optimize.root_scalar(lambda x: x), ArgumentError, "give bracket="),
    ],
)
def test_errors_say_what_to_do(call, error, says):
    with pytest.raises(error, match=says):
        call()
