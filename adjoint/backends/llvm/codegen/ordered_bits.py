"""The largest or smallest of many floats, found as integers in the same order.

An integer comparison is one instruction, where IEEE's maximum takes six: it must put -0 below +0
and hand nan on. The bits of a float, those of a negative one inverted but for the sign, are an
integer with the order of the floats; nan is put at the end that wins. Every float comes back as it
was, nan as a nan.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter, Scalar
from adjoint.graph.node import Node
from adjoint.graph.types import DType

WINNERS = {"maximum": "max", "minimum": "min"}


def key_dtype(root: Node) -> DType | None:
    """The integers by which a fold compares; None if it compares what it folds itself."""
    if root.op.combine not in WINNERS or root.dtype.kind != "f":
        return None
    return np.dtype(f"i{root.dtype.itemsize}")


def to_key(e: LLVMEmitter, x: Scalar, keys: DType, word: str) -> Scalar:
    """The integer in the place of the float `x`."""
    key = _turned(e, e.bitcast(x, keys))
    end: Any = getattr(np.iinfo(keys), WINNERS[word])
    return e.select(e.not_equal(x, x), e.constant(end, keys), key)


def from_key(e: LLVMEmitter, key: Scalar, dtype: DType) -> Scalar:
    """The float in whose place the integer `key` is."""
    return e.bitcast(_turned(e, key), dtype)


def _turned(e: LLVMEmitter, bits: Scalar) -> Scalar:
    """The bits but the sign inverted where the sign is set: its own inverse."""
    size = 8 * bits.dtype.itemsize
    mask = e.bitwise_right_shift(bits, size - 1)
    return e.bitwise_xor(bits, e.bitwise_and(mask, (1 << (size - 1)) - 1))
