"""Continuous distributions of ``scipy.stats`` by the gamma, beta and error functions."""

from __future__ import annotations

import math
from typing import Any

from adjoint.array import special
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal, isinf, less, logical_or
from adjoint.ops.elementwise.exponential import exp, log, log1p, logaddexp
from adjoint.scipy.stats.distribution import INF, Continuous, at_edge

_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


class Gamma(Continuous):
    """The gamma distribution.

    >>> from adjoint.scipy.stats import gamma
    >>> gamma.cdf(2.0, 1.0)
    Tensor(0.86466472)
    """

    name, shapes, lower, inner, finite = "gamma", ("a",), 0.0, 1.0, True

    def _logpdf(self, x: Tensor, a: Tensor) -> Tensor:
        return special.xlogy(a - 1, x) - x - special.gammaln(a)

    def _pdf(self, x: Tensor, a: Tensor) -> Tensor:
        rest = -x - special.gammaln(a)
        return at_edge(x, a - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), a))

    def _cdf(self, x: Tensor, a: Tensor) -> Tensor:
        return special.gammainc(a, x)

    def _sf(self, x: Tensor, a: Tensor) -> Tensor:
        return special.gammaincc(a, x)

    def _ppf(self, q: Tensor, a: Tensor) -> Tensor:
        return special.gammaincinv(a, q)

    def _isf(self, q: Tensor, a: Tensor) -> Tensor:
        return special.gammainccinv(a, q)

    def _moments(self, a: Tensor) -> tuple[Any, Any]:
        return a, a

    def _entropy(self, a: Tensor) -> Any:
        return a + special.gammaln(a) + (1 - a) * special.digamma(a)


class ChiSquared(Continuous):
    """The distribution of the sum of df squares of normal variables.

    >>> from adjoint.scipy.stats import chi2
    >>> chi2.sf(2.0, 2.0)
    Tensor(0.36787944)
    """

    name, shapes, lower, inner = "chi2", ("df",), 0.0, 1.0

    def _logpdf(self, x: Tensor, df: Tensor) -> Tensor:
        half = df * 0.5
        return special.xlogy(half - 1, x) - x * 0.5 - special.gammaln(half) - math.log(2) * half

    def _pdf(self, x: Tensor, df: Tensor) -> Tensor:
        half = df * 0.5
        rest = x * -0.5 - special.gammaln(half) - math.log(2) * half
        return at_edge(x, half - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), df))

    def _cdf(self, x: Tensor, df: Tensor) -> Tensor:
        return special.gammainc(df * 0.5, x * 0.5)

    def _sf(self, x: Tensor, df: Tensor) -> Tensor:
        return special.gammaincc(df * 0.5, x * 0.5)

    def _ppf(self, q: Tensor, df: Tensor) -> Tensor:
        return 2 * special.gammaincinv(df * 0.5, q)

    def _isf(self, q: Tensor, df: Tensor) -> Tensor:
        return 2 * special.gammainccinv(df * 0.5, q)

    def _moments(self, df: Tensor) -> tuple[Any, Any]:
        return df, 2 * df

    def _entropy(self, df: Tensor) -> Any:
        half = df * 0.5
        slope = (1 - half) * special.digamma(half)
        return half + math.log(2) + special.gammaln(half) + slope


class InverseGamma(Continuous):
    """The distribution of the reciprocal of a gamma variable.

    >>> from adjoint.scipy.stats import invgamma
    >>> invgamma.cdf(1.0, 1.0)
    Tensor(0.36787944)
    """

    name, shapes, lower, inner, vanishes = "invgamma", ("a",), 0.0, 1.0, True

    def _logpdf(self, x: Tensor, a: Tensor) -> Tensor:
        return -(a + 1) * log(x) - special.gammaln(a) - 1 / x

    def _cdf(self, x: Tensor, a: Tensor) -> Tensor:
        return special.gammaincc(a, 1 / x)

    def _sf(self, x: Tensor, a: Tensor) -> Tensor:
        return special.gammainc(a, 1 / x)

    def _ppf(self, q: Tensor, a: Tensor) -> Tensor:
        return 1 / special.gammainccinv(a, q)

    def _isf(self, q: Tensor, a: Tensor) -> Tensor:
        return 1 / special.gammaincinv(a, q)

    def _moments(self, a: Tensor) -> tuple[Any, Any]:
        one, two = a > 1, a > 2
        first, second = where(one, a, 2.0), where(two, a, 3.0)
        variance = 1 / ((second - 1) * (second - 1) * (second - 2))
        return where(one, 1 / (first - 1), INF), where(two, variance, INF)

    def _entropy(self, a: Tensor) -> Any:
        return a - (a + 1) * special.digamma(a) + special.gammaln(a)


