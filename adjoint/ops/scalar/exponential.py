"""Exponentials: exp, exp2, expm1, and what follows from them (sigmoid, softplus).

Method: x = n ln 2 + r with |r| ≤ ln 2 / 2, the product taken away by fma in two parts, so that r
carries no more than its own rounding (W. J. Cody and W. Waite, "Software Manual for the Elementary
Functions", 1980); a minimax polynomial for exp r; and two exact powers of two, so that overflow
and gradual underflow come out of the last product.
"""

from __future__ import annotations

from adjoint.graph.emitter import Emitter

from .coefficients import EXP, EXP2, INVERSE_LN2, LN2, LN2_FULL
from .logarithmic import log1p_to_one
from .words import (
    Pair,
    V,
    choose,
    clamp,
    estrin,
    fast_two_sum,
    format_of,
    horner,
    nearest_whole,
    pair_quotient,
    power_of_two,
    scalar_function,
    scale,
    two_sum,
)

RANGE = {"float64": (-746.0, 710.6), "float32": (-104.0, 89.6)}  # beyond: 0 and infinity


def reduced(e: Emitter[V], x: V, x_low: V | None = None) -> tuple[V, V, V]:
    """(r, r_low, bits): x + x_low = n ln 2 + r + r_low, n as `nearest_whole` leaves it."""
    first, second, *_ = choose(e, x, LN2)
    n, bits = nearest_whole(e, x, choose(e, x, INVERSE_LN2)[0])
    rest = e.fma(n, -first, x)
    r = e.fma(n, -second, rest)
    r_low = e.fma(n, -second, e.subtract(rest, r))
    if x_low is not None:
        r, r_low = fast_two_sum(e, r, e.add(r_low, x_low))
    return r, r_low, bits


def exp_less_one(e: Emitter[V], r: V, r_low: V) -> Pair[V]:
    """exp(r + r_low) - 1 as a pair, |r| ≤ ln 2 / 2."""
    curve = e.multiply(e.multiply(r, r), horner(e, r, choose(e, r, EXP)))
    return fast_two_sum(e, r, e.add(curve, e.fma(r, r_low, r_low)))


def exp_of_pair(e: Emitter[V], x: V, x_low: V) -> tuple[V, V, V]:
    """(high, low, bits): exp(x + x_low) = (high + low) 2ⁿ, yet to be scaled."""
    least, most = RANGE[format_of(e, x).name]
    outside = e.bitwise_or(e.less(x, least), e.greater(x, most))
    return exp_of_moderate_pair(e, clamp(e, x, least, most), e.select(outside, 0.0, x_low))


def exp_of_moderate_pair(e: Emitter[V], x: V, x_low: V) -> tuple[V, V, V]:
    """The same where x is known to lie in the range."""
    r, r_low, bits = reduced(e, x, x_low)
    p, p_low = exp_less_one(e, r, r_low)
    high, low = fast_two_sum(e, e.constant(1.0, e.dtype(x)), p)
    return high, e.add(low, p_low), bits


@scalar_function
def exp(e: Emitter[V], x: V) -> V:
    """eˣ"""
    x = clamp(e, x, *RANGE[format_of(e, x).name])
    r, r_low, bits = reduced(e, x)
    curve = e.fma(e.multiply(r, r), horner(e, r, choose(e, x, EXP)), r_low)
    return scale(e, e.add(e.add(r, curve), 1.0), bits)


exp_within = exp


def exp_moderate_plus_one(e: Emitter[V], x: V) -> V:
    """eˣ + 1 where eˣ neither overflows nor is subnormal; elsewhere any number."""
    r, _, bits = reduced(e, x)
    less_one = e.fma(e.multiply(r, r), estrin(e, r, choose(e, x, EXP)), r)
    power = power_of_two(e, bits, format_of(e, x))
    return e.fma(power, less_one, e.add(power, 1.0))


@scalar_function
def exp2(e: Emitter[V], x: V) -> V:
    """2ˣ; exact at whole numbers."""
    f = format_of(e, x)
    x = clamp(e, x, -f.bias - f.mantissa - 3.0, f.bias + 2.0)
    n, bits = nearest_whole(e, x, 1.0)
    r = e.subtract(x, n)
    first, second = choose(e, x, LN2_FULL)
    curve = e.fma(r, horner(e, r, choose(e, x, EXP2)), second)
    return scale(e, e.add(e.fma(r, first, e.multiply(r, curve)), 1.0), bits)


@scalar_function
def expm1(e: Emitter[V], x: V) -> V:
    """eˣ - 1, also near 0."""
    high, low = quarter_expm1(e, x)
    tiny = e.less(e.abs(x), 2.0 ** -(format_of(e, x).mantissa + 2))
    return e.select(tiny, x, e.multiply(e.add(high, low), 4.0))


def quarter_expm1(e: Emitter[V], x: V) -> Pair[V]:
    """(eˣ - 1) / 4 as a pair; a quarter does not overflow before sinh does.

    (2ⁿ - 1) + 2ⁿ (exp r - 1), of which only the last term is rounded, well below the others.
    """
    f = format_of(e, x)
    r, r_low, bits = reduced(e, clamp(e, x, -2.0 * f.mantissa, RANGE[f.name][1]))
    p, p_low = exp_less_one(e, r, r_low)
    quarter = power_of_two(e, e.subtract(bits, 2), f)
    high, low = two_sum(e, e.subtract(quarter, 0.25), e.multiply(quarter, p))
    return fast_two_sum(e, high, e.fma(quarter, p_low, low))


@scalar_function
def sigmoid(e: Emitter[V], x: V) -> V:
    """1 / (1 + e⁻ˣ); of negative x as eˣ / (1 + eˣ), which underflows gradually."""
    small = exp(e, e.negative(e.abs(x)))
    one, zero = e.constant(1.0, e.dtype(x)), e.constant(0.0, e.dtype(x))
    above = e.select(e.less(x, 0.0), small, one)
    return e.add(*pair_quotient(e, (above, zero), fast_two_sum(e, one, small)))


@scalar_function
def softplus(e: Emitter[V], x: V) -> V:
    """log(1 + eˣ) = max(x, 0) + log1p(e⁻|ˣ|)"""
    small = exp(e, e.negative(e.abs(x)))
    return e.add(e.maximum(x, 0.0), log1p_to_one(e, small))
