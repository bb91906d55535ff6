"""Whether what stands at a kink varies: elements of a filled array that nobody wrote do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from adjoint.graph.node import Node

_MOST = 32
"""How many nodes are looked at before something counts as varying."""


def some_vary(nodes: Sequence[Node]) -> bool:
    """Whether a variable may be reached from one of the nodes, past what is written where it is
    not read."""
    pending = list(nodes)
    for _ in range(_MOST):
        if not pending:
            return False
        node = _read_from(pending.pop())
        if node.varies():
            further = [x for x in node.inputs if x.varies()]
            if not further:  # it is a variable itself
                return True
            pending.extend(further)
    return True


def _read_from(node: Node) -> Node:
    """The node itself; of a slice, if what it reads was written elsewhere, what it was made of."""
    if node.op.name != "slice" or not node.inputs:  # forgotten, as its value is known
        return node
    read = node.inputs[0]
    while read.op.name == "set_slice" and read.inputs and _are_apart(node.params, read.params):
        read = read.inputs[0]
    return node if read.op.name == "set_slice" else read


def _are_apart(read: tuple[Any, ...], written: tuple[Any, ...]) -> bool:
    """Whether two parts of an array, by starts, steps and sizes, have no element in common."""
    ranges = [
        [range(a, a + step * size, step) for a, step, size in zip(*part[:3], strict=True)]
        for part in (read, written)
    ]
    return any(not x or not y or _miss(x, y) for x, y in zip(*ranges, strict=True))


def _miss(x: range, y: range) -> bool:
    """Whether one ends before the other begins, or they alternate."""
    if len(x) == 1 or len(y) == 1:
        return x[0] not in y if len(x) == 1 else y[0] not in x
    if max(x[0], x[-1]) < min(y[0], y[-1]) or max(y[0], y[-1]) < min(x[0], x[-1]):
        return True
    return (x.start - y.start) % math.gcd(x.step, y.step) != 0
