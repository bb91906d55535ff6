"""Statistics and p-values of the tests of ``scipy.stats`` that compare means, counts and shapes.

Samples lie along `axis` of arrays of any shape, and batches along the others, which must broadcast;
a result has the other axes (with `keepdims` also this one, of size 1). axis=None means all elements
together. Results are floating: float32 for float32, else float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from adjoint.array import special
from adjoint.array.statistics import descriptive
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.reductions.reduction import sum
from adjoint.scipy.common import integer, real_dtype, refuse, unsupported
from adjoint.scipy.stats.gamma_family import chi2, f
from adjoint.scipy.stats.summary import kurtosis, sample, skew


class TtestResult(NamedTuple):
    """What Student's tests return, but for the attribute `df`."""

    statistic: Tensor
    pvalue: Tensor


class SignificanceResult(NamedTuple):
    """What the other tests return."""

    statistic: Tensor
    pvalue: Tensor


def _student(name: str, t: Tensor, df: Any, alternative: str) -> TtestResult:
    """The statistic and its p-value by Student's distribution."""
    if alternative == "two-sided":
        return TtestResult(t, 2 * special.stdtr(df, -abs(t)))
    if alternative in ("less", "greater"):
        return TtestResult(t, special.stdtr(df, t if alternative == "less" else -t))
    known = 'give "two-sided", "less" or "greater"'
    raise unsupported(f"scipy.stats.{name}", "alternative", alternative, known)


def _several(name: str, a: Tensor, place: int, least: int = 2) -> int:
    """The size of a sample."""
    if a.shape[place] < least:
        raise RangeError(
            f"scipy.stats.{name}: needs {least} values or more in a sample, got {a.shape[place]}"
        )
    return a.shape[place]


def ttest_1samp(
    a: Any,
    popmean: Any,
    axis: Any = 0,
    nan_policy: str = "propagate",
    alternative: str = "two-sided",
    *,
    keepdims: bool = False,
) -> TtestResult:
    """Student's test that a sample has the mean `popmean`.

    >>> from adjoint.scipy.stats import ttest_1samp
    >>> ttest_1samp([1.0, 2.0, 3.0], 2.0).pvalue
    Tensor(1.)
    """
    a, place = sample("ttest_1samp", a, axis, nan_policy, keepdims)
    n = _several("ttest_1samp", a, place)
    spread = descriptive.var(a, place, ddof=1, keepdims=keepdims)
    t = (descriptive.mean(a, place, keepdims=keepdims) - popmean) / sqrt(spread / n)
    return _student("ttest_1samp", t, float(n - 1), alternative)


def ttest_rel(
    a: Any,
    b: Any,
    axis: Any = 0,
    nan_policy: str = "propagate",
    alternative: str = "two-sided",
    *,
    keepdims: bool = False,
) -> TtestResult:
    """Student's test that pairs differ by 0 in the mean.

    >>> from adjoint.scipy.stats import ttest_rel
    >>> ttest_rel([1.0, 2.0, 4.0], [2.0, 2.0, 3.0]).statistic
    Tensor(0.)
    """
    dtype = real_dtype(a, b)
    difference = as_tensor(a, dtype) - as_tensor(b, dtype)
    return ttest_1samp(difference, 0.0, axis, nan_policy, alternative, keepdims=keepdims)


def ttest_ind(
    a: Any,
    b: Any,
    *,
    axis: Any = 0,
    equal_var: bool = True,
    nan_policy: str = "propagate",
    alternative: str = "two-sided",
    trim: Any = 0,
    method: Any = None,
    keepdims: bool = False,
) -> TtestResult:
    """Student's test that two samples have the same mean, or Welch's unless `equal_var`.

    >>> from adjoint.scipy.stats import ttest_ind
    >>> ttest_ind([1.0, 2.0, 3.0], [1.5, 2.5]).statistic
    Tensor(0.)
    """
    refuse("scipy.stats.ttest_ind", trim=(trim, 0), method=(method, None))
    dtype = real_dtype(a, b)
    means, spreads, counts = [], [], []
    for given in (a, b):
        x, place = sample("ttest_ind", as_tensor(given, dtype), axis, nan_policy, keepdims)
        counts.append(_several("ttest_ind", x, place, 1 if equal_var else 2))
        means.append(descriptive.mean(x, place, keepdims=keepdims))
        ddof = 0 if equal_var else 1  # of one value there is no other
        spreads.append(descriptive.var(x, place, ddof=ddof, keepdims=keepdims))
    (n, m), (u, v) = counts, spreads
    if equal_var:
        df: Any = float(n + m - 2)
        if not df:
            raise RangeError("scipy.stats.ttest_ind: needs 3 values or more in both samples, got 2")
        square = (n * u + m * v) * ((1 / n + 1 / m) / df)
    else:
        square = u / n + v / m
        df = square * square / ((u / n) ** 2 / (n - 1) + (v / m) ** 2 / (m - 1))
    return _student("ttest_ind", (means[0] - means[1]) / sqrt(square), df, alternative)


