"""Elementwise functions of ``scipy.special`` that are made of others. Composites."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array import special as core
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal, less_equal
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.ops.elementwise.rounding import floor, rint
from adjoint.ops.elementwise.trigonometric import sin
from adjoint.scipy.common import constant, floating, integer, operand
from adjoint.scipy.special.calling import ufunc


def _integral(name: str, of: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A Bessel function of integer order, by that of real order."""

    def function(n: Any, x: Any, /) -> Tensor:
        return of(constant(f"scipy.special.{name}", "n", n).astype(floating(x).dtype), x)

    function.__doc__ = f"The Bessel function {name} of integer order n."
    return ufunc(function, name)


kn = _integral("kn", core.kv)
yn = _integral("yn", core.yv)


@ufunc
def loggamma(x: Any, /) -> Tensor:
    """log Γ(x) of real numbers, nan for negative ones (whose logarithm is complex).

    >>> from adjoint.scipy.special import loggamma
    >>> loggamma(3.0)
    Tensor(0.69314718)
    """
    x = floating(x)
    return core.gammaln(where(x < 0, np.nan, x))


@ufunc
def kl_div(x: Any, y: Any, /) -> Tensor:
    """x log(x / y) - x + y, ∞ outside x ≥ 0, y > 0 (and y where x = 0).

    >>> from adjoint.scipy.special import kl_div
    >>> kl_div(1.0, 1.0)
    Tensor(0.)
    """
    return core.kl_div(x, y)


@ufunc
def huber(delta: Any, r: Any, /) -> Tensor:
    """r² / 2 where |r| ≤ δ, else δ (|r| - δ / 2); ∞ for negative δ.

    >>> from adjoint.scipy.special import huber
    >>> huber(1.0, 3.0)
    Tensor(2.5)
    """
    delta, r = floating(delta), floating(r)
    near = less_equal(abs(r), delta)
    value = where(near, 0.5 * r * r, delta * (abs(r) - 0.5 * delta))
    return where(delta < 0, np.inf, value)


@ufunc
def pseudo_huber(delta: Any, r: Any, /) -> Tensor:
    """δ² (√(1 + (r/δ)²) - 1), 0 where δ = 0; ∞ for negative δ.

    >>> from adjoint.scipy.special import pseudo_huber
    >>> pseudo_huber(3.0, 4.0)
    Tensor(6.)
    """
    delta, r = floating(delta), operand(r)
    gone = equal(delta, 0)
    width = where(gone, 1.0, delta)
    ratio = r / width
    value = r * r / (sqrt(1 + ratio * ratio) + 1)
    return where(delta < 0, np.inf, where(gone, 0.0, value))


@ufunc
def exp10(x: Any, /) -> Tensor:
    """10ˣ.

    >>> from adjoint.scipy.special import exp10
    >>> exp10(2.0)
    Tensor(100.)
    """
    return power(10.0, floating(x))


@ufunc
def cosm1(x: Any, /) -> Tensor:
    """cos(x) - 1, exact near 0 too.

    >>> from adjoint.scipy.special import cosm1
    >>> cosm1(0.0)
    Tensor(-0.)
    """
    half = sin(floating(x) * 0.5)
    result: Tensor = -2.0 * half * half
    return result


@ufunc
def powm1(x: Any, y: Any, /) -> Tensor:
    """x^y - 1, exact near 0 too.

    >>> from adjoint.scipy.special import powm1
    >>> powm1(2.0, 3.0)
    Tensor(7.)
    """
    x, y = floating(x), operand(y)
    inside = x > 0
    by_log = expm1(y * log(where(inside, x, 1.0)))
    return where(inside, by_log, power(where(inside, 1.0, x), y) - 1)


@ufunc
def boxcox(x: Any, lmbda: Any, /) -> Tensor:
    """(x^λ - 1) / λ, and log x at λ = 0, where the derivatives by λ are right too.

    >>> from adjoint.scipy.special import boxcox
    >>> boxcox(3.0, 2.0)
    Tensor(4.)
    """
    return _scaled(log(floating(x)), operand(lmbda))


