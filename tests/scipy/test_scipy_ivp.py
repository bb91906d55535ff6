"""Initial value problems of SciPy in a differentiated function, as users write them."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.integrate import odeint, solve_ivp

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError
from tests.sampling import every

pytestmark = pytest.mark.unit

METHODS = ("RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA")
TIGHT = {"rtol": 1e-7, "atol": 1e-9}


def check(f, x, first, second, tol):
    """Value, both modes, and second order both ways."""
    value, slope = ad.value_and_grad(f)(x)
    assert float(value) == pytest.approx(float(f(x)), rel=1e-13)
    assert float(slope) == pytest.approx(first, rel=tol)
    assert float(ad.jvp(f, (x,), (1.0,))[1]) == pytest.approx(float(slope), rel=1e-9)
    curvature = float(ad.grad(ad.grad(f))(x))
    assert curvature == pytest.approx(second, rel=tol)
    assert float(ad.jvp(ad.grad(f), (x,), (1.0,))[1]) == pytest.approx(curvature, rel=1e-8)


def logistic(t, y, r):
    return r * y * (1 - y)


def logistic_at(t, r):
    return 1 / (1 + 9 * math.exp(-r * t))


@pytest.mark.parametrize("method", METHODS)
def test_derivatives_by_a_parameter_are_those_of_the_closed_form(method):
    def f(r):
        found = solve_ivp(logistic, (0, 3), [0.1], method=method, args=(r,), **TIGHT)
        return found.y[0, -1]

    y = logistic_at(3.0, 1.2)
    slope = 3 * y * (1 - y)
    check(f, 1.2, slope, 3 * slope * (1 - 2 * y), 1e-4)


@pytest.mark.parametrize("method", every(2, ["RK45", "DOP853", "Radau", "LSODA"]))
def test_derivatives_by_times_are_slopes(method):
    def asked(t):
        found = solve_ivp(
            lambda t, y: 1.2 * y * (1 - y), (0, 3), [0.1], method, t_eval=[0.5, t], **TIGHT
        )
        return found.y[0, 1]

    def start_and_end(t):
        found = solve_ivp(lambda s, y: s * y, (1 - t, t), [1.0], method, **TIGHT)
        return np.log(found.y[0, -1]) + found.t[-1] - found.t[0]

    y = logistic_at(2.0, 1.2)
    slope = 1.2 * y * (1 - y)
    check(asked, 2.0, slope, 1.2 * slope * (1 - 2 * y), 1e-5)
    slope, curvature = (float(g(2.0)) for g in (ad.grad(start_and_end), ad.hessian(start_and_end)))
    assert slope == pytest.approx(3.0, rel=1e-5)  # of (t² - (1 - t)²) / 2 + 2 t - 1
    assert curvature == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("method", every(2, METHODS))
def test_the_dense_solution_is_a_differentiable_function_of_time(method):
    def f(t):
        sol = solve_ivp(logistic, (0, 3), [0.1], method, args=(1.2,), dense_output=True, **TIGHT)
        between = sol.sol(np.stack([t, t / 2]))
        assert between.shape == (1, 2)
        return between[0, 0]

    y = logistic_at(2.0, 1.2)
    assert float(f(2.0)) == pytest.approx(y, rel=1e-4)
    slope = 1.2 * y * (1 - y)
    check(f, 2.0, slope, 1.2 * slope * (1 - 2 * y), 1e-4)


def hits(t, y, *args):
    return y[0]


hits.terminal = True
hits.direction = -1


@pytest.mark.parametrize("method", every(3, METHODS))
def test_the_time_of_an_event_is_differentiated(method):
    def fall(g):
        return solve_ivp(
            lambda t, y, g: [y[1], -g], (0, 9), [2.0, 0.0], method, events=hits, args=(g,), **TIGHT
        )

    # t = √(4 / g), v = -√(4 g)
    check(lambda g: fall(g).t_events[0][0], 4.0, -1 / 8, 3 / 64, 1e-6)
    check(lambda g: fall(g).t[-1], 4.0, -1 / 8, 3 / 64, 1e-6)
    check(lambda g: fall(g).y[1, -1], 4.0, -1 / 2, 1 / 16, 1e-6)
    check(lambda g: fall(g).y_events[0][0, 1], 4.0, -1 / 2, 1 / 16, 1e-6)
    assert float(ad.grad(lambda g: fall(g).y[0, -1])(4.0)) == pytest.approx(0, abs=1e-6)


def test_derivatives_by_times_are_exact_beyond_the_fourth_order():
    """Of exp(-t²/2), whose derivatives are Hermite's polynomials, and of the time of an event."""

    def y(t):
        run = solve_ivp(
            lambda t, y: -t * y, (0.0, t), [1.0], method="DOP853", rtol=1e-12, atol=1e-13
        )
        return run.y[0, -1]

    rows = [np.eye(8)[n] for n in range(8)]
    hermite = [np.polynomial.hermite_e.hermeval(0.7, row) for row in rows]
    exact = [(-1) ** n * h * math.exp(-0.245) for n, h in enumerate(hermite)]
    found = [math.factorial(k) * float(c) for k, c in enumerate(ad.taylor(y, (0.7,), (1.0,), 7))]
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    fifth = y
    for _ in range(5):
        fifth = ad.grad(fifth)
    np.testing.assert_allclose(float(fifth(0.7)), exact[5], rtol=1e-9)

    sixth = float(ad.hessian(ad.hessian(ad.hessian(y)))(0.7))
    assert sixth == pytest.approx(exact[6], rel=1e-9)

    def halved(start):
        event = lambda t, y: y[0] - 0.5
        run = solve_ivp(lambda t, y: -y, (0.0, 4.0), [start], events=event, rtol=1e-12, atol=1e-13)
        return run.t_events[0][0]

    found = [float(c) for c in ad.taylor(halved, (1.5,), (1.0,), 6)[1:]]  # of log(2 start)
    np.testing.assert_allclose(found, [-((-1 / 1.5) ** k) / k for k in range(1, 7)], rtol=1e-9)


