"""Batching: the graph of a function of one example becomes the graph of it for many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adjoint.graph import calls
from adjoint.graph.node import Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, make
from adjoint.transforms.paths import within


def batch(
    outputs: Sequence[Node], examples: Mapping[Node, Tensor], scope: Scope | None = None
) -> dict[Node, Tensor]:
    """The nodes below `outputs` that depend on the keys of `examples`, with a leading batch axis.

    `examples` gives for each of its nodes a tensor with one more axis in front. A node that is
    not in the result is the same for every example. `scope` is that of the examples' nodes.
    """
    found: dict[Node, Tensor] = dict(examples)
    for node in topological_order(outputs, within(scope)):
        if node in found or found.keys().isdisjoint(node.inputs):
            continue
        batched = [child in found for child in node.inputs]
        inputs = [found[c] if c in found else Tensor(c) for c in node.inputs]
        found[node] = batched_node(node, inputs, batched)
    return found


def batched_node(node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
    """The operation of `node` on inputs of which the `batched` ones have a leading axis more."""
    result = node.op.batch(node, inputs, batched)
    return one_by_one(node, inputs, batched) if result is None else result


def one_by_one(node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
    """The operation of `node` on each example in turn, stacked: for operations without a rule."""
    size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    rows = [
        make(node.op, [x[i] if b else x for x, b in zip(inputs, batched, strict=True)], node.params)
        for i in range(size)
    ]
    return calls.stack(rows)
