"""What a native rule says of itself when it is run against an emitter that writes nothing.

The cost of an operation, and whether it leaves some arguments to a slow path, are stated nowhere:
they are counted, once for each operation, parameters and dtypes. So no list can be out of date.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from adjoint.graph import complex_words
from adjoint.graph.loop_form import ZERO, Affine, Index
from adjoint.graph.node import Node
from adjoint.graph.types import BOOL, NATIVE_DTYPES, DType, to_complex, to_real

ELEMENTARY = 25
"""The cost from which on an operation counts as an elementary function: exp2, the shortest, has 27;
the longest others, remainders of integers and slopes of inverse functions, at most 24."""

FLOAT_DIVISION = 6
"""The cost of a quotient or a square root beside a sum: two to four times the time of one for a
vector that is in a register already, at most a quarter of writing it to memory and reading it."""

INTEGER_DIVISION = 16
"""Integers are divided one by one, in 10 to 40 cycles."""

CALL = 100
"""A C function for each element: never vectorised, 20 ns and more."""


class Measure(NamedTuple):
    """About how many instructions a rule writes for an element, and if it has a slow path."""

    cost: int
    has_slow_path: bool


_CALL = Measure(CALL, has_slow_path=False)
_measured: dict[Hashable, Measure] = {}


def cost(node: Node) -> int:
    """About how many instructions an element costs, those it reads not counted.

    Moving elements is index arithmetic and costs nothing; a reduction costs a step of it.
    """
    op = node.op
    if op.family == "leaf" or op.moves:
        return 0
    if op.combine is not None or op.scatters:
        return 1
    return measure(node).cost


def is_elementary(node: Node) -> bool:
    """Whether the node is an elementary function: dozens of instructions, or a call."""
    return cost(node) >= ELEMENTARY


def has_slow_path(node: Node) -> bool:
    """Whether the rule of a pointwise node leaves some arguments to `Emitter.slow_path`."""
    return node.op.pointwise and measure(node).has_slow_path


def measure(node: Node) -> Measure:
    """What the rule of a node writes; a call, if it has none."""
    sizes = () if node.op.pointwise else (node.shape, *[x.shape for x in node.inputs])
    key = node.op, node.params, node.dtype, *[x.dtype for x in node.inputs], sizes
    found = _measured.get(key)
    if found is None:
        if not has_rule(node):
            return _CALL  # not kept: its parameters may be graphs and functions of the user's
        found = _measured[key] = _run(node)
    return found


def has_rule(node: Node) -> bool:
    """Whether an element of the node can be computed by its native rule."""
    return has_native_dtypes(node) and node.op.lowers(node)


def has_native_dtypes(node: Node) -> bool:
    """Whether loops compute with the dtypes of the node and of its inputs."""
    return node.dtype in NATIVE_DTYPES and all(x.dtype in NATIVE_DTYPES for x in node.inputs)


def _run(node: Node) -> Measure:
    loops: Any = _Loops()
    node.op.lower(node, (ZERO,) * len(node.shape), loops)
    return Measure(loops.e.cost, loops.e.has_slow_path)


class _CountingEmitter:
    """An emitter that counts words and writes none: its scalars are dtypes."""

    def __init__(self) -> None:
        self.cost = 0
        self.has_slow_path = False

    @property
    def exact(self) -> _CountingEmitter:
        return self

    def dtype(self, x: DType) -> DType:
        return x

    def constant(self, value: float, dtype: DTypeLike) -> DType:
        return np.dtype(dtype)

    def complex(self, real: DType, imag: DType) -> DType:
        return to_complex(real)

    def real(self, x: DType) -> DType:
        return to_real(x)

    imag = real

    def convert(self, x: DType, dtype: DTypeLike) -> DType:
        result = np.dtype(dtype)
        self.cost += result != x
        return result

    def bitcast(self, x: DType, dtype: DTypeLike) -> DType:
        return np.dtype(dtype)

    def call(self, name: str, *arguments: DType, dtype: DTypeLike) -> DType:
        self.cost += CALL
        return np.dtype(dtype)

    def select(self, condition: DType, a: Any, b: Any) -> Any:
        result = self.operand(a, b)
        self.cost += 1 + (result.kind == "c")
        return result

    def slow_path(self, condition: DType, fast: DType, slow: Callable[[], DType]) -> DType:
        self.cost += 1  # the slow one is for arguments that hardly occur
        self.has_slow_path = True
        return fast

    def divide(self, a: Any, b: Any) -> DType:
        result = self.operand(a, b)
        if result.kind == "c":
            return self.of_parts("divide", result, result)
        self.cost += FLOAT_DIVISION if result.kind == "f" else INTEGER_DIVISION
        return result

    def fmod(self, a: Any, b: Any) -> DType:
        result = self.operand(a, b)
        self.cost += CALL if result.kind == "f" else INTEGER_DIVISION
        return result

    def sqrt(self, x: DType) -> DType:
        self.cost += FLOAT_DIVISION
        return x

    def compare(self, *operands: Any) -> DType:
        self.cost += 3 if self.operand(*operands).kind == "c" else 1
        return BOOL

    equal = not_equal = less = less_equal = greater = greater_equal = compare

    def operand(self, *operands: Any) -> DType:
        """The dtype of the operands, of which some may be Python numbers."""
        return next(x for x in operands if isinstance(x, np.dtype))

    def __getattr__(self, word: str) -> Callable[..., DType]:
        def counted(*operands: Any) -> DType:
            result = self.operand(*operands)
            if result.kind == "c":
                return self.of_parts(word, *[result] * len(operands))
            self.cost += 1
            return result

        return counted

    def of_parts(self, word: str, *operands: DType) -> DType:
        """What `complex_words` says of complex operands."""
        result: DType = complex_words.WORDS[word](self, *operands)
        return result


class _Loops:
    """The `Loops` of `adjoint.graph.loop_form` at one element, whose index is of no interest."""

    def __init__(self) -> None:
        self.e = _CountingEmitter()

    def read(self, x: Node, index: Index) -> DType:
        return x.dtype

    def carried(self, scan: Node, index: Index) -> DType:
        return scan.dtype

    def inside(self, i: Affine, low: int, high: int) -> DType:
        return BOOL

    def edges(self, i: Affine, places: Sequence[int]) -> None:
        pass

    def counter(self, scalar: Any) -> Affine:
        return ZERO

    def named(self, x: Node, at: Index, size: int, rule: Callable[[Any], Any]) -> Affine:
        return self.counter(rule(self))

    def check(self, condition: Any) -> None:
        pass

    def scalar(self, i: Affine) -> DType:
        return np.dtype(np.int64)

    def clamped(self, i: Affine, size: int) -> Affine:
        return ZERO

    def wrapped(self, i: Affine, size: int) -> Affine:
        return ZERO
