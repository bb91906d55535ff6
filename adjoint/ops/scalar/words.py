"""Phrases that the scalar mathematics shares: formats, polynomials, error-free sums and products.

Floor 3. Everything here, as in its neighbours, is straight-line code in emitter words. A number
wider than the format is a pair (high, low), high the sum rounded (T. J. Dekker, "A floating-point
technique for extending the available precision", 1971).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeAlias, TypeVar, cast

from adjoint.errors import DTypeError
from adjoint.graph.emitter import Emitter

V = TypeVar("V")
Pair: TypeAlias = tuple[V, V]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Format:
    """A binary floating-point format, as its bits are laid out."""

    name: str
    unsigned: str
    signed: str
    mantissa: int
    bias: int

    @property
    def shifter(self) -> float:
        """Adding it rounds to a whole number, which then stands in the lowest bits."""
        return 1.5 * 2.0**self.mantissa

    @property
    def shifter_bits(self) -> int:
        return (self.bias + self.mantissa) << self.mantissa | 1 << (self.mantissa - 1)

    @property
    def tiny(self) -> float:
        """The least normal number."""
        return 2.0 ** (1 - self.bias)

    @property
    def sign(self) -> int:
        return (self.bias + 1) << (self.mantissa + 1)


FORMATS = {
    "float32": Format("float32", "uint32", "int32", 23, 127),
    "float64": Format("float64", "uint64", "int64", 52, 1023),
}


def format_of(e: Emitter[V], x: V) -> Format:
    return FORMATS[e.dtype(x).name]


def scalar_function(function: Function) -> Function:
    """Mark an entry of the scalar mathematics: exact words inside, float16 through float32."""

    @wraps(function)
    def checked(e: Any, *arguments: Any) -> Any:
        dtype = e.dtype(arguments[0])
        if dtype.name in FORMATS:
            return function(e.exact, *arguments)
        if dtype.name == "float16":
            wide = [e.convert(x, "float32") for x in arguments]
            return e.convert(function(e.exact, *wide), dtype)
        raise DTypeError(
            f"{function.__name__} needs float16, float32 or float64, got {dtype}; convert it first"
        )

    checked.of_floats = True  # type: ignore[attr-defined]
    return cast(Function, checked)


def choose(e: Emitter[V], x: V, table: Mapping[str, Sequence[float]]) -> Sequence[float]:
    """The row of a table of coefficients that belongs to the dtype of x."""
    return table[e.dtype(x).name]


def horner(e: Emitter[V], x: V, coefficients: Sequence[float]) -> V:
    """Σ cᵢ xⁱ by Horner's rule, an fma a step."""
    *rest, last = coefficients
    result = e.constant(last, e.dtype(x))
    for c in reversed(rest):
        result = e.fma(result, x, c)
    return result


def estrin(e: Emitter[V], x: V, coefficients: Sequence[float]) -> V:
    """Σ cᵢ xⁱ by Estrin's scheme: neighbours are combined, then neighbours of these with x², x⁴ …

    A chain of ⌈log₂ n⌉ steps for n coefficients, where Horner's rule has n - 1, for as many more
    products: for functions whose result the next step of a loop waits for.
    """
    terms: list[V | float] = list(coefficients)
    power = x
    while len(terms) > 1:
        pairs: list[V | float] = [
            e.fma(power, b, a) for a, b in zip(terms[::2], terms[1::2], strict=False)
        ]
        terms = [*pairs, *terms[2 * len(pairs) :]]
        if len(terms) > 1:
            power = e.multiply(power, power)
    (result,) = terms
    return cast(V, result)


def clamp(e: Emitter[V], x: V, low: float, high: float) -> V:
    """x brought between two numbers; nan stays."""
    x = e.select(e.less(x, low), low, x)
    return e.select(e.greater(x, high), high, x)


def is_nan(e: Emitter[V], x: V) -> V:
    return e.not_equal(x, x)


def sign_of(e: Emitter[V], x: V) -> V:
    """The sign bit alone, as an unsigned integer."""
    f = format_of(e, x)
    return e.bitwise_and(e.bitcast(x, f.unsigned), f.sign)


def apply_sign(e: Emitter[V], x: V, sign: V) -> V:
    """x with its sign flipped where `sign`, a sign bit, is set."""
    f = format_of(e, x)
    return e.bitcast(e.bitwise_xor(e.bitcast(x, f.unsigned), sign), f.name)


