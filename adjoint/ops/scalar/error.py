"""The error function, its complement, and the distribution function of the normal law.

Method: near 0 an odd minimax polynomial; farther out erfc x = exp(-x²) p(t) / (1 + 2 x) with
t = (x - 4) / (x + 4), a map under which exp(x²) (1 + 2 x) erfc x is nearly straight over the whole
half-line (M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²)
erfc x in 0 ≤ x < ∞", Math. Comp. 36, 1981). x² and the factors are pairs, so that the error does
not grow with x.
"""

from __future__ import annotations

from adjoint.graph.emitter import Emitter

from .coefficients import ERF, ERFCX, INVERSE_ROOT_2
from .exponential import exp_of_pair
from .words import (
    V,
    choose,
    clamp,
    fast_two_sum,
    format_of,
    horner,
    pair_product,
    pair_quotient,
    scalar_function,
    scale,
    two_product,
    two_sum,
)

FARTHEST = {"float64": 28.0, "float32": 10.5}  # from here on erfc is 0


def near_zero(e: Emitter[V], x: V) -> V:
    """erf x - x, |x| ≤ 1"""
    return e.multiply(x, horner(e, e.multiply(x, x), choose(e, x, ERF)))


def upper_tail(e: Emitter[V], x: V, x_low: V) -> V:
    """erfc(x + x_low), x ≥ 1/2."""
    farthest = FARTHEST[format_of(e, x).name]
    x_low = e.select(e.greater(x, farthest), 0.0, x_low)
    x = e.select(e.greater(x, farthest), farthest, x)
    one, double = e.constant(1.0, e.dtype(x)), e.multiply(x, 2.0)
    square, square_low = two_product(e, x, x)
    square_low = e.fma(double, x_low, square_low)
    high, low, bits = exp_of_pair(e, e.negative(square), e.negative(square_low))
    t = e.divide(e.subtract(x, 4.0), e.add(x, 4.0))
    first, *others = choose(e, x, ERFCX)
    slope, slope_low = two_product(e, t, horner(e, t, others))
    curve, curve_low = fast_two_sum(e, e.constant(first, e.dtype(x)), slope)
    above = pair_product(e, (high, low), (curve, e.add(curve_low, slope_low)))
    below, below_low = two_sum(e, one, double)
    quotient = pair_quotient(e, above, (below, e.fma(x_low, 2.0, below_low)))
    return scale(e, e.add(*quotient), bits)


def erfc_of_pair(e: Emitter[V], x: V, x_low: V) -> V:
    """erfc(x + x_low): one less erf near 0, and two less the other tail on the left."""
    magnitude, magnitude_low = e.abs(x), e.select(e.less(x, 0.0), e.negative(x_low), x_low)
    tail = upper_tail(e, magnitude, magnitude_low)
    high, low = two_sum(e, e.constant(1.0, e.dtype(x)), e.negative(x))
    low = e.subtract(e.subtract(low, near_zero(e, x)), x_low)
    left = e.select(e.less(x, 0.0), e.subtract(2.0, tail), tail)
    central = e.bitwise_and(e.greater(x, -1.0), e.less(x, 0.5))
    return e.select(central, e.add(high, low), left)


@scalar_function
def erf(e: Emitter[V], x: V) -> V:
    """2/√π ∫₀ˣ exp(-t²) dt"""
    magnitude = e.abs(x)
    curve = horner(e, e.multiply(x, x), choose(e, x, ERF))
    tail = e.subtract(1.0, upper_tail(e, magnitude, e.constant(0.0, e.dtype(x))))
    small = e.less(magnitude, 1.0)
    return e.select(small, e.fma(x, curve, x), e.copysign(tail, x))


@scalar_function
def erfc(e: Emitter[V], x: V) -> V:
    """1 - erf x, relatively exact also where it is small."""
    return erfc_of_pair(e, x, e.constant(0.0, e.dtype(x)))


@scalar_function
def ndtr(e: Emitter[V], x: V) -> V:
    """The probability that a normal variable is below x: erfc(-x / √2) / 2."""
    first, second = choose(e, x, INVERSE_ROOT_2)
    farthest = 1.5 * FARTHEST[format_of(e, x).name]
    x = clamp(e, x, -farthest, farthest)
    high, low = two_product(e, x, e.constant(-first, e.dtype(x)))
    return e.multiply(erfc_of_pair(e, high, e.fma(x, -second, low)), 0.5)
