"""Sine, cosine, tangent and their inverses.

Method: x = n π/2 + r, the product taken away in three parts of the format by fma: the first
difference is exact, the second is kept as a pair, the third is below it. That holds to |x| ≤ LIMIT;
beyond, where nobody goes on purpose, the C library answers (`Emitter.slow_path`) as exactly as it
can. Minimax polynomials for sine and cosine on |r| ≤ π/4 and a little more.

The inverses reduce to |t| ≤ 1/2: asin by the half-angle √((1 - |x|) / 2), atan by
(a - b) / (a + b), the tangent of an angle less π/4, with the remainder of the quotient kept.
"""

from __future__ import annotations

from typing import Any

from adjoint.graph.emitter import Emitter

from .coefficients import ASIN, ATAN, COS, HALF_PI, INVERSE_HALF_PI, QUARTER_PI, SIN
from .words import (
    Pair,
    V,
    apply_sign,
    choose,
    fast_two_sum,
    format_of,
    horner,
    nearest_whole,
    pair_quotient,
    scalar_function,
    sign_of,
    two_product,
    two_sum,
)

LIMIT = {"float64": 2.0**40, "float32": 3300000.0}  # beyond 2^20 π


def reduced(e: Emitter[V], x: V) -> tuple[V, V, V]:
    """(r, r_low, bits): x = n π/2 + r + r_low, n mod 4 in the last two of `bits`."""
    first, second, third, _ = choose(e, x, HALF_PI)
    n, bits = nearest_whole(e, x, choose(e, x, INVERSE_HALF_PI)[0])
    rest = e.fma(n, -first, x)
    part, part_low = two_product(e, n, e.constant(-second, e.dtype(x)))
    r, low = two_sum(e, rest, part)
    return r, e.fma(n, -third, e.add(low, part_low)), bits


def sine_pair(e: Emitter[V], r: V, r_low: V) -> Pair[V]:
    """sin(r + r_low), |r| < 0.92: r and what is to be added."""
    z = e.multiply(r, r)
    curve = horner(e, z, choose(e, r, SIN))
    return r, e.fma(e.multiply(r, z), curve, e.fma(e.multiply(z, -0.5), r_low, r_low))


def cosine_pair(e: Emitter[V], r: V, r_low: V) -> Pair[V]:
    """cos(r + r_low), |r| < 0.92: about 1 - r²/2 and what is to be added."""
    z = e.multiply(r, r)
    curve = horner(e, z, choose(e, r, COS))
    high = e.fma(z, -0.5, 1.0)
    low = e.fma(z, -0.5, e.subtract(1.0, high))
    tail = e.subtract(e.multiply(e.multiply(z, z), curve), e.multiply(r, r_low))
    return high, e.add(low, tail)


def beyond(e: Emitter[V], x: V, fast: V, name: str) -> V:
    """`fast`, but for huge x what the C library says."""

    def slow() -> V:
        dtype: Any = e.dtype(x)
        answer = e.call(name, e.convert(x, "float64"), dtype="float64")
        return e.convert(answer, dtype)

    return e.slow_path(e.greater(e.abs(x), LIMIT[format_of(e, x).name]), fast, slow)


def wave(e: Emitter[V], r: V, r_low: V, quadrant: V) -> V:
    """The sine of r + r_low + quadrant · π/2."""
    f = format_of(e, r)
    sine, cosine = e.add(*sine_pair(e, r, r_low)), e.add(*cosine_pair(e, r, r_low))
    even = e.equal(e.bitwise_and(quadrant, 1), 0)
    width = f.mantissa + (f.bias + 1).bit_length()  # the sign bit
    sign = e.bitwise_left_shift(e.bitwise_and(quadrant, 2), width - 1)
    return apply_sign(e, e.select(even, sine, cosine), sign)


@scalar_function
def sin(e: Emitter[V], x: V) -> V:
    """The sine."""
    r, r_low, bits = reduced(e, x)
    fast = e.select(e.equal(x, 0.0), x, wave(e, r, r_low, bits))
    return beyond(e, x, fast, "sin")


@scalar_function
def cos(e: Emitter[V], x: V) -> V:
    """The cosine."""
    r, r_low, bits = reduced(e, x)
    return beyond(e, x, wave(e, r, r_low, e.add(bits, 1)), "cos")


@scalar_function
def tan(e: Emitter[V], x: V) -> V:
    """The tangent: sine over cosine, or -cosine over sine, with the remainder of the quotient."""
    r, r_low, bits = reduced(e, x)
    sine = fast_two_sum(e, *sine_pair(e, r, r_low))
    cosine = fast_two_sum(e, *cosine_pair(e, r, r_low))
    even = e.equal(e.bitwise_and(bits, 1), 0)
    above = [e.select(even, s, e.negative(c)) for s, c in zip(sine, cosine, strict=True)]
    below = [e.select(even, c, s) for s, c in zip(sine, cosine, strict=True)]
    quotient = e.add(*pair_quotient(e, (above[0], above[1]), (below[0], below[1])))
    return beyond(e, x, e.select(e.equal(x, 0.0), x, quotient), "tan")


