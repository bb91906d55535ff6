"""Discrete distributions of ``scipy.stats``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.array import special
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal, isnan, logical_and
from adjoint.ops.elementwise.exponential import exp, expm1, log
from adjoint.ops.elementwise.rounding import floor
from adjoint.scipy.common import count, real_dtype
from adjoint.scipy.stats.distribution import (
    INF,
    Distribution,
    both,
    log_probability,
    positive,
    unless,
)


class Discrete(Distribution):
    """A distribution of whole numbers; there is no derivative by the number itself."""

    scaled = False
    inner = 1.0

    def _logpmf(self, *values: Any, **_: Any) -> Any:
        raise NotImplementedError

    def _cdf(self, *values: Any, **_: Any) -> Any:
        raise self._unknown("cdf", "sum pmf")

    def _sf(self, *values: Any, **_: Any) -> Any:
        return 1 - self._cdf(*values)

    def _prepared(
        self, method: str, k: Any, args: tuple[Any, ...], kwds: dict[str, Any]
    ) -> tuple[Tensor, list[Tensor], Any, DType]:
        name = f"scipy.stats.{self.name}.{method}"
        k = count(name, "k", k)
        *shapes, loc, _ = self._bind(method, args, kwds)
        shapes = [
            count(name, argument, s) if argument in self.counts else s
            for argument, s in zip(self.shapes, shapes, strict=True)
        ]
        dtype = real_dtype(k, *shapes, loc) if k.dtype.kind in "fc" else real_dtype(*shapes, loc)
        k = as_tensor(k, dtype) - count(name, "loc", loc)
        return k, [as_tensor(s, dtype) for s in shapes], self._allowed(*shapes), dtype

    counts: tuple[str, ...] = ()
    """Shape parameters that are whole numbers."""

    def pmf(self, k: Any, *args: Any, **kwds: Any) -> Tensor:
        """The probability of `k`."""
        return exp(self.logpmf(k, *args, **kwds))

    def logpmf(self, k: Any, *args: Any, **kwds: Any) -> Tensor:
        """The logarithm of the probability of `k`, -∞ between whole numbers."""
        k, shapes, valid, _ = self._prepared("logpmf", k, args, kwds)
        low, high = self._support(*shapes)
        inside = logical_and(logical_and(k >= low, k <= high), equal(floor(k), k))
        value = self._logpmf(where(inside, k, self.inner), *shapes)
        return unless(valid, where(inside, value, where(isnan(k), k, -INF)))

    def _steps(
        self,
        method: str,
        f: Callable[..., Tensor],
        outside: tuple[float, float],
        k: Any,
        args: tuple[Any, ...],
        kwds: dict[str, Any],
    ) -> Tensor:
        k, shapes, valid, _ = self._prepared(method, k, args, kwds)
        low, high = self._support(*shapes)
        inside = logical_and(k >= low, k < high)
        value = f(floor(where(inside, k, self._before(low, high))), *shapes)
        rest = where(k >= high, outside[1], outside[0])
        return unless(valid, where(inside, value, where(isnan(k), k, rest)))

    def _before(self, low: Any, high: Any) -> Any:
        return self.inner

    def cdf(self, k: Any, *args: Any, **kwds: Any) -> Tensor:
        """The probability of no more than `k`."""
        return self._steps("cdf", self._cdf, (0.0, 1.0), k, args, kwds)

    def sf(self, k: Any, *args: Any, **kwds: Any) -> Tensor:
        """The probability of more than `k`."""
        return self._steps("sf", self._sf, (1.0, 0.0), k, args, kwds)

    def logcdf(self, k: Any, *args: Any, **kwds: Any) -> Tensor:
        """The logarithm of `cdf`."""
        return log_probability(self.cdf(k, *args, **kwds), self.sf(k, *args, **kwds))

    def logsf(self, k: Any, *args: Any, **kwds: Any) -> Tensor:
        """The logarithm of `sf`."""
        return log_probability(self.sf(k, *args, **kwds), self.cdf(k, *args, **kwds))

    def entropy(self, *args: Any, **kwds: Any) -> Tensor:
        """The entropy."""
        shapes, _, _, valid, dtype = self._parameters("entropy", args, kwds)
        return unless(valid, as_tensor(self._entropy(*shapes), dtype))

    def ppf(self, q: Any, *args: Any, **kwds: Any) -> Any:
        """Raises: a quantile of whole numbers has no derivative."""
        raise self._unknown("ppf", "it is a step function: call it with plain numbers")

    isf = median = ppf

    def interval(self, confidence: Any, *args: Any, **kwds: Any) -> Any:
        """Raises: as `ppf`."""
        raise self._unknown("interval", "it is a step function: call it with plain numbers")


def _fraction(p: Any) -> Any:
    """Whether 0 ≤ p ≤ 1."""
    if type(p) in (int, float, bool):
        return 0 <= p <= 1
    p = as_tensor(p)
    return logical_and(p >= 0, p <= 1)


class Poisson(Discrete):
    """The number of events, of which there are mu in the mean.

    >>> from adjoint.scipy.stats import poisson
    >>> poisson.pmf(0, 1.0)
    Tensor(0.36787944)
    """

    name, shapes, lower = "poisson", ("mu",), 0.0

    def _allowed(self, mu: Any) -> Any:
        return bool(mu >= 0) if type(mu) in (int, float, bool) else as_tensor(mu) >= 0

    def _logpmf(self, k: Tensor, mu: Tensor) -> Tensor:
        return special.xlogy(k, mu) - special.gammaln(k + 1) - mu

    def _cdf(self, k: Tensor, mu: Tensor) -> Tensor:
        return special.gammaincc(k + 1, mu)

    def _sf(self, k: Tensor, mu: Tensor) -> Tensor:
        return special.gammainc(k + 1, mu)

    def _moments(self, mu: Tensor) -> tuple[Any, Any]:
        return mu, mu


class Binomial(Discrete):
    """The number of successes among n trials, each with probability p.

    >>> from adjoint.scipy.stats import binom
    >>> binom.pmf(1, 2, 0.5)
    Tensor(0.5)
    """

    name, shapes, lower, counts, inner = "binom", ("n", "p"), 0.0, ("n",), 0.0

    def _allowed(self, n: Any, p: Any) -> Any:
        return both(as_tensor(n) >= 0, _fraction(p))

    def _support(self, n: Any, p: Any) -> tuple[Any, Any]:
        return 0.0, n

    def _logpmf(self, k: Tensor, n: Tensor, p: Tensor) -> Tensor:
        ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
        return ways + special.xlogy(k, p) + special.xlog1py(n - k, -p)

    def _before(self, low: Any, high: Any) -> Any:
        return where(high > 0, 0.0, -1.0)  # so that n - k is 1 at least

    def _cdf(self, k: Tensor, n: Tensor, p: Tensor) -> Tensor:
        return special.betainc(n - k, where(k < 0, 1.0, k + 1), 1 - p)

    def _sf(self, k: Tensor, n: Tensor, p: Tensor) -> Tensor:
        return special.betainc(where(k < 0, 1.0, k + 1), n - k, p)

    def _moments(self, n: Tensor, p: Tensor) -> tuple[Any, Any]:
        return n * p, n * p * (1 - p)


class Bernoulli(Discrete):
    """1 with probability p, else 0.

    >>> from adjoint.scipy.stats import bernoulli
    >>> bernoulli.pmf([0, 1], 0.25)
    Tensor([0.75, 0.25])
    """

    name, shapes, lower, upper, inner = "bernoulli", ("p",), 0.0, 1.0, 0.0

    def _allowed(self, p: Any) -> Any:
        return _fraction(p)

    def _logpmf(self, k: Tensor, p: Tensor) -> Tensor:
        return special.xlogy(k, p) + special.xlog1py(1 - k, -p)

    def _cdf(self, k: Tensor, p: Tensor) -> Tensor:
        return 1 - p + 0.0 * k

    def _sf(self, k: Tensor, p: Tensor) -> Tensor:
        return p + 0.0 * k

    def _moments(self, p: Tensor) -> tuple[Any, Any]:
        return p, p * (1 - p)

    def _entropy(self, p: Tensor) -> Any:
        return special.entr(p) + special.entr(1 - p)


class Geometric(Discrete):
    """The number of trials up to the first success, which has probability p.

    >>> from adjoint.scipy.stats import geom
    >>> geom.pmf(2, 0.5)
    Tensor(0.25)
    """

    name, shapes, lower = "geom", ("p",), 1.0

    def _allowed(self, p: Any) -> Any:
        return both(_fraction(p), positive(p))

    def _logpmf(self, k: Tensor, p: Tensor) -> Tensor:
        return special.xlog1py(k - 1, -p) + log(p)

    def _cdf(self, k: Tensor, p: Tensor) -> Tensor:
        return -expm1(special.xlog1py(k, -p))

    def _sf(self, k: Tensor, p: Tensor) -> Tensor:
        return exp(special.xlog1py(k, -p))

    def _moments(self, p: Tensor) -> tuple[Any, Any]:
        return 1 / p, (1 - p) / (p * p)

    def _entropy(self, p: Tensor) -> Any:
        return -log(p) - special.xlog1py(1 - p, -p) / p


class NegativeBinomial(Discrete):
    """The number of failures before n successes, each with probability p; n may be broken.

    >>> from adjoint.scipy.stats import nbinom
    >>> nbinom.pmf(0, 2.0, 0.5)
    Tensor(0.25)
    """

    name, shapes, lower = "nbinom", ("n", "p"), 0.0

    def _allowed(self, n: Any, p: Any) -> Any:
        return both(positive(n), both(_fraction(p), positive(p)))

    def _logpmf(self, k: Tensor, n: Tensor, p: Tensor) -> Tensor:
        ways = special.gammaln(n + k) - special.gammaln(k + 1) - special.gammaln(n)
        return ways + n * log(p) + special.xlog1py(k, -p)

    def _cdf(self, k: Tensor, n: Tensor, p: Tensor) -> Tensor:
        return special.betainc(n, k + 1, p)

    def _sf(self, k: Tensor, n: Tensor, p: Tensor) -> Tensor:
        return special.betainc(k + 1, n, 1 - p)

    def _moments(self, n: Tensor, p: Tensor) -> tuple[Any, Any]:
        return n * (1 - p) / p, n * (1 - p) / (p * p)


poisson, binom, bernoulli = Poisson(), Binomial(), Bernoulli()
geom, nbinom = Geometric(), NegativeBinomial()
