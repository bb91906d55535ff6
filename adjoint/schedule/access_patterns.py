"""Where a kernel reads what it reads: found by running the `lower` rules without an emitter."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any

from adjoint.errors import GraphError
from adjoint.graph.loop_form import Affine, Index, broadcast_index
from adjoint.graph.node import Node
from adjoint.ops import records
from adjoint.schedule.carried_scans import carried_by
from adjoint.schedule.plan import Kernel

FEWEST_ROWS, FEWEST_COLUMNS = 16, 128
"""The smallest matrix whose columns are read in blocks. Of a smaller one all that a column touches
stays in the cache until the next column is read."""

FAR = 256
"""Bytes from one element of a column to the next that are more than a few cache lines."""


class _Nothing:
    """Stands for any scalar: every word of an emitter makes another one of it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self


NOTHING: Any = _Nothing()


class Recorder:
    """Implements `adjoint.graph.loop_form.Loops` by writing down what is read."""

    e = NOTHING

    def __init__(self) -> None:
        self.todo: list[tuple[Node, Index]] = []
        self.in_loop: Container[Node] = ()
        """The scans that the loop carries."""
        self.unknown = 0

    def read(self, x: Node, index: Index) -> Any:
        self.todo.append((x, index))
        return NOTHING

    def carried(self, scan: Node, index: Index) -> Any:
        return NOTHING if scan in self.in_loop else self.read(scan, index)

    def inside(self, i: Affine, low: int, high: int) -> Any:
        return NOTHING

    def edges(self, i: Affine, places: Sequence[int]) -> None:
        pass

    def named(self, x: Node, at: Index, size: int, rule: Callable[[Any], Any]) -> Affine:
        return self.counter(rule(self))

    def check(self, condition: Any) -> None:
        pass

    def scalar(self, i: Affine) -> Any:
        return NOTHING

    def clamped(self, i: Affine, size: int) -> Affine:
        return self.counter(NOTHING)

    def wrapped(self, i: Affine, size: int) -> Affine:
        return self.counter(NOTHING)

    def counter(self, scalar: Any) -> Affine:
        self.unknown += 1
        return Affine(0, {("unknown", self.unknown): 1})


def reads_of(kernel: Kernel) -> dict[Node, list[Index]]:
    """For each stored node that the kernel reads, the indices at which it does.

    The loop counter of axis a is the term a of an index. What is written by the kernel itself at
    the very index at which it is read does not count.
    """
    if kernel.found is None:
        kernel.found = _reads_of(kernel)
    return kernel.found


def _reads_of(kernel: Kernel) -> dict[Node, list[Index]]:
    recorder = Recorder()
    here: Index = tuple(Affine(0, {a: 1}) for a in range(len(kernel.domain)))
    inlined = {*kernel.inlined, *kernel.roots}
    recorder.in_loop = carried_by(kernel)
    roots = set(kernel.roots)
    found: dict[Node, list[Index]] = {}
    for root in kernel.roots:
        if root.op.combine is not None or root.op.scatters:
            recorder.read(root.inputs[0], here)
            if root.op.scatters:
                root.op.target(root, here, recorder)
        else:
            _inputs(recorder, root, reversed_along(root, here))
    seen: set[tuple[Node, Hashable]] = set()
    while recorder.todo:
        node, index = recorder.todo.pop()
        key = (node, tuple([i.key for i in index]))
        if key in seen:
            continue
        seen.add(key)
        if node not in inlined or (node in roots and index != reversed_along(node, here)):
            found.setdefault(node, []).append(index)
        elif node not in roots:
            _inputs(recorder, node, index)
    return found


def reversed_along(root: Node, here: Index) -> Index:
    """The index of the element of `root` that is computed when the counters are at `here`.

    A scan from the end goes along its axis the other way.
    """
    if not root.op.scans or not root.params[1]:
        return here
    axis = root.params[0]
    return (*here[:axis], here[axis] * -1 + (root.shape[axis] - 1), *here[axis + 1 :])


def reads_columns(kernel: Kernel) -> bool:
    """Whether neighbours along a row of the domain lie far apart in something that is read, while
    those in the next row lie beside them: a matrix is read that is transposed, and is not small."""
    *_, rows, columns = (0, 0, *kernel.domain)
    if rows < FEWEST_ROWS or columns < FEWEST_COLUMNS:
        return False
    last = len(kernel.domain) - 1
    found = reads_of(kernel).items()
    return any(is_column(node, index, last) for node, places in found for index in places)


def is_column(node: Node, index: Index, last: int) -> bool:
    """Whether an index goes down a column of `node` as the counter of the last axis goes on."""
    down = across = 0
    stride = node.dtype.itemsize
    for size, i in zip(reversed(node.shape), reversed(index), strict=True):
        down += i.terms.get(last, 0) * stride
        across += i.terms.get(last - 1, 0) * stride
        stride *= size
    return across in (node.dtype.itemsize, -node.dtype.itemsize) and not -FAR < down < FAR


def is_serial(kernel: Kernel) -> bool:
    """Whether a row of the kernel's domain depends on another row of it."""
    own = set(kernel.roots)
    found = reads_of(kernel)
    extent = kernel.domain[0] if kernel.domain else 1
    return any(
        node in own and not is_row_local(node, where, extent) for node, where in found.items()
    )


def check_complete(kernel: Kernel) -> None:
    """Raise `GraphError` if the kernel reads at another index what it is still writing.

    No schedule has such a kernel; if one had, its results would be wrong without a word.
    """
    found = reads_of(kernel)
    for root in kernel.roots:
        for index in () if root.op.scans else found.get(root, ()):
            long = [(a, i) for a, i in enumerate(index) if root.shape[a] != 1]
            if any(i.key != Affine(0, {a: 1}).key for a, i in long):
                raise GraphError(
                    f"a kernel would read {root.op.name} before it is complete; please report "
                    f"this graph"
                )


def _inputs(recorder: Recorder, node: Node, index: Index) -> None:
    if node.op.pointwise:
        for child in node.inputs:
            recorder.read(child, broadcast_index(index, child.shape))
    else:
        node.op.lower(node, index, recorder)


def is_row_local(node: Node, indices: list[Index], extent: int) -> bool:
    """Whether each row of the kernel's domain reads its own row of `node` only."""
    first = Affine(0, {0: 1})
    return bool(node.shape) and node.shape[0] == extent and all(i[0] == first for i in indices)


def is_unit_reshape(node: Node) -> bool:
    """Whether a reshape only adds or removes axes of size one."""
    return [s for s in node.shape if s != 1] == [s for s in node.inputs[0].shape if s != 1]


def turns_rows(node: Node) -> bool:
    """Whether neighbours in a row of the node are no neighbours where they come from."""
    if node.op is not records.permute_dims or not node.inputs:
        return False
    last = len(node.shape) - 1
    return node.shape[last] > 1 and node.params[0][last] != last
