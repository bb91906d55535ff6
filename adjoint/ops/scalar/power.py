"""Powers and roots: pow, sqrt, cbrt, hypot.

Method of pow: the logarithm as a pair whose relative error is below 2^-65 in float64 (2^-36 in
float32), because the exponential multiplies its absolute error, the product with y as a pair, and
the exponential of that pair; C99 (Annex F) says what happens at the ends.
"""

from __future__ import annotations

from adjoint.graph.emitter import Emitter

from .coefficients import LN2, LOG_TAIL, RECIPROCAL_CBRT, TWO_THIRDS
from .exponential import exp_of_pair
from .logarithmic import significand
from .words import (
    Pair,
    V,
    apply_sign,
    choose,
    clamp,
    fast_two_sum,
    format_of,
    horner,
    is_nan,
    pair_product,
    pair_quotient,
    power_of_two,
    scalar_function,
    scale,
    sign_of,
    split_exponent,
    two_product,
    two_sum,
)

INFINITY = float("inf")


def log_pair(e: Emitter[V], x: V) -> Pair[V]:
    """log x to nearly twice the digits of the format; x positive and finite.

    s = f / (2 + f) as a pair, log(1 + f) = 2 s + s z (2/3 + z p(z)), z = s² ≤ 0.0295: only z p(z),
    a sixtieth of 2/3 and of weight z / 2, is rounded as a single number.
    """
    f, n = significand(e, x)
    two, zero = e.constant(2.0, e.dtype(x)), e.constant(0.0, e.dtype(x))
    s = fast_two_sum(e, *pair_quotient(e, (f, zero), fast_two_sum(e, two, f)))
    z, z_low = two_product(e, s[0], s[0])
    z_low = e.fma(e.multiply(s[0], 2.0), s[1], z_low)
    third, third_low = choose(e, x, TWO_THIRDS)
    tail = e.multiply(z, horner(e, z, choose(e, x, LOG_TAIL)))
    slope, slope_low = fast_two_sum(e, e.constant(third, e.dtype(x)), tail)
    cubic = pair_product(e, (z, z_low), (slope, e.add(slope_low, third_low)))
    curve, curve_low = pair_product(e, s, cubic)
    high, low = fast_two_sum(e, e.multiply(s[0], 2.0), curve)
    low = e.add(low, e.fma(s[1], 2.0, curve_low))
    first, second, _ = choose(e, x, LN2)
    top, rest = fast_two_sum(e, e.multiply(n, first), high)
    part, part_low = two_sum(e, e.multiply(n, second), rest)
    return fast_two_sum(e, top, e.add(part, e.add(part_low, low)))


def odd_and_whole(e: Emitter[V], y: V) -> tuple[V, V]:
    """Whether y is an odd number, and whether it is a whole one; infinities are whole and even."""
    half = e.multiply(y, 0.5)
    whole = e.equal(e.floor(y), y)
    return e.bitwise_and(whole, e.not_equal(e.floor(half), half)), whole


@scalar_function
def pow(e: Emitter[V], x: V, y: V) -> V:
    """xʸ as in C99: 1 where y = 0 or x = 1, nan for negative x unless y is whole."""
    f = format_of(e, x)
    magnitude = e.abs(x)
    high, low = log_pair(e, magnitude)
    bound = 2.0 ** (f.mantissa + f.bias.bit_length() + 4)  # beyond: 0, 1 or infinity
    exponent = clamp(e, y, -bound, bound)
    product, product_low = two_product(e, exponent, high)
    product_low = e.fma(exponent, low, product_low)
    power, power_low, bits = exp_of_pair(e, product, product_low)
    result = scale(e, e.add(power, power_low), bits)
    # the ends: 0 and infinity
    negative_power = e.less(y, 0.0)
    zero = e.equal(magnitude, 0.0)
    at_end = e.bitwise_or(zero, e.equal(magnitude, INFINITY))
    big = e.equal(zero, negative_power)
    ends = e.select(big, e.constant(INFINITY, f.name), e.constant(0.0, f.name))
    result = e.select(at_end, ends, result)
    # signs and nan
    odd, whole = odd_and_whole(e, y)
    sign = sign_of(e, x)
    result = apply_sign(e, result, e.select(odd, sign, e.bitwise_and(sign, 0)))
    finite_negative = e.bitwise_and(e.less(x, 0.0), e.greater(x, -INFINITY))
    undefined = e.bitwise_and(finite_negative, e.bitwise_invert(whole))
    undefined = e.bitwise_or(undefined, e.bitwise_or(is_nan(e, x), is_nan(e, y)))
    result = e.select(undefined, float("nan"), result)
    return e.select(e.bitwise_or(e.equal(y, 0.0), e.equal(x, 1.0)), 1.0, result)


