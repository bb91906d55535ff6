"""Elements chosen by integer tensors: `gather`, and its transpose `scatter_add`.

The index tensors broadcast to one shape, whose axes stand in the result at `position` in place of
the indexed `axes`. Elements that are chosen twice are summed by the transpose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.loop_form import Affine, Index, Loops, broadcast_index
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, broadcast_shapes
from adjoint.ops.family.broadcasting import align
from adjoint.ops.family.linear import Linear
from adjoint.ops.family.structural_zeros import applied, counts, positive, whole
from adjoint.ops.indexing.bounds import (
    check_bounds,
    counted_axis,
    has_elements,
    in_bounds,
    one_in_each_row,
)
from adjoint.ops.indexing.gathered_values import (
    block_first,
    flat_places,
    gather_values,
    sum_rows,
)
from adjoint.ops.indexing.slicing import batch_size
from adjoint.ops.shape.movement import broadcast_to, permute_dims

Axes: TypeAlias = tuple[int, ...]


def index_shape(nodes: Sequence[Node]) -> Shape:
    """The shape to which the index tensors broadcast."""
    if len(nodes) == 1:
        return nodes[0].shape
    return broadcast_shapes("indexing by several tensors", *[node.shape for node in nodes])


def gathered_shape(shape: Shape, indices: Sequence[Node], axes: Axes, position: int) -> Shape:
    """The shape of what is gathered from a tensor of `shape`."""
    rest = tuple([size for axis, size in enumerate(shape) if axis not in axes])
    return rest[:position] + index_shape(indices) + rest[position:]


def chosen(
    loops: Loops, indices: Sequence[Node], index: Index, sizes: Sequence[int]
) -> list[Affine]:
    """The counters that the elements of the index tensors at `index` stand for, in bounds."""
    found = []
    for node, size in zip(indices, sizes, strict=True):
        along = counted_axis(node, len(index))
        if along is not None:
            found.append(index[along])
            continue
        at = broadcast_index(index, node.shape)
        found.append(loops.named(node, at, size, partial(_counted, node, at, size)))
    return found


def _counted(node: Node, at: Index, size: int, loops: Loops) -> Any:
    """The element of an index tensor as a scalar, counted from the front and in bounds."""
    return in_bounds(loops, loops.read(node, at), size, node.op.name == "constant")


def known_of(indices: Sequence[Node]) -> tuple[int | str, ...]:
    """What `chosen` makes use of: for index tensors that count the axis along which they do, for
    others whether they are constant and so were looked at."""
    rank = len(index_shape(indices))
    known: list[int | str] = []
    for node in indices:
        along = counted_axis(node, rank)
        known.append(("constant" if node.op.name == "constant" else "") if along is None else along)
    return tuple(known)


def joined_index(rest: Index, found: Sequence[Affine], axes: Axes) -> Index:
    """The index with `found` on `axes` and `rest` on the other axes."""
    where = dict(zip(axes, found, strict=True))
    others = iter(rest)
    return tuple([where[a] if a in where else next(others) for a in range(len(rest) + len(axes))])


class AtIndices(Linear):
    """What `gather` and its transpose share: indices behind the first input, and a native rule."""

    native = True

    def lowers(self, node: Node) -> bool:
        return has_elements(self.indexed(node))

    def cache_key(self, node: Node) -> tuple[int | str, ...]:
        return known_of(node.inputs[1:])


class Gather(AtIndices):
    """The elements of the first input at the others along `axes`."""

    name = "gather"
    param_names = ("axes", "position")
    moves = True

    def indexed(self, node: Node) -> Sequence[tuple[Node, int, int]]:
        x, *indices = node.inputs
        return [(i, a, x.shape[a]) for i, a in zip(indices, node.params[0], strict=True)]

    def is_row_generic(self, node: Node) -> bool:  # it reads its own row, as a cross-entropy does
        axes, position = node.params
        return (position, axes[0], self.cache_key(node)[0]) == (0, 0, 0)

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        x, *indices = node.inputs
        axes, position = node.params
        rank = len(index_shape(indices))
        block = index[position : position + rank]
        rest = (*index[:position], *index[position + rank :])
        found = chosen(loops, indices, block, [x.shape[a] for a in axes])
        return loops.read(x, joined_index(rest, found, axes))

    def infer(self, x: Node, *args: Any) -> tuple[Shape, DType]:
        *indices, axes, position = args
        return gathered_shape(x.shape, indices, axes, position), x.dtype

    def evaluate(self, x: Any, *args: Any) -> Any:
        *indices, axes, position = args
        try:
            return gather_values(np.asarray(x), indices, axes, position)
        except IndexError:
            for index, axis in zip(indices, axes, strict=True):
                check_bounds("indexing", np.asarray(index), axis, x.shape[axis])
            raise

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        x, *indices = node.inputs
        params = (*node.params, x.shape)
        return make(_scatter_add, (adjoint, *map(Tensor, indices)), params)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        x, *indices = inputs
        axes, position = node.params
        if not any(batched[1:]):
            return make(self, inputs, (shifted(axes), position + 1))
        aligned = aligned_indices(node.inputs[1:], indices, batched[1:])
        rank = len(index_shape(node.inputs[1:]))
        size = batch_size(inputs, batched)
        if batched[0]:
            whole = [x, example_numbers(size, rank), *aligned]
            return move_block(make(self, whole, ((0, *shifted(axes)), 0)), 1, rank, position + 1)
        return move_block(make(self, [x, *aligned], (axes, position)), position, 1, 0)


class ScatterAdd(AtIndices):
    """Zeros of `shape`, to which the first input is added at the places named by the others."""

    name = "scatter_add"
    param_names = ("axes", "position", "shape")
    scatters = makes_zeros = adds = True

    def indexed(self, node: Node) -> Sequence[tuple[Node, int, int]]:
        axes, _, shape = node.params
        return [(i, a, shape[a]) for i, a in zip(node.inputs[1:], axes, strict=True)]

    def decompose(self, node: Node) -> Tensor | None:
        x, *indices = node.inputs
        return one_in_each_row(Tensor(x), indices, *node.params)

    def scattered_axes(self, node: Node) -> range:
        _, position, _ = node.params
        return range(position, position + len(index_shape(node.inputs[1:])))

    def target(self, node: Node, index: Index, loops: Loops) -> Index:
        axes, position, shape = node.params
        indices = node.inputs[1:]
        rank = len(index_shape(indices))
        block = index[position : position + rank]
        rest = (*index[:position], *index[position + rank :])
        found = chosen(loops, indices, block, [shape[a] for a in axes])
        return joined_index(rest, found, axes)

    def infer(self, x: Node, *args: Any) -> tuple[Shape, DType]:
        *indices, axes, position, shape = args
        expected = gathered_shape(shape, indices, axes, position)
        if x.shape != expected:
            raise ShapeError(
                f"scatter_add: the values have shape {x.shape}, but the indices choose {expected}"
            )
        return shape, x.dtype

    def evaluate(self, x: Any, *args: Any) -> Any:
        *indices, axes, position, shape = args
        sizes = tuple(shape[a] for a in axes)
        places = flat_places(indices, axes, sizes)
        values = block_first(np.asarray(x), position, places.ndim)
        rest = values.shape[places.ndim :]
        count = math.prod(sizes)
        rows = values.reshape(places.size, math.prod(rest))
        summed = sum_rows(places.ravel(), rows, count).reshape(sizes + rest)
        return np.moveaxis(summed, range(len(axes)), axes)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        indices = map(Tensor, node.inputs[1:])
        return make(_gather, (adjoint, *indices), node.params[:2])

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        x, *indices = node.inputs
        axes, position, shape = node.params
        if any(i.op.permutes for i in indices) and x.shape == shape:
            return None if masks[0] is None else super().nonzero_mask(node, masks)
        if masks[0] is not None:
            return super().nonzero_mask(node, masks)
        named = tuple([size if a in axes else 1 for a, size in enumerate(shape)])
        ones = counts(whole(None, gathered_shape(named, indices, axes, position)))
        places = list(map(Tensor, indices))
        return positive(applied(self, (ones, *places), (axes, position, named)))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axes, position, shape = node.params
        size = batch_size(inputs, batched)
        if not any(batched[1:]):
            return make(self, inputs, (shifted(axes), position + 1, (size, *shape)))
        x, *indices = inputs
        aligned = aligned_indices(node.inputs[1:], indices, batched[1:])
        rank = len(index_shape(node.inputs[1:]))
        values = values_of_examples(x, size, batched[0], rank, position)
        whole = [values, example_numbers(size, rank), *aligned]
        return make(self, whole, ((0, *shifted(axes)), 0, (size, *shape)))


_gather, _scatter_add = map(register, (Gather(), ScatterAdd()))


def gather(x: Tensor, indices: Sequence[Tensor], axes: Axes, position: int) -> Tensor:
    """The elements of `x` at the integer tensors `indices` along `axes`."""
    return make(_gather, (x, *indices), (axes, position))


def scatter_add(
    values: Tensor, indices: Sequence[Tensor], axes: Axes, position: int, shape: Shape
) -> Tensor:
    """Zeros of `shape` to which `values` are added: the transpose of `gather`."""
    return make(_scatter_add, (values, *indices), (axes, position, shape))


# Batching: examples with indices of their own are told apart by one more index, their number.


def shifted(axes: Axes) -> Axes:
    """The same axes behind a batch axis."""
    return tuple(a + 1 for a in axes)


def example_numbers(size: int, rank: int) -> Tensor:
    """0, 1, 2 … along the batch axis, to broadcast against index tensors of `rank` axes more."""
    return from_array(np.arange(size).reshape(size, *(1,) * rank))


def aligned_indices(
    nodes: Sequence[Node], indices: Sequence[Tensor], batched: Sequence[bool]
) -> list[Tensor]:
    """The index tensors, batched ones with the batch axis in front of all others."""
    rank = len(index_shape(nodes))
    return [align(i, rank) if b else i for i, b in zip(indices, batched, strict=True)]


def values_of_examples(x: Tensor, size: int, batched: bool, rank: int, position: int) -> Tensor:
    """The values of `size` examples, with the index axes right behind the batch axis."""
    if batched:
        return move_block(x, position + 1, rank, 1)
    x = move_block(x, position, rank, 0)
    return broadcast_to(x, (size, *x.shape))


def move_block(x: Tensor, start: int, count: int, target: int) -> Tensor:
    """`x` with the `count` axes from `start` on moved together to `target`."""
    block = list(range(start, start + count))
    order = [a for a in range(x.ndim) if a not in block]
    order[target:target] = block
    return permute_dims(x, order)
