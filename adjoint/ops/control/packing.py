"""Several results of one operation, packed one after the other into one array.

A node has one value, a loop has many results. They lie in one array of one axis, out of which
`unpack` takes one; in native code that is an address. What goes back through `unpack` is a `pack`
that lacks the other pieces, and whoever wants the pieces of an adjoint finds them in the graph: a
packed adjoint need never be computed. Pieces of another dtype lie in it as they are, bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import Op, Result, find, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, is_inexact, size_of
from adjoint.ops.control import origins
from adjoint.ops.elementwise.arithmetic import add
from adjoint.ops.family.structural_zeros import applied, known_mask, reshaped, whole
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.shape.movement import broadcast_to
from adjoint.transforms.sparsity import FLAT, Pattern, is_moving, stacked
from adjoint.transforms.sparsity import empty as empty_pattern

_SMALL = 16
"""Pieces up to this size are copied, so that they do not keep a large array alive."""


@dataclass(frozen=True)
class Layout:
    """Where pieces of such shapes and dtypes lie in an array of one axis and of `dtype`."""

    pieces: tuple[tuple[Shape, DType], ...]
    dtype: DType

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each piece begins, and where the last one ends, in elements of the array."""
        found = [0]
        for shape, dtype in self.pieces:
            bytes_of_piece = size_of(shape) * dtype.itemsize
            found.append(found[-1] + -(-bytes_of_piece // self.dtype.itemsize))
        return tuple(found)

    def read(self, packed: Any, number: int) -> Any:
        """The piece with a number; a view where that is possible. Leading axes stay."""
        shape, dtype = self.pieces[number]
        part = packed[..., self.starts[number] : self.starts[number + 1]]
        if dtype != self.dtype:
            raw = np.ascontiguousarray(part).view(np.uint8)
            raw = raw[..., : size_of(shape) * dtype.itemsize]
            part = np.ascontiguousarray(raw).view(dtype)
        return part.reshape((*packed.shape[:-1], *shape))

    def write(self, packed: Any, number: int, value: Any) -> None:
        """Put a piece into its place."""
        shape, dtype = self.pieces[number]
        part = packed[..., self.starts[number] : self.starts[number + 1]]
        lead = packed.shape[:-1]
        value = np.ascontiguousarray(value, dtype).reshape((*lead, size_of(shape)))
        if dtype == self.dtype:
            part[...] = value
            return
        raw = np.zeros((*lead, part.shape[-1] * self.dtype.itemsize), np.uint8)
        raw[..., : size_of(shape) * dtype.itemsize] = value.view(np.uint8)
        part[...] = raw.view(self.dtype)

    def empty(self) -> Any:
        """An array for all pieces."""
        return np.zeros(self.starts[-1], self.dtype)


def layout_of(pieces: Sequence[tuple[Shape, DType]]) -> Layout:
    """The layout of pieces whose floating ones are of one dtype."""
    dtypes = [dtype for _, dtype in pieces]
    chosen = next(filter(is_inexact, dtypes), dtypes[0] if dtypes else np.dtype(np.float64))
    return Layout(tuple(pieces), chosen)


class Pack(Op):
    """Its inputs as the pieces of a layout that are `present`, in order; zeros for the others."""

    name = "pack"
    family = "control"
    keeps_finite = makes_zeros = True
    param_names = ("layout", "present")

    def params_text(self, node: Node) -> str:
        return "results " + ", ".join(map(str, node.params[1]))

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *nodes, layout, present = args
        lead = nodes[0].shape[: len(nodes[0].shape) - len(layout.pieces[present[0]][0])]
        return (*lead, layout.starts[-1]), layout.dtype

    def evaluate(self, *args: Any) -> Any:
        *values, layout, present = args
        first = np.shape(values[0])
        lead = first[: len(first) - len(layout.pieces[present[0]][0])]
        packed = np.zeros((*lead, layout.starts[-1]), layout.dtype)
        for number, value in zip(present, values, strict=True):
            layout.write(packed, number, value)
        return packed

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        layout, present = node.params
        return pack(layout, dict(zip(present, tangents, strict=True)))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        layout, present = node.params
        found = pieces_of(adjoint, layout)
        return [found[number] if w else None for number, w in zip(present, wanted, strict=True)]

    push, pull = jvp, vjp

    def linear_inputs(self, node: Node) -> Sequence[int]:
        return range(len(node.inputs))

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        """The masks of the pieces, packed like them; pieces that are not there are zero."""
        layout, present = node.params
        if len(present) == len(layout.pieces) and all(mask is None for mask in masks):
            return None
        lead = node.shape[:-1]
        found = dict(zip(present, zip(masks, node.inputs, strict=True), strict=True))
        parts = []
        for number, (start, stop) in enumerate(pairwise(layout.starts)):
            shape = (*lead, stop - start)
            if number not in found:
                parts.append(whole(known_mask(False), shape))
                continue
            mask, x = found[number]
            if layout.pieces[number][1] != layout.dtype:
                parts.append(whole(None, shape))
            else:
                parts.append(reshaped(whole(mask, x.shape), shape))
        return applied(find("concat"), parts, (len(lead),))

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        layout, present = node.params
        if len(node.shape) != 1:
            return NotImplemented
        pieces = {n: p for n, p in zip(present, given, strict=True) if is_moving(p)}
        return packed_pattern(layout, pieces, columns)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        whole = [
            x if b else broadcast_to(x, (size, *x.node.shape))
            for x, b in zip(inputs, batched, strict=True)
        ]
        return make(self, whole, node.params)


class Unpack(Op):
    """One piece of a packed array."""

    name = "unpack"
    family = "control"
    keeps_finite = keeps_zeros = True
    param_names = ("layout", "number")

    def params_text(self, node: Node) -> str:
        return f"result {node.params[1]}"

    def infer(self, x: Node, layout: Layout, number: int) -> tuple[Shape, DType]:
        shape, dtype = layout.pieces[number]
        return (*x.shape[:-1], *shape), dtype

    def evaluate(self, x: Any, layout: Layout, number: int) -> Any:
        part = layout.read(np.asarray(x), number)
        return part.copy() if part.size <= _SMALL else part

    def result_taken(self, node: Node) -> int | None:
        return int(node.params[1])

    def part_offset(self, node: Node) -> int | None:
        layout, number = node.params
        alone = len(node.inputs[0].shape) == 1
        return int(layout.starts[number]) if alone else None

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        (tangent,) = tangents
        return None if tangent is None else unpack(tangent, *node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        layout, number = node.params
        return (pack(layout, {number: adjoint}),)

    push, pull = jvp, vjp

    def linear_inputs(self, node: Node) -> Sequence[int]:
        return (0,)

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        layout, number = node.params
        (mask,) = masks
        if mask is None or layout.pieces[number][1] != layout.dtype:
            return None
        shape = node.inputs[0].shape
        start, stop = layout.starts[number : number + 2]
        sizes = (*shape[:-1], stop - start)
        first, steps = (*[0] * len(shape[:-1]), start), (1,) * len(shape)
        return applied(find("slice"), (whole(mask, shape),), (first, steps, sizes, node.shape))

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        layout, number = node.params
        if len(node.inputs[0].shape) != 1 or layout.pieces[number][1] != layout.dtype:
            return NotImplemented
        (pattern,) = given
        start = layout.starts[number]
        part = pattern[start : start + size_of(node.shape)] if is_moving(pattern) else pattern
        return part

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        return unpack(inputs[0], *node.params)


_pack, _unpack = register(Pack()), register(Unpack())


def pack(layout: Layout, pieces: dict[int, Tensor | None]) -> Tensor | None:
    """The packed array of the pieces that are there; None if there is none."""
    present = {number: x for number, x in pieces.items() if x is not None}
    if not present:
        return None
    numbers = tuple(sorted(present))
    return make(_pack, [present[number] for number in numbers], (layout, numbers))


def unpack(x: Tensor, layout: Layout, number: int) -> Tensor:
    """The piece of `x` with a number: the very tensor that was packed, if the graph shows it."""
    node = x.node
    if node.op is _pack and node.inputs:
        present = node.params[1]
        if number in present:
            return Tensor(node.inputs[present.index(number)])
        if len(node.shape) == 1:
            return Tensor(zeros_of(_model(layout, number)).node)
    return make(_unpack, (x,), (layout, number))


def _model(layout: Layout, number: int) -> Node:
    """A node of the shape and dtype of a piece."""
    shape, dtype = layout.pieces[number]
    return Node(_unpack, (), (layout, number), shape, dtype)


def pieces_of(x: Tensor, layout: Layout) -> list[Tensor | None]:
    """The pieces of a packed adjoint or tangent; None for those that are zero by construction."""
    found: list[Tensor | None] = [None] * len(layout.pieces)
    stack = [x.node]
    while stack:
        node = stack.pop()
        if node.op is _pack and node.inputs:
            terms = dict(zip(node.params[1], map(Tensor, node.inputs), strict=True))
        elif (
            node.op.name == "add"
            and node.inputs
            and all(a.shape == node.shape for a in node.inputs)
        ):
            stack += reversed(node.inputs)
            continue
        else:
            terms = {
                number: make(_unpack, (Tensor(node),), (layout, number))
                for number, (_, dtype) in enumerate(layout.pieces)
                if is_inexact(dtype)
            }
        for number, term in terms.items():
            known = found[number]
            found[number] = term if known is None else add(known, term)
    return found


def packed_pattern(layout: Layout, pieces: dict[int, Pattern], columns: int) -> Pattern:
    """The sparsity pattern of a packed array of these pieces, of one axis."""
    parts = []
    for number, (start, stop) in enumerate(pairwise(layout.starts)):
        same = number in pieces and layout.pieces[number][1] == layout.dtype
        parts.append(pieces[number] if same else empty_pattern(stop - start, columns))
    found = stacked(parts)
    return found if found.nnz else FLAT


Groups: TypeAlias = tuple[tuple[tuple[int, ...], Layout], ...]
"""For each group of results of an operation their numbers, and how they are packed."""


def groups_of(pieces: Sequence[tuple[Shape, DType]]) -> Groups:
    """Results packed together if their floating dtype is one; the others are with the first."""
    return _groups_of(tuple(pieces))


@lru_cache(maxsize=1024)
def _groups_of(pieces: tuple[tuple[Shape, DType], ...]) -> Groups:
    dtypes = [dtype for _, dtype in pieces]
    floating: list[DType | None] = [*dict.fromkeys(d for d in dtypes if is_inexact(d))] or [None]
    found = []
    for chosen in floating:
        numbers = tuple(
            number
            for number, dtype in enumerate(dtypes)
            if dtype == chosen or (not is_inexact(dtype) and chosen is floating[0])
        )
        found.append((numbers, layout_of([pieces[number] for number in numbers])))
    return tuple(found)


class Held(Protocol):
    """What an operation of several results repeats, chooses from or calls."""

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""


def layouts(held: Held) -> Groups:
    """For each group of results their numbers, and how they are packed."""
    return groups_of(held.pieces())


class PackedOp(Op):
    """An operation of several results, of which a node has those of one group, packed.

    The last parameters of the node are what it holds and the number of the group.
    """

    family = "control"

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *_, held, group = args
        layout = layouts(held)[group][1]
        return (layout.starts[-1],), layout.dtype

    def evaluate(self, *args: Any) -> Any:
        *values, held, group = args
        return self.run(held, group, list(map(np.asarray, values)))

    def run(self, held: Any, group: int, values: list[Any]) -> Any:
        """The packed results of a group, for values of the inputs."""
        raise NotImplementedError(self.name)

    def nan_origins(self, node: Node) -> dict[int, str]:
        held, group = node.params
        values = [from_array(np.asarray(x.value)) for x in node.inputs]
        found = self.nan_origins_of(node, held, values)
        numbers, _ = layouts(held)[group]
        return {place: found[n] for place, n in enumerate(numbers) if n in found}

    def nan_origins_of(self, node: Node, held: Any, values: Sequence[Tensor]) -> dict[int, str]:
        """By the number of a result, what made the nan in it, found by computing all once more."""
        raise NotImplementedError(self.name)

    def packed_results(self, node: Node) -> Sequence[Result]:
        *_, held, group = node.params
        call, sources = (self, node.inputs, held), self.sources(held)
        return [Result(call, n, sources[n]) for n in layouts(held)[group][0]] if sources else ()

    def call_derived(self, node: Node) -> Any:
        return origins.call_derived(node)

    def sources(self, held: Any) -> Sequence[AbstractSet[int]]:
        """For each result the numbers of those that it is made from (see `sources`), for
        operations whose results a user's function computes."""
        return ()


def packed_values(held: Held, group: int, results: Sequence[Any]) -> Any:
    """Those of the values of all results that are in a group, packed."""
    numbers, layout = layouts(held)[group]
    packed = layout.empty()
    for place, number in enumerate(numbers):
        layout.write(packed, place, results[number])
    return packed


def unpacked(op: Op, inputs: Sequence[Tensor], held: Held) -> list[Tensor]:
    """All results of an operation, for what it holds."""
    results: dict[int, Tensor] = {}
    for group, (numbers, layout) in enumerate(layouts(held)):
        packed = make(op, inputs, (held, group))
        origins.note(packed.node)
        for place, number in enumerate(numbers):
            results[number] = unpack(packed, layout, place)
    return [results[number] for number in range(len(results))]


def packed_group(held: Held, group: int, results: Sequence[Tensor | None]) -> Tensor | None:
    """The results that are in a group, packed; None if there is none."""
    numbers, layout = layouts(held)[group]
    return pack(layout, {place: results[number] for place, number in enumerate(numbers)})


def given_pieces(held: Held, group: int, adjoint: Tensor) -> dict[int, Tensor]:
    """By the number of the result, the adjoints in that of a packed group."""
    numbers, layout = layouts(held)[group]
    pieces = zip(numbers, pieces_of(adjoint, layout), strict=True)
    return {n: x for n, x in pieces if x is not None and is_inexact(x.dtype)}
