"""The error function, its complement, the normal distribution, and their inverses.

Method: near 0 an odd minimax polynomial; farther out exp(x²) erfc x = p(t) / (1 + 2 x) with
t = (x - 4) / (x + 4), a map under which exp(x²) (1 + 2 x) erfc x is nearly straight over the whole
half-line (M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²)
erfc x in 0 ≤ x < ∞", Math. Comp. 36, 1981). x² and the factors are pairs, so that the error does
not grow with x. erf alone needs no pairs: exp(x²) erfc x is a polynomial in (x - 1) / (x + 2), the
less exact the smaller erfc is beside 1. The inverses take a rough polynomial in -log(1 - x²) and
improve it by the Taylor series of the inverse function, four terms of it.
"""

from __future__ import annotations

from adjoint.graph.emitter import Emitter

from .coefficients import (
    ERF,
    ERF_TAIL,
    ERFCX,
    ERFINV_FAR,
    ERFINV_NEAR,
    INVERSE_ROOT_2,
    ROOT_2,
)
from .exponential import exp, exp_of_moderate_pair, exp_of_pair
from .logarithmic import log, log_pair_of_sum
from .words import (
    Pair,
    V,
    choose,
    clamp,
    fast_two_sum,
    format_of,
    horner,
    is_nan,
    pair_quotient,
    product_parts,
    scalar_function,
    scale,
    two_product,
    two_sum,
)

FARTHEST = {"float64": 27.3, "float32": 10.19}  # from here on erfc is 0, and exp(-x²) not yet
ERF_IS_ONE = 6.0  # from here on, rounded
INFINITY = float("inf")
HALF_ROOT_PI = 0.886226925452758


def near_zero(e: Emitter[V], x: V) -> V:
    """erf x - x, |x| ≤ 1"""
    return e.multiply(x, horner(e, e.multiply(x, x), choose(e, x, ERF)))


def square_pair(e: Emitter[V], x: V, x_low: V) -> Pair[V]:
    """(x + x_low)²"""
    high, low = two_product(e, x, x)
    return high, e.fma(e.multiply(x, 2.0), x_low, low)


def bell(e: Emitter[V], x: V, x_low: V) -> tuple[V, V, V]:
    """exp(-(x + x_low)²) as `exp_of_pair` gives it, |x| at most FARTHEST."""
    high, low = square_pair(e, x, x_low)
    return exp_of_moderate_pair(e, e.negative(high), e.negative(low))


def scaled_tail(e: Emitter[V], x: V, x_low: V) -> Pair[V]:
    """exp(x²) erfc x of x + x_low ≥ 1/2 as a pair."""
    t = e.divide(e.subtract(x, 4.0), e.add(x, 4.0))
    first, *others = choose(e, x, ERFCX)
    slope = e.multiply(t, horner(e, t, others))
    above = fast_two_sum(e, e.constant(first, e.dtype(x)), slope)
    below, low = fast_two_sum(e, e.multiply(x, 2.0), e.constant(1.0, e.dtype(x)))
    return pair_quotient(e, above, (below, e.fma(x_low, 2.0, low)))


def tail_parts(e: Emitter[V], x: V, x_low: V) -> tuple[Pair[V], V, V]:
    """(erfc x / 2ⁿ, exp(-x²) / 2ⁿ, bits) of x + x_low ≥ 1/2; the first as two parts."""
    high, low, bits = bell(e, x, x_low)
    return product_parts(e, (high, low), scaled_tail(e, x, x_low)), high, bits


def upper_tail(e: Emitter[V], x: V, x_low: V) -> V:
    """erfc(x + x_low), x ≥ 1/2."""
    farthest = FARTHEST[format_of(e, x).name]
    x_low = e.select(e.greater(x, farthest), 0.0, x_low)
    x = e.select(e.greater(x, farthest), farthest, x)
    parts, _, bits = tail_parts(e, x, x_low)
    return scale(e, e.add(*parts), bits)


def centre(e: Emitter[V], x: V, x_low: V) -> Pair[V]:
    """erfc(x + x_low) = 1 - x - (erf x - x), |x| ≤ 1, as a pair."""
    high, low = two_sum(e, e.constant(1.0, e.dtype(x)), e.negative(x))
    return high, e.subtract(e.subtract(low, near_zero(e, x)), x_low)


