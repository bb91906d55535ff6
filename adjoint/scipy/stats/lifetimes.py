"""Continuous distributions of ``scipy.stats`` for lifetimes: Weibull's and others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.scipy.stats.distribution import Continuous, at_edge
from adjoint.scipy.stats.extreme_values import weibull_min
from adjoint.scipy.stats.mirrored import Mirrored

_EULER = float(np.euler_gamma)
_LOG2 = math.log(2)
_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


class WeibullMax(Mirrored):
    """Weibull's distribution of maxima, left of 0.

    >>> from adjoint.scipy.stats import weibull_max
    >>> weibull_max.cdf(-1.0, 2.0)
    Tensor(0.36787944)
    """

    name, shapes, inner, base = "weibull_max", ("c",), -1.0, weibull_min


class DoubleWeibull(Continuous):
    """Weibull's distribution to both sides of 0.

    >>> from adjoint.scipy.stats import dweibull
    >>> dweibull.sf(1.0, 2.0)
    Tensor(0.18393972)
    """

    name, shapes = "dweibull", ("c",)
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return weibull_min._logpdf(abs(x), c) - _LOG2

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        return 0.5 * weibull_min._pdf(abs(x), c)

    def _logcdf(self, x: Tensor, c: Tensor) -> Tensor:
        below = -power(abs(x), c) - _LOG2
        right = x > 0
        return where(right, log1p(-exp(where(right, below, -1.0))), below)

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        outer = 0.5 * exp(-power(abs(x), c))
        return where(x > 0, 1 - outer, outer)

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return self._cdf(-x, c)

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return self._logcdf(-x, c)

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        left = q <= 0.5
        size = power(-log(2 * where(left, q, 1 - q)), 1 / c)
        return where(left, -size, size)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return -self._ppf(q, c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        return 0.0 * c, special.gamma(1 + 2 / c)

    def _entropy(self, c: Tensor) -> Any:
        return weibull_min._entropy(c) + _LOG2


class ExponWeibull(Continuous):
    """The distribution of the largest of `a` variables with Weibull's distribution.

    >>> from adjoint.scipy.stats import exponweib
    >>> exponweib.cdf(1.0, 2.0, 1.5)
    Tensor(0.3995764)
    """

    name, shapes, lower, inner = "exponweib", ("a", "c"), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        hazard = power(x, c)
        rise = special.xlogy(a - 1, -expm1(-hazard)) + special.xlogy(c - 1, x)
        return log(a) + log(c) + rise - hazard

    def _pdf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        rest = log(a) + log(c) - 0.5 * (a + 1) * power(x, c)
        return at_edge(x, a * c - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), a, c))

    def _logcdf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        result: Tensor = a * weibull_min._logcdf(x, c)
        return result

    def _cdf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        return power(-expm1(-power(x, c)), a)

    def _sf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        inside = x > 0
        beyond = -expm1(self._logcdf(where(inside, x, 1.0), a, c))
        return where(inside, beyond, 1 - self._cdf(where(inside, 1.0, x), a, c))

    def _ppf(self, q: Tensor, a: Tensor, c: Tensor) -> Tensor:
        return power(-log1p(-power(q, 1 / a)), 1 / c)

    def _isf(self, q: Tensor, a: Tensor, c: Tensor) -> Tensor:
        return power(-log(-expm1(log1p(-q) / a)), 1 / c)


class ExponPower(Continuous):
    """The exponential power distribution of lifetimes, with the survival exp(1 - exp(xᵇ)).

    >>> from adjoint.scipy.stats import exponpow
    >>> exponpow.sf(1.0, 2.0)
    Tensor(0.17937408)
    """

    name, shapes, lower, inner = "exponpow", ("b",), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, b: Tensor) -> Tensor:
        hazard = power(x, b)
        return log(b) + special.xlogy(b - 1, x) + hazard - expm1(hazard)

    def _pdf(self, x: Tensor, b: Tensor) -> Tensor:
        hazard = power(x, b)
        rest = log(b) + hazard - expm1(hazard)
        return at_edge(x, b - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), b))

    def _logsf(self, x: Tensor, b: Tensor) -> Tensor:
        return -expm1(power(x, b))

    def _sf(self, x: Tensor, b: Tensor) -> Tensor:
        return exp(self._logsf(x, b))

    def _cdf(self, x: Tensor, b: Tensor) -> Tensor:
        return -expm1(self._logsf(x, b))

    def _ppf(self, q: Tensor, b: Tensor) -> Tensor:
        return power(log1p(-log1p(-q)), 1 / b)

    def _isf(self, q: Tensor, b: Tensor) -> Tensor:
        return power(log1p(-log(q)), 1 / b)


class Gompertz(Continuous):
    """Gompertz's distribution of lifetimes, whose hazard grows exponentially.

    >>> from adjoint.scipy.stats import gompertz
    >>> gompertz.sf(1.0, 0.5)
    Tensor(0.42352577)
    """

    name, shapes, lower, inner = "gompertz", ("c",), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) + x - c * expm1(x)

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return -c * expm1(x)

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return exp(-c * expm1(x))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return -expm1(-c * expm1(x))

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return log1p(-log1p(-q) / c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return log1p(-log(q) / c)

    def _entropy(self, c: Tensor) -> Any:
        return 1 - log(c) - exp(c) * special.exp1(c)


class InverseWeibull(Continuous):
    """Fréchet's distribution, of the reciprocal of a variable with Weibull's distribution.

    >>> from adjoint.scipy.stats import invweibull
    >>> invweibull.cdf(1.0, 2.0)
    Tensor(0.36787944)
    """

    name, shapes, lower, inner, vanishes = "invweibull", ("c",), 0.0, 1.0, True
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) - (c + 1) * log(x) - power(x, -c)

    def _logcdf(self, x: Tensor, c: Tensor) -> Tensor:
        return -power(x, -c)

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return exp(-power(x, -c))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return -expm1(-power(x, -c))

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return power(-log(q), -1 / c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return power(-log1p(-q), -1 / c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        one, two = where(c > 1, c, 2.0), where(c > 2, c, 3.0)
        mean = special.gamma(1 - 1 / one)
        variance = special.gamma(1 - 2 / two) - special.gamma(1 - 1 / two) ** 2
        return where(c > 1, mean, math.inf), where(c > 2, variance, math.inf)

    def _entropy(self, c: Tensor) -> Any:
        return 1 + _EULER + _EULER / c - log(c)


class FatigueLife(Continuous):
    """Birnbaum and Saunders's distribution of the number of loads until failure.

    >>> from adjoint.scipy.stats import fatiguelife
    >>> fatiguelife.cdf(1.0, 0.5)
    Tensor(0.5)
    """

    name, shapes, lower, inner, vanishes = "fatiguelife", ("c",), 0.0, 1.0, True
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        ratio = (x - 1) / c
        front = log1p(x) - log(c) - _LOG2 - _LOG_ROOT_TWO_PI - 1.5 * log(x)
        return front - 0.5 * ratio * ratio / x

    def _place(self, x: Tensor, c: Tensor) -> Tensor:
        return (x - 1) / (c * sqrt(x))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.ndtr(self._place(x, c))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.ndtr(-self._place(x, c))

    def _logcdf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.log_ndtr(self._place(x, c))

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.log_ndtr(-self._place(x, c))

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        t = c * special.ndtri(q)
        right = t > 0
        size = 0.5 * (where(right, t, -t) + sqrt(t * t + 4))
        return where(right, size * size, 1 / (size * size))

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return 1 / self._ppf(q, c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        square = c * c
        return 1 + 0.5 * square, square * (1 + 1.25 * square)


weibull_max, dweibull, exponweib = WeibullMax(), DoubleWeibull(), ExponWeibull()
exponpow, gompertz, invweibull = ExponPower(), Gompertz(), InverseWeibull()
fatiguelife = FatigueLife()