@ufunc
def boxcox1p(x: Any, lmbda: Any, /) -> Tensor:
    """`boxcox` of 1 + x.

    >>> from adjoint.scipy.special import boxcox1p
    >>> boxcox1p(2.0, 2.0)
    Tensor(4.)
    """
    return _scaled(log1p(floating(x)), operand(lmbda))


def _scaled(logarithm: Tensor, lmbda: Any) -> Tensor:
    """(exp(λ l) - 1) / λ"""
    result: Tensor = logarithm * core.exprel(lmbda * logarithm)
    return result


@ufunc
def inv_boxcox(y: Any, lmbda: Any, /) -> Tensor:
    """The x of which y is `boxcox`.

    >>> from adjoint.scipy.special import inv_boxcox
    >>> inv_boxcox(4.0, 2.0)
    Tensor(3.)
    """
    return exp(_log1p_ratio(floating(y), operand(lmbda)))


@ufunc
def inv_boxcox1p(y: Any, lmbda: Any, /) -> Tensor:
    """The x of which y is `boxcox1p`.

    >>> from adjoint.scipy.special import inv_boxcox1p
    >>> inv_boxcox1p(4.0, 2.0)
    Tensor(2.)
    """
    return expm1(_log1p_ratio(floating(y), operand(lmbda)))


def _log1p_ratio(y: Tensor, lmbda: Any) -> Tensor:
    """log(1 + λ y) / λ; for small λ y by its series y (1 - t/2 + t²/3 - …), t = λ y."""
    t = lmbda * y
    near = abs(t) < 0.01
    small = where(near, t, 0.0)
    series = 0.0 * small
    for k in range(14, 0, -1):
        series = (1 / k if k % 2 else -1 / k) + series * small
    far = where(near, 1.0, t)
    result: Tensor = y * where(near, series, log1p(far) / far)
    return result


@ufunc
def rgamma(x: Any, /) -> Tensor:
    """1 / Γ(x), 0 at the poles of Γ; left of ½ by reflection.

    >>> from adjoint.scipy.special import rgamma
    >>> rgamma(4.0)
    Tensor(0.16666667)
    """
    x = floating(x)
    right = x > 0.5
    left = where(right, 0.5, x)
    whole = rint(left)
    parity = 1 - 2 * (whole - 2 * floor(whole * 0.5))
    reflected = core.gamma(1 - left) * parity * sin(math.pi * (left - whole)) / math.pi
    return where(right, 1 / core.gamma(where(right, x, 1.0)), reflected)


@ufunc
def poch(z: Any, m: Any, /) -> Tensor:
    """The rising factorial Γ(z + m) / Γ(z).

    >>> from adjoint.scipy.special import poch
    >>> poch(2.0, 3.0)
    Tensor(24.)
    """
    z, m = floating(z), operand(m)
    size = exp(core.gammaln(z + m) - core.gammaln(z))
    result: Tensor = core.gammasgn(z + m) * core.gammasgn(z) * size
    return result


@ufunc
def betaincc(a: Any, b: Any, x: Any, /) -> Tensor:
    """1 - betainc(a, b, x).

    >>> from adjoint.scipy.special import betaincc
    >>> betaincc(2.0, 3.0, 0.5)
    Tensor(0.3125)
    """
    return core.betainc(b, a, 1 - operand(x))


@ufunc
def betainccinv(a: Any, b: Any, y: Any, /) -> Tensor:
    """The x with betaincc(a, b, x) = y.

    >>> from adjoint.scipy.special import betainccinv
    >>> betainccinv(2.0, 3.0, 0.3125)
    Tensor(0.5)
    """
    result: Tensor = 1 - core.betaincinv(b, a, y)
    return result


@ufunc
def chdtr(v: Any, x: Any, /) -> Tensor:
    """The distribution function of χ² with v degrees of freedom.

    >>> from adjoint.scipy.special import chdtr
    >>> chdtr(2.0, 0.0)
    Tensor(0.)
    """
    return core.gammainc(operand(v) * 0.5, operand(x) * 0.5)


