"""Continuous distributions of ``scipy.stats`` for extreme values and lifetimes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.scipy.stats.distribution import INF, Continuous, at_edge

_EULER = float(np.euler_gamma)


class WeibullMin(Continuous):
    """Weibull's distribution of minima.

    >>> from adjoint.scipy.stats import weibull_min
    >>> weibull_min.sf(1.0, 2.0)
    Tensor(0.36787944)
    """

    name, shapes, lower, inner, finite = "weibull_min", ("c",), 0.0, 1.0, True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) + special.xlogy(c - 1, x) - power(x, c)

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        rest = log(c) - power(x, c)
        return at_edge(x, c - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), c))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return -expm1(-power(x, c))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return exp(-power(x, c))

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return -power(x, c)

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return power(-log1p(-q), 1 / c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return power(-log(q), 1 / c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        mean = special.gamma(1 + 1 / c)
        return mean, special.gamma(1 + 2 / c) - mean * mean

    def _entropy(self, c: Tensor) -> Any:
        return -_EULER / c - log(c) + _EULER + 1


class Pareto(Continuous):
    """Pareto's distribution, from scale upwards.

    >>> from adjoint.scipy.stats import pareto
    >>> pareto.sf(2.0, 3.0)
    Tensor(0.125)
    """

    name, shapes, lower, inner = "pareto", ("b",), 1.0, 2.0

    def _logpdf(self, x: Tensor, b: Tensor) -> Tensor:
        return log(b) - (b + 1) * log(x)

    def _cdf(self, x: Tensor, b: Tensor) -> Tensor:
        return -expm1(-b * log(x))

    def _sf(self, x: Tensor, b: Tensor) -> Tensor:
        return power(x, -b)

    def _logsf(self, x: Tensor, b: Tensor) -> Tensor:
        return -b * log(x)

    def _ppf(self, q: Tensor, b: Tensor) -> Tensor:
        return exp(-log1p(-q) / b)

    def _isf(self, q: Tensor, b: Tensor) -> Tensor:
        return power(q, -1 / b)

    def _moments(self, b: Tensor) -> tuple[Any, Any]:
        one, two = b > 1, b > 2
        first, second = where(one, b, 2.0), where(two, b, 3.0)
        variance = second / ((second - 1) * (second - 1) * (second - 2))
        return where(one, first / (first - 1), INF), where(two, variance, INF)

    def _entropy(self, b: Tensor) -> Any:
        return 1 + 1 / b - log(b)


class Rayleigh(Continuous):
    """Rayleigh's distribution.

    >>> from adjoint.scipy.stats import rayleigh
    >>> rayleigh.sf(1.0)
    Tensor(0.60653066)
    """

    name, lower, inner = "rayleigh", 0.0, 1.0

    def _logpdf(self, x: Tensor) -> Tensor:
        return log(x) - 0.5 * x * x

    def _pdf(self, x: Tensor) -> Tensor:
        return x * exp(-0.5 * x * x)

    def _cdf(self, x: Tensor) -> Tensor:
        return -expm1(-0.5 * x * x)

    def _sf(self, x: Tensor) -> Tensor:
        return exp(-0.5 * x * x)

    def _logsf(self, x: Tensor) -> Tensor:
        return -0.5 * x * x

    def _ppf(self, q: Tensor) -> Tensor:
        return sqrt(-2 * log1p(-q))

    def _isf(self, q: Tensor) -> Tensor:
        return sqrt(-2 * log(q))

    def _moments(self) -> tuple[Any, Any]:
        return math.sqrt(math.pi / 2), 2 - math.pi / 2

    def _entropy(self) -> Any:
        return _EULER / 2 + 1 - 0.5 * math.log(2)


class Gumbel(Continuous):
    """Gumbel's distribution of maxima.

    >>> from adjoint.scipy.stats import gumbel_r
    >>> gumbel_r.cdf(0.0)
    Tensor(0.36787944)
    """

    name = "gumbel_r"

    def _logpdf(self, x: Tensor) -> Tensor:
        return -x - exp(-x)

    def _cdf(self, x: Tensor) -> Tensor:
        return exp(-exp(-x))

    def _logcdf(self, x: Tensor) -> Tensor:
        return -exp(-x)

    def _sf(self, x: Tensor) -> Tensor:
        return -expm1(-exp(-x))

    def _ppf(self, q: Tensor) -> Tensor:
        return -log(-log(q))

    def _isf(self, q: Tensor) -> Tensor:
        return -log(-log1p(-q))

    def _moments(self) -> tuple[Any, Any]:
        return _EULER, math.pi**2 / 6

    def _entropy(self) -> Any:
        return _EULER + 1


weibull_min, pareto, rayleigh, gumbel_r = WeibullMin(), Pareto(), Rayleigh(), Gumbel()
