"""What registers hold: a number or a vector of them, two registers for complex numbers.

Floor 6. Types, constants and the few instructions that every writer of LLVM's language needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir

from adjoint.errors import DTypeError

FLOATS = {"float16": ir.HalfType(), "float32": ir.FloatType(), "float64": ir.DoubleType()}


class Complex(NamedTuple):
    """The two registers of a complex value."""

    real: Any
    imag: Any


class Scalar(NamedTuple):
    """A register that holds a number per lane, and its dtype: LLVM's integers have no sign.

    The value is `Complex` if the dtype is.
    """

    value: Any
    dtype: np.dtype[Any]

    @property
    def registers(self) -> tuple[Any, ...]:
        """The register, or the two."""
        return self.value if self.dtype.kind == "c" else (self.value,)


def scalar_in(registers: Sequence[Any], dtype: np.dtype[Any]) -> Scalar:
    """The scalar that these registers hold, as many as `Scalar.registers` has."""
    return Scalar(Complex(*registers) if dtype.kind == "c" else registers[0], dtype)


Operand = Scalar | float


@cache
def llvm_type(dtype: np.dtype[Any]) -> Any:
    """The register type of a dtype; a bool is one bit there, and bfloat16 its bits."""
    if dtype.kind == "V":
        return ir.IntType(16)
    if dtype.kind == "b":
        return ir.IntType(1)
    if dtype.kind in "iu":
        return ir.IntType(8 * dtype.itemsize)
    if dtype.name in FLOATS:
        return FLOATS[dtype.name]
    raise DTypeError(
        f"native code has no scalars of dtype {dtype}; use bool, integers, floats or complex"
    )


def pair_type(kind: Any) -> Any:
    """The type of two values of a type side by side, as a complex number lies in memory."""
    return ir.LiteralStructType([kind, kind])


class Vector(ir.VectorType):  # type: ignore[misc]  # untyped
    """A vector type that intrinsics can be named after, which llvmlite's own cannot."""

    @property
    def intrinsic_name(self) -> str:
        return f"v{self.count}{self.element.intrinsic_name}"

    def wrap_constant_value(self, values: Any) -> Any:
        """What a constant of this type holds: text such as ``splat (i64 1)``, or its lanes."""
        return values if isinstance(values, str) else super().wrap_constant_value(values)


@cache
def vector_type(kind: Any, lanes: int) -> Any:
    """The type of a register with so many lanes of a kind."""
    return kind if lanes == 1 else Vector(kind, lanes)


def splat_constant(value: Any, lanes: int) -> Any:
    """A constant in all lanes."""
    if lanes == 1:
        return value
    return ir.FormattedConstant(vector_type(value.type, lanes), f"splat ({value})")


@lru_cache(maxsize=4096)
def lane_numbers(*numbers: int) -> Any:
    """The constant that names lanes to a shuffle. It is kept, as its text is long."""
    return ir.Constant(Vector(ir.IntType(32), len(numbers)), list(numbers))


def splat(builder: Any, value: Any, lanes: int) -> Any:
    """A scalar register in all lanes: the insertion and shuffle that LLVM knows as a broadcast."""
    if lanes == 1:
        return value
    unset = poison(vector_type(value.type, lanes))
    first = builder.insert_element(unset, value, FIRST_LANE)
    return builder.shuffle_vector(first, unset, first_lane_everywhere(lanes))


FIRST_LANE = ir.IntType(32)(0)


@cache
def first_lane_everywhere(lanes: int) -> Any:
    """The constant by which a shuffle puts the first lane into all."""
    return lane_numbers(*[0] * lanes)


def any_lane(builder: Any, condition: Any, lanes: int) -> Any:
    """Whether a condition holds in a lane."""
    if lanes == 1:
        return condition
    bits = ir.IntType(lanes)
    return builder.icmp_unsigned("!=", builder.bitcast(condition, bits), bits(0))


@cache
def poison(kind: Any) -> Any:
    """A vector whose lanes are yet to be set."""
    return ir.FormattedConstant(kind, "poison")
