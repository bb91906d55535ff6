"""The emitter that writes LLVM instructions.

Floor 6. Knows values in registers only: memory, loops and functions belong to those who call it. A
value is one number, or as many as the emitter has `lanes`. With one lane it writes straight-line
code of instructions and intrinsics, so that LLVM can vectorise a loop around it (`call` and a
branching `slow_path` excepted). A complex value is two registers, one of real parts and one of
imaginary parts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import DTypeLike

from adjoint.backends.llvm.codegen.registers import (
    Complex,
    Operand,
    Scalar,
    any_lane,
    llvm_type,
    poison,
    scalar_in,
    splat_constant,
    vector_type,
)
from adjoint.errors import ArgumentError
from adjoint.graph import bfloat16_words, complex_words
from adjoint.graph.types import to_complex, to_real

_COMPLEX: dict[str, Callable[..., Scalar]] = {
    "add": complex_words.add,
    "sub": complex_words.subtract,
    "mul": complex_words.multiply,
    "div": complex_words.divide,
    "==": complex_words.equal,
    "!=": complex_words.not_equal,
}
"""What instructions do, for complex numbers."""


def _key(operand: Any) -> Hashable:
    """Equal for equal operands: constants of equal text, else the same object."""
    return str(operand) if isinstance(operand, (str, ir.Constant, ir.Type)) else id(operand)


def _number(value: float, dtype: np.dtype[Any]) -> Any:
    """A number of a dtype as LLVM's constant; integers wrap."""
    kind = llvm_type(dtype)
    if dtype.kind == "f":
        return ir.Constant(kind, float(np.asarray(value, dtype)))
    if dtype.kind == "b":
        return ir.Constant(kind, int(bool(value)))
    if dtype.kind == "V":
        return ir.Constant(kind, int(np.asarray(value, dtype).view(np.uint16)))
    return ir.Constant(kind, int(value) & ((1 << kind.width) - 1))


