"""The emitter that writes LLVM instructions.

Floor 6. Knows scalars only: memory, loops and functions belong to those who call it. What it
writes is straight-line code of instructions and intrinsics that LLVM vectorises, so a loop around
it becomes a vector loop (`call` and a branching `rare` excepted).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numpy.typing import DTypeLike

from adjoint.errors import ArgumentError, DTypeError

FLOATS = {"float16": ir.HalfType(), "float32": ir.FloatType(), "float64": ir.DoubleType()}


class Scalar(NamedTuple):
    """A value in a register, and its dtype: LLVM's integers do not say whether they are signed."""

    value: Any
    dtype: np.dtype[Any]


Operand = Scalar | float


def llvm_type(dtype: np.dtype[Any]) -> Any:
    """The register type of a dtype; a bool is one bit there."""
    if dtype.kind == "b":
        return ir.IntType(1)
    if dtype.kind in "iu":
        return ir.IntType(8 * dtype.itemsize)
    if dtype.name in FLOATS:
        return FLOATS[dtype.name]
    raise DTypeError(f"native code has no scalars of dtype {dtype}; use bool, integers or floats")


@dataclass(frozen=True)
class LLVMEmitter:
    """Writes words at the builder's position.

    `contract` allows an fma where a product is added. `rare_conditions`, if given, collects the
    conditions of `rare` (each a bit) instead of branching on them.
    """

    builder: Any
    contract: bool = False
    rare_conditions: list[Any] | None = field(default=None, repr=False)

    @property
    def exact(self) -> LLVMEmitter:
        return replace(self, contract=False) if self.contract else self

    def constant(self, value: float, dtype: DTypeLike) -> Scalar:
        dtype = np.dtype(dtype)
        kind = llvm_type(dtype)
        if dtype.kind == "f":
            number: float = float(np.asarray(value, dtype))
        elif dtype.kind == "b":
            number = int(bool(value))
        else:
            number = int(value) & ((1 << kind.width) - 1)
        return Scalar(ir.Constant(kind, number), dtype)

    def dtype(self, x: Scalar) -> np.dtype[Any]:
        return x.dtype

    # arithmetic

    def add(self, a: Operand, b: Operand) -> Scalar:
        return self._arithmetic("add", a, b)

    def subtract(self, a: Operand, b: Operand) -> Scalar:
        return self._arithmetic("sub", a, b)

    def multiply(self, a: Operand, b: Operand) -> Scalar:
        return self._arithmetic("mul", a, b)

    def divide(self, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind == "f":
            return self._arithmetic("div", a, b)
        quotient = self._divide_integers("div", a, b)
        return self.select(self.equal(b, 0), self.constant(0, a.dtype), quotient)

    def fmod(self, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind == "f":
            return Scalar(self.builder.frem(a.value, b.value), a.dtype)
        return self._divide_integers("rem", a, b)

    def negative(self, x: Scalar) -> Scalar:
        negate = self.builder.fneg if x.dtype.kind == "f" else self.builder.neg
        return Scalar(negate(x.value), x.dtype)

    def abs(self, x: Scalar) -> Scalar:
        if x.dtype.kind == "f":
            return self._intrinsic("fabs", x)
        return x if x.dtype.kind == "u" else self.select(self.less(x, 0), self.negative(x), x)

    def minimum(self, a: Operand, b: Operand) -> Scalar:
        return self._extremum("minimum", "min", a, b)

    def maximum(self, a: Operand, b: Operand) -> Scalar:
        return self._extremum("maximum", "max", a, b)

    # floating-point only

    def fma(self, a: Operand, b: Operand, c: Operand) -> Scalar:
        a, b, c = self._match(a, b, c)
        return self._intrinsic("fma", a, b, c)

    def sqrt(self, x: Scalar) -> Scalar:
        return self._intrinsic("sqrt", x)

    def floor(self, x: Scalar) -> Scalar:
        return self._rounded("floor", x)

    def ceil(self, x: Scalar) -> Scalar:
        return self._rounded("ceil", x)

    def trunc(self, x: Scalar) -> Scalar:
        return self._rounded("trunc", x)

    def round(self, x: Scalar) -> Scalar:
        return self._rounded("roundeven", x)

    def _rounded(self, name: str, x: Scalar) -> Scalar:
        """Whole numbers are round already, and LLVM ends the process if asked to round them."""
        return self._intrinsic(name, x) if x.dtype.kind == "f" else x

    def copysign(self, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        return self._intrinsic("copysign", a, b)

    # comparison

    def equal(self, a: Operand, b: Operand) -> Scalar:
        return self._compare("==", a, b)

    def not_equal(self, a: Operand, b: Operand) -> Scalar:
        return self._compare("!=", a, b)

    def less(self, a: Operand, b: Operand) -> Scalar:
        return self._compare("<", a, b)

    def less_equal(self, a: Operand, b: Operand) -> Scalar:
        return self._compare("<=", a, b)

    def greater(self, a: Operand, b: Operand) -> Scalar:
        return self._compare(">", a, b)

    def greater_equal(self, a: Operand, b: Operand) -> Scalar:
        return self._compare(">=", a, b)

    # bits

    def bitwise_and(self, a: Operand, b: Operand) -> Scalar:
        return self._integer("and_", a, b)

    def bitwise_or(self, a: Operand, b: Operand) -> Scalar:
        return self._integer("or_", a, b)

    def bitwise_xor(self, a: Operand, b: Operand) -> Scalar:
        return self._integer("xor", a, b)

    def bitwise_invert(self, x: Scalar) -> Scalar:
        return Scalar(self.builder.not_(x.value), x.dtype)

    def bitwise_left_shift(self, a: Operand, b: Operand) -> Scalar:
        return self._integer("shl", a, b)

    def bitwise_right_shift(self, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        return self._integer("ashr" if a.dtype.kind == "i" else "lshr", a, b)

    # choice and change of kind

    def select(self, condition: Scalar, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        return Scalar(self.builder.select(condition.value, a.value, b.value), a.dtype)

    def rare(self, condition: Scalar, usual: Scalar, unusual: Callable[[], Scalar]) -> Scalar:
        if self.rare_conditions is not None:
            self.rare_conditions.append(condition.value)
            return usual
        before = self.builder.block
        with self.builder.if_then(condition.value, likely=False):
            answer = unusual()
            inside = self.builder.block
        result = self.builder.phi(llvm_type(usual.dtype))
        result.add_incoming(usual.value, before)
        result.add_incoming(answer.value, inside)
        return Scalar(result, usual.dtype)

    def convert(self, x: Scalar, dtype: DTypeLike) -> Scalar:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if dtype.kind == "b":
            return self.not_equal(x, 0)
        if x.dtype.kind == "f":
            return self._convert_float(x, dtype)
        kind, signed = llvm_type(dtype), x.dtype.kind == "i"
        if dtype.kind == "f":
            write = self.builder.sitofp if signed else self.builder.uitofp
        elif kind.width == x.value.type.width:
            return Scalar(x.value, dtype)
        elif kind.width < x.value.type.width:
            write = self.builder.trunc
        else:
            write = self.builder.sext if signed else self.builder.zext
        return Scalar(write(x.value, kind), dtype)

    def bitcast(self, x: Scalar, dtype: DTypeLike) -> Scalar:
        dtype = np.dtype(dtype)
        return Scalar(self.builder.bitcast(x.value, llvm_type(dtype)), dtype)

    def call(self, name: str, *arguments: Scalar, dtype: DTypeLike) -> Scalar:
        dtype = np.dtype(dtype)
        function = self.builder.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(llvm_type(dtype), [x.value.type for x in arguments])
            function = ir.Function(self.builder.module, kind, name)
            function.attributes.add("nounwind")
        return Scalar(self.builder.call(function, [x.value for x in arguments]), dtype)

    # how they are written

    def _match(self, *operands: Operand) -> list[Scalar]:
        """The operands as scalars: numbers take the dtype of the others."""
        dtypes = {x.dtype for x in operands if isinstance(x, Scalar)}
        if len(dtypes) != 1:
            raise ArgumentError(
                f"a word needs operands of one dtype, got {sorted(map(str, dtypes)) or 'numbers'};"
                " convert them first"
            )
        (dtype,) = dtypes
        return [x if isinstance(x, Scalar) else self.constant(x, dtype) for x in operands]

    def _arithmetic(self, word: str, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind != "f":
            return self._integer(word, a, b)
        write = getattr(self.builder, f"f{word}")
        flags = ("contract",) if self.contract and word != "div" else ()
        return Scalar(write(a.value, b.value, flags=flags), a.dtype)

    def _integer(self, instruction: str, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        return Scalar(getattr(self.builder, instruction)(a.value, b.value), a.dtype)

    def _divide_integers(self, word: str, a: Scalar, b: Scalar) -> Scalar:
        """Division that cannot trap: a divisor of 0, or of -1 (where least / -1 overflows), is
        replaced by 1, and the latter's sign put back."""
        if a.dtype.kind == "u":
            return self._integer(f"u{word}", a, self.select(self.equal(b, 0), 1, b))
        minus = self.equal(b, -1)
        safe = self.select(self.bitwise_or(self.equal(b, 0), minus), 1, b)
        result = self._integer(f"s{word}", a, safe)
        return self.select(minus, self.negative(result), result)

    def _extremum(self, intrinsic: str, suffix: str, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind == "f":
            return self._intrinsic(intrinsic, a, b)
        return self._intrinsic(("s" if a.dtype.kind == "i" else "u") + suffix, a, b)

    def _intrinsic(self, name: str, *operands: Scalar) -> Scalar:
        kind = operands[0].value.type
        signature = ir.FunctionType(kind, [kind] * len(operands))
        function = self.builder.module.declare_intrinsic(f"llvm.{name}", [kind], signature)
        return Scalar(self.builder.call(function, [x.value for x in operands]), operands[0].dtype)

    def _compare(self, symbol: str, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind == "f":
            ordered = symbol != "!="
            write = self.builder.fcmp_ordered if ordered else self.builder.fcmp_unordered
        else:
            signed = a.dtype.kind == "i"
            write = self.builder.icmp_signed if signed else self.builder.icmp_unsigned
        return Scalar(write(symbol, a.value, b.value), np.dtype(bool))

    def _convert_float(self, x: Scalar, dtype: np.dtype[Any]) -> Scalar:
        """A float as another dtype. Saturates at the ends of an integer, where LLVM's plain
        conversion would be undefined."""
        kind = llvm_type(dtype)
        if dtype.kind == "f":
            longer = dtype.itemsize > x.dtype.itemsize
            write = self.builder.fpext if longer else self.builder.fptrunc
            return Scalar(write(x.value, kind), dtype)
        name = "llvm.fptosi.sat" if dtype.kind == "i" else "llvm.fptoui.sat"
        signature = ir.FunctionType(kind, [x.value.type])
        types = [kind, x.value.type]
        function = self.builder.module.declare_intrinsic(name, types, signature)
        return Scalar(self.builder.call(function, [x.value]), dtype)
