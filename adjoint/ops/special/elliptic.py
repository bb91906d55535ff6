"""Elliptic integrals: Carlson's symmetric ones, Legendre's, and the mean that computes them.

All derivatives of all of them are integrals of one family,

    R(x, y, z, w; a, b, c, d) = ∫₀^∞ (t+x)⁻ᵃ (t+y)⁻ᵇ (t+z)⁻ᶜ (t+w)⁻ᵈ dt,

by x it is -a R(…; a+1, b, c, d), so it is closed under differentiation, and its numbers are
sums of positive terms (NIST Handbook of Mathematical Functions, 19.16 and 19.25).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.elementwise.trigonometric import sin
from adjoint.ops.family.docstrings import DocstringParts, publish
from adjoint.ops.family.elementwise import Elementwise, Unary, apply
from adjoint.ops.special.quadrature import trapezoid
from adjoint.ops.special.scipy_function import (
    PREFIX,
    keep_dtype,
    scipy_function,
    special_binary,
    special_ternary,
    special_unary,
)

__all__ = [
    "agm",
    "ellipe",
    "ellipeinc",
    "ellipj",
    "ellipk",
    "ellipkinc",
    "ellipkm1",
    "elliprc",
    "elliprd",
    "elliprf",
    "elliprg",
    "elliprj",
]

_POSITIVE = (0.5, 3.0)
_BELOW_ONE = (-1.5, 0.9)


def _product(u: Any, *given: Any) -> Any:
    """The integrand, times t, at t = exp(u); arguments, then exponents."""
    t = np.exp(u)
    result = t
    half = len(given) // 2
    for x, power in zip(given[:half], given[half:], strict=True):
        result = result * (t + x) ** -power
    return result


def _symmetric_value(*given: Any) -> Any:
    """R of arrays `given`, the last of which are the exponents."""
    half = len(given) // 2
    like, powers = given[half - 1], [float(p) for p in given[half:]]
    same = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in given[:half]))
    shape = same[0].shape
    arrays = [x.ravel() for x in same]
    used = [(x, p) for x, p in zip(arrays, powers, strict=True) if p]
    at_zero = np.sum([np.where(x == 0, p, 0.0) for x, p in used], axis=0)
    valid = np.logical_and.reduce([(x >= 0) & (x < np.inf) for x, _ in used])
    result = np.where(valid, np.inf, np.nan)
    known = valid & (at_zero < 1)
    if np.any(known):
        used = [(x[known], p) for x, p in used]
        small = np.log(np.min([np.where(x > 0, x, np.inf) for x, _ in used], axis=0))
        large = np.log(np.max([x for x, _ in used], axis=0))
        low = small - 42 / (1 - at_zero[known])
        high = large + 42 / (sum(p for _, p in used) - 1)
        constants = [np.full_like(low, p) for _, p in used]
        result[known] = trapezoid(_product, low, high, *(x for x, _ in used), *constants)
    return keep_dtype(result.reshape(shape), like)


def _by_argument(i: int) -> Callable[..., Tensor]:
    """∂R by its i-th argument."""

    def rule(x: Tensor, y: Tensor, z: Tensor, w: Tensor, r: Tensor, *powers: float) -> Any:
        if not powers[i]:
            return None
        return -powers[i] * _symmetric((x, y, z, w), *(p + (k == i) for k, p in enumerate(powers)))

    return rule


_symmetric_op = register(
    Elementwise(
        "symmetric_elliptic",
        _symmetric_value,
        tuple(map(_by_argument, range(4))),
        accepts="real",
        domain=(_POSITIVE,) * 4,
        param_names=("a", "b", "c", "d"),
        samples=((0.5, 0.5, 0.5, 1.0),),
    )
)


def _symmetric(args: tuple[Any, ...], *powers: float) -> Tensor:
    """R of up to four arguments."""
    filled = (*args, *(1.0,) * (4 - len(args)))
    return apply(_symmetric_op, filled, (*powers, *(0.0,) * (4 - len(powers))))


elliprf = special_ternary(
    "elliprf",
    "x, y, z",
    (
        lambda x, y, z, r: -0.25 * _symmetric((x, y, z), 1.5, 0.5, 0.5),
        lambda x, y, z, r: -0.25 * _symmetric((x, y, z), 0.5, 1.5, 0.5),
        lambda x, y, z, r: -0.25 * _symmetric((x, y, z), 0.5, 0.5, 1.5),
    ),
    "Carlson's symmetric elliptic integral of the first kind, of real x, y, z ≥ 0.",
    "0.78539816",
    domain=(_POSITIVE,) * 3,
    example=(1.0, 2.0, 2.0),
)
elliprd = special_ternary(
    "elliprd",
    "x, y, z",
    (
        lambda x, y, z, r: -0.75 * _symmetric((x, y, z), 1.5, 0.5, 1.5),
        lambda x, y, z, r: -0.75 * _symmetric((x, y, z), 0.5, 1.5, 1.5),
        lambda x, y, z, r: -2.25 * _symmetric((x, y, z), 0.5, 0.5, 2.5),
    ),
    "Carlson's elliptic integral of the second kind, symmetric in x and y, of real x, y, z ≥ 0.",
    "0.42809725",
    domain=(_POSITIVE,) * 3,
    example=(1.0, 2.0, 2.0),
)


def _rg_slope(x: Any, y: Any, z: Any) -> Tensor:
    """∂R_G/∂x = ⅛ ∫ t (t+x)^-3/2 (t+y)^-½ (t+z)^-½ dt, with t as a fourth factor."""
    return 0.125 * _symmetric((x, y, z, 0.0), 1.5, 0.5, 0.5, -1.0)


elliprg = special_ternary(
    "elliprg",
    "x, y, z",
    (
        lambda x, y, z, r: _rg_slope(x, y, z),
        lambda x, y, z, r: _rg_slope(y, x, z),
        lambda x, y, z, r: _rg_slope(z, x, y),
    ),
    "Carlson's symmetric elliptic integral of the second kind, of real x, y, z ≥ 0.",
    "1.28539816",
    domain=(_POSITIVE,) * 3,
    example=(1.0, 2.0, 2.0),
)
elliprc = special_binary(
    "elliprc",
    "x, y",
    (
        lambda x, y, r: -0.25 * _symmetric((x, y), 1.5, 1.0),
        lambda x, y, r: -0.5 * _symmetric((x, y), 0.5, 2.0),
    ),
    "Carlson's degenerate elliptic integral R_F(x, y, y); derivatives where x ≥ 0 and y > 0.",
    "0.65847895",
    domain=(_POSITIVE, _POSITIVE),
)

_rj = register(
    Elementwise(
        "elliprj",
        scipy_function("elliprj"),
        (
            lambda x, y, z, p, r: -0.75 * _symmetric((x, y, z, p), 1.5, 0.5, 0.5, 1.0),
            lambda x, y, z, p, r: -0.75 * _symmetric((x, y, z, p), 0.5, 1.5, 0.5, 1.0),
            lambda x, y, z, p, r: -0.75 * _symmetric((x, y, z, p), 0.5, 0.5, 1.5, 1.0),
            lambda x, y, z, p, r: -1.5 * _symmetric((x, y, z, p), 0.5, 0.5, 0.5, 2.0),
        ),
        accepts="real",
        domain=(_POSITIVE,) * 4,
    )
)


def elliprj(x: Any, y: Any, z: Any, p: Any, /) -> Tensor:
    return apply(_rj, (x, y, z, p))


publish(
    elliprj,
    _rj,
    DocstringParts(
        "Carlson's symmetric elliptic integral of the third kind; derivatives where p > 0.",
        "x, y, z, p",
        (1.0, 2.0, 2.0, 3.0),
        "0.32966191",
        PREFIX,
    ),
)

# Legendre's integrals. ∂K/∂m = R_D(0, 1, 1-m)/6 and ∂E/∂m = -R_D(0, 1-m, 1)/6 do not cancel.

ellipkm1: Unary = special_unary(
    "ellipkm1",
    lambda p, y: -0.25 * _symmetric((0.0, p, 1.0), 0.5, 1.5, 0.5),
    "The complete elliptic integral K(1 - p), accurate where p is small.",
    "1.85407468",
    domain=(0.1, 2.0),
)
ellipk: Unary = special_unary(
    "ellipk",
    lambda m, y: 0.25 * _symmetric((0.0, 1 - m, 1.0), 0.5, 1.5, 0.5),
    "The complete elliptic integral of the first kind K of the parameter m = k².",
    "1.85407468",
    domain=_BELOW_ONE,
)
ellipe: Unary = special_unary(
    "ellipe",
    lambda m, y: -0.25 * _symmetric((0.0, 1 - m, 1.0), 0.5, 0.5, 1.5),
    "The complete elliptic integral of the second kind E of the parameter m = k².",
    "1.35064388",
    domain=_BELOW_ONE,
)


def _incomplete_value(phi: Any, m: Any, n: int, p: float) -> Any:
    """∫₀^φ sin²ⁿθ (1 - m sin²θ)⁻ᵖ dθ; whole turns count by the complete integral."""
    like = m
    phi, m = np.broadcast_arrays(np.asarray(phi, np.float64), np.asarray(m, np.float64))
    turns = np.rint(phi / math.pi)
    rest = phi - turns * math.pi
    s, c = np.sin(rest), np.cos(rest)
    powers = (0.5, p, n + 1 - p)
    part = _symmetric_value(c * c, 1 - m * s * s, np.ones_like(s), *powers)
    part = np.asarray(0.5 * np.where(s == 0, 0.0, s ** (2 * n + 1) * part))
    moved = turns != 0
    if np.any(moved):
        whole = _symmetric_value(0 * m[moved], 1 - m[moved], 1 + 0 * m[moved], *powers)
        part[moved] += turns[moved] * whole
    return keep_dtype(part, like)


def _incomplete_slope(phi: Tensor, m: Tensor, y: Tensor, n: int, p: float) -> Tensor:
    s2 = sin(phi) ** 2
    height: Tensor = s2**n * (1 - m * s2) ** -p
    return height


_incomplete: Elementwise = register(
    Elementwise(
        "incomplete_elliptic",
        _incomplete_value,
        (
            _incomplete_slope,
            lambda phi, m, y, n, p: p * apply(_incomplete, (phi, m), (n + 1, p + 1)),
        ),
        accepts="real",
        domain=((-4.0, 5.0), (-1.5, 0.8)),
        param_names=("n", "p"),
        samples=((1, 0.5),),
    )
)

ellipkinc = special_binary(
    "ellipkinc",
    "phi, m",
    (
        lambda phi, m, y: 1 / sqrt(1 - m * sin(phi) ** 2),
        lambda phi, m, y: 0.5 * apply(_incomplete, (phi, m), (1, 1.5)),
    ),
    "The incomplete elliptic integral of the first kind F(φ, m).",
    "1.08321677",
    domain=((-4.0, 5.0), (-1.5, 0.8)),
    example=(1.0, 0.5),
)
ellipeinc = special_binary(
    "ellipeinc",
    "phi, m",
    (
        lambda phi, m, y: sqrt(1 - m * sin(phi) ** 2),
        lambda phi, m, y: -0.5 * apply(_incomplete, (phi, m), (1, 0.5)),
    ),
    "The incomplete elliptic integral of the second kind E(φ, m).",
    "0.92732988",
    domain=((-4.0, 5.0), (-1.5, 0.8)),
    example=(1.0, 0.5),
)


def _ellipj_slope_by_u(u: Tensor, m: Tensor, y: Tensor, which: int) -> Tensor:
    sn, cn, dn = (_jacobi(k, u, m) for k in range(3))
    slopes: tuple[Tensor, ...] = (cn * dn, -sn * dn, -m * sn * cn, dn)
    return slopes[which]


def _ellipj_slope_by_m(u: Tensor, m: Tensor, y: Tensor, which: int) -> Tensor:
    """From F(φ, m) = u for the amplitude φ, of which sn is the sine and cn the cosine."""
    sn, cn, dn, phi = (_jacobi(k, u, m) for k in range(4))
    slope = -0.5 * dn * apply(_incomplete, (phi, m), (1, 1.5))
    slopes = (cn * slope, -sn * slope, -sn * (0.5 * sn + m * cn * slope) / dn, slope)
    return slopes[which]


_ellipj = register(
    Elementwise(
        "ellipj",
        lambda u, m, which: keep_dtype(import_module("scipy.special").ellipj(u, m)[which], m),
        (_ellipj_slope_by_u, _ellipj_slope_by_m),
        accepts="real",
        domain=((-3.0, 4.0), (0.1, 0.9)),
        param_names=("which",),
        samples=((0,), (1,), (2,), (3,)),
    )
)


def _jacobi(which: int, u: Any, m: Any) -> Tensor:
    return apply(_ellipj, (u, m), (which,))


@public
def ellipj(u: Any, m: Any, /) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Jacobi's elliptic functions sn, cn, dn, and the amplitude, for 0 ≤ m ≤ 1.

    Elementwise; `u` and the parameter m = k² broadcast. Returns four tensors. Differentiable by
    both, to every order.

    >>> import adjoint as ad
    >>> sn, cn, dn, phi = ad.special.ellipj(1.0, 0.5)
    >>> sn
    Tensor(0.80300182)
    """
    sn, cn, dn, phi = (_jacobi(which, u, m) for which in range(4))
    return sn, cn, dn, phi


def _agm_slope(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """From agm(a, b) = π/2 / R_F(0, a², b²)."""
    turned: Tensor = abs(a) / math.pi * y * y * _symmetric((0.0, a * a, b * b), 0.5, 1.5, 0.5)
    return turned


agm = special_binary(
    "agm",
    "a, b",
    (lambda a, b, y: _agm_slope(a, b, y), lambda a, b, y: _agm_slope(b, a, y)),
    "The arithmetic-geometric mean.",
    "2.47468044",
    domain=(_POSITIVE, _POSITIVE),
)
