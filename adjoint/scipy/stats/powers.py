"""Continuous distributions of ``scipy.stats`` whose densities are made of powers."""

from __future__ import annotations

import math
from typing import Any

from adjoint.array import special
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import less
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import power
from adjoint.scipy.stats.distribution import INF, Continuous, at_edge, both, positive


def _fraction(x: Tensor) -> Tensor:
    """x / (1 + x), also where x is infinite."""
    large = x > 1
    near = where(large, 1.0, x)
    return where(large, 1 / (1 + 1 / where(large, x, 1.0)), near / (1 + near))


def _log1p_power(x: Tensor, c: Tensor) -> Tensor:
    """log(1 + xᶜ), also where the power overflows."""
    large = x > 1
    far = where(large, x, 1.0)
    return where(large, c * log(far) + log1p(power(far, -c)), log1p(power(where(large, 1.0, x), c)))


class Fisk(Continuous):
    """The log-logistic distribution.

    >>> from adjoint.scipy.stats import fisk
    >>> fisk.cdf(1.0, 2.0)
    Tensor(0.5)
    """

    name, shapes, lower, inner = "fisk", ("c",), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) + special.xlogy(c - 1, x) - 2 * _log1p_power(x, c)

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        rest = log(c) - 2 * _log1p_power(x, c)
        return at_edge(x, c - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), c))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return _fraction(power(x, c))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return 1 / (1 + power(x, c))

    def _logcdf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.log_expit(c * log(x))

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return -_log1p_power(x, c)

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return power(q / (1 - q), 1 / c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return power((1 - q) / q, 1 / c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        return burr._moments(c, 1 + 0.0 * c)

    def _entropy(self, c: Tensor) -> Any:
        return 2 - log(c)


def _by_powers(front: Tensor, c: Tensor, d: Tensor, sign: float) -> tuple[Any, Any]:
    """Mean and variance of what has the moments d B(1 + sign n/c, front - sign n/c)."""
    one, two = c > 1, c > 2
    if sign > 0:
        one, two = c * d > 1, c * d > 2
    moments = []
    for n, known in ((1, one), (2, two)):
        step = where(known, sign * n / c, 0.0)
        moments.append(d * special.beta(1 + step, front - step))
    first, second = moments
    return where(one, first, math.nan), where(two, second - first * first, math.nan)


class Burr(Continuous):
    """Burr's distribution of type III, also called Dagum's.

    >>> from adjoint.scipy.stats import burr
    >>> burr.cdf(1.0, 2.0, 1.0)
    Tensor(0.5)
    """

    name, shapes, lower, inner = "burr", ("c", "d"), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        rest = special.xlogy(c * d - 1, x) - (d + 1) * _log1p_power(x, c)
        return log(c) + log(d) + rest

    def _pdf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        rest = log(c) + log(d) - (d + 1) * _log1p_power(x, c)
        return at_edge(x, c * d - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), c, d))

    def _logcdf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return d * special.log_expit(c * log(x))

    def _cdf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return power(_fraction(power(x, c)), d)

    def _sf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        inside = x > 0
        beyond = -expm1(self._logcdf(where(inside, x, 1.0), c, d))
        return where(inside, beyond, 1 - self._cdf(where(inside, 1.0, x), c, d))

    def _ppf(self, q: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return power(power(q, -1 / d) - 1, -1 / c)

    def _isf(self, q: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return power(expm1(-log1p(-q) / d), -1 / c)

    def _moments(self, c: Tensor, d: Tensor) -> tuple[Any, Any]:
        return _by_powers(d, c, d, -1.0)


class Burr12(Continuous):
    """Burr's distribution of type XII, also called Singh and Maddala's.

    >>> from adjoint.scipy.stats import burr12
    >>> burr12.sf(1.0, 2.0, 1.0)
    Tensor(0.5)
    """

    name, shapes, lower, inner = "burr12", ("c", "d"), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        rest = special.xlogy(c - 1, x) - (d + 1) * _log1p_power(x, c)
        return log(c) + log(d) + rest

    def _pdf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        rest = log(c) + log(d) - (d + 1) * _log1p_power(x, c)
        return at_edge(x, c - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), c, d))

    def _logsf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return -d * _log1p_power(x, c)

    def _sf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return exp(self._logsf(x, c, d))

    def _cdf(self, x: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return -expm1(self._logsf(x, c, d))

    def _ppf(self, q: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return power(expm1(-log1p(-q) / d), 1 / c)

    def _isf(self, q: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return power(expm1(-log(q) / d), 1 / c)

    def _moments(self, c: Tensor, d: Tensor) -> tuple[Any, Any]:
        return _by_powers(d, c, d, 1.0)


class BetaPrime(Continuous):
    """The distribution of x / (1 - x) of a beta variable x.

    >>> from adjoint.scipy.stats import betaprime
    >>> betaprime.cdf(1.0, 2.0, 2.0)
    Tensor(0.5)
    """

    name, shapes, lower, inner = "betaprime", ("a", "b"), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.xlogy(a - 1, x) - (a + b) * log1p(x) - special.betaln(a, b)

    def _pdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        rest = -(a + b) * log1p(x) - special.betaln(a, b)
        return at_edge(x, a - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), a, b))

    def _cdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.betainc(a, b, _fraction(x))

    def _sf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.betainc(b, a, 1 / (1 + x))

    def _ppf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        part = special.betaincinv(a, b, q)
        return part / (1 - part)

    def _isf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        part = special.betaincinv(b, a, q)
        return (1 - part) / part

    def _moments(self, a: Tensor, b: Tensor) -> tuple[Any, Any]:
        one, two = where(b > 1, b, 2.0), where(b > 2, b, 3.0)
        variance = a * (a + two - 1) / ((two - 2) * (two - 1) * (two - 1))
        return where(b > 1, a / (one - 1), INF), where(b > 2, variance, INF)


class PowerLaw(Continuous):
    """The density a x^(a - 1) between 0 and 1.

    >>> from adjoint.scipy.stats import powerlaw
    >>> powerlaw.cdf(0.5, 2.0)
    Tensor(0.25)
    """

    name, shapes, lower, upper, inner = "powerlaw", ("a",), 0.0, 1.0, 0.5

    def _logpdf(self, x: Tensor, a: Tensor) -> Tensor:
        return log(a) + special.xlogy(a - 1, x)

    def _pdf(self, x: Tensor, a: Tensor) -> Tensor:
        return a * power(x, a - 1)

    def _logcdf(self, x: Tensor, a: Tensor) -> Tensor:
        return a * log(x)

    def _cdf(self, x: Tensor, a: Tensor) -> Tensor:
        return power(x, a)

    def _sf(self, x: Tensor, a: Tensor) -> Tensor:
        near = x > 0.5
        return where(near, -expm1(a * log(where(near, x, 1.0))), 1 - power(where(near, 0.5, x), a))

    def _ppf(self, q: Tensor, a: Tensor) -> Tensor:
        return power(q, 1 / a)

    def _isf(self, q: Tensor, a: Tensor) -> Tensor:
        return exp(log1p(-q) / a)

    def _moments(self, a: Tensor) -> tuple[Any, Any]:
        return a / (a + 1), a / ((a + 2) * (a + 1) * (a + 1))

    def _entropy(self, a: Tensor) -> Any:
        return 1 - 1 / a - log(a)


class LogUniform(Continuous):
    """The distribution of a variable whose logarithm is uniform between log a and log b.

    >>> from adjoint.scipy.stats import loguniform
    >>> loguniform.cdf(2.0, 1.0, 4.0)
    Tensor(0.5)
    """

    name, shapes = "loguniform", ("a", "b")

    def _allowed(self, a: Any, b: Any) -> Any:
        return both(positive(a), less(a, b))

    def _support(self, a: Any, b: Any) -> tuple[Any, Any]:
        return a, b

    def _within(self, low: Any, high: Any) -> Any:
        return 0.5 * (low + high)

    def _logpdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return -log(x) - log(log(b) - log(a))

    def _pdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return 1 / (x * (log(b) - log(a)))

    def _cdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return log(x / a) / log(b / a)

    def _sf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return log(b / x) / log(b / a)

    def _ppf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return exp(log(a) + q * log(b / a))

    def _isf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return exp(log(b) - q * log(b / a))

    def _moments(self, a: Tensor, b: Tensor) -> tuple[Any, Any]:
        width = log(b / a)
        mean = (b - a) / width
        return mean, 0.5 * (b * b - a * a) / width - mean * mean

    def _entropy(self, a: Tensor, b: Tensor) -> Any:
        return 0.5 * (log(a) + log(b)) + log(log(b / a))


class Bradford(Continuous):
    """Bradford's distribution, with the density 1 / (1 + c x) between 0 and 1, normalised.

    >>> from adjoint.scipy.stats import bradford
    >>> bradford.cdf(1.0, 2.0)
    Tensor(1.)
    """

    name, shapes, lower, upper, inner = "bradford", ("c",), 0.0, 1.0, 0.5

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c / log1p(c)) - log1p(c * x)

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        return c / log1p(c) / (1 + c * x)

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log1p(c * x) / log1p(c)

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return log1p(c * (1 - x) / (1 + c * x)) / log1p(c)

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return expm1(q * log1p(c)) / c

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return expm1((1 - q) * log1p(c)) / c

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        k = log1p(c)
        mean = (c - k) / (c * k)
        return mean, ((c + 2) * k - 2 * c) / (2 * c * k * k)

    def _entropy(self, c: Tensor) -> Any:
        k = log1p(c)
        return 0.5 * k - log(c / k)


fisk, burr, burr12, betaprime, powerlaw = Fisk(), Burr(), Burr12(), BetaPrime(), PowerLaw()
loguniform, bradford = LogUniform(), Bradford()
reciprocal = loguniform