def f_oneway(
    *samples: Any,
    axis: Any = 0,
    equal_var: bool = True,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> SignificanceResult:
    """The analysis of variance: whether samples have one mean.

    >>> from adjoint.scipy.stats import f_oneway
    >>> f_oneway([1.0, 3.0], [2.0, 4.0]).statistic
    Tensor(0.5)
    """
    name = "scipy.stats.f_oneway"
    refuse(name, equal_var=(equal_var, True))
    if len(samples) < 2:
        raise ArgumentError(f"{name}: needs two samples or more, got {len(samples)}")
    dtype = real_dtype(*samples)
    groups = [sample("f_oneway", as_tensor(x, dtype), axis, nan_policy, keepdims) for x in samples]
    counts = [_several("f_oneway", x, place, 1) for x, place in groups]
    means = [descriptive.mean(x, place, keepdims=True) for x, place in groups]
    total = int(np.sum(counts))
    middle: Any = 0.0
    for count, mean in zip(counts, means, strict=True):
        middle = middle + mean * (count / total)
    between: Any = 0.0
    within: Any = 0.0
    for (x, place), count, mean in zip(groups, counts, means, strict=True):
        between = between + count * sum((mean - middle) ** 2, place, keepdims=keepdims)
        within = within + sum((x - mean) ** 2, place, keepdims=keepdims)
    above, below = len(samples) - 1, total - len(samples)
    if below < 1:
        raise RangeError(f"{name}: needs more values than samples, got {total}")
    ratio = (between / above) / (within / below)
    return SignificanceResult(ratio, f.sf(ratio, float(above), float(below)))


def chisquare(
    f_obs: Any,
    f_exp: Any = None,
    ddof: Any = 0,
    axis: Any = 0,
    *,
    sum_check: bool = True,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> SignificanceResult:
    """Pearson's χ² test of counts; whether those expected have the same sum is not looked at.

    >>> from adjoint.scipy.stats import chisquare
    >>> chisquare([4.0, 6.0]).statistic
    Tensor(0.4)
    """
    given = (f_obs,) if f_exp is None else (f_obs, f_exp)
    observed, place = sample(
        "chisquare", as_tensor(f_obs, real_dtype(*given)), axis, nan_policy, keepdims
    )
    expected: Any = f_exp
    if f_exp is None:
        expected = descriptive.mean(observed, place, keepdims=True)
    elif axis is None:
        expected, _ = sample("chisquare", f_exp, None)
    else:
        expected = as_tensor(f_exp, observed.dtype)
    terms = (observed - expected) ** 2 / expected
    statistic = sum(terms, place, keepdims=keepdims)
    df = terms.shape[place] - 1 - integer("scipy.stats.chisquare", "ddof", ddof)
    return SignificanceResult(statistic, chi2.sf(statistic, float(df)))


def jarque_bera(
    x: Any, *, axis: Any = None, nan_policy: str = "propagate", keepdims: bool = False
) -> SignificanceResult:
    """Jarque's and Bera's test of skewness and kurtosis for those of a normal distribution.

    >>> from adjoint.scipy.stats import jarque_bera
    >>> jarque_bera([-1.0, 0.0, 1.0]).statistic
    Tensor(0.28125)
    """
    x, place = sample("jarque_bera", x, axis, nan_policy, keepdims)
    n = _several("jarque_bera", x, place, 1)
    third, fourth = skew(x, place, keepdims=keepdims), kurtosis(x, place, keepdims=keepdims)
    statistic = n / 6 * (third**2 + fourth**2 / 4)
    return SignificanceResult(statistic, chi2.sf(statistic, 2.0))
