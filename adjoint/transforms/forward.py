"""Forward mode by extending the graph: tangents are ordinary nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adjoint.graph.node import Node, Scope
from adjoint.graph.subgradients import choosing, chosen
from adjoint.graph.tensor import Tensor
from adjoint.transforms.paths import between


def forward(
    outputs: Sequence[Node], seeds: Mapping[Node, Tensor], scope: Scope | None = None
) -> dict[Node, Tensor]:
    """The tangents of the nodes below `outputs` that depend on the seeded ones.

    Walk the topological order; a node's tangent is what its operation makes of the tangents of
    its inputs, or of its smooth form. A node that is not in the result has tangent zero.
    """
    if chosen() is not None:  # the rules take no notice
        with choosing(None):
            return forward(outputs, seeds, scope)
    tangents: dict[Node, Tensor] = {}
    for node, taken in between(outputs, seeds, scope).items():
        tangent = seeds.get(node)
        if tangent is None:
            given = [tangents.get(child) for child in taken.inputs]
            if any(tangent is not None for tangent in given):
                tangent = taken.op.push(taken, given)
        if tangent is not None:
            tangents[node] = tangent
    return tangents