@ufunc
def chdtrc(v: Any, x: Any, /) -> Tensor:
    """1 - chdtr(v, x).

    >>> from adjoint.scipy.special import chdtrc
    >>> chdtrc(2.0, 0.0)
    Tensor(1.)
    """
    return core.gammaincc(operand(v) * 0.5, operand(x) * 0.5)


@ufunc
def pdtr(k: Any, m: Any, /) -> Tensor:
    """The distribution function of Poisson's distribution with mean m.

    >>> from adjoint.scipy.special import pdtr
    >>> pdtr(0.0, 1.0)
    Tensor(0.36787944)
    """
    return core.gammaincc(_events(k), m)


@ufunc
def pdtrc(k: Any, m: Any, /) -> Tensor:
    """1 - pdtr(k, m).

    >>> from adjoint.scipy.special import pdtrc
    >>> pdtrc(0.0, 1.0)
    Tensor(0.63212056)
    """
    return core.gammainc(_events(k), m)


def _events(k: Any) -> Any:
    """⌊k⌋ + 1"""
    return math.floor(k) + 1.0 if type(k) in (int, float) else floor(floating(k)) + 1


@ufunc
def fdtr(dfn: Any, dfd: Any, x: Any, /) -> Tensor:
    """The distribution function of F with dfn and dfd degrees of freedom.

    >>> from adjoint.scipy.special import fdtr
    >>> fdtr(2.0, 2.0, 1.0)
    Tensor(0.5)
    """
    dfn, dfd, x = floating(dfn), operand(dfd), operand(x)
    return core.betainc(dfn * 0.5, dfd * 0.5, dfn * x / (dfd + dfn * x))


@ufunc
def fdtrc(dfn: Any, dfd: Any, x: Any, /) -> Tensor:
    """1 - fdtr(dfn, dfd, x).

    >>> from adjoint.scipy.special import fdtrc
    >>> fdtrc(2.0, 2.0, 1.0)
    Tensor(0.5)
    """
    dfn, dfd, x = floating(dfn), operand(dfd), operand(x)
    return core.betainc(dfd * 0.5, dfn * 0.5, dfd / (dfd + dfn * x))


def _recurrence(
    name: str, first: Callable[[Tensor], Any], step: Callable[[int, Tensor], tuple[Any, Any]]
) -> Callable[..., Tensor]:
    """Orthogonal polynomials of a whole degree by pₖ₊₁ = α pₖ - β pₖ₋₁, which `step` gives."""

    def function(n: Any, x: Any, /) -> Tensor:
        degree = integer(f"scipy.special.{name}", "n", n)
        x = floating(x)
        before, now = 0.0 * x, 1.0 + 0.0 * x
        for k in range(degree):
            alpha, beta = (first(x), 0.0) if k == 0 else step(k, x)
            before, now = now, alpha * now - beta * before
        result: Tensor = now
        return result

    function.__doc__ = f"The polynomial {name} of a whole degree n."
    return ufunc(function, name)


eval_legendre = _recurrence(
    "eval_legendre", lambda x: x, lambda k, x: ((2 * k + 1) / (k + 1) * x, k / (k + 1))
)
eval_chebyt = _recurrence("eval_chebyt", lambda x: x, lambda k, x: (2.0 * x, 1.0))
eval_chebyu = _recurrence("eval_chebyu", lambda x: 2.0 * x, lambda k, x: (2.0 * x, 1.0))
eval_hermite = _recurrence("eval_hermite", lambda x: 2.0 * x, lambda k, x: (2.0 * x, 2.0 * k))
eval_hermitenorm = _recurrence("eval_hermitenorm", lambda x: x, lambda k, x: (x, float(k)))
eval_laguerre = _recurrence(
    "eval_laguerre", lambda x: 1 - x, lambda k, x: ((2 * k + 1 - x) / (k + 1), k / (k + 1))
)
