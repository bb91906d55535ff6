"""Adaptive integrals of SciPy in a differentiated function, as users write them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import integrate
from scipy.integrate import dblquad, nquad, quad, quad_vec, tplquad

import adjoint as ad
from adjoint.errors import ArgumentError, ConvergenceWarning
from tests.sampling import marked

pytestmark = pytest.mark.unit

ROOT_PI = math.sqrt(math.pi)

# f, where, and f' and f'' in closed form
CLOSED = {
    "by a parameter": (
        lambda k: quad(lambda x: np.exp(-k * x), 0, 1)[0], 1.0,
        2 / math.e - 1, 2 - 5 / math.e,
    ),
    "by args": (
        lambda k: quad(lambda x, k, c: c * math.exp(-k * x), 0, 1, args=(k, 1.0))[0], 1.0,
        2 / math.e - 1, 2 - 5 / math.e,
    ),
    "by one arg": (
        lambda k: quad(lambda x, k: k * k * x, 0, 1, args=k)[0], 3.0, 3.0, 1.0,
    ),
    "by the upper bound": (lambda b: quad(lambda x: x**3, 0, b)[0], 2.0, 8.0, 12.0),
    "by the lower bound": (lambda a: quad(lambda x: x**3, a, 3)[0], 2.0, -8.0, -12.0),
    "by both, exchanged": (lambda b: quad(lambda x: x, b, -b * b)[0], 2.0, 14.0, 23.0),
    "by all": (lambda b: quad(lambda x: b * x, 0, b)[0], 2.0, 6.0, 6.0),
    "of an empty range": (lambda b: quad(lambda x: x**3 + b, 2.0, b)[0], 2.0, 10.0, 14.0),
    "to infinity": (lambda k: quad(lambda x: np.exp(-k * x), 0, np.inf)[0], 2.0, -0.25, 0.25),
    "from a bound to infinity": (
        lambda a: quad(lambda x: np.exp(-x), a, np.inf)[0], 0.5, -math.exp(-0.5), math.exp(-0.5),
    ),
    "from infinity back": (
        lambda a: quad(lambda x: np.exp(-x), np.inf, a)[0], 0.5, math.exp(-0.5), -math.exp(-0.5),
    ),
    "from minus infinity": (
        lambda b: quad(np.exp, -np.inf, b)[0], 0.5, math.exp(0.5), math.exp(0.5),
    ),
    "over all numbers": (
        lambda k: quad(lambda x: np.exp(-k * x * x), -np.inf, np.inf)[0], 1.0,
        -ROOT_PI / 2, 3 * ROOT_PI / 4,
    ),
    "with a singularity": (lambda k: quad(lambda x: x ** (k - 1), 0, 1)[0], 0.5, -4.0, 16.0),
    "with a singularity that moves": (
        lambda a: quad(lambda x: 1 / np.sqrt(x - a), a, 2)[0], 0.5,
        -(1.5**-0.5), -0.5 * 1.5**-1.5,
    ),
    "beyond a jump": (
        lambda b: quad(lambda x: b if x < 1 else b * b * x, 0, b)[0], 2.0, 15.0, 23.0,
    ),
    "beyond a jump that is not seen at once": (
        lambda a: quad(lambda x: (1 if x < 1.3 else 3) * math.exp(-x), a, np.inf)[0], 0.2,
        -math.exp(-0.2), math.exp(-0.2),
    ),
    "by the place of a jump": (
        lambda c: quad(lambda x: np.where(x < c, 1.0, 3.0) * x, 0, 2, points=[c])[0], 1.2,
        -2.4, -2.0,
    ),
    "of complex numbers": (
        lambda k: quad(lambda x: np.exp(1j * k * x), 0, 1, complex_func=True)[0].imag, 1.0,
        math.sin(1) + math.cos(1) - 1, 2 - math.cos(1) - 2 * math.sin(1),
    ),
    "over a disc": (
        lambda r: dblquad(lambda y, x: y * 0 + r, 0, r, 0, lambda x: r - x)[0], 2.0, 6.0, 6.0,
    ),
    "over a box": (
        lambda r: tplquad(lambda z, y, x: r * x * y, 0, 1, 0, 1, 0, lambda x, y: r)[0], 2.0,
        1.0, 0.5,
    ),
    "over ranges": (
        lambda k: nquad(lambda x, y, k: k * x * y, [lambda y, k: (0, y), (0, k)], args=(k,))[0],
        2.0, 10.0, 20.0,
    ),
    "of arrays": (
        lambda r: np.sum(quad_vec(lambda x: np.stack([r * x, x * x]), 0, r)[0]), 2.0, 10.0, 10.0,
    ),
    "of arrays to infinity": (
        lambda a: quad_vec(lambda x: np.exp(-x) * np.arange(3.0), a, np.inf)[0].sum(), 0.5,
        -3 * math.exp(-0.5), 3 * math.exp(-0.5),
    ),
    "of arrays over all numbers": (
        lambda k: quad_vec(lambda x, k: np.exp(-k * x * x), -np.inf, np.inf, args=(k,))[0], 1.0,
        -ROOT_PI / 2, 3 * ROOT_PI / 4,
    ),
    "of arrays, exchanged": (
        lambda b: quad_vec(lambda x: b * x * np.ones((2, 2)), b, 1)[0][1, 0], 2.0, -5.5, -6.0,
    ),
}  # fmt: skip
TOLERANCES = {"with a singularity": 3e-6, "with a singularity that moves": 3e-5}
ONCE = {"over a box"}
"""Cases that take seconds each time; their second order is that of the two below them."""


@pytest.mark.parametrize("case", [marked(case, case not in ONCE) for case in CLOSED])
def test_derivatives_are_those_of_the_closed_form(case):
    f, x, first, second = CLOSED[case]
    tol = TOLERANCES.get(case, 1e-9)
    value, slope = ad.value_and_grad(f)(x)
    assert float(value) == pytest.approx(float(f(x)), rel=1e-14)
    assert float(slope) == pytest.approx(first, rel=tol)
    assert float(ad.jvp(f, (x,), (1.0,))[1]) == pytest.approx(first, rel=tol)
    if case in ONCE:
        return
    assert float(ad.grad(ad.grad(f))(x)) == pytest.approx(second, rel=tol)
    assert float(ad.jvp(ad.grad(f), (x,), (1.0,))[1]) == pytest.approx(second, rel=tol)


def test_the_gradient_by_an_array_is_that_of_differences():
    def f(p):
        tail = quad(lambda x: p[0] * np.exp(-p[1] * x * x), p[2], np.inf)[0]
        return np.log(tail + quad(lambda x: np.interp(x, [0, 1, 2], p), 0, 2, points=[1])[0])

    p = np.array([0.7, 1.3, 0.4])
    steps = 1e-5 * np.eye(3)
    expected = [(f(p + h) - f(p - h)) / 2e-5 for h in steps]
    np.testing.assert_allclose(ad.grad(f)(p), expected, rtol=1e-8)


def test_plain_numbers_give_what_scipy_gives():
    def f(x):
        found = quad(lambda t: t**2, 0, 3)
        assert found == quad_of_scipy
        return found[0] * x

    quad_of_scipy = quad(lambda t: t**2, 0, 3)
    assert float(ad.grad(f)(2.0)) == pytest.approx(9.0)


def test_full_output_and_warnings_are_scipys():
    def f(k):
        value, error, info = quad(lambda x: np.cos(k * x), 0, 2, full_output=1)
        assert error > 0 and info["last"] == 1
        return value

    assert float(ad.grad(f)(1.0)) == pytest.approx(2 * math.cos(2) - math.sin(2))
    with pytest.warns(integrate.IntegrationWarning, match="maximum number of subdivisions"):
        ad.grad(lambda k: quad(lambda x: np.sin(k * x), 0, 100, limit=2)[0])(3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ad.grad(lambda k: quad(lambda x: np.sin(k * x), 0, 100, limit=2, full_output=1)[0])(3.0)


def test_float32_parameters_have_float32_gradients():
    slope = ad.grad(lambda k: quad(lambda x: k * x, 0, k)[0])(np.float32(2.0))
    assert slope.dtype == np.float32 and float(slope) == pytest.approx(6.0)


def test_what_cannot_be_done_is_an_error_that_says_what_to_do():
    with pytest.raises(ArgumentError, match=r"weight='cos' .* multiply the integrand"):
        ad.grad(lambda k: quad(lambda x: k * x, 0, 1, weight="cos", wvar=1.0)[0])(1.0)
    with pytest.raises(ArgumentError, match=r"chosen by values.*fixed_quad"):
        ad.compile(lambda k: quad(lambda x: k * x, 0, 1)[0])(1.0)
    with pytest.raises(ArgumentError, match=r"quadrature='trapezoid'"):
        ad.grad(lambda k: quad_vec(lambda x: k * x, 0, 1, quadrature="trapezoid")[0])(1.0)
    with pytest.raises(ValueError, match="cannot be used with break points"):
        ad.grad(lambda k: quad(lambda x: k * x, 0, np.inf, points=[1.0])[0])(1.0)


def test_a_bound_that_is_nan_has_no_slope():
    with pytest.warns(integrate.IntegrationWarning):
        value, slope = ad.value_and_grad(lambda b: quad(lambda x: x + b, 0, b)[0])(math.nan)
    assert math.isnan(float(value)) and math.isnan(float(slope))


UNRESOLVED = {
    "a kink": lambda c: quad(lambda x: ad.abs(x - c), 0, 1)[0],
    "a kink of a vector": lambda c: quad_vec(lambda x: ad.stack([ad.abs(x - c), x]), 0, 1)[0][0],
    "a jump": lambda c: quad(lambda x: c * ad.where(x > c, 1.0, 0.0), 0, 1)[0],
}


@pytest.mark.parametrize("name", UNRESOLVED)
def test_a_kink_within_the_range_that_is_not_named_is_warned_of(name):
    with pytest.warns(ConvergenceWarning, match="near x = 0.3.*points="):
        found = float(ad.grad(UNRESOLVED[name])(0.301))
    if "kink" in name:
        assert found == pytest.approx(2 * 0.301 - 1, abs=1e-3)


def test_what_is_resolved_or_cannot_move_is_not_warned_of():
    named = lambda c: quad(lambda x: ad.abs(x - c), 0, 1, points=[c])[0]
    assert float(ad.grad(named)(0.301)) == pytest.approx(2 * 0.301 - 1, abs=1e-14)
    bound = lambda b: quad(lambda x: ad.abs(x - 0.3), 0, b)[0]
    assert float(ad.grad(bound)(1.0)) == pytest.approx(0.7, abs=1e-14)
    peak = lambda c: quad(lambda x: ad.exp(-((x - c) ** 2) * 1e4), 0, 1)[0]
    assert float(ad.grad(peak)(0.3)) == pytest.approx(0.0, abs=1e-10)
    singular = lambda c: quad(lambda x: c * ad.log(x), 0, 1)[0]
    assert float(ad.grad(singular)(0.3)) == pytest.approx(-1.0, abs=1e-7)
