"""The words of the emitter on complex scalars, said in words on their real and imaginary parts.

Floor 1. An emitter that has `complex`, `real` and `imag` besides the words on real numbers gets the
others from here. No product and sum become an fma: z times its conjugate has no imaginary part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from adjoint.graph.types import to_real


def add(e: Any, a: Any, b: Any) -> Any:
    """a + b"""
    return e.complex(e.add(e.real(a), e.real(b)), e.add(e.imag(a), e.imag(b)))


def subtract(e: Any, a: Any, b: Any) -> Any:
    """a - b"""
    return e.complex(e.subtract(e.real(a), e.real(b)), e.subtract(e.imag(a), e.imag(b)))


def multiply(e: Any, a: Any, b: Any) -> Any:
    """a b, by the four products: of infinite factors it may be nan, as in NumPy."""
    e = e.exact
    (p, q), (r, s) = parts(e, a), parts(e, b)
    real = e.subtract(e.multiply(p, r), e.multiply(q, s))
    return e.complex(real, e.add(e.multiply(p, s), e.multiply(q, r)))


def divide(e: Any, a: Any, b: Any) -> Any:
    """a / b, which overflows only where the quotient nearly does.

    R. L. Smith, "Algorithm 116: complex division" (1962): the larger part of b is divided out. As
    in NumPy, a / 0 has the parts of a divided by 0.
    """
    e = e.exact
    (p, q), (r, s) = parts(e, a), parts(e, b)
    is_wide = e.greater_equal(e.abs(r), e.abs(s))
    large, small = e.select(is_wide, r, s), e.select(is_wide, s, r)
    ratio = e.divide(small, large)
    scale = e.divide(e.constant(1.0, e.dtype(r)), e.add(large, e.multiply(small, ratio)))
    first, second = e.select(is_wide, p, q), e.select(is_wide, q, p)
    turned = e.multiply(first, ratio)
    imag = e.select(is_wide, e.subtract(second, turned), e.subtract(turned, second))
    real = e.add(first, e.multiply(second, ratio))
    is_zero = e.equal(large, 0.0)
    size = e.abs(r)
    return e.complex(
        e.select(is_zero, e.divide(p, size), e.multiply(real, scale)),
        e.select(is_zero, e.divide(q, size), e.multiply(imag, scale)),
    )


def negative(e: Any, x: Any) -> Any:
    """-x"""
    return e.complex(e.negative(e.real(x)), e.negative(e.imag(x)))


def equal(e: Any, a: Any, b: Any) -> Any:
    """a = b"""
    same = e.equal(e.real(a), e.real(b))
    return e.bitwise_and(same, e.equal(e.imag(a), e.imag(b)))


def not_equal(e: Any, a: Any, b: Any) -> Any:
    """a ≠ b; true where a part is nan."""
    differ = e.not_equal(e.real(a), e.real(b))
    return e.bitwise_or(differ, e.not_equal(e.imag(a), e.imag(b)))


def select(e: Any, condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b."""
    real = e.select(condition, e.real(a), e.real(b))
    return e.complex(real, e.select(condition, e.imag(a), e.imag(b)))


def convert(e: Any, x: Any, dtype: DTypeLike) -> Any:
    """x as another dtype, which or whose own is complex: of a real one it has the real part."""
    dtype, given = np.dtype(dtype), e.dtype(x)
    if dtype.kind == "b":
        return not_equal(e, x, e.constant(0, given))
    if dtype.kind != "c":
        return e.convert(e.real(x), dtype)
    part = to_real(dtype)
    if given.kind != "c":
        return e.complex(e.convert(x, part), e.constant(0, part))
    return e.complex(e.convert(e.real(x), part), e.convert(e.imag(x), part))


def parts(e: Any, x: Any) -> tuple[Any, Any]:
    """The real and the imaginary part."""
    return e.real(x), e.imag(x)


WORDS: dict[str, Callable[..., Any]] = {
    word.__name__: word
    for word in (add, subtract, multiply, divide, negative, equal, not_equal, select, convert)
}
"""The words by name; `constant` and `dtype` every emitter has of its own."""
