"""Bits of integers and booleans; no derivative."""

from __future__ import annotations

import numpy as np

from adjoint.graph.op import public_as
from adjoint.ops.family.elementwise import binary, unary

__all__ = [
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_invert",
    "bitwise_not",
    "invert",
    "bitwise_left_shift",
    "left_shift",
    "bitwise_right_shift",
    "right_shift",
]

_EXAMPLE = (6, 3)

bitwise_and = binary(
    "bitwise_and",
    np.bitwise_and,
    None,
    None,
    accepts="integer",
    example=_EXAMPLE,
    doc="x1 and x2, bit by bit.",
)
bitwise_or = binary(
    "bitwise_or",
    np.bitwise_or,
    None,
    None,
    accepts="integer",
    example=_EXAMPLE,
    doc="x1 or x2, bit by bit.",
)
bitwise_xor = binary(
    "bitwise_xor",
    np.bitwise_xor,
    None,
    None,
    accepts="integer",
    example=_EXAMPLE,
    doc="Either x1 or x2, bit by bit.",
)
bitwise_invert = bitwise_not = invert = unary(
    "bitwise_invert",
    np.bitwise_invert,
    None,
    accepts="integer",
    example=(6,),
    doc="Not x, bit by bit.",
)
bitwise_left_shift = left_shift = binary(
    "bitwise_left_shift",
    np.bitwise_left_shift,
    None,
    None,
    accepts="whole",
    domain=((-2.0, 2.0), (0.0, 2.0)),
    example=_EXAMPLE,
    doc="The bits of x1 moved x2 places up: x1 * 2**x2.",
)
bitwise_right_shift = right_shift = binary(
    "bitwise_right_shift",
    np.bitwise_right_shift,
    None,
    None,
    accepts="whole",
    domain=((-2.0, 2.0), (0.0, 2.0)),
    example=_EXAMPLE,
    doc="The bits of x1 moved x2 places down: x1 / 2**x2 rounded down.",
)
public_as("bitwise_not")(bitwise_not)
