"""A builder of LLVM IR as text: llvmlite's, with its most frequent instructions written at once.

Floor 6. llvmlite keeps what an instruction is made of, looks for a free name, and formats it later:
15 microseconds or more for each. Here an instruction is its text from the start, under the next
number of its function, which takes two or three. What is rare, as branches and atomic accesses, is
left to llvmlite. The types of operands are not compared: LLVM does so when it reads the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from typing import Any

from llvmlite import ir

_BIT = ir.IntType(1)
_VOID = ir.VoidType()
_COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


class Instruction(ir.Value):  # type: ignore[misc]  # untyped
    """An instruction that is text already: what it computes, and the name of its result if it has
    one. `operands` are kept for those who look for chains of instructions."""

    def __init__(self, kind: Any, text: str, operands: Sequence[Any], reference: str) -> None:
        self.type = kind
        self.text = text
        self.operands = operands
        self.reference = reference

    def set_metadata(self, name: str, node: Any) -> None:
        """Attach metadata."""
        self.text += f", !{name} {node.get_reference()}"

    def get_reference(self) -> str:
        """Its result, as operands name it."""
        return self.reference

    def __str__(self) -> str:
        return f"{self.reference} = {self.text}" if self.reference else self.text


class Phi(Instruction):
    """The value that belongs to the block from which this one was entered."""

    def __init__(self, kind: Any, reference: str) -> None:
        super().__init__(kind, "", (), reference)
        self.incoming: list[tuple[Any, Any]] = []

    def add_incoming(self, value: Any, block: Any) -> None:
        """Say what the value is if the block was entered from `block`."""
        self.incoming.append((value, block))

    def __str__(self) -> str:
        ways = ", ".join(
            [f"[{v.get_reference()}, {block.get_reference()}]" for v, block in self.incoming]
        )
        return f"{self.reference} = phi {self.type} {ways}"


@cache
def _bits(lanes: int) -> Any:
    """The type of comparisons of vectors with so many lanes."""
    return ir.VectorType(_BIT, lanes)


def _arithmetic(word: str) -> Callable[..., Instruction]:
    """An instruction of two operands of one type, which is that of its result."""

    def write(self: IRBuilder, a: Any, b: Any, flags: Sequence[str] = ()) -> Instruction:
        kind = a.type
        head = " ".join((word, *flags)) if flags else word
        text = f"{head} {kind} {a.get_reference()}, {b.get_reference()}"
        return self.written(kind, text, (a, b))

    return write


def _conversion(word: str) -> Callable[..., Any]:
    """An instruction that makes another type of a value; none if it has that already."""

    def write(self: IRBuilder, value: Any, kind: Any) -> Any:
        if value.type == kind:
            return value
        return self.written(kind, f"{word} {typed(value)} to {kind}", (value,))

    return write


def typed(value: Any) -> str:
    """A value as an operand after its type; kept with it, as most values are read again."""
    try:
        found: str = value.typed
    except AttributeError:
        found = value.typed = f"{value.type} {value.get_reference()}"
    return found


class IRBuilder(ir.IRBuilder):  # type: ignore[misc]  # untyped
    """llvmlite's builder, writing the most frequent instructions as text."""

    def written(self, kind: Any, text: str, operands: Sequence[Any]) -> Instruction:
        """The instruction with a result of a kind, put where the builder stands."""
        found = Instruction(kind, text, operands, self._next_reference())
        self._block.instructions.insert(self._anchor, found)
        self._anchor += 1
        return found

    def _next_reference(self) -> str:
        """The next number of the function, as a name."""
        function = self._block.parent
        try:
            return f"%v{next(function.numbers)}"
        except AttributeError:
            function.numbers = count(1)
            return "%v0"

    def phi(self, kind: Any, name: str = "") -> Phi:
        """What its `add_incoming` will say. llvmlite's own methods give a name, which is not
        used."""
        found = Phi(kind, self._next_reference())
        self._block.instructions.insert(self._anchor, found)
        self._anchor += 1
        return found

    def _without_result(self, text: str, operands: Sequence[Any]) -> Instruction:
        found = Instruction(_VOID, text, operands, "")
        self._block.instructions.insert(self._anchor, found)
        self._anchor += 1
        return found

    add, sub, mul = map(_arithmetic, ("add", "sub", "mul"))
    sdiv, udiv, srem, urem = map(_arithmetic, ("sdiv", "udiv", "srem", "urem"))
    fadd, fsub, fmul = map(_arithmetic, ("fadd", "fsub", "fmul"))
    fdiv, frem = map(_arithmetic, ("fdiv", "frem"))
    shl, lshr, ashr = map(_arithmetic, ("shl", "lshr", "ashr"))
    and_, or_, xor = map(_arithmetic, ("and", "or", "xor"))

    trunc, zext, sext = map(_conversion, ("trunc", "zext", "sext"))
    fptrunc, fpext, bitcast = map(_conversion, ("fptrunc", "fpext", "bitcast"))
    sitofp, uitofp = map(_conversion, ("sitofp", "uitofp"))
    ptrtoint, inttoptr = map(_conversion, ("ptrtoint", "inttoptr"))

    def fneg(self, x: Any, flags: Sequence[str] = ()) -> Instruction:
        """The negative of a float."""
        return self.written(x.type, " ".join(("fneg", *flags, typed(x))), (x,))

    def neg(self, x: Any) -> Instruction:
        """The negative of an integer."""
        return self.sub(ir.Constant(x.type, None), x)

    def not_(self, x: Any) -> Instruction:
        """All bits of an integer turned round."""
        is_vector = isinstance(x.type, ir.VectorType)
        ones = f"splat ({x.type.element} -1)" if is_vector else "-1"
        return self.written(x.type, f"xor {typed(x)}, {ones}", (x,))

    def _comparison(self, word: str, condition: str, a: Any, b: Any) -> Instruction:
        text = f"{word} {condition} {typed(a)}, {b.get_reference()}"
        kind = _bits(a.type.count) if isinstance(a.type, ir.VectorType) else _BIT
        return self.written(kind, text, (a, b))

    def icmp_signed(self, condition: str, a: Any, b: Any) -> Instruction:
        """A comparison of integers with a sign."""
        word = _COMPARISONS[condition]
        return self._comparison("icmp", word if condition in ("==", "!=") else f"s{word}", a, b)

    def icmp_unsigned(self, condition: str, a: Any, b: Any) -> Instruction:
        """A comparison of integers without a sign."""
        word = _COMPARISONS[condition]
        return self._comparison("icmp", word if condition in ("==", "!=") else f"u{word}", a, b)

    def fcmp_ordered(self, condition: str, a: Any, b: Any) -> Instruction:
        """A comparison of floats that is false for nan."""
        return self._comparison("fcmp", f"o{_COMPARISONS[condition]}", a, b)

    def fcmp_unordered(self, condition: str, a: Any, b: Any) -> Instruction:
        """A comparison of floats that is true for nan."""
        return self._comparison("fcmp", f"u{_COMPARISONS[condition]}", a, b)

    def select(self, condition: Any, a: Any, b: Any) -> Instruction:
        """One of two values."""
        text = f"select {typed(condition)}, {typed(a)}, {typed(b)}"
        return self.written(a.type, text, (condition, a, b))

    def load(self, pointer: Any, align: int | None = None, typ: Any = None) -> Instruction:
        """A value in memory; a stack slot says itself what it holds."""
        kind = pointer.allocated_type if typ is None else typ
        end = "" if align is None else f", align {align}"
        return self.written(kind, f"load {kind}, {typed(pointer)}{end}", (pointer,))

    def store(self, value: Any, pointer: Any, align: int | None = None) -> Instruction:
        """Write a value to memory."""
        end = "" if align is None else f", align {align}"
        return self._without_result(
            f"store {typed(value)}, {typed(pointer)}{end}", (value, pointer)
        )

    def gep(self, pointer: Any, indices: Sequence[Any], *, source_etype: Any) -> Instruction:
        """An address so many elements of a type behind a pointer."""
        text = ", ".join([f"getelementptr {source_etype}", typed(pointer), *map(typed, indices)])
        return self.written(pointer.type, text, (pointer, *indices))

    def extract_element(self, vector: Any, lane: Any) -> Instruction:
        """A lane of a vector."""
        text = f"extractelement {typed(vector)}, {typed(lane)}"
        return self.written(vector.type.element, text, (vector, lane))

    def insert_element(self, vector: Any, value: Any, lane: Any) -> Instruction:
        """A vector with a lane replaced."""
        text = f"insertelement {typed(vector)}, {typed(value)}, {typed(lane)}"
        return self.written(vector.type, text, (vector, value, lane))

    def shuffle_vector(self, a: Any, b: Any, picks: Any) -> Instruction:
        """The lanes picked of two vectors one behind the other."""
        text = f"shufflevector {typed(a)}, {typed(b)}, {typed(picks)}"
        kind = ir.VectorType(a.type.element, picks.type.count)
        return self.written(kind, text, (a, b, picks))

    def call(self, function: Any, arguments: Sequence[Any], name: str = "") -> Instruction:
        """Call a function with a fixed number of arguments. llvmlite's own methods give a name,
        which is not used."""
        kind = function.function_type.return_type
        text = f"call {kind} {function.get_reference()}({', '.join(map(typed, arguments))})"
        operands = (function, *arguments)
        if kind == _VOID:
            return self._without_result(text, operands)
        return self.written(kind, text, operands)
