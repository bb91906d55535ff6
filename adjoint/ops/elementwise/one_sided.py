"""Operations of two pieces, such as `abs`, with the slope of one side where they have a kink.

Their values are those of the operations without a side. At the kink the derivatives of every order
are those of the piece on that side, so none is chosen at order two, and none marked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.graph import calls
from adjoint.graph.node import varies_alone
from adjoint.graph.op import find, register
from adjoint.graph.subgradients import Choice
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.comparison import (
    greater,
    greater_equal,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_or,
)
from adjoint.ops.family import defined_results
from adjoint.ops.family.elementwise import (
    Chosen,
    Elementwise,
    apply,
    operands,
)
from adjoint.ops.family.scalar_rules import scalar_rule

__all__ = [
    "one_sided_abs",
    "one_sided_clip",
    "one_sided_copysign",
    "one_sided_extremum",
    "one_sided_number",
]


def _native(name: str, count: int) -> Callable[..., Any]:
    """The native rule of an operation of `count` inputs, which takes parameters that it ignores."""

    def rule(e: Any, *values: Any) -> Any:
        plain: Any = scalar_rule(find(name))
        return plain(e, *values[:count])

    return rule


def _slope_of_abs(x: Tensor, y: Tensor, right: bool) -> Tensor:
    falls = less(x, 0) if right else less_equal(x, 0)
    factor: Tensor = calls.where(isnan(x), np.nan, calls.where(falls, -1.0, 1.0)).astype(x.dtype)
    return factor


_abs = register(
    Elementwise(
        "one_sided_abs",
        lambda x, right: np.abs(x),
        (_slope_of_abs,),
        accepts="real",
        keeps_finite=True,
        param_names=("right",),
        samples=((False,), (True,)),
        domain=((-2.0, 2.0),),
        holomorphic=False,
        scalar=_native("abs", 1),
    )
)


def _extremum(name: str, numpy: Any, smaller: Any, smaller_or_equal: Any) -> Elementwise:
    """An extremum of two numbers, of which `first` says whether the first has it if they tie."""
    return register(
        Elementwise(
            f"one_sided_{name}",
            lambda x1, x2, first: numpy(x1, x2),
            (
                lambda x1, x2, y, first: Chosen(
                    (smaller if first else smaller_or_equal)(x1, x2), isnan(y)
                ),
                lambda x1, x2, y, first: Chosen(
                    (smaller_or_equal if first else smaller)(x2, x1), isnan(y)
                ),
            ),
            accepts="real",
            keeps_finite=True,
            param_names=("first",),
            samples=((False,), (True,)),
            domain=((-2.0, 2.0), (-2.0, 2.0)),
            scalar=_native(name, 2),
        )
    )


_EXTREMA = {
    "maximum": _extremum("maximum", defined_results.maximum, less, less_equal),
    "minimum": _extremum("minimum", defined_results.minimum, greater, greater_equal),
}


def _slope_of_clip(x: Tensor, lo: Tensor, hi: Tensor, y: Tensor, low: bool, high: bool) -> Chosen:
    below = less(x, lo) if low else less_equal(x, lo)
    above = greater(x, hi) if high else greater_equal(x, hi)
    return Chosen(logical_or(below, above), isnan(y))


def _slope_by_low(x: Tensor, lo: Tensor, hi: Tensor, y: Tensor, low: bool, high: bool) -> Chosen:
    inside = greater_equal(x, lo) if low else greater(x, lo)
    return Chosen(logical_or(inside, greater(lo, hi)), isnan(y))


def _slope_by_high(x: Tensor, lo: Tensor, hi: Tensor, y: Tensor, low: bool, high: bool) -> Chosen:
    inside = less_equal(x, hi) if high else less(x, hi)
    if not high and not low:  # if the bounds are one, the lower has the slope
        inside = logical_or(inside, less_equal(x, lo))
    return Chosen(logical_and(inside, less_equal(lo, hi)), isnan(y))


_clip = register(
    Elementwise(
        "one_sided_clip",
        lambda x, lo, hi, low, high: defined_results.clip(x, lo, hi),
        (_slope_of_clip, _slope_by_low, _slope_by_high),
        accepts="real",
        keeps_finite=True,
        param_names=("low", "high"),
        samples=((False, False), (True, False), (False, True)),
        domain=((-2.0, 2.0), (-1.5, -0.5), (0.5, 1.5)),
        scalar=_native("clip", 3),
    )
)


def one_sided_abs(choice: Choice, x: Tensor) -> Tensor | None:
    """|x| with the slope of the chosen side at 0; None if the usual one is."""
    if choice.side == "least":
        return None
    return apply(_abs, (x,), (choice.side == "right",))


def one_sided_extremum(name: str, choice: Choice, x1: Any, x2: Any) -> Tensor | None:
    """The maximum or minimum, where x1 = x2 as for numbers on the chosen side of it: of the first
    one, or of the second if the first does not depend on what is differentiated by."""
    op = _EXTREMA[name]
    if choice.side == "least" or not _is_real(op, (x1, x2)):
        return None
    a, b = as_tensor(x1), as_tensor(x2)
    second = varies_alone(b.node, a.node)
    grows = (choice.side == "right") == (name == "maximum")
    return apply(op, (x1, x2), (grows is not second,))


def one_sided_number(name: str, choice: Choice, x1: Any, x2: Any) -> Tensor | None:
    """As `one_sided_extremum`, the other one if one is nan: `fmax` or `fmin`."""
    found = one_sided_extremum(name, choice, x1, x2)
    if found is None:
        return None
    a, b = (as_tensor(x, found.dtype) for x in (x1, x2))
    result: Tensor = calls.where(isnan(a), b, calls.where(isnan(b), a, found))
    return result


def one_sided_copysign(choice: Choice, x1: Any, x2: Any) -> Tensor | None:
    """|x1| with the sign of x2, and the slope of the chosen side at 0."""
    plain: Any = find("copysign")
    if choice.side == "least" or not _is_real(plain, (x1, x2)):
        return None
    _, dtype = operands(plain, (x1, x2))
    sign = apply(plain, (np.ones((), dtype), as_tensor(x2, dtype)))
    found: Tensor = apply(_abs, (as_tensor(x1, dtype),), (choice.side == "right",)) * sign
    return found


def one_sided_clip(edge: int | None, choice: Choice | None, args: tuple[Any, ...]) -> Tensor | None:
    """`clip` whose edges have the slope of the call, or of the choice; None if the usual one is."""
    if edge is None and choice is not None:
        edge = choice.clip_edge
    if edge is None and choice is not None and choice.side != "least":
        passes = (choice.side == "right", choice.side == "left")
    else:
        passes = (edge != 0, edge != 0)
    if passes == (True, True) or not _is_real(_clip, args):
        return None
    return apply(_clip, args, passes)


def _is_real(op: Elementwise, args: tuple[Any, ...]) -> bool:
    """Whether the operation computes in floating numbers: others have no derivatives."""
    plain: Any = find(op.name.removeprefix("one_sided_"))
    return operands(plain, args)[1].kind == "f"
