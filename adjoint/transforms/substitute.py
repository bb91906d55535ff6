"""Substitution: the same graph with other tensors in place of some nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adjoint.graph import nans
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, make


def substitute(outputs: Sequence[Node], given: Mapping[Node, Tensor]) -> list[Tensor]:
    """The tensors of `outputs` after each node in `given` is replaced by its tensor."""
    found = dict(given)
    for node in topological_order(outputs, lambda n: () if n in given else n.inputs):
        if node in found:
            continue
        if any(child in found for child in node.inputs):
            inputs = [found[c] if c in found else Tensor(c) for c in node.inputs]
            found[node] = make(node.op, inputs, node.params)
            nans.keep_place(node, found[node].node)
    return [found[node] if node in found else Tensor(node) for node in outputs]
