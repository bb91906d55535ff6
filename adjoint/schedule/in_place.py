"""In place: results written over what is read for the last time by the very step.

A kernel may write over what it reads if each place of its domain reads only the element that it
then writes, and reads it once. In a nest it may also write over what kernels before it have read,
if these read their own rows only. Design note 7 says why that is enough, for all ways in which a
step may be taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from heapq import heappop, heappush

from adjoint.graph.loop_form import Affine
from adjoint.graph.native_rule import has_slow_path
from adjoint.graph.node import Node
from adjoint.graph.types import Shape
from adjoint.schedule.access_patterns import is_row_local, reads_of
from adjoint.schedule.plan import Kernel, Schedule


def overwrites(kernel: Kernel, out: Node, given: Node) -> bool:
    """Whether a kernel reads `given` only to compute `out`, and just where it writes that."""
    here = tuple(Affine(0, {a: 1}) for a in range(len(kernel.domain)))
    # The other roots must not depend on `given`: a loop computes them after `out` is written.
    return (
        out in kernel.roots
        and out.shape == kernel.domain
        and given in kernel.reads
        and reads_all_once(kernel)
        and all(index == here for index in reads_of(kernel).get(given, ()))
        and not dependents_of(kernel).get(given, 0) & ~bit_of(kernel, out)
    )


def reads_once(node: Node) -> bool:
    """Whether the loop of a node reads its inputs where it computes it, and never again.

    A loop that met arguments for its slow path computes a stretch of elements once more. Whether
    it may do so is not stated anywhere: the rule that writes the loop is asked.
    """
    return node.op.pointwise and not has_slow_path(node)


def reads_all_once(kernel: Kernel) -> bool:
    """Whether that is so for all nodes of a kernel."""
    if kernel.is_in_one_go is None:
        kernel.is_in_one_go = all(map(reads_once, kernel.nodes))
    return kernel.is_in_one_go


def may_overlap(kernel: Kernel) -> set[Node]:
    """The stored nodes of a kernel of which some may lie in the same memory as others."""
    found: set[Node] = set()
    if not kernel.domain or not reads_all_once(kernel):
        return found
    for root in kernel.roots:
        for given in kernel.reads:
            if fits(root, given) and overwrites(kernel, root, given):
                found |= {root, given}
    return found


def fits(root: Node, given: Node) -> bool:
    """Whether each element of a node takes as much memory as that of the other."""
    return size_of(root) == size_of(given)


def size_of(node: Node) -> tuple[Shape, int]:
    """The shape of a node, and the bytes of an element."""
    return node.shape, node.dtype.itemsize


def dependents_of(kernel: Kernel) -> dict[Node, int]:
    """For each node that a kernel reads or computes, the roots that depend on it, as bits.

    One sweep finds all, where asking for each root and each node that it reads would be quadratic.
    """
    if kernel.dependents is None:
        found: dict[Node, int] = {}
        for root in kernel.roots:
            for child in root.inputs:
                found[child] = found.get(child, 0) | bit_of(kernel, root)
        for node in reversed(kernel.inlined):
            for child in node.inputs:
                found[child] = found.get(child, 0) | found.get(node, 0)
        kernel.dependents = found
    return kernel.dependents


def bit_of(kernel: Kernel, root: Node) -> int:
    """The bit that stands for a root of a kernel."""
    return 1 << kernel.roots.index(root)


def reused_buffers(
    schedule: Schedule, shared: AbstractSet[Node], apart: AbstractSet[Node]
) -> dict[Node, Node]:
    """For results the node in whose memory they are written.

    Neither is `apart`, nor in memory that is `shared`.
    """
    last = {node: time for time, step in enumerate(schedule.steps) for node in step.reads}
    buffers: dict[Node, Node] = {}
    for time, step in enumerate(schedule.steps):
        kernels = list(step.kernels)
        alone = [n for n in step.reads if n not in apart and n not in shared] if kernels else []
        free = [n for n in alone if last[n] == time and n.shape]
        if not free:
            continue
        candidates = Candidates(kernels, free)
        for number, kernel in enumerate(kernels):
            candidates.enter(number)
            for root in kernel.roots:
                if root in apart or root in shared or root.shape != kernel.domain:
                    continue
                found = candidates.taken_by(root)
                if found is not None:
                    buffers[root] = buffers.get(found, found)
    return buffers


class Candidates:
    """What the kernels of a step may write over, kernel by kernel; of several the first is taken.

    A reduction sets all of its result to where it starts before the first element is read; a scan
    reads what it wrote. Neither writes over anything. For other results four things are asked, of
    which each is broken on purpose by a test: no later kernel reads the node; this kernel reads it
    at the index that it writes, and there only once; and the kernels before it in the nest, which
    go on to other rows when this one has written its own, read their own rows only.

    Asking this for each pair of a node and a result would take quadratic time. So a node waits
    for the last kernel that reads it: it is a candidate for the one root of that kernel that
    depends on it, and from then on for all that have its shape.
    """

    def __init__(self, kernels: Sequence[Kernel], free: Sequence[Node]) -> None:
        self.kernels = kernels
        self.order = {node: place for place, node in enumerate(free)}
        self.readers: dict[Node, list[int]] = {node: [] for node in free}
        for number, kernel in enumerate(kernels):
            for node in kernel.reads:
                if node in self.readers:
                    self.readers[node].append(number)
        self.ending: list[list[Node]] = [[] for _ in kernels]
        for node in free:
            self.ending[self.readers[node][-1]].append(node)
        self.waiting: dict[Node, list[Node]] = {}
        self.ready: dict[tuple[Shape, int], list[tuple[int, Node]]] = {}
        self.taken: set[Node] = set()

    def enter(self, number: int) -> None:
        """Go on to the kernel with a number."""
        self.waiting = {}
        for node in self.ending[number - 1] if number else ():
            if node not in self.taken and self.rows_only(node, self.readers[node]):
                heappush(self.ready.setdefault(size_of(node), []), (self.order[node], node))
        kernel = self.kernels[number]
        for node in self.ending[number]:
            if self.rows_only(node, self.readers[node][:-1]):
                roots = dependents_of(kernel).get(node, 0)
                root = kernel.roots[roots.bit_length() - 1]
                if fits(root, node) and overwrites(kernel, root, node):
                    self.waiting.setdefault(root, []).append(node)

    def rows_only(self, node: Node, readers: Sequence[int]) -> bool:
        """Whether kernels over the shape of a node read their own rows of it only."""
        kernels = [self.kernels[number] for number in readers]
        return all(is_row_local(node, reads_of(k).get(node, []), node.shape[0]) for k in kernels)

    def taken_by(self, root: Node) -> Node | None:
        """What `root`, a result of the kernel at hand, is written over, if it is over anything."""
        if root.op.combine is not None or root.op.scatters or root.op.scans:
            return None
        ready = self.ready.get(size_of(root), [])
        own = self.waiting.get(root, [])
        if own and (not ready or self.order[own[0]] < ready[0][0]):
            found = own.pop(0)
        elif ready:
            found = heappop(ready)[1]
        else:
            return None
        self.taken.add(found)
        return found
