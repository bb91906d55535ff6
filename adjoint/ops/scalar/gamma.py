"""The logarithm of |Γ| and its derivatives, digamma and trigamma.

Method: with y = x - 1/2 the expansions for large x hold no half powers and no extra logarithm
(log Γ(x) = y log y - y + log(2 π) / 2 + P(1/y²) / y), and minimax polynomials instead of their
divergent series carry them down to y = 3 or y = 3/2. Below, x is shifted up by the recurrence; the
sums that cancel are sums of pairs. Zeros have a polynomial of their own, so that the results are
relatively exact near them. Negative x, by reflection, is left to `Emitter.slow_path`.
"""

from __future__ import annotations

from adjoint.graph.emitter import Emitter

from .coefficients import (
    DIGAMMA_FAR,
    DIGAMMA_ROOT,
    DIGAMMA_ZERO,
    HALF_LOG_2PI,
    LGAMMA_FAR,
    LGAMMA_NEAR_2,
    LOG_PI,
    PI,
    TRIGAMMA_FAR,
)
from .logarithmic import log, log_pair_of_sum
from .trigonometric import cosine_pair, sine_pair
from .words import (
    Pair,
    V,
    choose,
    fast_two_sum,
    format_of,
    horner,
    pair_quotient,
    scalar_function,
    two_product,
    two_sum,
)

INFINITY = float("inf")


def whole_and_sign(e: Emitter[V], a: V) -> tuple[V, V]:
    """Whether a is a whole number, and a less the nearest one."""
    r = e.subtract(a, e.round(a))
    return e.equal(r, 0.0), r


def sine_and_cosine_of_pi(e: Emitter[V], r: V) -> tuple[V, V]:
    """sin π|r| and cos π|r|, |r| ≤ 1/2, relatively exact."""
    first, second = choose(e, r, PI)
    magnitude = e.abs(r)
    steep = e.greater(magnitude, 0.25)
    near = e.select(steep, e.subtract(0.5, magnitude), magnitude)
    high, low = two_product(e, near, e.constant(first, e.dtype(r)))
    low = e.fma(near, second, low)
    sine, cosine = e.add(*sine_pair(e, high, low)), e.add(*cosine_pair(e, high, low))
    return e.select(steep, cosine, sine), e.select(steep, sine, cosine)


# log |Γ|


def lgamma_near(e: Emitter[V], x: V, log_pair: Pair[V]) -> V:
    """log Γ(x), 0 < x < 3.5: log Γ(2 + d) less or plus the logarithm of what shifted x there."""
    lowest, low, high = e.less(x, 0.5), e.less(x, 1.5), e.greater_equal(x, 2.5)
    d = e.subtract(x, e.select(low, 1.0, e.select(high, e.constant(3.0, e.dtype(x)), 2.0)))
    d = e.select(lowest, x, d)
    first, *others = choose(e, x, LGAMMA_NEAR_2)
    q, q_low = two_product(e, d, e.constant(first, e.dtype(x)))
    q, q_low = fast_two_sum(e, q, e.fma(e.multiply(d, d), horner(e, d, others), q_low))
    shift, shift_low = [e.select(high, v, e.negative(v)) for v in log_pair]
    top, rest = two_sum(e, q, shift)
    return e.add(top, e.add(rest, e.add(q_low, shift_low)))


def lgamma_far(e: Emitter[V], x: V, y: V, log_pair: Pair[V]) -> V:
    """log Γ(x), x ≥ 3.5, y = x - 1/2: y (log y - 1) + log(2 π) / 2 + P(1/y²) / y."""
    first, second = choose(e, x, HALF_LOG_2PI)
    inverse = e.divide(e.constant(1.0, e.dtype(x)), y)
    curve = horner(e, e.multiply(inverse, inverse), choose(e, x, LGAMMA_FAR))
    factor, factor_low = two_sum(e, log_pair[0], e.constant(-1.0, e.dtype(x)))
    # of huge x a small part, or the product overflows before its low part is known
    step = format_of(e, x).mantissa + 8
    huge, one = e.greater(x, 2.0 ** (step + 4)), e.constant(1.0, e.dtype(x))
    part = e.select(huge, 2.0**-step, one)
    product, low = two_product(e, e.multiply(y, part), factor)
    low = e.fma(e.multiply(y, part), e.add(factor_low, log_pair[1]), low)
    y_low = e.multiply(e.subtract(e.subtract(x, y), 0.5), part)
    rest = e.multiply(e.fma(inverse, curve, second), part)
    low = e.add(e.fma(y_low, log_pair[0], low), rest)
    top, rest = two_sum(e, product, e.multiply(part, first))
    return e.multiply(e.add(top, e.add(rest, low)), e.select(huge, 2.0**step, one))


