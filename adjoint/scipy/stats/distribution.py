"""What distributions of one variable share: arguments, supports, methods, frozen distributions.

A distribution states its standard form (loc 0, scale 1) by functions of tensors. Where the
variable is outside the support a constant stands, so no derivative comes from there; where a
parameter or a probability is not allowed, value and derivatives are nan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, NotDifferentiableError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, DType
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal, isfinite, isnan, logical_and, logical_not
from adjoint.ops.elementwise.exponential import exp, log, log1p
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.scipy.common import real_dtype
from adjoint.scipy.stats.quantiles import quantile, upper_quantile

INF = float("inf")


def both(a: Any, b: Any) -> Any:
    """Whether two conditions hold, each True, False or a tensor."""
    if a is True or b is False:
        return b
    return a if b is True or a is False else logical_and(a, b)


def positive(x: Any) -> Any:
    """Whether `x` > 0."""
    return bool(x > 0) if type(x) in (int, float, bool) else as_tensor(x) > 0


def unless(valid: Any, result: Tensor) -> Tensor:
    """`result`, nan with its derivatives where `valid` does not hold."""
    if valid is True:
        return result
    if valid is False:
        return result * np.nan
    factor: Tensor = where(valid, 1.0, np.nan)
    return result * as_tensor(factor, result.node.dtype)


def moved(x: Any, loc: Any, scale: Any) -> Any:
    """x scale + loc, of which either may be None."""
    x = x if scale is None else x * scale
    return x if loc is None else x + loc


def at_edge(edge: Tensor, exponent: Any, rest: Any, logpdf: Callable[..., Tensor]) -> Tensor:
    """The density edge^exponent exp(rest): so where `edge` is 0, else by its logarithm.

    exp(-∞) has no slope to give, which 0^exponent has.
    """
    here = equal(edge, 0)
    density = power(where(here, edge, 1.0), exponent) * exp(where(here, rest, 0.0))
    return where(here, density, exp(logpdf(here)))


def from_edge(
    edge: Tensor, exponent: Any, rest: Any, f: Callable[..., Tensor], above: bool = False
) -> Tensor:
    """The probability `f`: where `edge` is 0 by a density edge^(exponent - 1) exp(rest).

    It is that of less than `edge`, or with `above` that of more. Elsewhere `f` gives it, whose
    slope at 0 may be of the kind 0 times ∞.
    """
    here = equal(edge, 0)
    below = power(where(here, edge, 1.0), exponent) * exp(rest) / exponent
    return where(here, 1 - below if above else below, f(where(here, 1.0, edge)))


def log_probability(p: Tensor, opposite: Tensor) -> Tensor:
    """log p, by the opposite probability where p is nearly 1 and has lost it."""
    near = p > 0.5
    return where(near, log1p(-where(near, opposite, 0.0)), log(where(near, 1.0, p)))


class Distribution:
    """The arguments and methods that discrete and continuous distributions have in common."""

    name = ""
    shapes: tuple[str, ...] = ()
    lower: float = -INF
    upper: float = INF
    inner: float = 0.0
    """A place inside every support that the class describes."""
    scaled = True
    vanishes = False
    """Whether the density is 0 at the lower end of the support with all its derivatives."""
    vanishes_above = False
    """The same of the upper end."""
    finite = False
    """Whether what the class states holds for finite variables only."""

    @property
    def numargs(self) -> int:
        """The number of shape parameters."""
        return len(self.shapes)

    def __call__(self, *args: Any, **kwds: Any) -> Frozen:
        return Frozen(self, args, kwds)

    freeze = __call__

    def _bind(self, method: str, args: tuple[Any, ...], kwds: dict[str, Any]) -> list[Any]:
        """Shapes, loc and scale as they were given."""
        names = [*self.shapes, "loc", *(["scale"] if self.scaled else [])]
        where_ = f"scipy.stats.{self.name}.{method}"
        if len(args) > len(names):
            raise ArgumentError(f"{where_}: takes at most {', '.join(names)}; got {len(args)}")
        given = dict(zip(names, args, strict=False))
        for key, value in kwds.items():
            if key not in names or key in given:
                what = "was given twice" if key in given else "is not known"
                raise ArgumentError(f"{where_}: the parameter {key!r} {what}; there are {names}")
            given[key] = value
        missing = [shape for shape in self.shapes if shape not in given]
        if missing:
            raise ArgumentError(f"{where_}: the parameter {missing[0]!r} is missing; give it")
        return [given[s] for s in self.shapes] + [given.get("loc", 0), given.get("scale", 1)]

    def _parameters(
        self, method: str, args: tuple[Any, ...], kwds: dict[str, Any], *others: Any
    ) -> tuple[list[Tensor], Any, Any, Any, DType]:
        """Shapes, loc and scale (None where they say nothing), validity, the dtype."""
        *shapes, loc, scale = self._bind(method, args, kwds)
        dtype = real_dtype(*shapes, loc, scale, *others)
        valid = both(positive(scale), self._allowed(*shapes))
        shapes = [as_tensor(s, dtype) for s in shapes]
        loc = None if type(loc) in (int, float) and loc == 0 else as_tensor(loc, dtype)
        scale = None if type(scale) in (int, float) and scale == 1 else as_tensor(scale, dtype)
        return shapes, loc, scale, valid, dtype

    def _allowed(self, *shapes: Any, **_: Any) -> Any:
        """Whether the shape parameters are allowed; unless said otherwise, if positive."""
        result: Any = True
        for shape in shapes:
            result = both(result, positive(shape))
        return result

    def _support(self, *shapes: Any, **_: Any) -> tuple[Any, Any]:
        return self.lower, self.upper

    def _moments(self, *shapes: Any, **_: Any) -> tuple[Any, Any]:
        """Mean and variance."""
        raise NotDifferentiableError(
            f"scipy.stats.{self.name}: mean and variance have no differentiable counterpart here; "
            f"write them out"
        )

    def _entropy(self, *shapes: Any, **_: Any) -> Any:
        raise NotDifferentiableError(
            f"scipy.stats.{self.name}.entropy has no differentiable counterpart; sum or integrate "
            f"-pdf logpdf yourself"
        )

    def _summary(
        self, method: str, args: tuple[Any, ...], kwds: dict[str, Any]
    ) -> tuple[Any, Any, Any, DType]:
        """Mean, variance, validity and dtype."""
        shapes, loc, scale, valid, dtype = self._parameters(method, args, kwds)
        mean, variance = self._moments(*shapes)
        return (
            moved(mean, loc, scale),
            moved(moved(variance, None, scale), None, scale),
            valid,
            dtype,
        )

    def mean(self, *args: Any, **kwds: Any) -> Tensor:
        """The mean."""
        mean, _, valid, dtype = self._summary("mean", args, kwds)
        return unless(valid, as_tensor(mean, dtype))

    def var(self, *args: Any, **kwds: Any) -> Tensor:
        """The variance."""
        _, variance, valid, dtype = self._summary("var", args, kwds)
        return unless(valid, as_tensor(variance, dtype))

    def std(self, *args: Any, **kwds: Any) -> Tensor:
        """The standard deviation."""
        return sqrt(self.var(*args, **kwds))

    def stats(self, *args: Any, **kwds: Any) -> Any:
        """Mean and variance, as `moments` asks by the letters "m" and "v"."""
        wanted = kwds.pop("moments", "mv")
        if not wanted or any(letter not in "mv" for letter in wanted):
            raise self._unknown("stats", 'of the moments "m" and "v" are known')
        known = {"m": self.mean, "v": self.var}
        found = tuple(known[letter](*args, **kwds) for letter in wanted)
        return found if len(found) > 1 else found[0]

    def moment(self, order: int, *args: Any, **kwds: Any) -> Tensor:
        """The first or second moment about 0."""
        if order == 1:
            return self.mean(*args, **kwds)
        if order != 2:
            raise self._unknown("moment", "the orders 1 and 2 are known")
        mean = self.mean(*args, **kwds)
        return self.var(*args, **kwds) + mean * mean

    def support(self, *args: Any, **kwds: Any) -> tuple[Any, Any]:
        """The ends of the support."""
        shapes, loc, scale, _, dtype = self._parameters("support", args, kwds)
        low, high = (as_tensor(end, dtype) for end in self._support(*shapes))
        return moved(low, loc, scale), moved(high, loc, scale)

    def _unknown(self, method: str, cure: str) -> NotDifferentiableError:
        return NotDifferentiableError(
            f"scipy.stats.{self.name}.{method} has no differentiable counterpart; {cure}"
        )

    def rvs(self, *args: Any, **kwds: Any) -> Any:
        """Raises: a random draw has no derivative by parameters."""
        raise self._unknown(
            "rvs", "draw standard numbers outside, and transform them (loc + scale * z, or ppf)"
        )

    def fit(self, *args: Any, **kwds: Any) -> Any:
        """Raises: a fit runs a solver on plain numbers."""
        raise self._unknown("fit", "differentiate logpdf and minimise its negative sum")

    def expect(self, *args: Any, **kwds: Any) -> Any:
        """Raises: integrates adaptively on plain numbers."""
        raise self._unknown("expect", "integrate on fixed nodes, as scipy.integrate.fixed_quad")


class Continuous(Distribution):
    """A continuous distribution by its standard form."""

    # What a distribution states: functions of the variable and the shapes, which it names.

    def _logpdf(self, *values: Any, **_: Any) -> Any:
        raise NotImplementedError

    def _pdf(self, *values: Any, **_: Any) -> Any:
        return exp(self._logpdf(*values))

    def _cdf(self, *values: Any, **_: Any) -> Any:
        raise self._unknown("cdf", "of this distribution logpdf and pdf are known")

    def _sf(self, *values: Any, **_: Any) -> Any:
        return 1 - self._cdf(*values)

    def _logcdf(self, *values: Any, **_: Any) -> Any:
        return log_probability(self._cdf(*values), self._sf(*values))

    def _logsf(self, *values: Any, **_: Any) -> Any:
        return log_probability(self._sf(*values), self._cdf(*values))

    def _ppf(self, q: Any, *shapes: Any, **_: Any) -> Any:
        return quantile(self.name, self._pdf, self._cdf, q, *shapes)

    def _isf(self, q: Any, *shapes: Any, **_: Any) -> Any:
        return upper_quantile(self.name, self._pdf, self._sf, q, *shapes)

    # What users call.

    def _at(
        self,
        method: str,
        f: Callable[..., Tensor],
        outside: tuple[float, float],
        x: Any,
        args: tuple[Any, ...],
        kwds: dict[str, Any],
    ) -> Tensor:
        """`f` of the standardised variable inside the support; `outside` to its left and right."""
        shapes, loc, scale, valid, dtype = self._parameters(method, args, kwds, x)
        wanted = dtype
        if method in ("logcdf", "logsf") and dtype.itemsize < FLOAT64.itemsize:
            dtype = FLOAT64  # in which a small probability is not 0 before its logarithm is taken
            shapes = [as_tensor(s, dtype) for s in shapes]
        y = as_tensor(x, dtype)
        y = y if loc is None else y - loc
        y = y if scale is None else y / scale
        low, high = self._support(*shapes)
        value = self._inside(f, y, shapes, low, high, outside)
        value = as_tensor(value, wanted)
        if scale is not None and method == "pdf":
            value = value / scale
        elif scale is not None and method == "logpdf":
            value = value - log(scale)
        return unless(valid, value)

    def _inside(
        self,
        f: Callable[..., Tensor],
        y: Tensor,
        shapes: list[Tensor],
        low: Any,
        high: Any,
        outside: tuple[float, float],
    ) -> Tensor:
        inside: Any = True
        if not (type(low) is float and low == -INF):
            inside = both(inside, y > low if self.vanishes else y >= low)
        if not (type(high) is float and high == INF):
            inside = both(inside, y < high if self.vanishes_above else y <= high)
        if self.finite:
            inside = both(inside, isfinite(y))
        if inside is True:
            return f(y, *shapes)
        within = self._within(low, high)
        left, right = outside
        distance = y - low if left < right else high - y
        if left == right or min(left, right) != -INF:
            value = f(where(inside, y, within), *shapes)
        else:  # the logarithm of a probability, -∞ with the slope ∞ at one end of the support
            at_end = equal(distance, 0)
            value = f(where(logical_and(inside, logical_not(at_end)), y, within), *shapes)
            value = where(at_end, log(where(at_end, distance, 1.0)), value)
        rest: Any = left if left == right else where(y > within, right, left)
        return where(inside, value, where(isnan(y), y, rest))

    def _within(self, low: Any, high: Any) -> Any:
        return self.inner

    def pdf(self, x: Any, *args: Any, **kwds: Any) -> Tensor:
        """The density at `x`."""
        return self._at("pdf", self._pdf, (0.0, 0.0), x, args, kwds)

    def logpdf(self, x: Any, *args: Any, **kwds: Any) -> Tensor:
        """The logarithm of the density at `x`."""
        return self._at("logpdf", self._logpdf, (-INF, -INF), x, args, kwds)

    def cdf(self, x: Any, *args: Any, **kwds: Any) -> Tensor:
        """The probability of no more than `x`."""
        return self._at("cdf", self._cdf, (0.0, 1.0), x, args, kwds)

    def logcdf(self, x: Any, *args: Any, **kwds: Any) -> Tensor:
        """The logarithm of `cdf`."""
        return self._at("logcdf", self._logcdf, (-INF, 0.0), x, args, kwds)

    def sf(self, x: Any, *args: Any, **kwds: Any) -> Tensor:
        """The probability of more than `x`."""
        return self._at("sf", self._sf, (1.0, 0.0), x, args, kwds)

    def logsf(self, x: Any, *args: Any, **kwds: Any) -> Tensor:
        """The logarithm of `sf`."""
        return self._at("logsf", self._logsf, (0.0, -INF), x, args, kwds)

    def _quantile(
        self,
        method: str,
        f: Callable[..., Tensor],
        q: Any,
        args: tuple[Any, ...],
        kwds: dict[str, Any],
    ) -> Tensor:
        shapes, loc, scale, valid, dtype = self._parameters(method, args, kwds, q)
        q = as_tensor(q, dtype)
        known = logical_and(q >= 0, q <= 1)
        x = moved(f(q, *shapes), loc, scale)
        return unless(both(valid, known), x)

    def ppf(self, q: Any, *args: Any, **kwds: Any) -> Tensor:
        """The `x` with cdf(x) = q."""
        return self._quantile("ppf", self._ppf, q, args, kwds)

    def isf(self, q: Any, *args: Any, **kwds: Any) -> Tensor:
        """The `x` with sf(x) = q."""
        return self._quantile("isf", self._isf, q, args, kwds)

    def median(self, *args: Any, **kwds: Any) -> Tensor:
        """The `x` with cdf(x) = ½."""
        return self.ppf(0.5, *args, **kwds)

    def interval(self, confidence: Any, *args: Any, **kwds: Any) -> tuple[Tensor, Tensor]:
        """The ends of the interval of this probability with equal ones to its sides."""
        half = (1 - confidence) / 2
        return self.ppf(half, *args, **kwds), self.isf(half, *args, **kwds)

    def entropy(self, *args: Any, **kwds: Any) -> Tensor:
        """The differential entropy."""
        shapes, _, scale, valid, dtype = self._parameters("entropy", args, kwds)
        result = as_tensor(self._entropy(*shapes), dtype)
        if scale is not None:
            result = result + log(scale)
        return unless(valid, result)

    def nnlf(self, theta: Any, x: Any) -> Tensor:
        """-Σ logpdf(x) for the parameters `theta`: shapes, loc, scale."""
        return -self.logpdf(x, *theta).sum()


class Frozen:
    """A distribution with its parameters given, whose methods need them no more."""

    def __init__(self, dist: Any, args: tuple[Any, ...], kwds: dict[str, Any]) -> None:
        dist._bind("__call__", args, kwds)
        self.dist, self.args, self.kwds = dist, args, kwds

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self.dist, name):
            raise AttributeError(f"a frozen distribution has no attribute {name!r}")
        method = getattr(self.dist, name)
        if not callable(method):
            return method

        def bound(*args: Any, **kwds: Any) -> Any:
            return method(*args, *self.args, **self.kwds, **kwds)

        return bound
