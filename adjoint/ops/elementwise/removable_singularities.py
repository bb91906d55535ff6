"""Functions with a removable singularity at 0, with derivatives of every order there.

sin(t)/t and (eᵗ - 1)/t are mean values, ∫₀¹ cos(ts) ds and ∫₀¹ eᵗˢ ds, and so are their n-th
derivatives, ∫₀¹ sⁿ cos⁽ⁿ⁾(ts) ds and ∫₀¹ sⁿ eᵗˢ ds. The order n is a parameter of the operation.
Near 0 the integral is taken by Gauss's rule, which is exact there to the last place; where
|t| > n + 2 by integrating by parts, whose recursion only divides by t, down to order 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor
from adjoint.ops.family.elementwise import Elementwise, apply

__all__ = ["sinc"]

_POINTS = 24


@cache
def _rule() -> list[tuple[float, float]]:
    """The points and weights of Gauss's rule on the interval from 0 to 1."""
    points, weights = import_module("numpy.polynomial.legendre").leggauss(_POINTS)
    return [
        (0.5 * (1 + p), 0.5 * w) for p, w in zip(points.tolist(), weights.tolist(), strict=True)
    ]


def _mean(kernel: Callable[[Any], Any], t: Any, order: int) -> Any:
    """∫₀¹ sⁿ kernel(ts) ds"""
    total = 0.0
    for point, weight in _rule():
        total = total + weight * point**order * kernel(t * point)
    return total


def _turned(x: Any, quarters: int) -> Any:
    """sin(x + quarters π/2), exactly turned."""
    value = np.cos(x) if quarters % 2 else np.sin(x)
    return -value if quarters % 4 > 1 else value


def _sinc_value(x: Any, order: int) -> Any:
    x = np.asarray(x)
    if order == 0:
        return np.sinc(x)
    wide = np.asarray(x, np.result_type(x, np.float64))
    t = math.pi * wide
    near = np.abs(t) < order + 2
    far = np.where(near, 1.0, t)
    inside = _mean(lambda ts: _turned(ts, order + 1), np.where(near, t, 0.0), order)
    outside = np.sin(far) / far
    for k in range(1, order + 1):
        outside = (_turned(far, k) - k * outside) / far
    return (math.pi**order * np.where(near, inside, outside)).astype(x.dtype)


def _exprel_value(x: Any, order: int) -> Any:
    x = np.asarray(x)
    t = np.asarray(x, np.float64)
    near = np.abs(t) < order + 2
    far = np.where(near, 1.0, t)
    inside = _mean(np.exp, np.where(near, t, 0.0), order)
    power = np.exp(far)
    outside = np.expm1(far) / far
    for k in range(1, order + 1):
        outside = (power - k * outside) / far
    outside = np.where(np.isposinf(power), np.inf, outside)
    return np.where(near, inside, outside).astype(x.dtype)


_ORDERS: dict[str, Any] = {"param_names": ("order",), "samples": ((0,), (1,), (2,))}

_sinc: Elementwise = register(
    Elementwise(
        "sinc",
        _sinc_value,
        (lambda x, y, order: apply(_sinc, (x,), (order + 1,)),),
        domain=((-2.0, 2.0),),
        **_ORDERS,
    )
)
_exprel: Elementwise = register(
    Elementwise(
        "exprel",
        _exprel_value,
        (lambda x, y, order: apply(_exprel, (x,), (order + 1,)),),
        accepts="real",
        domain=((-2.0, 2.0),),
        **_ORDERS,
    )
)


@public
def sinc(x: Any, /) -> Tensor:
    """sin(πx) / (πx), 1 at 0, as NumPy; its derivatives of every order are right at 0 too.

    >>> import adjoint as ad
    >>> ad.grad(ad.grad(ad.sinc))(0.0)
    Tensor(-3.28986813)
    """
    return apply(_sinc, (x,), (0,))


@public
def exprel(x: Any, /) -> Tensor:
    """(exp(x) - 1) / x, 1 at 0; its derivatives of every order are right at 0 too.

    >>> import adjoint as ad
    >>> ad.grad(ad.special.exprel)(0.0)
    Tensor(0.5)
    """
    return apply(_exprel, (x,), (0,))
