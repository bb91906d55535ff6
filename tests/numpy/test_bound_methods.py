"""Methods of arrays, distributions and interpolants, called by names of their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.stats import norm

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([0.7, 1.9, -0.4])
A = np.arange(6.0).reshape(2, 3)
SPLINE = CubicSpline(np.arange(5.0), np.sin(np.arange(5.0)))
log_density = norm.logpdf
frozen = norm(0.5, 2.0).logpdf
spline_at = SPLINE.__call__


def a_distribution(x):
    return np.sum(log_density(x, 0.5, 2.0))


def a_frozen_distribution(x):
    return np.sum(frozen(x))


def an_interpolant(x):
    return np.sum(spline_at(x + 1.0))


def a_constant_matrix(x):
    out = np.zeros(2)
    A.dot(x, out=out)
    return np.sum(A.dot(x) ** 2) + out.sum() + A[0].dot(x) + A.dot(A.T).sum()


def whole_numbers(x):
    return np.sum(x * np.int64(x)) + np.sum(x * np.asarray(3 * x, dtype=int))


@pytest.mark.parametrize(
    "f", [a_distribution, a_frozen_distribution, an_interpolant, a_constant_matrix, whole_numbers]
)
def test_the_gradient_is_that_of_the_function(f):
    slope = [(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(ad.grad(f)(X), slope, rtol=1e-7, atol=1e-7)


def test_a_method_itself_is_differentiated():
    assert float(ad.grad(norm.logpdf)(0.3)) == pytest.approx(-0.3)
    assert float(ad.grad(frozen)(0.3)) == pytest.approx(0.05)


def test_a_conversion_to_a_type_of_numpys_says_what_to_do():
    with pytest.raises(ad.errors.LostDerivativeError, match=r'Convert with x.astype\("float32"\)'):
        ad.grad(lambda x: np.sum(np.float32(x)))(X)
