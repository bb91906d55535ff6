"""Gamma variates: the implicit derivative, tiny and large shapes, and what is made of them."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.special
import scipy.stats as st

import adjoint as ad
from adjoint.errors import NotDifferentiableError

pytestmark = pytest.mark.unit

KEY = ad.random.key(5)


@pytest.mark.parametrize("a", [0.3, 1.0, 2.7, 30.0, 400.0])
def test_the_derivative_by_shape_is_that_of_the_quantile(a):
    x = np.asarray(ad.random.gamma(KEY, a, shape=40))
    u = scipy.special.gammainc(a, x)
    step = 1e-4 * a
    quantile = lambda a: scipy.special.gammaincinv(a, u)
    parts = [(1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280)]
    expected = sum(c * (quantile(a + n * step) - quantile(a - n * step)) for n, c in parts) / step
    found = ad.jacfwd(lambda a: ad.random.gamma(KEY, a, shape=40))(a)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("a", [1e-3, 0.02, 0.5, 1.5, 80.0, 499.0, 501.0, 5e3])
@pytest.mark.parametrize("u", [1e-12, 0.2, 0.9, 1 - 1e-9])
def test_slopes_hold_in_the_tails(a, u):
    """Against 60 digits: dy/da = -(∂P/∂a) / (x p), the logarithm y of x being given."""
    from adjoint.ops.random.gamma import _quantile, slopes

    y = float(_quantile(a, u))
    with mpmath.workdps(60):
        x = mpmath.exp(mpmath.mpf(y))
        by_a = mpmath.diff(
            lambda t: mpmath.gammainc(t, 0, x) / mpmath.gamma(t),
            mpmath.mpf(a),
            h=mpmath.mpf("1e-20"),
        )
        expected = -by_a * mpmath.gamma(a) / mpmath.exp(mpmath.mpf(a) * y - x)
    np.testing.assert_allclose(float(slopes(a, y)[0]), float(expected), rtol=1e-11)


@pytest.mark.parametrize("a", [600.0, 1e4, 1e7, 1e10])
def test_slopes_of_large_shapes(a):
    """x is a + z √a + (z² - 1)/3 + (z³ - 7z)/(36 √a) … for the normal quantile z of u (Cornish and
    Fisher), so dx/da is 1 + z/(2 √a) - (z³ - 7z)/(72 √a³) …"""
    from adjoint.ops.random.gamma import _quantile, slopes

    u = np.array([1e-3, 0.1, 0.5, 0.9, 1 - 1e-3])  # further out SciPy is not exact
    z = scipy.special.ndtri(u)
    y = _quantile(a, u)
    found, by_a = slopes(a, y)
    expected = (1 + z / (2 * a**0.5) - (z**3 - 7 * z) / (72 * a**1.5)) / np.exp(y)
    np.testing.assert_allclose(found, expected, rtol=max(200 / a**2, 1e-9))
    step = 1e-3 * a
    differences = (slopes(a + step, y)[0] - slopes(a - step, y)[0]) / (2 * step)
    np.testing.assert_allclose(by_a, differences, rtol=1e-3, atol=1e-6 / a**2)


def test_gradients_of_expectations_have_closed_forms():
    """E[x] = a s and E[log x] = ψ(a) + log s, so ∂/∂a is s and ψ'(a)."""
    a, s, count = 2.3, 1.7, 100_000
    mean = ad.grad(lambda a, s: ad.mean(ad.random.gamma(KEY, a, s, shape=count)), (0, 1))
    np.testing.assert_allclose([float(g) for g in mean(a, s)], [s, a], atol=0.03)
    logs = ad.grad(lambda a: ad.mean(ad.log(ad.random.gamma(KEY, a, s, shape=count))))
    np.testing.assert_allclose(float(logs(a)), scipy.special.polygamma(1, a), atol=0.01)


def test_the_gradient_of_the_variance_of_beta():
    a, b = 1.6, 2.4

    def variance(a, b):
        return ad.var(ad.random.beta(KEY, a, b, shape=100_000))

    exact = lambda a, b: a * b / ((a + b) ** 2 * (a + b + 1))
    expected = [ad.grad(exact, i)(a, b) for i in (0, 1)]
    found = [ad.grad(variance, i)(a, b) for i in (0, 1)]
    np.testing.assert_allclose([float(g) for g in found], [float(g) for g in expected], atol=1e-3)


def test_the_mean_of_dirichlet_and_its_gradient():
    alpha = np.array([0.7, 1.5, 3.0])
    whole = alpha.sum()
    x = np.asarray(ad.random.dirichlet(KEY, alpha, shape=60_000))
    np.testing.assert_allclose(x.sum(-1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(x.mean(0), alpha / whole, atol=4e-3)
    assert st.kstest(x[:8000, 0], st.beta(alpha[0], whole - alpha[0]).cdf).pvalue > 1e-3
    found = ad.jacrev(lambda alpha: ad.mean(ad.random.dirichlet(KEY, alpha, shape=60_000), 0))(
        alpha
    )
    expected = np.eye(3) / whole - alpha[:, None] / whole**2
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_dirichlet_has_derivatives_of_two_orders_in_any_form():
    draw = lambda alpha: ad.random.dirichlet(KEY, alpha, shape=4)
    ad.check_gradients(draw, (np.array([0.7, 1.5, 3.0]),), order=2)
    given = np.array([0.7, 1.5, 3.0])
    np.testing.assert_allclose(ad.compile(ad.jacrev(draw))(given), ad.jacrev(draw)(given))
    rows = np.stack([given, given[::-1]])
    expected = np.stack([np.asarray(draw(row)) for row in rows])
    np.testing.assert_allclose(ad.vmap(draw)(rows), expected)
    assert ad.random.dirichlet(KEY, np.ones((5, 2), np.float32)).dtype == np.float32


def test_shapes_near_zero_underflow_neither_in_values_nor_in_slopes():
    x = np.asarray(ad.random.dirichlet(KEY, [1e-4, 1e-4, 2e-4], shape=200))
    assert np.all(np.isfinite(x))
    np.testing.assert_allclose(x.sum(-1), 1.0)
    np.testing.assert_allclose((x[:, 2] > 0.5).mean(), 0.5, atol=0.15)
    slope = ad.jacfwd(lambda a: ad.random.gamma(KEY, a, shape=50))(1e-3)
    assert np.all(np.isfinite(slope))
    assert np.all(np.isfinite(ad.jacfwd(lambda a: ad.random.beta(KEY, a, a, shape=50))(1e-3)))


def test_a_third_derivative_by_shape_is_refused():
    third = ad.grad(ad.grad(ad.grad(lambda a: ad.random.gamma(KEY, a))))
    with pytest.raises(NotDifferentiableError, match="second derivative of a gamma variate"):
        third(2.0)
