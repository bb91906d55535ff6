"""Native rules of an instruction or a few: choices, predicates, powers by multiplication."""

from __future__ import annotations

import math

from adjoint.graph.emitter import Emitter

from . import hyperbolic, trigonometric
from .exponential import exp, sigmoid
from .gamma import lgamma
from .logarithmic import log, log1p
from .power import pow
from .words import V

NAN, INFINITY = math.nan, math.inf
MOST_FACTORS = 64
"""Whole powers up to this one are products."""

arcsin, arccos, arctan = trigonometric.asin, trigonometric.acos, trigonometric.atan
arctan2 = trigonometric.atan2
arcsinh, arccosh, arctanh = hyperbolic.asinh, hyperbolic.acosh, hyperbolic.atanh
expit = sigmoid
gammaln = lgamma
power = pow


def exact_add(e: Emitter[V], a: V, b: V) -> V:
    """a + b, with a product rounded before it is added"""
    return e.exact.add(a, b)


def exact_subtract(e: Emitter[V], a: V, b: V) -> V:
    """a - b, with a product rounded before it is subtracted"""
    return e.exact.subtract(a, b)


def is_float(e: Emitter[V], x: V) -> bool:
    """Whether x is a floating-point number, not an integer or a bool."""
    return e.dtype(x).kind == "f"


def positive(e: Emitter[V], x: V) -> V:
    """x"""
    return x


stop_gradient = conj = positive


def square(e: Emitter[V], x: V) -> V:
    """x²"""
    return e.multiply(x, x)


def reciprocal(e: Emitter[V], x: V) -> V:
    """1 / x"""
    return e.divide(e.constant(1, e.dtype(x)), x)


def log_slope(e: Emitter[V], x: V) -> V:
    """1 / x, nan where x < 0, +∞ at both zeros."""
    return e.select(e.less(x, 0.0), NAN, reciprocal(e, e.abs(x)))


def inverse_square(e: Emitter[V], x: V) -> V:
    """1 / x²"""
    return reciprocal(e, e.multiply(x, x))


def arcsin_slope(e: Emitter[V], x: V) -> V:
    """1 / √(1 - x²), exact near ±1; x itself may be rounded, 1 - x is not."""
    return reciprocal(e, e.sqrt(e.multiply(e.subtract(1.0, x), e.add(x, 1.0))))


def arctanh_slope(e: Emitter[V], x: V) -> V:
    """1 / (1 - x²), nan where that is negative."""
    inside = e.multiply(e.subtract(1.0, x), e.add(x, 1.0))
    return e.select(e.less(inside, 0.0), NAN, reciprocal(e, inside))


def arccosh_slope(e: Emitter[V], x: V) -> V:
    """1 / √(x² - 1), nan where x < 1."""
    roots = e.multiply(e.sqrt(e.subtract(x, 1.0)), e.sqrt(e.add(x, 1.0)))
    return reciprocal(e, roots)


def arcsinh_slope(e: Emitter[V], x: V) -> V:
    """1 / √(1 + x²), without the square of a large x."""
    size = e.abs(x)
    large = e.greater(size, 1.0)
    part = e.select(large, reciprocal(e, size), size)
    root = e.sqrt(e.add(e.multiply(part, part), 1.0))
    return e.divide(e.select(large, part, e.constant(1, e.dtype(x))), root)


def nonnegative(e: Emitter[V], x: V) -> V:
    """x, nan where x < 0."""
    return e.select(e.less(x, 0.0), NAN, x)


def sign(e: Emitter[V], x: V) -> V:
    """-1, 0 or 1, also of -0 the 0 without sign; nan stays nan."""
    least = -1 if e.dtype(x).kind in "if" else 0
    rest = e.add(x, 0.0) if is_float(e, x) else x
    return e.select(e.greater(x, 0), 1, e.select(e.less(x, 0), least, rest))


def where(e: Emitter[V], condition: V, a: V, b: V) -> V:
    """a or b"""
    return e.select(truth(e, condition), a, b)


def clip(e: Emitter[V], x: V, low: V, high: V) -> V:
    """min(max(x, low), high)"""
    return e.minimum(e.maximum(x, low), high)


def fmax(e: Emitter[V], a: V, b: V) -> V:
    """The larger; the other one if one is nan."""
    return e.select(e.not_equal(a, a), b, e.select(e.not_equal(b, b), a, e.maximum(a, b)))


def fmin(e: Emitter[V], a: V, b: V) -> V:
    """The smaller; the other one if one is nan."""
    return e.select(e.not_equal(a, a), b, e.select(e.not_equal(b, b), a, e.minimum(a, b)))


def truth(e: Emitter[V], x: V) -> V:
    """x ≠ 0"""
    return e.convert(x, "bool")


def logical_and(e: Emitter[V], a: V, b: V) -> V:
    """Both"""
    return e.bitwise_and(truth(e, a), truth(e, b))


def logical_or(e: Emitter[V], a: V, b: V) -> V:
    """Either"""
    return e.bitwise_or(truth(e, a), truth(e, b))


