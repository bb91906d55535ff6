"""Elementary functions of complex numbers, from those of real numbers.

Floor 3. Branch cuts, signed zeros and infinities are those of C99 (annex G), as in NumPy. Each part
is good to a few units in the last place of the larger of the two; where the text says so, to a few
of its own. What would overflow on the way to an ordinary number is left to `slow_path`.
"""

from __future__ import annotations

import math

from adjoint.graph.complex_words import parts
from adjoint.graph.emitter import Emitter

from . import exponential, hyperbolic, logarithmic, trigonometric
from .basic import MOST_FACTORS, repeated_product
from .basic import isfinite as is_finite
from .complex import isfinite as finite
from .complex import reciprocal
from .power import hypot
from .words import Pair, V, format_of, two_product, two_sum

INFINITY, NAN = math.inf, math.nan
LARGE = {"float32": 80.0, "float64": 700.0}
"""Up to this size exp, sinh and cosh are far from overflow."""


def is_infinite(e: Emitter[V], x: V) -> V:
    """Whether a real number is ∞ or -∞."""
    return e.equal(e.abs(x), INFINITY)


def is_large(e: Emitter[V], x: V) -> V:
    """Whether exp(|x|) is near overflow; not of infinities, whose functions are simple."""
    size = e.abs(x)
    return e.bitwise_and(e.greater(size, LARGE[e.dtype(x).name]), e.less(size, INFINITY))


def scaled(e: Emitter[V], z: V, factor: V | float) -> V:
    """Both parts times a real number, also where a part is infinite."""
    return e.complex(e.multiply(e.real(z), factor), e.multiply(e.imag(z), factor))


# exponentials


def exp(e: Emitter[V], z: V) -> V:
    """eˣ (cos y + i sin y); each part to a few units of its own"""
    x, y = parts(e, z)
    sine, cosine = turn(e, x, y)

    def of(size: V) -> V:
        imag = e.select(e.equal(y, 0.0), y, e.multiply(size, sine))
        return e.complex(e.multiply(size, cosine), imag)

    def in_two_steps() -> V:
        most = LARGE[e.dtype(x).name]
        half = math.exp(most / 2)
        size = e.multiply(exponential.exp(e, e.subtract(x, most)), half)
        return scaled(e, of(size), half)

    is_near_overflow = e.bitwise_and(is_large(e, x), e.greater(x, 0.0))
    return e.slow_path(is_near_overflow, of(exponential.exp(e, x)), in_two_steps)


exp_within = exp


def turn(e: Emitter[V], x: V, y: V) -> Pair[V]:
    """sin y and cos y as factors of eˣ, which if infinite or 0 stays so at angles not finite."""
    wild = e.bitwise_and(is_infinite(e, x), e.bitwise_invert(is_finite(e, y)))
    sine, cosine = trigonometric.sin(e, y), trigonometric.cos(e, y)
    cosine = e.select(wild, 1.0, cosine)
    return e.select(e.bitwise_and(wild, e.less(x, 0.0)), 0.0, sine), cosine


def exp2(e: Emitter[V], z: V) -> V:
    """2ᶻ"""
    return exp(e, scaled(e, z, math.log(2.0)))


def expm1(e: Emitter[V], z: V) -> V:
    """eᶻ - 1: (eˣ - 1) cos y - 2 sin²(y / 2) and eˣ sin y, at 0 and infinities as eᶻ has it"""
    x, y = parts(e, z)
    half = trigonometric.sin(e, e.multiply(y, 0.5))
    turned = e.multiply(e.multiply(half, half), 2.0)
    real = e.multiply(exponential.expm1(e, x), trigonometric.cos(e, y))
    imag = e.multiply(exponential.exp(e, x), trigonometric.sin(e, y))
    found = e.complex(e.subtract(real, turned), imag)
    usual = e.bitwise_and(e.not_equal(z, 0.0), finite(e, z))
    return e.select(usual, found, e.subtract(exp(e, z), 1.0))


# logarithms


def log(e: Emitter[V], z: V) -> V:
    """log |z| + i arg z; each part to a few units of its own, also where |z| is near 1"""
    x, y = parts(e, z)
    a, b = e.abs(x), e.abs(y)
    large, small = e.maximum(a, b), e.minimum(a, b)
    near = e.bitwise_and(e.greater(large, 0.5), e.less(large, 2.0))
    ratio = e.select(e.equal(large, 0.0), 0.0, e.divide(small, large))
    excess = e.select(near, square_less_one(e, large, small), e.multiply(ratio, ratio))
    rest = e.select(near, 0.0, logarithmic.log(e, large))
    size = e.add(rest, e.multiply(logarithmic.log1p(e, excess), 0.5))
    infinite = e.bitwise_or(e.equal(a, INFINITY), e.equal(b, INFINITY))
    return e.complex(e.select(infinite, INFINITY, size), trigonometric.atan2(e, y, x))


