"""The linear family: state the transpose, and the rest follows.

A linear operation is its own tangent rule, and its transpose carries adjoints back.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.op import Op
from adjoint.graph.tensor import Tensor, make


class Linear(Op):
    """An operation linear in its first input; any further inputs are indices and the like."""

    family = "linear"

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        """What the transposed linear map makes of `adjoint`, in the shape of the first input."""
        raise NotImplementedError(f"{self.name} states no transpose")

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        tangent = tangents[0]
        if tangent is None:
            return None
        return make(self, [tangent, *map(Tensor, node.inputs[1:])], node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        share = self.transpose(node, adjoint) if wanted[0] else None
        return (share, *(None for _ in node.inputs[1:]))
