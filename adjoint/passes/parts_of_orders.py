"""Of an order of which only the first or the last places are read, only these are found.

``top_k`` reads the first k of the indices that sort a row, and a row of 500 takes ten times as long
to sort as to find its five largest elements. What is found is the same to the last index.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.ops import records
from adjoint.ops.reductions.order_part import order_part
from adjoint.passes.rewriting import is_known, rebuild

LEAST = 32
"""A shorter axis is sorted as fast as parted."""

FEWER = 4
"""How many times fewer places must be read than there are. The 100 largest of 500 take two thirds
of the time that sorting takes, the 20 largest a fifth."""


def parts_of_orders(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph that sorts nothing of which but one end is read."""
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    inner = [node for node in order if node not in ends and not is_known(node)]
    if not any(node.op is records.argsort for node in inner):
        return list(outputs)
    often: set[Node] = set(outputs)
    once: set[Node] = set()
    for x in [x for node in inner for x in node.inputs]:
        (often if x in once else once).add(x)
    orders = {node.inputs for node in inner if node.op is records.argsort and node in often}

    def rule(node: Node) -> Node:
        if node.op is not records.slice or node.inputs[0].op is not records.argsort:
            return node
        return node if node.inputs[0].inputs in orders else part_of(node) or node

    return rebuild(outputs, inputs, rule)


def part_of(node: Node) -> Node | None:
    """What a slice of an order is, if it reads little of it and only at one end; else None."""
    order = node.inputs[0]
    axis, descending = order.params
    starts, steps, sizes, shape = node.params
    size, count = order.shape[axis], sizes[axis]
    others = [a for a in range(len(sizes)) if a != axis]
    if shape != sizes or any(sizes[a] != order.shape[a] for a in others):
        return None
    if any(steps[a] != 1 for a in range(len(sizes)) if sizes[a] > 1):
        return None
    at_end = starts[axis] + count == size
    if size < LEAST or FEWER * count > size or not (at_end or starts[axis] == 0):
        return None
    return order_part(Tensor(order.inputs[0]), axis, descending, count, at_end).node
