"""Logarithms: log, log2, log10, log1p, and the logarithm of a pair, on which others build.

Method: x = 2ⁿ (1 + f) with √½ ≤ 1 + f < √2 (within the last bits); with s = f / (2 + f),
log(1 + f) = 2 s + s³ p(s²) = f - (f²/2 - s (f²/2 + s² p)), p minimax: f is exact, so only the
small second term is rounded before the last sum (the arrangement of fdlibm's e_log.c).
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.emitter import Emitter

from .coefficients import INVERSE_LN2, INVERSE_LN10, LN2, LOG, LOG10_2
from .words import (
    Pair,
    V,
    choose,
    fast_two_sum,
    format_of,
    horner,
    scalar_function,
    split_exponent,
    two_product,
    two_sum,
)

ROOT_HALF = 0.7071067811865476


def significand(e: Emitter[V], x: V) -> Pair[V]:
    """(f, n): x = 2ⁿ (1 + f), for positive finite x, subnormal ones too."""
    f = format_of(e, x)
    subnormal = e.less(x, f.tiny)
    normal = e.select(subnormal, e.multiply(x, 2.0 ** (f.mantissa + 1)), x)
    m, n = split_exponent(e, normal, ROOT_HALF)
    n = e.select(subnormal, e.subtract(n, f.mantissa + 1), n)
    return e.subtract(m, 1.0), n


def log_of_one_plus(e: Emitter[V], f: V, f_low: V | None = None) -> Pair[V]:
    """log(1 + f + f_low) as a pair of which the second part is rounded; √½ ≤ 1 + f < √2."""
    half_square = e.multiply(e.multiply(f, 0.5), f)
    s = e.divide(f, e.add(f, 2.0))
    z = e.multiply(s, s)
    curve = e.multiply(z, horner(e, z, choose(e, f, LOG)))
    high = e.subtract(f, half_square)
    low = e.subtract(e.subtract(f, high), half_square)
    low = e.subtract(low, e.fma(e.multiply(f, 0.5), f, e.negative(half_square)))
    low = e.fma(s, e.add(half_square, curve), low)
    if f_low is not None:
        # d log = f_low / (1 + f), and 1 / (1 + f) = (1 - s) / (1 + s) is near 1 - f + f²
        low = e.fma(f_low, e.fma(f, e.subtract(f, 1.0), 1.0), low)
    return high, low


def at_the_ends(e: Emitter[V], x: V, result: V) -> V:
    """The logarithm's result, mended where x is 0, negative, infinite or nan."""
    infinity = float("inf")
    result = e.select(e.less(x, infinity), result, x)
    result = e.select(e.less(x, 0.0), float("nan"), result)
    return e.select(e.equal(x, 0.0), -infinity, result)


@scalar_function
def log(e: Emitter[V], x: V) -> V:
    """The natural logarithm: n ln 2 + f - (f²/2 - s (f²/2 + s² p)), the parts as single numbers."""
    first, second, *_ = choose(e, x, LN2)
    f, n = significand(e, x)
    half_square = e.multiply(e.multiply(f, 0.5), f)
    s = e.divide(f, e.add(f, 2.0))
    z = e.multiply(s, s)
    curve = e.fma(z, horner(e, z, choose(e, x, LOG)), half_square)
    tail = e.subtract(half_square, e.fma(s, curve, e.multiply(n, second)))
    return at_the_ends(e, x, e.fma(n, first, e.subtract(f, tail)))


def plus_exponent(e: Emitter[V], n: V, high: V, low: V) -> Pair[V]:
    """n ln 2 + high + low as a pair."""
    first, second, *_ = choose(e, n, LN2)
    top, rest = fast_two_sum(e, e.multiply(n, first), high)
    return top, e.add(rest, e.fma(n, second, low))


@scalar_function
def log1p(e: Emitter[V], x: V) -> V:
    """log(1 + x), also near 0."""
    infinity = float("inf")
    high, low = two_sum(e, e.constant(1.0, e.dtype(x)), x)
    result = log_of_sum(e, high, low)
    result = e.select(e.less(x, infinity), result, x)
    result = e.select(e.less(x, -1.0), float("nan"), result)
    result = e.select(e.equal(x, -1.0), -infinity, result)
    return e.select(e.equal(x, 0.0), x, result)


def log1p_to_one(e: Emitter[V], x: V) -> V:
    """log(1 + x), 0 ≤ x ≤ 1; 1 + x is halved where it is above √2."""
    far = e.greater(x, 2 * ROOT_HALF - 1)
    high, low = log_of_one_plus(e, e.select(far, e.fma(x, 0.5, -0.5), x))
    n = e.select(far, e.constant(1.0, e.dtype(x)), 0.0)
    return e.add(*plus_exponent(e, n, high, low))


def log_of_sum(e: Emitter[V], high: V, low: V, doublings: V | None = None) -> V:
    """log(high + low), relatively exact also near 1; high positive and normal.

    With `doublings`, that many log 2 more.
    """
    return e.add(*log_pair_of_sum(e, high, low, doublings))


def log_pair_of_sum(e: Emitter[V], high: V, low: V, doublings: V | None = None) -> Pair[V]:
    """What `log_of_sum` adds up: a pair of which the second part is rounded."""
    f = format_of(e, high)
    m, n = split_exponent(e, high, ROOT_HALF)
    shift = e.subtract(e.bitcast(m, f.signed), e.bitcast(high, f.signed))
    bits = e.maximum(e.add(shift, f.bias << f.mantissa), 0)  # 2⁻ⁿ, or 0 beyond the format
    downscale = e.bitcast(bits, f.name)
    tail, tail_low = fast_two_sum(e, e.subtract(m, 1.0), e.multiply(low, downscale))
    first, second = log_of_one_plus(e, tail, tail_low)
    if doublings is not None:
        n = e.add(n, doublings)
    return plus_exponent(e, n, first, second)


@scalar_function
def log2(e: Emitter[V], x: V) -> V:
    """The logarithm to base 2; exact at powers of two."""
    f, n = significand(e, x)
    high, low = in_base(e, log_of_one_plus(e, f), choose(e, x, INVERSE_LN2))
    top, rest = fast_two_sum(e, n, high)
    return at_the_ends(e, x, e.add(top, e.add(rest, low)))


@scalar_function
def log10(e: Emitter[V], x: V) -> V:
    """The logarithm to base 10."""
    f, n = significand(e, x)
    first, second = choose(e, x, LOG10_2)
    high, low = in_base(e, log_of_one_plus(e, f), choose(e, x, INVERSE_LN10))
    top, rest = fast_two_sum(e, e.multiply(n, first), high)
    return at_the_ends(e, x, e.add(top, e.add(rest, e.fma(n, second, low))))


def in_base(e: Emitter[V], logarithm: Pair[V], inverse: Sequence[float]) -> Pair[V]:
    """A natural logarithm times a pair of numbers."""
    high, low = fast_two_sum(e, *logarithm)
    factor = e.constant(inverse[0], e.dtype(high))
    product, rest = two_product(e, high, factor)
    return product, e.fma(low, inverse[0], e.fma(high, inverse[1], rest))
