"""Powers and roots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.op import FUNCTIONS, public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, INT64
from adjoint.ops import canonical, determined, stable
from adjoint.ops.arithmetic import reciprocal
from adjoint.ops.comparison import equal, greater_equal, isnan, logical_and, logical_not, not_equal
from adjoint.ops.elementwise import Elementwise, Factor, Masked, apply, binary, unary
from adjoint.ops.exponential import log

__all__ = ["power", "pow", "float_power", "square", "sqrt", "cbrt", "hypot"]

_POSITIVE = (0.5, 2.0)

square = unary(
    "square",
    np.square,
    lambda x, y: 2 * x,
    accepts="number",
    form=canonical.square,
    doc="The square x * x.",
)
sqrt = unary(
    "sqrt",
    np.sqrt,
    lambda x, y: 0.5 / y,
    domain=_POSITIVE,
    form=canonical.root,
    doc="The square root; its slope at 0 is ∞.",
)
cbrt = unary(
    "cbrt",
    np.cbrt,
    lambda x, y: (1 / 3) / (y * y),
    accepts="real",
    domain=_POSITIVE,
    doc="The cube root, of negative numbers too; its slope at 0 is ∞.",
)


def _one_or_nan(x: Tensor, y: Tensor) -> Tensor:
    result: Tensor = FUNCTIONS["where"](isnan(y), y, 1.0)
    return result


nonnegative = unary(
    "nonnegative",
    lambda x: np.where(np.less(x, 0), np.nan, x).astype(np.asarray(x).dtype),
    _one_or_nan,
    accepts="real",
    domain=_POSITIVE,
    shown="0.5",
    prefix="",
    doc="x itself, but nan where it is negative: what sqrt(x)**2 is.",
)


def _part(x: Tensor, h: Tensor) -> Factor:
    return Masked(not_equal(h, 0), x / h)


hypot = binary(
    "hypot",
    determined.hypot,
    lambda x1, x2, y: _part(x1, y),
    lambda x1, x2, y: _part(x2, y),
    accepts="real",
    doc="√(x1² + x2²), without overflow; its derivatives at (0, 0) are 0.",
)


def _by_base(x1: Tensor, x2: Tensor, y: Tensor) -> Factor:
    return Masked(not_equal(x2, 0), x2 * power(x1, x2 - 1))


def _by_exponent(x1: Tensor, x2: Tensor, y: Tensor) -> Factor:
    """y log(x1), and 0 where x1 = 0 ≤ x2; where the base is a known number its log is known."""
    base = x1.node
    if base.op.name == "constant" and base.shape == () and base.dtype.kind == "f":
        number = float(base.value)
        if number > 0:
            return y * math.log(number)
    certain = logical_and(equal(x1, 0), greater_equal(x2, 0))
    return Masked(logical_not(certain), y * log(x1))


_power = register(
    Elementwise(
        "power",
        np.power,
        (_by_base, _by_exponent),
        accepts="number",
        domain=(_POSITIVE, (-2.0, 2.0)),
    )
)


def _fixed(x: Any, exponent: float) -> Any:
    """The usual whole powers by multiplication, an order of magnitude faster than `pow`."""
    if exponent == 3:
        return x * x * x
    if exponent == 4:
        return np.square(x * x)
    return np.power(x, exponent)


_power_const = register(
    Elementwise(
        "power_const",
        _fixed,
        (lambda x, y, exponent: exponent * power(x, exponent - 1),),
        accepts="number",
        domain=(_POSITIVE,),
        param_names=("exponent",),
        samples=((3,), (-2,), (2.5,)),
        form=canonical.power,
        stable_form=stable.inverted,
    )
)


@public
def power(x1: Any, x2: Any, /) -> Tensor:
    """x1 to the power x2, elementwise.

    A Python number as exponent is static: no logarithm is ever taken, so ``x**3`` and ``x**2.5``
    have the right derivatives of every order at 0, and ``x**3`` for negative x too. For two
    tensors the derivatives are x2 x1^(x2-1) and x1^x2 log(x1); the latter is 0 at x1 = 0 ≤ x2.
    Integers stay integers, and raise `RangeError` for a negative Python number as exponent.

    >>> import adjoint as ad
    >>> ad.grad(lambda x: ad.power(x, 3))(-2.0)
    Tensor(12.)
    """
    kind = type(x2)
    if kind is int or kind is float:
        return _static_power(x1 if type(x1) is Tensor else as_tensor(x1), x2)
    return apply(_power, (x1, x2))


pow = power


def _static_power(x: Tensor, n: float) -> Tensor:
    dtype = x.node.dtype
    if dtype.kind not in "fc":
        if type(n) is float:
            x = as_tensor(x, FLOAT64)
        elif n < 0:
            raise RangeError(
                f"power: integers to a negative integer power are not integers (exponent {n}, "
                f"dtype {dtype}); convert with .astype('float64')"
            )
        elif dtype.kind == "b":
            x = as_tensor(x, INT64)
    if n == 2:
        result = square(x)
    elif n == 1:
        result = Tensor(x.node)
    elif n == 0:
        result = _ones(x.node)
    elif n == 0.5:
        result = sqrt(x)
    elif n == -1:
        result = reciprocal(x)
    else:
        node = x.node
        result = Tensor(Node(_power_const, (node,), (n,), node.shape, node.dtype))
    return result


def _ones(node: Node) -> Tensor:
    one = Tensor(constant_node(np.ones((), node.dtype), (), node.dtype))
    result: Tensor = FUNCTIONS["broadcast_to"](one, node.shape)
    return result


@public
def float_power(x1: Any, x2: Any, /) -> Tensor:
    """`power` in floating numbers: integers count as float64.

    >>> import adjoint as ad
    >>> ad.float_power(2, -1)
    Tensor(0.5)
    """
    base = as_tensor(x1)
    return power(base if base.node.dtype.kind in "fc" else as_tensor(base, FLOAT64), x2)
