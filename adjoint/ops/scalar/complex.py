"""Native rules of operations on complex numbers: parts, choices, predicates, whole powers.

Floor 3. A function here is the rule for complex inputs of the operation that has its name, as those
of the neighbours are for real ones.
"""

from __future__ import annotations

from adjoint.graph.complex_words import parts
from adjoint.graph.emitter import Emitter

from . import basic
from .basic import logical_and, logical_not, logical_or, logical_xor, positive, where
from .power import hypot
from .words import V

stop_gradient = positive


def conj(e: Emitter[V], z: V) -> V:
    """The complex conjugate"""
    return e.complex(e.real(z), e.negative(e.imag(z)))


def abs(e: Emitter[V], z: V) -> V:
    """|z|"""
    return hypot(e, e.real(z), e.imag(z))


def square(e: Emitter[V], z: V) -> V:
    """z²"""
    return e.multiply(z, z)


def reciprocal(e: Emitter[V], z: V) -> V:
    """1 / z, in which as in a quotient the larger part is divided out; nan of 0, as in NumPy"""
    e = e.exact
    a, b = parts(e, z)
    is_wide = e.less_equal(e.abs(b), e.abs(a))
    large, small = e.select(is_wide, a, b), e.select(is_wide, b, a)
    ratio = e.divide(small, large)
    size = e.add(large, e.multiply(small, ratio))
    one = e.constant(1, e.dtype(a))
    real = e.divide(e.select(is_wide, one, ratio), size)
    return e.complex(real, e.divide(e.negative(e.select(is_wide, ratio, one)), size))


log_slope = reciprocal


def isnan(e: Emitter[V], z: V) -> V:
    """Whether a part is not a number"""
    return e.not_equal(z, z)


def isinf(e: Emitter[V], z: V) -> V:
    """Whether a part is infinite"""
    a, b = parts(e, z)
    return e.bitwise_or(basic.isinf(e, a), basic.isinf(e, b))


def isfinite(e: Emitter[V], z: V) -> V:
    """Whether both parts are finite"""
    a, b = parts(e, z)
    return e.bitwise_and(basic.isfinite(e, a), basic.isfinite(e, b))


__all__ = [
    "abs",
    "conj",
    "isfinite",
    "isinf",
    "isnan",
    "log_slope",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "positive",
    "reciprocal",
    "square",
    "stop_gradient",
    "where",
]
