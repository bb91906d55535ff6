"""Continuous distributions of ``scipy.stats`` that are made of a gamma variable."""

from __future__ import annotations

import math
from typing import Any

from adjoint.array import special
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal, logical_and, not_equal
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.ops.special.noncentral import noncentral_chi2, noncentral_chi2_log_density
from adjoint.scipy.stats.distribution import Continuous, at_edge, both, from_edge, positive
from adjoint.scipy.stats.gamma_family import Gamma

_LOG2 = math.log(2)


class Erlang(Gamma):
    """The gamma distribution, under the name that it has where `a` is a whole number.

    >>> from adjoint.scipy.stats import erlang
    >>> erlang.cdf(2.0, 1)
    Tensor(0.86466472)
    """

    name = "erlang"


class Nakagami(Continuous):
    """Nakagami's distribution, of the root of a gamma variable.

    >>> from adjoint.scipy.stats import nakagami
    >>> nakagami.cdf(1.0, 1.0)
    Tensor(0.63212056)
    """

    name, shapes, lower, inner = "nakagami", ("nu",), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, nu: Tensor) -> Tensor:
        return self._constant(nu) + special.xlogy(2 * nu - 1, x) - nu * x * x

    def _pdf(self, x: Tensor, nu: Tensor) -> Tensor:
        rest = self._constant(nu) - nu * x * x
        return at_edge(x, 2 * nu - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), nu))

    def _constant(self, nu: Tensor) -> Tensor:
        return _LOG2 + nu * log(nu) - special.gammaln(nu)

    def _cdf(self, x: Tensor, nu: Tensor) -> Tensor:
        rest = self._constant(nu)
        return from_edge(x, 2 * nu, rest, lambda x: special.gammainc(nu, nu * x * x))

    def _sf(self, x: Tensor, nu: Tensor) -> Tensor:
        rest = self._constant(nu)
        return from_edge(x, 2 * nu, rest, lambda x: special.gammaincc(nu, nu * x * x), above=True)

    def _ppf(self, q: Tensor, nu: Tensor) -> Tensor:
        return sqrt(special.gammaincinv(nu, q) / nu)

    def _isf(self, q: Tensor, nu: Tensor) -> Tensor:
        return sqrt(special.gammainccinv(nu, q) / nu)

    def _moments(self, nu: Tensor) -> tuple[Any, Any]:
        mean = exp(special.gammaln(nu + 0.5) - special.gammaln(nu)) / sqrt(nu)
        return mean, 1 - mean * mean

    def _entropy(self, nu: Tensor) -> Any:
        slope = nu - (nu - 0.5) * special.digamma(nu)
        return special.gammaln(nu) + slope - 0.5 * log(nu) - _LOG2


class Chi(Continuous):
    """The distribution of the length of a vector of df normal variables.

    >>> from adjoint.scipy.stats import chi
    >>> chi.sf(1.0, 2.0)
    Tensor(0.60653066)
    """

    name, shapes, lower, inner = "chi", ("df",), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, df: Tensor) -> Tensor:
        return self._constant(df) + special.xlogy(df - 1, x) - 0.5 * x * x

    def _pdf(self, x: Tensor, df: Tensor) -> Tensor:
        rest = self._constant(df) - 0.5 * x * x
        return at_edge(x, df - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), df))

    def _constant(self, df: Tensor) -> Tensor:
        return _LOG2 - 0.5 * _LOG2 * df - special.gammaln(0.5 * df)

    def _cdf(self, x: Tensor, df: Tensor) -> Tensor:
        half, rest = 0.5 * df, self._constant(df)
        return from_edge(x, df, rest, lambda x: special.gammainc(half, 0.5 * x * x))

    def _sf(self, x: Tensor, df: Tensor) -> Tensor:
        half, rest = 0.5 * df, self._constant(df)
        return from_edge(x, df, rest, lambda x: special.gammaincc(half, 0.5 * x * x), above=True)

    def _ppf(self, q: Tensor, df: Tensor) -> Tensor:
        return sqrt(2 * special.gammaincinv(0.5 * df, q))

    def _isf(self, q: Tensor, df: Tensor) -> Tensor:
        return sqrt(2 * special.gammainccinv(0.5 * df, q))

    def _moments(self, df: Tensor) -> tuple[Any, Any]:
        half = 0.5 * df
        mean = math.sqrt(2) * exp(special.gammaln(half + 0.5) - special.gammaln(half))
        return mean, df - mean * mean

    def _entropy(self, df: Tensor) -> Any:
        half = 0.5 * df
        return special.gammaln(half) + 0.5 * (df - _LOG2 - (df - 1) * special.digamma(half))


