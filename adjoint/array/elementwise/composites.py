"""Elementwise functions composed of the operations: repairing, comparing, and NumPy's odd ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.op import public, public_storage
from adjoint.graph.storage import LARGEST, in_float32, is_stored
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import FLOAT64, promote
from adjoint.ops.elementwise import choice
from adjoint.ops.elementwise.arithmetic import floor_divide, remainder
from adjoint.ops.elementwise.choice import copysign, where
from adjoint.ops.elementwise.comparison import (
    equal,
    isfinite,
    isinf,
    isnan,
    less_equal,
    logical_and,
    logical_or,
)
from adjoint.ops.elementwise.complex import from_parts, imag, real
from adjoint.ops.elementwise.exponential import exp2
from adjoint.ops.elementwise.rounding import trunc
from adjoint.ops.reductions import reduction

__all__ = [
    "allclose",
    "array_equal",
    "array_equiv",
    "divmod",
    "fabs",
    "isclose",
    "isneginf",
    "isposinf",
    "ldexp",
    "modf",
    "nan_to_num",
]


@public_storage
def nan_to_num(
    x: Any,
    /,
    copy: Any = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """`x` with nan and infinities replaced, by default by 0 and the largest finite numbers.

    The gradient passes where nothing was replaced. copy: NumPy's, which only says whether its
    argument may be overwritten; it is not.

    >>> import adjoint as ad
    >>> ad.nan_to_num(ad.asarray([1.0, float("nan"), float("inf")]), posinf=9.0)
    Tensor([1., 0., 9.])
    """
    if is_stored(x):  # the largest number in float32 would be rounded to infinity
        high, low = LARGEST if posinf is None else posinf, -LARGEST if neginf is None else neginf
        return in_float32(nan_to_num, (x, copy, nan, high, low), {})
    x = as_tensor(x)
    dtype = x.node.dtype
    if dtype.kind == "c":
        return from_parts(*[nan_to_num(p, True, nan, posinf, neginf) for p in (real(x), imag(x))])
    if dtype.kind != "f":
        return Tensor(x.node)
    largest = float(np.finfo(dtype).max)
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    finite = where(isnan(x), nan, where(isposinf(x), high, where(isneginf(x), low, x)))
    return finite


@public
def isposinf(x: Any, /) -> Tensor:
    """Whether x is +∞.

    >>> import adjoint as ad
    >>> ad.isposinf(float("inf"))
    Tensor(True)
    """
    return equal(x, np.inf)


@public
def isneginf(x: Any, /) -> Tensor:
    """Whether x is -∞.

    >>> import adjoint as ad
    >>> ad.isneginf(float("inf"))
    Tensor(False)
    """
    return equal(x, -np.inf)


@public
def isclose(
    a: Any, b: Any, /, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether |a - b| ≤ atol + rtol |b|, or both are the same infinity; elementwise.

    >>> import adjoint as ad
    >>> ad.isclose(ad.asarray([1.0, 2.0]), 1.0 + 1e-9)
    Tensor([ True, False])
    """
    a, b = as_tensor(a), as_tensor(b)
    dtype = promote(a.node.dtype, b.node.dtype)
    if dtype.kind not in "fc":
        a, b = as_tensor(a, FLOAT64), as_tensor(b, FLOAT64)
    size = choice.abs
    # With |b| = ∞ the bound is ∞ and anything would be close: the difference must be finite.
    gap = size(a - b)
    near = logical_and(less_equal(gap, atol + rtol * size(b)), isfinite(gap))
    close = logical_or(near, equal(a, b))
    return logical_or(close, logical_and(isnan(a), isnan(b))) if equal_nan else close


@public
def allclose(
    a: Any, b: Any, /, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether `isclose` holds everywhere.

    >>> import adjoint as ad
    >>> ad.allclose(ad.asarray([1.0, 2.0]), 1.0)
    Tensor(False)
    """
    return reduction.all(isclose(a, b, rtol, atol, equal_nan))


@public
def array_equal(a: Any, b: Any, /, equal_nan: bool = False) -> Tensor:
    """Whether `a` and `b` have the same shape and the same elements.

    >>> import adjoint as ad
    >>> ad.array_equal(ad.asarray([1, 2]), ad.asarray([1, 2, 3]))
    Tensor(False)
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.shape != b.shape:
        return as_tensor(False)
    same = equal(a, b)
    if equal_nan:
        same = logical_or(same, logical_and(isnan(a), isnan(b)))
    return reduction.all(same)


@public
def fabs(x: Any, /) -> Tensor:
    """The absolute value in floating numbers.

    >>> import adjoint as ad
    >>> ad.fabs(-1)
    Tensor(1.)
    """
    x = as_tensor(x)
    return choice.abs(x if x.node.dtype.kind == "f" else as_tensor(x, FLOAT64))


@public
def divmod(x1: Any, x2: Any, /) -> tuple[Tensor, Tensor]:
    """The quotient rounded down, and the remainder.

    >>> import adjoint as ad
    >>> ad.divmod(7.0, 2.0)
    (Tensor(3.), Tensor(1.))
    """
    return floor_divide(x1, x2), remainder(x1, x2)


@public
def modf(x: Any, /) -> tuple[Tensor, Tensor]:
    """The fraction and the whole part of x, both with its sign.

    >>> import adjoint as ad
    >>> ad.modf(-2.25)
    (Tensor(-0.25), Tensor(-2.))
    """
    x = as_tensor(x)
    x = x if x.node.dtype.kind == "f" else as_tensor(x, FLOAT64)
    whole = trunc(x)
    rest = where(isinf(x), 0, x - whole)
    return copysign(rest, x), whole


@public
def ldexp(x1: Any, x2: Any, /) -> Tensor:
    """x1 2**x2.

    >>> import adjoint as ad
    >>> ad.ldexp(0.75, 3)
    Tensor(6.)
    """
    x, n = as_tensor(x1), as_tensor(x2)
    x = x if x.node.dtype.kind == "f" else as_tensor(x, FLOAT64)
    limits = np.finfo(x.node.dtype)
    most = limits.maxexp - limits.minexp + limits.nmant + 3  # from below the least to the largest
    range_of_n = np.iinfo(n.node.dtype) if n.node.dtype.kind in "iu" else None
    if range_of_n is None or range_of_n.max > most:  # 0 times an infinite factor is nan
        n = choice.clip(n, -most if range_of_n is None else max(-most, range_of_n.min), most)
    third = n // 3  # as one factor 2**n may overflow where x 2**n does not
    for part in (third, third, n - 2 * third):
        x = x * as_tensor(exp2(as_tensor(part, x.node.dtype)), x.node.dtype)
    return x


@public
def array_equiv(a1: Any, a2: Any) -> Tensor:
    """Whether the elements of two tensors are equal after broadcasting.

    >>> import adjoint as ad
    >>> ad.array_equiv([1, 1], 1)
    Tensor(True)
    """
    a, b = as_tensor(a1), as_tensor(a2)
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return from_array(np.asarray(False))
    return reduction.all(equal(a, b))
