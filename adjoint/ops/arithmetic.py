"""Arithmetic, and the parts of complex numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise import binary, unary

add = binary("add", np.add, 1, 1, accepts="number", doc="The sum x1 + x2.")
subtract = binary(
    "subtract", np.subtract, 1, -1, accepts="number", doc="The difference x1 - x2."
)
negative = unary("negative", np.negative, -1, accepts="number", doc="The negative, -x.")
positive = unary("positive", np.positive, 1, accepts="number", doc="The value itself, +x.")


def _by_first(x1: Tensor, x2: Tensor, y: Tensor) -> Tensor:
    return x2


def _by_second(x1: Tensor, x2: Tensor, y: Tensor) -> Tensor:
    return x1


multiply = binary(
    "multiply", np.multiply, _by_first, _by_second, accepts="number", doc="The product x1 * x2."
)
divide = binary(
    "divide",
    np.divide,
    lambda x1, x2, y: reciprocal(x2),
    lambda x1, x2, y: -y / x2,
    domain=((-2.0, 2.0), (0.5, 2.0)),
    doc="The quotient x1 / x2.",
)
reciprocal = unary(
    "reciprocal",
    np.reciprocal,
    lambda x, y: -(y * y),
    domain=(0.5, 2.0),
    doc="The reciprocal 1 / x.",
)