class GeneralizedGamma(Continuous):
    """The distribution of a power 1/c of a gamma variable.

    >>> from adjoint.scipy.stats import gengamma
    >>> gengamma.sf(1.0, 1.0, 2.0)
    Tensor(0.36787944)
    """

    name, shapes, lower, inner = "gengamma", ("a", "c"), 0.0, 1.0
    finite = True

    def _allowed(self, a: Any, c: Any) -> Any:
        return both(positive(a), not_equal(as_tensor(c), 0))

    def _logpdf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        gone = logical_and(equal(x, 0), c < 0)  # where the density vanishes with its derivatives
        x = where(gone, 1.0, x)
        rest = log(abs(c)) - power(x, c) - special.gammaln(a)
        return where(gone, -math.inf, rest + special.xlogy(c * a - 1, x))

    def _pdf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        edge, k = where(c > 0, x, 1.0), where(c > 0, c * a, 1.0)
        rest = log(abs(c)) - power(edge, where(c > 0, c, 1.0)) - special.gammaln(a)
        return at_edge(edge, k - 1, rest, lambda here: self._logpdf(where(here, 1.0, x), a, c))

    def _cdf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        return self._part(x, a, c, special.gammainc, special.gammaincc, False)

    def _sf(self, x: Tensor, a: Tensor, c: Tensor) -> Tensor:
        return self._part(x, a, c, special.gammaincc, special.gammainc, True)

    def _part(
        self, x: Tensor, a: Tensor, c: Tensor, f: Any, of_negative: Any, above: bool
    ) -> Tensor:
        """f(a, xᶜ), or that of negative c; at 0 by what it begins with."""
        positive, nowhere = c > 0, logical_and(equal(x, 0), c < 0)
        edge, k = where(positive, x, 1.0), where(positive, c * a, 1.0)

        def inner(here: Tensor) -> Tensor:
            at = power(where(nowhere, 1.0, where(positive, here, x)), c)
            return where(positive, f(a, at), of_negative(a, at))

        rest = log(abs(c)) - special.gammaln(a)
        value = from_edge(edge, k, rest, inner, above)
        return where(nowhere, 1.0 if above else 0.0, value)

    def _ppf(self, q: Tensor, a: Tensor, c: Tensor) -> Tensor:
        at = where(c > 0, special.gammaincinv(a, q), special.gammainccinv(a, q))
        return power(at, 1 / c)

    def _isf(self, q: Tensor, a: Tensor, c: Tensor) -> Tensor:
        at = where(c > 0, special.gammainccinv(a, q), special.gammaincinv(a, q))
        return power(at, 1 / c)

    def _moments(self, a: Tensor, c: Tensor) -> tuple[Any, Any]:
        first = exp(special.gammaln(a + 1 / c) - special.gammaln(a))
        second = exp(special.gammaln(a + 2 / c) - special.gammaln(a))
        known, finite = where(a + 1 / c > 0, first, math.inf), a + 2 / c > 0
        return known, where(finite, second - first * first, math.inf)

    def _entropy(self, a: Tensor, c: Tensor) -> Any:
        slope = (1 / c - a) * special.digamma(a)
        return a + special.gammaln(a) - log(abs(c)) + slope