def arcsine_parts(e: Emitter[V], x: V) -> tuple[V, V, V]:
    """(large, s, p): asin s = s + p with s = |x|, or where `large` √((1 - |x|) / 2)."""
    magnitude = e.abs(x)
    large = e.greater(magnitude, 0.5)
    half = e.fma(magnitude, -0.5, 0.5)
    z = e.select(large, half, e.multiply(x, x))
    s = e.select(large, e.sqrt(half), magnitude)
    return large, s, e.multiply(e.multiply(s, z), horner(e, z, choose(e, x, ASIN)))


@scalar_function
def asin(e: Emitter[V], x: V) -> V:
    """The angle between -π/2 and π/2 whose sine is x."""
    high, low, *_ = choose(e, x, HALF_PI)
    large, s, p = arcsine_parts(e, x)
    top, rest = fast_two_sum(e, e.constant(high, e.dtype(x)), e.multiply(s, -2.0))
    below = e.add(top, e.add(rest, e.fma(p, -2.0, low)))
    return e.copysign(e.select(large, below, e.add(s, p)), x)


@scalar_function
def acos(e: Emitter[V], x: V) -> V:
    """The angle between 0 and π whose cosine is x."""
    high, low, *_ = choose(e, x, HALF_PI)
    large, s, p = arcsine_parts(e, x)
    sign = sign_of(e, x)
    s_signed, p_signed = apply_sign(e, s, sign), apply_sign(e, p, sign)
    small = e.subtract(high, e.subtract(s_signed, e.subtract(low, p_signed)))
    right = e.multiply(e.add(s, p), 2.0)
    left = e.multiply(e.subtract(high, e.add(s, e.subtract(p, low))), 2.0)
    return e.select(large, e.select(e.less(x, 0.0), left, right), small)


def angle(e: Emitter[V], y: V, x: V) -> V:
    """The angle of the point (x, y): x, y ≥ 0 but for the sign of x; neither 0, 0 nor infinite."""
    right = e.greater_equal(e.copysign(e.constant(1.0, e.dtype(x)), x), 0.0)
    x = e.abs(x)
    steep = e.greater(y, x)
    a, b = e.select(steep, x, y), e.select(steep, y, x)
    wide = e.greater(a, e.multiply(b, 0.5))
    above = e.select(wide, e.subtract(a, b), a)
    total, total_low = fast_two_sum(e, b, a)
    below, below_low = e.select(wide, total, b), e.select(wide, total_low, 0.0)
    zero = e.constant(0.0, e.dtype(x))
    q, q_low = pair_quotient(e, (above, zero), (below, below_low))
    z = e.multiply(q, q)
    curve = e.multiply(e.multiply(q, z), horner(e, z, choose(e, x, ATAN)))
    curve = e.add(curve, e.fma(e.multiply(z, -0.8), q_low, q_low))  # q_low / (1 + z), roughly
    # the angle is m π/4 ± atan q
    m = e.select(wide, e.constant(1.0, e.dtype(x)), zero)
    m = e.select(steep, e.subtract(2.0, m), m)
    m = e.select(right, m, e.subtract(4.0, m))
    flip = e.select(steep, e.bitwise_invert(right), right)
    q, curve = [e.select(flip, v, e.negative(v)) for v in (q, curve)]
    return quarter_turns_plus(e, m, q, curve)


def quarter_turns_plus(e: Emitter[V], m: V, q: V, low: V) -> V:
    """m π/4 + q + low for m = 0, 1 … 4 and |q| ≤ 1/2."""
    first, second = choose(e, q, QUARTER_PI)
    turns = e.multiply(m, first)
    turns_low = e.fma(m, second, e.fma(m, first, e.negative(turns)))
    top, rest = fast_two_sum(e, turns, q)
    return e.add(top, e.add(e.add(rest, turns_low), low))


@scalar_function
def atan(e: Emitter[V], x: V) -> V:
    """The angle between -π/2 and π/2 whose tangent is x."""
    magnitude = e.abs(x)
    result = angle(e, clamp_high(e, magnitude), e.constant(1.0, e.dtype(x)))
    return e.copysign(result, x)


def clamp_high(e: Emitter[V], x: V) -> V:
    """x, but not so large that its inverse is subnormal: there the angle is π/2 already."""
    largest = 2.0 ** (2 * format_of(e, x).mantissa)
    return e.select(e.greater(x, largest), largest, x)


@scalar_function
def atan2(e: Emitter[V], y: V, x: V) -> V:
    """The angle of the point (x, y), between -π and π; of signed zeros and infinities as in C."""
    f, infinity = format_of(e, x), float("inf")
    across, up = e.abs(x), e.abs(y)
    largest = e.maximum(across, up)
    one = e.constant(1.0, e.dtype(x))
    factor = e.select(e.greater(largest, 2.0 ** (f.bias - 9)), 2.0**-f.mantissa, one)
    factor = e.select(e.less(largest, 2.0 ** (2 * f.mantissa - f.bias)), 4.0**f.mantissa, factor)
    unbounded = e.equal(largest, infinity)
    origin = e.equal(largest, 0.0)

    def scaled(magnitude: V) -> V:
        corner = e.select(e.equal(magnitude, infinity), one, e.constant(0.0, e.dtype(x)))
        return e.select(unbounded, corner, e.multiply(magnitude, factor))

    across = e.select(origin, one, scaled(across))
    result = angle(e, scaled(up), e.copysign(across, x))
    result = e.select(e.not_equal(largest, largest), largest, result)
    return e.copysign(result, y)
