"""The slope at a kink: how what arrives at |x|, a norm, a maximum leaves its kink.

The inputs of the operation are where the kink is met, and what the region between the kink and the
adjoint is given (`dependence`). Where no kink is met it does nothing but look. Where one is, g, its
slope by r in two directions, and its slope by everything else that varies decide: see `kinks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.errors import KinkWarning
from adjoint.graph.caller import warn
from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, broadcast_shapes
from adjoint.ops.elementwise.complex import real
from adjoint.ops.family.broadcasting import align, fit
from adjoint.ops.kinks.dependence import (
    OTHER,
    POINT,
    Array,
    Dependence,
    dependence_between,
    uneven_steps,
    values_of,
    vanishes,
)
from adjoint.ops.kinks.ties import slope_at_ties
from adjoint.ops.reductions.reduction import sum

_ALIKE = 1e-6
"""By how much of itself a slope may differ between two directions."""


class Kink(NamedTuple):
    """What is to be known of a kink.

    `kind`: the "abs" of one number, the "norm" of several, both even; "piecewise", of two sides, of
    which one was taken; an "angle" at the origin, of which nothing follows; or a "tie", of which
    equal elements stands first along the last axis. `axes`: what the operation takes together,
    counted from the end.
    """

    kind: str
    name: str
    line: str
    axes: tuple[int, ...]

    def warn(self, spoilt: Array) -> None:
        """Warn if any element of a derivative is spoilt."""
        count = int(np.count_nonzero(spoilt))
        if not count:
            return
        place = f"{self.line}: " if self.line else ""
        many = f" in {count} of {spoilt.size} elements" if spoilt.size > 1 else ""
        warn(
            f"{place}{self.name} is at a kink{many}: its first derivative there is chosen among "
            f"several, and one of the second order or higher would depend on that choice, so it "
            f"is nan; move the point off the kink, write a function that is smooth there, choose a "
            f"piece with adjoint.where, which has the derivatives of the piece, or hold fixed what "
            f"stands in {self.name} (adjoint.stop_gradient)",
            KinkWarning,
        )


class KinkSlope(Op):
    """The slope of what arrives at a kink where it is met, nan if it depends on the side; else 0.

    `batches` says for each axis of examples in front which of the inputs have it.
    """

    name = "kink_slope"
    family = "kinks"
    param_names = ("dependence", "kink", "batches")
    masked_by_first = True

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *nodes, dependence, _, batches = args
        lead = []
        for depth, flags in enumerate(batches):
            seen = [len([b for b in batches[:depth] if b[n]]) for n in range(len(nodes))]
            n = flags.index(True)
            lead.append(nodes[n].shape[seen[n]])
        count = len([b for b in batches if b[0]])
        shape, dtype = dependence.kind
        return (*lead, *broadcast_shapes(self.name, shape, nodes[0].shape[count:])), dtype

    def evaluate(self, *args: Any) -> Any:
        at_kink, *values, dependence, kink, batches = args
        shape, dtype = dependence.kind
        if batches:
            flags, *rest = batches
            given = [at_kink, *values]
            size = len(given[flags.index(True)])
            rows = [
                [x[i] if f else x for x, f in zip(given, flags, strict=True)] for i in range(size)
            ]
            if np.any(at_kink):
                found = [self.evaluate(*row, dependence, kink, tuple(rest)) for row in rows]
                return np.stack(found)
            one = self.evaluate(*rows[0], dependence, kink, tuple(rest)) if size else np.zeros(0)
            return np.zeros((size, *one.shape), dtype)
        result = np.zeros(np.broadcast_shapes(shape, np.shape(at_kink)), dtype)
        if np.any(at_kink):
            with np.errstate(all="ignore"):
                result = np.where(at_kink, self.at(dependence, values, kink), result).astype(dtype)
            kink.warn(np.isnan(result) & at_kink)
        return result

    def at(self, dependence: Dependence, values: Sequence[Array], kink: Kink) -> Array:
        """The result, as if the kink were met everywhere."""
        if kink.kind == "tie":
            return slope_at_ties(dependence, values)
        return slope_at(dependence, values, kink)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        nan_at_kink = self.nan_at_kink(node)
        found = None
        for t in tangents:
            if t is not None:
                term = nan_at_kink * (t if t.shape == node.shape else sum(t))
                found = term if found is None else found + term
        return found

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        spoilt = self.nan_at_kink(node) * adjoint
        return [
            (fit(spoilt if x.shape == node.shape else sum(spoilt), x) if is_wanted else None)
            for x, is_wanted in zip(node.inputs, wanted, strict=True)
        ]

    def nan_at_kink(self, node: Node) -> Tensor:
        """nan where the kink is met, of which higher orders know nothing; else 0."""
        return make(_nan_at_kink, (Tensor(node.inputs[0]),), (node.params[1], node.dtype))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        dependence, kink, batches = node.params
        return make(self, inputs, (dependence, kink, (tuple(batched), *batches)))


class NanAtKink(Op):
    """nan where a kink is met, else 0."""

    name = "nan_at_kink"
    family = "kinks"
    param_names = ("kink", "dtype")
    masked_by_first = True

    def infer(self, at_kink: Node, kink: Kink, dtype: DType) -> tuple[Shape, DType]:
        return at_kink.shape, dtype

    def evaluate(self, at_kink: Any, kink: Kink, dtype: DType) -> Any:
        kink.warn(np.asarray(at_kink))
        return np.where(at_kink, np.nan, 0.0).astype(dtype)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, node.params)


class ZeroWithUnknownSlope(Op):
    """0; its derivative by the second input is unknown where the kink is met."""

    name = "zero_with_unknown_slope"
    family = "kinks"
    param_names = ("kink",)
    masked_by_first = True

    def infer(self, at_kink: Node, x: Node, kink: Kink) -> tuple[Shape, DType]:
        return broadcast_shapes(self.name, at_kink.shape, x.shape), x.dtype

    def evaluate(self, at_kink: Any, x: Any, kink: Kink) -> Any:
        return np.zeros(np.broadcast_shapes(np.shape(at_kink), np.shape(x)), np.asarray(x).dtype)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return None if tangents[1] is None else self.nan_at_kink(node) * tangents[1]

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return None, fit(self.nan_at_kink(node) * adjoint, node.inputs[1])

    def nan_at_kink(self, node: Node) -> Tensor:
        """nan where the kink is met, else 0."""
        return make(_nan_at_kink, (Tensor(node.inputs[0]),), (node.params[0], node.dtype))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        ranks = (len(x.shape) for x in node.inputs)
        rank = max(ranks)
        given = [align(x, rank) if b else x for x, b in zip(inputs, batched, strict=True)]
        return make(self, given, node.params)


_slope, _nan_at_kink, _zero_with_unknown_slope = map(
    register, (KinkSlope(), NanAtKink(), ZeroWithUnknownSlope())
)


def slope(
    g: Tensor, r: Node, at_kink: Tensor, kink: Kink, moved: Sequence[Tensor]
) -> Tensor | None:
    """The slope of `g` by `r` where the kink of `r` is `at_kink`; None if it is 0 in any case.

    `moved`, in the shape of r, is what makes r leave its kink.
    """
    dependence, given = dependence_between(g.node, r)
    if kink.kind not in ("norm", "angle") and not dependence.varies:
        return None
    found = make(_slope, (at_kink, *map(Tensor, given)), (dependence, kink, ()))
    if are_nested(found.node, *(x.node for x in moved)):  # there may be a third derivative
        for x in moved:
            found = found + zero_with_unknown_slope(at_kink, real(x), kink)
    return found


def nan_at_kink(at_kink: Tensor, kink: Kink, dtype: DType) -> Tensor:
    """nan, and a warning, where the kink is met, else 0."""
    return make(_nan_at_kink, (at_kink,), (kink, dtype))


def zero_with_unknown_slope(at_kink: Tensor, x: Tensor, kink: Kink) -> Tensor:
    """0, whose derivative by `x` is unknown where the kink is `at_kink`."""
    return make(_zero_with_unknown_slope, (at_kink, x), (kink,))


def slope_at(dependence: Dependence, values: Sequence[Array], kink: Kink) -> Array:
    """The slope of the result of `dependence`, as if the kink were met everywhere."""
    nodes = dependence.numbers(values)
    g = nodes[-1]
    count = 0

    def ones(role: str, shape: Shape) -> Array | None:
        return np.ones(shape) if role == POINT else None

    def skewed(role: str, shape: Shape) -> Array | None:
        return uneven_steps(shape, 0) if role == POINT else None

    def otherwise(role: str, shape: Shape) -> Array | None:
        nonlocal count
        count += 1
        return uneven_steps(shape, count) if role == OTHER else None

    along, askew, beside = (dependence.tangent(nodes, seed) for seed in (ones, skewed, otherwise))
    values_of([g, *(t.node for t in (along, askew, beside) if t is not None)])
    still = vanishes(beside.node) if beside is not None else np.asarray(True)
    if along is None or askew is None:
        q, alike = np.zeros(g.shape, g.dtype), np.asarray(True)
        flat = np.asarray(True)
    else:
        q, other = (
            np.asarray(along.node.value),
            askew.node.value / uneven_steps(dependence.point, 0),
        )
        alike = (q == other) | (np.abs(q - other) <= _ALIKE * np.abs(q))
        flat = vanishes(along.node) & vanishes(askew.node)
        alike = alike | flat
    smooth = vanishes(g) & alike & still & (kink.kind not in ("piecewise", "angle"))
    straight = flat & still & (kink.kind not in ("norm", "angle"))
    return np.where(smooth, q, np.where(straight, 0.0, np.nan))
