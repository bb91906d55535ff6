"""The body of a loop over small tensors, computed in registers: no loop, no buffer, no call.

Elements are pulled through the `lower` rules, as in kernels, for all lanes of a part at once
(`parts`). The index of each lane is a number that is known here. So where an operation asks whether
an index is inside, the answer is a constant; and what one kernel hands to the next, or a round to
the following one, never goes through memory.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.counters import NotVectorizable
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.loops import I64, combined, element_address, memory_type
from adjoint.backends.llvm.codegen.outlining import outlined_function
from adjoint.backends.llvm.codegen.parts import Part, Partition, lanes_of, picked, places_of
from adjoint.backends.llvm.codegen.registers import (
    Scalar,
    Vector,
    splat,
    splat_constant,
    vector_type,
)
from adjoint.graph.leaf import is_constant
from adjoint.graph.loop_form import (
    MAX_NESTED_READS,
    Affine,
    Index,
    broadcast_index,
    unread_elements,
)
from adjoint.graph.native_rule import is_elementary
from adjoint.graph.node import Node
from adjoint.graph.types import Shape
from adjoint.schedule.plan import Alias, Kernel, Schedule

BIT = ir.IntType(1)
Offsets: TypeAlias = tuple[int, ...]

COPIES_INLINED = 4
"""An elementary function of more parts than this is a function that they call, compiled once."""


class RegisterBody:
    """Writes one round of a loop.

    `registers` holds for each tensor that is complete the vectors of its parts, `memory` the
    addresses of those that are read where they lie. Of those that are `unchanging` the address is
    the same in each round: what is read there is read before the loop, in the `preheader`.
    """

    def __init__(self, builder: Any, partition: Partition, schedule: Schedule) -> None:
        self.builder = builder
        self.partition = partition
        self.schedule = schedule
        self.registers: dict[Node, list[Scalar]] = {}
        self.memory: dict[Node, Any] = {}
        self.unchanging: set[Node] = set()
        self.preheader: Any = None
        self.functions: dict[str, Any] = {}
        self.views = {
            step.root: (step.source, step.offset // step.root.dtype.itemsize)
            for step in schedule.steps
            if isinstance(step, Alias)
        }
        self.values: dict[tuple[Node, Offsets], Scalar] = {}
        self.written: dict[int, dict[Hashable, Any]] = {}
        self.nested_reads = 0

    def emitter(self, lanes: int) -> LLVMEmitter:
        """The emitter for so many lanes. Those for as many know what another has written."""
        return LLVMEmitter(self.builder, True, None, lanes, self.written.setdefault(lanes, {}))

    def write(self) -> None:
        """Compute all that the schedule does."""
        for step in self.schedule.steps:
            for kernel in step.kernels:
                self.run(kernel)

    def run(self, kernel: Kernel) -> None:
        """Compute the results of a kernel. One may be a step on the way to another."""
        for root in kernel.roots:
            self.registers[root] = [
                self.element(root, part) for part in self.partition.parts(root.shape)
            ]

    def element(self, root: Node, part: Part) -> Scalar:
        """A part of a result."""
        if root.op.combine is not None:
            return self.reduced(root, part)
        return Lanes(self, root.shape, part.offsets).all_of(root)

    def parts_of(self, x: Node) -> list[Scalar]:
        """The parts of what is there: in registers, in memory, or a constant."""
        return [self.part_of(x, part) for part in self.partition.parts(x.shape)]

    def part_of(self, x: Node, part: Part) -> Scalar:
        """One of them; computed, if it is none of these."""
        return Lanes(self, x.shape, part.offsets).all_of(x)

    def is_part(self, x: Node, offsets: Offsets) -> bool:
        """Whether the elements are a part of a tensor."""
        parts = self.partition.parts(x.shape)
        return any(offsets == part.offsets for part in parts)

    def picked(self, x: Node, offsets: Offsets) -> Scalar:
        """Elements of the parts in which they are, so that none is computed twice."""
        parts = self.partition.parts(x.shape)
        return picked(self.builder, lambda n: self.part_of(x, parts[n]), parts, offsets)

    # where elements come from

    def is_known(self, x: Node, offsets: Offsets) -> bool:
        """Whether the elements are there without being computed."""
        x, offsets = self.viewed(x, offsets)
        there = x in self.registers or x in self.memory or is_constant(x)
        return there or (x, offsets) in self.values

    def viewed(self, x: Node, offsets: Offsets) -> tuple[Node, Offsets]:
        """The tensor in whose memory `x` would lie, and the elements there."""
        while x in self.views and x not in self.registers:
            x, start = self.views[x]
            offsets = tuple([start + offset for offset in offsets])
        return x, offsets

    def found(self, x: Node, offsets: Offsets) -> Scalar | None:
        """The elements, if they need not be computed."""
        x, offsets = self.viewed(x, offsets)
        known = self.values.get((x, offsets))
        if known is None:
            if x in self.registers:
                parts = self.partition.parts(x.shape)
                known = picked(self.builder, self.registers[x].__getitem__, parts, offsets)
            elif x in self.memory:
                known = self.loaded(x, offsets)
            elif is_constant(x):
                value = np.asarray(x.value).item()
                known = self.emitter(lanes_of(len(offsets))).constant(value, x.dtype)
            else:
                return None
            self.values[x, offsets] = known
        return known

    def loaded(self, x: Node, offsets: Offsets) -> Scalar:
        """Elements from memory: one in all lanes, neighbours, or what is picked of all parts."""
        is_hoisted = x in self.unchanging
        with self.builder.goto_block(self.preheader) if is_hoisted else nullcontext():
            first, count = offsets[0], len(offsets)
            if len(set(offsets)) == 1:
                value = self.load(x, Part(first, 1))
                return Scalar(splat(self.builder, value.value, lanes_of(count)), x.dtype)
            if offsets == Part(first, count).offsets:
                return self.load(x, Part(first, count))
            parts = self.partition.parts(x.shape)
            return picked(self.builder, lambda n: self.load(x, parts[n]), parts, offsets)

    def load(self, x: Node, part: Part) -> Scalar:
        """A part from memory."""
        known = self.values.get((x, part.offsets))
        if known is not None:
            return known
        builder, kind = self.builder, memory_type(x.dtype)
        address = element_address(builder, self.memory[x], I64(part.start), kind)
        mask = None if part.count == part.lanes else first_of(part)
        value = vectors.load(builder, address, kind, part.lanes, mask)
        if x.dtype.kind == "b":
            value = builder.icmp_unsigned("!=", value, splat_constant(kind(0), part.lanes))
        known = self.values[x, part.offsets] = Scalar(value, x.dtype)
        return known

    def store(self, address: Any, node: Node, values: Sequence[Scalar]) -> None:
        """Write all parts of a tensor like `node`, which begins at `address`."""
        for part, value in zip(self.partition.parts(node.shape), values, strict=True):
            self.store_part(address, part, value)

    def store_part(self, address: Any, part: Part, x: Scalar) -> None:
        """Write a part to a tensor that begins at `address`."""
        builder, kind = self.builder, memory_type(x.dtype)
        value = x.value
        if x.dtype.kind == "b":
            value = builder.zext(value, vector_type(kind, part.lanes))
        place = element_address(builder, address, I64(part.start), kind)
        mask = None if part.count == part.lanes else first_of(part)
        vectors.store(builder, place, kind, value, mask)

    # reductions

    def reduced(self, root: Node, part: Part) -> Scalar:
        """A part of what a reduction makes: pairs are combined, then pairs of these."""
        x, axes = root.inputs[0], root.params[0]
        kept = [a for a in range(len(x.shape)) if a not in axes]
        if part.count == 1:
            return self.reduced_number(root, x, kept, part)
        places = places_of(root.shape, part.offsets)
        terms = []
        for at in product(*(range(x.shape[a]) for a in axes)):
            lanes = len(part.offsets)
            found = {a: [i] * lanes for a, i in zip(axes, at, strict=True)}
            found |= dict(zip(kept, places, strict=True))
            offsets = offsets_of(x.shape, [found[a] for a in range(len(x.shape))])
            terms.append(Lanes(self, x.shape, offsets).all_of(x))
        return in_pairs(self.emitter(part.lanes), str(root.op.combine), terms)

    def reduced_number(self, root: Node, x: Node, kept: Sequence[int], part: Part) -> Scalar:
        """One element of it: vectors are combined first, and their lanes at the end."""
        here = dict(zip(kept, (p[0] for p in places_of(root.shape, part.offsets)), strict=True))
        sizes = [range(here[a], here[a] + 1) if a in here else range(x.shape[a])
                 for a in range(len(x.shape))]  # fmt: skip
        every = [offsets_of(x.shape, [[i] for i in at])[0] for at in product(*sizes)]
        word = str(root.op.combine)
        terms: list[Scalar] = []
        lanes = self.partition.lanes
        while every:
            while lanes > len(every):
                lanes //= 2
            own = [Lanes(self, x.shape, tuple(every[n : n + lanes])).all_of(x)
                   for n in range(0, len(every) - lanes + 1, lanes)]  # fmt: skip
            del every[: lanes * len(own)]
            total = in_pairs(self.emitter(lanes), word, own)
            if lanes > 1:
                total = vectors.reduce_lanes(self.emitter(1), word, total, lanes)
            terms.append(total)
        return in_pairs(self.emitter(1), word, terms)


class Lanes:
    """Implements `adjoint.graph.loop_form.Loops` for elements of a shape, one in each lane."""

    def __init__(self, body: RegisterBody, shape: Shape, offsets: Offsets) -> None:
        self.body = body
        self.lanes = lanes_of(len(offsets))
        self.e = body.emitter(self.lanes)
        self.places = places_of(shape, offsets)
        self.count = len(offsets)

    def all_of(self, x: Node) -> Scalar:
        """The elements of a tensor of the shape itself."""
        return self.read(x, tuple(Affine(0, {a: 1}) for a in range(len(self.places))))

    def numbers(self, i: Affine) -> list[int]:
        """An index in each lane that is looked at."""
        if not i.terms:
            return [i.constant] * self.count
        if not i.constant and len(i.terms) == 1:
            ((name, factor),) = i.terms.items()
            if factor == 1 and isinstance(name, int):
                return self.places[name]
        total = [i.constant] * self.count
        for name, factor in i.terms.items():
            if isinstance(name, int):
                values = self.places[name]
            elif isinstance(name, LaneNumbers):
                values = list(name)
            else:
                raise NotVectorizable
            total = [t + factor * v for t, v in zip(total, values, strict=True)]
        return total

    def offsets(self, x: Node, index: Index) -> Offsets:
        """The elements of `x` at an index. One that is not inside is not looked at, but there."""
        if not index:
            return (0,) * self.count
        places = []
        for i, size in zip(index, x.shape, strict=True):
            numbers = self.numbers(i)
            if min(numbers) < 0 or max(numbers) >= size:
                numbers = [min(max(n, 0), size - 1) for n in numbers]
            places.append(numbers)
        return offsets_of(x.shape, places)

    def is_known(self, x: Node, index: Index) -> bool:
        return self.body.is_known(x, self.offsets(x, index))

    def read(self, x: Node, index: Index) -> Scalar:
        body, offsets = self.body, self.offsets(x, index)
        found = body.found(x, offsets)
        if found is not None:
            return found
        if body.nested_reads >= MAX_NESTED_READS:
            for node, at in unread_elements(x, index, self.is_known):
                self.read(node, at)
        body.nested_reads += 1
        try:
            if x.op.moves or x.op.keeps_order or body.is_part(x, offsets):
                found = body.values[x, offsets] = self.computed(x, index)
            else:
                found = body.values[x, offsets] = body.picked(x, offsets)
        finally:
            body.nested_reads -= 1
        return found

    def computed(self, x: Node, index: Index) -> Scalar:
        """The elements by the rule of the operation."""
        copies = len(self.body.partition.parts(x.shape))
        if x.op.pointwise and is_elementary(x) and copies > COPIES_INLINED:
            values = [self.read(c, broadcast_index(index, c.shape)) for c in x.inputs]
            function = outlined_function(self.e, x, values, self.body.functions)
            return Scalar(self.e.builder.call(function, [v.value for v in values]), x.dtype)
        result: Scalar = x.op.lower(x, index, self)
        return result

    def carried(self, scan: Node, index: Index) -> Any:
        return self.read(scan, index)

    def inside(self, i: Affine, low: int, high: int) -> Any:
        answers = [low <= n < high for n in self.numbers(i)]
        if len(set(answers)) == 1:
            return answers[0]
        answers += [answers[-1]] * (self.lanes - self.count)
        return Scalar(ir.Constant(Vector(BIT, self.lanes), list(map(int, answers))), np.dtype(bool))

    def edges(self, i: Affine, places: Sequence[int]) -> None:
        pass

    def counter(self, scalar: Any) -> Affine:
        raise NotVectorizable

    def named(self, x: Node, at: Index, size: int, rule: Callable[[Any], Any]) -> Affine:
        return self.counter(rule(self))

    def check(self, condition: Any) -> None:
        raise NotVectorizable

    def scalar(self, i: Affine) -> Scalar:
        numbers = self.numbers(i)
        if self.lanes == 1:
            return Scalar(I64(numbers[0]), np.dtype(np.int64))
        numbers += [numbers[-1]] * (self.lanes - self.count)
        return Scalar(ir.Constant(Vector(I64, self.lanes), numbers), np.dtype(np.int64))

    def clamped(self, i: Affine, size: int) -> Affine:
        numbers = self.numbers(i)
        if all(0 <= n < size for n in numbers):
            return i
        return Affine(0, {LaneNumbers(min(max(n, 0), size - 1) for n in numbers): 1})

    def wrapped(self, i: Affine, size: int) -> Affine:
        numbers = self.numbers(i)
        if len({n < 0 for n in numbers}) == 1:
            return i + size if numbers[0] < 0 else i
        return Affine(0, {LaneNumbers(n % size for n in numbers): 1})


class LaneNumbers(tuple[int, ...]):
    """The name of an index that is another number in each lane."""


def offsets_of(shape: Shape, places: Sequence[Sequence[int]]) -> Offsets:
    """The offsets in row-major order of the elements with these indices, axis by axis."""
    total = [0] * len(places[0]) if places else [0]
    for size, own in zip(shape, places, strict=True):
        total = [t * size + n for t, n in zip(total, own, strict=True)]
    return tuple(total)


def first_of(part: Part) -> Any:
    """The mask of the lanes that hold elements of the part."""
    bits = [int(lane < part.count) for lane in range(part.lanes)]
    return ir.Constant(Vector(BIT, part.lanes), bits)


def in_pairs(e: LLVMEmitter, word: str, terms: Sequence[Scalar]) -> Scalar:
    """All terms combined, pair by pair."""
    while len(terms) > 1:
        pairs = [combined(e, word, a, b) for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = [*pairs, *terms[len(pairs) * 2 :]]
    return terms[0]