class LogGamma(Continuous):
    """The distribution of the logarithm of a gamma variable.

    >>> from adjoint.scipy.stats import loggamma
    >>> loggamma.sf(0.0, 1.0)
    Tensor(0.36787944)
    """

    name, shapes = "loggamma", ("c",)
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return c * x - exp(x) - special.gammaln(c)

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.gammainc(c, exp(x))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.gammaincc(c, exp(x))

    def _logcdf(self, x: Tensor, c: Tensor) -> Tensor:
        far = x < -36  # where the next term of the series, exp(x) beside 1, is lost
        near = super()._logcdf(where(far, 0.0, x), c)
        return where(far, c * x - special.gammaln(c + 1), near)

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return log(special.gammaincinv(c, q))

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return log(special.gammainccinv(c, q))

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        return special.digamma(c), special.polygamma(1, c)

    def _entropy(self, c: Tensor) -> Any:
        return special.gammaln(c) - c * special.digamma(c) + c


class NoncentralChiSquared(Continuous):
    """The distribution of the sum of df squares of normal variables whose means' squares sum to nc.

    >>> from adjoint.scipy.stats import ncx2
    >>> ncx2.cdf(2.0, 2.0, 0.0)
    Tensor(0.63212056)
    """

    name, shapes, lower, inner = "ncx2", ("df", "nc"), 0.0, 1.0
    finite = True

    def _allowed(self, df: Any, nc: Any) -> Any:
        return both(positive(df), as_tensor(nc) >= 0)

    def _logpdf(self, x: Tensor, df: Tensor, nc: Tensor) -> Tensor:
        return noncentral_chi2_log_density(x, df, nc)

    def _cdf(self, x: Tensor, df: Tensor, nc: Tensor) -> Tensor:
        return noncentral_chi2(x, df, nc)

    def _sf(self, x: Tensor, df: Tensor, nc: Tensor) -> Tensor:
        return noncentral_chi2(x, df, nc, upper=True)

    def _moments(self, df: Tensor, nc: Tensor) -> tuple[Any, Any]:
        return df + nc, 2 * df + 4 * nc


class Rice(Continuous):
    """The distribution of the length of a vector of two normal variables about a place b away.

    >>> from adjoint.scipy.stats import rice
    >>> rice.sf(1.0, 0.0)
    Tensor(0.60653066)
    """

    name, shapes, lower, inner = "rice", ("b",), 0.0, 1.0
    finite = True

    def _allowed(self, b: Any) -> Any:
        return as_tensor(b) >= 0

    def _logpdf(self, x: Tensor, b: Tensor) -> Tensor:
        return log(x) + self._rest(x, b)

    def _rest(self, x: Tensor, b: Tensor) -> Tensor:
        """The logarithm of the density by x."""
        distance = x - b
        return log(special.i0e(x * b)) - 0.5 * distance * distance

    def _pdf(self, x: Tensor, b: Tensor) -> Tensor:
        return x * exp(self._rest(x, b))

    def _cdf(self, x: Tensor, b: Tensor) -> Tensor:
        return noncentral_chi2(x * x, 2.0, b * b)

    def _sf(self, x: Tensor, b: Tensor) -> Tensor:
        return noncentral_chi2(x * x, 2.0, b * b, upper=True)

    def _moments(self, b: Tensor) -> tuple[Any, Any]:
        z = 0.25 * b * b
        laguerre = (1 + 2 * z) * special.i0e(z) + 2 * z * special.i1e(z)
        mean = math.sqrt(math.pi / 2) * laguerre
        return mean, 2 + b * b - mean * mean


erlang, nakagami, chi, gengamma, loggamma = (
    Erlang(),
    Nakagami(),
    Chi(),
    GeneralizedGamma(),
    LogGamma(),
)
ncx2, rice = NoncentralChiSquared(), Rice()
