"""In place: results written over what is read for the last time by the very step.

A kernel may write over what it reads if it reads each element just where it writes one. In a nest
it may also write over what kernels before it have read, if these read their own rows only.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from adjoint.graph.loops import Affine
from adjoint.graph.node import Node
from adjoint.schedule.access import is_row_local, reads_of
from adjoint.schedule.plan import Kernel, Nest, Schedule, Step

REPEATS = frozenset({"sin", "cos", "tan", "gammaln", "digamma", "sinc"})
"""Operations whose loops may do a stretch of elements again, and so read its inputs again."""


def kernels_of(step: Step) -> list[Kernel]:
    """The kernels that a step runs."""
    match step:
        case Kernel():
            return [step]
        case Nest(kernels=kernels):
            return list(kernels)
    return []


def computed_by(kernel: Kernel) -> Iterable[Node]:
    """All nodes computed in a kernel."""
    return (*kernel.inlined, *kernel.roots)


def writes_over(kernel: Kernel, out: Node, given: Node) -> bool:
    """Whether a kernel reads `given` only to compute `out`, and just where it writes that."""
    here = tuple(Affine(0, {a: 1}) for a in range(len(kernel.domain)))
    return (
        out in kernel.roots
        and out.shape == kernel.domain
        and given in kernel.reads
        and all(n.op.pointwise and n.op.name not in REPEATS for n in computed_by(kernel))
        and all(index == here for index in reads_of(kernel).get(given, ()))
        and not any(depends(root, given, kernel) for root in kernel.roots if root is not out)
    )


def depends(root: Node, given: Node, kernel: Kernel) -> bool:
    """Whether a kernel reads `given` to compute `root`."""
    inside = set(kernel.inlined)
    stack, seen = [root], {root}
    while stack:
        for child in stack.pop().inputs:
            if child is given:
                return True
            if child in inside and child not in seen:
                seen.add(child)
                stack.append(child)
    return False


def taken_places(
    schedule: Schedule, shared: AbstractSet[Node], apart: AbstractSet[Node]
) -> dict[Node, Node]:
    """For results the node in whose memory they are written.

    Neither is `apart`, nor in memory that is `shared`.
    """
    last = {node: time for time, step in enumerate(schedule.steps) for node in step.reads}
    places: dict[Node, Node] = {}
    for time, step in enumerate(schedule.steps):
        kernels = kernels_of(step)
        alone = [n for n in step.reads if n not in apart and n not in shared] if kernels else []
        free = [n for n in alone if last[n] == time and n.shape]
        for number, kernel in enumerate(kernels if free else ()):
            for root in kernel.roots:
                if root in apart or root in shared or root.shape != kernel.domain:
                    continue
                found = next((n for n in free if may_take(kernels, number, root, n)), None)
                if found is not None:
                    places[root] = places.get(found, found)
                    free.remove(found)
    return places


def may_take(kernels: list[Kernel], number: int, root: Node, given: Node) -> bool:
    """Whether the kernel with a number can write `root` over `given`."""
    if (root.shape, root.dtype.itemsize) != (given.shape, given.dtype.itemsize):
        return False
    if root.op.combine is not None or root.op.scatters or root.op.scans:
        return False
    kernel = kernels[number]
    if any(given in later.reads for later in kernels[number + 1 :]):
        return False
    if given in kernel.reads and not writes_over(kernel, root, given):
        return False
    return all(
        is_row_local(given, reads_of(before).get(given, []), kernel.domain[0])
        for before in kernels[:number]
        if given in before.reads
    )
