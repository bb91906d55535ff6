"""Loops and branches that compute what others compute as well: the others need not run.

A reverse sweep runs a loop again so that it also stacks what the way back needs, or a checkpointed
function so that it also saves some values. Where the results of the first one are wanted, too, they
are read from the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adjoint.errors import GraphError
from adjoint.graph.node import Node
from adjoint.graph.op import Op
from adjoint.graph.tensor import Tensor, make
from adjoint.ops.control.packing import groups_of, unpack


def merged_results(order: Sequence[Node]) -> dict[Node, Node]:
    """For nodes that unpack a loop or a branch, the same results of one in the graph that does
    more."""
    loops = [x for x in order if x.op.shares_results and x.value is None and x.inputs]
    if len(loops) < 2:
        return {}
    known = {(x.op, x.inputs, *x.params): x for x in loops}
    wider: dict[tuple[Op, tuple[Node, ...], str], Any] = {}
    for op, inputs, what, _ in known:
        extends = what.extends
        for key in extends:
            other = wider.setdefault((op, inputs, key), what)
            if len(other.extends) < len(extends):
                wider[op, inputs, key] = what
    if not wider:
        return {}
    found: dict[Node, Node] = {}
    for node in order:
        packed = node.inputs[0] if node.op.name == "unpack" and node.inputs else None
        if packed is None or (packed.op, packed.inputs, *packed.params) not in known:
            continue
        own, group = packed.params
        of_more = wider.get((packed.op, packed.inputs, own.key))
        if of_more is not None:
            number = groups_of(own.pieces())[group][0][node.params[1]]
            found[node] = _result(known, packed.op, packed.inputs, of_more, number)
    return found


def _result(
    known: dict[tuple[Any, ...], Node], op: Op, inputs: tuple[Node, ...], what: Any, number: int
) -> Node:
    """A result of a loop or a branch, out of the node that computes it, if there is one."""
    for group, (numbers, layout) in enumerate(groups_of(what.pieces())):
        if number in numbers:
            key = op, inputs, what, group
            if key not in known:
                known[key] = make(op, list(map(Tensor, inputs)), (what, group)).node
            return unpack(Tensor(known[key]), layout, numbers.index(number)).node
    raise GraphError(f"{op.name} has no result {number}; please report this function")