def test_events_that_do_not_end_the_solution_and_one_that_never_happens():
    def never(t, y):
        return y[0] + 10

    def f(w):
        found = solve_ivp(
            lambda t, y: [y[1], -w * w * y[0]], (0, 7), [1.0, 0.0],
            "DOP853", events=[lambda t, y: y[0], never], rtol=1e-9, atol=1e-11,
        )  # fmt: skip
        assert found.t_events[1].size == 0
        return found.t_events[0].sum()

    # zeros of cos(w t) up to 7: (k + 1/2) π / w, k = 0 … 3
    check(f, 2.0, -8 * math.pi / 4, 2 * 8 * math.pi / 8, 1e-7)


def robertson(t, y, k):
    slow, fast, back = k[0] * y[0], k[1] * y[1] ** 2, k[2] * y[1] * y[2]
    return [-slow + back, slow - back - fast, fast]


RATES = np.array([0.04, 3e7, 1e4])


def robertson_at(method, **options):
    return lambda k: solve_ivp(robertson, (0, 4), [1.0, 0, 0], method, args=(k,), **options).y[
        0, -1
    ]


@cache
def slopes_of_robertson():
    exact = robertson_at("Radau", rtol=1e-11, atol=1e-14)
    steps = 1e-3 * np.diag(RATES)
    return [(exact(RATES + h) - exact(RATES - h)) / (2 * h.sum()) for h in steps]


