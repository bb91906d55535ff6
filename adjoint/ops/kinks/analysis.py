"""What follows from a kink, as seen from the adjoint that arrives at it (`kinks` says why)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import Shape, broadcast_shapes
from adjoint.ops.elementwise.comparison import equal, isnan, not_equal
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.family.elementwise import keep_where, scale
from adjoint.ops.family.structural_zeros import both, nonzero_mask
from adjoint.ops.kinks.curvature import curvature
from adjoint.ops.kinks.slope import Kink, slope
from adjoint.ops.kinks.ties import told_apart
from adjoint.ops.reductions.reduction import any, sum
from adjoint.ops.shape.movement import broadcast_to, reshape

NORM, PIECEWISE, ABS, ANGLE, TIE = "norm", "piecewise", "abs", "angle", "tie"
"""The kinds of kinks, see `Kink`."""


class KinkAnalysis:
    """A kink of the node `r`, at which `g` arrives, and what follows from it.

    `at_kink` says at which elements of the inputs; `inner` at which of the result.
    """

    def __init__(
        self, g: Tensor, r: Node, at_kink: Tensor, kink: Kink, xs: Sequence[Tensor]
    ) -> None:
        self.at_kink, self.kink = at_kink, kink
        inner = at_kink
        if kink.axes:
            axes = tuple([a + at_kink.ndim for a in kink.axes])
            inner = equal(Tensor(r), 0) if kink.kind == NORM else any(at_kink, axes)
        arrives = nonzero_mask(g)  # where nothing arrives there is no kink
        if arrives is not None:
            inner = both(inner, arrives)
        moved = [t for t in map(self.together, xs) if t is not None]
        q = slope(g, r, inner, kink, moved)
        self.q = q if q is None or arrives is None else keep_where(arrives, q)

    def together(self, x: Tensor | None) -> Tensor | None:
        """The sum over the elements of an input that are taken together, where the kink is met."""
        if x is None or not self.kink.axes:
            return x
        x = keep_where(self.at_kink, x)
        return sum(x, tuple([a + x.ndim for a in self.kink.axes]))

    def apart(self, x: Tensor | None) -> Tensor | None:
        """A number for each element of the result, for those of the inputs."""
        if x is None or not self.kink.axes:
            return x
        return reshape(x, with_ones(x.shape, self.kink.axes))

    def unknown(self, *moved: Tensor | None) -> Tensor | None:
        """nan times what is moved where the slope depends on the side, else 0."""
        given = total(*moved)
        if self.q is None or given is None:
            return None
        found, mask = keep_where(isnan(self.q), given * np.nan), nonzero_mask(given)
        return found if mask is None else keep_where(mask, found)

    def even(self, x: Tensor | None) -> Tensor | None:
        """q x, what is left of a function of a size."""
        if self.q is None or x is None or self.kink.kind in (PIECEWISE, ANGLE, TIE):
            return None
        return scale(x, self.apart(self.q))

    def curved(self, moved: Tensor | None, g: Tensor) -> Tensor | None:
        """nan where the kink is met by what is curved there: `moved`, its tangent, is not constant.

        Where `g` is 0, so is every slope that could have been chosen; where it is equal at equal
        elements, their order is no matter.
        """
        if moved is None or self.kink.kind not in (ABS, PIECEWISE, TIE):
            return None
        is_tie = self.kink.kind == TIE
        chosen = told_apart(g, self.at_kink) if is_tie else self.apart(not_equal(g, 0))
        assert chosen is not None
        met = both(both(self.at_kink, chosen), nonzero_mask(moved))
        found = curvature(moved, met, self.kink)
        return None if found is None else keep_where(met, found)

    def only(self, x: Tensor | None) -> Tensor | None:
        """`x` where the kink is met."""
        return None if x is None else keep_where(self.at_kink, x)


def analyse(mark: Node, g: Tensor, xs: Sequence[Node]) -> KinkAnalysis:
    """The analysis of the kink of what was marked, at which `g` arrives."""
    _, _, r, at_kink, *_ = mark.inputs
    return KinkAnalysis(g, r, Tensor(at_kink), mark.params[0], list(map(Tensor, xs)))


def fitted(share: Tensor | None, node: Node) -> Tensor | None:
    """`share`, one number perhaps for all that is taken together, in the shape of `node`."""
    if share is None:
        return None
    shape = broadcast_shapes("share", share.shape, node.shape)
    return fit(share if share.shape == shape else broadcast_to(share, shape), node)


def total(*terms: Tensor | None) -> Tensor | None:
    """The sum of the terms that there are."""
    found = None
    for term in terms:
        if term is not None:
            found = term if found is None else found + term
    return found


def with_ones(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` with axes of size one put in, which are counted from the end."""
    rank = len(shape) + len(axes)
    own = {a + rank for a in axes}
    sizes = iter(shape)
    return tuple([1 if a in own else next(sizes) for a in range(rank)])
