"""Elementwise functions of ``scipy.special`` that are made of others. Composites."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special as core
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal, isinf, less_equal, logical_and
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.ops.elementwise.rounding import floor, rint
from adjoint.ops.elementwise.trigonometric import sin
from adjoint.scipy.common import floating, operand
from adjoint.scipy.special.calling import ufunc


@ufunc
def loggamma(z: Any, /) -> Tensor:
    """log Γ(z), for real numbers nan left of 0 (where it is complex); of complex ones its branch
    that is analytic but for the negative real line.

    >>> from adjoint.scipy.special import loggamma
    >>> loggamma(3.0)
    Tensor(0.69314718)
    """
    return core.loggamma(z)


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
    x = floating(x)
    return _scaled(x, log(x), operand(lmbda))


@ufunc
def boxcox1p(x: Any, lmbda: Any, /) -> Tensor:
    """`boxcox` of 1 + x.

    >>> from adjoint.scipy.special import boxcox1p
    >>> boxcox1p(2.0, 2.0)
    Tensor(4.)
    """
    x = floating(x)
    return _scaled(1 + x, log1p(x), operand(lmbda))


def _scaled(base: Tensor, logarithm: Tensor, lmbda: Any) -> Tensor:
    """(exp(λ l) - 1) / λ; where the logarithm l is infinite, by the power of its base."""
    lmbda = lmbda if isinstance(lmbda, Tensor) else as_tensor(lmbda, logarithm.dtype)
    end = isinf(logarithm)
    inner = where(end, 0.0, logarithm)
    zero = equal(lmbda, 0)
    exponent = where(zero, 1.0, lmbda)
    gone = logical_and(logarithm > 0, exponent < 0)  # ∞ to a negative power, with its slopes
    reached = where(gone, 0.0, power(where(logical_and(end, ~gone), base, 1.0), exponent))
    limit = (reached - 1) / exponent
    limit = where(zero, logarithm, limit)
    result: Tensor = where(end, limit, inner * core.exprel(lmbda * inner))
    return result


def _inverse(y: Tensor, lmbda: Any) -> Tensor:
    """log(1 + λ y) / λ, also of an infinite y."""
    lmbda = lmbda if isinstance(lmbda, Tensor) else as_tensor(lmbda, y.dtype)
    end, zero = isinf(y), equal(lmbda, 0)
    divisor = where(zero, 1.0, lmbda)
    limit = where(zero, y, log1p(divisor * where(end, y, 0.0)) / divisor)
    result: Tensor = where(end, limit, log1p_ratio(where(end, 0.0, y), lmbda))
    return result


@ufunc
def inv_boxcox(y: Any, lmbda: Any, /) -> Tensor:
    """The x of which y is `boxcox`.

    >>> from adjoint.scipy.special import inv_boxcox
    >>> inv_boxcox(4.0, 2.0)
    Tensor(3.)
    """
    return exp(_inverse(floating(y), operand(lmbda)))


@ufunc
def inv_boxcox1p(y: Any, lmbda: Any, /) -> Tensor:
    """The x of which y is `boxcox1p`.

    >>> from adjoint.scipy.special import inv_boxcox1p
    >>> inv_boxcox1p(4.0, 2.0)
    Tensor(2.)
    """
    return expm1(_inverse(floating(y), operand(lmbda)))


def log1p_ratio(y: Tensor, lmbda: Any) -> Tensor:
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
