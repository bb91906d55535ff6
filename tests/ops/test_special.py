"""Special functions: values and derivatives against mpmath, which computes in thirty digits."""

from __future__ import annotations

import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose

import adjoint as ad
from adjoint.errors import RangeError
from adjoint.graph.op import OPS
from tests.exact_slopes import slope

pytestmark = pytest.mark.unit

special = ad.special


def log_gamma(x):
    return mp.log(abs(mp.gamma(x)))


ONE = {
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "erfinv": mp.erfinv,
    "erfcinv": lambda x: mp.erfinv(1 - x),
    "dawsn": lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
    "ndtr": mp.ncdf,
    "ndtri": lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1),
    "log_ndtr": lambda x: mp.log(mp.ncdf(x)),
    "gamma": mp.gamma,
    "gammaln": log_gamma,
    "digamma": mp.digamma,
    "j0": lambda x: mp.besselj(0, x),
    "j1": lambda x: mp.besselj(1, x),
    "y0": lambda x: mp.bessely(0, x),
    "y1": lambda x: mp.bessely(1, x),
    "i0": lambda x: mp.besseli(0, x),
    "i1": lambda x: mp.besseli(1, x),
    "i0e": lambda x: mp.exp(-abs(x)) * mp.besseli(0, x),
    "i1e": lambda x: mp.exp(-abs(x)) * mp.besseli(1, x),
    "k0": lambda x: mp.besselk(0, x),
    "k1": lambda x: mp.besselk(1, x),
    "k0e": lambda x: mp.exp(x) * mp.besselk(0, x),
    "k1e": lambda x: mp.exp(x) * mp.besselk(1, x),
    "expit": lambda x: 1 / (1 + mp.exp(-x)),
    "logit": lambda x: mp.log(x / (1 - x)),
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
    "log_expit": lambda x: -mp.log(1 + mp.exp(-x)),
    "entr": lambda x: -x * mp.log(x),
    "exp1": mp.e1,
    "expi": mp.ei,
    "exprel": lambda x: mp.expm1(x) / x,
    "sinc": lambda x: mp.sin(mp.pi * x) / (mp.pi * x),
}
TWO = {
    "jv": mp.besselj,
    "yv": mp.bessely,
    "iv": mp.besseli,
    "kv": mp.besselk,
    "ive": lambda v, x: mp.exp(-x) * mp.besseli(v, x),
    "kve": lambda v, x: mp.exp(x) * mp.besselk(v, x),
    "beta": mp.beta,
    "betaln": lambda a, b: mp.log(mp.beta(a, b)),
    "binom": mp.binomial,
    "zeta": mp.zeta,
    "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
    "gammaincc": lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True),
    "xlogy": lambda x, y: x * mp.log(y),
    "xlog1py": lambda x, y: x * mp.log(1 + y),
    "rel_entr": lambda x, y: x * mp.log(x / y),
    "kl_div": lambda x, y: x * mp.log(x / y) - x + y,
}


def points(name, count):
    """Points of the domain that the operation states, away from its ends and from 0."""
    domain = OPS[name].domain if name in OPS else ((0.6, 1.9),) * 2
    rng = np.random.default_rng(len(name))
    return [[float(rng.uniform(lo, hi)) for lo, hi in domain] for _ in range(count)]


def check(found, expected, digits=1e-11):
    assert abs(float(found) - float(expected)) <= digits * max(abs(float(expected)), 1e-2)


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_variable_up_to_the_third_derivative(name):
    with mp.workdps(30):
        for number, (x, *_) in enumerate(points(name, 4)):
            f = getattr(special, name)
            for order in range(4 if number < 2 else 2):
                check(f(x), mp.diff(ONE[name], mp.mpf(x), order) if order else ONE[name](x))
                f = ad.grad(f)


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("orders", [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)])
def test_functions_of_two_variables_and_their_partial_derivatives(name, orders):
    f = getattr(special, name)
    for argnum in (1, 0):
        for _ in range(orders[argnum]):
            f = ad.grad(f, argnum)
    for at in points(name, 3):
        check(f(*at), slope(TWO[name], at, orders))