def is_central(e: Emitter[V], x: V) -> V:
    return e.bitwise_and(e.greater(x, -1.0), e.less(x, 0.5))


def erfc_of_pair(e: Emitter[V], x: V, x_low: V) -> V:
    """erfc(x + x_low): one less erf near 0, and two less the other tail on the left."""
    low = e.select(e.less(x, 0.0), e.negative(x_low), x_low)
    tail = upper_tail(e, e.abs(x), low)
    left = e.select(e.less(x, 0.0), e.subtract(2.0, tail), tail)
    return e.select(is_central(e, x), e.add(*centre(e, x, x_low)), left)


@scalar_function
def erf(e: Emitter[V], x: V) -> V:
    """2/√π ∫₀ˣ exp(-t²) dt"""
    square, magnitude = e.multiply(x, x), e.abs(x)
    curve = horner(e, square, choose(e, x, ERF))
    far = e.select(e.greater(magnitude, ERF_IS_ONE), ERF_IS_ONE, magnitude)
    t = e.divide(e.subtract(far, 1.0), e.add(far, 2.0))
    scaled = horner(e, t, choose(e, x, ERF_TAIL))
    tail = e.fma(e.negative(exp(e, e.negative(square))), scaled, 1.0)
    return e.select(e.less(magnitude, 1.0), e.fma(x, curve, x), e.copysign(tail, x))


@scalar_function
def erfc(e: Emitter[V], x: V) -> V:
    """1 - erf x, relatively exact also where it is small."""
    return erfc_of_pair(e, x, e.constant(0.0, e.dtype(x)))


@scalar_function
def erfcx(e: Emitter[V], x: V) -> V:
    """exp(x²) erfc x; 2 exp(x²) less that of -x on the left."""
    zero = e.constant(0.0, e.dtype(x))
    largest = 2.0 ** format_of(e, x).mantissa  # beyond: 1 / (x √π)
    magnitude = e.abs(x)
    far = e.greater(magnitude, largest)
    tail = e.add(*scaled_tail(e, e.select(far, largest, magnitude), zero))
    tail = e.select(far, e.divide(e.constant(0.5 / HALF_ROOT_PI, e.dtype(x)), magnitude), tail)
    bounded = clamp(e, x, -FARTHEST[format_of(e, x).name], 0.5)
    high, low, bits = exp_of_pair(e, *square_pair(e, bounded, zero))
    central = is_central(e, x)
    near, near_low = centre(e, x, zero)
    factor = e.select(central, near, 2.0), e.select(central, near_low, 0.0)
    rising = scale(e, e.add(*product_parts(e, (high, low), factor)), bits)
    left = e.select(central, rising, e.subtract(rising, tail))
    return e.select(e.less(x, 0.5), left, tail)


# the normal distribution


def over_root_2(e: Emitter[V], x: V) -> Pair[V]:
    """x / √2"""
    first, second = choose(e, x, INVERSE_ROOT_2)
    high, low = two_product(e, x, e.constant(first, e.dtype(x)))
    return high, e.fma(x, second, low)


@scalar_function
def ndtr(e: Emitter[V], x: V) -> V:
    """The probability that a normal variable is below x: erfc(-x / √2) / 2."""
    farthest = 1.5 * FARTHEST[format_of(e, x).name]
    high, low = over_root_2(e, e.negative(clamp(e, x, -farthest, farthest)))
    return e.multiply(erfc_of_pair(e, high, low), 0.5)


@scalar_function
def log_ndtr(e: Emitter[V], x: V) -> V:
    """The logarithm of `ndtr`: on the left log(exp(t²) erfc(t) / 2) - t², t = -x / √2, on the right
    log(1 - erfc(t) / 2), t = x / √2; between, of the central formula of erfc."""
    f = format_of(e, x)
    one, zero = e.constant(1.0, f.name), e.constant(0.0, f.name)
    bounded = clamp(e, x, -(2.0**f.mantissa), 1.5 * FARTHEST[f.name])
    t, t_low = over_root_2(e, e.negative(bounded))
    left, central = e.greater_equal(t, 0.5), e.less(e.abs(t), 0.5)
    scaled = scaled_tail(e, e.select(left, t, one), e.select(left, t_low, zero))
    right = e.select(e.less(t, 0.0), e.negative(t), one)
    upper = upper_tail(e, right, e.select(e.less(t, 0.0), e.negative(t_low), zero))
    rest = two_sum(e, one, e.multiply(upper, -0.5))
    middle = [e.multiply(v, 0.5) for v in centre(e, e.select(central, t, zero), t_low)]
    outer = [e.select(left, e.multiply(s, 0.5), r) for s, r in zip(scaled, rest, strict=True)]
    high, low = [e.select(central, m, o) for m, o in zip(middle, outer, strict=True)]
    logarithm, log_low = log_pair_of_sum(e, *fast_two_sum(e, high, low))
    square, square_low = square_pair(e, e.select(left, t, zero), e.select(left, t_low, zero))
    top, rest_low = two_sum(e, logarithm, e.negative(square))
    result = e.add(top, e.add(rest_low, e.subtract(log_low, square_low)))
    far = e.less(x, -(2.0**f.mantissa))
    result = e.select(far, e.multiply(x, e.multiply(x, -0.5)), result)
    return e.select(is_nan(e, x), x, result)