@scalar_function
def sqrt(e: Emitter[V], x: V) -> V:
    """The square root; correctly rounded."""
    return e.sqrt(x)


@scalar_function
def cbrt(e: Emitter[V], x: V) -> V:
    """The cube root.

    x = m 2^(3 q + k); 1 / ∛m from a polynomial, sharpened by r (1 + h/3 + 2 h²/9), h = 1 - m r³,
    whose error is cubic; then ∛m = m r² and one Newton step on its cube, kept as a pair.
    """
    f = format_of(e, x)
    magnitude = e.abs(x)
    shift = 3 * (f.mantissa // 3 + 1)
    subnormal = e.less(magnitude, f.tiny)
    normal = e.select(subnormal, e.multiply(magnitude, 2.0**shift), magnitude)
    m, n = split_exponent(e, normal, 0.5)
    third = e.floor(e.multiply(e.add(n, 0.5), 1 / 3))
    k = e.subtract(n, e.multiply(third, 3.0))
    one, two = e.equal(k, 1.0), e.equal(k, 2.0)
    r = horner(e, m, choose(e, x, RECIPROCAL_CBRT))
    r = e.multiply(r, e.select(two, 4 ** (-1 / 3), e.select(one, 2 ** (-1 / 3), unit(e, x))))
    m = e.multiply(m, e.select(two, 4.0, e.select(one, 2.0, unit(e, x))))
    h = e.fma(e.multiply(e.negative(m), r), e.multiply(r, r), 1.0)
    r = e.fma(e.multiply(r, h), e.fma(h, 2 / 9, 1 / 3), r)
    square = e.multiply(r, r)
    y = e.multiply(m, square)
    y_square, y_square_low = two_product(e, y, y)
    rest = e.fma(e.negative(y_square_low), y, e.fma(e.negative(y_square), y, m))
    y = e.fma(e.multiply(square, 1 / 3), rest, y)
    third = e.select(subnormal, e.subtract(third, float(shift // 3)), third)
    bits = e.bitcast(e.add(third, f.shifter), f.unsigned)
    result = e.copysign(e.multiply(y, power_of_two(e, bits, f)), x)
    trivial = e.bitwise_or(e.equal(x, 0.0), e.not_equal(e.subtract(x, x), 0.0))
    return e.select(trivial, x, result)


def unit(e: Emitter[V], x: V) -> V:
    return e.constant(1.0, e.dtype(x))


@scalar_function
def hypot(e: Emitter[V], x: V, y: V) -> V:
    """√(x² + y²) without undue overflow; infinite if either is, even beside nan."""
    f = format_of(e, x)
    x, y = e.abs(x), e.abs(y)
    steep = e.greater(y, x)
    a, b = e.select(steep, y, x), e.select(steep, x, y)
    big = e.greater(a, 2.0 ** (f.bias // 2))
    small = e.less(a, 2.0 ** (f.mantissa - f.bias // 2))
    step = f.bias // 2 + f.mantissa + 2
    down = e.select(big, 2.0**-step, e.select(small, 2.0**step, unit(e, x)))
    up = e.select(big, 2.0**step, e.select(small, 2.0**-step, unit(e, x)))
    a, b = e.multiply(a, down), e.multiply(b, down)
    a_square, a_low = two_product(e, a, a)
    b_square, b_low = two_product(e, b, b)
    square, low = fast_two_sum(e, a_square, b_square)
    root, root_low = root_of_pair(e, square, e.add(low, e.add(a_low, b_low)))
    result = e.multiply(e.add(root, root_low), up)
    infinite = e.bitwise_or(e.equal(x, INFINITY), e.equal(y, INFINITY))
    result = e.select(e.bitwise_or(is_nan(e, x), is_nan(e, y)), float("nan"), result)
    return e.select(infinite, INFINITY, result)


def root_of_pair(e: Emitter[V], x: V, x_low: V) -> Pair[V]:
    """√(x + x_low) as a pair."""
    root = e.sqrt(x)
    rest = e.add(e.fma(e.negative(root), root, x), x_low)
    return root, e.select(e.equal(root, 0.0), 0.0, e.divide(e.multiply(rest, 0.5), root))
