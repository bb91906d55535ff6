"""Which results of a loop or a branch are made from others of its results, inside of it.

In the graph each is a result of the operation, and none an input of another. So whoever
differentiates one by another must not be answered zero (`transforms.history`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from adjoint.graph.node import Node
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.types import is_inexact
from adjoint.ops.control.loop import Loop
from adjoint.transforms.history import array_viewed, result_of

Sources = tuple[frozenset[int], ...]
"""For each result the numbers of those that it is made from."""


@lru_cache(maxsize=256)
def sources_in_graphs(graphs: tuple[Subgraph, ...]) -> Sources:
    """The sources of the outputs of equal signature, in any of the graphs."""
    masks = [0] * len(graphs[0].outputs)
    for graph in graphs:
        reached = _reached(graph, _own(graph))
        masks = [a | reached[x] for a, x in zip(masks, graph.outputs, strict=True)]
    return _without_self(masks)


@lru_cache(maxsize=256)
def sources_in_loop(loop: Loop) -> Sources:
    """The sources of the last state and of the stacked ys.

    The stacked ys are made from themselves, too, if one step's leads to that of a later one.
    """
    body = loop.body
    own = _own(body)
    same_step = _without_self([_reached(body, own)[x] for x in body.outputs])
    if loop.length < 2:
        return same_step
    ys = {x: mask >> loop.state << loop.state for x, mask in own.items()}  # the last state is last
    variables = body.inputs[loop.constants : loop.constants + loop.state]
    earlier = dict.fromkeys(variables, 0)
    while True:
        marks = ys | {x: ys.get(x, 0) | mask for x, mask in earlier.items()}
        reached = _reached(body, marks)
        after = {x: reached[y] for x, y in zip(variables, body.outputs, strict=False)}
        if after == earlier:
            break
        earlier = after
    reached = _reached(body, earlier)
    return tuple(
        same | _numbers(reached[x]) for same, x in zip(same_step, body.outputs, strict=True)
    )


def _own(graph: Subgraph) -> dict[Node, int]:
    """For each node that is a result the bits of the numbers that it has as one.

    A part or a view that nobody reads stands for the array, as others were taken anew.
    """
    read = {x for node in graph.order() for x in node.inputs}
    found: dict[Node, int] = {}
    for number, output in enumerate(graph.outputs):
        x = output if output in read else array_viewed(output)
        for node in {output, x}:
            found[node] = found.get(node, 0) | 1 << number
    return found


def _reached(graph: Subgraph, marks: dict[Node, int]) -> dict[Node, int]:
    """For each node the bits of its own marks and of those from which a derivative reaches it."""
    handed_out: dict[tuple[Any, int], int] = {}  # by operations in the graph
    for node, mask in marks.items():
        result = result_of(array_viewed(node))
        if result is not None:
            place = result.call, result.number
            handed_out[place] = handed_out.get(place, 0) | mask
    found: dict[Node, int] = {}
    ends = set(graph.inputs)
    for node in graph.order():
        mask = 0
        if node not in ends and not node.op.stops_derivatives and is_inexact(node.dtype):
            for x in node.inputs:
                mask |= found[x]
            result = result_of(node) if handed_out else None
            if result is not None:
                for number in result.sources:
                    mask |= handed_out.get((result.call, number), 0)
        found[node] = mask | marks.get(node, 0) if is_inexact(node.dtype) else 0
    return found


def _without_self(masks: Sequence[int]) -> Sources:
    return tuple(_numbers(mask & ~(1 << number)) for number, mask in enumerate(masks))


def _numbers(mask: int) -> frozenset[int]:
    return frozenset(n for n in range(mask.bit_length()) if mask >> n & 1)
