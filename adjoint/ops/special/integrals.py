"""Integrals of elementary functions: exponential, sine, Fresnel's, Spence's, Owen's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.hyperbolic import cosh
from adjoint.ops.elementwise.removable_singularities import exprel, sinc
from adjoint.ops.elementwise.trigonometric import cos, sin
from adjoint.ops.family.elementwise import Elementwise, Factor, Missing, apply
from adjoint.ops.special.error import erf
from adjoint.ops.special.scipy_function import keep_dtype, special_binary, special_unary

__all__ = ["expn", "fresnel", "owens_t", "shichi", "sici", "spence"]

_POSITIVE = (0.5, 3.0)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


def _expn_value(n: Any, x: Any) -> Any:
    whole = np.asarray(n) == np.floor(n)
    order = np.where(whole & np.isfinite(n), n, 0).astype(np.int64)
    value = import_module("scipy.special").expn(order, x)
    return keep_dtype(np.where(whole, value, np.nan), x)


def _expn_slope(n: Tensor, x: Tensor, y: Tensor) -> Factor:
    """-Eₙ₋₁, where E₀ = e⁻ˣ/x and E₋₁ = e⁻ˣ(1 + x)/x² are elementary."""
    decay = exp(-x) / x
    low = where(n >= 1, -decay, -decay * (1 + 1 / x))
    return where(n >= 2, -expn(where(n >= 2, n - 1, 1.0), x), low)


expn = special_binary(
    "expn",
    "n, x",
    (Missing("expn", "n"), _expn_slope),
    "The exponential integral ∫₁^∞ exp(-xt)/tⁿ dt of a whole number n ≥ 0.",
    "0.03013338",
    numpy=_expn_value,
    domain=((2.0, 2.0), _POSITIVE),
)
spence = special_unary(
    "spence",
    lambda x, y: -1 / exprel(log(x)),
    "Spence's function -∫₁ˣ log(t)/(t-1) dt, the dilogarithm of 1 - x.",
    "0.58224053",
    domain=_POSITIVE,
)
owens_t = special_binary(
    "owens_t",
    "h, a",
    (
        lambda h, a, y: exp(h * h * -0.5) * erf(a * h * math.sqrt(0.5)) * (-0.5 / _ROOT_TWO_PI),
        lambda h, a, y: exp(h * h * (1 + a * a) * -0.5) / (2 * math.pi * (1 + a * a)),
    ),
    "Owen's T function 1/2π ∫₀ᵃ exp(-h²(1+t²)/2)/(1+t²) dt.",
    "0.00067495",
)


def _part(name: str, slopes: tuple[Any, Any], domain: tuple[float, float]) -> Elementwise:
    """A function of SciPy that has two results, of which a parameter says which."""

    def value(x: Any, which: int) -> Any:
        return keep_dtype(getattr(import_module("scipy.special"), name)(x)[which], x)

    return register(
        Elementwise(
            name,
            value,
            (lambda x, y, which: slopes[which](x),),
            domain=(domain,),
            param_names=("which",),
            samples=((0,), (1,)),
        )
    )


def _sinhc(x: Tensor) -> Tensor:
    """sinh(x)/x"""
    if x.dtype.kind == "c":
        return sinc(x * (1j / math.pi))
    result: Tensor = 0.5 * (exprel(x) + exprel(-x))
    return result


_sici = _part("sici", (lambda x: sinc(x * (1 / math.pi)), lambda x: cos(x) / x), _POSITIVE)
_shichi = _part("shichi", (_sinhc, lambda x: cosh(x) / x), _POSITIVE)
_fresnel = _part(
    "fresnel",
    (lambda x: sin(x * x * (0.5 * math.pi)), lambda x: cos(x * x * (0.5 * math.pi))),
    (-2.0, 2.0),
)


def _both(op: Elementwise, x: Any) -> tuple[Tensor, Tensor]:
    x = as_tensor(x)
    return apply(op, (x,), (0,)), apply(op, (x,), (1,))


@public
def sici(x: Any, /) -> tuple[Tensor, Tensor]:
    """The sine and the cosine integral, ∫₀ˣ sin(t)/t dt and γ + log x + ∫₀ˣ (cos(t) - 1)/t dt.

    Elementwise, of real or complex numbers; a pair of tensors.

    >>> import adjoint as ad
    >>> ad.special.sici(1.0)
    (Tensor(0.94608307), Tensor(0.33740392))
    """
    return _both(_sici, x)


@public
def shichi(x: Any, /) -> tuple[Tensor, Tensor]:
    """The hyperbolic sine and cosine integral, the same with sinh and cosh.

    Elementwise, of real or complex numbers; a pair of tensors.

    >>> import adjoint as ad
    >>> ad.special.shichi(1.0)
    (Tensor(1.05725088), Tensor(0.83786694))
    """
    return _both(_shichi, x)


@public
def fresnel(z: Any, /) -> tuple[Tensor, Tensor]:
    """Fresnel's integrals ∫₀ᶻ sin(πt²/2) dt and ∫₀ᶻ cos(πt²/2) dt.

    Elementwise, of real or complex numbers; a pair of tensors.

    >>> import adjoint as ad
    >>> ad.special.fresnel(1.0)
    (Tensor(0.43825915), Tensor(0.7798934))
    """
    return _both(_fresnel, z)
