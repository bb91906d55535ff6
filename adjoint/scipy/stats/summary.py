"""Summaries of samples in ``scipy.stats``. Composites.

Samples lie along `axis` of arrays of any shape, and batches along the others, which must broadcast;
a result has the other axes (with `keepdims` also this one, of size 1). axis=None means all elements
together. Results are floating: float32 for float32, else float64.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from adjoint.array import special
from adjoint.array.statistics import descriptive
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, clip
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import (
    floating,
    integer,
    operand,
    real_dtype,
    refuse,
    unsupported,
)
from adjoint.scipy.special.elementwise import boxcox
from adjoint.scipy.stats.gamma_family import beta


def sample(
    name: str, a: Any, axis: Any, nan_policy: str = "propagate", keepdims: bool = False
) -> tuple[Tensor, int]:
    """A sample and its axis. Where that is None all elements stand along one axis, behind as many
    of one element as `keepdims` wants."""
    refuse(f"scipy.stats.{name}", nan_policy=(nan_policy, "propagate"))
    a = floating(a)
    if axis is None or a.ndim == 0:
        others = (1,) * (a.ndim - 1) if keepdims else ()
        return reshape(a, (*others, -1)), len(others)
    place = integer(f"scipy.stats.{name}", "axis", axis)
    if not -a.ndim <= place < a.ndim:
        raise ShapeError(f"scipy.stats.{name}: axis {axis} is out of bounds for shape {a.shape}")
    return a, place % a.ndim


def _central(a: Tensor, axis: int, order: int, keepdims: bool = False) -> Tensor:
    """The mean power of what the elements deviate from their mean."""
    deviations = a - descriptive.mean(a, axis, keepdims=True)
    return descriptive.mean(power(deviations, order), axis, keepdims=keepdims)


def zscore(a: Any, axis: Any = 0, ddof: int = 0, nan_policy: str = "propagate") -> Tensor:
    """What the elements deviate from their mean, in standard deviations; nan if all are equal.

    >>> from adjoint.scipy.stats import zscore
    >>> zscore([1.0, 3.0])
    Tensor([-1.,  1.])
    """
    return zmap(a, a, axis, ddof, nan_policy)


def zmap(
    scores: Any, compare: Any, axis: Any = 0, ddof: int = 0, nan_policy: str = "propagate"
) -> Tensor:
    """What `scores` deviate from the mean of `compare`, in its standard deviations.

    >>> from adjoint.scipy.stats import zmap
    >>> zmap([3.0], [1.0, 3.0])
    Tensor([1.])
    """
    refuse("scipy.stats.zmap", nan_policy=(nan_policy, "propagate"))
    scores, compare = floating(scores), floating(compare)
    mean = descriptive.mean(compare, axis, keepdims=True)
    spread = descriptive.std(compare, axis, ddof=ddof, keepdims=True)
    result: Tensor = (scores - mean) / spread
    return result


def gstd(
    a: Any,
    axis: Any = 0,
    ddof: int = 1,
    *,
    keepdims: bool = False,
    nan_policy: str = "propagate",
) -> Tensor:
    """The exponential of the standard deviation of the logarithms.

    >>> from adjoint.scipy.stats import gstd
    >>> gstd([2.0, 2.0])
    Tensor(1.)
    """
    a, place = sample("gstd", a, axis, nan_policy, keepdims)
    return exp(descriptive.std(log(a), place, ddof=ddof, keepdims=keepdims))


def moment(
    a: Any,
    order: Any = 1,
    axis: Any = 0,
    nan_policy: str = "propagate",
    *,
    center: Any = None,
    keepdims: bool = False,
) -> Tensor:
    """The mean power `order` of the deviations from `center`, by default from the mean; of several
    orders along a new first axis.

    >>> from adjoint.scipy.stats import moment
    >>> moment([1.0, 3.0], 2)
    Tensor(1.)
    """
    if isinstance(order, (list, tuple)) or getattr(order, "ndim", 0) > 0:
        given = (axis, nan_policy)
        parts = [moment(a, n, *given, center=center, keepdims=keepdims) for n in order]
        several: Tensor = stack(parts)
        return several
    a, place = sample("moment", a, axis, nan_policy, keepdims)
    n = integer("scipy.stats.moment", "order", order)
    if center is None:
        return _central(a, place, n, keepdims)
    return descriptive.mean(power(a - operand(center), n), place, keepdims=keepdims)


def skew(
    a: Any,
    axis: Any = 0,
    bias: bool = True,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Tensor:
    """The skewness: the third central moment by the 3/2 power of the second.

    >>> from adjoint.scipy.stats import skew
    >>> skew([1.0, 2.0, 3.0])
    Tensor(0.)
    """
    a, place = sample("skew", a, axis, nan_policy, keepdims)
    second, third = (_central(a, place, n, keepdims) for n in (2, 3))
    result: Tensor = third / (second * sqrt(second))
    n = a.shape[place]
    return result if bias or n <= 2 else result * (math.sqrt((n - 1) * n) / (n - 2))


def kurtosis(
    a: Any,
    axis: Any = 0,
    fisher: bool = True,
    bias: bool = True,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Tensor:
    """The kurtosis: the fourth central moment by the square of the second, less 3 by `fisher`.

    >>> from adjoint.scipy.stats import kurtosis
    >>> kurtosis([1.0, 3.0])
    Tensor(-2.)
    """
    a, place = sample("kurtosis", a, axis, nan_policy, keepdims)
    second, fourth = (_central(a, place, n, keepdims) for n in (2, 4))
    result: Tensor = fourth / (second * second)
    n = a.shape[place]
    if not bias and n > 3:
        scale = 1 / ((n - 2) * (n - 3))
        result = scale * ((n * n - 1) * result - 3 * (n - 1) ** 2) + 3
    return result - 3 if fisher else result


def sem(
    a: Any,
    axis: Any = 0,
    ddof: int = 1,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Tensor:
    """The standard error of the mean.

    >>> from adjoint.scipy.stats import sem
    >>> sem([1.0, 3.0])
    Tensor(1.)
    """
    a, place = sample("sem", a, axis, nan_policy, keepdims)
    spread = descriptive.std(a, place, ddof=ddof, keepdims=keepdims)
    result: Tensor = spread / math.sqrt(a.shape[place])
    return result


def variation(
    a: Any,
    axis: Any = 0,
    nan_policy: str = "propagate",
    ddof: int = 0,
    *,
    keepdims: bool = False,
) -> Tensor:
    """The standard deviation by the mean.

    >>> from adjoint.scipy.stats import variation
    >>> variation([1.0, 3.0])
    Tensor(0.5)
    """
    a, place = sample("variation", a, axis, nan_policy, keepdims)
    spread = descriptive.std(a, place, ddof=ddof, keepdims=keepdims)
    result: Tensor = spread / descriptive.mean(a, place, keepdims=keepdims)
    return result


def median_abs_deviation(
    x: Any,
    axis: Any = 0,
    center: Any = None,
    scale: Any = 1.0,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Tensor:
    """The median of the distances from the median, by `scale`.

    >>> from adjoint.scipy.stats import median_abs_deviation
    >>> median_abs_deviation([1.0, 2.0, 4.0])
    Tensor(1.)
    """
    name = "scipy.stats.median_abs_deviation"
    refuse(name, center=(center, None))
    if isinstance(scale, str):
        if scale != "normal":
            raise unsupported(name, "scale", scale, 'give a number or "normal"')
        scale = 0.6744897501960817
    x, place = sample("median_abs_deviation", x, axis, nan_policy, keepdims)
    distances = abs(x - descriptive.median(x, place, keepdims=True))
    result: Tensor = descriptive.median(distances, place, keepdims=keepdims) / scale
    return result


def entropy(
    pk: Any,
    qk: Any = None,
    base: Any = None,
    axis: int = 0,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """-Σ p log p of the distribution `pk`, or with `qk` Σ p log(p / q); both are normalised.

    >>> from adjoint.scipy.stats import entropy
    >>> entropy([1.0, 1.0], base=2)
    Tensor(1.)
    """
    if base is not None and base <= 0:
        raise RangeError(f"scipy.stats.entropy: base must be positive, got {base!r}")
    p, place = sample("entropy", pk, axis, nan_policy, keepdims)
    total = sum(p, place, keepdims=keepdims)  # dividing at the end keeps 0 times ∞ out
    if qk is None:
        result = log(total) + sum(special.entr(p), place, keepdims=keepdims) / total
    else:
        q = floating(qk)
        terms = sum(special.rel_entr(p, q), place, keepdims=keepdims)
        result = terms / total - log(total) + log(sum(q, place, keepdims=keepdims))
    return result if base is None else result / math.log(base)


class PearsonRResult(NamedTuple):
    """What `pearsonr` returns."""

    statistic: Tensor
    pvalue: Tensor


def pearsonr(
    x: Any, y: Any, *, alternative: str = "two-sided", method: Any = None, axis: Any = 0
) -> PearsonRResult:
    """Pearson's correlation coefficient and its p-value for normal samples.

    >>> from adjoint.scipy.stats import pearsonr
    >>> pearsonr([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]).statistic
    Tensor(0.5)
    """
    name = "scipy.stats.pearsonr"
    refuse(name, method=(method, None))
    dtype = real_dtype(x, y)
    x, place = sample("pearsonr", as_tensor(x, dtype), axis)
    y, _ = sample("pearsonr", as_tensor(y, dtype), axis)
    units = []
    for values in (x, y):
        deviations = values - descriptive.mean(values, place, keepdims=True)
        units.append(deviations / norm2(deviations, place, keepdims=True))
    r = clip(sum(units[0] * units[1], place), -1, 1)
    half = x.shape[place] / 2 - 1
    if half <= 0:
        raise RangeError(f"{name}: needs three pairs or more, got {x.shape[place]}")
    if alternative == "two-sided":
        return PearsonRResult(r, 2 * beta.sf(abs(r), half, half, loc=-1, scale=2))
    if alternative == "less":
        return PearsonRResult(r, beta.cdf(r, half, half, loc=-1, scale=2))
    if alternative == "greater":
        return PearsonRResult(r, beta.sf(r, half, half, loc=-1, scale=2))
    raise unsupported(name, "alternative", alternative, 'give "two-sided", "less" or "greater"')


class LinregressResult(NamedTuple):
    """What `linregress` returns, but for its attribute `intercept_stderr`."""

    slope: Tensor
    intercept: Tensor
    rvalue: Tensor
    pvalue: Tensor
    stderr: Tensor


def linregress(
    x: Any,
    y: Any,
    alternative: str = "two-sided",
    *,
    axis: Any = 0,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> LinregressResult:
    """The straight line through points by least squares.

    >>> from adjoint.scipy.stats import linregress
    >>> linregress([0.0, 1.0, 2.0], [1.0, 3.0, 4.0]).slope
    Tensor(1.5)
    """
    name = "scipy.stats.linregress"
    refuse(name, alternative=(alternative, "two-sided"), keepdims=(keepdims, False))
    dtype = real_dtype(x, y)
    x, place = sample("linregress", as_tensor(x, dtype), axis, nan_policy)
    y, _ = sample("linregress", as_tensor(y, dtype), axis)
    n = x.shape[place]
    means = [descriptive.mean(values, place, keepdims=True) for values in (x, y)]
    dx, dy = x - means[0], y - means[1]
    xx, xy, yy = (descriptive.mean(p, place) for p in (dx * dx, dx * dy, dy * dy))
    slope = xy / xx
    intercept = reshape(means[1], slope.shape) - slope * reshape(means[0], slope.shape)
    r = clip(xy / sqrt(xx * yy), -1, 1)
    if n < 3:
        raise RangeError(f"{name}: needs three points or more, got {n}")
    t = r * sqrt((n - 2) / ((1 - r + 1e-20) * (1 + r + 1e-20)))
    pvalue = 2 * special.stdtr(float(n - 2), -abs(t))
    stderr = sqrt((1 - r * r) * yy / xx / (n - 2))
    return LinregressResult(slope, intercept, r, pvalue, stderr)


def boxcox_llf(
    lmb: Any,
    data: Any,
    *,
    axis: Any = 0,
    keepdims: bool = False,
    nan_policy: str = "propagate",
) -> Tensor:
    """The logarithm of the likelihood of the parameter of a Box-Cox transformation.

    >>> from adjoint.scipy.stats import boxcox_llf
    >>> boxcox_llf(1.0, [1.0, 5.0])
    Tensor(-1.38629436)
    """
    data, place = sample("boxcox_llf", data, axis, nan_policy, keepdims)
    lmb = as_tensor(lmb, real_dtype(lmb, data))
    spread = descriptive.var(boxcox(data, lmb), place, keepdims=keepdims)
    logs = sum(log(data), place, keepdims=keepdims)
    result: Tensor = (lmb - 1) * logs - data.shape[place] / 2 * log(spread)
    return result
