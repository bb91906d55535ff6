"""An angle of von Mises' distribution as a function of its concentration and a uniform number.

The density is p(t) = exp(κ cos t) / (2π I₀(κ)), symmetric about 0, so the angle of u > 1/2 is the φ
with ∫_φ^π p = 1 - u, and that of 1 - u is -φ. The logarithm of this integral is concave, so
Newton's method for it stays on one side of φ and converges from everywhere. At fixed u

    dφ/dκ = ∫_φ^π (cos t - A) exp(κ (cos t - cos φ)) dt,    A = I₁(κ) / I₀(κ)

(implicit reparameterisation, as in `adjoint.ops.random.gamma`). The integrals are Gauss's, with 64
points where the density is above e⁻⁴⁰ of its top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.trigonometric import cos, sin
from adjoint.ops.family.elementwise import Elementwise, Missing, apply
from adjoint.ops.special.bessel import i0e, i1e
from adjoint.ops.special.quadrature import gauss_rule

__all__ = ["von_mises_quantile"]

Array: TypeAlias = "np.ndarray[Any, Any]"

POINTS = 64
RANGE = 40.0
STEPS = 50
SETTLED = 1e-9
"""A relative error of the integral after which one step is enough: it squares the error."""
BLOCK = 4096
"""So many elements are computed at once: each needs `POINTS` numbers beside it."""


def _end(kappa: Array) -> Array:
    """The angle beyond which the density is below e⁻⁴⁰ of its top, at most π."""
    return np.asarray(np.arccos(np.maximum(1 - RANGE / np.maximum(kappa, 1e-300), -1.0)))


def _beyond(kappa: Array, phi: Array, factor: Callable[[Array], Array] | None = None) -> Array:
    """∫_φ^π factor(cos t) exp(κ (cos t - cos φ)) dt; `factor` takes points along the last axis."""
    points, weights = gauss_rule(POINTS)
    width = np.maximum(_end(kappa) - phi, 0.0)[..., None]
    t = phi[..., None] + width * points
    # cos t - cos φ without cancellation
    gap = -2 * np.sin((t + phi[..., None]) / 2) * np.sin((t - phi[..., None]) / 2)
    inside = np.exp(kappa[..., None] * gap)
    if factor is not None:
        inside = inside * factor(np.cos(t))
    return np.asarray(np.sum(weights * inside * width, axis=-1))


def _in_blocks(function: Callable[..., Any], *given: Any) -> Array:
    arrays = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in given])
    result = np.empty(arrays[0].shape)
    flat = result.reshape(-1)
    columns = [x.reshape(-1) for x in arrays]
    for start in range(0, flat.size, BLOCK):
        part = slice(start, start + BLOCK)
        with np.errstate(all="ignore"):
            flat[part] = function(*[x[part] for x in columns])
    return np.asarray(result)


def _quantile(kappa: Array, u: Array) -> Array:
    special = import_module("scipy.special")
    valid = (kappa >= 0) & np.isfinite(kappa)
    kappa = np.where(valid, kappa, 0.0)
    tail = np.minimum(u, 1 - u)
    end = _end(kappa)
    whole = 2 * np.pi * special.i0e(kappa)
    flat, narrow = np.pi * (1 - 2 * tail), -special.ndtri(tail) / np.sqrt(kappa)
    phi = np.minimum(np.fmin(flat, narrow), end * (1 - 1e-3 * tail))
    for _ in range(STEPS):
        over = _beyond(kappa, phi)  # the integral over p(φ)
        density = np.exp(-2 * kappa * np.sin(phi / 2) ** 2) / whole
        excess = np.log(over * density / tail)
        new = np.minimum(phi + excess * over, (phi + end) / 2)
        phi = np.maximum(new, 0.0)
        if np.all(np.abs(excess) <= SETTLED):
            break
    return np.where(valid, np.where(u < 0.5, -phi, phi), np.nan)


def _mean(kappa: Array) -> tuple[Array, Array]:
    """A = I₁/I₀, the mean of cos t, and its derivative by κ."""
    special = import_module("scipy.special")
    top = special.ive(0, kappa)
    first = special.ive(1, kappa) / top
    return first, 0.5 * (1 + special.ive(2, kappa) / top) - first * first


def _slope(kappa: Array, theta: Array) -> Array:
    mean = _mean(kappa)[0][..., None]
    found = np.sign(theta) * _beyond(kappa, np.abs(theta), lambda c: c - mean)
    return np.asarray(np.where(kappa >= 0, found, np.nan))


def _curvature(kappa: Array, theta: Array) -> Array:
    mean, change = _mean(kappa)
    at = np.cos(theta)

    def factor(c: Array) -> Array:
        found: Array = (c - mean[..., None]) * (c - at[..., None]) - change[..., None]
        return found

    by_kappa = np.sign(theta) * _beyond(kappa, np.abs(theta), factor)
    return np.asarray(np.where(kappa >= 0, by_kappa, np.nan))


def _by_theta(kappa: Tensor, theta: Tensor, s: Tensor) -> Tensor:
    """From s p = -∂F/∂κ: ∂s/∂θ = -(log p)_κ - s (log p)_θ."""
    return i1e(kappa) / i0e(kappa) - cos(theta) + s * kappa * sin(theta)


_MISSING = "the second derivative of a von Mises angle by its concentration"
_second = register(
    Elementwise(
        "von_mises_quantile_by_kappa_kappa",
        lambda kappa, theta: _in_blocks(_curvature, kappa, theta),
        (Missing(_MISSING, "kappa"), Missing(_MISSING, "theta")),
        accepts="real",
        domain=((0.5, 3.0), (-2.0, 2.0)),
    )
)
_first = register(
    Elementwise(
        "von_mises_quantile_by_kappa",
        lambda kappa, theta: _in_blocks(_slope, kappa, theta),
        (lambda kappa, theta, s: apply(_second, (kappa, theta)), _by_theta),
        accepts="real",
        domain=((0.5, 3.0), (-2.0, 2.0)),
    )
)
_von_mises_quantile = register(
    Elementwise(
        "von_mises_quantile",
        lambda kappa, u: _in_blocks(_quantile, kappa, u),
        (
            lambda kappa, u, y: apply(_first, (kappa, y)),
            Missing("an angle of von Mises' distribution", "u"),
        ),
        accepts="real",
        domain=((0.5, 3.0), (0.1, 0.9)),
    )
)


def von_mises_quantile(kappa: Any, u: Any) -> Tensor:
    """The θ from -π to π with F(θ; κ) = u, in float64."""
    return apply(_von_mises_quantile, (kappa, u))
