"""Continuous distributions of ``scipy.stats`` that are made of normal variables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.elementwise.exponential import exp, expit, expm1, log, log1p, logaddexp
from adjoint.ops.elementwise.hyperbolic import arcsinh, sinh
from adjoint.ops.elementwise.power import power
from adjoint.scipy.stats.continuous import norm
from adjoint.scipy.stats.distribution import Continuous, from_edge, positive
from adjoint.scipy.stats.more_continuous import InverseGauss
from adjoint.scipy.stats.quantiles import quantile, upper_quantile

_EULER = float(np.euler_gamma)
_LOG2 = math.log(2)
_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


class Gibrat(Continuous):
    """The exponential of a normal variable: `lognorm` with s = 1.

    >>> from adjoint.scipy.stats import gibrat
    >>> gibrat.cdf(1.0)
    Tensor(0.5)
    """

    name, lower, inner, vanishes = "gibrat", 0.0, 1.0, True
    finite = True

    def _logpdf(self, x: Tensor) -> Tensor:
        t = log(x)
        return t * t * -0.5 - t - _LOG_ROOT_TWO_PI

    def _cdf(self, x: Tensor) -> Tensor:
        return special.ndtr(log(x))

    def _sf(self, x: Tensor) -> Tensor:
        return special.ndtr(-log(x))

    def _logcdf(self, x: Tensor) -> Tensor:
        return special.log_ndtr(log(x))

    def _logsf(self, x: Tensor) -> Tensor:
        return special.log_ndtr(-log(x))

    def _ppf(self, q: Tensor) -> Tensor:
        return exp(special.ndtri(q))

    def _isf(self, q: Tensor) -> Tensor:
        return exp(-special.ndtri(q))

    def _moments(self) -> tuple[Any, Any]:
        return math.sqrt(math.e), math.expm1(1) * math.e

    def _entropy(self) -> Any:
        return 0.5 + _LOG_ROOT_TWO_PI


class Wald(InverseGauss):
    """The inverse normal distribution `invgauss` with mu = 1.

    >>> from adjoint.scipy.stats import wald
    >>> wald.pdf(1.0)
    Tensor(0.39894228)
    """

    name, shapes = "wald", ()
    finite = True

    def _bind(self, method: str, args: tuple[Any, ...], kwds: dict[str, Any]) -> list[Any]:
        return [1.0, *super()._bind(method, args, kwds)]

    def _ppf(self, q: Tensor, mu: Tensor) -> Tensor:
        return quantile("invgauss", self._pdf, self._cdf, q, mu)

    def _isf(self, q: Tensor, mu: Tensor) -> Tensor:
        return upper_quantile("invgauss", self._pdf, self._sf, q, mu)


class ExponNorm(Continuous):
    """The sum of a normal variable and an exponential one with the mean K.

    >>> from adjoint.scipy.stats import exponnorm
    >>> exponnorm.cdf(0.0, 1.0)
    Tensor(0.23842171)
    """

    name, shapes = "exponnorm", ("K",)
    finite = True

    def _logpdf(self, x: Tensor, K: Tensor) -> Tensor:
        return self._log_rest(x, K) - log(K)

    def _log_rest(self, x: Tensor, K: Tensor) -> Tensor:
        """The logarithm of cdf(x) of the normal variable less cdf(x) of the sum."""
        rate = 1 / K
        return rate * (0.5 * rate - x) + special.log_ndtr(x - rate)

    def _cdf(self, x: Tensor, K: Tensor) -> Tensor:
        return special.ndtr(x) - exp(self._log_rest(x, K))

    def _sf(self, x: Tensor, K: Tensor) -> Tensor:
        return special.ndtr(-x) + exp(self._log_rest(x, K))

    def _logcdf(self, x: Tensor, K: Tensor) -> Tensor:
        above = special.log_ndtr(x)
        return above + log1p(-exp(self._log_rest(x, K) - above))

    def _logsf(self, x: Tensor, K: Tensor) -> Tensor:
        return logaddexp(special.log_ndtr(-x), self._log_rest(x, K))

    def _moments(self, K: Tensor) -> tuple[Any, Any]:
        return K, 1 + K * K


class FoldedNorm(Continuous):
    """The absolute value of a normal variable with the mean `c`.

    >>> from adjoint.scipy.stats import foldnorm
    >>> foldnorm.pdf(0.0, 1.0)
    Tensor(0.48394145)
    """

    name, shapes, lower, inner = "foldnorm", ("c",), 0.0, 1.0
    finite = True

    def _allowed(self, c: Any) -> Any:
        return as_tensor(c) >= 0

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        near = norm._logpdf(x - c)
        return near + log1p(exp(-2 * c * x))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        root = math.sqrt(0.5)
        return 0.5 * (special.erf((x - c) * root) + special.erf((x + c) * root))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return special.ndtr(c - x) + special.ndtr(-c - x)

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return logaddexp(special.log_ndtr(c - x), special.log_ndtr(-c - x))

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        mean = math.sqrt(2 / math.pi) * exp(-0.5 * c * c) + c * special.erf(c * math.sqrt(0.5))
        return mean, c * c + 1 - mean * mean


class GeneralizedNorm(Continuous):
    """The density exp(-|x|^beta), normalised: Laplace's for 1, the normal one for 2.

    >>> from adjoint.scipy.stats import gennorm
    >>> gennorm.sf(0.0, 2.0)
    Tensor(0.5)
    """

    name, shapes = "gennorm", ("beta",)
    finite = True

    def _logpdf(self, x: Tensor, beta: Tensor) -> Tensor:
        return log(0.5 * beta) - special.gammaln(1 / beta) - power(abs(x), beta)

    def _cdf(self, x: Tensor, beta: Tensor) -> Tensor:
        return self._sf(-x, beta)

    def _sf(self, x: Tensor, beta: Tensor) -> Tensor:
        middle = equal(x, 0)  # where gammaincc has the slope ∞ and the power may have the slope 0
        outer = 0.5 * special.gammaincc(1 / beta, power(abs(where(middle, 1.0, x)), beta))
        near = 0.5 - where(middle, x, 0.0) * exp(self._logpdf(0.0 * x, beta))
        return where(middle, near, where(x > 0, outer, 1 - outer))

    def _ppf(self, q: Tensor, beta: Tensor) -> Tensor:
        middle, left = equal(q, 0.5), q <= 0.5
        outer = special.gammainccinv(1 / beta, 2 * where(middle, 0.25, where(left, q, 1 - q)))
        size = power(outer, 1 / beta)
        near = (where(middle, q, 0.5) - 0.5) * exp(-self._logpdf(0.0 * q, beta))
        return where(middle, near, where(left, -size, size))

    def _isf(self, q: Tensor, beta: Tensor) -> Tensor:
        return -self._ppf(q, beta)

    def _moments(self, beta: Tensor) -> tuple[Any, Any]:
        return 0.0 * beta, exp(special.gammaln(3 / beta) - special.gammaln(1 / beta))

    def _entropy(self, beta: Tensor) -> Any:
        return 1 / beta - log(0.5 * beta) + special.gammaln(1 / beta)


class HalfGeneralizedNorm(Continuous):
    """The absolute value of a variable with the distribution `gennorm`.

    >>> from adjoint.scipy.stats import halfgennorm
    >>> halfgennorm.sf(1.0, 1.0)
    Tensor(0.36787944)
    """

    name, shapes, lower, inner = "halfgennorm", ("beta",), 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor, beta: Tensor) -> Tensor:
        return log(beta) - special.gammaln(1 / beta) - power(x, beta)

    def _cdf(self, x: Tensor, beta: Tensor) -> Tensor:
        rest = log(beta) - special.gammaln(1 / beta)
        return from_edge(x, 1.0, rest, lambda x: special.gammainc(1 / beta, power(x, beta)))

    def _sf(self, x: Tensor, beta: Tensor) -> Tensor:
        rest = log(beta) - special.gammaln(1 / beta)
        return from_edge(x, 1.0, rest, lambda x: special.gammaincc(1 / beta, power(x, beta)), True)

    def _ppf(self, q: Tensor, beta: Tensor) -> Tensor:
        return power(special.gammaincinv(1 / beta, q), 1 / beta)

    def _isf(self, q: Tensor, beta: Tensor) -> Tensor:
        return power(special.gammainccinv(1 / beta, q), 1 / beta)

    def _moments(self, beta: Tensor) -> tuple[Any, Any]:
        size = special.gammaln(1 / beta)
        mean = exp(special.gammaln(2 / beta) - size)
        return mean, exp(special.gammaln(3 / beta) - size) - mean * mean

    def _entropy(self, beta: Tensor) -> Any:
        return 1 / beta - log(beta) + special.gammaln(1 / beta)


class PowerNorm(Continuous):
    """The distribution of the smallest of `c` normal variables.

    >>> from adjoint.scipy.stats import powernorm
    >>> powernorm.sf(0.0, 2.0)
    Tensor(0.25)
    """

    name, shapes = "powernorm", ("c",)
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) + norm._logpdf(x) + (c - 1) * special.log_ndtr(-x)

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return c * special.log_ndtr(-x)

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return exp(self._logsf(x, c))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return -expm1(self._logsf(x, c))

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return -special.ndtri_exp(log1p(-q) / c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return -special.ndtri_exp(log(q) / c)


class PowerLogNorm(Continuous):
    """The distribution of the smallest of `c` log-normal variables.

    >>> from adjoint.scipy.stats import powerlognorm
    >>> powerlognorm.sf(1.0, 2.0, 0.5)
    Tensor(0.25)
    """

    name, shapes, lower, inner, vanishes = "powerlognorm", ("c", "s"), 0.0, 1.0, True
    finite = True

    def _logpdf(self, x: Tensor, c: Tensor, s: Tensor) -> Tensor:
        t = log(x)
        return powernorm._logpdf(t / s, c) - log(s) - t

    def _logsf(self, x: Tensor, c: Tensor, s: Tensor) -> Tensor:
        return powernorm._logsf(log(x) / s, c)

    def _sf(self, x: Tensor, c: Tensor, s: Tensor) -> Tensor:
        return powernorm._sf(log(x) / s, c)

    def _cdf(self, x: Tensor, c: Tensor, s: Tensor) -> Tensor:
        return powernorm._cdf(log(x) / s, c)

    def _ppf(self, q: Tensor, c: Tensor, s: Tensor) -> Tensor:
        return exp(s * powernorm._ppf(q, c))

    def _isf(self, q: Tensor, c: Tensor, s: Tensor) -> Tensor:
        return exp(s * powernorm._isf(q, c))


class JohnsonUnbounded(Continuous):
    """Johnson's unbounded distribution: a + b arcsinh(x) is normal.

    >>> from adjoint.scipy.stats import johnsonsu
    >>> johnsonsu.cdf(0.0, 0.0, 2.0)
    Tensor(0.5)
    """

    name, shapes = "johnsonsu", ("a", "b")
    finite = True

    def _allowed(self, a: Any, b: Any) -> Any:
        return positive(b)

    def _logpdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return log(b) - 0.5 * log1p(x * x) + norm._logpdf(a + b * arcsinh(x))

    def _cdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.ndtr(a + b * arcsinh(x))

    def _sf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.ndtr(-(a + b * arcsinh(x)))

    def _logcdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.log_ndtr(a + b * arcsinh(x))

    def _logsf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.log_ndtr(-(a + b * arcsinh(x)))

    def _ppf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return sinh((special.ndtri(q) - a) / b)

    def _isf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return sinh((-special.ndtri(q) - a) / b)

    def _moments(self, a: Tensor, b: Tensor) -> tuple[Any, Any]:
        square, ratio = 1 / (b * b), a / b
        mean = -exp(0.5 * square) * sinh(ratio)
        # ½ (w - 1) (w cosh 2a/b + 1), where w = exp(b⁻²)
        wide = exp(square) * (1 + 2 * sinh(ratio) ** 2) + 1
        return mean, 0.5 * expm1(square) * wide


class JohnsonBounded(Continuous):
    """Johnson's bounded distribution: a + b logit(x) is normal.

    >>> from adjoint.scipy.stats import johnsonsb
    >>> johnsonsb.cdf(0.5, 0.0, 2.0)
    Tensor(0.5)
    """

    name, shapes, lower, upper, inner = "johnsonsb", ("a", "b"), 0.0, 1.0, 0.5
    vanishes = vanishes_above = True

    def _allowed(self, a: Any, b: Any) -> Any:
        return positive(b)

    def _logpdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return log(b) - log(x) - log1p(-x) + norm._logpdf(a + b * special.logit(x))

    def _cdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.ndtr(a + b * special.logit(x))

    def _sf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.ndtr(-(a + b * special.logit(x)))

    def _logcdf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.log_ndtr(a + b * special.logit(x))

    def _logsf(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return special.log_ndtr(-(a + b * special.logit(x)))

    def _ppf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return expit((special.ndtri(q) - a) / b)

    def _isf(self, q: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return expit((-special.ndtri(q) - a) / b)


class Moyal(Continuous):
    """Moyal's distribution, near Landau's: the density exp(-(x + exp(-x))/2), normalised.

    >>> from adjoint.scipy.stats import moyal
    >>> moyal.pdf(0.0)
    Tensor(0.24197072)
    """

    name = "moyal"
    finite = True

    def _logpdf(self, x: Tensor) -> Tensor:
        return -0.5 * (x + exp(-x)) - _LOG_ROOT_TWO_PI

    def _cdf(self, x: Tensor) -> Tensor:
        return special.erfc(exp(-0.5 * x) * math.sqrt(0.5))

    def _sf(self, x: Tensor) -> Tensor:
        return special.erf(exp(-0.5 * x) * math.sqrt(0.5))

    def _logcdf(self, x: Tensor) -> Tensor:
        return _LOG2 + special.log_ndtr(-exp(-0.5 * x))

    def _ppf(self, q: Tensor) -> Tensor:
        return -2 * log(-special.ndtri(0.5 * q))

    def _isf(self, q: Tensor) -> Tensor:
        return -2 * log(special.erfinv(q)) - _LOG2

    def _moments(self) -> tuple[Any, Any]:
        return _LOG2 + _EULER, 0.5 * math.pi**2


gibrat, wald, exponnorm, foldnorm = Gibrat(), Wald(), ExponNorm(), FoldedNorm()
gennorm, halfgennorm, powernorm = GeneralizedNorm(), HalfGeneralizedNorm(), PowerNorm()
powerlognorm, johnsonsu, johnsonsb = PowerLogNorm(), JohnsonUnbounded(), JohnsonBounded()
moyal = Moyal()