def test_forward_mode_agrees():
    for name in ONE:
        ((x, *_),) = points(name, 1)
        f = getattr(special, name)
        _, forward = ad.jvp(f, (x,), (1.0,))
        assert float(forward) == pytest.approx(float(ad.grad(f)(x)), rel=1e-14)


SHAPES = [
    (2.0, 3.0),
    (0.1, 0.05),
    (50.0, 30.0),
    (50.0, 51.5),
    (50.0, 80.0),
    (1000.0, 990.0),
    (1000.0, 1010.0),
    (0.01, 20.0),
    (1e-3, 1e-5),
]


@pytest.mark.parametrize(("a", "x"), SHAPES)
def test_incomplete_gamma_by_its_shape(a, x):
    with mp.workdps(40):
        exact = mp.diff(lambda t: mp.gammainc(t, 0, x, regularized=True), mp.mpf(a))
    lower, upper = ad.grad(special.gammainc)(a, x), ad.grad(special.gammaincc)(a, x)
    assert float(lower) == pytest.approx(float(exact), rel=1e-12)
    assert float(upper) == -float(lower)


@pytest.mark.parametrize(
    ("a", "b", "x"),
    [(2.0, 3.0, 0.3), (0.7, 1.9, 0.8), (10.0, 5.0, 0.6), (100.0, 120.0, 0.5), (0.5, 0.5, 1e-10)],
)
def test_incomplete_beta_by_all_its_arguments(a, b, x):
    def exact(*at):
        return mp.betainc(at[0], at[1], 0, at[2], regularized=True)

    for i in range(3):
        with mp.workdps(30):
            slope = mp.diff(exact, (a, b, x), tuple(int(k == i) for k in range(3)))
        assert float(ad.grad(special.betainc, i)(a, b, x)) == pytest.approx(float(slope), rel=1e-11)
    mixed = ad.grad(ad.grad(special.betainc, 0), 2)(a, b, x)
    other = ad.grad(ad.grad(special.betainc, 2), 0)(a, b, x)
    assert float(mixed) == pytest.approx(float(other), rel=1e-9)


def test_incomplete_functions_at_the_ends_and_outside():
    x = np.array([0.0, 1.0, np.inf])
    found = ad.grad(lambda a: ad.sum(special.gammainc(a, x)))(2.0)
    assert np.isfinite(float(found))
    assert np.isnan(float(ad.grad(special.gammainc)(2.0, -1.0)))
    assert float(ad.grad(special.betainc)(2.0, 3.0, 0.0)) == 0.0
    assert float(ad.grad(special.betainc, 1)(2.0, 3.0, 1.0)) == 0.0
    assert np.isnan(float(ad.grad(special.betainc)(2.0, 3.0, 1.5)))


@pytest.mark.parametrize(("a", "x"), SHAPES)
def test_incomplete_gamma_by_its_shape_again(a, x):
    f = special.gammainc
    for order in (2, 3):
        with mp.workdps(40):
            exact = mp.diff(lambda t: mp.gammainc(t, 0, x, regularized=True), mp.mpf(a), order)
        f = ad.grad(f) if order == 3 else ad.grad(ad.grad(f))
        assert float(f(a, x)) == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize("orders", [(2, 0), (1, 1), (0, 2), (0, 3)])
@pytest.mark.parametrize(
    ("a", "b", "x"), [(2.0, 3.0, 0.3), (0.5, 0.5, 1e-10), (100.0, 120.0, 0.5), (50.0, 0.3, 0.999)]
)
def test_incomplete_beta_by_its_shapes_again(a, b, x, orders):
    f = special.betainc
    for argnum in (0, 1):
        for _ in range(orders[argnum]):
            f = ad.grad(f, argnum)
    with mp.workdps(40):
        exact = mp.diff(
            lambda s, t: mp.betainc(s, t, 0, mp.mpf(x), regularized=True), (a, b), orders
        )
    assert float(f(a, b, x)) == pytest.approx(float(exact), rel=1e-11)


