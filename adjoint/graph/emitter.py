"""The emitter: the scalar words in which the native code of an operation is written, once.

Floor 1. A word knows nothing of processors, vectors or LLVM: one emitter writes instructions,
another computes arrays, a third may draw pictures. Where the array API has a name for a word the
word has that name. What every emitter promises:

* Floating-point words round to nearest even and keep nan, infinities and signed zeros. Subnormal
  numbers are numbers. Nothing is assumed away.
* A Python number among the operands is weak: it takes the dtype of the other operands. All other
  operands of a word have equal dtypes, except where a line says otherwise. Integers wrap around.
* Words have no effect but their value, so an unused one costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

Value = TypeVar("Value")


class Emitter(Protocol[Value]):
    """Some forty scalar words; `Value` is whatever the emitter makes of a scalar."""

    # values and what is known of them

    def constant(self, value: float, dtype: DTypeLike) -> Value:
        """The number `value` as a scalar of `dtype`."""

    def dtype(self, x: Value) -> np.dtype[Any]:
        """The dtype of a scalar."""

    @property
    def exact(self) -> Emitter[Value]:
        """This emitter, but each word rounds on its own: `a * b + c` never becomes an fma.

        Error-free transformations (the mathematics in `adjoint.ops.scalar`) depend on it.
        """

    # complex numbers, which share the words of `complex_words` with real ones

    def complex(self, real: Value, imag: Value) -> Value:
        """The complex number with these parts, which have the same dtype."""

    def real(self, x: Value) -> Value:
        """The real part; a real number is its own."""

    def imag(self, x: Value) -> Value:
        """The imaginary part, 0 of a real number."""

    # arithmetic: floating-point and integers

    def add(self, a: Value | float, b: Value | float) -> Value:
        """a + b"""

    def subtract(self, a: Value | float, b: Value | float) -> Value:
        """a - b"""

    def multiply(self, a: Value | float, b: Value | float) -> Value:
        """a b"""

    def divide(self, a: Value | float, b: Value | float) -> Value:
        """a / b; of integers the quotient rounded towards zero, and 0 where b = 0."""

    def fmod(self, a: Value | float, b: Value | float) -> Value:
        """a - b trunc(a / b), exactly, with the sign of a; of integers 0 where b = 0."""

    def negative(self, x: Value) -> Value:
        """-x; flips the sign of zero and nan too."""

    def abs(self, x: Value) -> Value:
        """|x|; the least integer is its own absolute value."""

    def minimum(self, a: Value | float, b: Value | float) -> Value:
        """The smaller operand; nan if either is nan; -0 < +0."""

    def maximum(self, a: Value | float, b: Value | float) -> Value:
        """The larger operand; nan if either is nan; -0 < +0."""

    # floating-point only

    def fma(self, a: Value | float, b: Value | float, c: Value | float) -> Value:
        """a b + c, rounded once."""

    def sqrt(self, x: Value) -> Value:
        """The square root, correctly rounded."""

    def floor(self, x: Value) -> Value:
        """The largest whole number not above x."""

    def ceil(self, x: Value) -> Value:
        """The smallest whole number not below x."""

    def trunc(self, x: Value) -> Value:
        """The whole number next to x on the side of zero."""

    def round(self, x: Value) -> Value:
        """The nearest whole number, ties to even."""

    def copysign(self, a: Value | float, b: Value | float) -> Value:
        """|a| with the sign of b."""

    # comparison: two scalars to a bool; false where either is nan, but for not_equal

    def equal(self, a: Value | float, b: Value | float) -> Value:
        """a = b"""

    def not_equal(self, a: Value | float, b: Value | float) -> Value:
        """a ≠ b; true where either is nan, so `not_equal(x, x)` asks for nan."""

    def less(self, a: Value | float, b: Value | float) -> Value:
        """a < b"""

    def less_equal(self, a: Value | float, b: Value | float) -> Value:
        """a ≤ b"""

    def greater(self, a: Value | float, b: Value | float) -> Value:
        """a > b"""

    def greater_equal(self, a: Value | float, b: Value | float) -> Value:
        """a ≥ b"""

    # bits: integers and bools (on bools: logic)

    def bitwise_and(self, a: Value | float, b: Value | float) -> Value:
        """a and b, bit by bit."""

    def bitwise_or(self, a: Value | float, b: Value | float) -> Value:
        """a or b, bit by bit."""

    def bitwise_xor(self, a: Value | float, b: Value | float) -> Value:
        """a xor b, bit by bit."""

    def bitwise_invert(self, x: Value) -> Value:
        """not x, bit by bit."""

    def bitwise_left_shift(self, a: Value | float, b: Value | float) -> Value:
        """a 2ᵇ; 0 ≤ b < number of bits, anything else is not defined."""

    def bitwise_right_shift(self, a: Value | float, b: Value | float) -> Value:
        """a / 2ᵇ rounded down: the sign enters from the left if the dtype has one."""

    # choice and change of kind

    def select(self, condition: Value, a: Value | float, b: Value | float) -> Value:
        """a where the bool `condition` holds, else b. Both exist, neither is skipped."""

    def slow_path(self, condition: Value, fast: Value, slow: Callable[[], Value]) -> Value:
        """`slow()` where the bool `condition` holds, else `fast`.

        For arguments hardly anybody uses, whose treatment would slow down all others. An emitter
        may branch, or leave `fast` everywhere and report that `condition` held somewhere, so that
        whoever runs the loop repeats that stretch with an emitter that branches.
        """

    def convert(self, x: Value, dtype: DTypeLike) -> Value:
        """x as another dtype. To bool: x ≠ 0. To integers: towards zero, some value if it does
        not fit. To a shorter floating-point format: rounded."""

    def bitcast(self, x: Value, dtype: DTypeLike) -> Value:
        """The bits of x read as another dtype of the same width."""

    def call(self, name: str, *arguments: Value, dtype: DTypeLike) -> Value:
        """The C function `name` of these arguments, which returns `dtype`. Never vectorised."""
