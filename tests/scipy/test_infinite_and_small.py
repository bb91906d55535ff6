"""Functions of scipy.stats and scipy.special at infinity, of one value, of several orders."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats

import adjoint as ad
from adjoint.errors import RangeError
from adjoint.scipy import special, stats

pytestmark = pytest.mark.unit

INF = np.inf
LAMBDAS = (-1.5, -0.5, 0.0, 0.5, 1.0, 2.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("lmbda", LAMBDAS)
def test_box_and_cox_at_infinity(lmbda):
    for name, x in (
        ("boxcox", [INF, 0.0, 1.0, 2.0, -1.0]),
        ("boxcox1p", [INF, -1.0, 0.0, 2.0]),
        ("inv_boxcox", [INF, -INF, 0.0, 0.3]),
        ("inv_boxcox1p", [INF, -INF, 0.0, 0.3]),
    ):
        found = getattr(special, name)(ad.asarray(x), lmbda)
        np.testing.assert_allclose(found, getattr(scipy.special, name)(x, lmbda), rtol=1e-13)
    x = np.array([INF, -INF, 0.0, -2.0])
    np.testing.assert_allclose(
        stats.yeojohnson(ad.asarray(x), lmbda), scipy.stats.yeojohnson(x, lmbda), rtol=1e-13
    )


def test_slopes_of_box_and_cox_at_the_ends():
    slope = lambda lmbda: float(ad.grad(lambda x: special.boxcox(x, lmbda))(0.0))
    assert [slope(k) for k in (0.5, 1.0, 2.0)] == [INF, 1.0, 0.0]
    by_lambda = ad.grad(lambda k: special.boxcox(INF, k))(-0.5)  # of -1 / λ
    assert float(by_lambda) == pytest.approx(4.0)


X = np.array([[1.0, 2.0], [5.0, 9.0]])
W = np.array([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    "f",
    [
        lambda s, x: s.moment(x, [1, 2, 3]).sum(),
        lambda s, x: s.moment(x, order=(2, 3), axis=1, center=1.0)[1, 0],
        lambda s, x: s.gmean(x, axis=None, weights=W),
        lambda s, x: s.hmean(x, axis=None, weights=W),
        lambda s, x: s.pmean(x, 2, axis=None, weights=W),
        lambda s, x: s.ttest_ind(x[0, :1], x.reshape(-1)[1:]).statistic,
        lambda s, x: s.ttest_ind(x[0], x[1, :1]).pvalue,
    ],
)
def test_several_orders_weights_of_all_axes_and_samples_of_one(f):
    value, found = ad.value_and_grad(lambda x: f(stats, x))(X)
    assert float(value) == pytest.approx(float(f(scipy.stats, X)), rel=1e-12)
    for place in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[place] = 1e-6
        slope = (f(scipy.stats, X + step) - f(scipy.stats, X - step)) / 2e-6
        assert float(found[place]) == pytest.approx(float(slope), rel=1e-6, abs=1e-8)


def test_two_values_are_too_few():
    with pytest.raises(RangeError, match="3 values or more"):
        ad.grad(lambda x: stats.ttest_ind(x[0, :1], x[1, :1]).statistic)(X)