def _complement(below: Tensor, above: Tensor) -> Tensor:
    """1 - `below`, or the same by `above` where that is small; each is exact at its end."""
    return where(below < 0.5, 1 - below, above)


class Beta(Continuous):
    """The beta distribution.

    >>> from adjoint.scipy.stats import beta
    >>> beta.pdf(0.5, 2.0, 2.0)
    Tensor(1.5)
    """

    name, shapes, lower, upper, inner = "beta", ("a", "b"), 0.0, 1.0, 0.5

    def _logpdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        powers = special.xlog1py(b - 1, -x) + special.xlogy(a - 1, x)
        return powers - special.betaln(a, b)

    def _pdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        upper = equal(x, 1)
        near, far = where(upper, 1 - x, x), where(upper, x, 1 - x)  # near is 0 at both ends
        rest = special.xlogy(where(upper, a, b) - 1, far) - special.betaln(a, b)
        exponent = where(upper, b, a) - 1
        return at_edge(near, exponent, rest, lambda at: self._logpdf(where(at, 0.5, x), a, b))

    def _cdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.betainc(a, b, x)

    def _sf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        below = special.betainc(a, b, x)
        return _complement(below, special.betainc(b, a, 1 - x))

    def _ppf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.betaincinv(a, b, q)

    def _isf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return 1 - special.betaincinv(b, a, q)

    def _moments(self, a: Tensor, b: Tensor) -> tuple[Any, Any]:
        total = a + b
        return a / total, a * b / (total * total * (total + 1))

    def _entropy(self, a: Tensor, b: Tensor) -> Any:
        psi = special.digamma
        slopes = (a - 1) * psi(a) + (b - 1) * psi(b) - (a + b - 2) * psi(a + b)
        return special.betaln(a, b) - slopes


class Student(Continuous):
    """Student's t distribution.

    >>> from adjoint.scipy.stats import t
    >>> t.cdf(1.0, 1.0)
    Tensor(0.75)
    """

    name, shapes = "t", ("df",)

    def _logpdf(self, x: Tensor, df: Tensor) -> Tensor:
        factor = special.betaln(df * 0.5, 0.5) + 0.5 * log(df)
        return -factor - (df + 1) * 0.5 * log1p(x * x / df)

    def _cdf(self, x: Tensor, df: Tensor) -> Tensor:
        return special.stdtr(df, x)

    def _sf(self, x: Tensor, df: Tensor) -> Tensor:
        return special.stdtr(df, -x)

    def _ppf(self, q: Tensor, df: Tensor) -> Tensor:
        none = equal(q, 0)
        inside = special.stdtrit(df, where(none, 0.5, q))
        return where(none, -1 / where(none, q, 1.0), inside)  # -∞, with the slope ∞

    def _isf(self, q: Tensor, df: Tensor) -> Tensor:
        return -self._ppf(q, df)

    def _moments(self, df: Tensor) -> tuple[Any, Any]:
        more = where(df > 2, df, 3.0)
        variance = where(df > 2, more / (more - 2), where(df > 1, INF, math.nan))
        return where(df > 1, 0.0 * df, INF), variance

    def _entropy(self, df: Tensor) -> Any:
        half, more = df * 0.5, (df + 1) * 0.5
        slope = more * (special.digamma(more) - special.digamma(half))
        return slope + 0.5 * log(df) + special.betaln(half, 0.5)


