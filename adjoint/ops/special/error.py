"""The error function, the normal distribution, and their inverses."""

from __future__ import annotations

import math

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.family.elementwise import Unary
from adjoint.ops.special.scipy_function import scipy_function, special_unary

__all__ = [
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "erfcinv",
    "dawsn",
    "ndtr",
    "ndtri",
    "log_ndtr",
]

_ROOT_PI = math.sqrt(math.pi)
_ROOT_TWO = math.sqrt(2.0)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


def _bell(x: Tensor) -> Tensor:
    """2/√π exp(-x²)"""
    return exp(-(x * x)) * (2 / _ROOT_PI)


def _density(x: Tensor) -> Tensor:
    """The density of the standard normal distribution."""
    return exp(x * x * -0.5) * (1 / _ROOT_TWO_PI)


_FAR = 10.0
_TERMS = 13


def _far_series(x: Tensor, sign: float) -> Tensor:
    """Σ (2k+1)!! (sign / 2x²)ᵏ, to which slopes tend where |x| ≥ 10 (DLMF 7.12.1 and 7.12.2)."""
    step = (sign * 0.5) / (x * x)
    total: Tensor = 1 + (2 * _TERMS + 1) * step
    for k in range(_TERMS - 1, 0, -1):
        total = 1 + (2 * k + 1) * step * total
    return total


def _erfcx_slope(x: Tensor, y: Tensor) -> Tensor:
    """2 x y - 2/√π, whose two terms would cancel for large x."""
    large = x > _FAR
    far = where(large, x, _FAR)
    series = _far_series(far, -1.0) * (-1 / _ROOT_PI) / (far * far)
    return where(large, series, 2 * where(large, 0.0, x) * y - 2 / _ROOT_PI)


def _dawsn_slope(x: Tensor, y: Tensor) -> Tensor:
    """1 - 2 x y, whose two terms would cancel for large |x|."""
    large = abs(x) > _FAR
    far = where(large, x, _FAR)
    series = _far_series(far, 1.0) * -0.5 / (far * far)
    return where(large, series, 1 - 2 * where(large, 0.0, x) * y)


erf = special_unary(
    "erf",
    lambda x, y: _bell(x),
    "The error function 2/√π ∫₀ˣ exp(-t²) dt.",
    "0.52049988",
    accepts="float",
)
erfc = special_unary(
    "erfc",
    lambda x, y: -_bell(x),
    "1 - erf(x), accurate for large x.",
    "0.47950012",
    accepts="float",
)
erfcx: Unary = special_unary(
    "erfcx",
    _erfcx_slope,
    "exp(x²) erfc(x), which neither overflows nor underflows for large x.",
    "0.61569034",
)
_erfinv, _log_ndtr = scipy_function("erfinv"), scipy_function("log_ndtr")
erfinv = special_unary(
    "erfinv",
    lambda x, y: exp(y * y) * (_ROOT_PI / 2),
    "The inverse of erf; slope ∞ at ±1.",
    "0.47693628",
    domain=(-0.9, 0.9),
    numpy=lambda x: np.copysign(_erfinv(x), x),  # SciPy loses the sign of zero
)
erfcinv = special_unary(
    "erfcinv",
    lambda x, y: exp(y * y) * (-_ROOT_PI / 2),
    "The inverse of erfc.",
    "0.47693628",
    domain=(0.1, 1.9),
)
dawsn = special_unary(
    "dawsn", _dawsn_slope, "Dawson's integral exp(-x²) ∫₀ˣ exp(t²) dt.", "0.42443638"
)
ndtr = special_unary(
    "ndtr",
    lambda x, y: _density(x),
    "The distribution function of the normal distribution.",
    "0.69146246",
)
ndtri = special_unary(
    "ndtri",
    lambda x, y: exp(y * y * 0.5) * _ROOT_TWO_PI,
    "The quantile of the normal distribution, the inverse of ndtr.",
    "1.28155157",
    domain=(0.1, 0.9),
    example=(0.9,),
)


def _log_ndtr_slope(x: Tensor, y: Tensor) -> Tensor:
    """φ/Φ; to the left by erfcx, which to the right overflows where Φ is 1."""
    right = x > 5.0
    left: Tensor = math.sqrt(2 / math.pi) / erfcx(where(right, 0.0, x) * (-1 / _ROOT_TWO))
    far = where(right, x, 5.0)
    return where(right, _density(far) / ndtr(far), left)


log_ndtr = special_unary(
    "log_ndtr",
    _log_ndtr_slope,
    "The logarithm of ndtr, accurate far into the tail.",
    "-0.36894642",
    numpy=lambda x: _log_ndtr(x) + 0,  # no -0
)
