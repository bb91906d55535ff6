"""Powers and roots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph import calls
from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.op import public, public_storage, register
from adjoint.graph.storage import in_float32
from adjoint.graph.tensor import Tensor, as_stored, as_tensor
from adjoint.graph.types import FLOAT64, INT64, promote
from adjoint.ops.elementwise.arithmetic import reciprocal
from adjoint.ops.elementwise.comparison import equal, isnan, not_equal
from adjoint.ops.family import defined_results
from adjoint.ops.family.elementwise import (
    Elementwise,
    Factor,
    KinkSpec,
    Masked,
    Unary,
    apply,
    binary,
    unary,
)
from adjoint.ops.kinks import smooth_forms
from adjoint.ops.shape.movement import broadcast_to
from adjoint.ops.stability import stable_forms

__all__ = ["power", "pow", "float_power", "square", "sqrt", "cbrt", "hypot"]

_POSITIVE = (0.5, 2.0)

square = unary(
    "square",
    np.square,
    lambda x, y: 2 * x,
    accepts="number",
    smooth_rule=smooth_forms.square,
    doc="The square x * x.",
)
sqrt = unary(
    "sqrt",
    np.sqrt,
    lambda x, y: 0.5 / y,
    domain=_POSITIVE,
    smooth_rule=smooth_forms.root,
    doc="The square root; its slope at 0 is ∞.",
)
inverse_square: Unary = unary(
    "inverse_square",
    lambda x: np.reciprocal(np.square(x)),
    lambda x, y: -2 * (y / x),
    accepts="real",
    domain=_POSITIVE,
    prefix="",
    doc="1 / x²; at 0 its derivatives are ±∞ by the sign of the zero.",
)
cbrt = unary(
    "cbrt",
    np.cbrt,
    lambda x, y: (1 / 3) * inverse_square(y),
    accepts="real",
    domain=_POSITIVE,
    doc="The cube root, of negative numbers too; its slope at 0 is ∞.",
)


def _one_or_nan(x: Tensor, y: Tensor) -> Tensor:
    return calls.where(isnan(y), y, 1.0)


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
    defined_results.hypot,
    lambda x1, x2, y: _part(x1, y),
    lambda x1, x2, y: _part(x2, y),
    accepts="real",
    kink=KinkSpec("norm", lambda x1, x2, y: equal(y, 0)),
    doc="√(x1² + x2²), without overflow; its derivatives at (0, 0) are 0.",
)


def _by_base(x1: Tensor, x2: Tensor, y: Tensor) -> Factor:
    return apply(_power_part, (x1, x2), (1, 0))


def _by_exponent(x1: Tensor, x2: Tensor, y: Tensor) -> Factor:
    """y log(x1), and 0 where x1 = 0 ≤ x2; where the base is a known number its log is known."""
    base = x1.node
    if base.shape == () and base.dtype.kind == "f" and is_constant(base):
        number = float(base.value)
        if number > 0:
            return y * math.log(number)
    return apply(_power_part, (x1, x2), (0, 1))


def _part_of(words: Any, x: Any, y: Any, n: int, m: int) -> Any:
    """The derivative of xʸ, n times by x and m times by y, in the words of NumPy or of the graph.

    That is xʸ⁻ⁿ Σₖ (m over k) c⁽ᵏ⁾(y) (log x)ᵐ⁻ᵏ with c(y) = y (y - 1) … (y - n + 1).
    """
    c = np.polynomial.Polynomial.fromroots(range(n)) if n else np.polynomial.Polynomial([1.0])
    slopes = [_horner(c.deriv(k) if k else c, y) for k in range(m + 1)]
    power = words.power(x, y - n) if n else words.power(x, y)
    if not m:
        return power if not n else words.where(slopes[0] == 0, 0, slopes[0] * power)
    terms = [math.comb(m, k) * slopes[k] for k in range(m + 1)]
    inside = words.log(x)
    total = terms[0]
    for term in terms[1:]:
        total = total * inside + term
    return words.where(x == 0, _at_zero(words, terms, power, y, n), power * total)


def _at_zero(words: Any, terms: Any, power: Any, y: Any, n: int) -> Any:
    """The limit at x = 0: the term with most logarithms outweighs those that follow.

    0**0 is a 1 like every x**0, so beside y = 0 nothing counts that comes of log 0.
    """
    limit = words.where(y != y, y, 0.0)
    for k in reversed(range(len(terms))):
        logs = len(terms) - 1 - k
        weight = 1.0 if not logs else math.inf if logs % 2 == 0 else -math.inf
        outweighs = (terms[k] != 0) & (y <= n) & (y != 0)
        limit = words.where(outweighs, power * terms[k] * weight, limit)
    return limit


def _horner(polynomial: Any, y: Any) -> Any:
    """A polynomial with whole coefficients at y."""
    *rest, first = polynomial.coef.tolist()
    total = y * 0.0 + first
    for coefficient in reversed(rest):
        total = total * y + coefficient
    return total


class PowerPart(Elementwise):
    """A derivative of xʸ of any order as one function, with its own limits at x = 0."""

    def decompose(self, node: Node) -> Tensor | None:
        x, y = map(Tensor, node.inputs)
        result: Tensor = _part_of(calls, x, y, *node.params)
        return result


def _part_by_base(x: Tensor, y: Tensor, part: Tensor, n: int, m: int) -> Tensor:
    return apply(_power_part, (x, y), (n + 1, m))


def _part_by_exponent(x: Tensor, y: Tensor, part: Tensor, n: int, m: int) -> Tensor:
    return apply(_power_part, (x, y), (n, m + 1))


_power_part: Elementwise = register(
    PowerPart(
        "power_part",
        lambda x, y, n, m: np.asarray(_part_of(np, x, y, n, m), np.result_type(x, y)),
        (_part_by_base, _part_by_exponent),
        domain=(_POSITIVE, (-2.0, 2.0)),
        param_names=("by_base", "by_exponent"),
        samples=((1, 0), (0, 1), (1, 1)),
    )
)


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
    if -100 < exponent < -1 and float(exponent).is_integer() and np.iscomplexobj(x):
        return _inverted(x, -exponent)
    return np.power(x, exponent)


def _inverted(z: Any, exponent: float) -> Any:
    """z to a negative whole power, whose sign is left out. NumPy multiplies for an exponent below
    100, and its quotient is nan where the product overflows: there 1/z is multiplied."""
    power = np.asarray(np.reciprocal(_fixed(z, exponent)))
    size = np.maximum(np.abs(z.real), np.abs(z.imag))
    large = np.isfinite(z) & (size > 2.0 ** (np.finfo(z.dtype).maxexp / exponent - 1))
    if np.any(large):
        power[large] = _fixed(np.reciprocal(np.asarray(z)[large]), exponent)
    return power


_power_const = register(
    Elementwise(
        "power_const",
        _fixed,
        (lambda x, y, exponent: exponent * power(x, exponent - 1),),
        accepts="number",
        domain=(_POSITIVE,),
        param_names=("exponent",),
        samples=((3,), (-2,), (2.5,)),
        smooth_rule=smooth_forms.power,
        stable_rule=stable_forms.inverted,
    )
)


@public_storage
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
        return _static_power(x1 if type(x1) is Tensor else as_stored(x1), x2)
    return apply(_power, (x1, x2))


pow = power


def _static_power(x: Tensor, n: float) -> Tensor:
    dtype = x.node.dtype
    if dtype.kind not in "fc":
        if dtype.kind == "V":
            return in_float32(_static_power, (x, n), {})
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
    return broadcast_to(one, node.shape)


@public
def float_power(x1: Any, x2: Any, /) -> Tensor:
    """`power` in float64 or complex128, as NumPy's: also of integers and narrower numbers.

    >>> import adjoint as ad
    >>> ad.float_power(2, -1)
    Tensor(0.5)
    """
    base = as_tensor(x1)
    return power(as_tensor(base, promote(base.node.dtype, FLOAT64)), x2)