def lgamma_positive(e: Emitter[V], x: V) -> V:
    """log Γ(x), x > 0: one logarithm, of what the case needs."""
    f = format_of(e, x)
    one, zero = e.constant(1.0, f.name), e.constant(0.0, f.name)
    lowest, low, mid, near = [e.less(x, bound) for bound in (0.5, 1.5, 2.5, 3.5)]
    # below 1/2 the argument is x (x + 1), of tiny x scaled up
    tiny = e.less(x, 2.0 ** (2 * f.mantissa - f.bias))
    scaled = e.select(tiny, e.multiply(x, 4.0**f.mantissa), x)
    square, square_low = two_product(e, x, x)
    u, u_low = fast_two_sum(e, scaled, e.select(tiny, zero, square))
    u_low = e.select(lowest, e.add(u_low, e.select(tiny, zero, square_low)), zero)
    shift = e.select(near, one, e.constant(0.5, f.name))
    above = e.subtract(x, shift)
    u = e.select(lowest, u, e.select(low, x, e.select(mid, one, above)))
    doublings = e.select(tiny, e.constant(-2.0 * f.mantissa, f.name), zero)
    log_pair = log_pair_of_sum(e, u, u_low, doublings)
    return e.select(near, lgamma_near(e, x, log_pair), lgamma_far(e, x, above, log_pair))


@scalar_function
def lgamma(e: Emitter[V], x: V) -> V:
    """log |Γ(x)|; infinite at 0, -1, -2 …"""
    fast = lgamma_positive(e, x)
    fast = e.select(e.less(x, INFINITY), fast, x)
    fast = e.select(e.equal(x, 0.0), INFINITY, fast)
    return e.slow_path(e.less(x, 0.0), fast, lambda: lgamma_negative(e, e.negative(x)))


def lgamma_negative(e: Emitter[V], a: V) -> V:
    """log |Γ(-a)| = log π - log a - log |sin π a| - log Γ(a), a > 0"""
    first, second = choose(e, a, LOG_PI)
    whole, r = whole_and_sign(e, a)
    sine, _ = sine_and_cosine_of_pi(e, r)
    logs, positive = e.add(log(e, a), log(e, sine)), lgamma_positive(e, a)
    result = e.subtract(e.subtract(first, logs), e.subtract(positive, second))
    result = e.select(near_pole(e, a), positive, result)
    pole = e.bitwise_or(whole, e.equal(a, INFINITY))
    return e.select(pole, INFINITY, result)


# its derivatives


def shifted(e: Emitter[V], x: V) -> tuple[V, V, V, V]:
    """(small, low, y, y_low): where x < 1 and x < 2; y = x - 1/2, shifted by two or by one."""
    small, low = e.less(x, 1.0), e.less(x, 2.0)
    move = e.select(small, 1.5, e.select(low, e.constant(0.5, e.dtype(x)), -0.5))
    return small, low, *two_sum(e, x, move)


def digamma_positive(e: Emitter[V], x: V) -> V:
    """ψ(x), x > 0: ψ(x + k) less 1/x, less 1/x + 1/(x + 1) = (2 x + 1) / (x + x²)."""
    one, zero = e.constant(1.0, e.dtype(x)), e.constant(0.0, e.dtype(x))
    small, low, y, y_low = shifted(e, x)
    logarithm, log_low = log_pair_of_sum(e, y, y_low)
    inverse = e.divide(one, y)
    v = e.multiply(inverse, inverse)
    far = e.fma(v, horner(e, v, choose(e, x, DIGAMMA_FAR)), log_low)
    above, above_low = fast_two_sum(e, one, e.multiply(x, 2.0))
    square, square_low = two_product(e, x, x)
    below, below_low = fast_two_sum(e, x, square)
    above = e.select(small, above, e.select(low, one, zero))
    below = e.select(small, below, e.select(low, x, one))
    q, q_low = pair_quotient(
        e,
        (above, e.select(small, above_low, zero)),
        (below, e.select(small, e.add(below_low, square_low), zero)),
    )
    top, rest = two_sum(e, logarithm, e.negative(q))
    result = e.add(top, e.add(rest, e.subtract(far, q_low)))
    result = e.select(near_pole(e, x), e.negative(e.divide(one, x)), result)
    first, second = choose(e, x, DIGAMMA_ZERO)
    d, d_low = fast_two_sum(e, e.subtract(x, first), e.constant(-second, e.dtype(x)))
    slope, *others = choose(e, x, DIGAMMA_ROOT)
    curve = e.multiply(e.multiply(d, d), horner(e, d, others))
    close = e.fma(d, slope, e.fma(d_low, slope, curve))
    return e.select(e.less(e.abs(d), 0.125), close, result)


