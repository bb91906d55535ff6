"""Loops that compute what other loops compute as well: the others need not run.

A reverse sweep runs a loop again so that it also stacks what the way back needs. Where the results
of the first one are wanted, too, they are read from the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adjoint.errors import GraphError
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.tensor import Tensor, make
from adjoint.ops.control.loop import Loop, layouts
from adjoint.ops.control.packing import unpack


def merged_results(order: Sequence[Node]) -> dict[Node, Node]:
    """For nodes of a graph that unpack a loop, the same results of a loop in it that does more."""
    loops = [x for x in order if x.op.repeats and x.value is None and x.inputs]
    if len(loops) < 2:
        return {}
    known = {(x.inputs, *x.params): x for x in loops}
    wider: dict[tuple[tuple[Node, ...], str], Loop] = {}
    for inputs, loop, _ in known:
        for key in loop.extends:
            other = wider.setdefault((inputs, key), loop)
            if len(other.extends) < len(loop.extends):
                wider[inputs, key] = loop
    found: dict[Node, Node] = {}
    for node in order:
        packed = node.inputs[0] if node.op.name == "unpack" and node.inputs else None
        if packed is None or (packed.inputs, *packed.params) not in known:
            continue
        inputs, (own, group) = packed.inputs, packed.params
        loop_of_more = wider.get((inputs, own.body.key))
        if loop_of_more is not None:
            number = layouts(own)[group][0][node.params[1]]
            found[node] = _result(known, inputs, loop_of_more, number)
    return found


def _result(
    known: dict[tuple[Any, ...], Node], inputs: tuple[Node, ...], loop: Loop, number: int
) -> Node:
    """A result of a loop, out of the node that computes it, if there is one."""
    for group, (numbers, layout) in enumerate(layouts(loop)):
        if number in numbers:
            key = inputs, loop, group
            if key not in known:
                known[key] = make(find("scan"), list(map(Tensor, inputs)), (loop, group)).node
            return unpack(Tensor(known[key]), layout, numbers.index(number)).node
    raise GraphError(f"a loop has no result {number}; please report this function")
