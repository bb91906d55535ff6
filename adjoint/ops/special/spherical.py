"""Spherical Bessel functions of whole order n, which is a count and has no derivative.

(2n+1) jₙ' = n jₙ₋₁ - (n+1) jₙ₊₁, the same for yₙ; with other signs for iₙ and kₙ (NIST Handbook of
Mathematical Functions, 10.51.2 and 10.51.5). Nothing is divided by the argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import to_inexact
from adjoint.ops.elementwise.choice import maximum
from adjoint.ops.family.elementwise import Elementwise, Missing, apply
from adjoint.ops.special.scipy_function import keep_dtype

__all__ = ["spherical_in", "spherical_jn", "spherical_kn", "spherical_yn"]


def _spherical(name: str, below: float, above: float, low: float) -> Callable[..., Tensor]:
    """An operation, and the slope by its argument: these multiples of the neighbours."""

    def value(n: Any, x: Any) -> Any:
        order = np.asarray(n).astype(np.int64)
        return keep_dtype(getattr(import_module("scipy.special"), name)(order, x), x)

    def slope(n: Tensor, x: Tensor, y: Tensor | None = None) -> Tensor:
        before = n * apply(op, (maximum(n - 1, 0.0), x))  # 0 times whatever, where n is 0
        after = (n + 1) * apply(op, (n + 1, x))
        result: Tensor = (below * before + above * after) / (2 * n + 1)
        return result

    op = register(
        Elementwise(
            name,
            value,
            (Missing(name, "n"), slope),
            accepts="real",
            domain=((2.0, 2.0), (low, 3.0)),
        )
    )

    def function(n: Any, z: Any, derivative: bool) -> Tensor:
        z = as_tensor(z)
        if z.dtype.kind != "c":  # complex numbers are refused by `apply`
            dtype = to_inexact(z.node.dtype)
            n, z = as_tensor(n, dtype), as_tensor(z, dtype)
        return slope(as_tensor(n), z) if derivative else apply(op, (n, z))

    return function


_jn = _spherical("spherical_jn", 1.0, -1.0, 0.5)
_yn = _spherical("spherical_yn", 1.0, -1.0, 0.5)
_in = _spherical("spherical_in", 1.0, 1.0, 0.5)
_kn = _spherical("spherical_kn", -1.0, -1.0, 0.5)


@public
def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the first kind of whole order n ≥ 0, or its derivative.

    Elementwise, of real z; `n` and `z` broadcast. Differentiable by z, to every order.

    >>> import adjoint as ad
    >>> ad.special.spherical_jn(1, 2.0)
    Tensor(0.43539777)
    """
    return _jn(n, z, derivative)


@public
def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the second kind of whole order n ≥ 0, or its derivative.

    >>> import adjoint as ad
    >>> ad.special.spherical_yn(0, 2.0)
    Tensor(0.20807342)
    """
    return _yn(n, z, derivative)


@public
def spherical_in(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the first kind, or its derivative.

    >>> import adjoint as ad
    >>> ad.special.spherical_in(0, 2.0)
    Tensor(1.8134302)
    """
    return _in(n, z, derivative)


@public
def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the second kind, or its derivative.

    >>> import adjoint as ad
    >>> ad.special.spherical_kn(0, 2.0)
    Tensor(0.10629208)
    """
    return _kn(n, z, derivative)
