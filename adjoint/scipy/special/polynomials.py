"""Orthogonal polynomials and spherical harmonics of ``scipy.special``, of whole degrees.

By their recurrences of three terms (NIST Handbook of Mathematical Functions, 18.9), whose
derivatives by the argument and by the parameters follow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array import special as core
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.elementwise.trigonometric import cos, sin
from adjoint.scipy.common import constant, floating, integer, operand, refuse, unsupported
from adjoint.scipy.special.calling import ufunc

Step = Callable[[int], tuple[Any, Any, Any]]
"""α, β and γ of pₖ₊₁ = (α x + β) pₖ - γ pₖ₋₁."""


def _degrees(name: str, n: Any) -> Any:
    degrees = constant(f"scipy.special.{name}", "n", n)
    if degrees.size and ((degrees != np.floor(degrees)).any() or degrees.min() < 0):
        raise unsupported(f"scipy.special.{name}", "n", n, "give whole degrees, n >= 0")
    return degrees.astype(int)


def _polynomial(name: str, n: Any, x: Any, step: Step) -> Tensor:
    """The polynomial of each degree of `n` at `x`."""
    degrees, x = _degrees(name, n), floating(x)
    one = degrees.item() if degrees.ndim == 0 else None
    before, now = 0.0 * x, 1.0 + 0.0 * x
    result = now if one is not None else where(degrees == 0, now, 0.0)
    for k in range(int(degrees.max(initial=0))):
        alpha, beta, gamma = step(k)
        before, now = now, (alpha * x + beta) * now - gamma * before
        result = now if one is not None else where(degrees == k + 1, now, result)
    return result


def _family(name: str, step: Step) -> Callable[..., Tensor]:
    def function(n: Any, x: Any, /) -> Tensor:
        return _polynomial(name, n, x, step)

    function.__doc__ = f"The polynomial {name} of a whole degree n."
    return ufunc(function, name)


eval_legendre = _family("eval_legendre", lambda k: ((2 * k + 1) / (k + 1), 0.0, k / (k + 1)))
eval_chebyt = _family("eval_chebyt", lambda k: (2.0 if k else 1.0, 0.0, 1.0))
eval_chebyu = _family("eval_chebyu", lambda k: (2.0, 0.0, 1.0))
eval_hermite = _family("eval_hermite", lambda k: (2.0, 0.0, 2.0 * k))
eval_hermitenorm = _family("eval_hermitenorm", lambda k: (1.0, 0.0, float(k)))
eval_laguerre = _family(
    "eval_laguerre", lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1))
)


@ufunc
def eval_chebyc(n: Any, x: Any, /) -> Tensor:
    """Twice the Chebyshev polynomial of the first kind at x/2.

    >>> from adjoint.scipy.special import eval_chebyc
    >>> eval_chebyc(2, 3.0)
    Tensor(7.)
    """
    result: Tensor = 2.0 * eval_chebyt(n, floating(x) * 0.5)
    return result


@ufunc
def eval_chebys(n: Any, x: Any, /) -> Tensor:
    """The Chebyshev polynomial of the second kind at x/2.

    >>> from adjoint.scipy.special import eval_chebys
    >>> eval_chebys(2, 3.0)
    Tensor(8.)
    """
    return eval_chebyu(n, floating(x) * 0.5)


@ufunc
def eval_sh_legendre(n: Any, x: Any, /) -> Tensor:
    """The Legendre polynomial at 2x - 1.

    >>> from adjoint.scipy.special import eval_sh_legendre
    >>> eval_sh_legendre(1, 2.0)
    Tensor(3.)
    """
    return eval_legendre(n, 2 * floating(x) - 1)


@ufunc
def eval_sh_chebyt(n: Any, x: Any, /) -> Tensor:
    """The Chebyshev polynomial of the first kind at 2x - 1.

    >>> from adjoint.scipy.special import eval_sh_chebyt
    >>> eval_sh_chebyt(1, 2.0)
    Tensor(3.)
    """
    return eval_chebyt(n, 2 * floating(x) - 1)


@ufunc
def eval_sh_chebyu(n: Any, x: Any, /) -> Tensor:
    """The Chebyshev polynomial of the second kind at 2x - 1.

    >>> from adjoint.scipy.special import eval_sh_chebyu
    >>> eval_sh_chebyu(1, 2.0)
    Tensor(6.)
    """
    return eval_chebyu(n, 2 * floating(x) - 1)


@ufunc
def eval_genlaguerre(n: Any, alpha: Any, x: Any, /) -> Tensor:
    """Laguerre's generalised polynomial of a whole degree n; alpha has a derivative.

    >>> from adjoint.scipy.special import eval_genlaguerre
    >>> eval_genlaguerre(1, 0.5, 2.0)
    Tensor(-0.5)
    """
    alpha = operand(alpha)

    def step(k: int) -> tuple[Any, Any, Any]:
        return -1 / (k + 1), (2 * k + 1 + alpha) / (k + 1), (k + alpha) / (k + 1)

    return _polynomial("eval_genlaguerre", n, x, step)


@ufunc
def eval_gegenbauer(n: Any, alpha: Any, x: Any, /) -> Tensor:
    """Gegenbauer's polynomial of a whole degree n; alpha has a derivative.

    >>> from adjoint.scipy.special import eval_gegenbauer
    >>> eval_gegenbauer(1, 0.5, 2.0)
    Tensor(2.)
    """
    alpha = operand(alpha)

    def step(k: int) -> tuple[Any, Any, Any]:
        return 2 * (k + alpha) / (k + 1), 0.0, (k - 1 + 2 * alpha) / (k + 1)

    return _polynomial("eval_gegenbauer", n, x, step)


@ufunc
def eval_jacobi(n: Any, alpha: Any, beta: Any, x: Any, /) -> Tensor:
    """Jacobi's polynomial of a whole degree n; alpha and beta have derivatives.

    >>> from adjoint.scipy.special import eval_jacobi
    >>> eval_jacobi(1, 1.0, 2.0, 0.5)
    Tensor(0.75)
    """
    a, b = operand(alpha), operand(beta)

    def step(k: int) -> tuple[Any, Any, Any]:
        if k == 0:
            return 0.5 * (a + b + 2), 0.5 * (a - b), 0.0
        s = 2 * k + a + b
        below = 2 * (k + 1) * (k + a + b + 1)
        middle = (a * a - b * b) * (s + 1) / (below * s)
        last = 2 * (k + a) * (k + b) * (s + 2) / (below * s)
        return (s + 1) * (s + 2) / below, middle, last

    return _polynomial("eval_jacobi", n, x, step)


@ufunc
def eval_sh_jacobi(n: Any, p: Any, q: Any, x: Any, /) -> Tensor:
    """Jacobi's shifted polynomial of a whole degree n; p and q have derivatives.

    >>> from adjoint.scipy.special import eval_sh_jacobi
    >>> eval_sh_jacobi(1, 2.0, 1.0, 0.5)
    Tensor(0.16666667)
    """
    degrees, p, q = _degrees("eval_sh_jacobi", n), operand(p), operand(q)
    value = eval_jacobi(degrees, p - q, q - 1, 2 * floating(x) - 1)
    return value / core.binom(2.0 * degrees + p - 1, degrees)


def _associated(degree: int, order: int, c: Tensor, power: Any) -> Tensor:
    """Legendre's associated function of 0 ≤ order ≤ degree, by the cosine of the angle and this
    `power` of its sine."""
    first = math.prod(range(1, 2 * order, 2)) * (-1) ** order
    before, now = 0.0 * c, first * power + 0.0 * c
    for k in range(order + 1, degree + 1):
        rest = (k + order - 1) / (k - order)
        before, now = now, (2 * k - 1) / (k - order) * c * now - rest * before
    result: Tensor = now
    return result


def _harmonic_orders(name: str, degree: Any, order: Any) -> tuple[int, int]:
    whole = integer(f"scipy.special.{name}", "the degree", degree)
    if whole < 0:
        raise unsupported(f"scipy.special.{name}", "the degree", degree, "give a whole one, n >= 0")
    return whole, integer(f"scipy.special.{name}", "m", order)


@ufunc
def lpmv(m: Any, v: Any, x: Any, /) -> Tensor:
    """Legendre's associated function of whole order m and degree v, for -1 ≤ x ≤ 1.

    >>> from adjoint.scipy.special import lpmv
    >>> lpmv(0, 1, 0.5)
    Tensor(0.5)
    """
    degree, order = _harmonic_orders("lpmv", v, m)
    x = floating(x)
    size = abs(order)
    if size > degree:
        return as_tensor(0.0 * x)
    square = 1 - x * x
    power = square ** (size // 2) * (sqrt(square) if size % 2 else 1.0)
    value = _associated(degree, size, x, power)
    if order < 0:
        value = value * (
            (-1) ** size * math.factorial(degree - size) / math.factorial(degree + size)
        )
    return value


def sph_harm_y(*args: Any, **kwargs: Any) -> Tensor:
    """The spherical harmonic of n, m, theta, phi: whole degree and order, polar, azimuthal angle.

    >>> from adjoint.scipy.special import sph_harm_y
    >>> sph_harm_y(1, 0, 0.0, 0.0).real
    Tensor(0.48860251)
    """
    return _sph_harm_y(*args, **kwargs)


def _sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: Any = 0) -> Tensor:
    refuse("scipy.special.sph_harm_y", diff_n=(diff_n, 0))
    degree, order = _harmonic_orders("sph_harm_y", n, m)
    theta, phi = floating(theta), floating(phi)
    size = abs(order)
    ratio = math.factorial(max(degree - size, 0)) / math.factorial(degree + size)
    scale = math.sqrt((2 * degree + 1) / (4 * math.pi) * ratio) if size <= degree else 0.0
    if order < 0 and size % 2:
        scale = -scale
    value = 0.0 * theta
    if size <= degree:
        value = _associated(degree, size, cos(theta), sin(theta) ** size)
    result: Tensor = scale * value * exp(1j * order * phi)
    return result
