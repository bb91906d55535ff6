"""Struve functions. Their derivatives by the order are not known (`Missing`).

By the argument they follow the recurrence of Bessel functions and one term more (NIST Handbook of
Mathematical Functions, 11.4.27 and 11.4.28).
"""

from __future__ import annotations

import math

from adjoint.graph.tensor import Tensor
from adjoint.ops.family.elementwise import Binary, Missing
from adjoint.ops.special.gamma import gamma
from adjoint.ops.special.scipy_function import special_binary

__all__ = ["modstruve", "struve"]

_ORDERED = ((0.0, 2.0), (0.5, 3.0))


def _rest(v: Tensor, x: Tensor) -> Tensor:
    """(x/2)ᵛ / (√π Γ(v + 3/2))"""
    result: Tensor = (x * 0.5) ** v / (math.sqrt(math.pi) * gamma(v + 1.5))
    return result


struve: Binary = special_binary(
    "struve",
    "v, x",
    (
        Missing("struve", "v"),
        lambda v, x, y: 0.5 * (struve(v - 1, x) - struve(v + 1, x) + _rest(v, x)),
    ),
    "Struve's function of real order v.",
    "0.08363767",
    domain=_ORDERED,
)
modstruve: Binary = special_binary(
    "modstruve",
    "v, x",
    (
        Missing("modstruve", "v"),
        lambda v, x, y: 0.5 * (modstruve(v - 1, x) + modstruve(v + 1, x) + _rest(v, x)),
    ),
    "Struve's modified function of real order v.",
    "0.11247294",
    domain=_ORDERED,
)
