"""Kelvin's functions: real and imaginary parts of Bessel functions on a diagonal.

ber + i bei = J₀(x exp(3πi/4)) and ker + i kei = K₀(x exp(πi/4)) solve w'' + w'/x = i w (NIST
Digital Library of Mathematical Functions, 10.61).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special.scipy_function import keep_dtype

__all__ = ["bei", "beip", "ber", "berp", "kei", "keip", "kelvin", "ker", "kerp"]

_TERMS = 6


def _value(x: Any, which: int) -> Any:
    """Of ber, bei, ker, kei, and the same four differentiated, the one that `which` counts."""
    special = import_module("scipy.special")
    bessel, diagonal = ((special.jv, 0.75), (special.kv, 0.25))[which // 2 % 2]
    turn = np.exp(1j * math.pi * diagonal)
    size = np.asarray(np.abs(x) if which % 4 < 2 else x, np.float64)
    z = size * turn
    with np.errstate(invalid="ignore"):
        found = bessel(0, z) if which < 4 else -turn * bessel(1, z)
    part = np.asarray(found.imag if which % 2 else found.real)
    if which % 4 < 2:
        part = np.where(size < 1, _berp_near(size), part) if which == 4 else part
        part = np.where(np.sign(x) < 0, -part, part) if which >= 4 else part
    else:
        part = np.where(size > 0, part, _at_zero(which, size))
    return keep_dtype(part, x)


def _berp_near(x: Any) -> Any:
    """ber' for 0 ≤ x < 1 by its series, as J₁ is nearly imaginary there."""
    half = 0.5 * np.minimum(x, 1.0)
    factors = [(-1) ** k * 2 * k / math.factorial(2 * k) ** 2 for k in range(1, _TERMS)]
    return sum(factor * half ** (4 * k - 1) for k, factor in enumerate(factors, 1))


def _at_zero(which: int, x: Any) -> Any:
    """ker, kei, ker' and kei' at 0; nan left of it."""
    limits = {2: math.inf, 3: -math.pi / 4, 6: -math.inf, 7: 0.0}
    return np.where(x == 0, limits[which], math.nan)


def _ratio(x: Tensor, which: int) -> Tensor:
    """The derivative by x, divided by x; near 0 by the series, if there is one."""
    if which > 1:
        return _part(x, which + 4) / x
    near = abs(x) < 1
    half, far = where(near, 0.5 * x, 0.0), where(near, 1.0, x)
    square = half * half
    series: Any = 0.0
    for k in range(_TERMS, -1, -1):
        n = 2 * k + (which or 2)  # the term (-1)ᵏ (x/2)²ⁿ / n!², the first of ber being a constant
        series = 0.5 * n / math.factorial(n) ** 2 - series * square * square
    series = series if which else -series * square
    return where(near, series, _part(far, which + 4) / far)


def _slope(x: Tensor, y: Tensor, which: int) -> Tensor:
    if which < 4:
        return _part(x, which + 4)
    plain = which - 4
    other = _part(x, plain ^ 1)
    return (other if plain % 2 else -other) - _ratio(x, plain)


_kelvin = register(
    Elementwise(
        "kelvin",
        _value,
        (_slope,),
        accepts="real",
        domain=((0.3, 3.0),),
        param_names=("which",),
        samples=((1,), (2,), (4,), (7,)),
    )
)


def _part(x: Any, which: int) -> Tensor:
    return apply(_kelvin, (x,), (which,))


@public
def ber(x: Any, /) -> Tensor:
    """Kelvin's function ber, the real part of J₀(x exp(3πi/4)). Elementwise, of real numbers.

    >>> import adjoint as ad
    >>> ad.special.ber(0.0)
    Tensor(1.)
    """
    return _part(x, 0)


@public
def bei(x: Any, /) -> Tensor:
    """Kelvin's function bei, the imaginary part of J₀(x exp(3πi/4)). Elementwise, of real numbers.

    >>> import adjoint as ad
    >>> ad.special.bei(1.0)
    Tensor(0.24956604)
    """
    return _part(x, 1)


@public
def ker(x: Any, /) -> Tensor:
    """Kelvin's function ker, the real part of K₀(x exp(πi/4)). Elementwise, of real x > 0.

    >>> import adjoint as ad
    >>> ad.special.ker(1.0)
    Tensor(0.28670621)
    """
    return _part(x, 2)


@public
def kei(x: Any, /) -> Tensor:
    """Kelvin's function kei, the imaginary part of K₀(x exp(πi/4)). Elementwise, of real x > 0.

    >>> import adjoint as ad
    >>> ad.special.kei(1.0)
    Tensor(-0.49499464)
    """
    return _part(x, 3)


@public
def berp(x: Any, /) -> Tensor:
    """The derivative of `ber`. Elementwise, of real numbers.

    >>> import adjoint as ad
    >>> ad.special.berp(1.0)
    Tensor(-0.06244575)
    """
    return _part(x, 4)


@public
def beip(x: Any, /) -> Tensor:
    """The derivative of `bei`. Elementwise, of real numbers.

    >>> import adjoint as ad
    >>> ad.special.beip(1.0)
    Tensor(0.49739651)
    """
    return _part(x, 5)


@public
def kerp(x: Any, /) -> Tensor:
    """The derivative of `ker`. Elementwise, of real x > 0.

    >>> import adjoint as ad
    >>> ad.special.kerp(1.0)
    Tensor(-0.69460389)
    """
    return _part(x, 6)


@public
def keip(x: Any, /) -> Tensor:
    """The derivative of `kei`. Elementwise, of real x > 0.

    >>> import adjoint as ad
    >>> ad.special.keip(1.0)
    Tensor(0.35236991)
    """
    return _part(x, 7)


@public
def kelvin(x: Any, /) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """ber + i bei, ker + i kei, and the derivatives of both. Elementwise; four complex tensors.

    >>> import adjoint as ad
    >>> ad.special.kelvin(1.0)[0]
    Tensor(0.98438178+0.24956604j)
    """
    x = as_tensor(x)
    ber, bei, ker, kei, berp, beip, kerp, keip = (_part(x, which) for which in range(8))
    return ber + 1j * bei, ker + 1j * kei, berp + 1j * beip, kerp + 1j * keip
