"""Conversion from and to bfloat16, said in words of the emitter on bits.

Floor 1. A number in bfloat16 is the upper half of the same number in float32. An emitter has its
bits in a register, and computes nothing with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.types import DType


def convert(e: Any, x: Any, dtype: DType) -> Any:
    """`x` as another dtype, one of the two being bfloat16."""
    if e.dtype(x).kind == "V":
        bits = e.convert(e.bitcast(x, np.uint16), np.uint32)
        return e.convert(e.bitcast(e.bitwise_left_shift(bits, 16), np.float32), dtype)
    return e.bitcast(e.convert(_rounded(e, e.convert(x, np.float32)), np.uint16), dtype)


def _rounded(e: Any, x: Any) -> Any:
    """The upper half of the bits of a number in float32, rounded to nearest, to even if two are.

    It is one more where the lower half comes to more than half of it, or to just that and the last
    bit above is 1; as bits, a carry goes into the exponent, up to infinity. Any nan becomes the
    quiet one of its sign, as in ml_dtypes: adding to it could give an infinity.
    """
    bits = e.bitcast(x, np.uint32)
    upper = e.bitwise_right_shift(bits, 16)
    odd = e.bitwise_and(upper, 1)
    nearest = e.bitwise_right_shift(e.add(e.add(bits, 0x7FFF), odd), 16)
    nan = e.bitwise_or(e.bitwise_and(upper, 0x8000), 0x7FC0)
    return e.select(e.not_equal(x, x), nan, nearest)