# the inverses


def inverse(e: Emitter[V], x: V, q: V) -> Pair[V]:
    """The y ≥ 0 with erf y = x and erfc y = q = 1 - x, 0 ≤ x ≤ 1; a value and its correction.

    With h = √π/2 exp(y²) (x - erf y) the exact y is y + h + y h² + (1 + 4 y²) h³ / 3 + …
    """
    zero = e.constant(0.0, e.dtype(x))
    w = e.negative(log(e, e.multiply(q, e.subtract(2.0, q))))
    near = e.multiply(x, horner(e, w, choose(e, x, ERFINV_NEAR)))
    far = horner(e, e.subtract(e.sqrt(w), 6.0), choose(e, x, ERFINV_FAR))
    y = e.select(e.less(w, 6.0), near, far)
    tail, bell_high, bits = tail_parts(e, y, zero)
    mirrored = e.subtract(2 * format_of(e, x).shifter_bits, bits)
    above = e.add(e.subtract(tail[0], scale(e, q, mirrored)), tail[1])
    below = e.subtract(e.subtract(x, y), near_zero(e, y))
    difference = e.select(e.less(x, 0.5), below, above)
    h = e.divide(e.multiply(difference, HALF_ROOT_PI), bell_high)
    square = e.multiply(y, y)
    third = e.fma(square, 4 / 3, 1 / 3)
    fourth = e.multiply(y, e.fma(square, 2.0, 7 / 6))
    series = e.fma(h, e.fma(h, e.fma(h, fourth, third), y), 1.0)
    return y, e.multiply(h, series)


def mend(e: Emitter[V], q: V, result: V) -> V:
    """The inverse where q = 1 - x is 0, negative or nan."""
    result = e.select(e.equal(q, 0.0), INFINITY, result)
    return e.select(e.greater_equal(q, 0.0), result, float("nan"))


@scalar_function
def erfinv(e: Emitter[V], x: V) -> V:
    """The inverse of erf; infinite at ±1."""
    magnitude = e.abs(x)
    q = e.subtract(1.0, magnitude)
    result = mend(e, q, e.add(*inverse(e, magnitude, q)))
    tiny = e.less(magnitude, 2.0 ** -format_of(e, x).mantissa)
    result = e.select(tiny, e.multiply(magnitude, HALF_ROOT_PI), result)
    return e.copysign(result, x)


@scalar_function
def erfcinv(e: Emitter[V], x: V) -> V:
    """The inverse of erfc; infinite at 0 and 2."""
    right = e.less(x, 1.0)
    q = e.select(right, x, e.subtract(2.0, x))
    result = mend(e, q, e.add(*inverse(e, e.subtract(1.0, q), q)))
    return e.select(right, result, e.negative(result))


@scalar_function
def ndtri(e: Emitter[V], x: V) -> V:
    """The inverse of `ndtr`; infinite at 0 and 1: -√2 erfc⁻¹(2 x)."""
    first, second = choose(e, x, ROOT_2)
    left = e.less(x, 0.5)
    q = e.multiply(e.select(left, x, e.subtract(1.0, x)), 2.0)
    y, y_low = fast_two_sum(e, *inverse(e, e.subtract(1.0, q), q))
    high, low = two_product(e, y, e.constant(first, e.dtype(x)))
    low = e.fma(y_low, first, e.fma(y, second, low))
    result = mend(e, q, e.add(high, low))
    return e.select(left, e.negative(result), result)
