"""Continuous distributions of ``scipy.stats`` with closed forms of elementary functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import greater
from adjoint.ops.elementwise.exponential import exp, expit, expm1, log, log1p
from adjoint.ops.elementwise.trigonometric import arctan2, tan
from adjoint.scipy.stats.distribution import Continuous

_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)
_LOG2 = math.log(2)


class Norm(Continuous):
    """The normal distribution.

    >>> from adjoint.scipy.stats import norm
    >>> norm.logcdf(-40.0)
    Tensor(-804.60844201)
    """

    name = "norm"

    def _logpdf(self, x: Tensor) -> Tensor:
        return x * x * -0.5 - _LOG_ROOT_TWO_PI

    def _cdf(self, x: Tensor) -> Tensor:
        return special.ndtr(x)

    def _sf(self, x: Tensor) -> Tensor:
        return special.ndtr(-x)

    def _logcdf(self, x: Tensor) -> Tensor:
        return special.log_ndtr(x)

    def _logsf(self, x: Tensor) -> Tensor:
        return special.log_ndtr(-x)

    def _ppf(self, q: Tensor) -> Tensor:
        return special.ndtri(q)

    def _isf(self, q: Tensor) -> Tensor:
        return -special.ndtri(q)

    def _moments(self) -> tuple[Any, Any]:
        return 0.0, 1.0

    def _entropy(self) -> Any:
        return 0.5 + _LOG_ROOT_TWO_PI


class HalfNorm(Continuous):
    """The absolute value of a normal variable.

    >>> from adjoint.scipy.stats import halfnorm
    >>> halfnorm.cdf(0.0)
    Tensor(0.)
    """

    name, lower, inner = "halfnorm", 0.0, 1.0

    def _logpdf(self, x: Tensor) -> Tensor:
        return x * x * -0.5 + 0.5 * math.log(2 / math.pi)

    def _cdf(self, x: Tensor) -> Tensor:
        return special.erf(x * math.sqrt(0.5))

    def _sf(self, x: Tensor) -> Tensor:
        return special.erfc(x * math.sqrt(0.5))

    def _logsf(self, x: Tensor) -> Tensor:
        return special.log_ndtr(-x) + _LOG2

    def _ppf(self, q: Tensor) -> Tensor:
        return special.erfinv(q) * math.sqrt(2)

    def _isf(self, q: Tensor) -> Tensor:
        return -special.ndtri(q * 0.5)

    def _moments(self) -> tuple[Any, Any]:
        return math.sqrt(2 / math.pi), 1 - 2 / math.pi

    def _entropy(self) -> Any:
        return 0.5 * math.log(math.pi / 2) + 0.5


class LogNorm(Continuous):
    """The exponential of a normal variable with standard deviation s.

    >>> from adjoint.scipy.stats import lognorm
    >>> lognorm.cdf(1.0, 0.5)
    Tensor(0.5)
    """

    name, shapes, lower, inner, vanishes = "lognorm", ("s",), 0.0, 1.0, True

    def _logpdf(self, x: Tensor, s: Tensor) -> Tensor:
        t = log(x)
        z = t / s
        return z * z * -0.5 - t - log(s) - _LOG_ROOT_TWO_PI

    def _cdf(self, x: Tensor, s: Tensor) -> Tensor:
        return special.ndtr(log(x) / s)

    def _sf(self, x: Tensor, s: Tensor) -> Tensor:
        return special.ndtr(-log(x) / s)

    def _logcdf(self, x: Tensor, s: Tensor) -> Tensor:
        return special.log_ndtr(log(x) / s)

    def _logsf(self, x: Tensor, s: Tensor) -> Tensor:
        return special.log_ndtr(-log(x) / s)

    def _ppf(self, q: Tensor, s: Tensor) -> Tensor:
        return exp(s * special.ndtri(q))

    def _isf(self, q: Tensor, s: Tensor) -> Tensor:
        return exp(-s * special.ndtri(q))

    def _moments(self, s: Tensor) -> tuple[Any, Any]:
        return exp(s * s * 0.5), expm1(s * s) * exp(s * s)

    def _entropy(self, s: Tensor) -> Any:
        return 0.5 + _LOG_ROOT_TWO_PI + log(s)


class Expon(Continuous):
    """The exponential distribution.

    >>> from adjoint.scipy.stats import expon
    >>> expon.sf(3.0, scale=2.0)
    Tensor(0.22313016)
    """

    name, lower, inner = "expon", 0.0, 1.0

    def _logpdf(self, x: Tensor) -> Tensor:
        return -x

    def _cdf(self, x: Tensor) -> Tensor:
        return -expm1(-x)

    def _sf(self, x: Tensor) -> Tensor:
        return exp(-x)

    def _logsf(self, x: Tensor) -> Tensor:
        return -x

    def _ppf(self, q: Tensor) -> Tensor:
        return -log1p(-q)

    def _isf(self, q: Tensor) -> Tensor:
        return -log(q)

    def _moments(self) -> tuple[Any, Any]:
        return 1.0, 1.0

    def _entropy(self) -> Any:
        return 1.0


class Uniform(Continuous):
    """The uniform distribution between loc and loc + scale.

    >>> from adjoint.scipy.stats import uniform
    >>> uniform.pdf([1.0, 5.0], 0.0, 4.0)
    Tensor([0.25, 0.  ])
    """

    name, lower, upper, inner = "uniform", 0.0, 1.0, 0.5

    def _logpdf(self, x: Tensor) -> Tensor:
        return 0.0 * x

    def _pdf(self, x: Tensor) -> Tensor:
        return 1 + 0.0 * x

    def _cdf(self, x: Tensor) -> Tensor:
        return x

    def _sf(self, x: Tensor) -> Tensor:
        return 1 - x

    def _ppf(self, q: Tensor) -> Tensor:
        return q

    def _isf(self, q: Tensor) -> Tensor:
        return 1 - q

    def _moments(self) -> tuple[Any, Any]:
        return 0.5, 1 / 12

    def _entropy(self) -> Any:
        return 0.0


class Laplace(Continuous):
    """The double exponential distribution.

    >>> from adjoint.scipy.stats import laplace
    >>> laplace.cdf(0.0)
    Tensor(0.5)
    """

    name = "laplace"

    def _logpdf(self, x: Tensor) -> Tensor:
        return -abs(x) - _LOG2

    def _cdf(self, x: Tensor) -> Tensor:
        half = 0.5 * exp(-abs(x))
        return where(x > 0, 1 - half, 0.5 * exp(where(x > 0, 0.0, x)))

    def _sf(self, x: Tensor) -> Tensor:
        return self._cdf(-x)

    def _logcdf(self, x: Tensor) -> Tensor:
        right = log1p(-0.5 * exp(-where(x > 0, x, 1.0)))
        return where(x > 0, right, x - _LOG2)

    def _logsf(self, x: Tensor) -> Tensor:
        return self._logcdf(-x)

    def _ppf(self, q: Tensor) -> Tensor:
        low = q <= 0.5
        return where(low, log(2 * where(low, q, 0.5)), -log(2 * (1 - where(low, 0.5, q))))

    def _isf(self, q: Tensor) -> Tensor:
        return -self._ppf(q)

    def _moments(self) -> tuple[Any, Any]:
        return 0.0, 2.0

    def _entropy(self) -> Any:
        return _LOG2 + 1


class Logistic(Continuous):
    """The distribution whose distribution function is the logistic function.

    >>> from adjoint.scipy.stats import logistic
    >>> logistic.logcdf(-1000.0)
    Tensor(-1000.)
    """

    name = "logistic"

    def _logpdf(self, x: Tensor) -> Tensor:
        return special.log_expit(x) + special.log_expit(-x)

    def _cdf(self, x: Tensor) -> Tensor:
        return expit(x)

    def _sf(self, x: Tensor) -> Tensor:
        return expit(-x)

    def _logcdf(self, x: Tensor) -> Tensor:
        return special.log_expit(x)

    def _logsf(self, x: Tensor) -> Tensor:
        return special.log_expit(-x)

    def _ppf(self, q: Tensor) -> Tensor:
        return special.logit(q)

    def _isf(self, q: Tensor) -> Tensor:
        return -special.logit(q)

    def _moments(self) -> tuple[Any, Any]:
        return 0.0, math.pi**2 / 3

    def _entropy(self) -> Any:
        return 2.0


class Cauchy(Continuous):
    """The Cauchy distribution, which has no mean.

    >>> from adjoint.scipy.stats import cauchy
    >>> cauchy.cdf(1.0)
    Tensor(0.75)
    """

    name = "cauchy"

    def _logpdf(self, x: Tensor) -> Tensor:
        far = abs(x) > 1
        inverse = 1 / where(far, x, 1.0)  # whose square does not overflow
        near = where(far, 0.0, x)
        tail = -2 * log(abs(where(far, x, 1.0))) - log1p(inverse * inverse)
        return where(far, tail, -log1p(near * near)) - math.log(math.pi)

    def _pdf(self, x: Tensor) -> Tensor:
        return 1 / (math.pi * (1 + x * x))

    def _cdf(self, x: Tensor) -> Tensor:
        return arctan2(1.0, -x) / math.pi

    def _sf(self, x: Tensor) -> Tensor:
        return arctan2(1.0, x) / math.pi

    def _ppf(self, q: Tensor) -> Tensor:
        return -self._isf(q)

    def _isf(self, q: Tensor) -> Tensor:
        middle = abs(q - 0.5) < 0.25
        tail = where(middle, 0.25, q)
        high = greater(tail, 0.5)
        near = where(high, 1 - tail, tail)
        slope = 1 / tan(math.pi * near)
        return where(
            middle, tan(math.pi * (0.5 - where(middle, q, 0.5))), where(high, -slope, slope)
        )

    def _moments(self) -> tuple[Any, Any]:
        return np.nan, np.nan

    def _entropy(self) -> Any:
        return math.log(4 * math.pi)


norm, halfnorm, lognorm, expon, uniform = Norm(), HalfNorm(), LogNorm(), Expon(), Uniform()
laplace, logistic, cauchy = Laplace(), Logistic(), Cauchy()
