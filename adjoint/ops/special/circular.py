"""The distribution function of the normal distribution on the circle, and its moments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.elementwise.trigonometric import sin
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special.bessel import i0e, i1e
from adjoint.ops.special.quadrature import gauss_legendre
from adjoint.ops.special.scipy_function import keep_dtype

__all__ = ["von_mises_density", "von_mises_probability"]

_LOST = 46.0
"""exp(-46) is lost beside 1."""


def _moment(x: Any, kappa: Any, n: int) -> Any:
    """∫ (cos t - 1)ⁿ p(t) dt from -π to x, where p is the density and |x| ≤ π."""
    like = x
    x, kappa = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(kappa, np.float64))
    left = _left(-np.abs(x), kappa, n)
    whole = 2 * _left(np.zeros_like(x), kappa, n)
    return keep_dtype(np.where(x > 0, whole - left, left), like)


def _left(x: Any, kappa: Any, n: int) -> Any:
    """The same for x ≤ 0, from where the density is lost beside that at x."""
    shape, x, kappa = x.shape, x.ravel(), kappa.ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        begin = -np.arccos(np.maximum(np.cos(x) - _LOST / kappa, -1.0))
    begin = np.minimum(np.where(kappa > 0, begin, -math.pi), x)

    def heights(t: Any, kappa: Any, at: Any) -> Any:
        return (-2 * np.sin(t / 2) ** 2) ** n * np.exp(kappa * (np.cos(t) - np.cos(at)))

    found = gauss_legendre(heights, begin, x, 4, kappa, x)
    scale = np.exp(kappa * (np.cos(x) - 1)) / import_module("scipy.special").i0e(kappa)
    result = found * scale / (2 * math.pi)
    return result.reshape(shape)


def von_mises_density(x: Tensor, kappa: Tensor) -> Tensor:
    """exp(κ cos x) / (2π I₀(κ))"""
    half = sin(0.5 * x)
    result: Tensor = exp(-2 * kappa * half * half) / (2 * math.pi * i0e(kappa))
    return result


def _by_place(x: Tensor, kappa: Tensor, y: Tensor, n: int) -> Tensor:
    half = sin(0.5 * x)
    result: Tensor = (-2 * half * half) ** n * von_mises_density(x, kappa)
    return result


def _by_kappa(x: Tensor, kappa: Tensor, y: Tensor, n: int) -> Tensor:
    """d/dκ log p = cos t - 1 - (I₁/I₀ - 1)"""
    size = i0e(kappa)
    result: Tensor = _part(x, kappa, n + 1) - (i1e(kappa) - size) / size * y
    return result


_von_mises_moment = register(
    Elementwise(
        "von_mises_moment",
        _moment,
        (_by_place, _by_kappa),
        accepts="real",
        domain=((-2.5, 2.5), (0.3, 3.0)),
        param_names=("n",),
        samples=((0,), (1,)),
    )
)


def _part(x: Tensor, kappa: Tensor, n: int) -> Tensor:
    return apply(_von_mises_moment, (x, kappa), (n,))


def von_mises_probability(x: Tensor, kappa: Tensor) -> Tensor:
    """The probability of an angle between -π and x, where |x| ≤ π."""
    return _part(x, kappa, 0)
