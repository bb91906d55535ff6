"""Polynomials by their coefficients, the highest power first, as NumPy's `polyval` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.op import FUNCTIONS, public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.movement import broadcast_to

__all__ = ["polyder", "polyval"]


@public
def polyval(p: Any, x: Any, /) -> Tensor:
    """p[0] xⁿ⁻¹ + … + p[n-2] x + p[n-1] by Horner's rule, elementwise in `x`.

    `p` has one axis, and is differentiated as `x` is. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.polyval([1.0, 0.0, -2.0], ad.asarray([1.0, 3.0]))
    Tensor([-1.,  7.])
    """
    c, x = _coefficients("polyval", p), as_tensor(x)
    y: Tensor = FUNCTIONS["zeros_like"](x)
    for i in range(c.shape[0]):
        y = y * x + c[i]
    return Tensor(y.node)


@public
def polyder(p: Any, /, m: int = 1) -> Tensor:
    """The coefficients of the `m`-th derivative of a polynomial with the coefficients `p`.

    Raises `ShapeError`, and `RangeError` for a negative `m`.

    >>> import adjoint as ad
    >>> ad.polyder(ad.asarray([1.0, 0.0, -2.0, 5.0]))
    Tensor([ 3.,  0., -2.])
    """
    c = _coefficients("polyder", p)
    if m < 0:
        raise RangeError(f"polyder: the order m must not be negative, got {m}")
    for _ in range(m):
        n = c.shape[0] - 1
        if n < 1:
            return Tensor(c[:0].node)
        lower: Tensor = c[:-1] * np.arange(n, 0, -1)
        c = lower
    return c


def _coefficients(name: str, p: Any) -> Tensor:
    c = as_tensor(p)
    if c.ndim == 0:
        c = broadcast_to(c, (1,))
    if c.ndim != 1:
        raise ShapeError(
            f"{name}: the coefficients have shape {c.shape}; expected one axis, highest power first"
        )
    return c
