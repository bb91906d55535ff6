"""What nobody reads of a loop: results, parts of the state that reach no result, inputs."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from adjoint.graph.node import Node
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.control.packing import layouts
from adjoint.ops.shape.movement import reshape


def unread_left_out(order: Sequence[Node], outputs: AbstractSet[Node]) -> dict[Node, Node]:
    """For nodes that unpack a loop, the same results of one that computes no more than is read."""
    read: dict[Node, dict[int, list[Node]]] = {}
    found: dict[Node, Node] = {}
    kept = set(outputs)
    for node in order:
        for x in node.inputs if node.value is None else ():
            if not x.op.repeats or not x.inputs:
                continue
            if node.op.name == "unpack":
                loop, group = x.params
                number = layouts(loop)[group][0][node.params[1]]
                given = handed_through(loop, x.inputs, number)
                if given is None:
                    read.setdefault(x, {}).setdefault(number, []).append(node)
                else:
                    found[node] = given
            else:
                kept.add(x)
    for packed, numbers in read.items():
        if packed in kept:
            continue
        results = reduced(packed.params[0], list(map(Tensor, packed.inputs)), set(numbers))
        for number, result in results.items():
            found.update(dict.fromkeys(numbers[number], result.node))
    return found


def handed_through(loop: Loop, inputs: Sequence[Node], number: int) -> Node | None:
    """The input of a scan that a stacked result is, as each step returns the slice that it is
    given, or a reshape of that; None if it is something else."""
    if number < loop.state:
        return None
    node = result = loop.body.outputs[number]
    while node.op.name == "reshape" and node.inputs:
        (node,) = node.inputs
    first = loop.constants + loop.state
    slices = loop.body.inputs[first:]
    if node not in slices:
        return None
    given = Tensor(inputs[first + slices.index(node)])
    return reshape(given, (loop.length, *result.shape)).node


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
