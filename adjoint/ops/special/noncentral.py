"""The distribution function of the noncentral χ² distribution.

It is a mean of those of χ² with df + 2j degrees of freedom, j by Poisson's distribution with the
mean nc/2 (NIST Digital Library of Mathematical Functions, 8.2, and R. J. Muirhead, "Aspects of
Multivariate Statistical Theory", 1982, theorem 1.3.4). So the derivative by nc is half the
difference to df + 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.family.elementwise import Elementwise, Missing, apply
from adjoint.ops.special.bessel import ive
from adjoint.ops.special.entropy import xlogy
from adjoint.ops.special.gamma import gammaln
from adjoint.ops.special.hypergeometric import hyp0f1
from adjoint.ops.special.scipy_function import keep_dtype

__all__ = ["noncentral_chi2", "noncentral_chi2_log_density"]

_LOG2 = float(np.log(2))
_MOST = 10**6
"""Beyond this many terms the result is nan."""


def _value(x: Any, df: Any, nc: Any, upper: bool) -> Any:
    """The probability of less than x, or with `upper` of more, for each element."""
    like = x
    x, df, nc = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (x, df, nc)))
    known = np.isfinite(x) & (x >= 0) & (df > 0) & (nc >= 0) & np.isfinite(df) & np.isfinite(nc)
    result = np.full(x.shape, np.nan)
    for place in np.ndindex(x.shape):
        if known[place]:
            result[place] = _sum(float(x[place]), float(df[place]), float(nc[place]), upper)
    return keep_dtype(result, like)


def _sum(x: float, df: float, nc: float, upper: bool) -> float:
    special = import_module("scipy.special")
    half = 0.5 * nc
    if half == 0:
        one: float = (special.gammaincc if upper else special.gammainc)(0.5 * df, 0.5 * x)
        return one
    largest = max(half, 0.5 * (half * x) ** 0.5)  # where the terms of a far tail are largest
    count = int(largest + 14 * largest**0.5 + 40)
    if count > _MOST:
        return float("nan")
    j = np.arange(count)
    shares = np.exp(special.xlogy(j, half) - half - special.gammaln(j + 1))
    terms = (special.gammaincc if upper else special.gammainc)(0.5 * df + j, 0.5 * x)
    return float(np.sum((shares * terms)[::-1]))


def noncentral_chi2_log_density(x: Tensor, df: Tensor, nc: Tensor) -> Tensor:
    """The density of χ² times exp(-nc/2) ₀F₁(df/2; nc x/4), which is a Bessel function."""
    half = 0.5 * df
    z = 0.25 * nc * x
    near = z < 100
    small, large = where(near, z, 1.0), where(near, 1.0, z)
    root = 2 * sqrt(large)
    bessel = log(ive(half - 1, root)) + root + gammaln(half) - (0.5 * half - 0.5) * log(large)
    middle = where(near, log(hyp0f1(half, small)), bessel)
    central = xlogy(half - 1, x) - 0.5 * x - gammaln(half) - _LOG2 * half
    result: Tensor = central - 0.5 * nc + middle
    return result


def _by_place(x: Tensor, df: Tensor, nc: Tensor, y: Tensor, upper: bool) -> Tensor:
    density = exp(noncentral_chi2_log_density(x, df, nc))
    return -density if upper else density


def _by_center(x: Tensor, df: Tensor, nc: Tensor, y: Tensor, upper: bool) -> Tensor:
    """Half the difference to df + 2, which is a density."""
    density = exp(noncentral_chi2_log_density(x, df + 2, nc))
    return density if upper else -density


_noncentral_chi2 = register(
    Elementwise(
        "noncentral_chi2",
        _value,
        (_by_place, Missing("noncentral_chi2", "df"), _by_center),
        accepts="real",
        domain=((0.5, 6.0), (1.2, 4.0), (0.3, 4.0)),
        param_names=("upper",),
        samples=((False,), (True,)),
    )
)


def noncentral_chi2(x: Tensor, df: Any, nc: Tensor, upper: bool = False) -> Tensor:
    """The probability of less than x, or with `upper` of more; `df` may be a Python number."""
    return apply(_noncentral_chi2, (x, df, nc), (upper,))
