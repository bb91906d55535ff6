"""The Faddeeva function w(z) = exp(-z²) erfc(-iz), and Voigt's profile, made of it.

Its derivatives follow w⁽ⁿ⁺¹⁾ = -2z w⁽ⁿ⁾ - 2n w⁽ⁿ⁻¹⁾, whose terms cancel where |z| is large; there
the asymptotic series is differentiated (NIST Handbook of Mathematical Functions, 7.10 and 7.12).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import to_complex
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.family.docstrings import DocstringParts, publish
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special.scipy_function import PREFIX, keep_dtype, special_unary

__all__ = ["erfi", "voigt_profile", "wofz"]

_FAR = 7.0
_TERMS = 45
_ROOT_PI = math.sqrt(math.pi)


def faddeeva(z: Any, n: int) -> Any:
    """w⁽ⁿ⁾(z)"""
    z = np.asarray(z, np.complex128)
    with np.errstate(all="ignore"):
        if n == 0:
            return import_module("scipy.special").wofz(z)
        below = z.imag < 0
        upper = np.where(below, -z, z)
        far = np.abs(upper) > _FAR
        result = np.where(
            far, _far(np.where(far, upper, 1.0), n), _near(np.where(far, 1.0, upper), n)
        )
        if not np.any(below):
            return result
        bell = (-1) ** n * _hermite(z, n) * np.exp(-z * z)
        return np.where(below, 2 * bell - (-1) ** n * result, result)


def _near(z: Any, n: int) -> Any:
    before, now = import_module("scipy.special").wofz(z), 0.0
    now = -2 * z * before + 2j / _ROOT_PI
    for k in range(1, n):
        before, now = now, -2 * z * now - 2 * k * before
    return now


def _far(z: Any, n: int) -> Any:
    """i/√π Σ (½)ₖ z⁻²ᵏ⁻¹, differentiated n times."""
    inverse = 1 / (z * z)
    total = 0.0 * z
    for k in range(_TERMS - 1, -1, -1):
        # the factor of the next term over that of this one
        ratio = (k + 0.5) * (2 * k + 1 + n) * (2 * k + 2 + n) / ((2 * k + 1) * (2 * k + 2))
        term = ratio * inverse
        total = np.where(np.abs(term) < 1, 1 + term * total, 1.0)
    return 1j / _ROOT_PI * (-1) ** n * math.factorial(n) * total / z ** (n + 1)


def _hermite(z: Any, n: int) -> Any:
    before, now = 0.0 * z, 1.0 + 0.0 * z
    for k in range(n):
        before, now = now, 2 * z * now - 2 * k * before
    return now


def _wofz_value(z: Any, n: int) -> Any:
    return keep_dtype(faddeeva(z, n), z)


_wofz: Elementwise = register(
    Elementwise(
        "wofz",
        _wofz_value,
        (lambda z, w, n: apply(_wofz, (z,), (n + 1,)),),
        accepts="complex",
        domain=((-2.0, 2.0),),
        param_names=("n",),
        samples=((0,),),
    )
)


@public
def wofz(z: Any, /) -> Tensor:
    """The Faddeeva function exp(-z²) erfc(-iz), a tensor of complex numbers.

    Elementwise; real numbers become complex ones. Differentiable to every order.

    >>> import adjoint as ad
    >>> ad.special.wofz(1j)
    Tensor(0.42758358+0.j)
    """
    z = as_tensor(z)
    return apply(_wofz, (as_tensor(z, to_complex(z.node.dtype)),), (0,))


def _voigt_value(x: Any, sigma: Any, gamma: Any, by_x: int, by_gamma: int) -> Any:
    """Re w(z) / (√2π σ) with z = (x + iγ) / (√2 σ), differentiated; at σ = 0 a Cauchy density."""
    if not by_x and not by_gamma:
        return keep_dtype(import_module("scipy.special").voigt_profile(x, sigma, gamma), x)
    like = x
    x, sigma, gamma = (np.asarray(t, np.float64) for t in (x, sigma, gamma))
    n = by_x + by_gamma
    sharp = sigma == 0
    width = math.sqrt(2) * np.where(sharp, 1.0, sigma)
    z = x + 1j * gamma
    with np.errstate(all="ignore"):
        wide = faddeeva(z / width, n) / (_ROOT_PI * width ** (n + 1))
        cauchy = 1j / math.pi * (-1) ** n * math.factorial(n) / z ** (n + 1)
    return keep_dtype((1j**by_gamma * np.where(sharp, cauchy, wide)).real, like)


def _voigt(x: Tensor, sigma: Tensor, gamma: Tensor, by_x: int, by_gamma: int) -> Tensor:
    return apply(_voigt_op, (x, sigma, gamma), (by_x, by_gamma))


_voigt_op: Elementwise = register(
    Elementwise(
        "voigt_profile",
        _voigt_value,
        (
            lambda x, s, g, y, n, m: _voigt(x, s, g, n + 1, m),
            # the heat equation: ∂V/∂σ = σ ∂²V/∂x², for a convolution with a normal density
            lambda x, s, g, y, n, m: s * _voigt(x, s, g, n + 2, m),
            lambda x, s, g, y, n, m: _voigt(x, s, g, n, m + 1),
        ),
        accepts="real",
        domain=((-2.0, 2.0), (0.5, 3.0), (0.5, 3.0)),
        param_names=("by_x", "by_gamma"),
        samples=((0, 0),),
    )
)


def voigt_profile(x: Any, sigma: Any, gamma: Any, /) -> Tensor:
    return apply(_voigt_op, (x, sigma, gamma), (0, 0))


publish(
    voigt_profile,
    _voigt_op,
    DocstringParts(
        "Voigt's profile, the convolution of a normal density (σ) and a Cauchy density (γ).",
        "x, sigma, gamma",
        (0.5, 1.0, 1.0),
        "0.19676986",
        PREFIX,
    ),
)
erfi = special_unary(
    "erfi",
    lambda x, y: exp(x * x) * (2 / _ROOT_PI),
    "The imaginary error function -i erf(ix) = 2/√π ∫₀ˣ exp(t²) dt.",
    "0.61495209",
    accepts="float",
)
