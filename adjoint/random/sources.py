"""Numbers without parameters, of which all others are made: uniform, normal, exponential, signs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.graph.types import FLOAT64, INT64, DType, Shape
from adjoint.ops.elementwise.exponential import log
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.elementwise.trigonometric import cos
from adjoint.ops.random.bits import DRAWS, random_bits
from adjoint.ops.shape.movement import astype
from adjoint.random.arguments import working


def _whole(key: Tensor, shape: Shape, dtype: DType, down: int, stream: int, half: int) -> Tensor:
    """The upper 64 - `down` random bits as floating numbers.

    They pass through int64, which processors convert faster; `down` is at least 1.
    """
    bits: Any = random_bits(key, shape, stream, half) >> np.uint64(down)
    return astype(astype(bits, INT64), dtype)


def unit(key: Tensor, shape: Shape, dtype: DType, stream: int = DRAWS) -> Tensor:
    """Numbers in [0, 1): multiples of the spacing of the dtype below 1."""
    kind = working(dtype)
    digits = np.finfo(kind).nmant + 1
    found = _whole(key, shape, kind, 64 - digits, stream, 0) * 2.0**-digits
    return _as(found, dtype)


def open_unit(key: Tensor, shape: Shape, stream: int = DRAWS, half: int = 0) -> Tensor:
    """Float64 numbers in (0, 1), never an end: odd multiples of 2**-53, symmetric about 1/2."""
    return (_whole(key, shape, FLOAT64, 12, stream, half) * 2.0 + 1.0) * 2.0**-53


def standard_normal(key: Tensor, shape: Shape, dtype: DType, stream: int = DRAWS) -> Tensor:
    """Normal numbers, by the transformation of Box and Muller (1958) of the two halves."""
    kind = working(dtype)
    size = (_whole(key, shape, kind, 11, stream, 0) + 1.0) * 2.0**-53  # in (0, 1]
    turn = _whole(key, shape, kind, 64 - np.finfo(kind).nmant - 1, stream, 1)
    angle = turn * (2 * math.pi * 2.0 ** -(np.finfo(kind).nmant + 1))
    found: Tensor = sqrt(log(size) * -2.0) * cos(angle)
    return _as(found, dtype)


def standard_exponential(key: Tensor, shape: Shape, stream: int = DRAWS) -> Tensor:
    """Positive float64 numbers with density e⁻ˣ."""
    found: Tensor = -log(open_unit(key, shape, stream))
    return found


def random_sign(key: Tensor, shape: Shape, stream: int = DRAWS, half: int = 0) -> Tensor:
    """-1 and 1, as int64."""
    bit: Any = random_bits(key, shape, stream, half) >> np.uint64(63)
    found: Tensor = astype(bit, INT64) * 2 - 1
    return found


def _as(x: Tensor, dtype: DType) -> Tensor:
    return x if x.dtype is dtype else astype(x, dtype)
