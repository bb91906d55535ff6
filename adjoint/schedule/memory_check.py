"""A memory plan checked: the steps are gone through, and memory remembers what lies where.

Not how plans are made, on purpose. Each unit of memory has a label, the element that was written
there last. A step must find under each index the element that it means to read, and no other place
that may run before, beside or again may write there. Design note 7 lists what that covers.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from itertools import product
from typing import Any

import numpy as np

from adjoint.errors import GraphError
from adjoint.graph.loop_form import Affine
from adjoint.graph.native_rule import has_slow_path
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.schedule.elements import Array, Box, Value, Walk, own_place, widened
from adjoint.schedule.memory import MemoryPlan
from adjoint.schedule.plan import Alias, Gemm, Kernel, Nest, Schedule, Step, nbytes

NOBODY, MANY = -1, -2
"""Who has written a unit of memory, where that is not the number of one place of the domain."""

BOXES = 3
"""Into how many blocks of rows a chunk is cut at most: the first, the last, and one between, like
which all others are."""

CHECKED_BYTES = 1 << 26
"""Bytes of all tensors of a program up to which its plan is checked: labels take up to eight times
that, half a gigabyte."""

CHECKED_PLACES = 1 << 16
"""Of so many places of a block of rows what they read is checked, at its beginning and end: what
goes wrong goes wrong at an edge, and arrays of these fit into a cache."""


class PlanError(GraphError):
    """A step would read something else than it means to."""


def check_plan(
    schedule: Schedule, memory: MemoryPlan, taken: Mapping[int, int] | None = None
) -> bool:
    """Raise `PlanError` unless each step reads what it means to.

    taken: for outputs, by number, the input in whose memory they are written. Returns whether it
    was checked: a program with too much memory is not.
    """
    nodes = {n for step in schedule.steps for n in (*step.reads, *step.roots)}
    if sum(map(nbytes, nodes)) > CHECKED_BYTES:
        return False
    MemorySimulation(schedule, memory, taken or {}).run()
    return True


class MemorySimulation:
    """The memory of a program while it runs."""

    def __init__(self, schedule: Schedule, memory: MemoryPlan, taken: Mapping[int, int]) -> None:
        self.schedule = schedule
        self.memory = memory
        self.places: dict[Node, tuple[Hashable, int]] = {}
        self.outputs: list[tuple[Hashable, int]] = []
        self.find_places(taken)
        self.canon: dict[Node, tuple[Node, int]] = {}
        for step in schedule.steps:
            if isinstance(step, Alias):
                source = step.source
                first, shift = self.canon.get(source, (source, 0))
                self.canon[step.root] = first, shift + step.offset
        self.unit: dict[Hashable, int] = {}
        self.bases: dict[Node, int] = {}
        self.labels: dict[Hashable, Array] = {}
        self.make_spaces()

    def find_places(self, taken: Mapping[int, int]) -> None:
        """Where each stored node lies: a space, and how many bytes behind its beginning."""
        schedule, memory = self.schedule, self.memory
        for number, node in enumerate((*schedule.inputs, *schedule.constants)):
            self.places.setdefault(node, (("given", number), 0))
        written = {root for step in schedule.steps for root in step.roots}
        for number, node in enumerate(schedule.outputs):
            space: Hashable = ("given", taken[number]) if number in taken else ("output", number)
            self.outputs.append((space, 0))
            if node in written:
                self.places.setdefault(node, (space, 0))
        for node, offset in memory.offsets.items():
            self.places[node] = "block", offset
        for node, (source, behind) in memory.storage.items():
            if source in self.places and source is not node:
                space, place = self.places[source]
                self.places[node] = space, place + behind
        for step in schedule.steps:
            for node in step.local:
                self.places[node] = node, 0

    def make_spaces(self) -> None:
        """Memory in which nothing lies but inputs and constants."""
        sizes: dict[Hashable, int] = {"block": self.memory.size}
        for node, space, place in self.ends():
            end = place + nbytes(node)
            if space == "block" and end > self.memory.size:
                raise PlanError(f"{node} ends {end - self.memory.size} bytes behind the block")
            sizes[space] = max(sizes.get(space, 0), end)
            self.unit[space] = math.gcd(self.unit.get(space, 8), place, node.dtype.itemsize)
        for space, size in sizes.items():
            unit = self.unit.setdefault(space, 8)
            self.labels[space] = np.full(-(-size // unit), NOBODY, np.int64)
        for node in (*self.schedule.inputs, *self.schedule.constants):
            self.write(node, np.arange(size_of(node.shape)))

    def ends(self) -> list[tuple[Node, Hashable, int]]:
        """All nodes with the space and the place at which they lie."""
        outputs = zip(self.schedule.outputs, self.outputs, strict=True)
        return [(node, *place) for node, place in (*self.places.items(), *outputs)]

    # labels

    def label(self, node: Node, flat: Any, units: Any) -> Any:
        """The labels of the units of elements: each byte of a tensor has one, that of its part, of
        whatever dtype, is the same."""
        first, shift = self.canon.get(node, (node, 0))
        base = self.bases.setdefault(first, len(self.bases) << 40) + shift
        label = base + np.asarray(flat) * node.dtype.itemsize
        if units.ndim == label.ndim:
            return label
        per = units.shape[-1]
        return label[..., None] + np.arange(per) * (node.dtype.itemsize // per)

    def units(self, node: Node, flat: Any, place: Any = None) -> tuple[Array, Any]:
        """The space in which a node lies, and the units there that its elements take."""
        space, start = place or self.places[node]
        unit = self.unit[space]
        per = node.dtype.itemsize // unit
        first = start // unit + np.asarray(flat) * per
        found = first if per == 1 else first[..., None] + np.arange(per)
        return self.labels[space], found

    def write(self, node: Node, flat: Any, place: Any = None) -> None:
        """Elements are written."""
        labels, units = self.units(node, flat, place)
        labels[units] = self.label(node, flat, units)

    def holds(self, node: Node, flat: Any) -> Any:
        """Whether each of some elements lies where the node does."""
        labels, units = self.units(node, flat)
        same = labels[units] == self.label(node, flat, units)
        return same if units.ndim == np.ndim(flat) else same.all(-1)

    def need(self, node: Node, by: Step) -> None:
        """All of a node must lie where it does."""
        if node in self.places and not np.all(self.holds(node, np.arange(size_of(node.shape)))):
            raise PlanError(f"{by.name} {by.roots} reads {node}, of which a part is not there")

    # steps

    def run(self) -> None:
        """Take all steps."""
        for step in self.schedule.steps:
            match step:
                case Kernel():
                    self.begin([step])
                    Rows(self, step, [step], {}).run(0, step.domain[0] if step.domain else 1)
                case Nest():
                    self.nest(step)
                case _:
                    self.call(step)
        for node, place in zip(self.schedule.outputs, self.outputs, strict=True):
            if self.places.get(node) != place:
                self.need(node, self.schedule.steps[-1]) if self.schedule.steps else None
                self.write(node, np.arange(size_of(node.shape)), place)
        for number, node in enumerate(self.schedule.outputs):
            whole = np.arange(size_of(node.shape))
            labels, units = self.units(node, whole, self.outputs[number])
            if not np.all(labels[units] == self.label(node, whole, units)):
                raise PlanError(f"output {number}, {node}, is not there when the program ends")

    def begin(self, kernels: list[Kernel]) -> None:
        """What is added to is set to where that starts."""
        for root in (root for kernel in kernels for root in kernel.roots if folds(root)):
            labels, units = self.units(root, np.arange(size_of(root.shape)))
            labels[units] = NOBODY

    def call(self, step: Any) -> None:
        """A library or NumPy call, an alias: all is read before anything is written, or apart."""
        for node in step.reads:
            self.need(node, step)
        root = step.root
        whole = np.arange(size_of(root.shape))
        if isinstance(step, Alias):
            is_placed = root in self.memory.pieces.values()
            if not is_placed and self.places[root] != self.place_of_part(step):
                self.write(root, whole)
            return
        placed = [x for (packed, _), x in self.memory.pieces.items() if packed is root]
        if step.name != "numpy":
            apart = [n for n in step.reads if n in self.places]
            if isinstance(step, Gemm) and step.addend is not None:
                addend = [n for n in (step.a, step.b, step.scale) if n is step.addend]
                apart = [n for n in apart if n is not step.addend] + addend
                same = self.places[step.addend] == self.places[root]
                if not same:
                    apart.append(step.addend)
            for node, made in product(apart, (root, *placed)):
                if self.meet(node, made):
                    raise PlanError(f"{step.name} writes {made} over {node}, which it reads")
        for made in (root, *placed):
            self.write(made, np.arange(size_of(made.shape)))

    def place_of_part(self, step: Alias) -> tuple[Hashable, int] | None:
        source = step.source
        if source not in self.places:
            return None
        space, place = self.places[source]
        return space, place + step.offset

    def meet(self, a: Node, b: Node) -> bool:
        """Whether two nodes take the same memory, in part."""
        (first, start), (second, place) = self.places[a], self.places[b]
        return first == second and start < place + nbytes(b) and place < start + nbytes(a)

    def nest(self, nest: Nest) -> None:
        """All chunks, of which any may run first, and several at a time."""
        self.begin(nest.kernels)
        walks: dict[Kernel, Walk] = {}
        readers: dict[int, Array] = {}
        writers: dict[int, Array] = {}
        for chunk, low in enumerate(range(0, nest.extent, nest.grain)):
            high = min(low + nest.grain, nest.extent)
            block = max(nest.block, -(-(high - low) // BOXES))
            for start in range(low, high, block):
                for node in nest.local:
                    self.labels[node][...] = NOBODY
                for kernel in nest.kernels:
                    rows = Rows(self, nest, [kernel], walks)
                    rows.run(start, min(start + block, high), last=False)
                    if nest.in_chunks:
                        rows.compare(chunk, readers, writers)
        for kernel in nest.kernels:
            Rows(self, nest, [kernel], walks).finish()


class Rows:
    """A kernel on some rows of its domain: its places are taken in any order."""

    def __init__(
        self, memory: MemorySimulation, step: Step, kernels: list[Kernel], walks: dict[Kernel, Walk]
    ) -> None:
        self.memory = memory
        self.step = step
        (self.kernel,) = kernels
        if self.kernel not in walks:
            walks[self.kernel] = Walk(self.kernel)
        self.walk = walks[self.kernel]
        self.again = any(map(has_slow_path, (*self.kernel.inlined, *self.kernel.roots)))
        self.owners: list[tuple[Array, int, Array, int]] = []
        self.touched: list[tuple[Array, Any]] = []
        self.wrote: list[tuple[Array, Any]] = []

    def run(self, low: int, high: int, last: bool = True) -> None:
        """Check what is read for each root; then all is written."""
        self.box = Box(self.walk, low, high)
        parts = [Box(self.walk, *ends) for ends in looked_at(self.box, low, high)]
        if not self.box.places.size:
            self.finish()
            return
        for number, root in enumerate(self.kernel.roots):
            self.own(number, root)
        loaded: dict[Value, int] = {}
        """For which root something is read first: those that follow find it in a register."""
        for part, (number, made) in product(parts, enumerate(self.walk.roots)):
            for value, where in part.reads(made):
                if value.read is not None and value.read[0] in self.memory.places:
                    self.look(part, loaded.setdefault(value, number), *value.read, where)
        for root in self.kernel.roots:
            if not folds(root):
                self.memory.write(root, written(self.box, root))
            elif self.is_in_rows(root):
                self.memory.write(root, np.unique(self.folded(root)))
        if last:
            self.finish()

    def finish(self) -> None:
        """What is added to over all rows is complete."""
        for root in self.kernel.roots:
            if (folds(root) and not self.is_in_rows(root)) or (
                folds(root) and not size_of(self.kernel.domain)
            ):
                self.memory.write(root, np.arange(size_of(root.shape)))

    def is_in_rows(self, root: Node) -> bool:
        """Whether a fold is complete when the rows are done."""
        return bool(self.kernel.domain) and not root.op.scatters and 0 not in root.params[0]

    def folded(self, root: Node) -> Any:
        """The element of a root to which each place adds."""
        flat: Any = np.asarray(0)
        for axis, counter in enumerate(self.box.counters):
            if axis not in root.params[0]:
                flat = flat * self.kernel.domain[axis] + counter
        return flat

    def own(self, number: int, root: Node) -> None:
        """Write down who writes where: one place for root `number`, or many."""
        if folds(root):
            in_rows = self.is_in_rows(root)
            flat: Any = np.unique(self.folded(root)) if in_rows else np.arange(size_of(root.shape))
            places: Any = np.full(flat.shape, MANY)
        else:
            flat, places = written(self.box, root), self.box.places
        labels, units = self.memory.units(root, flat)
        low, high = (int(units.min()), int(units.max()) + 1) if units.size else (0, 0)
        for other, start, by, _ in self.owners:
            if other is labels and low < start + len(by) and start < high:
                taken = np.zeros(high - low, bool)
                taken[units - low] = True
                ends = max(low, start), min(high, start + len(by))
                both = taken[ends[0] - low : ends[1] - low]
                if (both & (by[ends[0] - start : ends[1] - start] != NOBODY)).any():
                    raise PlanError(f"two results of {self.kernel.roots} lie in the same memory")
        owner = np.full(high - low, NOBODY, np.int64)
        owner[units - low] = places if units.ndim == places.ndim else places[..., None]
        self.owners.append((labels, low, owner, number))
        self.wrote.append((labels, units))

    def look(self, box: Box, number: int, node: Node, index: Any, where: Any) -> None:
        """Check what is read for root `number` at an index of a node, and whether it stays there
        until all places that read it have done so."""
        if box.places.size * box.along(node, index) > 16 * CHECKED_PLACES:
            return None  # it hangs on values where each of these is
        flat, inside, extra = box.elements(node, index)
        where, place = widened(where, extra), widened(box.places, extra)
        counts = np.broadcast_to(where, np.broadcast_shapes(np.shape(where), flat.shape))
        if not counts.any():
            return None
        flat = np.broadcast_to(flat, counts.shape)
        if not np.all(inside | ~counts):
            self.fail(node, "outside of it")
        if node in self.walk.own:
            return self.own_read(box, number, node, flat, counts)
        if not counts.all():
            counts, flat, place = np.broadcast_arrays(counts, flat, place)
            flat, place = flat[counts], place[counts]
        if not np.all(self.memory.holds(node, flat)):
            self.fail(node, "which is not there, or not yet")
        labels, units = self.memory.units(node, flat)
        self.touched.append((labels, units))
        # Which place writes each of these units? None, or the very place that reads it, and that
        # for a root which is computed later: otherwise another place, in any order a loop with
        # vectors or threads may take, could have written there first. A loop that takes a stretch
        # of places again, for a slow path, must not write what it reads at all.
        for other, start, owner, writer in self.owners:
            if other is not labels or not units.size:
                continue
            if int(units.max()) < start or int(units.min()) >= start + len(owner):
                continue
            near = (units >= start) & (units < start + len(owner))
            by = np.where(near, owner[np.where(near, units - start, 0)], NOBODY)
            if (by == NOBODY).all():
                continue
            mine = by == (place[..., None] if units.ndim > flat.ndim else place)
            fine = mine if writer >= number and not self.again else np.asarray(False)
            if not np.all((by == NOBODY) | fine):
                self.fail(node, "where another place may have written before")
        return None

    def own_read(self, box: Box, number: int, node: Node, flat: Any, counts: Any) -> None:
        """A result that the kernel itself writes may be read only where it was just before, or at
        this place by a root that follows."""
        if not folds(node) and np.all((flat == written(box, node)) | ~counts):
            if self.kernel.roots.index(node) >= number:
                self.fail(node, "before it is written")
            return
        if not node.op.scans:
            self.fail(node, "which it writes itself")
        axis, reverse = node.params[:2]
        stride = size_of(node.shape[axis + 1 :])
        before = written(box, node) + (stride if reverse else -stride)
        if not np.all((flat == before) | ~counts):
            self.fail(node, "ahead of the scan")

    def fail(self, node: Node, what: str) -> None:
        raise PlanError(f"{self.step.name} {self.kernel.roots} reads {node} {what}")

    def compare(self, chunk: int, readers: dict[int, Array], writers: dict[int, Array]) -> None:
        """No chunk writes where another one reads or writes, unless they add."""
        fixed = {id(self.memory.labels[self.memory.places[r][0]]) for r in self.kernel.roots
                 if folds(r) and not self.is_in_rows(r)}  # fmt: skip
        for (labels, units), is_write in [
            *((x, False) for x in self.touched),
            *((x, True) for x in self.wrote),
        ]:
            if any(labels is self.memory.labels.get(n) for n in self.step.local):
                continue
            marks = [m.setdefault(id(labels), np.full(labels.shape, NOBODY)) for m in
                     (readers, writers)]  # fmt: skip
            reader, writer = marks
            if not (is_write and id(labels) in fixed):
                for mark in (reader, writer) if is_write else (writer,):
                    if ((mark[units] != NOBODY) & (mark[units] != chunk)).any():
                        raise PlanError(f"chunks of {self.step.name} {self.kernel.roots} meet")
                mine = writer if is_write else reader
                mixed = (mine[units] != NOBODY) & (mine[units] != chunk)
                mine[units] = np.where(mixed, MANY, chunk)


def written(box: Box, root: Node) -> Any:
    """The element of a root that is written at each place."""
    index = own_place(root, tuple(Affine(0, {a: 1}) for a in range(len(box.sides))))
    return np.broadcast_to(box.elements(root, index)[0], box.sides)


def looked_at(box: Box, low: int, high: int) -> list[tuple[int, int]]:
    """The rows of which the reads are checked: all, or of many the first and the last."""
    row = max(1, math.prod(box.sides[1:]))
    count = max(1, CHECKED_PLACES // row)
    if high - low <= 2 * count:
        return [(low, high)]
    return [(low, low + count), (high - count, high)]


def folds(root: Node) -> bool:
    """Whether many places add to an element of a root."""
    return root.op.combine is not None or root.op.scatters