def scaled_bessel(order, sign):
    """exp(-x) I(x), or exp(x) K(x), the latter by Tricomi's function, DLMF 10.39.6, which mpmath
    computes at once also for x = 100."""
    if sign < 0:
        return lambda x: mp.exp(-x) * mp.besseli(order, x)
    return lambda x: (
        mp.sqrt(mp.pi) * (2 * x) ** order * mp.hyperu(order + mp.mpf(1) / 2, 2 * order + 1, 2 * x)
    )


CANCELLING = {
    "erfcx": lambda x: mp.hyperu(0.5, 0.5, x * x) / mp.sqrt(mp.pi),
    "dawsn": lambda x: x * mp.hyp1f1(1, 1.5, -x * x),
    "i0e": scaled_bessel(0, -1),
    "i1e": scaled_bessel(1, -1),
    "k0e": scaled_bessel(0, 1),
    "k1e": scaled_bessel(1, 1),
}
"""Functions whose slopes are differences of two numbers that are nearly equal for large x."""


@pytest.mark.parametrize("name", CANCELLING)
@pytest.mark.parametrize("x", [9.9, 10.1, 99.0, 101.0, 1e4, 1e8])
def test_slopes_of_large_arguments_do_not_cancel(name, x):
    f = getattr(special, name)
    for order in (1, 2):
        f = ad.grad(f)
        exact = float(slope(CANCELLING[name], [x], [order]))
        assert float(f(x)) == pytest.approx(exact, rel=1e-9 if order == 1 else 1e-7)


@pytest.mark.parametrize("name", ["jv", "yv", "iv", "kv", "ive", "kve"])
@pytest.mark.parametrize("at", [(0.0, 0.3), (30.0, 10.0), (-1.7, 4.0), (1.0, 80.0), (2.5, 1e-6)])
def test_bessel_functions_by_their_order(name, at):
    f = ad.grad(getattr(special, name))
    for order in (1, 2):
        exact = float(slope(TWO[name], at, (order, 0)))
        assert float(f(*at)) == pytest.approx(exact, rel=1e-11)
        f = ad.grad(f)


def test_the_order_has_no_derivative_left_of_zero():
    assert np.isnan(float(ad.grad(special.jv)(2.0, -1.0)))
    assert float(ad.grad(special.jv)(2.0, 0.0)) == 0.0


@pytest.mark.parametrize("x", [-20.5, -3.3, 0.0, 0.99, 1.01, 2.5, 30.0])
def test_riemanns_zeta_function_on_both_sides_of_its_pole(x):
    f = special.zeta
    for order in range(3):
        with mp.workdps(40):
            exact = float(mp.diff(mp.zeta, mp.mpf(x), order))
        assert float(f(x)) == pytest.approx(exact, rel=1e-11)
        f = ad.grad(f)


HYPERGEOMETRIC = [
    ("hyp0f1", mp.hyp0f1, (1.2, 40.0)),
    ("hyp1f1", mp.hyp1f1, (3.7, 0.3, -30.0)),
    ("hyp1f1", mp.hyp1f1, (-2.0, 1.5, 3.0)),
    ("hyp2f1", mp.hyp2f1, (1.2, 2.0, 2.7, -100.0)),
    ("hyp2f1", mp.hyp2f1, (-2.0, 1.5, 3.0, 0.9)),
    ("hyperu", mp.hyperu, (10.0, 5.0, 30.0)),
]


@pytest.mark.parametrize(("name", "exact", "at"), HYPERGEOMETRIC)
def test_hypergeometric_functions_by_every_parameter(name, exact, at):
    f = getattr(special, name)
    for i in range(len(at)):
        for j in range(len(at)):
            orders = tuple((k == i) + (k == j) for k in range(len(at)))
            expected = float(slope(exact, at, orders))
            assert float(ad.grad(ad.grad(f, i), j)(*at)) == pytest.approx(expected, rel=1e-10)


def test_a_hypergeometric_series_that_cancels_gives_nan():
    assert np.isnan(float(ad.grad(special.hyp0f1)(1.5, -1e5)))