def square_less_one(e: Emitter[V], a: V, b: V) -> V:
    """a² + b² - 1 for 1/2 < a < 2, b ≤ a, rounded at the end: (a - 1)(a + 1) + b²."""
    e = e.exact
    less = e.subtract(a, 1.0)  # exact
    more, more_low = two_sum(e, a, e.constant(1.0, e.dtype(a)))
    product, product_low = two_product(e, less, more)
    square, square_low = two_product(e, b, b)
    high, low = two_sum(e, product, square)
    low = e.add(low, e.add(product_low, square_low))
    return e.add(high, e.add(low, e.multiply(less, more_low)))


def log2(e: Emitter[V], z: V) -> V:
    """The logarithm to base 2"""
    return scaled(e, log(e, z), 1 / math.log(2.0))


def log10(e: Emitter[V], z: V) -> V:
    """The logarithm to base 10"""
    return scaled(e, log(e, z), 1 / math.log(10.0))


def x_log_x(e: Emitter[V], z: V) -> V:
    """z log z"""
    return e.multiply(z, log(e, z))


# powers


def sqrt(e: Emitter[V], z: V) -> V:
    """√z with a real part that is not negative; each part to a few units of its own"""
    f = format_of(e, e.real(z))
    x, y = parts(e, z)
    size = e.maximum(e.abs(x), e.abs(y))
    huge = e.greater(size, 2.0 ** (f.bias - 2))
    tiny = e.less(size, 2.0 ** (2 * f.mantissa - f.bias))
    step = f.mantissa + 1 + f.mantissa % 2
    one = e.constant(1.0, e.dtype(x))
    down = e.select(huge, 0.0625, e.select(tiny, 2.0 ** (2 * step), one))
    up = e.select(huge, 4.0, e.select(tiny, 2.0**-step, one))
    a, b = e.multiply(e.abs(x), down), e.multiply(e.abs(y), down)
    long = e.sqrt(e.multiply(e.add(a, hypot(e, a, b)), 0.5))
    short = e.select(e.equal(long, 0.0), 0.0, e.divide(b, e.multiply(long, 2.0)))
    long, short = e.multiply(long, up), e.multiply(short, up)
    left = e.less(x, 0.0)
    real, imag = e.select(left, short, long), e.copysign(e.select(left, long, short), y)
    # Infinite y outweighs all; beside an infinite x a finite y leaves 0.
    along = e.bitwise_and(is_infinite(e, x), is_finite(e, y))
    zero = e.copysign(0.0, y)
    endless = e.constant(INFINITY, e.dtype(x))
    real = e.select(along, e.select(left, 0.0, endless), real)
    imag = e.select(along, e.select(left, e.copysign(INFINITY, y), zero), imag)
    upward = is_infinite(e, y)
    return e.complex(e.select(upward, INFINITY, real), e.select(upward, y, imag))


def power_const(e: Emitter[V], z: V, exponent: float) -> V:
    """z to a known real power; a whole one of modest size by squaring and multiplying."""
    is_whole = math.isfinite(exponent) and exponent == int(exponent)
    if is_whole and abs(exponent) <= MOST_FACTORS:
        return whole_power(e, z, int(exponent))
    found = exp(e, scaled(e, log(e, z), exponent))
    limit = 0.0 if exponent > 0 else NAN
    real = e.constant(limit, e.dtype(e.real(z)))
    return e.select(e.equal(z, 0.0), e.complex(real, real), found)


def whole_power(e: Emitter[V], z: V, exponent: int) -> V:
    """z to a whole power; to a negative one of 1/z where the power of z itself could overflow."""
    if exponent >= -1:
        return repeated_product(e, z, exponent) if exponent >= 0 else reciprocal(e, z)
    x, y = parts(e, z)
    limit = 2.0 ** ((format_of(e, x).bias + 1) / -exponent - 1)
    size = e.maximum(e.abs(x), e.abs(y))
    large = e.bitwise_and(e.greater(size, limit), is_finite(e, size))
    product = repeated_product(e, e.select(large, reciprocal(e, z), z), -exponent)
    return e.select(large, product, reciprocal(e, product))


# circular and hyperbolic functions


def sinh(e: Emitter[V], z: V) -> V:
    """sinh x cos y + i cosh x sin y; each part to a few units of its own"""
    x, y = parts(e, z)
    return e.complex(*sinh_parts(e, x, y))


def sin(e: Emitter[V], z: V) -> V:
    """sin z = -i sinh iz"""
    x, y = parts(e, z)
    imag, real = sinh_parts(e, y, x)
    return e.complex(real, imag)


