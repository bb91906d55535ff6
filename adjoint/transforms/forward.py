"""Forward mode by extending the graph: tangents are ordinary nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adjoint.graph.node import Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import is_inexact
from adjoint.transforms.paths import Forms, smoothly


def forward(
    outputs: Sequence[Node], seeds: Mapping[Node, Tensor], scope: Scope | None = None
) -> dict[Node, Tensor]:
    """The tangents of the nodes below `outputs` that depend on the seeded ones.

    Walk the topological order; a node's tangent is what its operation makes of the tangents of
    its inputs, or of its smooth form. A node that is not in the result has tangent zero.
    """
    tangents: dict[Node, Tensor] = {}
    forms: Forms = {}
    for node in topological_order(outputs, smoothly(scope, seeds.keys(), forms)):
        if node in seeds:
            tangents[node] = seeds[node]
            continue
        taken = forms.get(node, node)
        given = [tangents.get(child) for child in taken.inputs]
        if is_inexact(node.dtype) and any(tangent is not None for tangent in given):
            tangent = taken.op.jvp(taken, given)
            if tangent is not None:
                tangents[node] = tangent
    return tangents
