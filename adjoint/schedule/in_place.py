"""In place: results written over what is read for the last time by the very step.

A kernel may write over what it reads if each place of its domain reads only the element that it
then writes, and reads it once. In a nest it may also write over what kernels before it have read,
if these read their own rows only. Design note 7 says why that is enough, for all ways in which a
step may be taken.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from adjoint.graph.loop_form import Affine
from adjoint.graph.native_rule import has_slow_path
from adjoint.graph.node import Node
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
    return (root.shape, root.dtype.itemsize) == (given.shape, given.dtype.itemsize)


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
        for number, kernel in enumerate(kernels if free else ()):
            for root in kernel.roots:
                if root in apart or root in shared or root.shape != kernel.domain:
                    continue
                found = next((n for n in free if can_overwrite(kernels, number, root, n)), None)
                if found is not None:
                    buffers[root] = buffers.get(found, found)
                    free.remove(found)
    return buffers


def can_overwrite(kernels: list[Kernel], number: int, root: Node, given: Node) -> bool:
    """Whether the kernel with a number can write `root` over `given`."""
    if not fits(root, given):
        return False
    if root.op.combine is not None or root.op.scatters or root.op.scans:
        return False
    # A reduction sets all of its result to where it starts before the first element is read; a
    # scan reads what it wrote. Both are excluded above. For others four things are asked, of which
    # each is broken on purpose by a test: nobody reads `given` afterwards; this kernel reads it at
    # the index that it writes, and there only once; and the kernels before it in the nest, which
    # go on to other rows when this one has written its own, read their own rows only.
    kernel = kernels[number]
    if any(given in later.reads for later in kernels[number + 1 :]):
        return False
    if given in kernel.reads and not overwrites(kernel, root, given):
        return False
    return all(
        is_row_local(given, reads_of(before).get(given, []), kernel.domain[0])
        for before in kernels[:number]
        if given in before.reads
    )