class Fisher(Continuous):
    """The F distribution, of a ratio of mean squares.

    >>> from adjoint.scipy.stats import f
    >>> f.cdf(1.0, 2.0, 2.0)
    Tensor(0.5)
    """

    name, shapes, lower, inner = "f", ("dfn", "dfd"), 0.0, 1.0

    def _logpdf(self, x: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
        n, m = dfn * 0.5, dfd * 0.5
        ratio = dfn / dfd
        powers = n * log(ratio) + special.xlogy(n - 1, x) - (n + m) * log1p(ratio * x)
        return powers - special.betaln(n, m)

    def _pdf(self, x: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
        n, m = dfn * 0.5, dfd * 0.5
        ratio = dfn / dfd
        rest = n * log(ratio) - (n + m) * log1p(ratio * x) - special.betaln(n, m)
        return at_edge(x, n - 1, rest, lambda at: self._logpdf(where(at, 1.0, x), dfn, dfd))

    def _cdf(self, x: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
        ratio, large = dfn / dfd, x > 1
        near = ratio * where(large, 0.0, x)
        part = where(large, 1 / (1 + 1 / (ratio * where(large, x, 1.0))), near / (1 + near))
        return special.betainc(dfn * 0.5, dfd * 0.5, part)

    def _sf(self, x: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
        above = special.betainc(dfd * 0.5, dfn * 0.5, dfd / (dfd + dfn * x))
        return _complement(self._cdf(x, dfn, dfd), above)

    def _ppf(self, q: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
        z = special.betaincinv(dfn * 0.5, dfd * 0.5, q)
        return dfd * z / (dfn * (1 - z))

    def _isf(self, q: Tensor, dfn: Tensor, dfd: Tensor) -> Tensor:
        z = special.betaincinv(dfd * 0.5, dfn * 0.5, q)
        return dfd * (1 - z) / (dfn * z)

    def _moments(self, dfn: Tensor, dfd: Tensor) -> tuple[Any, Any]:
        two, four = where(dfd > 2, dfd, 3.0), where(dfd > 4, dfd, 5.0)
        shape = 2 * four * four * (dfn + four - 2)
        variance = shape / (dfn * (four - 2) * (four - 2) * (four - 4))
        return where(dfd > 2, two / (two - 2), INF), where(dfd > 4, variance, INF)

    def _entropy(self, dfn: Tensor, dfd: Tensor) -> Any:
        n, m = dfn * 0.5, dfd * 0.5
        psi = special.digamma
        slopes = (1 - n) * psi(n) - (1 + m) * psi(m) + (n + m) * psi(n + m)
        return log(dfd / dfn) + special.betaln(n, m) + slopes


def _log_mass(low: Tensor, high: Tensor) -> Tensor:
    """The logarithm of the probability of a normal variable between two places, low ≤ high.

    Both are brought to the left, where distribution functions do not round to 1.
    """
    turned = low > 0
    a, b = where(turned, -high, low), where(turned, -low, high)
    middle = b > 0
    outer = special.log_ndtr(where(middle, -1.0, b))
    far = isinf(a)
    inner = special.log_ndtr(where(middle, -2.0, where(far, -2.0, a)))
    ratio = where(far, 0.0, exp(inner - outer))
    left = outer + log1p(-ratio)
    both = log1p(-special.ndtr(where(middle, a, -1.0)) - special.ndtr(where(middle, -b, -1.0)))
    return where(middle, both, left)


def _not_cancelled(direct: Tensor, opposite: Tensor) -> Tensor:
    """The logarithm of a probability; if it is nearly 1, by that of the opposite."""
    near = direct > -0.1
    return where(near, log1p(-exp(where(near, opposite, -1.0))), direct)


class TruncatedNorm(Continuous):
    """The normal distribution between a and b, which are counted in standard deviations.

    >>> from adjoint.scipy.stats import truncnorm
    >>> truncnorm.cdf(0.0, -1.0, 1.0)
    Tensor(0.5)
    """

    name, shapes = "truncnorm", ("a", "b")

    def _allowed(self, a: Any, b: Any) -> Any:
        return less(a, b)

    def _support(self, a: Any, b: Any) -> tuple[Any, Any]:
        return a, b

    def _within(self, low: Any, high: Any) -> Any:
        one_sided = where(isinf(low), where(isinf(high), 0.0, high), low)
        return where(isinf(low) | isinf(high), one_sided, 0.5 * (low + high))

    def _logpdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return x * x * -0.5 - _LOG_ROOT_TWO_PI - _log_mass(a, b)

    def _cdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        at_a, at_b, inner = self._ends(x, a, b)
        value = where(at_b, 1 - self._sliver(x, b, at_b, a, b), exp(self._inner_cdf(inner, a, b)))
        return where(at_a, self._sliver(a, x, at_a, a, b), value)

    def _sf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        at_a, at_b, inner = self._ends(x, a, b)
        value = where(at_a, 1 - self._sliver(a, x, at_a, a, b), exp(self._inner_sf(inner, a, b)))
        return where(at_b, self._sliver(x, b, at_b, a, b), value)

    def _logcdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        _, at_b, inner = self._ends(x, a, b)
        above = log1p(-self._sliver(x, b, at_b, a, b))
        return where(at_b, above, self._inner_cdf(inner, a, b))

    def _logsf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        at_a, _, inner = self._ends(x, a, b)
        below = log1p(-self._sliver(a, x, at_a, a, b))
        return where(at_a, below, self._inner_sf(inner, a, b))

    def _ends(self, x: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Whether x is at a finite end, and x, moved inside if it is."""
        at_a, at_b = equal(x - a, 0), equal(b - x, 0)
        return at_a, at_b, where(logical_or(at_a, at_b), self._within(a, b), x)

    def _sliver(self, low: Tensor, high: Tensor, at: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The probability between two places that coincide: 0, with the slopes of a density."""
        width = where(at, high - low, 0.0)
        middle = where(at, 0.5 * (low + high), self._within(a, b))
        return width * exp(self._logpdf(middle, a, b))

    def _inner_cdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        whole = _log_mass(a, b)
        return _not_cancelled(_log_mass(a, x) - whole, _log_mass(x, b) - whole)

    def _inner_sf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        whole = _log_mass(a, b)
        return _not_cancelled(_log_mass(x, b) - whole, _log_mass(a, x) - whole)

    def _ppf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        left = a < 0
        mass = _log_mass(a, b)
        low, high = where(left, a, -1.0), where(left, 1.0, b)
        below = logaddexp(special.log_ndtr(low), log(q) + mass)
        above = logaddexp(special.log_ndtr(-high), log1p(-q) + mass)
        return where(
            left,
            special.ndtri_exp(where(left, below, -1.0)),
            -special.ndtri_exp(where(left, -1.0, above)),
        )

    def _isf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return self._ppf(1 - q, a, b)

    def _moments(self, a: Tensor, b: Tensor) -> tuple[Any, Any]:
        low, high, by_low, by_high = self._edges(a, b)
        mean = low - high
        return mean, 1 + by_low - by_high - mean * mean

    def _edges(self, a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        """The densities at both ends, and the same times the ends, which are 0 at infinity."""
        mass = _log_mass(a, b)
        result = []
        for end in (a, b):
            inside = where(isinf(end), 0.0, end)
            density = exp(inside * inside * -0.5 - _LOG_ROOT_TWO_PI - mass)
            result.append(
                (where(isinf(end), 0.0, density), where(isinf(end), 0.0, density * inside))
            )
        (low, by_low), (high, by_high) = result
        return low, high, by_low, by_high

    def _entropy(self, a: Tensor, b: Tensor) -> Any:
        _, _, by_low, by_high = self._edges(a, b)
        return _LOG_ROOT_TWO_PI + 0.5 + _log_mass(a, b) + 0.5 * (by_low - by_high)


gamma, chi2, invgamma, beta = Gamma(), ChiSquared(), InverseGamma(), Beta()
t, f, truncnorm = Student(), Fisher(), TruncatedNorm()