@pytest.mark.parametrize("method", every(2, ["BDF", "Radau", "LSODA"]))
def test_stiff_kinetics_have_the_gradient_of_differences(method):
    expected = slopes_of_robertson()
    found = ad.grad(robertson_at(method, rtol=1e-6, atol=1e-10))(RATES).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_odeint_is_scipys_also_where_it_is_stiff():
    def f(a, scale=1.0):
        flow = lambda y, t: -scale * (y - np.cos(a * t))
        return odeint(flow, [0.0], [0, 0.5, 3], rtol=1e-9, atol=1e-11)[-1, 0]

    def exact(a, k=1.0):  # y' = -k (y - cos a t)
        w = k * k + a * a
        return (k * k * math.cos(3 * a) + k * a * math.sin(3 * a)) / w - math.exp(
            -3 * k
        ) * k * k / w

    for scale in (1.0, 1000.0):
        slope = (exact(1.1 + 1e-5, scale) - exact(1.1 - 1e-5, scale)) / 2e-5
        value, found = ad.value_and_grad(lambda a, k=scale: f(a, k))(1.1)
        assert float(value) == float(f(1.1, scale))
        assert float(value) == pytest.approx(exact(1.1, scale), rel=1e-6)
        assert float(found) == pytest.approx(slope, rel=1e-6)


def test_odeint_has_derivatives_by_its_times():
    def f(t):
        return odeint(lambda y, t: t * y, [1.0], np.stack([t / 2, t]), rtol=1e-10, atol=1e-10)[1, 0]

    y = math.exp(1.5)  # exp(3 t² / 8) at t = 2
    check(f, 2.0, 1.5 * y, (0.75 + 2.25) * y, 1e-7)


def test_results_without_derivatives_are_scipys():
    ours, scipys = [], solve_ivp(logistic, (0, 3), [0.1], args=(1.2,))

    def f(x):
        ours.append(solve_ivp(logistic, (0, 3), [0.1], args=(1.2,)))
        return x

    ad.grad(f)(1.0)
    np.testing.assert_array_equal(ours[0].t, scipys.t)
    np.testing.assert_array_equal(ours[0].y, scipys.y)
    assert ours[0].nfev == scipys.nfev and ours[0].message == scipys.message


def test_jac_options_and_vectorized_are_taken():
    jac = lambda t, y, r: [[r * (1 - 2 * y[0])]]
    f = lambda r: solve_ivp(
        lambda t, y, r: r * y * (1 - y), (0, 3), [0.1], "BDF", args=(r,), jac=jac, vectorized=True,
        max_step=0.5, **TIGHT,
    ).y[0, -1]  # fmt: skip
    y = logistic_at(3.0, 1.2)
    assert float(ad.grad(f)(1.2)) == pytest.approx(3 * y * (1 - y), rel=1e-4)


def test_what_cannot_be_done_is_an_error_that_says_what_to_do():
    with pytest.raises(ArgumentError, match=r"values.*adjoint\.odeint"):
        ad.compile(lambda y: solve_ivp(logistic, (0, 3), [y], args=(1.0,)).y)(0.1)
    with pytest.raises(RangeError, match="in its order"):
        ad.grad(lambda r: solve_ivp(logistic, (0, 3), [0.1], t_eval=[2, 1], args=(r,)).y[0, 0])(1.0)
    with pytest.raises(ArgumentError, match=r"method='Euler' .* RK45"):
        ad.grad(lambda r: solve_ivp(logistic, (0, 3), [0.1], "Euler", args=(r,)).y[0, 0])(1.0)
    with pytest.raises(RangeError, match=r"at t = 0\.9"):
        ad.grad(lambda r: solve_ivp(lambda t, y: r * y**2, (0, 2), [1.0]).y[0, -1])(1.0)
    with pytest.raises(ArgumentError, match=r"method='BDF' .* y0 is complex"):
        ad.grad(lambda w: abs(solve_ivp(lambda t, y: w * y, (0, 1), [1j], "BDF").y[0, -1]))(1.0)


def test_one_time_and_equal_times_are_no_special_case():
    assert float(ad.grad(lambda w: odeint(lambda y, t: w * y, [w], [2.0])[0, 0])(3.0)) == 1.0
    equal = ad.grad(lambda w: odeint(lambda y, t: y, [w], [0.0, 0.0, 1.0, 1.0])[-1, 0])(3.0)
    assert float(equal) == pytest.approx(math.e, rel=1e-7)
    end = ad.grad(lambda t: solve_ivp(lambda s, y: 3 * y, (1.0, t), [1.0]).y[0, -1])(1.0)
    assert float(end) == pytest.approx(3.0)
