"""Continuous distributions of ``scipy.stats`` with heavy tails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal, isinf, logical_and
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import power
from adjoint.ops.elementwise.trigonometric import arctan, arctan2, tan
from adjoint.scipy.special.elementwise import log1p_ratio
from adjoint.scipy.stats.continuous import cauchy
from adjoint.scipy.stats.distribution import INF, Continuous
from adjoint.scipy.stats.mirrored import Mirrored

_EULER = float(np.euler_gamma)
_ZETA = (
    0.0, 0.0,
    1.6449340668482264, 1.2020569031595942, 1.0823232337111381, 1.03692775514337,
    1.0173430619844492, 1.008349277381923, 1.0040773561979444, 1.0020083928260821,
    1.000994575127818, 1.0004941886041194, 1.000246086553308,
)  # fmt: skip
"""Riemann's zeta function of 2 to 12, in their places."""


def _ends(x: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Whether x is where 1 + c x = 0; 1 + c x there; x elsewhere; c there.

    Where they do not count there are 1, 0 and -1.
    """
    base = 1 + c * x
    at_end = equal(base, 0)
    return at_end, where(at_end, base, 1.0), where(at_end, 0.0, x), where(at_end, c, -1.0)


def _powered(x: Tensor, c: Tensor) -> Tensor:
    """(exp(c x) - 1) / c, also for infinite x, and x for c = 0."""
    far = isinf(x)
    bounded = logical_and(far, c * where(far, x, 0.0) < 0)
    value = where(far, 0.0, x) * special.exprel(c * where(far, 0.0, x))
    return where(bounded, -1 / where(bounded, c, 1.0), where(far, x, value))


class GeneralizedPareto(Continuous):
    """The generalised Pareto distribution, of what exceeds a high threshold.

    >>> from adjoint.scipy.stats import genpareto
    >>> genpareto.sf(1.0, 0.0)
    Tensor(0.36787944)
    """

    name, shapes, lower = "genpareto", ("c",), 0.0
    finite = True

    def _allowed(self, c: Any) -> Any:
        return abs(as_tensor(c)) < INF

    def _support(self, c: Any) -> tuple[Any, Any]:
        c = as_tensor(c)
        return self.lower, where(c < 0, -1 / where(c < 0, c, -1.0), INF)

    def _within(self, low: Any, high: Any) -> Any:
        return where(high < INF, 0.5 * high, 1.0)

    def _log_rest(self, x: Tensor, c: Tensor) -> Tensor:
        """The logarithm of `sf`, -log(1 + c x) / c."""
        return -log1p_ratio(x, c)

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        at_end, end, x, shape = _ends(x, c)
        value = (1 + c) * self._log_rest(x, c)
        return where(at_end, special.xlogy(-1 / shape - 1, end), value)

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        at_end, end, x, shape = _ends(x, c)
        return where(at_end, power(end, -1 / shape - 1), exp((1 + c) * self._log_rest(x, c)))

    def _logsf(self, x: Tensor, c: Tensor) -> Tensor:
        return self._log_rest(x, c)

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        at_end, end, x, shape = _ends(x, c)
        return where(at_end, power(end, -1 / shape), exp(self._log_rest(x, c)))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        at_end, end, x, shape = _ends(x, c)
        return where(at_end, 1 - power(end, -1 / shape), -expm1(self._log_rest(x, c)))

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return _powered(-log1p(-q), c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return _powered(-log(q), c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        one, two = where(c < 1, c, 0.0), where(c < 0.5, c, 0.0)
        variance = 1 / ((1 - two) * (1 - two) * (1 - 2 * two))
        return where(c < 1, 1 / (1 - one), INF), where(c < 0.5, variance, INF)

    def _entropy(self, c: Tensor) -> Any:
        return 1 + c


def _log_gamma_terms(c: Tensor, factor: int, first: int) -> Tensor:
    """(log Γ(1 + factor c) - factor log Γ(1 + c)) / c² for the factor 2, log Γ(1 + c) / c for 1.

    By the series log Γ(1 + c) = -γ c + Σ ζ(k) (-c)ᵏ / k, from its term `first`.
    """
    result = 0.0 * c
    for k in range(12, first - 1, -1):
        coefficient = _EULER if k == 1 else _ZETA[k] / k
        weight = factor**k - factor if factor > 1 else 1
        result = result * c + (-1) ** k * coefficient * weight
    return result


class GeneralizedExtreme(Continuous):
    """The generalised distribution of extreme values; `c` has the sign that SciPy gives it.

    >>> from adjoint.scipy.stats import genextreme
    >>> genextreme.cdf(0.0, 0.2)
    Tensor(0.36787944)
    """

    name, shapes, vanishes = "genextreme", ("c",), True
    finite = True

    def _allowed(self, c: Any) -> Any:
        return abs(as_tensor(c)) < INF

    def _support(self, c: Any) -> tuple[Any, Any]:
        c = as_tensor(c)
        low, high = c < 0, c > 0
        return where(low, 1 / where(low, c, -1.0), -INF), where(high, 1 / where(high, c, 1.0), INF)

    def _reduced(self, x: Tensor, c: Tensor) -> Tensor:
        """What has Gumbel's distribution, -log(1 - c x) / c."""
        return log1p_ratio(x, -c)

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        at_end, end, x, shape = _ends(x, -c)
        reduced = self._reduced(x, c)
        edge = special.xlogy(-1 / shape - 1, end) - power(end, -1 / shape)
        return where(at_end, edge, (c - 1) * reduced - exp(-reduced))

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        at_end, end, x, shape = _ends(x, -c)
        reduced = self._reduced(x, c)
        edge = power(end, -1 / shape - 1) * exp(-power(end, -1 / shape))
        return where(at_end, edge, exp((c - 1) * reduced - exp(-reduced)))

    def _logcdf(self, x: Tensor, c: Tensor) -> Tensor:
        at_end, end, x, shape = _ends(x, -c)
        return where(at_end, -power(end, -1 / shape), -exp(-self._reduced(x, c)))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return exp(self._logcdf(x, c))

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return -expm1(self._logcdf(x, c))

    def _ppf(self, q: Tensor, c: Tensor) -> Tensor:
        return _powered(-log(-log(q)), -c)

    def _isf(self, q: Tensor, c: Tensor) -> Tensor:
        return _powered(-log(-log1p(-q)), -c)

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        one, two = where(c > -1, c, 0.0), where(c > -0.5, c, 0.0)
        near, wide = abs(one) < 0.02, abs(two) < 0.02
        small, far = where(near, one, 0.0), where(near, 1.0, one)
        shift = where(near, _log_gamma_terms(small, 1, 1), special.gammaln(1 + far) / far)
        mean = -shift * special.exprel(one * shift)
        small, far = where(wide, two, 0.0), where(wide, 1.0, two)
        cross = special.gammaln(1 + 2 * far) - 2 * special.gammaln(1 + far)
        spread = where(wide, _log_gamma_terms(small, 2, 2), cross / (far * far))
        variance = special.gamma(1 + two) ** 2 * spread * special.exprel(two * two * spread)
        return where(c > -1, mean, INF), where(c > -0.5, variance, INF)

    def _entropy(self, c: Tensor) -> Any:
        return _EULER * (1 - c) + 1


class Levy(Continuous):
    """Lévy's distribution, of the reciprocal of the square of a normal variable.

    >>> from adjoint.scipy.stats import levy
    >>> levy.cdf(1.0)
    Tensor(0.31731051)
    """

    name, lower, inner, vanishes = "levy", 0.0, 1.0, True
    finite = True

    def _logpdf(self, x: Tensor) -> Tensor:
        return -0.5 * math.log(2 * math.pi) - 1.5 * log(x) - 0.5 / x

    def _cdf(self, x: Tensor) -> Tensor:
        return special.erfc(power(2 * x, -0.5))

    def _sf(self, x: Tensor) -> Tensor:
        return special.erf(power(2 * x, -0.5))

    def _logcdf(self, x: Tensor) -> Tensor:
        return math.log(2) + special.log_ndtr(-power(x, -0.5))

    def _ppf(self, q: Tensor) -> Tensor:
        return power(special.ndtri(0.5 * q), -2)

    def _isf(self, q: Tensor) -> Tensor:
        return 0.5 * power(special.erfinv(q), -2)

    def _moments(self) -> tuple[Any, Any]:
        return INF, INF

    def _entropy(self) -> Any:
        return (1 + 3 * _EULER + math.log(16 * math.pi)) / 2


levy = Levy()


class LevyLeft(Mirrored):
    """Lévy's distribution, left of 0.

    >>> from adjoint.scipy.stats import levy_l
    >>> levy_l.sf(-1.0)
    Tensor(0.31731051)
    """

    name, inner, base = "levy_l", -1.0, levy


class HalfCauchy(Continuous):
    """The absolute value of a variable with Cauchy's distribution.

    >>> from adjoint.scipy.stats import halfcauchy
    >>> halfcauchy.cdf(1.0)
    Tensor(0.5)
    """

    name, lower, inner = "halfcauchy", 0.0, 1.0
    finite = True

    def _logpdf(self, x: Tensor) -> Tensor:
        return math.log(2) + cauchy._logpdf(x)

    def _pdf(self, x: Tensor) -> Tensor:
        return 2 * cauchy._pdf(x)

    def _cdf(self, x: Tensor) -> Tensor:
        return arctan(x) * (2 / math.pi)

    def _sf(self, x: Tensor) -> Tensor:
        return arctan2(1.0, x) * (2 / math.pi)

    def _ppf(self, q: Tensor) -> Tensor:
        low = q < 0.5
        near, far = where(low, q, 0.25), where(low, 0.25, 1 - q)
        return where(low, tan(0.5 * math.pi * near), 1 / tan(0.5 * math.pi * far))

    def _isf(self, q: Tensor) -> Tensor:
        return 1 / tan(0.5 * math.pi * q)

    def _moments(self) -> tuple[Any, Any]:
        return INF, INF

    def _entropy(self) -> Any:
        return math.log(2 * math.pi)


class FoldedCauchy(Continuous):
    """The absolute value of a variable with Cauchy's distribution about `c`.

    >>> from adjoint.scipy.stats import foldcauchy
    >>> foldcauchy.pdf(0.0, 1.0)
    Tensor(0.31830989)
    """

    name, shapes, lower, inner = "foldcauchy", ("c",), 0.0, 1.0
    finite = True

    def _allowed(self, c: Any) -> Any:
        return as_tensor(c) >= 0

    def _pdf(self, x: Tensor, c: Tensor) -> Tensor:
        return cauchy._pdf(x - c) + cauchy._pdf(x + c)

    def _logpdf(self, x: Tensor, c: Tensor) -> Tensor:
        return log(self._pdf(x, c))

    def _cdf(self, x: Tensor, c: Tensor) -> Tensor:
        return (arctan(x - c) + arctan(x + c)) / math.pi

    def _sf(self, x: Tensor, c: Tensor) -> Tensor:
        return (arctan2(1.0, x - c) + arctan2(1.0, x + c)) / math.pi

    def _moments(self, c: Tensor) -> tuple[Any, Any]:
        return INF + 0.0 * c, INF + 0.0 * c


class SkewedCauchy(Continuous):
    """Cauchy's distribution with sides of the widths 1 - a and 1 + a.

    >>> from adjoint.scipy.stats import skewcauchy
    >>> skewcauchy.cdf(0.0, 0.5)
    Tensor(0.25)
    """

    name, shapes = "skewcauchy", ("a",)
    finite = True

    def _allowed(self, a: Any) -> Any:
        return abs(as_tensor(a)) < 1

    def _pdf(self, x: Tensor, a: Tensor) -> Tensor:
        return cauchy._pdf(x / where(x > 0, 1 + a, 1 - a))

    def _logpdf(self, x: Tensor, a: Tensor) -> Tensor:
        return cauchy._logpdf(x / where(x > 0, 1 + a, 1 - a))

    def _cdf(self, x: Tensor, a: Tensor) -> Tensor:
        left, right = where(x > 0, 0.0, x), where(x > 0, x, 0.0)
        below = (1 - a) * arctan2(1.0, -left / (1 - a)) / math.pi
        return where(x > 0, 1 - (1 + a) * arctan2(1.0, right / (1 + a)) / math.pi, below)

    def _sf(self, x: Tensor, a: Tensor) -> Tensor:
        return self._cdf(-x, -a)

    def _ppf(self, q: Tensor, a: Tensor) -> Tensor:
        middle = 0.5 * (1 - a)
        left = q < middle
        below = (1 - a) * cauchy._ppf(where(left, q / (1 - a), 0.25))
        above = (1 + a) * cauchy._isf(where(left, 0.25, (1 - q) / (1 + a)))
        return where(left, below, above)

    def _isf(self, q: Tensor, a: Tensor) -> Tensor:
        return -self._ppf(q, -a)

    def _moments(self, a: Tensor) -> tuple[Any, Any]:
        return math.nan, math.nan


genpareto, genextreme, halfcauchy = GeneralizedPareto(), GeneralizedExtreme(), HalfCauchy()
levy_l, foldcauchy, skewcauchy = LevyLeft(), FoldedCauchy(), SkewedCauchy()
