"""Python's own module `statistics` in functions that are differentiated."""

from __future__ import annotations

import statistics
from statistics import mean

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, LostDerivativeError
from tests.numpy.differences import near, slopes

pytestmark = pytest.mark.unit

X = np.array([0.7, 1.9, 0.4, 1.3])
AT = [1.0, 2.0, 4.0, 3.0]

PROGRAMS = {
    "mean": lambda x: mean(x) + statistics.mean(list(x)) ** 2 + statistics.mean(v * v for v in x),
    "fmean": lambda x: statistics.fmean(x, weights=AT) * statistics.fmean(x[1:]),
    "medians": lambda x: statistics.median(x) * statistics.median_low(x),
    "spread": lambda x: statistics.variance(x) * statistics.pstdev(list(x)) + statistics.stdev(x),
    "about a centre": lambda x: statistics.variance(list(x), x[0]) - statistics.pvariance(x, 1.0),
    "other means": lambda x: (
        statistics.geometric_mean(x) * statistics.harmonic_mean(list(x))
        + statistics.harmonic_mean(x, AT)
    ),
    "covariance": lambda x: statistics.covariance(AT, list(x)),
    "correlation": lambda x: statistics.correlation(x, AT),
    "regression": lambda x: (
        statistics.linear_regression(AT, list(x)).slope
        * statistics.linear_regression(AT, list(x)).intercept
        + statistics.linear_regression(AT, x, proportional=True)[0]
    ),
    "plain numbers": lambda x: x[0] * statistics.mean([1, 2]) + statistics.mode([1, 1]) * x[1],
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name):
    f = PROGRAMS[name]
    value, gradient = ad.value_and_grad(f)(X)
    assert float(value) == pytest.approx(float(f(X)), rel=1e-12)
    near(gradient.numpy(), slopes(f, X), 1e-8)
    if name != "medians":
        assert float(ad.compile(f)(X)) == pytest.approx(float(value), rel=1e-12)


def test_what_python_refuses_is_refused():
    with pytest.raises(ArgumentError, match=r"statistics\.stdev: expected at least 2"):
        ad.grad(lambda x: statistics.stdev([x[0]]))(X)
    with pytest.raises(LostDerivativeError):
        ad.grad(lambda x: statistics.NormalDist(0.0, 1.0).cdf(x[0]))(X)
