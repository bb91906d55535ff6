"""What a loop need not do: compute what nobody reads, store what it is given, be given numbers that
are known, or slices that are the same in every step."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.control.packing import layouts
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.transforms.substitute import substitute


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
    given = [held(x) for x in inputs]
    same = {n: in_every_step(given[n].node) for n in read if n >= first}
    still = {n: slice_ for n, slice_ in same.items() if slice_ is not None}
    fixed = {n: still.get(n, given[n]) for n in read if n < loop.constants or n in still}
    known = {n: x for n, x in fixed.items() if is_constant(x.node) and not x.node.shape}
    constants = [n for n in fixed if n not in known]
    moved = [loop.constants + n for n in sorted(state)]
    xs = [n for n in read if n >= first and n not in still]
    taken = [*constants, *moved, *xs]
    numbers = [*sorted(state), *ys]
    is_whole = len(taken) == len(graph.inputs) and len(numbers) == len(graph.outputs)
    if is_whole and not still and all(a is b for a, b in zip(given, inputs, strict=True)):
        return {}
    outputs = [graph.outputs[n] for n in numbers]
    if known:
        values = {graph.inputs[n]: x for n, x in known.items()}
        outputs = [x.node for x in substitute(outputs, values)]
    body = Subgraph([graph.inputs[n] for n in taken], outputs)
    smaller = Loop(body, len(constants), len(moved), loop.length, loop.backwards)
    results = scan(smaller, [fixed.get(n, given[n]) for n in taken])
    return {n: x for n, x in zip(numbers, results, strict=True) if n in wanted}


def in_every_step(node: Node) -> Tensor | None:
    """The slice that every step is given, if that is known to be the same one."""
    if node.op.name != "broadcast_to" or not node.inputs:
        return None
    (source,), shape = node.inputs, node.shape[1:]
    if len(source.shape) == len(node.shape):
        if source.shape[0] != 1:
            return None
        return held(broadcast_to(reshape(Tensor(source), source.shape[1:]), shape))
    return held(broadcast_to(Tensor(source), shape))


HELD = 4096
"""An array of at most so many elements, all the same number, is held by the program of a loop that
is given it: a kernel that fills it takes two or three milliseconds to compile."""


def held(x: Tensor) -> Tensor:
    """A known number repeated as an array that is known; anything else as it is."""
    node = source = x.node
    while source.op.name in ("broadcast_to", "reshape") and source.inputs:
        (source,) = source.inputs
    is_number = is_constant(source) and size_of(source.shape) == 1
    if source is node or not is_number or size_of(node.shape) > HELD:
        return x
    value = np.full(node.shape, np.asarray(source.value).reshape(()), node.dtype)
    return Tensor(constant_node(value, node.shape, node.dtype))
