"""Hyperbolic functions and their inverses.

Method: sinh and cosh from (eˣ - 1) / 4 as a pair, which is exact near 0 and does not overflow
too early; the inverses from the logarithm of a pair, log(y) with y = x + √(x² ± 1) to twice the
digits of the format, so that y - 1 is exact where the result is small. tanh, much used, takes a
shorter way, in which few instructions wait for one another (see `estrin`): it stands in the loops
of recurrent networks.
"""

from __future__ import annotations

from adjoint.graph.emitter import Emitter

from .coefficients import TANH
from .exponential import exp_moderate_plus_one, quarter_expm1
from .logarithmic import log_of_sum
from .power import root_of_pair
from .words import (
    Pair,
    V,
    choose,
    estrin,
    fast_two_sum,
    format_of,
    pair_quotient,
    scalar_function,
    two_product,
    two_sum,
)


def odd(e: Emitter[V], x: V, result: V) -> V:
    """The result for |x| with the sign of x; x itself where x³ does not matter."""
    tiny = e.less(e.abs(x), 2.0 ** -(format_of(e, x).mantissa // 2 + 2))
    return e.select(tiny, x, e.copysign(result, x))


@scalar_function
def sinh(e: Emitter[V], x: V) -> V:
    """(eˣ - e⁻ˣ) / 2 = 2 w + w / (1/4 + w) / 2 with w = (eˣ - 1) / 4"""
    high, low = quarter_expm1(e, e.abs(x))
    below, below_low = two_sum(e, high, e.constant(0.25, e.dtype(x)))
    q, q_low = pair_quotient(e, (high, low), (below, e.add(below_low, low)))
    top, rest = two_sum(e, high, e.multiply(q, 0.25))
    rest = e.add(rest, e.fma(q_low, 0.25, low))
    return odd(e, x, e.multiply(e.add(top, rest), 2.0))


@scalar_function
def cosh(e: Emitter[V], x: V) -> V:
    """(eˣ + e⁻ˣ) / 2 = 2 (v + 1 / (16 v)) with v = eˣ / 4"""
    high, low = quarter_expm1(e, e.abs(x))
    v, v_low = two_sum(e, high, e.constant(0.25, e.dtype(x)))
    top, rest = fast_two_sum(e, v, e.divide(0.0625, v))
    return e.multiply(e.add(top, e.add(rest, e.add(v_low, low))), 2.0)


@scalar_function
def tanh(e: Emitter[V], x: V) -> V:
    """1 - 2 / (e²ˣ + 1); an odd polynomial where that is below 1/2."""
    magnitude = e.abs(x)
    below = exp_moderate_plus_one(e, e.multiply(magnitude, 2.0))
    far = e.subtract(1.0, e.divide(e.constant(2.0, e.dtype(x)), below))
    far = e.select(e.greater(magnitude, 20.0), 1.0, far)  # to the last bit
    z = e.multiply(x, x)
    near = e.fma(e.multiply(magnitude, z), estrin(e, z, choose(e, x, TANH)), magnitude)
    return e.copysign(e.select(e.less(magnitude, 0.55), near, far), x)


def root_of_square_plus(e: Emitter[V], x: V, constant: float) -> Pair[V]:
    """√(x² + constant) to twice the digits of the format."""
    square, square_low = two_product(e, x, x)
    sum_, low = two_sum(e, square, e.constant(constant, e.dtype(x)))
    return root_of_pair(e, *fast_two_sum(e, sum_, e.add(low, square_low)))


def log_of_root(e: Emitter[V], x: V, constant: float) -> V:
    """log(x + √(x² + constant)); of large x log(2 x)."""
    large = e.greater(x, 2.0 ** (format_of(e, x).mantissa // 2 + 4))
    root, root_low = root_of_square_plus(e, x, constant)
    high, low = two_sum(e, x, root)
    high = e.select(large, x, high)
    low = e.select(large, 0.0, e.add(low, root_low))
    one, zero = e.constant(1.0, e.dtype(x)), e.constant(0.0, e.dtype(x))
    result = log_of_sum(e, high, low, e.select(large, one, zero))
    return e.select(e.less(x, float("inf")), result, x)


@scalar_function
def asinh(e: Emitter[V], x: V) -> V:
    """log(x + √(x² + 1))"""
    return odd(e, x, log_of_root(e, e.abs(x), 1.0))


@scalar_function
def acosh(e: Emitter[V], x: V) -> V:
    """log(x + √(x² - 1)) for x ≥ 1"""
    return e.select(e.less(x, 1.0), float("nan"), log_of_root(e, x, -1.0))


@scalar_function
def atanh(e: Emitter[V], x: V) -> V:
    """log((1 + x) / (1 - x)) / 2 = log(1 + 2 x / (1 - x)) / 2"""
    magnitude = e.abs(x)
    one, zero = e.constant(1.0, e.dtype(x)), e.constant(0.0, e.dtype(x))
    below = fast_two_sum(e, one, e.negative(magnitude))
    q, q_low = pair_quotient(e, (e.multiply(magnitude, 2.0), zero), below)
    high, low = two_sum(e, one, q)
    result = e.multiply(log_of_sum(e, high, e.add(low, q_low)), 0.5)
    result = e.select(e.equal(magnitude, 1.0), float("inf"), result)
    return odd(e, x, e.select(e.greater(magnitude, 1.0), float("nan"), result))
