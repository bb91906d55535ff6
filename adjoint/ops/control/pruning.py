"""What nobody reads of a loop: results, parts of the state that reach no result, inputs."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from adjoint.graph.node import Node
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.control.packing import layouts


def unread_left_out(order: Sequence[Node], outputs: AbstractSet[Node]) -> dict[Node, Node]:
    """For nodes that unpack a loop, the same results of one that computes no more than is read."""
    read: dict[Node, dict[int, list[Node]]] = {}
    kept = set(outputs)
    for node in order:
        for x in node.inputs if node.value is None else ():
            if not x.op.repeats or not x.inputs:
                continue
            if node.op.name == "unpack":
                loop, group = x.params
                number = layouts(loop)[group][0][node.params[1]]
                read.setdefault(x, {}).setdefault(number, []).append(node)
            else:
                kept.add(x)
    found: dict[Node, Node] = {}
    for packed, numbers in read.items():
        if packed in kept:
            continue
        results = reduced(packed.params[0], list(map(Tensor, packed.inputs)), set(numbers))
        for number, result in results.items():
            found.update(dict.fromkeys(numbers[number], result.node))
    return found


def reduced(loop: Loop, inputs: Sequence[Tensor], wanted: AbstractSet[int]) -> dict[int, Tensor]:
    """The results `wanted` of a loop, by number, of one without what they do not depend on.

    Empty if they depend on everything.
    """
    graph = loop.body
    reached: dict[Node, int] = {x: 1 << number for number, x in enumerate(graph.inputs)}
    for node in graph.order():
        if node not in reached:
            mask = 0
            for x in node.inputs:
                mask |= reached[x]
            reached[node] = mask
    state = {number for number in wanted if number < loop.state}
    ys = sorted(number for number in wanted if number >= loop.state)
    while True:
        mask = 0
        for number in (*state, *ys):
            mask |= reached[graph.outputs[number]]
        more = {n for n in range(loop.state) if mask >> (loop.constants + n) & 1} - state
        if not more:
            break
        state |= more
    first = loop.constants + loop.state
    read = [n for n in range(len(graph.inputs)) if mask >> n & 1]
    constants = [n for n in read if n < loop.constants]
    moved = [loop.constants + n for n in sorted(state)]
    xs = [n for n in read if n >= first]
    taken = [*constants, *moved, *xs]
    numbers = [*sorted(state), *ys]
    if len(taken) == len(graph.inputs) and len(numbers) == len(graph.outputs):
        return {}
    body = Subgraph([graph.inputs[n] for n in taken], [graph.outputs[n] for n in numbers])
    smaller = Loop(body, len(constants), len(moved), loop.length, loop.backwards)
    results = scan(smaller, [inputs[n] for n in taken])
    return {n: x for n, x in zip(numbers, results, strict=True) if n in wanted}
