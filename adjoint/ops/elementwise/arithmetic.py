"""Arithmetic: sums, products, quotients and remainders."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import DTypeError
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import BOOL
from adjoint.ops.elementwise.comparison import logical_and, logical_or
from adjoint.ops.elementwise.rounding import trunc
from adjoint.ops.family.elementwise import Elementwise, Unary, binary, unary
from adjoint.ops.kinks import cancelling_pairs, smooth_forms
from adjoint.ops.stability import stable_forms

__all__ = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "floor_divide",
    "remainder",
    "mod",
    "fmod",
    "negative",
    "positive",
    "reciprocal",
]

_DIVISION = ((-2.0, 2.0), (0.5, 2.0))


def _is_bool(x: Any) -> bool:
    """Whether `x` is a boolean tensor, or would be one; it is not converted to find out."""
    if type(x) is Tensor:
        return x.node.dtype is BOOL
    if isinstance(x, (list, tuple)):
        return bool(x) and all(map(_is_bool, x))
    return type(x) is bool or bool(getattr(x, "dtype", None) == BOOL)


def _either(x1: Any, x2: Any) -> Tensor | None:
    return logical_or(x1, x2) if _is_bool(x1) and _is_bool(x2) else None


def _both(x1: Any, x2: Any) -> Tensor | None:
    return logical_and(x1, x2) if _is_bool(x1) and _is_bool(x2) else None


def _no_difference(x1: Any, x2: Any) -> None:
    if _is_bool(x1) and _is_bool(x2):
        raise DTypeError(
            "subtract: booleans cannot be subtracted, as in NumPy; use logical_xor (^) for where "
            "they differ, or convert them first (astype)"
        )


def _no_negative(x: Any) -> None:
    if _is_bool(x):
        raise DTypeError(
            "negative: booleans cannot be negated, as in NumPy; use logical_not (~) for the "
            "opposite, or convert them first (astype)"
        )


# Of booleans NumPy's sums and products are booleans again: masks, by which one can index.

add = binary(
    "add",
    np.add,
    1,
    1,
    accepts="number",
    zeros="all",
    keeps_finite=True,
    otherwise=_either,
    smooth_rule=cancelling_pairs.paired,
    doc="The sum x1 + x2; of booleans, whether either holds.",
)
subtract = binary(
    "subtract",
    np.subtract,
    1,
    -1,
    accepts="number",
    zeros="all",
    keeps_finite=True,
    otherwise=_no_difference,
    smooth_rule=cancelling_pairs.paired,
    doc="The difference x1 - x2.",
)
exact_add, exact_subtract = (
    register(
        Elementwise(
            name,
            numpy,
            (1, sign),
            accepts="real",
            domain=((-2.0, 2.0), (-2.0, 2.0)),
            zeros="all",
            keeps_finite=True,
        )
    )
    for name, numpy, sign in (("exact_add", np.add, 1), ("exact_subtract", np.subtract, -1))
)
"""Sums of which native code rounds the terms first, and makes no fma."""
negative = unary(
    "negative",
    np.negative,
    -1,
    accepts="number",
    zeros="all",
    keeps_finite=True,
    otherwise=_no_negative,
    doc="The negative, -x.",
)
positive = unary(
    "positive",
    np.positive,
    1,
    accepts="number",
    zeros="all",
    keeps_finite=True,
    doc="The value itself, +x.",
)


def _by_first(x1: Tensor, x2: Tensor, y: Tensor) -> Tensor:
    return x2


def _by_second(x1: Tensor, x2: Tensor, y: Tensor) -> Tensor:
    return x1


multiply = binary(
    "multiply",
    np.multiply,
    _by_first,
    _by_second,
    accepts="number",
    zeros="any",
    bilinear=True,
    keeps_finite=True,
    smooth_rule=smooth_forms.product,
    stable_rule=stable_forms.multiplied,
    otherwise=_both,
    doc="The product x1 * x2; of booleans, whether both hold.",
)
divide = binary(
    "divide",
    np.divide,
    lambda x1, x2, y: reciprocal(x2),
    lambda x1, x2, y: -y / x2,
    zeros="first",
    divides=True,
    domain=_DIVISION,
    stable_rule=stable_forms.divided,
    doc="The quotient x1 / x2.",
)
true_divide = divide
reciprocal: Unary = unary(
    "reciprocal",
    np.reciprocal,
    lambda x, y: -(y * y),
    domain=(0.5, 2.0),
    stable_rule=stable_forms.inverted,
    doc="The reciprocal 1 / x.",
)


def _floor_divide(x1: Any, x2: Any) -> Any:
    """NumPy's, but where an operand is infinite the quotient rounded down, as the array API has it:
    NumPy says what fits to its remainder, nan for inf // 2 and -1 for 1 // -inf."""
    found = np.floor_divide(x1, x2)
    if found.dtype.kind != "f" or np.isfinite(np.sum(found) + np.sum(x2)):
        return found  # a sum is the fastest way to see that nothing is infinite
    infinite = np.isinf(x1) | np.isinf(x2)
    return np.where(infinite, np.floor(np.divide(x1, x2)), found)


floor_divide = binary(
    "floor_divide",
    _floor_divide,
    None,
    None,
    accepts="real number",
    domain=_DIVISION,
    doc="The quotient rounded down, ⌊x1 / x2⌋; its derivative is zero almost everywhere.",
)
remainder = binary(
    "remainder",
    np.remainder,
    1,
    lambda x1, x2, y: -floor_divide(x1, x2),
    accepts="real number",
    domain=_DIVISION,
    jumps=True,
    example=(5.5, 2.0),
    doc="x1 - x2 ⌊x1 / x2⌋, with the sign of x2, as Python's %.",
)
mod = remainder
fmod = binary(
    "fmod",
    np.fmod,
    1,
    lambda x1, x2, y: -trunc(x1 / x2),
    accepts="real number",
    domain=_DIVISION,
    jumps=True,
    example=(-5.5, 2.0),
    doc="x1 - x2 trunc(x1 / x2), with the sign of x1, as C's fmod.",
)
