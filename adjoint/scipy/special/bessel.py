"""Bessel functions of ``scipy.special`` that are made of others: scaled, Hankel's, derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from adjoint.array import special as core
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.exponential import exp
from adjoint.scipy.common import constant, floating, integer, operand, unsupported
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
def jve(v: Any, z: Any, /) -> Tensor:
    """jv(v, z) of real z; the factor exp(-|Im z|) of complex z is 1.

    >>> from adjoint.scipy.special import jve
    >>> jve(0.0, 0.0)
    Tensor(1.)
    """
    return core.jv(v, z)


@ufunc
def yve(v: Any, z: Any, /) -> Tensor:
    """yv(v, z) of real z; the factor exp(-|Im z|) of complex z is 1.

    >>> from adjoint.scipy.special import yve
    >>> yve(0.0, 1.0)
    Tensor(0.08825696)
    """
    return core.yv(v, z)


def _hankel(v: Any, z: Any, kind: float) -> Tensor:
    v, z = operand(v), floating(z)
    return core.jv(v, z) + kind * 1j * core.yv(v, z)


@ufunc
def hankel1(v: Any, z: Any, /) -> Tensor:
    """Hankel's function of the first kind jv(v, z) + i yv(v, z), of real z > 0.

    >>> from adjoint.scipy.special import hankel1
    >>> hankel1(0.0, 1.0)
    Tensor(0.76519769+0.08825696j)
    """
    return _hankel(v, z, 1.0)


@ufunc
def hankel2(v: Any, z: Any, /) -> Tensor:
    """Hankel's function of the second kind jv(v, z) - i yv(v, z), of real z > 0.

    >>> from adjoint.scipy.special import hankel2
    >>> hankel2(0.0, 1.0)
    Tensor(0.76519769-0.08825696j)
    """
    return _hankel(v, z, -1.0)


@ufunc
def hankel1e(v: Any, z: Any, /) -> Tensor:
    """hankel1(v, z) exp(-iz).

    >>> from adjoint.scipy.special import hankel1e
    >>> hankel1e(0.0, 1.0)
    Tensor(0.48770375-0.59620621j)
    """
    return _hankel(v, z, 1.0) * exp(-1j * floating(z))


@ufunc
def hankel2e(v: Any, z: Any, /) -> Tensor:
    """hankel2(v, z) exp(iz).

    >>> from adjoint.scipy.special import hankel2e
    >>> hankel2e(0.0, 1.0)
    Tensor(0.48770375+0.59620621j)
    """
    return _hankel(v, z, -1.0) * exp(1j * floating(z))


def _derivative(
    name: str, of: Callable[..., Tensor], v: Any, z: Any, n: Any, sign: float, scale: float = 1.0
) -> Tensor:
    """The n-th derivative by z: scaleⁿ 2⁻ⁿ Σ signᵏ (n choose k) of order v - n + 2k."""
    count = integer(f"scipy.special.{name}", "n", n)
    if count < 0:
        raise unsupported(f"scipy.special.{name}", "n", n, "give a whole number, n >= 0")
    v, z = operand(v), floating(z)
    total: Any = 0.0
    for k in range(count + 1):
        term = of(v - count + 2 * k, z)
        total = total + (scale / 2) ** count * sign**k * math.comb(count, k) * term
    result: Tensor = total
    return result


def jvp(v: Any, z: Any, n: Any = 1) -> Tensor:
    """The n-th derivative of jv(v, z) by z.

    >>> from adjoint.scipy.special import jvp
    >>> jvp(0.0, 1.0)
    Tensor(-0.44005059)
    """
    return _derivative("jvp", core.jv, v, z, n, -1.0)


def yvp(v: Any, z: Any, n: Any = 1) -> Tensor:
    """The n-th derivative of yv(v, z) by z.

    >>> from adjoint.scipy.special import yvp
    >>> yvp(0.0, 1.0)
    Tensor(0.78121282)
    """
    return _derivative("yvp", core.yv, v, z, n, -1.0)


def ivp(v: Any, z: Any, n: Any = 1) -> Tensor:
    """The n-th derivative of iv(v, z) by z.

    >>> from adjoint.scipy.special import ivp
    >>> ivp(0.0, 1.0)
    Tensor(0.5651591)
    """
    return _derivative("ivp", core.iv, v, z, n, 1.0)


def kvp(v: Any, z: Any, n: Any = 1) -> Tensor:
    """The n-th derivative of kv(v, z) by z.

    >>> from adjoint.scipy.special import kvp
    >>> kvp(0.0, 1.0)
    Tensor(-0.60190723)
    """
    return _derivative("kvp", core.kv, v, z, n, 1.0, -1.0)


def h1vp(v: Any, z: Any, n: Any = 1) -> Tensor:
    """The n-th derivative of hankel1(v, z) by z.

    >>> from adjoint.scipy.special import h1vp
    >>> h1vp(0.0, 1.0)
    Tensor(-0.44005059+0.78121282j)
    """
    return _derivative("h1vp", hankel1, v, z, n, -1.0)


def h2vp(v: Any, z: Any, n: Any = 1) -> Tensor:
    """The n-th derivative of hankel2(v, z) by z.

    >>> from adjoint.scipy.special import h2vp
    >>> h2vp(0.0, 1.0)
    Tensor(-0.44005059-0.78121282j)
    """
    return _derivative("h2vp", hankel2, v, z, n, -1.0)