def logical_xor(e: Emitter[V], a: V, b: V) -> V:
    """One of the two"""
    return e.bitwise_xor(truth(e, a), truth(e, b))


def logical_not(e: Emitter[V], x: V) -> V:
    """Not"""
    return e.bitwise_invert(truth(e, x))


def bitwise_left_shift(e: Emitter[V], a: V, b: V) -> V:
    """a 2ᵇ, 0 where b is negative or moves all bits out"""
    bits = 8 * e.dtype(a).itemsize
    inside = _is_shift(e, b, bits)
    return e.select(inside, e.bitwise_left_shift(a, e.select(inside, b, 0)), 0)


def bitwise_right_shift(e: Emitter[V], a: V, b: V) -> V:
    """a / 2ᵇ rounded down; where b is negative or moves all bits out only the sign is left"""
    bits = 8 * e.dtype(a).itemsize
    most = bits - 1 if e.dtype(a).kind == "i" else 0
    inside = _is_shift(e, b, bits)
    moved = e.bitwise_right_shift(a, e.select(inside, b, most))
    return moved if most else e.select(inside, moved, 0)


def _is_shift(e: Emitter[V], b: V, bits: int) -> V:
    """Whether numbers of so many bits can be shifted by b; beyond, what LLVM says is poison."""
    return e.bitwise_and(e.greater_equal(b, 0), e.less(b, bits))


def isnan(e: Emitter[V], x: V) -> V:
    """x is not a number"""
    return e.not_equal(x, x)


def isinf(e: Emitter[V], x: V) -> V:
    """x is ∞ or -∞"""
    return e.equal(e.abs(x), INFINITY) if is_float(e, x) else e.constant(0, "bool")


def isfinite(e: Emitter[V], x: V) -> V:
    """x is neither infinite nor nan"""
    return e.less(e.abs(x), INFINITY) if is_float(e, x) else e.constant(1, "bool")


def signbit(e: Emitter[V], x: V) -> V:
    """The sign of x is minus; of zeros and nan too."""
    return e.less(e.copysign(e.constant(1.0, e.dtype(x)), x), 0.0)


def rint(e: Emitter[V], x: V) -> V:
    """The nearest whole number, ties to even"""
    return e.round(x)


def round(e: Emitter[V], x: V, decimals: int) -> V:
    """The nearest number with so many decimals, as NumPy finds it: scaled, rounded, scaled back"""
    if not is_float(e, x):
        return x
    if decimals == 0:
        return e.round(x)
    factor = 10.0 ** abs(decimals)
    if decimals > 0:
        return e.divide(e.round(e.multiply(x, factor)), factor)
    return e.multiply(e.round(e.divide(x, factor)), factor)


def remainder(e: Emitter[V], a: V, b: V) -> V:
    """a - b ⌊a / b⌋, with the sign of b"""
    rest = e.fmod(a, b)
    other = e.bitwise_xor(e.less(rest, 0), e.less(b, 0))
    moved = e.select(e.bitwise_and(other, e.not_equal(rest, 0)), e.add(rest, b), rest)
    return e.select(e.equal(moved, 0), e.copysign(moved, b), moved) if is_float(e, a) else moved


def power_const(e: Emitter[V], x: V, exponent: float) -> V:
    """x to a known power; a whole one of modest size by squaring and multiplying."""
    is_whole = math.isfinite(exponent) and exponent == int(exponent)
    if not is_whole or (abs(exponent) > MOST_FACTORS and is_float(e, x)):
        return pow(e, x, e.constant(exponent, e.dtype(x)))
    result = repeated_product(e, x, abs(int(exponent)))
    return reciprocal(e, result) if exponent < 0 else result


def repeated_product(e: Emitter[V], x: V, count: int) -> V:
    """The product of `count` factors x, by squaring and multiplying."""
    result, factor, rest = None, x, count
    while rest:
        if rest & 1:
            result = factor if result is None else e.multiply(result, factor)
        rest >>= 1
        if rest:
            factor = e.multiply(factor, factor)
    return e.constant(1, e.dtype(x)) if result is None else result


def x_log_x(e: Emitter[V], x: V) -> V:
    """x log x, nan at 0 as where NumPy multiplies the two"""
    return e.multiply(x, log(e, x))


def xlogy(e: Emitter[V], x: V, y: V) -> V:
    """x log y, 0 where x = 0 and y is a number"""
    nothing = e.bitwise_and(e.equal(x, 0.0), e.equal(y, y))
    return e.select(nothing, 0.0, e.multiply(x, log(e, y)))


def logaddexp(e: Emitter[V], a: V, b: V) -> V:
    """log(exp a + exp b)"""
    larger = e.maximum(a, b)
    gap = e.negative(e.abs(e.subtract(a, b)))
    return e.select(e.equal(a, b), e.add(a, math.log(2.0)), e.add(larger, log1p(e, exp(e, gap))))


def deg2rad(e: Emitter[V], x: V) -> V:
    """x π / 180"""
    return e.multiply(x, math.pi / 180)


def rad2deg(e: Emitter[V], x: V) -> V:
    """x 180 / π"""
    return e.multiply(x, 180 / math.pi)
