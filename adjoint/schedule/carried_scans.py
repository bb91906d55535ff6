"""Scans along rows whose results are only added up: loops carry them, and nobody stores them.

The powers of n numbers, n × m of them, take longer to write and to read again than to compute. If
all that is done with a row is a sum along it, or one over all rows, the loop goes along the rows,
several of them side by side in the lanes of vectors, and keeps the last power of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adjoint.graph.native_rule import cost
from adjoint.graph.node import Node
from adjoint.graph.types import FLOAT32, FLOAT64, size_of
from adjoint.schedule.plan import Kernel

LEAST_ROWS = 32
"""So many rows stand side by side in float64 with AVX-512: four vectors, of which each waits for
its own last product."""

LEAST_SIZE = 1 << 12
"""The smallest result. A smaller one is in a first-level cache, and has fewer rows than lanes."""

MOST_COST = 12
"""About the most instructions for an element with all that is done to it: each kernel that reads
the scan computes it again. 1,024 rows of 128 powers, their sums and the gradient took 70 µs stored
and 19 µs carried (Xeon, AVX-512)."""


@dataclass(frozen=True)
class CarriedScans:
    """Finds them: `users` says who reads a node, `is_there` whether it is read from memory in any
    case, `must_store` whether it has to be written there."""

    users: Mapping[Node, Sequence[Node]]
    is_there: Callable[[Node], bool]
    must_store: Callable[[Node], bool]

    def find(self, order: Sequence[Node]) -> tuple[set[Node], set[Node]]:
        """The scans that are carried, and these with all that is computed beside them."""
        scans: set[Node] = set()
        beside: set[Node] = set()
        for node in filter(is_along_rows, order):
            after = self.computed_after(node)
            before = None if after is None else self.computed_before(after)
            if after is None or before is None:
                continue
            if sum(map(cost, after | before)) <= MOST_COST:
                scans.add(node)
                beside |= after | before
        return scans, beside

    def computed_after(self, scan: Node) -> set[Node] | None:
        """The scan and what is made of its elements one by one, up to sums; None if any of it must
        be stored."""
        found: set[Node] = set()
        todo = [scan]
        while todo:
            node = todo.pop()
            if node in found:
                continue
            found.add(node)
            if node is not scan and (self.is_there(node) or self.must_store(node)):
                return None
            for user in self.users[node]:
                if user.op.combine is not None:
                    continue
                if not user.op.pointwise or user.shape != scan.shape:
                    return None
                todo.append(user)
        return found

    def computed_before(self, after: set[Node]) -> set[Node] | None:
        """The matrices that are read for these; None if one of them lies in memory."""
        found: set[Node] = set()
        todo = [x for node in after for x in node.inputs]
        while todo:
            node = todo.pop()
            if node in found or node in after or not is_matrix(node):
                continue
            if self.is_there(node) or self.must_store(node):
                return None
            found.add(node)
            todo += node.inputs
        return found


def is_matrix(node: Node) -> bool:
    """Whether it has both rows and columns; others are read at no cost worth mention."""
    return sum([size > 1 for size in node.shape]) > 1


def is_along_rows(node: Node) -> bool:
    """Whether a node is a scan along the rows of a matrix, from their beginnings."""
    if not node.op.scans or len(node.shape) != 2 or node.dtype not in (FLOAT32, FLOAT64):
        return False
    axis, reverse, *_ = node.params
    is_large = node.shape[0] >= LEAST_ROWS and size_of(node.shape) >= LEAST_SIZE
    return axis == 1 and not reverse and is_large and node.shape[1] > 1


def carried_by(kernel: Kernel) -> list[Node]:
    """The scans that the loops of a kernel carry."""
    return [node for node in kernel.inlined if node.op.scans]