@dataclass(frozen=True)
class LLVMEmitter:
    """Writes words at the builder's position.

    `contract` allows an fma where a product is added. `slow_conditions`, if given, collects the
    conditions of `slow_path` (each a bit) instead of branching on them. With several `lanes` it
    writes vector instructions. An instruction `written` before is not written again: LLVM would
    find the repetition, but later, and in a pass that is otherwise not needed.
    """

    builder: Any
    contract: bool = False
    slow_conditions: list[Any] | None = field(default=None, repr=False)
    lanes: int = 1
    written: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def exact(self) -> LLVMEmitter:
        return replace(self, contract=False) if self.contract else self

    def kind(self, dtype: np.dtype[Any]) -> Any:
        """The type of a register of a dtype: of a complex one that of each of the two."""
        return vector_type(llvm_type(to_real(dtype)), self.lanes)

    def constant(self, value: float, dtype: DTypeLike) -> Scalar:
        key = "constant", repr(value), dtype, self.lanes
        found: Scalar | None = self.written.get(key)
        if found is None:
            dtype = np.dtype(dtype)
            if dtype.kind == "c":
                numbers = [_number(x, to_real(dtype)) for x in (value.real, value.imag)]
            else:
                numbers = [_number(value, dtype)]
            splats = [splat_constant(number, self.lanes) for number in numbers]
            found = self.written[key] = scalar_in(splats, dtype)
        return found

    def dtype(self, x: Scalar) -> np.dtype[Any]:
        return x.dtype

    # the parts of complex numbers

    def complex(self, real: Scalar, imag: Scalar) -> Scalar:
        return Scalar(Complex(real.value, imag.value), to_complex(real.dtype))

    def real(self, x: Scalar) -> Scalar:
        return Scalar(x.value.real, to_real(x.dtype)) if x.dtype.kind == "c" else x

    def imag(self, x: Scalar) -> Scalar:
        if x.dtype.kind != "c":
            return self.constant(0, x.dtype)
        return Scalar(x.value.imag, to_real(x.dtype))

    # arithmetic

    def add(self, a: Operand, b: Operand) -> Scalar:
        return self._arithmetic("add", a, b)

    def subtract(self, a: Operand, b: Operand) -> Scalar:
        return self._arithmetic("sub", a, b)

    def multiply(self, a: Operand, b: Operand) -> Scalar:
        return self._arithmetic("mul", a, b)

    def divide(self, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind in "fc":
            return self._arithmetic("div", a, b)
        quotient = self._divide_integers("div", a, b)
        return self.select(self.equal(b, 0), self.constant(0, a.dtype), quotient)

    def fmod(self, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind == "f":
            return Scalar(self._write("frem", a.value, b.value), a.dtype)
        return self._divide_integers("rem", a, b)

    def negative(self, x: Scalar) -> Scalar:
        if x.dtype.kind == "c":
            return self.complex(self.negative(self.real(x)), self.negative(self.imag(x)))
        return Scalar(self._write("fneg" if x.dtype.kind == "f" else "neg", x.value), x.dtype)

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
        """Integers are whole already, and LLVM aborts the process if asked to round them."""
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
        return Scalar(self._write("not_", x.value), x.dtype)

    def bitwise_left_shift(self, a: Operand, b: Operand) -> Scalar:
        return self._integer("shl", a, b)

    def bitwise_right_shift(self, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        return self._integer("ashr" if a.dtype.kind == "i" else "lshr", a, b)

    # choice and change of kind

    def select(self, condition: Scalar, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind == "c":
            chosen: Scalar = complex_words.select(self, condition, a, b)
            return chosen
        return Scalar(self._write("select", condition.value, a.value, b.value), a.dtype)

    def slow_path(self, condition: Scalar, fast: Scalar, slow: Callable[[], Scalar]) -> Scalar:
        if self.slow_conditions is not None:
            self.slow_conditions.append(condition.value)
            return fast
        before, known = self.builder.block, dict(self.written)
        anywhere = any_lane(self.builder, condition.value, self.lanes)
        with self.builder.if_then(anywhere, likely=False):
            answer = self.select(condition, slow(), fast) if self.lanes > 1 else slow()
            inside = self.builder.block
        self.written.clear()  # what was written inside the branch is not defined after it
        self.written.update(known)
        results = []
        for one, other in zip(fast.registers, answer.registers, strict=True):
            result = self.builder.phi(self.kind(fast.dtype))
            result.add_incoming(one, before)
            result.add_incoming(other, inside)
            results.append(result)
        return scalar_in(results, fast.dtype)

    def convert(self, x: Scalar, dtype: DTypeLike) -> Scalar:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if "c" in (dtype.kind, x.dtype.kind):
            converted: Scalar = complex_words.convert(self, x, dtype)
            return converted
        if "V" in (dtype.kind, x.dtype.kind):
            moved: Scalar = bfloat16_words.convert(self, x, dtype)
            return moved
        if dtype.kind == "b":
            return self.not_equal(x, 0)
        if x.dtype.kind == "f":
            return self._convert_float(x, dtype)
        kind, signed = llvm_type(dtype), x.dtype.kind == "i"
        if dtype.kind == "f":
            write = "sitofp" if signed else "uitofp"
        elif kind.width == llvm_type(x.dtype).width:
            return Scalar(x.value, dtype)
        elif kind.width < llvm_type(x.dtype).width:
            write = "trunc"
        else:
            write = "sext" if signed else "zext"
        return Scalar(self._write(write, x.value, self.kind(dtype)), dtype)

    def bitcast(self, x: Scalar, dtype: DTypeLike) -> Scalar:
        dtype = np.dtype(dtype)
        return Scalar(self._write("bitcast", x.value, self.kind(dtype)), dtype)

    def call(self, name: str, *arguments: Scalar, dtype: DTypeLike) -> Scalar:
        dtype = np.dtype(dtype)
        function = self.builder.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(llvm_type(dtype), [llvm_type(x.dtype) for x in arguments])
            function = ir.Function(self.builder.module, kind, name)
            function.attributes.add("nounwind")
        values = [x.value for x in arguments]
        if self.lanes == 1:
            return Scalar(self.builder.call(function, values), dtype)
        result = poison(self.kind(dtype))
        for lane in map(ir.IntType(32), range(self.lanes)):
            own = [self.builder.extract_element(value, lane) for value in values]
            result = self.builder.insert_element(result, self.builder.call(function, own), lane)
        return Scalar(result, dtype)

    # how they are written

    def _write(self, instruction: str, *operands: Any, flags: tuple[str, ...] = ()) -> Any:
        """The result of an instruction that has no other effect, written once for equal operands.

        The flag of a product is no part of the key: ``contract`` makes an fma only where the sum
        has it too, so the product itself is the same number with and without.
        """
        kind = () if instruction == "fmul" else flags
        key = (instruction, kind, *map(_key, operands))
        found = self.written.get(key)
        if found is None:
            options = {"flags": flags} if flags else {}
            found = getattr(self.builder, instruction)(*operands, **options)
            self.written[key] = found
        return found

    def _call(self, function: Any, operands: list[Any]) -> Any:
        """The result of an intrinsic that has no other effect, called once for equal operands."""
        key = (function.name, *map(_key, operands))
        found = self.written.get(key)
        if found is None:
            found = self.written[key] = self.builder.call(function, operands)
        return found

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
        if a.dtype.kind == "c":
            return _COMPLEX[word](self, a, b)
        if a.dtype.kind != "f":
            return self._integer(word, a, b)
        flags = ("contract",) if self.contract and word != "div" else ()
        return Scalar(self._write(f"f{word}", a.value, b.value, flags=flags), a.dtype)

    def _integer(self, instruction: str, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        return Scalar(self._write(instruction, a.value, b.value), a.dtype)

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
        dtype, values = operands[0].dtype, [x.value for x in operands]
        key = (name, *map(_key, values))
        found = self.written.get(key)
        if found is None:
            kind = self.kind(dtype)
            signature = ir.FunctionType(kind, [kind] * len(operands))
            function = self.builder.module.declare_intrinsic(f"llvm.{name}", [kind], signature)
            found = self.written[key] = self.builder.call(function, values)
        return Scalar(found, dtype)

    def _compare(self, symbol: str, a: Operand, b: Operand) -> Scalar:
        a, b = self._match(a, b)
        if a.dtype.kind == "c":
            return _COMPLEX[symbol](self, a, b)
        if a.dtype.kind == "f":
            ordered = symbol != "!="
            write = "fcmp_ordered" if ordered else "fcmp_unordered"
        else:
            signed = a.dtype.kind == "i"
            write = "icmp_signed" if signed else "icmp_unsigned"
        return Scalar(self._write(write, symbol, a.value, b.value), np.dtype(bool))

    def _convert_float(self, x: Scalar, dtype: np.dtype[Any]) -> Scalar:
        """A float as another dtype. Saturates at the ends of an integer, where LLVM's plain
        conversion would be undefined."""
        kind = self.kind(dtype)
        if dtype.kind == "f":
            longer = dtype.itemsize > x.dtype.itemsize
            return Scalar(self._write("fpext" if longer else "fptrunc", x.value, kind), dtype)
        name = "llvm.fptosi.sat" if dtype.kind == "i" else "llvm.fptoui.sat"
        types = [kind, self.kind(x.dtype)]
        signature = ir.FunctionType(kind, types[1:])
        function = self.builder.module.declare_intrinsic(name, types, signature)
        return Scalar(self._call(function, [x.value]), dtype)
