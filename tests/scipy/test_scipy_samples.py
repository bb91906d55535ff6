"""Tests of means and counts, transformations, estimated densities, matrix distributions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.scipy import stats
from tests.scipy.checks import CHECKS, applies, check_compiled, check_forward, check_second
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

SLOWER = (check_forward, check_second, check_compiled)
EACH = [
    pytest.param(check, marks=[pytest.mark.slow] if check in SLOWER else []) for check in CHECKS
]

rng = np.random.default_rng(5)
X = rng.normal(size=(5, 2))
Y = rng.normal(size=(4, 2)) + 0.3
P = np.abs(X) + 0.5
COV = np.array([[2.0, 0.4], [0.4, 1.5]])
COUNTS = np.array([3.0, 4.0, 5.0, 6.0, 7.0])
STEP = 2.0**-12  # where steps must not change the order of what is sorted


def sym(x):
    return (x + x.T) / 2


def number(x):
    """A Python number for SciPy, which takes no array there."""
    return float(x) if isinstance(x, np.ndarray) else x


def shares(p):
    whole = [p[0], p[1], 1 - p[0] - p[1]]
    return np.array(whole) if isinstance(p, np.ndarray) else ad.stack(whole)


CASES = [
    Case("ttest_1samp", lambda s, a, m: tuple(s.stats.ttest_1samp(a, m)), [X, 0.2]),
    Case(
        "ttest_rel",
        lambda s, a, b: tuple(s.stats.ttest_rel(a[:4], b, alternative="less")),
        [X, Y],
    ),
    Case("ttest_ind", lambda s, a, b: tuple(s.stats.ttest_ind(a, b)), [X, Y]),
    Case(
        "ttest_ind, Welch",
        lambda s, a, b: tuple(s.stats.ttest_ind(a, b, equal_var=False, alternative="greater")),
        [X, Y],
    ),
    Case(
        "f_oneway",
        lambda s, a, b: tuple(s.stats.f_oneway(a, b, a[:3] * b[:3])),
        [X, Y],
        second=False,
    ),
    Case(
        "chisquare, expected",
        lambda s, p: tuple(s.stats.chisquare(COUNTS, p / p.sum() * 25)),
        [P[:, 0]],
        single=False,
    ),
    Case("chisquare", lambda s, p: tuple(s.stats.chisquare(p)), [P]),
    Case("jarque_bera", lambda s, a: tuple(s.stats.jarque_bera(a, axis=0)), [X]),
    Case("boxcox", lambda s, x, c: s.stats.boxcox(x, number(c)), [P[:, 0], 0.4]),
    Case("yeojohnson", lambda s, x: s.stats.yeojohnson(x, 0.4), [X[:, 0]]),
    Case("yeojohnson_llf", lambda s, c, x: s.stats.yeojohnson_llf(c, x), [0.4, X]),
    Case("circmean", lambda s, x: s.stats.circmean(x, axis=0), [P]),
    Case("circvar", lambda s, x: s.stats.circvar(x, high=3.0, low=-1.0, axis=1), [P]),
    Case("circstd", lambda s, x: s.stats.circstd(x), [P]),
    Case("trim_mean", lambda s, x: s.stats.trim_mean(x, 0.2, axis=0), [X], step=STEP),
    Case("iqr", lambda s, x: s.stats.iqr(x), [X], step=STEP, second=False),
    *(
        Case(f"kstat {n}", lambda s, x, n=n: s.stats.kstat(x, n, axis=(None, 0)[n % 2]), [X])
        for n in (1, 2, 3, 4)
    ),
    Case("describe", lambda s, x: tuple(s.stats.describe(x))[1:], [X], step=STEP),
    Case(
        "wasserstein_distance",
        lambda s, a, b, w: s.stats.wasserstein_distance(a, b, w),
        [X[:, 0], Y[:, 0], P[:, 0]],
        step=STEP,
    ),
    Case(
        "wishart",
        lambda s, x, c: s.stats.wishart.logpdf(sym(x), 4, sym(c)),
        [COV, COV + 0.3],
        single=False,
    ),
    Case(
        "invwishart",
        lambda s, x, df, c: s.stats.invwishart(number(df), sym(c)).logpdf(sym(x)),
        [COV, 4.5, COV + 0.3],
        single=False,
    ),
    Case(
        "matrix_normal",
        lambda s, x, m, r, c: s.stats.matrix_normal.logpdf(x, m, sym(r), number(c)),
        [X[:2], Y[:2], COV, 0.7],
        single=False,
    ),
    Case(
        "multinomial",
        lambda s, p: s.stats.multinomial.logpmf([[1, 2, 1], [0, 4, 0]], 4, shares(p)),
        [[0.2, 0.5]],
        single=False,
    ),
    Case("gaussian_kde", lambda s, x, p: s.stats.gaussian_kde(x)(p), [X[:, 0], Y[:, 0]]),
    Case(
        "gaussian_kde, two rows",
        lambda s, x, p: s.stats.gaussian_kde(x.T, "silverman").logpdf(p.T),
        [X, Y],
    ),
    Case(
        "gaussian_kde, weights",
        lambda s, x, w: s.stats.gaussian_kde(x, 0.5, w).integrate_box_1d(-1.0, 0.4),
        [X[:, 0], P[:, 0]],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("check", EACH, ids=lambda check: check.__name__[6:])
def test_samples(check, case):
    if applies(check, case):
        check(case)


def test_stacks_of_matrices():
    """As in SciPy, matrices stand in the first axes of x, of `matrix_normal` in the last."""
    x = np.stack([COV, COV + np.eye(2)], axis=-1)
    expected = scipy.stats.wishart.logpdf(x, 4, COV)
    np.testing.assert_allclose(stats.wishart.logpdf(x, 4, COV), expected)
    x = rng.normal(size=(3, 2, 2))
    expected = scipy.stats.matrix_normal.logpdf(x, rowcov=COV, colcov=COV)
    np.testing.assert_allclose(stats.matrix_normal.logpdf(x, rowcov=COV, colcov=COV), expected)


OF_ALL = {
    "gmean": lambda m, x, **how: m.gmean(x, **how),
    "moment": lambda m, x, **how: m.moment(x, 3, **how),
    "skew": lambda m, x, **how: m.skew(x, **how),
    "median_abs_deviation": lambda m, x, **how: m.median_abs_deviation(x, **how),
    "entropy": lambda m, x, **how: m.entropy(x, **how),
    "circmean": lambda m, x, **how: m.circmean(x, **how),
    "trim_mean": lambda m, x, **how: m.trim_mean(x, 0.2, **how),
    "iqr": lambda m, x, **how: m.iqr(x, **how),
    "kstat": lambda m, x, **how: m.kstat(x, 3, **how),
    "ttest_ind": lambda m, x, **how: m.ttest_ind(x, x[:2] + 0.1, **how).statistic,
    "chisquare": lambda m, x, **how: m.chisquare(x, **how).pvalue,
    "jarque_bera": lambda m, x, **how: m.jarque_bera(x, **how).pvalue,
}


@pytest.mark.parametrize("name", OF_ALL)
def test_shapes_of_what_is_made_of_all_elements(name):
    for axis in (None, 0):
        for keepdims in (False, True):
            found = OF_ALL[name](stats, P, axis=axis, keepdims=keepdims)
            expected = OF_ALL[name](scipy.stats, P, axis=axis, keepdims=keepdims)
            assert found.shape == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.filterwarnings("ignore")
def test_what_has_no_value_is_nan_as_in_scipy():
    """Not the mean of what is left when nan is cut off at the end, nor the sum of no deviations."""
    x = np.array([1.0, np.nan, 3.0, 4.0])
    assert np.isnan(scipy.stats.trim_mean(x, 0.25)) and np.isnan(stats.trim_mean(x, 0.25))
    for n in (2, 3, 4):
        for size in range(n):
            assert not np.isfinite(scipy.stats.kstat(P[:size, 0], n))
            assert np.isnan(stats.kstat(P[:size, 0], n))
    for df in (0.5, 0.9):
        with pytest.raises(ValueError, match="Degrees of freedom"):
            scipy.stats.wishart.logpdf(COV, df, COV)
        for family in (stats.wishart, stats.invwishart):
            assert np.isnan(family.logpdf(COV, df, COV))
    for counts in ([1.5, 1.5], [1.5, 2.0], [-1.0, 4.0]):
        expected = scipy.stats.multinomial.logpmf(counts, 3, [0.4, 0.6])
        assert stats.multinomial.logpmf(counts, 3, [0.4, 0.6]) == expected == -np.inf


def test_in_traced_code():
    def f(x):
        kernel = scipy.stats.gaussian_kde(x)
        return kernel.logpdf(0.3)[0] + scipy.stats.ttest_1samp(x, 0.1).statistic

    found, h = ad.grad(f)(X[:, 0]), 1e-6
    for k in range(5):
        step = h * np.eye(5)[k]
        slope = (f(X[:, 0] + step) - f(X[:, 0] - step)) / (2 * h)
        assert float(found[k]) == pytest.approx(float(slope), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda x: stats.boxcox(x), ArgumentError, "lmbda=None .*boxcox_llf"),
        (lambda x: stats.ttest_ind(x, x, trim=0.1), ArgumentError, "trim=0.1"),
        (lambda x: stats.ttest_1samp(x[:1], 0.0), RangeError, "2 values or more"),
        (lambda x: stats.ttest_1samp(x, 0.0, alternative="more"), ArgumentError, "two-sided"),
        (lambda x: stats.f_oneway(x), ArgumentError, "two samples or more, got 1"),
        (lambda x: stats.trim_mean(x, 0.6), RangeError, "less than ½"),
        (lambda x: stats.kstat(x, 5), RangeError, "1, 2, 3 or 4"),
        (lambda x: stats.wasserstein_distance(x, x[:0]), ShapeError, "v_values"),
        (lambda x: stats.wishart.logpdf(COV, 3, x), ShapeError, r"first axes.*\(2, 2\)"),
        (lambda x: stats.wishart(3), ArgumentError, "scale"),
        (lambda x: stats.gaussian_kde(x[:1]), ShapeError, "two points or more"),
        (lambda x: stats.multinomial.logpmf([1, 2], 3, x), ShapeError, "equally many kinds"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call(ad.asarray(P[:, 0]))
