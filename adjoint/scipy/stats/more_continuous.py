"""Further continuous distributions of ``scipy.stats``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import logical_and
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.elementwise.rounding import rint
from adjoint.ops.elementwise.trigonometric import cos
from adjoint.ops.special.circular import von_mises_probability
from adjoint.ops.special.statistics import skewed_normal
from adjoint.scipy.stats.distribution import INF, Continuous

_EULER = float(np.euler_gamma)
_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


class GumbelLeft(Continuous):
    """Gumbel's distribution of minima.

    >>> from adjoint.scipy.stats import gumbel_l
    >>> gumbel_l.sf(0.0)
    Tensor(0.36787944)
    """

    name = "gumbel_l"

    def _logpdf(self, x: Tensor) -> Tensor:
        return x - exp(x)

    def _cdf(self, x: Tensor) -> Tensor:
        return -expm1(-exp(x))

    def _sf(self, x: Tensor) -> Tensor:
        return exp(-exp(x))

    def _logsf(self, x: Tensor) -> Tensor:
        return -exp(x)

    def _ppf(self, q: Tensor) -> Tensor:
        return log(-log1p(-q))

    def _isf(self, q: Tensor) -> Tensor:
        return log(-log(q))

    def _moments(self) -> tuple[Any, Any]:
        return -_EULER, math.pi**2 / 6

    def _entropy(self) -> Any:
        return _EULER + 1


class Lomax(Continuous):
    """Pareto's distribution, moved to begin at 0.

    >>> from adjoint.scipy.stats import lomax
    >>> lomax.sf(1.0, 3.0)
    Tensor(0.125)
    """

    name, shapes, lower, inner = "lomax", ("c",), 0.0, 1.0

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(c) - (c + 1) * log1p(x)

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return -expm1(-c * log1p(x))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return exp(-c * log1p(x))

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return -c * log1p(x)

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return expm1(-log1p(-q) / c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return expm1(-log(q) / c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        one, two = where(c > 1, c, 2.0), where(c > 2, c, 3.0)
        variance = two / ((two - 1) * (two - 1) * (two - 2))
        spread = where(c > 2, variance, where(c > 1, INF, math.nan))
        return where(c > 1, 1 / (one - 1), INF), spread

    def _entropy(self, c: Tensor) -> Any:
        return 1 + 1 / c - log(c)


class Maxwell(Continuous):
    """Maxwell's distribution of speeds.

    >>> from adjoint.scipy.stats import maxwell
    >>> maxwell.pdf(1.0)
    Tensor(0.48394145)
    """

    name, lower, inner = "maxwell", 0.0, 1.0

    def _logpdf(self, x: Tensor) -> Tensor:
        return 0.5 * math.log(2 / math.pi) + 2 * log(x) - 0.5 * x * x

    def _pdf(self, x: Tensor) -> Tensor:
        return math.sqrt(2 / math.pi) * x * x * exp(-0.5 * x * x)

    def _cdf(self, x: Tensor) -> Tensor:
        return special.gammainc(1.5, 0.5 * x * x)

    def _sf(self, x: Tensor) -> Tensor:
        return special.gammaincc(1.5, 0.5 * x * x)

    def _ppf(self, q: Tensor) -> Tensor:
        return sqrt(2 * special.gammaincinv(1.5, q))

    def _isf(self, q: Tensor) -> Tensor:
        return sqrt(2 * special.gammainccinv(1.5, q))

    def _moments(self) -> tuple[Any, Any]:
        return 2 * math.sqrt(2 / math.pi), 3 - 8 / math.pi

    def _entropy(self) -> Any:
        return _EULER + _LOG_ROOT_TWO_PI - 0.5


class InverseGauss(Continuous):
    """The inverse normal distribution.

    >>> from adjoint.scipy.stats import invgauss
    >>> invgauss.pdf(1.0, 1.0)
    Tensor(0.39894228)
    """

    name, lower, inner, vanishes = "invgauss", 0.0, 1.0, True
    shapes: tuple[str, ...] = ("mu",)
    finite = True

    def _logpdf(self, x: Tensor, mu: Tensor) -> Tensor:
        ratio = (x - mu) / mu
        return -_LOG_ROOT_TWO_PI - 1.5 * log(x) - 0.5 * ratio * (ratio / x)

    def _logcdf(self, x: Tensor, mu: Tensor) -> Tensor:
        first, second = self._halves(x, mu, 1.0)
        return first + log1p(exp(second - first))

    def _logsf(self, x: Tensor, mu: Tensor) -> Tensor:
        first, second = self._halves(x, mu, -1.0)
        return first + log1p(-exp(second - first))

    def _cdf(self, x: Tensor, mu: Tensor) -> Tensor:
        return exp(self._logcdf(x, mu))

    def _sf(self, x: Tensor, mu: Tensor) -> Tensor:
        return exp(self._logsf(x, mu))

    def _halves(self, x: Tensor, mu: Tensor, side: float) -> tuple[Tensor, Tensor]:
        """The logarithms of the two normal distribution functions of which it is made."""
        scale = 1 / sqrt(x)
        first = special.log_ndtr(side * scale * (x / mu - 1))
        return first, 2 / mu + special.log_ndtr(-scale * (x + mu) / mu)

    def _moments(self, mu: Tensor) -> tuple[Any, Any]:
        return mu, mu * mu * mu


class SkewNorm(Continuous):
    """The normal distribution, skewed.

    >>> from adjoint.scipy.stats import skewnorm
    >>> skewnorm.pdf(0.0, 4.0)
    Tensor(0.39894228)
    """

    name, shapes, finite = "skewnorm", ("a",), True

    def _allowed(self, a: Any) -> Any:
        return True

    def _logpdf(self, x: Tensor, a: Tensor) -> Tensor:
        return math.log(2) - _LOG_ROOT_TWO_PI - 0.5 * x * x + special.log_ndtr(a * x)

    def _cdf(self, x: Tensor, a: Tensor) -> Tensor:
        return skewed_normal(x, a)

    def _sf(self, x: Tensor, a: Tensor) -> Tensor:
        return skewed_normal(-x, -a)

    def _moments(self, a: Tensor) -> tuple[Any, Any]:
        mean = math.sqrt(2 / math.pi) * a / sqrt(1 + a * a)
        return mean, 1 - mean * mean


class VonMises(Continuous):
    """The normal distribution on the circle. Each turn adds 1 to `cdf`, as in SciPy.

    >>> from adjoint.scipy.stats import vonmises
    >>> vonmises.pdf(0.5, 0.0)
    Tensor(0.15915494)
    """

    name, shapes = "vonmises", ("kappa",)

    def _allowed(self, kappa: Any) -> Any:
        return as_tensor(kappa) >= 0

    def _logpdf(self, x: Tensor, kappa: Tensor) -> Tensor:
        return kappa * (cos(x) - 1) - math.log(2 * math.pi) - log(special.i0e(kappa))

    def _cdf(self, x: Tensor, kappa: Tensor) -> Tensor:
        turns = rint(x / (2 * math.pi))
        return von_mises_probability(x - 2 * math.pi * turns, kappa) + turns

    def _sf(self, x: Tensor, kappa: Tensor) -> Tensor:
        turns = rint(x / (2 * math.pi))
        return von_mises_probability(2 * math.pi * turns - x, kappa) - turns


class Triangular(Continuous):
    """The density that rises straight from 0 to c and falls to 1.

    >>> from adjoint.scipy.stats import triang
    >>> triang.pdf(0.5, 0.5)
    Tensor(2.)
    """

    name, shapes, lower, upper, inner = "triang", ("c",), 0.0, 1.0, 0.5

    def _allowed(self, c: Any) -> Any:
        c = as_tensor(c)
        return logical_and(c >= 0, c <= 1)

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        left, low, high = self._sides(x, c)
        return where(left, 2 * x / low, 2 * (1 - x) / high)

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        left, low, high = self._sides(x, c)
        return math.log(2) + where(left, log(x) - log(low), log1p(-x) - log(high))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        left, low, high = self._sides(x, c)
        return where(left, x * x / low, 1 - (1 - x) * (1 - x) / high)

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        left = q < c
        rise, fall = c * where(left, q, 0.0), (1 - c) * (1 - where(left, 0.0, q))
        return where(left, sqrt(rise), 1 - sqrt(fall))

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return self._ppf(1 - q, c)

    def _sides(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Whether x is where the density rises, and the widths of both sides."""
        left = x < c
        return left, where(left, c, 1.0), where(left, 1.0, 1 - c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        return (c + 1) / 3, (1 - c + c * c) / 18

    def _entropy(self, c: Tensor) -> Any:
        return 0.5 - math.log(2) + 0.0 * c


gumbel_l, lomax, maxwell, invgauss = GumbelLeft(), Lomax(), Maxwell(), InverseGauss()
skewnorm, vonmises, triang = SkewNorm(), VonMises(), Triangular()
