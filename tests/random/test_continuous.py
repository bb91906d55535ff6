"""Continuous draws: their distribution, their derivatives, every engine and transform."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, RangeError, ShapeError
from tests.random.distributions import CONTINUOUS

pytestmark = pytest.mark.unit

KEY = ad.random.key(11)
every = pytest.mark.parametrize("case", CONTINUOUS, ids=str)


def drawn(case, *parameters, shape=None, dtype=None, key=KEY):
    return getattr(ad.random, case.name)(key, *parameters, shape=shape, dtype=dtype)


@every
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_draws_have_the_distribution(case, dtype):
    x = np.asarray(drawn(case, *case.parameters, shape=8000, dtype=dtype))
    assert x.dtype == dtype
    assert st.kstest(x.astype(float), case.scipy(*case.parameters).cdf).pvalue > 1e-3


@every
@pytest.mark.native
def test_compiled_draws_are_those_of_the_interpreter(case):
    compiled = ad.compile(lambda key, *p: drawn(case, *p, shape=(3, 40), key=key))
    with ad.options(native="never"):
        expected = np.asarray(drawn(case, *case.parameters, shape=(3, 40)))
    np.testing.assert_allclose(compiled(KEY, *case.parameters), expected, rtol=1e-12, atol=1e-14)


def differences(f, x, step):
    parts = [(1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280)]
    return sum(c * (f(x + n * step) - f(x - n * step)) for n, c in parts) / step


@every
def test_derivatives_are_those_of_the_draw_at_a_fixed_key(case):
    """In both modes, against differences of plain draws, which are functions of the parameters."""
    for place, value in enumerate(case.parameters):

        def along(x, place=place):
            given = [x if i == place else p for i, p in enumerate(case.parameters)]
            return drawn(case, *given, shape=6)

        expected = differences(lambda x: np.asarray(along(x)), value, 1e-3 * max(abs(value), 0.1))
        tangent = ad.jvp(along, (value,), (1.0,))[1]
        np.testing.assert_allclose(tangent, expected, rtol=case.holds, atol=1e-8)
        np.testing.assert_allclose(ad.jacrev(along)(value), expected, rtol=case.holds, atol=1e-8)
        compiled = ad.compile(ad.jacrev(along))(value)
        np.testing.assert_allclose(compiled, ad.jacrev(along)(value), rtol=1e-10, atol=1e-12)


@every
def test_second_derivatives_are_those_of_the_first(case):
    for place, value in enumerate(case.parameters):

        def slope(x, place=place):
            def along(x):
                given = [x if i == place else p for i, p in enumerate(case.parameters)]
                return ad.sum(ad.sin(drawn(case, *given, shape=4)))

            return ad.grad(along)(x)

        step = 1e-3 * max(abs(value), 0.1)
        expected = differences(lambda x: float(slope(x)), value, step)
        np.testing.assert_allclose(ad.grad(slope)(value), expected, rtol=1e-6, atol=1e-7)
        forward = ad.jvp(slope, (value,), (1.0,))[1]
        np.testing.assert_allclose(forward, expected, rtol=1e-6, atol=1e-7)


@every
def test_mapped_keys_draw_each_their_own(case):
    keys = ad.random.split(KEY, 4)

    def draw(key):
        return drawn(case, *case.parameters, shape=3, key=key)

    expected = np.stack([np.asarray(draw(key)) for key in keys])
    np.testing.assert_allclose(ad.vmap(draw)(keys), expected, rtol=1e-13)
    np.testing.assert_allclose(ad.compile(ad.vmap(draw))(keys), expected, rtol=1e-12)
    assert len(np.unique(expected)) == 12


@every
def test_mapped_parameters_share_the_noise_of_one_key(case):
    firsts = case.parameters[0] + np.array([0.0, 0.05, 0.1])

    def draw(first):
        return drawn(case, first, *case.parameters[1:], shape=2)

    expected = np.stack([np.asarray(draw(first)) for first in firsts])
    np.testing.assert_allclose(ad.vmap(draw)(firsts), expected, rtol=1e-13)


@every
def test_derivatives_of_mapped_draws(case):
    keys = ad.random.split(KEY, 3)
    rest = case.parameters[1:]
    slope = ad.grad(lambda first, key: drawn(case, first, *rest, key=key))
    expected = np.array([float(slope(case.parameters[0], key)) for key in keys])
    np.testing.assert_allclose(ad.vmap(slope, (None, 0))(case.parameters[0], keys), expected)


@every
def test_parameters_broadcast_in_any_layout(case):
    first = case.parameters[0] + 0.05 * np.arange(6).reshape(3, 2)[:, ::-1].T
    found = drawn(case, first, *case.parameters[1:])
    assert found.shape == (2, 3)
    same = drawn(case, first.copy(), *case.parameters[1:])
    np.testing.assert_array_equal(found.numpy(), same.numpy())
    assert drawn(case, first, *case.parameters[1:], shape=(4, 2, 3)).shape == (4, 2, 3)
    assert drawn(case, *case.parameters, shape=(0, 3)).shape == (0, 3)
    assert drawn(case, *case.parameters).shape == ()


@every
def test_float32_parameters_make_float32_draws(case):
    single = drawn(case, *(np.float32(p) for p in case.parameters), shape=5)
    assert single.dtype == np.float32
    if case.name not in ("uniform", "normal", "lognormal"):  # which have other noise in float32
        double = drawn(case, *case.parameters, shape=5)
        np.testing.assert_allclose(single, double, rtol=2e-4, atol=1e-5)
    assert drawn(case, *case.parameters, dtype="float16").dtype == np.float16


def test_lists_of_traced_numbers_are_parameters():
    slope = ad.grad(lambda a: ad.sum(ad.random.gamma(KEY, [a, 2.0])))
    expected = ad.jacfwd(lambda x: ad.random.gamma(KEY, x))(np.array([1.5, 2.0]))[0, 0]
    np.testing.assert_allclose(slope(1.5), expected)


def test_draws_never_reach_the_open_end():
    x = np.asarray(ad.random.uniform(KEY, shape=200_000, dtype="float32"))
    assert x.min() >= 0
    assert x.max() < 1
    for name in ("normal", "exponential", "gumbel", "logistic", "cauchy"):
        assert np.all(np.isfinite(getattr(ad.random, name)(KEY, shape=200_000, dtype="float32")))


def test_the_gradient_of_an_expectation_is_found():
    """E[(loc + scale z)²] = loc² + scale², so the slopes are 2 loc and 2 scale."""

    def square(loc, scale):
        return ad.mean(ad.random.normal(KEY, loc, scale, shape=200_000) ** 2)

    found = [float(g) for g in ad.grad(square, (0, 1))(1.5, 0.7)]
    np.testing.assert_allclose(found, [3.0, 1.4], atol=0.02)


def test_far_tails_of_the_truncated_normal():
    for low, high in ((30.0, 31.0), (-31.0, -30.0), (8.0, np.inf), (-np.inf, np.inf)):
        x = np.asarray(ad.random.truncated_normal(KEY, low, high, shape=4000))
        assert np.all((x >= low) & (x <= high))
        if np.isfinite(high) or low > 0:
            assert st.kstest(x, st.truncnorm(low, high).cdf).pvalue > 1e-3


def test_an_infinite_bound_has_no_influence():
    bounds = np.array([-1.0, -np.inf, 0.0]), np.array([np.inf, 1.0, np.inf])
    low, high = ad.jacrev(ad.random.truncated_normal, (1, 2))(KEY, *bounds)
    assert np.all(np.isfinite(low)) and np.all(np.isfinite(high))
    assert low[1, 1] == 0
    assert high[0, 0] == high[2, 2] == 0


@pytest.mark.parametrize("kappa", [0.0, 1e-3, 40.0, 1e4, 1e8])
def test_von_mises_angles_of_any_concentration(kappa):
    x = np.asarray(ad.random.vonmises(KEY, 0.0, kappa, shape=3000))
    if kappa == 0:
        exact = st.uniform(-np.pi, 2 * np.pi)
    else:
        exact = st.vonmises(kappa) if kappa < 100 else st.norm(0, kappa**-0.5)
    assert st.kstest(x, exact.cdf).pvalue > 1e-3
    assert np.all(np.abs(x) <= np.pi)
    assert np.isfinite(ad.grad(lambda k: ad.random.vonmises(KEY, 0.0, k))(kappa))


def test_normal_vectors_have_mean_and_covariance():
    mean, cov = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 1.0]])
    x = np.asarray(ad.random.multivariate_normal(KEY, mean, cov, shape=60_000))
    np.testing.assert_allclose(x.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.05)
    assert st.kstest((x[:8000] - mean) @ [1.0, 1.0], st.norm(0, np.sqrt(4.2)).cdf).pvalue > 1e-3
    whole = ad.random.multivariate_normal(KEY, mean, np.stack([cov, 2 * cov]))
    assert whole.shape == (2, 2)


def test_normal_vectors_have_derivatives_of_two_orders():
    def vectors(mean, root):
        return ad.random.multivariate_normal(KEY, mean, root @ root.T, shape=3)

    given = (np.array([1.0, 2.0]), np.array([[1.0, 0.2], [0.3, 2.0]]))
    ad.check_gradients(vectors, given, order=2)
    compiled = ad.compile(ad.jacrev(vectors, 1))(*given)
    np.testing.assert_allclose(compiled, ad.jacrev(vectors, 1)(*given), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.random.normal(KEY, (3,)), ArgumentError, r"loc must be.*shape=\(3,\)"),
        (lambda: ad.random.normal(KEY, np.zeros(3), shape=2), ShapeError, r"\(3,\).*shape=\(2,\)"),
        (lambda: ad.random.normal(KEY, np.zeros((2, 3)), shape=3), ShapeError, "whole result"),
        (lambda: ad.random.normal(KEY, np.zeros(2), np.ones(3)), ShapeError, "do not broadcast"),
        (lambda: ad.random.normal(KEY, 1j), DTypeError, "loc must be real numbers"),
        (lambda: ad.random.normal(KEY, dtype="int32"), DTypeError, "floating dtype, got int32"),
        (lambda: ad.random.normal(KEY, 0.0, -1.0), RangeError, "scale must be 0 or positive"),
        (lambda: ad.random.gamma(KEY, 0.0), RangeError, "a must be positive, got 0.0"),
        (lambda: ad.random.weibull(KEY, np.array([1.0, -1.0])), RangeError, "a must be positive"),
        (lambda: ad.random.triangular(KEY, 0.0, 2.0, 1.0), RangeError, "between the ends"),
        (lambda: ad.random.triangular(KEY, 1.0, 1.0, 1.0), RangeError, "above left"),
        (lambda: ad.random.truncated_normal(KEY, 1.0, 1.0), RangeError, "above lower"),
        (lambda: ad.random.vonmises(KEY, 0.0, -1.0), RangeError, "kappa must be 0 or positive"),
        (lambda: ad.random.dirichlet(KEY, 2.0), ShapeError, "an axis of categories"),
        (lambda: ad.random.dirichlet(KEY, [1.0, -2.0]), RangeError, "alpha must be positive"),
        (
            lambda: ad.random.multivariate_normal(KEY, np.zeros(2), np.eye(3)),
            ShapeError,
            r"\(2,\) and \(3, 3\)",
        ),
        (
            lambda: ad.random.multivariate_normal(KEY, np.zeros(2), -np.eye(2)).numpy(),
            ad.errors.LinAlgError,
            "positive definite",
        ),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_parameters_out_of_range_that_are_traced_make_nan():
    for name in ("gamma", "chisquare"):
        assert np.isnan(getattr(ad.random, name)(KEY, ad.asarray(-1.0)))
    assert np.isnan(ad.random.vonmises(KEY, 0.0, ad.asarray(-1.0)))
    assert np.isnan(ad.random.normal(KEY, np.nan))