# whole numbers and exponents


def nearest_whole(e: Emitter[V], x: V, factor: float) -> Pair[V]:
    """(n, bits): n the whole number nearest to factor · x, also in the low bits of `bits`.

    Holds for |n| < 2^(mantissa - 1). `bits` minus the format's `shifter_bits` is n as an integer.
    """
    f = format_of(e, x)
    shifted = e.fma(x, factor, f.shifter)
    return e.subtract(shifted, f.shifter), e.bitcast(shifted, f.unsigned)


def scale(e: Emitter[V], x: V, bits: V) -> V:
    """x 2ⁿ for the n in `bits` (see `nearest_whole`), |n| < 2 bias - 2, |x| near 1.

    In two factors, of which only the second can round: gradual underflow is rounded once.
    """
    f = format_of(e, x)
    biased = e.subtract(bits, f.shifter_bits - 2 * f.bias)
    half = e.bitwise_right_shift(biased, 1)
    first = e.bitwise_left_shift(half, f.mantissa)
    second = e.bitwise_left_shift(e.subtract(biased, half), f.mantissa)
    return e.multiply(e.multiply(x, e.bitcast(first, f.name)), e.bitcast(second, f.name))


def power_of_two(e: Emitter[V], bits: V, f: Format) -> V:
    """2ⁿ for the n in `bits` (see `nearest_whole`), a normal number."""
    biased = e.subtract(bits, f.shifter_bits - f.bias)
    return e.bitcast(e.bitwise_left_shift(biased, f.mantissa), f.name)


def split_exponent(e: Emitter[V], x: V, low: float) -> Pair[V]:
    """(m, n): x = m 2ⁿ with low ≤ m < 2 low, n whole as a float.

    x positive, normal and finite; 1/2 ≤ low < 1.
    """
    f = format_of(e, x)
    one = f.bias << f.mantissa
    least = one - (1 << f.mantissa) + int((2 * low - 1) * 2**f.mantissa)
    above = e.add(e.bitcast(x, f.unsigned), one - least)
    biased = e.bitwise_right_shift(above, f.mantissa)
    whole = e.bitcast(e.add(biased, f.shifter_bits - f.bias), f.name)
    mantissa = e.add(e.bitwise_and(above, (1 << f.mantissa) - 1), least)
    return e.bitcast(mantissa, f.name), e.subtract(whole, f.shifter)


# sums and products without error


def two_sum(e: Emitter[V], a: V, b: V) -> Pair[V]:
    """a + b = high + low exactly (D. E. Knuth, "Seminumerical Algorithms", 4.2.2, theorem B)."""
    high = e.add(a, b)
    part = e.subtract(high, a)
    return high, e.add(e.subtract(a, e.subtract(high, part)), e.subtract(b, part))


def fast_two_sum(e: Emitter[V], a: V, b: V) -> Pair[V]:
    """a + b = high + low exactly where |a| ≥ |b| or a = 0."""
    high = e.add(a, b)
    return high, e.subtract(b, e.subtract(high, a))


def two_product(e: Emitter[V], a: V, b: V) -> Pair[V]:
    """a b = high + low exactly, if nothing over- or underflows."""
    high = e.multiply(a, b)
    return high, e.fma(a, b, e.negative(high))


def pair_product(e: Emitter[V], a: Pair[V], b: Pair[V]) -> Pair[V]:
    """(a)(b) with a relative error near 2^-2p."""
    return fast_two_sum(e, *product_parts(e, a, b))


def product_parts(e: Emitter[V], a: Pair[V], b: Pair[V]) -> Pair[V]:
    """The same as a sum of which the first part need not be the sum rounded."""
    high, low = two_product(e, a[0], b[0])
    return high, e.add(low, e.fma(a[0], b[1], e.multiply(a[1], b[0])))


def pair_quotient(e: Emitter[V], a: Pair[V], b: Pair[V]) -> Pair[V]:
    """(a) / (b), the second part to about half the digits of the format."""
    inverse = e.divide(e.constant(1.0, e.dtype(b[0])), b[0])
    high = e.multiply(a[0], inverse)
    rest = e.add(e.fma(e.negative(high), b[0], a[0]), e.fma(e.negative(high), b[1], a[1]))
    return high, e.multiply(rest, inverse)
