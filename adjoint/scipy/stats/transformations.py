"""Samples made normal, on the circle, without their ends, and how far they are from each other.

Samples lie along `axis` of arrays of any shape, and batches along the others, which must broadcast;
a result has the other axes (with `keepdims` also this one, of size 1). axis=None means all elements
together. Results are floating: float32 for float32, else float64.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from adjoint.array.statistics import descriptive
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import isnan
from adjoint.ops.elementwise.exponential import log, log1p
from adjoint.ops.elementwise.power import hypot, sqrt
from adjoint.ops.elementwise.rounding import floor
from adjoint.ops.elementwise.trigonometric import arctan2, cos, sin
from adjoint.ops.indexing.indexing import take
from adjoint.ops.indexing.slicing import along
from adjoint.ops.reductions.cumulative import cumsum
from adjoint.ops.reductions.extremum import max, min
from adjoint.ops.reductions.reduction import any, sum
from adjoint.ops.reductions.sorting import argsort, sort
from adjoint.ops.shape.joining import concat
from adjoint.scipy.common import floating, integer, operand, real_dtype, unsupported
from adjoint.scipy.special import elementwise
from adjoint.scipy.stats.summary import kurtosis, sample, skew

__all__ = [
    "boxcox",
    "circmean",
    "circstd",
    "circvar",
    "describe",
    "iqr",
    "kstat",
    "trim_mean",
    "wasserstein_distance",
    "yeojohnson",
    "yeojohnson_llf",
]


def boxcox(x: Any, lmbda: Any = None, alpha: Any = None, optimizer: Any = None) -> Tensor:
    """Box's and Cox's transformation with a given parameter.

    >>> from adjoint.scipy.stats import boxcox
    >>> boxcox([1.0, 3.0], 1.0)
    Tensor([0., 2.])
    """
    if lmbda is None:
        raise _no_search("boxcox", "boxcox_llf")
    return elementwise.boxcox(floating(x), lmbda)


def _no_search(name: str, likelihood: str) -> Exception:
    return unsupported(
        f"scipy.stats.{name}", "lmbda", None, f"give a number, or minimise -{likelihood}"
    )


def yeojohnson(x: Any, lmbda: Any = None) -> Tensor:
    """Yeo's and Johnson's transformation with a given parameter.

    >>> from adjoint.scipy.stats import yeojohnson
    >>> yeojohnson([-1.0, 1.0], 1.0)
    Tensor([-1.,  1.])
    """
    if lmbda is None:
        raise _no_search("yeojohnson", "yeojohnson_llf")
    x, lmbda = floating(x), operand(lmbda)
    right = x >= 0
    above = elementwise.boxcox1p(where(right, x, 0.0), lmbda)
    below = -elementwise.boxcox1p(where(right, 0.0, -x), 2 - lmbda)
    return where(right, above, below)


def yeojohnson_llf(
    lmb: Any, data: Any, *, axis: Any = 0, nan_policy: str = "propagate", keepdims: bool = False
) -> Tensor:
    """The logarithm of the likelihood of the parameter of Yeo's and Johnson's transformation.

    >>> from adjoint.scipy.stats import yeojohnson_llf
    >>> yeojohnson_llf(0.5, [-1.0, 1.0])
    Tensor(-0.04682607)
    """
    data, place = sample("yeojohnson_llf", data, axis, nan_policy, keepdims)
    lmb = as_tensor(lmb, real_dtype(lmb, data))
    spread = descriptive.var(yeojohnson(data, lmb), place, keepdims=keepdims)
    right = data >= 0
    sizes = where(right, log1p(where(right, data, 0.0)), -log1p(where(right, 0.0, -data)))
    logs = sum(sizes, place, keepdims=keepdims)
    result: Tensor = (lmb - 1) * logs - data.shape[place] / 2 * log(spread)
    return result


def _circular(
    name: str, samples: Any, high: Any, low: Any, axis: Any, nan_policy: str, keepdims: bool
) -> tuple[Tensor, Tensor]:
    """The mean sine and cosine of angles."""
    x, place = sample(name, samples, axis, nan_policy, keepdims)
    angle = (x - low) * (2 * math.pi / (high - low))
    return (
        descriptive.mean(sin(angle), place, keepdims=keepdims),
        descriptive.mean(cos(angle), place, keepdims=keepdims),
    )


def circmean(
    samples: Any,
    high: Any = 2 * math.pi,
    low: Any = 0,
    axis: Any = None,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Tensor:
    """The mean of angles between `low` and `high`.

    >>> from adjoint.scipy.stats import circmean
    >>> circmean([10.0, 30.0], high=360.0)
    Tensor(20.)
    """
    up, right = _circular("circmean", samples, high, low, axis, nan_policy, keepdims)
    turns = arctan2(up, right) / (2 * math.pi)
    result: Tensor = (turns - floor(turns)) * (high - low) + low
    return result


def circvar(
    samples: Any,
    high: Any = 2 * math.pi,
    low: Any = 0,
    axis: Any = None,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Tensor:
    """1 less the length of the mean of unit vectors with these angles.

    >>> from adjoint.scipy.stats import circvar
    >>> circvar([0.0, 90.0, 180.0, 270.0], high=360.0)
    Tensor(1.)
    """
    up, right = _circular("circvar", samples, high, low, axis, nan_policy, keepdims)
    result: Tensor = 1 - hypot(up, right)
    return result


def circstd(
    samples: Any,
    high: Any = 2 * math.pi,
    low: Any = 0,
    axis: Any = None,
    nan_policy: str = "propagate",
    *,
    normalize: bool = False,
    keepdims: bool = False,
) -> Tensor:
    """√(-2 log R) of the length R of the mean of unit vectors with these angles.

    >>> from adjoint.scipy.stats import circstd
    >>> circstd([0.1, 0.3])
    Tensor(0.10008352)
    """
    up, right = _circular("circstd", samples, high, low, axis, nan_policy, keepdims)
    result: Tensor = sqrt(-2 * log(hypot(up, right)))
    return result if normalize else result * ((high - low) / (2 * math.pi))


def trim_mean(
    a: Any,
    proportiontocut: Any,
    axis: Any = 0,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """The mean without this part of the elements at each end.

    >>> from adjoint.scipy.stats import trim_mean
    >>> trim_mean([1.0, 2.0, 9.0], 0.4)
    Tensor(2.)
    """
    a, place = sample("trim_mean", a, axis, nan_policy, keepdims)
    count = a.shape[place]
    cut = int(proportiontocut * count)
    if 2 * cut >= count:
        raise RangeError(
            f"scipy.stats.trim_mean: proportiontocut={proportiontocut!r} leaves nothing of {count} "
            "values; give less than ½"
        )
    ordered = sort(a, place)
    result = descriptive.mean(
        along(ordered, place, cut, 1, count - 2 * cut), place, keepdims=keepdims
    )
    has_nan = any(isnan(ordered), place, keepdims=keepdims)  # which stands at the end, and is cut
    return where(has_nan, math.nan, result)


def iqr(
    x: Any,
    axis: Any = None,
    rng: Any = (25, 75),
    scale: Any = 1.0,
    nan_policy: str = "propagate",
    interpolation: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """The distance of two percentiles.

    >>> from adjoint.scipy.stats import iqr
    >>> iqr([1.0, 2.0, 3.0])
    Tensor(1.)
    """
    x, place = sample("iqr", x, axis, nan_policy, keepdims)
    if scale == "normal":
        scale = 1.3489795003921634
    low, high = rng
    ends = [
        descriptive.percentile(x, q, place, method=interpolation, keepdims=keepdims)
        for q in (low, high)
    ]
    result: Tensor = (ends[1] - ends[0]) / scale
    return result


def kstat(
    data: Any,
    n: int = 2,
    *,
    axis: Any = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """The n-th k-statistic, the unbiased estimate of a cumulant, for n from 1 to 4.

    >>> from adjoint.scipy.stats import kstat
    >>> kstat([1.0, 3.0])
    Tensor(2.)
    """
    x, place = sample("kstat", data, axis, nan_policy, keepdims)
    order, N = integer("scipy.stats.kstat", "n", n), x.shape[place]
    if not 1 <= order <= 4:
        raise RangeError(f"scipy.stats.kstat: n must be 1, 2, 3 or 4, got {n!r}")
    mean = descriptive.mean(x, place, keepdims=True)
    if order == 1:
        return descriptive.mean(x, place, keepdims=keepdims)
    if order > N:
        return math.nan * descriptive.mean(x, place, keepdims=keepdims)
    powers = {k: sum((x - mean) ** k, place, keepdims=keepdims) for k in (2, 3, 4)}
    if order == 2:
        return powers[2] / (N - 1)
    if order == 3:
        return powers[3] * (N / ((N - 1) * (N - 2)))
    terms = (N + 1) * N * powers[4] - 3 * (N - 1) * powers[2] ** 2
    return terms / ((N - 1) * (N - 2) * (N - 3))


class DescribeResult(NamedTuple):
    """What `describe` returns."""

    nobs: int
    minmax: tuple[Tensor, Tensor]
    mean: Tensor
    variance: Tensor
    skewness: Tensor
    kurtosis: Tensor


def describe(
    a: Any, axis: Any = 0, ddof: int = 1, bias: bool = True, nan_policy: str = "propagate"
) -> DescribeResult:
    """Number, ends, mean, variance, skewness and kurtosis of a sample.

    >>> from adjoint.scipy.stats import describe
    >>> describe([1.0, 3.0]).variance
    Tensor(2.)
    """
    a, place = sample("describe", a, axis, nan_policy)
    return DescribeResult(
        a.shape[place],
        (min(a, place), max(a, place)),
        descriptive.mean(a, place),
        descriptive.var(a, place, ddof=ddof),
        skew(a, place, bias=bias),
        kurtosis(a, place, bias=bias),
    )


def wasserstein_distance(
    u_values: Any, v_values: Any, u_weights: Any = None, v_weights: Any = None
) -> Tensor:
    """The area between the distribution functions of two samples.

    >>> from adjoint.scipy.stats import wasserstein_distance
    >>> wasserstein_distance([0.0, 1.0], [1.0, 2.0])
    Tensor(1.)
    """
    name = "scipy.stats.wasserstein_distance"
    given = [x for x in (u_values, v_values, u_weights, v_weights) if x is not None]
    dtype = real_dtype(*given)
    parts, shares = [], []
    for argument, values, weights in (("u", u_values, u_weights), ("v", v_values, v_weights)):
        x = as_tensor(values, dtype)
        w = as_tensor(np.ones(x.shape) if weights is None else weights, dtype)
        if x.ndim != 1 or x.size == 0 or w.shape != x.shape:
            raise ShapeError(
                f"{name}: {argument}_values needs one axis that is not empty and weights of the "
                f"same shape, got shapes {x.shape} and {w.shape}"
            )
        parts.append(x)
        shares.append(w / sum(w))
    values, jumps = concat(parts), concat([shares[0], -shares[1]])
    order = argsort(values)
    places = take(values, order)
    heights = cumsum(take(jumps, order))[:-1]
    return sum(abs(heights) * (places[1:] - places[:-1]))
