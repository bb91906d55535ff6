"""Statistics, norms, interpolation and activations: values, derivatives, and the conventions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

import adjoint as ad
from adjoint.array.elementwise import activations
from adjoint.errors import DTypeError, RangeError, ShapeError
from tests.ops.test_reductions import both_modes, check_derivatives

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(5)
X = RNG.normal(size=(3, 4, 2))
INF, NAN = np.inf, np.nan
SPOTTED = np.where(RNG.random(X.shape) < 0.3, NAN, X)
SPOTTED[0] = X[0]  # something is left along each axis
SPOTTED[1, :, 1] = [NAN, NAN, 1.0, NAN]


@pytest.mark.parametrize("name", ["mean", "var", "std", "median", "ptp"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_a_statistic_is_numpys(name, axis):
    for x in (X, (5 * X).astype(int), X.astype(np.float32)):
        for keepdims in (False, True):
            theirs = np.asarray(getattr(np, name)(x, axis=axis, keepdims=keepdims))
            ours = getattr(ad, name)(x, axis=axis, keepdims=keepdims).numpy()
            assert ours.shape == theirs.shape
            assert ours.dtype == theirs.dtype
            assert_allclose(ours, theirs, rtol=1e-5 if x.dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("name", ["mean", "var", "std", "median", "ptp", "nanmean", "nanstd"])
@pytest.mark.parametrize("axis", [None, 0, (0, 2)])
def test_the_derivatives_of_a_statistic(name, axis):
    check_derivatives(lambda x: getattr(ad, name)(x, axis=axis), X)
    check_derivatives(lambda x: getattr(ad, name)(x, axis, keepdims=True), X, second=False)


def test_the_mean_of_small_floats_and_of_nothing():
    assert float(ad.mean(np.full(10_000, 100, np.float16))) == 100
    assert np.isnan(float(ad.mean(np.zeros(0))))
    assert ad.mean([True, False]).dtype == np.float64
    assert ad.mean([1, 2], dtype=np.float32).dtype == np.float32


def test_the_weighted_mean():
    w = RNG.random(4)
    assert_allclose(ad.average(X, 1, w), np.average(X, 1, w))
    assert_allclose(ad.average(X, weights=X**2), np.average(X, weights=X**2))
    assert_allclose(ad.average(X), np.mean(X))
    check_derivatives(lambda x: ad.average(X, 1, x), w)
    with pytest.raises(ShapeError, match=r"^average: the weights have shape \(3,\)"):
        ad.average(X, 1, np.ones(3))


@pytest.mark.parametrize("name", ["var", "std"])
def test_the_degrees_of_freedom(name):
    ours, theirs = getattr(ad, name), getattr(np, name)
    assert_allclose(ours(X, 1, ddof=1), theirs(X, 1, ddof=1))
    assert_allclose(ours(X, 1, correction=1.5), theirs(X, 1, ddof=1.5))
    z = X + 1j * X[::-1]
    assert_allclose(ours(z, 0), theirs(z, 0))
    check_derivatives(lambda x: ours(x, axis=1, ddof=1), X)
    assert np.isnan(float(ours(np.ones(1), ddof=1)))
    assert np.isnan(both_modes(lambda x: ours(x, ddof=1), [2.0])).all()


def test_the_spread_of_a_constant():
    assert_array_equal(both_modes(ad.std, [2, 2, 2]), [0, 0, 0])
    assert_array_equal(both_modes(ad.var, [2, 2, 2]), [0, 0, 0])
    assert_allclose(ad.grad(ad.std)(np.full(3, 0.1)), [0, 0, 0], atol=1e-15)
    centred = np.eye(3) - 1 / 3
    assert_allclose(ad.hessian(lambda x: ad.square(ad.std(x)))(np.ones(3)), 2 / 3 * centred)
    assert_allclose(ad.hessian(ad.var)(np.ones(3)), 2 / 3 * centred)


@pytest.mark.parametrize(
    "x, gradient",
    [
        ([3, 1, 2], [0, 0, 1]),
        ([4, 1, 3, 2], [0, 0, 0.5, 0.5]),
        ([2, 2, 2, 2], [0.25] * 4),
        ([2, 2, 2], [1 / 3] * 3),
        ([1, 2, 2, 5], [0, 0.5, 0.5, 0]),
        ([1, NAN, 2], [NAN] * 3),
    ],
)
def test_the_median(x, gradient):
    assert_array_equal(ad.median(x), np.median(x))
    assert_allclose(both_modes(ad.median, x), gradient)
    assert_allclose(both_modes(lambda x: ad.quantile(x, 0.5), x), gradient)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "nearest", "midpoint"])
@pytest.mark.parametrize("q", [0, 0.3, 1.0, [0.0, 0.25, 0.5, 1.0], [[0.1], [0.9]]])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_quantiles_are_numpys(method, q, axis):
    for x, keepdims in itertools.product((X, np.round(X)), (False, True)):
        theirs = np.quantile(x, q, axis, keepdims=keepdims, method=method)
        ours = ad.quantile(x, q, axis, keepdims=keepdims, method=method)
        assert_allclose(ours, theirs, atol=1e-15)
        percent = ad.percentile(x, 100 * np.array(q), axis, keepdims=keepdims, method=method)
        assert_allclose(percent, theirs, atol=1e-14)


def test_the_derivatives_of_a_quantile():
    assert_allclose(both_modes(lambda x: ad.quantile(x, 0.25), [1, 2, 3, 4]), [0.25, 0.75, 0, 0])
    check_derivatives(lambda x: ad.quantile(x, [0.2, 0.7], axis=1), X)
    slope = ad.grad(lambda q: ad.quantile([1.0, 2.0, 4.0], q))
    assert float(slope(0.25)) == 2
    assert float(slope(0.5)) == 4  # to the right, as of interp
    assert ad.quantile(np.ones(3, np.float32), 0.3).dtype == np.float32
    assert_array_equal(ad.quantile([1.0, INF], 0.0), 1.0)


def test_errors_of_quantiles():
    with pytest.raises(RangeError, match=r"^quantile: q must be from 0 to 1, got 1\.5"):
        ad.quantile(X, 1.5)
    with pytest.raises(RangeError, match=r"^percentile: method must be"):
        ad.percentile(X, 50, method="cubic")
    for f in (ad.median, lambda x: ad.quantile(x, 0.5)):
        with pytest.raises(ShapeError, match="there is no element"):
            f(np.zeros(0))


@pytest.mark.parametrize(
    "name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"]
)
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
def test_passing_over_nan_is_numpys(name, axis):
    ours = getattr(ad, name)
    assert_allclose(ours(SPOTTED, axis), getattr(np, name)(SPOTTED, axis))
    kept = getattr(np, name)(SPOTTED, axis, keepdims=True)
    assert_allclose(ours(SPOTTED, axis, keepdims=True), kept)
    assert_allclose(ours([1, 2, 3]), getattr(np, name)([1, 2, 3]))
    gradient = ad.grad(lambda x: ad.sum(ours(x, axis)))(SPOTTED).numpy()
    assert_array_equal(gradient[np.isnan(SPOTTED)], 0)
    assert np.isfinite(gradient).all()


def test_passing_over_nan_where_there_is_nothing_else():
    nothing = np.array([NAN, NAN])
    assert float(ad.nansum(nothing)) == 0
    assert float(ad.nanprod(nothing)) == 1
    for f in (ad.nanmean, ad.nanvar, ad.nanstd, ad.nanmax, ad.nanmin):
        assert np.isnan(float(f(nothing)))
    assert np.isnan(float(ad.nanvar([1.0, NAN], ddof=1)))


@pytest.mark.parametrize("rowvar", [True, False])
def test_covariance_and_correlation_are_numpys(rowvar):
    x = X[0]
    assert_allclose(ad.cov(x, rowvar=rowvar), np.cov(x, rowvar=rowvar))
    assert_allclose(ad.cov(x, rowvar=rowvar, ddof=0), np.cov(x, rowvar=rowvar, ddof=0))
    assert_allclose(ad.cov(x, rowvar=rowvar, bias=True), np.cov(x, rowvar=rowvar, bias=True))
    assert_allclose(ad.corrcoef(X[:, :, 0]), np.corrcoef(X[:, :, 0]))
    z = X[0] + 1j * X[1]
    assert_allclose(ad.cov(z), np.cov(z))
    assert_allclose(ad.cov(X[0, :, 0]), np.cov(X[0, :, 0]))
    check_derivatives(ad.cov, x)
    check_derivatives(ad.corrcoef, X[:, :, 0])


# Norms.


@pytest.mark.parametrize("ord", [None, 0, 0.5, 1, 1.5, 2, 3, -1, -2, INF, -INF])
def test_the_norm_of_vectors_is_numpys(ord):
    for axis, keepdims in itertools.product((0, 1, -1), (False, True)):
        theirs = np.linalg.norm(X, ord, axis, keepdims)
        assert_allclose(ad.linalg.norm(X, ord, axis, keepdims), theirs)
    assert_allclose(ad.linalg.norm(X[0, :, 0], ord), np.linalg.norm(X[0, :, 0], ord))
    if ord != 0:
        check_derivatives(lambda x: ad.linalg.norm(x, ord, axis=1), X)
    p = 2 if ord is None else ord
    theirs = np.linalg.vector_norm(X, axis=(0, 1), ord=p)
    assert_allclose(ad.linalg.vector_norm(X, axis=(0, 1), ord=p), theirs)


@pytest.mark.parametrize("ord", [None, "fro", 1, -1, INF, -INF])
def test_the_norm_of_matrices_is_numpys(ord):
    for axis, keepdims in itertools.product(((0, 1), (2, 0), (-1, -2)), (False, True)):
        theirs = np.linalg.norm(X, ord, axis, keepdims)
        assert_allclose(ad.linalg.norm(X, ord, axis, keepdims), theirs)
    assert_allclose(ad.linalg.norm(X[0], ord), np.linalg.norm(X[0], ord))
    assert_allclose(
        ad.linalg.matrix_norm(X, ord=ord or "fro"), np.linalg.matrix_norm(X, ord=ord or "fro")
    )
    check_derivatives(lambda x: ad.linalg.norm(x, ord, axis=(0, 1)), X)


def test_norms_where_they_are_not_smooth():
    norm = ad.linalg.norm
    assert_array_equal(both_modes(lambda x: norm(x, 1), [0, 2]), [0, 1])
    assert_array_equal(both_modes(lambda x: norm(x, INF), [2, -2]), [0.5, -0.5])
    for p in (1, 1.5, 2, 3, INF):
        assert_array_equal(both_modes(lambda x, p=p: norm(x, p), [0, 0]), [0, 0])
    assert_allclose(ad.grad(lambda x: norm(x, 3))(np.array([0.0, 2.0])), [0, 1])
    assert_array_equal(ad.grad(norm)(np.zeros((2, 2))), np.zeros((2, 2)))


def test_errors_of_norms():
    with pytest.raises(RangeError, match=r"^norm: the ord of a matrix norm"):
        ad.linalg.norm(np.eye(2), 3)
    with pytest.raises(RangeError, match=r"^vector_norm: ord must be a number"):
        ad.linalg.norm(np.ones(2), "fro")
    with pytest.raises(ShapeError, match=r"^norm: with ord=1 a norm is over one axis or two"):
        ad.linalg.norm(X, 1)
    with pytest.raises(ShapeError, match=r"^matrix_norm: needs at least 2 axes"):
        ad.linalg.matrix_norm(np.ones(2))


# Tables.


def test_differences_are_numpys():
    for n, axis in itertools.product((0, 1, 2), (0, 1, -1)):
        assert_allclose(ad.diff(X, n, axis), np.diff(X, n, axis), atol=1e-15)
    assert_array_equal(ad.diff([True, False, False]), [True, False])
    padded = ad.diff(X, axis=1, prepend=0.0, append=X[:, :1])
    assert_allclose(padded, np.diff(X, axis=1, prepend=0.0, append=X[:, :1]))
    check_derivatives(lambda x: ad.diff(x, 2, 1), X)
    with pytest.raises(RangeError, match=r"^diff: n must not be negative"):
        ad.diff(X, -1)


def test_the_trapezoidal_rule_is_numpys():
    places = np.sort(RNG.random(4))
    assert_allclose(ad.trapezoid(X, places, axis=1), np.trapezoid(X, places, axis=1))
    assert_allclose(ad.trapezoid(X, dx=0.1), np.trapezoid(X, dx=0.1))
    assert_allclose(ad.trapezoid(X, X**2, axis=0), np.trapezoid(X, X**2, axis=0))
    check_derivatives(lambda x: ad.trapezoid(X, x, axis=1), places)
    with pytest.raises(ShapeError, match=r"^trapezoid: the coordinates x"):
        ad.trapezoid(X, np.ones(3))


XP, FP = np.array([0.0, 1.0, 3.0, 4.0]), np.array([1.0, 2.0, 6.0, 5.0])


def test_interpolation_is_numpys():
    x = np.array([[-1.0, 0.0, 0.5, 1.0], [2.0, 3.0, 4.0, 4.5]])
    assert_allclose(ad.interp(x, XP, FP), np.interp(x, XP, FP))
    assert_allclose(ad.interp(x, XP, FP, -7, 8), np.interp(x, XP, FP, -7, 8))
    assert_array_equal(ad.interp(XP, XP, FP), FP)
    assert_array_equal(ad.interp([-1.0, 5.0], [1.0], [3.0]), [3, 3])
    jump = np.array([0.0, 1.0, 1.0, 2.0])
    assert_array_equal(ad.interp([1.0, 0.5], jump, FP), np.interp([1.0, 0.5], jump, FP))
    with pytest.raises(ShapeError, match=r"^interp: xp and fp must be one axis"):
        ad.interp(0.5, XP, FP[:3])


def test_the_slope_of_an_interpolation():
    slope = ad.grad(lambda x: ad.interp(x, XP, FP))
    expected = {0.5: 1, 1.0: 2, 3.0: -1, 0.0: 1, 4.0: -1, -0.1: 0, 4.1: 0}
    for x, value in expected.items():
        assert float(slope(x)) == value, x
    inside = np.array([0.2, 1.7, 3.3])
    check_derivatives(lambda x: ad.interp(x, XP, FP), inside)
    check_derivatives(lambda xp: ad.interp(inside, xp, FP), XP)
    check_derivatives(lambda fp: ad.interp(np.array([-1.0, 0.2, 1.7, 9.0]), XP, fp), FP)


# Activations.

SMOOTH = {
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "silu": lambda x: x * scipy.special.expit(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "log_sigmoid": scipy.special.log_expit,
    "sigmoid": scipy.special.expit,
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_an_activation_and_its_derivatives(name):
    f = getattr(activations, name)
    x = 1.7 * X
    assert_allclose(f(x), SMOOTH[name](x), atol=1e-15)
    assert f(x.astype(np.float32)).dtype == np.float32
    check_derivatives(f, x)
    far = np.array([-1e3, 1e3])
    _, slopes = ad.jvp(f, (far,), (np.ones(2),))
    left = 0.01 if name == "leaky_relu" else 1 if name == "log_sigmoid" else 0
    right = 0 if name in ("sigmoid", "log_sigmoid", "relu6", "hard_tanh", "hard_sigmoid") else 1
    if name == "selu":
        right = 1.0507009873554805
    assert_allclose(slopes, [left, right], atol=1e-300)
    assert_allclose(ad.grad(lambda x: ad.sum(f(x)))(far), [left, right], atol=1e-300)
    assert np.isnan(float(f(NAN)))


@pytest.mark.parametrize(
    "name, x, slope",
    [
        ("relu", 0.0, 0.0),
        ("relu6", 0.0, 0.0),
        ("relu6", 6.0, 0.0),
        ("hard_tanh", 1.0, 0.0),
        ("hard_tanh", -1.0, 0.0),
        ("leaky_relu", 0.0, 0.01),
        ("elu", 0.0, 1.0),
        ("softplus", 0.0, 0.5),
        ("gelu", 0.0, 0.5),
    ],
)
def test_the_slope_of_an_activation_at_its_kink(name, x, slope):
    f = getattr(activations, name)
    assert float(ad.grad(f)(x)) == slope
    assert float(ad.jvp(f, (x,), (1.0,))[1]) == slope
    if name in ("relu", "relu6", "hard_tanh", "leaky_relu"):
        assert float(ad.grad(ad.grad(f))(x)) == 0


def test_slopes_given_by_the_user():
    steep = ad.grad(lambda x: activations.leaky_relu(x, 3.0))
    assert float(steep(0.0)) == 1  # the smaller of the two
    assert float(ad.grad(lambda a: activations.leaky_relu(-2.0, a))(0.1)) == -2
    assert_allclose(activations.elu(-1.0, 2.0), 2 * np.expm1(-1))
    check_derivatives(lambda x: activations.gelu(x, approximate=True), X)
    assert_allclose(activations.gelu(X, True), activations.gelu(X), atol=1e-3)


def test_one_hot_codes():
    assert_array_equal(activations.one_hot([[2], [0]], 3), [[[0, 0, 1]], [[1, 0, 0]]])
    assert_array_equal(activations.one_hot([-1, 3], 3), np.zeros((2, 3)))
    assert activations.one_hot(1, 2, dtype="float32").dtype == np.float32
    with pytest.raises(DTypeError, match=r"^one_hot: x must hold integers"):
        activations.one_hot([1.0], 2)


def test_the_deviation_of_one_element_is_zero_with_every_derivative():
    for x in (3.5, np.array([[1.0], [-2.0]]), np.array([[1.0 + 2.0j]])):
        f = lambda x: ad.sum(ad.std(x, axis=-1) if np.ndim(x) else ad.std(x))
        assert float(f(x)) == 0.0
        assert not np.any(ad.grad(f)(x)) and not np.any(ad.hvp(f, (x,), (x,)))
    assert np.isnan(float(ad.std(np.inf)))
    assert np.isnan(float(ad.std(np.ones(1), ddof=1)))
    assert float(ad.std(np.ones(1), mean=3.0)) == 2.0


def test_histograms_of_what_is_not_finite_are_errors():
    for bad in (np.nan, np.inf):
        with pytest.raises(RangeError, match="is not finite"):
            ad.grad(lambda x: np.histogram(x, 4)[1].sum())(np.array([1.0, bad, 2.0]))
