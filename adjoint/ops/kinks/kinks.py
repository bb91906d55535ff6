"""Derivatives at kinks from the second order on: the true one, or nan and a `KinkWarning`.

At a kink the first derivative is chosen: sign(0) = 0 for |x|, 0 for the norm. An adjoint g that
arrives at r = |x| goes on as g sign(x). Differentiated again by the rules, the chosen 0 counts as
if it were true: φ(|x|) has at 0 the second derivative φ''(0) if φ'(0) = 0, and the rules find 0.

So where derivatives may be nested, the operations with kinks mark what they send. The mark is the
identity; only its derivative knows more: it asks for the slope q of g as a function of r
(`kink_slope`), which is computed only where a kink is met.

* r is |x| or a norm and g = 0 at the kink whatever else g is made of: φ is even,
  g sign(x) = (g / r) x, and q is the derivative.
* g does not change at all: the function is straight on either side, as |x| is, and q = 0.
* An angle turns about the origin at any rate whatever: q = nan.
* Else the second derivative depends on the side: q = nan, and a warning names operation and line.

And s, which was chosen, stays a factor: if what stands in the operation is curved, the second
derivative is nan as well (`curvature`).

The bilinear form (g, ẋ) ↦ g s(x) ẋ is differentiated by x in both modes. A tangent of a tangent
knows no g, so reverse mode is asked for it (`NestedTangents`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.graph import calls
from adjoint.graph.lines import line_of
from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Coefficients, Op, register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, size_of
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.family.broadcasting import align, fit
from adjoint.ops.family.elementwise import keep_where, zero
from adjoint.ops.family.structural_zeros import (
    NOWHERE,
    both,
    either,
    onto,
    over,
    reshaped,
    whole,
)
from adjoint.ops.kinks.analysis import (
    ABS,
    ANGLE,
    NORM,
    PIECEWISE,
    TIE,
    analyse,
    fitted,
    total,
    with_ones,
)
from adjoint.ops.kinks.slope import Kink, nan_at_kink, zero_with_unknown_slope
from adjoint.ops.kinks.ties import ties_in_order
from adjoint.ops.kinks.varying import some_vary
from adjoint.ops.reductions.reduction import any, sum
from adjoint.ops.shape.movement import broadcast_to
from adjoint.transforms.coefficients import Rules


class NestedTangents(Exception):
    """A tangent of a tangent is asked for at what may be a kink."""


class KinkMarker(Op):
    """The identity of its first input."""

    family = "kinks"
    keeps_finite = True

    def infer(self, share: Node, *rest: Any) -> tuple[Shape, DType]:
        return share.shape, share.dtype

    def evaluate(self, share: Any, *rest: Any) -> Any:
        return share

    def decompose(self, node: Node) -> Tensor | None:
        return Tensor(node.inputs[0])

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        given = node.inputs[number].shape
        if not self.is_aligned(given, node.shape):
            return super().outputs_reached(node, number, mask)
        return self.lanes(node, number, mask, given)

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        given = node.inputs[number].shape
        if not self.is_aligned(given, node.shape):
            return super().inputs_reaching(node, number, mask)
        return onto(self.lanes(node, number, mask, node.shape), given)

    def lanes(self, node: Node, number: int, mask: Tensor, shape: Shape) -> Tensor:
        """A mask about elements of `shape`, wider by the elements that a norm takes together."""
        axes = node.params[0].axes if number else ()
        return over(mask, shape, tuple([a + len(shape) for a in axes])) if axes else mask

    def is_aligned(self, given: Shape, shape: Shape) -> bool:
        """Whether an input stands beside the result element by element, as it broadcasts."""
        pairs = zip(reversed(given), reversed(shape), strict=False)
        return len(given) <= len(shape) and all(a in (1, b) for a, b in pairs)

    def alone(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        """The tangent taken out of the graph (`dependence`), where nothing is known of the kink."""
        spoilt = keep_where(self.inner(node), Tensor(node) * 0.0 + np.nan)
        return total(tangents[0], broadcast_to(spoilt, node.shape))

    def inner(self, node: Node) -> Tensor:
        """Where the kink is met, of the elements of the result."""
        return Tensor(node.inputs[3])

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        ranks = [len(x.shape) for x in node.inputs]
        rank = max(ranks[0], *ranks[3:])
        wide = [max(r, rank) if n not in (0, 1, 2) else r for n, r in enumerate(ranks)]
        given = [
            align(x, r) if is_batched else x
            for x, r, is_batched in zip(inputs, wide, batched, strict=True)
        ]
        if not batched[0]:
            size = next(
                x.shape[0] for x, is_batched in zip(inputs, batched, strict=True) if is_batched
            )
            given[0] = broadcast_to(given[0], (size, *given[0].shape))
        return make(self, given, node.params)


class MarkedAdjoint(KinkMarker):
    """g s, which an operation with a kink sends to one of its inputs.

    The inputs: g s, g, the result r of the operation, where it is at the kink, and the inputs xᵢ of
    the operation, of which `own` is sent to.
    """

    name = "marked_adjoint"
    param_names = ("kink", "own")
    keeps_zeros = True

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        # Zero for good as far as it is by itself, but for the kink, where a slope of 0 was chosen;
        # and where nothing arrives.
        sent = None if masks[0] is None else either(masks[0], Tensor(node.inputs[3]))
        shape, axes = node.inputs[1].shape, node.params[0].axes
        arrived = masks[1]
        if arrived is not None and axes:
            arrived = reshaped(whole(arrived, shape), with_ones(shape, axes))
        elif shape != node.shape:
            arrived = None
        return arrived if sent is None else both(sent, arrived)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if node.scope is None:
            return self.alone(node, tangents)
        own = node.params[1]
        by_share, by_g, _, _, *by_x = tangents
        analysis = analyse(node, Tensor(node.inputs[1]), node.inputs[4:])
        unknown = analysis.apart(analysis.unknown(by_g, *map(analysis.together, by_x)))
        curved = analysis.curved(by_x[own], Tensor(node.inputs[1]))
        return total(by_share, analysis.only(total(unknown, analysis.even(by_x[own]), curved)))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        own = node.params[1]
        shares: list[Tensor | None] = [adjoint if wanted[0] else None]
        shares += [None] * (len(node.inputs) - 1)
        if not (wanted[1] or True in wanted[4:]):
            return shares
        g = Tensor(node.inputs[1])
        analysis = analyse(node, g, node.inputs[4:])
        unknown = analysis.unknown(analysis.together(adjoint))
        if wanted[1] and unknown is not None:
            shares[1] = fit(unknown, node.inputs[1])
        for number in range(4, len(node.inputs)):
            if wanted[number]:
                even = analysis.even(adjoint) if number == 4 + own else None
                curved = analysis.curved(adjoint, g) if number == 4 + own else None
                share = analysis.only(total(analysis.apart(unknown), even, curved))
                shares[number] = fitted(share, node.inputs[number])
        return shares


class MarkedTangent(KinkMarker):
    """Σ sᵢ ẋᵢ, the tangent of an operation with a kink.

    The inputs: it, some tensor that is not looked at, r, where it is at the kink, the `count` xᵢ of
    the operation, and their tangents ẋᵢ.
    """

    name = "marked_tangent"
    param_names = ("kink", "count")
    keeps_zeros = expands = True

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        kink, count = node.params
        sent = None if masks[0] is None else either(masks[0], self.inner(node))
        arrived: Tensor | None = NOWHERE
        for mask, x in zip(masks[4 + count :], node.inputs[4 + count :], strict=True):
            if mask is not None and kink.axes:
                axes = tuple([a + len(x.shape) for a in kink.axes])
                mask = reshaped(over(whole(mask, x.shape), x.shape, axes), node.shape)
            elif x.shape != node.shape:
                mask = None
            arrived = either(arrived, mask)
        return arrived if sent is None else both(sent, arrived)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if node.scope is None:
            return self.alone(node, tangents)
        raise NestedTangents(f"{node.op.name}: the tangent of a tangent is not known at a kink")

    def coefficients(
        self, node: Node, given: Sequence[Coefficients], rules: Rules, weight: int
    ) -> Sequence[Tensor | None]:
        """Those of the tangent; from the second derivative on nan where the kink was left.

        It may be left later than by the first derivative: abs(-t²) is t², abs(t³) has two sides.
        """
        count = node.params[1]
        left: Tensor | None = NOWHERE
        found = []
        for k, c in enumerate(given[0]):
            for row, x in zip(given[4 + count :], node.inputs[4 + count :], strict=True):
                if row[k] is not None:
                    moves = not_equal(row[k], 0)
                    moves = any(moves, 0) if not k and rules.is_batched(weight) else moves
                    left = either(left, self.together(node, moves, x))
            if k and left is not NOWHERE:
                here = both(self.inner(node), left)
                spoilt = (
                    nan_at_kink(here, node.params[0], node.dtype)
                    if k == 1  # it warns, which is no matter for each order
                    else calls.where(here, node.dtype.type(np.nan), node.dtype.type(0))
                )
                c = spoilt if c is None else c + spoilt
            found.append(c)
        return found

    def inner(self, node: Node) -> Tensor:
        return _met_by_result(node, Tensor(node.inputs[3]), node.params[0].axes)

    def together(self, node: Node, mask: Tensor, x: Node) -> Tensor:
        """A mask about an input as one about the result."""
        axes = node.params[0].axes
        if not axes:
            return mask
        mask = any(mask, tuple([a + len(x.shape) for a in axes]))
        same = size_of(mask.node.shape) == size_of(node.shape)
        return reshaped(mask, node.shape) if same else any(mask)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        kink, count = node.params
        shares: list[Tensor | None] = [adjoint if wanted[0] else None]
        shares += [None] * (len(node.inputs) - 1)
        if True not in wanted[4:]:
            return shares
        analysis = analyse(node, adjoint, node.inputs[4 : 4 + count])
        moved = [Tensor(x) for x in node.inputs[4 + count :]]
        unknown = analysis.apart(analysis.unknown(*map(analysis.together, moved)))
        alone = analysis.apart(analysis.unknown(adjoint))
        for number, tangent in enumerate(moved):
            if wanted[4 + number]:
                curved = analysis.curved(tangent, adjoint)
                share = analysis.only(total(unknown, analysis.even(tangent), curved))
                shares[4 + number] = fitted(share, node.inputs[4 + number])
            place = 4 + number + count
            if wanted[place] and alone is not None:
                given = (adjoint, *map(Tensor, node.inputs[2 : 4 + count]))
                sent = make(
                    _marked_adjoint, (keep_where(analysis.at_kink, alone), *given), (kink, number)
                )
                shares[place] = fitted(sent, node.inputs[place])
        return shares


def _met_by_result(node: Node, met: Tensor, axes: tuple[int, ...]) -> Tensor:
    """A mask about what an operation takes together along `axes` as one about its result."""
    if not axes:
        return met
    found = any(met, tuple([a + met.ndim for a in axes]))
    return reshaped(found, node.shape) if size_of(found.shape) == size_of(node.shape) else found


class WithKink(Op):
    """The first input, composed of pieces that meet at a kink of the third, where the second says.

    What chooses between pieces (`where`) cannot know that they belong together, nor can what
    gathers elements in an order.
    """

    family = "kinks"
    param_names = ("function", "axes")
    kinks = keeps_zeros = keeps_finite = True

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        met = _met_by_result(node, Tensor(node.inputs[1]), node.params[1])
        return either(masks[0], met)  # at the kink a slope was chosen

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return super().outputs_reached(node, number, mask) if number else mask

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return super().inputs_reaching(node, number, mask) if number else mask

    def infer(self, y: Node, *rest: Any) -> tuple[Shape, DType]:
        return y.shape, y.dtype

    def evaluate(self, y: Any, *rest: Any) -> Any:
        return y

    def decompose(self, node: Node) -> Tensor | None:
        return Tensor(node.inputs[0])

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        moved, at_kink, x = tangents[0], Tensor(node.inputs[1]), node.inputs[2]
        if moved is None or not are_nested(node, moved.node):
            return moved
        return mark_tangent(moved, node, at_kink, (x,), (tangents[2],), self.kind, node.params[1])

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        at_kink, x = Tensor(node.inputs[1]), node.inputs[2]
        if not (wanted[2] and are_nested(node, adjoint.node)):
            return adjoint, None, None
        nothing = broadcast_to(zero(x.dtype), x.shape)  # beside the pieces, which have masks
        axes = node.params[1]
        return (
            adjoint,
            None,
            mark_adjoint(nothing, adjoint, node, at_kink, (x,), 0, self.kind, axes),
        )

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        ranks = [len(x.shape) for x in node.inputs]
        ranks[1] = ranks[2]
        rows = zip(inputs, ranks, batched, strict=True)
        given = [align(x, rank) if is_batched else x for x, rank, is_batched in rows]
        if not batched[0]:
            size = next(x.shape[0] for x, b in zip(given, batched, strict=True) if b)
            given[0] = broadcast_to(given[0], (size, *given[0].shape))
        return make(self, given, node.params)


_marked_adjoint, _marked_tangent = map(register, (MarkedAdjoint(), MarkedTangent()))
_with_kink = register(WithKink("with_kink", PIECEWISE))
_with_ties = register(WithKink("with_ties", TIE))


# What the operations with kinks call.


@calls.bind
def mark_adjoint(
    share: Tensor,
    g: Tensor,
    node: Node,
    at_kink: Tensor,
    xs: Sequence[Node],
    own: int,
    kind: str,
    axes: tuple[int, ...] = (),
) -> Tensor:
    """`share`, what `node` makes of the adjoint `g` for the input `own` of `xs`, marked."""
    if kind not in (NORM, ANGLE) and not g.node.varies() and not xs[own].inputs:
        return share  # the function itself of a variable itself: straight
    if not _can_leave(kind, xs):
        return share
    given = (share, g, Tensor(node), at_kink, *map(Tensor, xs))
    return make(_marked_adjoint, given, (kink_of(node, kind, axes), own))


@calls.bind
def mark_tangent(
    tangent: Tensor,
    node: Node,
    at_kink: Tensor,
    xs: Sequence[Node],
    moved: Sequence[Tensor | None],
    kind: str,
    axes: tuple[int, ...] = (),
) -> Tensor:
    """`tangent`, that of `node` for the tangents `moved` of its inputs `xs`, marked."""
    if not _can_leave(kind, xs):
        return tangent
    pairs = [(Tensor(x), t) for x, t in zip(xs, moved, strict=True) if t is not None]
    points, tangents = [x for x, _ in pairs], [t for _, t in pairs]
    given = (tangent, tangent, Tensor(node), at_kink, *points, *tangents)
    return make(_marked_tangent, given, (kink_of(node, kind, axes), len(pairs)))


def _can_leave(kind: str, xs: Sequence[Node]) -> bool:
    """Whether a kink can be left; along one axis alone an angle is constant on either side of 0."""
    return all(x.varies() for x in xs) if kind == ANGLE else some_vary(xs)


def with_unknown_slope(share: Tensor, g: Tensor, node: Node, at_kink: Tensor, axis: int) -> Tensor:
    """`share`, what `node` makes of `g` along `axis`, of whose derivative by `g` nothing is known
    along a line where a kink is `at_kink`."""
    if not g.node.varies():
        return share
    axes = (axis,)
    moved = sum(keep_where(at_kink, g), axes, keepdims=True)
    return share + zero_with_unknown_slope(
        any(at_kink, axes, keepdims=True), moved, kink_of(node, PIECEWISE, ())
    )


def with_kink(
    y: Tensor, x: Tensor, at_kink: Callable[[], Tensor], function: str, axes: tuple[int, ...] = ()
) -> Tensor:
    """`y`, what `function` makes of `x` with a kink where it is `at_kink`, known as such.

    `axes`, counted from the end, are those of `x` that it takes together. Only where derivatives
    may be nested; else no graph need know.
    """
    if not x.node.varies() or not are_nested(y.node):
        return y
    return make(_with_kink, (y, at_kink(), x), (function, axes))


def with_ties(y: Tensor, function: str) -> Tensor:
    """`y`, sorted along its last axis by `function`; as `with_kink` for elements that are equal."""
    if not y.node.varies() or not are_nested(y.node):
        return y
    return make(_with_ties, (y, ties_in_order(y), y), (function, ()))


def kink_of(node: Node, kind: str, axes: tuple[int, ...]) -> Kink:
    """What is to be known of the kink of `node`, which takes `axes` of its input together."""
    shape = node.inputs[0].shape
    if kind == NORM and axes and all_one([shape[a] for a in axes]):
        kind = ABS
    name = node.params[0] if isinstance(node.op, WithKink) else node.op.name
    return Kink(kind, name, line_of(node), tuple([a - len(shape) if a >= 0 else a for a in axes]))


def all_one(sizes: Sequence[int]) -> bool:
    """Whether all are 1."""
    return sizes.count(1) == len(sizes)