@pytest.mark.parametrize("z", [0.3 + 0.5j, -7.4 + 0.1j, 20 - 30j, -50.5 + 3j])
def test_log_gamma_of_complex_numbers(z):
    f = special.loggamma
    for order in range(3):
        with mp.workdps(30):
            exact = complex(mp.loggamma(z) if order == 0 else mp.psi(order - 1, z))
        assert complex(f(z)) == pytest.approx(exact, rel=1e-13)
        f = derivative(f)


def derivative(f):
    return lambda z: ad.jvp(f, (z,), (1 + 0j,))[1]


def test_ellipj_near_its_limit():
    """At m = 1 they are hyperbolic functions."""
    for u in (0.5, 3.0, 9.0):
        slopes = [ad.grad(lambda u, k=k: special.ellipj(u, 1.0)[k])(u) for k in range(3)]
        sech = 1 / np.cosh(u)
        expected = [sech**2, -sech * np.tanh(u), -sech * np.tanh(u)]
        assert_allclose([float(s) for s in slopes], expected, rtol=1e-12)


def test_exprel_and_sinc_at_zero_and_across_the_change_of_method():
    for order in range(6):
        f, g = special.exprel, ad.sinc
        for _ in range(order):
            f, g = ad.grad(f), ad.grad(g)
        assert float(f(0.0)) == pytest.approx(1 / (order + 1), rel=1e-14)
        for t in (order + 1.99, order + 2.01, -order - 1.99, -order - 2.01, 30.0):
            with mp.workdps(40):
                check(f(t), mp.diff(ONE["exprel"], mp.mpf(t), order), 1e-12)
                x = t / np.pi
                check(g(x), mp.diff(ONE["sinc"], mp.mpf(x), order), 1e-12)


def test_trigamma_is_native_and_agrees_with_scipy():
    """Native code for n = 1 with SciPy's values, special ones included; of other n SciPy's own."""
    specials = [0.0, -0.0, -1.0, -2.0, np.inf, -np.inf, np.nan, 1e-300, 1e300]
    x = np.concatenate([np.linspace(-6.3, 9.0, 1001), specials])
    for n, steps in ((1, ["kernel"]), (2, ["numpy"])):
        f = ad.compile(lambda x, n=n: special.polygamma(n, x))
        expected = scipy.special.polygamma(n, x)
        assert_allclose(f(x), expected, rtol=1e-13, atol=1e-12)
        assert [row.kind for row in f.report().rows] == steps


def test_polygamma_is_the_ladder_of_derivatives():
    assert float(special.polygamma(0, 1.5)) == float(special.digamma(1.5))
    f = ad.grad(ad.grad(special.digamma))
    assert float(f(1.5)) == float(special.polygamma(2, 1.5))
    with pytest.raises(RangeError, match="polygamma: n must be"):
        special.polygamma(-1, 1.0)


def test_stable_forms_are_right_in_the_far_tails():
    assert float(ad.grad(special.log_ndtr)(-1e3)) == pytest.approx(1000.000999998, rel=1e-12)
    assert float(special.expit(-1000.0)) == 0.0
    assert float(special.expit(-40.0)) == pytest.approx(float(mp.exp(-40)), rel=1e-14)
    assert float(ad.grad(special.expit)(1000.0)) == 0.0
    assert float(special.softplus(-40.0)) == pytest.approx(float(mp.exp(-40)), rel=1e-14)


def test_floating_dtypes_are_kept_and_integers_become_float64():
    x = np.array([0.25, 0.5])
    for name in ONE:
        for dtype in ("float16", "float32", "float64"):
            y = getattr(special, name)(ad.asarray(x, dtype))
            assert y.dtype == y.numpy().dtype == dtype
    assert special.erf(1).dtype == np.float64


def test_scipy_functions_trace():
    import scipy.special

    f = lambda x: scipy.special.gammaln(x) * scipy.special.expit(x)
    g = lambda x: special.gammaln(x) * special.expit(x)
    assert float(ad.grad(f)(2.5)) == float(ad.grad(g)(2.5))


def test_importing_adjoint_does_not_import_scipy():
    program = "import sys, adjoint; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