def cosh(e: Emitter[V], z: V) -> V:
    """cosh x cos y + i sinh x sin y; each part to a few units of its own"""
    x, y = parts(e, z)
    return e.complex(*cosh_parts(e, x, y))


def cos(e: Emitter[V], z: V) -> V:
    """cos z = cosh iz"""
    x, y = parts(e, z)
    real, imag = cosh_parts(e, y, x)
    return e.complex(real, e.negative(imag))


def sinh_parts(e: Emitter[V], x: V, y: V) -> Pair[V]:
    """sinh x cos y and cosh x sin y."""
    sine, cosine = trigonometric.sin(e, y), trigonometric.cos(e, y)
    real = grown(e, x, hyperbolic.sinh(e, x), cosine, is_odd=True)
    imag = grown(e, x, hyperbolic.cosh(e, x), sine, is_odd=False)
    endless = e.bitwise_or(e.equal(x, 0.0), is_infinite(e, x))
    real = e.select(e.bitwise_and(endless, e.bitwise_invert(is_finite(e, y))), x, real)
    return real, e.select(e.equal(y, 0.0), y, imag)


def cosh_parts(e: Emitter[V], x: V, y: V) -> Pair[V]:
    """cosh x cos y and sinh x sin y."""
    sine, cosine = trigonometric.sin(e, y), trigonometric.cos(e, y)
    real = grown(e, x, hyperbolic.cosh(e, x), cosine, is_odd=False)
    imag = grown(e, x, hyperbolic.sinh(e, x), sine, is_odd=True)
    wild = e.bitwise_invert(is_finite(e, y))
    real = e.select(e.bitwise_and(is_infinite(e, x), wild), INFINITY, real)
    nothing = e.multiply(e.copysign(1.0, x), y)
    imag = e.select(e.equal(y, 0.0), nothing, imag)
    return real, e.select(e.equal(x, 0.0), e.select(wild, x, imag), imag)


def grown(e: Emitter[V], x: V, size: V, factor: V, is_odd: bool) -> V:
    """sinh x or cosh x, its `size` given, times a factor, also where only the product is finite."""

    def in_two_steps() -> V:
        most = LARGE[e.dtype(x).name]
        half = math.exp(most / 2)
        found = e.multiply(exponential.exp(e, e.subtract(e.abs(x), most)), half / 2)
        found = e.copysign(found, x) if is_odd else found
        return e.multiply(e.multiply(found, factor), half)

    return e.slow_path(is_large(e, x), e.multiply(size, factor), in_two_steps)


def tanh(e: Emitter[V], z: V) -> V:
    """The hyperbolic tangent; at ±∞ + iy the imaginary part is a 0 with the sign of y"""
    x, y = parts(e, z)
    real, imag = tanh_parts(e, x, y)
    along = e.bitwise_and(is_infinite(e, x), is_finite(e, y))
    return e.complex(real, e.select(along, e.copysign(0.0, y), imag))


def tan(e: Emitter[V], z: V) -> V:
    """tan z = -i tanh iz"""
    x, y = parts(e, z)
    imag, real = tanh_parts(e, y, x)
    return e.complex(real, imag)


def tanh_parts(e: Emitter[V], x: V, y: V) -> Pair[V]:
    """sinh x cosh x / d and sin y cos y / d with d = sinh² x + cos² y.

    From |x| = 20 (10 in float32) on the first is ±1, and the second 4 sin y cos y e^(-2|x|).
    """
    most = {"float32": 10.0, "float64": 20.0}[e.dtype(x).name]
    sine, cosine = trigonometric.sin(e, y), trigonometric.cos(e, y)
    far = e.greater(e.abs(x), most)
    inner = e.select(far, most, x)
    first, second = hyperbolic.sinh(e, inner), hyperbolic.cosh(e, inner)
    below = e.add(e.multiply(first, first), e.multiply(cosine, cosine))
    turned = e.multiply(sine, cosine)
    decay = e.multiply(exponential.exp(e, e.multiply(e.abs(x), -2.0)), 4.0)
    real = e.select(far, e.copysign(1.0, x), e.divide(e.multiply(first, second), below))
    imag = e.select(far, e.multiply(turned, decay), e.divide(turned, below))
    wild = e.bitwise_invert(is_finite(e, y))
    endless = is_infinite(e, x)
    imag = e.select(e.bitwise_and(endless, wild), e.copysign(0.0, y), imag)
    undefined = e.bitwise_and(wild, e.bitwise_invert(e.bitwise_or(endless, e.equal(x, 0.0))))
    real = e.select(e.equal(x, 0.0), x, e.select(undefined, NAN, real))
    imag = e.select(undefined, NAN, imag)
    return real, e.select(e.equal(y, 0.0), y, imag)


def rint(e: Emitter[V], z: V) -> V:
    """Both parts rounded"""
    return e.complex(e.round(e.real(z)), e.round(e.imag(z)))
