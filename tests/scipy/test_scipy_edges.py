"""Counterparts at the awkward points: tails, ends of supports, coincident points, bad arguments."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.stats

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    LinAlgError,
    NotDifferentiableError,
    RangeError,
    ShapeError,
)
from adjoint.scipy import (
    integrate,
    interpolate,
    linalg,
    ndimage,
    signal,
    special,
    stats,
)
from adjoint.scipy.spatial import distance

pytestmark = pytest.mark.unit


def both(f, x):
    value, slope = ad.value_and_grad(f)(x)
    return float(value), float(slope)


@pytest.mark.parametrize("x", [-40.0, -10.0, -1.0, 4.0, 6.0, 12.0])
def test_log_distribution_functions_of_norm_are_right_in_the_far_tails(x):
    with mpmath.workdps(60):
        exact = [float(mpmath.diff(lambda t: mpmath.log(mpmath.ncdf(t)), x, n)) for n in range(3)]
    first = ad.grad(stats.norm.logcdf)
    found = [float(stats.norm.logcdf(x)), float(first(x)), float(ad.grad(first)(x))]
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    np.testing.assert_allclose(float(stats.norm.logsf(-x)), exact[0], rtol=1e-12)


def test_where_the_distribution_function_is_1_its_logarithm_has_no_slope():
    first = ad.grad(stats.norm.logcdf)
    assert float(first(60.0)) == float(ad.grad(first)(60.0)) == 0.0


@pytest.mark.parametrize(("a", "b", "x"), [(30.0, 40.0, 31.0), (-40.0, -30.0, -31.0)])
def test_a_truncated_tail_of_norm_does_not_lose_its_digits(a, b, x):
    for method in ("logpdf", "logcdf", "logsf"):
        found = float(getattr(stats.truncnorm, method)(x, a, b))
        np.testing.assert_allclose(
            found, getattr(scipy.stats.truncnorm, method)(x, a, b), rtol=1e-10
        )
    assert np.isfinite(float(ad.grad(lambda a: stats.truncnorm.logpdf(x, a, b))(a)))


def test_a_normal_variable_truncated_nowhere_is_a_normal_variable():
    value, slope = both(lambda t: stats.truncnorm.logpdf(t, -np.inf, np.inf), 0.5)
    assert value == pytest.approx(scipy.stats.norm.logpdf(0.5))
    assert slope == -0.5


def test_outside_the_support_there_is_no_density_and_no_slope():
    x = np.array([-1.0, 0.0, 2.0, np.nan])
    value, slope = ad.value_and_grad(lambda x: ad.sum(stats.expon.pdf(x)))(x[:3])
    assert float(value) == pytest.approx(1 + np.exp(-2))
    np.testing.assert_allclose(slope.numpy(), [0, -1, -np.exp(-2)])
    np.testing.assert_array_equal(stats.expon.logpdf(x).numpy(), [-np.inf, 0, -2, np.nan])
    np.testing.assert_array_equal(stats.beta.cdf([-1.0, 2.0, np.nan], 2.0, 3.0), [0, 1, np.nan])


@pytest.mark.parametrize(
    ("f", "x", "value", "slope"),
    [
        (lambda x: stats.gamma.pdf(x, 1.0), 0.0, 1.0, -1.0),
        (lambda x: stats.gamma.pdf(x, 2.0), 0.0, 0.0, 1.0),
        (lambda x: stats.gamma.pdf(x, 3.0), 0.0, 0.0, 0.0),
        (lambda x: stats.chi2.pdf(x, 4.0), 0.0, 0.0, 0.25),
        (lambda x: stats.beta.pdf(x, 2.0, 2.0), 0.0, 0.0, 6.0),
        (lambda x: stats.beta.pdf(x, 2.0, 2.0), 1.0, 0.0, -6.0),
        (lambda x: stats.beta.pdf(x, 1.0, 2.0), 0.0, 2.0, -2.0),
        (lambda x: stats.rayleigh.pdf(x), 0.0, 0.0, 1.0),
        (lambda x: stats.weibull_min.pdf(x, 2.0), 0.0, 0.0, 2.0),
        (lambda x: stats.f.pdf(x, 4.0, 4.0), 0.0, 0.0, 6.0),
        (lambda x: stats.lognorm.cdf(x, 1.0), 0.0, 0.0, 0.0),
        (lambda x: stats.invgamma.cdf(x, 1.0), 0.0, 0.0, 0.0),
        (lambda x: stats.f.cdf(x, 4.0, 4.0), 0.0, 0.0, 0.0),
        (lambda x: stats.t.cdf(x, 3.0), 0.0, 0.5, float(scipy.stats.t.pdf(0, 3.0))),
        (lambda df: stats.t.cdf(0.0, df), 3.0, 0.5, 0.0),
        (lambda x: stats.uniform.ppf(x), 0.0, 0.0, 1.0),
        (lambda x: stats.t.ppf(x, 3.0), 0.0, -np.inf, np.inf),
        (lambda x: stats.norm.ppf(x), 1.0, np.inf, np.inf),
        (lambda p: stats.binom.pmf(0, 5, p), 0.0, 1.0, -5.0),
    ],
)
def test_at_an_end_the_slope_is_the_one_inside(f, x, value, slope):
    found = both(f, x)
    np.testing.assert_allclose(found, (value, slope), rtol=1e-12)


def test_a_parameter_that_is_not_allowed_gives_nan_in_value_and_slope():
    assert np.isnan(both(lambda s: stats.norm.logpdf(1.0, 0.0, s), -1.0)).all()
    assert np.isnan(both(lambda a: stats.gamma.logpdf(1.0, a), -1.5)).all()
    assert np.isnan(both(stats.norm.ppf, 1.5)).all()
    assert np.isnan(both(lambda p: stats.bernoulli.pmf(1, p), 1.5)).all()
    assert np.isnan(float(stats.norm.logpdf(1.0, scale=-1.0)))


def test_counts_have_no_derivative():
    with pytest.raises(NotDifferentiableError, match=r"poisson\.logpmf: .* by k, an integer"):
        ad.grad(lambda k: stats.poisson.logpmf(k, 2.0))(3.0)
    with pytest.raises(NotDifferentiableError, match=r"binom\.logpmf: .* by n, an integer"):
        ad.grad(lambda n: stats.binom.logpmf(1, n, 0.5))(3.0)
    held = ad.grad(lambda x: stats.poisson.logpmf(ad.stop_gradient(x), x))(3.0)
    assert float(held) == 0.0
    compiled = ad.compile(lambda k, m: ad.grad(lambda m: stats.poisson.logpmf(k, m))(m))
    assert float(compiled(3.0, 2.0)) == 0.5
    found = stats.poisson.pmf([0, 1, 2.5, -1], 2.0).numpy()
    np.testing.assert_allclose(found, scipy.stats.poisson.pmf([0, 1, 2.5, -1], 2.0), rtol=1e-13)


def test_an_unknown_or_missing_parameter_is_named():
    with pytest.raises(ArgumentError, match="parameter 'a' is missing"):
        stats.gamma.logpdf(1.0)
    with pytest.raises(ArgumentError, match="parameter 'mean' is not known"):
        stats.norm(mean=1.0)
    with pytest.raises(ArgumentError, match="parameter 'loc' was given twice"):
        stats.norm.pdf(1.0, 0.0, loc=1.0)
    with pytest.raises(NotDifferentiableError, match=r"norm\.rvs has no .*loc \+ scale"):
        stats.norm(0.0, 1.0).rvs(3)
    with pytest.raises(LinAlgError, match="not positive definite"):
        float(stats.multivariate_normal.logpdf([0.0, 0.0], [0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]]))


def test_a_singular_covariance_is_as_scipy_has_it_where_that_is_allowed():
    import scipy.stats

    cov = np.diag([2.0, 0.5, 0.0])
    for x in ([0.3, 0.1, 0.0], [0.3, 0.1, 0.2]):
        expected = scipy.stats.multivariate_normal.logpdf(x, cov=cov, allow_singular=True)
        found = [stats.multivariate_normal.logpdf(x, cov=cov, allow_singular=True)]
        found += [ad.compile(lambda c: stats.multivariate_normal.logpdf(x, None, c, True))(cov)]
        assert [float(y) for y in found] == pytest.approx([expected] * 2)
    no_covariance = np.diag([1.0, -1.0])
    assert np.isnan(stats.multivariate_normal.logpdf([0.0, 0.0], None, no_covariance, True))


def test_weights_of_zero_do_not_count_and_have_their_slope():
    f = lambda b: special.logsumexp(np.array([1.0, 2.0]), b=b)
    np.testing.assert_allclose(ad.grad(f)(np.array([0.0, 1.0])).numpy(), [np.exp(-1), 1])
    g = lambda a: special.logsumexp(a, b=np.array([0.0, 1.0]))
    np.testing.assert_array_equal(ad.grad(g)(np.array([np.inf, 1.0])).numpy(), [0, 1])


def test_an_empty_class_has_the_slope_infinity_in_the_entropy():
    slope = ad.grad(stats.entropy)(np.array([0.0, 0.5, 0.5]))
    np.testing.assert_array_equal(slope.numpy(), [np.inf, 0, 0])


@pytest.mark.parametrize(
    "metric", ["euclidean", "cityblock", "chebyshev", "minkowski", "seuclidean", "canberra"]
)
def test_where_points_coincide_a_distance_has_the_slope_0(metric):
    x = np.array([[0.5, 0.2], [1.0, 1.5]])
    one = ad.grad(lambda x: ad.sum(distance.cdist(x, x, metric, **options(metric))))(x)
    two = ad.grad(lambda x: 2 * ad.sum(distance.pdist(x, metric, **options(metric))))(x)
    np.testing.assert_allclose(one.numpy(), two.numpy())


def options(metric):
    return (
        {"V": np.ones(2)} if metric == "seuclidean" else {"p": 3} if metric == "minkowski" else {}
    )


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda x: linalg.rq(x), NotDifferentiableError, r"scipy\.linalg\.rq .*qr"),
        (lambda x: linalg.qr(x, pivoting=True), ArgumentError, "pivoting=True"),
        (lambda x: linalg.lu_factor(x[:1]), ArgumentError, "square"),
        (lambda x: linalg.solve(x, x, assume_a="odd"), RangeError, "assume_a"),
        (lambda x: ad.compile(linalg.sqrtm)(-np.eye(2)), LinAlgError, "complex"),
        (lambda x: linalg.solve_banded((1, 1), x, x[0]), ShapeError, "first of 3"),
        (lambda x: integrate.solve_bvp(ad.sin, ad.sin, x[0], x), NotDifferentiableError, "grid"),
        (lambda x: integrate.romb([x[0, 0]] * 4), RangeError, "2ᵏ"),
        (lambda x: interpolate.CubicSpline([1.0, 0.0], x), RangeError, "strictly increasing"),
        (lambda x: interpolate.interp1d([0.0, 1.0], x)(3.0), RangeError, "outside"),
        (lambda x: interpolate.make_interp_spline(x[0], x, k=1), NotDifferentiableError, "by x"),
        (lambda x: interpolate.UnivariateSpline([0, 1], x[0]), ArgumentError, "CubicSpline"),
        (lambda x: signal.convolve(x, x[0]), ShapeError, "equally many axes"),
        (lambda x: signal.convolve2d(x, x, boundary="odd"), ArgumentError, "boundary='odd'"),
        (lambda x: ndimage.gaussian_filter(x, 1.0, output=np.zeros(2)), ArgumentError, "output"),
        (lambda x: distance.cdist(x, x, "dice"), ArgumentError, "metric='dice'"),
        (lambda x: distance.cdist(x, x, "euclidean", p=3), ArgumentError, "'p'"),
        (lambda x: special.erf(x, out=np.zeros(2)), ArgumentError, "out"),
        (lambda x: special.polygamma(x, 1.0), NotDifferentiableError, "by n"),
        (lambda x: special.comb(x, 1, exact=True), ArgumentError, "exact=True"),
        (lambda x: stats.zscore(x, nan_policy="omit"), ArgumentError, "nan_policy='omit'"),
    ],
)
def test_unsupported_arguments_are_errors_that_say_what_to_do(call, error, match):
    x = np.array([[4.0, 1.0], [1.0, 3.0]])
    with pytest.raises(error, match=match):
        ad.grad(lambda x: ad.sum(ad.asarray(call(x))))(x)


def test_a_solver_that_chooses_steps_refuses_where_values_are_not_known():
    f = lambda y: ad.sum(integrate.odeint(lambda y, t: -y, y, [0.0, 1.0]))
    with pytest.raises(ArgumentError, match=r"odeint: the steps are chosen by values"):
        ad.compile(f)(np.array([1.0]))
    with pytest.raises(RangeError, match=r"solve_ivp: .* at t = "):
        integrate.solve_ivp(lambda t, y: y * y, (0.0, 2.0), [1.0])


def test_importing_adjoint_imports_none_of_it():
    import subprocess
    import sys

    code = "import adjoint, sys; print([m for m in sys.modules if m.startswith('adjoint.scipy')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
