"""Choosing between values: `where`, `maximum`, `minimum`, `clip`, `abs`, `sign`.

Their partial derivatives are masks, so the branch not taken never poisons the gradient. Ties and
edges follow the conventions: ties between variables are split, the minimum-norm subgradient is
taken against a constant, and the closed edges of `clip` pass the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph import calls
from adjoint.graph.leaf import is_weak
from adjoint.graph.node import Node, Scope, are_nested, varies_alone
from adjoint.graph.op import find, public, public_as, public_storage, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.subgradients import chosen
from adjoint.graph.tensor import Tensor, as_stored, as_tensor
from adjoint.graph.types import BOOL, DType, Shape, broadcast_shapes
from adjoint.ops.elementwise.comparison import (
    equal,
    greater,
    greater_equal,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
)
from adjoint.ops.elementwise.complex import conj, from_parts, imag, real
from adjoint.ops.elementwise.one_sided import (
    one_sided_abs,
    one_sided_clip,
    one_sided_copysign,
    one_sided_extremum,
    one_sided_number,
)
from adjoint.ops.elementwise.power import hypot
from adjoint.ops.family import defined_results
from adjoint.ops.family.docstrings import DocstringParts, publish
from adjoint.ops.family.elementwise import (
    Binary,
    Chosen,
    Elementwise,
    Factor,
    KinkSpec,
    Masked,
    apply,
    binary,
    operands,
    real_result,
    uniform,
)
from adjoint.ops.family.structural_zeros import EVERYWHERE, NOWHERE, applied, both
from adjoint.ops.kinks import signs, smooth_forms

__all__ = [
    "where",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "clip",
    "abs",
    "absolute",
    "sign",
    "copysign",
    "heaviside",
    "stop_gradient",
]


class Where(Elementwise):
    """Chooses; its first input is boolean, the others have one dtype."""

    makes_zeros = True

    def linear_inputs(self, node: Node) -> Sequence[int]:
        return (1, 2)

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        """Where the chosen one may be other than zero: a choice from the masks, simplified."""
        chosen = Tensor(node.inputs[0])
        _, yes, no = masks
        if no is NOWHERE:
            return both(chosen, yes)
        if yes is NOWHERE:
            return both(applied(find("logical_not"), (chosen,)), no)
        if yes is None and no is None:
            return None
        yes, no = (EVERYWHERE if mask is None else mask for mask in (yes, no))
        return applied(self, (chosen, yes, no))

    def infer(self, *nodes: Any) -> tuple[Shape, DType]:
        shape = broadcast_shapes(self.name, *(node.shape for node in nodes))
        return shape, super().infer(*nodes[1:])[1]


_where = register(
    Where(
        "where",
        np.where,
        (None, lambda c, x1, x2, y: c, lambda c, x1, x2, y: logical_not(c)),
        accepts="any",
        zeros="chosen",
        keeps_finite=True,
        domain=((0.0, 1.0), (-2.0, 2.0), (-2.0, 2.0)),
    )
)


@public_storage
def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """`x1` where `condition` holds, else `x2`, elementwise; the three broadcast.

    The branch that is not taken has no influence on the gradient, even where its derivative is
    infinite or nan. Raises `ShapeError` and `DTypeError`.

    >>> import adjoint as ad
    >>> f = lambda x: ad.where(x > 0, ad.sqrt(x), 0.0)
    >>> ad.grad(f)(0.0)
    Tensor(0.)
    """
    chosen = as_tensor(condition, BOOL).node
    found = uniform(_where, (x1, x2))
    if found is None and has_stored(x1, x2):
        return in_float32(where, (Tensor(chosen), x1, x2), {})
    (a, b), dtype = found or operands(_where, (x1, x2))
    shape = broadcast_shapes("where", chosen.shape, a.shape, b.shape)
    return Tensor(Node(_where, (chosen, a, b), (), shape, dtype))


def _share(x: Tensor, other: Tensor, y: Tensor, loses: Tensor, draws: Tensor) -> Factor:
    """The derivative of a maximum or minimum `y` by `x`; nan where `y` is, as nan loses to none."""
    if varies_alone(x.node, other.node):
        return Chosen(draws, isnan(y))
    factor = where(isnan(y), np.nan, where(equal(x, other), 0.5, 1.0))
    return Masked(logical_not(loses), factor.astype(x.dtype))


_TIE = KinkSpec("piecewise", lambda x1, x2, y: equal(x1, x2))

maximum = binary(
    "maximum",
    defined_results.maximum,
    lambda x1, x2, y: _share(x1, x2, y, less(x1, x2), less_equal(x1, x2)),
    lambda x1, x2, y: _share(x2, x1, y, less(x2, x1), less_equal(x2, x1)),
    accepts="ordered",
    keeps_finite=True,
    smooth_rule=signs.larger,
    one_sided=partial(one_sided_extremum, "maximum"),
    kink=_TIE,
    doc="The larger of x1 and x2; nan if either is nan, and so are its derivatives; -0 < +0.",
)
minimum = binary(
    "minimum",
    defined_results.minimum,
    lambda x1, x2, y: _share(x1, x2, y, greater(x1, x2), greater_equal(x1, x2)),
    lambda x1, x2, y: _share(x2, x1, y, greater(x2, x1), greater_equal(x2, x1)),
    accepts="ordered",
    keeps_finite=True,
    smooth_rule=signs.smaller,
    one_sided=partial(one_sided_extremum, "minimum"),
    kink=_TIE,
    doc="The smaller of x1 and x2; nan if either is nan, and so are its derivatives; -0 < +0.",
)


def _number(x: Tensor, other: Tensor, y: Tensor, loses: Tensor, draws: Tensor) -> Factor:
    """As `_share`, but a number wins against nan."""
    beaten = logical_and(isnan(x), logical_not(isnan(other)))
    return _share(x, other, y, logical_or(loses, beaten), logical_or(draws, beaten))


fmax = binary(
    "fmax",
    defined_results.fmax,
    lambda x1, x2, y: _number(x1, x2, y, less(x1, x2), less_equal(x1, x2)),
    lambda x1, x2, y: _number(x2, x1, y, less(x2, x1), less_equal(x2, x1)),
    accepts="ordered",
    smooth_rule=smooth_forms.twice,
    one_sided=partial(one_sided_number, "maximum"),
    kink=_TIE,
    keeps_finite=True,
    doc="The larger of x1 and x2; the other one if one is nan.",
)
fmin = binary(
    "fmin",
    defined_results.fmin,
    lambda x1, x2, y: _number(x1, x2, y, greater(x1, x2), greater_equal(x1, x2)),
    lambda x1, x2, y: _number(x2, x1, y, greater(x2, x1), greater_equal(x2, x1)),
    accepts="ordered",
    smooth_rule=smooth_forms.twice,
    one_sided=partial(one_sided_number, "minimum"),
    kink=_TIE,
    keeps_finite=True,
    doc="The smaller of x1 and x2; the other one if one is nan.",
)


class Abs(Elementwise):
    """|z| of a complex z is a real function: its gradient is the direction z / |z|."""

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        (tangent,) = tangents
        if node.inputs[0].dtype.kind != "c" or tangent is None:
            return super().jvp(node, tangents)
        found = real(conj(_direction(Tensor(node.inputs[0]))) * tangent)
        if not are_nested(node, found.node):
            return found
        kind = "norm"
        return calls.mark_tangent(found, node, self.at_kink(node), node.inputs, tangents, kind)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        if node.inputs[0].dtype.kind != "c":
            return super().vjp(node, adjoint, wanted)
        share = adjoint * _direction(Tensor(node.inputs[0]))
        if are_nested(node, adjoint.node):
            place = (node, self.at_kink(node), node.inputs, 0, "norm")
            share = calls.mark_adjoint(share, adjoint, *place)
        return (share,)


_abs = register(
    Abs(
        "abs",
        np.abs,
        (lambda x, y: sign(x),),
        accepts="number",
        keeps_finite=True,
        result=real_result,
        domain=((-2.0, 2.0),),
        holomorphic=False,
        smooth_rule=signs.size,
        kink=KinkSpec("abs", lambda x, y: equal(x, 0)),
    )
)


def abs(x: Any, /) -> Tensor:
    if type(x) is Tensor and x.node.dtype.kind == "f":
        node = x.node
        if (choice := chosen()) is not None and (found := one_sided_abs(choice, x)) is not None:
            return found
        return Tensor(Node(_abs, (node,), (), node.shape, node.dtype))
    if getattr(x, "dtype", None) == BOOL and not (type(x) is Tensor and is_weak(x.node)):
        return logical_or(x, x)  # booleans again, as in NumPy: a mask, by which one can index
    return apply(_abs, (x,))


publish(abs, _abs, DocstringParts("The absolute value; its derivative at 0 is 0.", "x", (-0.5,)))
absolute = abs

_sign = register(
    Elementwise(
        "sign", np.sign, (None,), accepts="real number", domain=((-2.0, 2.0),), holomorphic=False
    )
)


def sign(x: Any, /) -> Tensor:
    x = as_stored(x)
    return apply(_sign, (x,)) if x.node.dtype.kind != "c" else _complex_sign(x)


def _direction(z: Tensor) -> Tensor:
    """z / |z|, and 0 at 0."""
    size = abs(z)
    return where(equal(size, 0), 0, z / size)


def _complex_sign(z: Tensor) -> Tensor:
    """z / |z|, also where the quotient would overflow; at infinities as NumPy has it: that of the
    infinite part, if the other one is none."""
    size = abs(z)
    limits, dtype = np.finfo(size.dtype), size.dtype
    one = as_tensor(1.0, dtype)
    lift = where(less(size, float(limits.tiny)), one * 2.0**limits.nmant, one)
    lift = where(isinf(size), one * 0.25, lift)
    a, b = real(z) * lift, imag(z) * lift
    length = hypot(a, b)
    unit = from_parts(a / length, b / length)
    a_ends, b_ends = isinf(a), isinf(b)
    end = from_parts(where(a_ends, copysign(1.0, a), 0.0), where(b_ends, copysign(1.0, b), 0.0))
    end = where(logical_and(a_ends, b_ends), complex(np.nan, np.nan), end)
    return where(equal(size, 0), 0, where(logical_or(a_ends, b_ends), end, unit))


publish(
    sign,
    _sign,
    DocstringParts("-1, 0 or 1 by the sign of x; of complex numbers x / |x|.", "x", (-0.5,)),
)
copysign: Binary = binary(
    "copysign",
    np.copysign,
    lambda x1, x2, y: sign(x1) * copysign(1.0, x2).astype(y.dtype),
    None,
    accepts="real",
    jumps=True,
    example=(3.0, -2.0),
    one_sided=one_sided_copysign,
    kink=KinkSpec("abs", lambda x1, x2, y: equal(x1, 0)),
    doc="|x1| with the sign of x2.",
)
heaviside = binary(
    "heaviside",
    np.heaviside,
    None,
    lambda x1, x2, y: equal(x1, 0),
    accepts="real",
    jumps=True,
    doc="0 where x1 < 0, x2 where it is 0, 1 where x1 > 0.",
)


_clip = register(
    Elementwise(
        "clip",
        defined_results.clip,
        (
            lambda x, lo, hi, y: Chosen(logical_or(less(x, lo), greater(x, hi)), isnan(y)),
            lambda x, lo, hi, y: Chosen(
                logical_or(greater_equal(x, lo), greater(lo, hi)), isnan(y)
            ),
            lambda x, lo, hi, y: Chosen(
                logical_and(less_equal(x, hi), less_equal(lo, hi)), isnan(y)
            ),
        ),
        accepts="ordered",
        keeps_finite=True,
        domain=((-2.0, 2.0), (-1.5, -0.5), (0.5, 1.5)),
        kink=KinkSpec("piecewise", lambda x, lo, hi, y: logical_or(equal(x, lo), equal(x, hi))),
    )
)


@public
def clip(x: Any, /, min: Any = None, max: Any = None, *, edge: int | None = None) -> Tensor:
    """`x` limited to the interval from `min` to `max`; either may be left out.

    The gradient passes inside and at both closed edges, so that a parameter sitting on its bound
    can leave it; with `edge` 0 it does not pass there, as by the subgradient of least norm. Where
    `min` > `max` the result is `max`.

    >>> import adjoint as ad
    >>> ad.clip(ad.asarray([-2.0, 0.5, 2.0]), -1.0, 1.0)
    Tensor([-1. ,  0.5,  1. ])
    >>> ad.grad(ad.clip)(1.0, -1.0, 1.0), ad.grad(lambda x: ad.clip(x, -1.0, 1.0, edge=0))(1.0)
    (Tensor(1.), Tensor(0.))
    """
    if edge not in (None, 0, 1):
        raise RangeError(f"clip: edge={edge!r} must be 0 or 1, the derivative where x is a bound")
    if min is None and max is None:
        return Tensor(as_tensor(x).node)
    bounded = min is not None and max is not None
    least, largest = (None, None) if bounded else _limits(x, min, max)
    args = (x, least if min is None else min, largest if max is None else max)
    choice = chosen()
    if edge is not None or choice is not None:
        found = one_sided_clip(edge, choice, args)
        if found is not None:
            return found
    return apply(_clip, args)


def _limits(x: Any, *bounds: Any) -> tuple[Any, Any]:
    """The least and the largest number of the dtype in which `x` is compared with `bounds`."""
    _, dtype = operands(_clip, [a for a in (x, *bounds) if a is not None])
    if dtype.kind == "f":
        return -np.inf, np.inf
    if dtype.kind == "b":
        return False, True
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _same(x: Any) -> Any:
    return x


class StopGradient(Elementwise):
    """The identity; what is computed from its result alone counts as a constant."""

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return stop_gradient(inputs[0])


_stop = register(
    StopGradient(
        "stop_gradient",
        _same,
        (None,),
        accepts="any",
        zeros="all",
        keeps_finite=True,
        domain=((-2.0, 2.0),),
    )
)
_stop.stops_derivatives = True


def stop_gradient(x: Any, /) -> Tensor:
    y = apply(_stop, (x,))
    scope = y.node.scope
    if scope is not None:
        y.node.scope = Scope(abstract=scope.abstract, members=scope.members, stopped=True)
    return y


_PAGE = "x itself, as something that does not depend on anything: its derivative is 0."
publish(stop_gradient, _stop, DocstringParts(_PAGE, "x", (0.5,), "0.5"))
public_as("absolute")(absolute)
