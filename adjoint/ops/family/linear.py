"""The linear family: state the transpose, and the rest follows.

A linear operation is its own tangent rule, and its transpose carries adjoints back. It carries
structural zeros as well: one that only `moves` elements moves the mask, and one that `adds` them up
counts by itself what may be other than zero. Of others every element may depend on every element.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.op import Op, find
from adjoint.graph.tensor import Tensor, make
from adjoint.ops.family.structural_zeros import applied, counts, positive, whole


class Linear(Op):
    """An operation linear in its first input; any further inputs are indices and the like."""

    family = "linear"
    keeps_zeros = keeps_finite = True
    adds = False
    """Whether each element of the result is a sum of elements of the input, without factors."""

    def linear_inputs(self, node: Node) -> Sequence[int]:
        return (0,)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        """What the transposed linear map makes of `adjoint`, in the shape of the first input."""
        raise NotImplementedError(f"{self.name} defines no transpose")

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        tangent = tangents[0]
        if tangent is None:
            return None
        return make(self, [tangent, *map(Tensor, node.inputs[1:])], node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        share = self.transpose(node, adjoint) if wanted[0] else None
        return share, *[None] * (len(node.inputs) - 1)

    def push(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return self.jvp(node, tangents)

    def pull(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return self.vjp(node, adjoint, wanted)

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        if masks[0] is None:
            return None
        if not (self.moves or self.adds):
            return applied(find("any"), (masks[0],), (tuple(range(len(masks[0].shape))),))
        mask = whole(masks[0], node.inputs[0].shape)
        others = list(map(Tensor, node.inputs[1:]))
        if self.moves:
            return applied(self, (mask, *others), node.params)
        return positive(applied(self, (counts(mask), *others), node.params))


class Together(Op):
    """An operation that joins its first inputs, `joins` of them or all, without arithmetic.

    It is linear in them together, and states both modes itself.
    """

    family = "linear"
    keeps_zeros = keeps_finite = moves = True
    joins: int | None = None

    def linear_inputs(self, node: Node) -> Sequence[int]:
        return range(len(node.inputs))[: self.joins]

    def push(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return self.jvp(node, tangents)

    def pull(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return self.vjp(node, adjoint, wanted)

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        if all(mask is None for mask in masks[: self.joins]):
            return None
        inputs = [
            whole(mask, child.shape) if self.joins is None or number < self.joins else Tensor(child)
            for number, (mask, child) in enumerate(zip(masks, node.inputs, strict=True))
        ]
        return applied(self, inputs, node.params)