def near_pole(e: Emitter[V], x: V) -> V:
    """Whether x is so near 0 that the pole there is all that counts."""
    return e.less(e.abs(x), 2.0 ** -(format_of(e, x).mantissa + 8))


@scalar_function
def digamma(e: Emitter[V], x: V) -> V:
    """ψ(x) = Γ'(x) / Γ(x); nan at -1, -2 …"""
    fast = e.select(e.less(x, INFINITY), digamma_positive(e, x), x)
    return e.slow_path(e.less(x, 0.0), fast, lambda: digamma_negative(e, e.negative(x)))


def digamma_negative(e: Emitter[V], a: V) -> V:
    """ψ(-a) = ψ(a) + 1/a + π cot π a, a > 0"""
    first, _ = choose(e, a, PI)
    whole, r = whole_and_sign(e, a)
    sine, cosine = sine_and_cosine_of_pi(e, r)
    cotangent = e.divide(e.multiply(e.copysign(cosine, r), first), sine)
    inverse = e.divide(e.constant(1.0, e.dtype(a)), a)
    result = e.add(cotangent, e.add(digamma_positive(e, a), inverse))
    pole = e.bitwise_or(whole, e.equal(a, INFINITY))
    return e.select(near_pole(e, a), inverse, e.select(pole, float("nan"), result))


def trigamma_positive(e: Emitter[V], x: V) -> V:
    """ψ'(x), x > 0: ψ'(x + k) plus 1/x², plus 1/x² + 1/(x + 1)²."""
    one, zero = e.constant(1.0, e.dtype(x)), e.constant(0.0, e.dtype(x))
    small, low, y, _ = shifted(e, x)
    inverse = e.divide(one, y)
    v = e.multiply(inverse, inverse)
    far = e.fma(e.multiply(inverse, v), horner(e, v, choose(e, x, TRIGAMMA_FAR)), inverse)
    first = e.divide(e.select(low, one, zero), x)
    first_low = e.multiply(e.fma(e.negative(first), x, 1.0), first)  # what the division left
    second = e.divide(e.select(small, one, zero), e.add(x, 1.0))
    far = e.fma(second, second, far)
    squared = e.less(e.abs(first), 2.0 ** (format_of(e, x).bias // 2))  # without overflow
    far = e.select(e.bitwise_and(low, squared), e.fma(e.multiply(first, 2.0), first_low, far), far)
    return e.fma(first, first, far)


@scalar_function
def trigamma(e: Emitter[V], x: V) -> V:
    """ψ'(x); infinite at 0, -1, -2 …"""
    fast = trigamma_positive(e, x)
    return e.slow_path(e.less(x, 0.0), fast, lambda: trigamma_negative(e, e.negative(x)))


def trigamma_negative(e: Emitter[V], a: V) -> V:
    """ψ'(-a) = π² / sin² π a - ψ'(a) + 1/a², a > 0"""
    first, _ = choose(e, a, PI)
    whole, r = whole_and_sign(e, a)
    sine, _ = sine_and_cosine_of_pi(e, r)
    wave = e.divide(e.constant(first, e.dtype(a)), sine)
    inverse = e.divide(e.constant(1.0, e.dtype(a)), a)
    shifted_up = trigamma_positive(e, e.add(a, 1.0))
    result = e.subtract(e.multiply(wave, wave), shifted_up)
    tiny = e.less(a, 2.0 ** -(format_of(e, a).mantissa // 2 + 2))
    result = e.select(tiny, e.multiply(inverse, inverse), result)
    pole = e.bitwise_or(whole, e.equal(a, INFINITY))  # there is no limit at -∞: ∞, as in SciPy
    return e.select(pole, INFINITY, result)
