"""Geometric, harmonic and power means, weighted or not."""

from __future__ import annotations

import math
from typing import Any

from adjoint.array.statistics import descriptive
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import power
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import constant, refuse
from adjoint.scipy.stats.summary import sample


def _average(a: Tensor, axis: int, weights: Any, keepdims: bool, is_row: bool) -> Tensor:
    """The mean, weighted; `is_row` says that all axes were made one."""
    if weights is None:
        return descriptive.mean(a, axis, keepdims=keepdims)
    if is_row:
        weights = reshape(as_tensor(weights), (-1,))
    result: Tensor = descriptive.average(a, axis, weights, keepdims=keepdims)
    return result


def _not_negative(a: Tensor) -> Tensor:
    return where(a < 0, math.nan, a)


def gmean(
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    weights: Any = None,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """The geometric mean.

    >>> from adjoint.scipy.stats import gmean
    >>> gmean([1.0, 4.0])
    Tensor(2.)
    """
    refuse("scipy.stats.gmean", dtype=(dtype, None))
    a, place = sample("gmean", a, axis, nan_policy, keepdims)
    return exp(_average(log(a), place, weights, keepdims, axis is None))


def hmean(
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    *,
    weights: Any = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """The harmonic mean; nan with a negative element.

    >>> from adjoint.scipy.stats import hmean
    >>> hmean([1.0, 3.0])
    Tensor(1.5)
    """
    refuse("scipy.stats.hmean", dtype=(dtype, None))
    a, place = sample("hmean", a, axis, nan_policy, keepdims)
    return 1 / _average(1 / _not_negative(a), place, weights, keepdims, axis is None)


def pmean(
    a: Any,
    p: Any,
    *,
    axis: Any = 0,
    dtype: Any = None,
    weights: Any = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Tensor:
    """The mean of powers p, and the p-th root of that; `gmean` for p = 0.

    >>> from adjoint.scipy.stats import pmean
    >>> pmean([1.0, 7.0], 2)
    Tensor(5.)
    """
    refuse("scipy.stats.pmean", dtype=(dtype, None))
    exponent = float(constant("scipy.stats.pmean", "p", p))
    if exponent == 0:
        return gmean(a, axis, weights=weights, nan_policy=nan_policy, keepdims=keepdims)
    a, place = sample("pmean", a, axis, nan_policy, keepdims)
    return power(
        _average(power(_not_negative(a), exponent), place, weights, keepdims, axis is None),
        1 / exponent,
    )
