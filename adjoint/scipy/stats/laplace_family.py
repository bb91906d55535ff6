"""Continuous distributions of ``scipy.stats`` with exponential tails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.elementwise.exponential import exp, expit, expm1, log, log1p
from adjoint.ops.elementwise.hyperbolic import arctanh, tanh
from adjoint.ops.elementwise.power import power
from adjoint.ops.elementwise.trigonometric import arctan, tan
from adjoint.scipy.stats.distribution import Continuous

_EULER = float(np.euler_gamma)
_LOG2 = math.log(2)


class LogLaplace(Continuous):
    """The distribution of the exponential of a variable with Laplace's distribution.

    >>> from adjoint.scipy.stats import loglaplace
    >>> loglaplace.cdf(1.0, 2.0)
    Tensor(0.5)
    """

    name, shapes, lower, inner = "loglaplace", ("c",), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) - _LOG2 + special.xlogy(where(x < 1, c - 1, -c - 1), x)

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        return 0.5 * c * power(x, where(x < 1, c - 1, -c - 1))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        low = x < 1
        return where(
            low, 0.5 * power(where(low, x, 1.0), c), 1 - 0.5 * power(where(low, 1.0, x), -c)
        )

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        low = x < 1
        return where(
            low, 1 - 0.5 * power(where(low, x, 1.0), c), 0.5 * power(where(low, 1.0, x), -c)
        )

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        low = q < 0.5
        below = power(2 * where(low, q, 0.5), 1 / c)
        return where(low, below, power(2 * (1 - where(low, 0.5, q)), -1 / c))

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        high = q > 0.5
        below = power(2 * (1 - where(high, q, 0.5)), 1 / c)
        return where(high, below, power(2 * where(high, 0.5, q), -1 / c))

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        one, two = where(c > 1, c, 2.0), where(c > 2, c, 3.0)
        mean, other = one * one / (one * one - 1), two * two / (two * two - 1)
        variance = two * two / (two * two - 4) - other * other
        return where(c > 1, mean, math.inf), where(c > 2, variance, math.inf)

    def _entropy(self, c: Tensor) -> Any:
        return 1 + _LOG2 - log(c)


class AsymmetricLaplace(Continuous):
    """Laplace's distribution with the rates 1/kappa to the left and kappa to the right.

    >>> from adjoint.scipy.stats import laplace_asymmetric
    >>> laplace_asymmetric.cdf(0.0, 1.0)
    Tensor(0.5)
    """

    name, shapes = "laplace_asymmetric", ("kappa",)
    finite = True

    def _logpdf(self, x: Tensor, kappa: Tensor) -> Tensor:
        return -abs(x) * where(x >= 0, kappa, 1 / kappa) - log(kappa + 1 / kappa)

    def _logcdf(self, x: Tensor, kappa: Tensor) -> Tensor:
        right = x > 0
        outer = -where(right, x, 0.0) * kappa - log1p(kappa * kappa)
        below = where(right, 0.0, x) / kappa - log1p(1 / (kappa * kappa))
        return where(right, log1p(-exp(outer)), below)

    def _cdf(self, x: Tensor, kappa: Tensor) -> Tensor:
        right = x > 0
        outer = exp(-where(right, x, 0.0) * kappa) / (1 + kappa * kappa)
        below = exp(where(right, 0.0, x) / kappa) / (1 + 1 / (kappa * kappa))
        return where(right, 1 - outer, below)

    def _sf(self, x: Tensor, kappa: Tensor) -> Tensor:
        return self._cdf(-x, 1 / kappa)

    def _logsf(self, x: Tensor, kappa: Tensor) -> Tensor:
        return self._logcdf(-x, 1 / kappa)

    def _ppf(self, q: Tensor, kappa: Tensor) -> Tensor:
        square = kappa * kappa
        left = q * (1 + square) <= square
        below = kappa * log(where(left, q * (1 + square) / square, 1.0))
        return where(left, below, -log(where(left, 1.0, (1 - q) * (1 + square))) / kappa)

    def _isf(self, q: Tensor, kappa: Tensor) -> Tensor:
        return -self._ppf(q, 1 / kappa)

    def _moments(self, kappa: Tensor) -> tuple[Any, Any]:
        return 1 / kappa - kappa, 1 / (kappa * kappa) + kappa * kappa

    def _entropy(self, kappa: Tensor) -> Any:
        return 1 + log(kappa + 1 / kappa)


class HalfLogistic(Continuous):
    """The absolute value of a variable with the logistic distribution.

    >>> from adjoint.scipy.stats import halflogistic
    >>> halflogistic.sf(0.0)
    Tensor(1.)
    """

    name, lower, inner = "halflogistic", 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor) -> Tensor:
        return _LOG2 - x - 2 * log1p(exp(-x))

    def _cdf(self, x: Tensor) -> Tensor:
        return tanh(0.5 * x)

    def _sf(self, x: Tensor) -> Tensor:
        return 2 * expit(-x)

    def _logsf(self, x: Tensor) -> Tensor:
        return _LOG2 + special.log_expit(-x)

    def _ppf(self, q: Tensor) -> Tensor:
        return 2 * arctanh(q)

    def _isf(self, q: Tensor) -> Tensor:
        small = q < 0.5
        near = 2 * arctanh(1 - where(small, 0.5, q))
        return where(small, -special.logit(0.5 * where(small, q, 0.5)), near)

    def _moments(self) -> tuple[Any, Any]:
        return 2 * _LOG2, math.pi**2 / 3 - 4 * _LOG2**2

    def _entropy(self) -> Any:
        return 2 - _LOG2


class GeneralizedLogistic(Continuous):
    """The distribution function (1 + exp(-x))⁻ᶜ.

    >>> from adjoint.scipy.stats import genlogistic
    >>> genlogistic.cdf(0.0, 2.0)
    Tensor(0.25)
    """

    name, shapes = "genlogistic", ("c",)
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) + c * special.log_expit(x) + special.log_expit(-x)

    def _logcdf(self, x: Tensor, c: Tensor) -> Tensor:
        return c * special.log_expit(x)

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return exp(c * special.log_expit(x))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return -expm1(c * special.log_expit(x))

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return -log(expm1(-log(q) / c))

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return -log(expm1(-log1p(-q) / c))

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        return _EULER + special.digamma(c), math.pi**2 / 6 + special.polygamma(1, c)


class HyperbolicSecant(Continuous):
    """The density 1 / (π cosh x).

    >>> from adjoint.scipy.stats import hypsecant
    >>> hypsecant.cdf(0.0)
    Tensor(0.5)
    """

    name = "hypsecant"
    finite = True

    def _logpdf(self, x: Tensor) -> Tensor:
        outer = where(x > 0, -x, x)
        return math.log(2 / math.pi) + outer - log1p(exp(2 * outer))

    def _cdf(self, x: Tensor) -> Tensor:
        right = x > 0
        outer = arctan(exp(where(right, -x, x))) * (2 / math.pi)
        return where(right, 1 - outer, outer)

    def _sf(self, x: Tensor) -> Tensor:
        return self._cdf(-x)

    def _ppf(self, q: Tensor) -> Tensor:
        left = q <= 0.5
        below = log(tan(0.5 * math.pi * where(left, q, 1 - q)))
        return where(left, below, -below)

    def _isf(self, q: Tensor) -> Tensor:
        return -self._ppf(q)

    def _moments(self) -> tuple[Any, Any]:
        return 0.0, math.pi**2 / 4

    def _entropy(self) -> Any:
        return math.log(2 * math.pi)


class TruncatedExponential(Continuous):
    """The exponential distribution, cut off at b.

    >>> from adjoint.scipy.stats import truncexpon
    >>> truncexpon.cdf(2.0, 2.0)
    Tensor(1.)
    """

    name, shapes, lower = "truncexpon", ("b",), 0.0

    def _support(self, b: Any) -> tuple[Any, Any]:
        return self.lower, b

    def _within(self, low: Any, high: Any) -> Any:
        return 0.5 * high

    def _logpdf(self, x: Tensor, b: Tensor) -> Tensor:
        return -x - log(-expm1(-b))

    def _pdf(self, x: Tensor, b: Tensor) -> Tensor:
        return exp(-x) / -expm1(-b)

    def _cdf(self, x: Tensor, b: Tensor) -> Tensor:
        return expm1(-x) / expm1(-b)

    def _sf(self, x: Tensor, b: Tensor) -> Tensor:
        return exp(-x) * expm1(x - b) / expm1(-b)

    def _ppf(self, q: Tensor, b: Tensor) -> Tensor:
        return -log1p(q * expm1(-b))

    def _isf(self, q: Tensor, b: Tensor) -> Tensor:
        return b - log1p(q * expm1(b))

    def _moments(self, b: Tensor) -> tuple[Any, Any]:
        rest = b / expm1(b)
        return 1 - rest, 1 - rest * (b + rest)

    def _entropy(self, b: Tensor) -> Any:
        return 1 + log(-expm1(-b)) - b / expm1(b)


class CrystalBall(Continuous):
    """The normal density, with a power of the distance in place of its left tail.

    >>> from adjoint.scipy.stats import crystalball
    >>> crystalball.pdf(0.0, 2.0, 3.0)
    Tensor(0.39198721)
    """

    name, shapes = "crystalball", ("beta", "m")
    finite = True

    def _allowed(self, beta: Any, m: Any) -> Any:
        beta, m = as_tensor(beta), as_tensor(m)
        return (beta > 0) & (m > 1) & not_equal(m, math.inf)

    def _log_total(self, beta: Tensor, m: Tensor) -> Tensor:
        """The logarithm of the integral of what is normalised."""
        tail = m / (beta * (m - 1)) * exp(-0.5 * beta * beta)
        return log(tail + math.sqrt(2 * math.pi) * special.ndtr(beta))

    def _log_tail(self, x: Tensor, beta: Tensor, m: Tensor, power: Tensor) -> Tensor:
        """-β²/2 - power log(1 - β (x + β)/m): where the power replaces the normal density."""
        return -0.5 * beta * beta - power * log1p(-beta * (x + beta) / m)

    def _logpdf(self, x: Tensor, beta: Tensor, m: Tensor) -> Tensor:
        near = x > -beta
        tail = self._log_tail(where(near, -beta, x), beta, m, m)
        middle = where(near, x, 0.0)
        return where(near, -0.5 * middle * middle, tail) - self._log_total(beta, m)

    def _logcdf(self, x: Tensor, beta: Tensor, m: Tensor) -> Tensor:
        near = x > -beta
        tail = self._log_tail(where(near, -beta, x), beta, m, m - 1) + log(m / (beta * (m - 1)))
        middle = where(near, x, 0.0)
        return where(near, log(self._near(middle, beta, m)), tail - self._log_total(beta, m))

    def _near(self, x: Tensor, beta: Tensor, m: Tensor) -> Tensor:
        normal = math.sqrt(2 * math.pi) * special.ndtr(-x)
        return 1 - normal * exp(-self._log_total(beta, m))

    def _cdf(self, x: Tensor, beta: Tensor, m: Tensor) -> Tensor:
        return exp(self._logcdf(x, beta, m))

    def _sf(self, x: Tensor, beta: Tensor, m: Tensor) -> Tensor:
        near = x > -beta
        normal = math.sqrt(2 * math.pi) * special.ndtr(-where(near, x, 0.0))
        tail = 1 - self._cdf(where(near, -beta, x), beta, m)
        return where(near, normal * exp(-self._log_total(beta, m)), tail)


loglaplace, laplace_asymmetric = LogLaplace(), AsymmetricLaplace()
halflogistic, genlogistic, hypsecant = HalfLogistic(), GeneralizedLogistic(), HyperbolicSecant()
truncexpon, crystalball = TruncatedExponential(), CrystalBall()
