"""`scatter_set`: elements written at the places that integer tensors name.

The index tensors broadcast to one shape, as those of `gather`. Of two elements that are written to
the same place the last one stays, in the value and in the gradient.

A loop over the written elements could not be fused with what is around it. So native programs ask
the other way round which element each place gets: they choose between it and what was there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import BOOL, DType, Shape, size_of
from adjoint.ops.elementwise.arithmetic import subtract
from adjoint.ops.elementwise.choice import maximum, where
from adjoint.ops.elementwise.comparison import equal, greater, logical_and
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.family.linear import Together
from adjoint.ops.indexing.bounds import arranged, bounded_index
from adjoint.ops.indexing.gather import (
    aligned_indices,
    example_numbers,
    gather,
    gathered_shape,
    index_shape,
    scatter_add,
    shifted,
    values_of_examples,
)
from adjoint.ops.indexing.gathered_values import (
    block_first,
    flat_places,
    last_writers,
)
from adjoint.ops.indexing.slicing import batch_size, zeros_of
from adjoint.ops.shape.movement import broadcast_to, reshape

Array: TypeAlias = "np.ndarray[Any, Any]"
Axes: TypeAlias = tuple[int, ...]


class ScatterSet(Together):
    """The first input with the second at the places named by the others; the last one stays.

    `unique` promises that no place is named twice. Linear in the first two inputs together.
    """

    name = "scatter_set"
    joins = 2
    param_names = ("axes", "position", "unique")

    def infer(self, x: Node, values: Node, *args: Any) -> tuple[Shape, DType]:
        *indices, axes, position, _ = args
        expected = gathered_shape(x.shape, indices, axes, position)
        if values.shape != expected:
            raise ShapeError(
                f"scatter_set: the values have shape {values.shape}, but the indices choose "
                f"{expected}"
            )
        return x.shape, x.dtype

    def evaluate(self, x: Any, values: Any, *args: Any) -> Any:
        *indices, axes, position, unique = args
        result = np.array(x)
        sizes = tuple(result.shape[a] for a in axes)
        places = flat_places(indices, axes, sizes)
        values = block_first(np.asarray(values), position, places.ndim)
        values = values.reshape(places.size, *values.shape[places.ndim :])
        flat = places.ravel()
        if not unique and flat.size > 1:
            stays = last_writers(flat, math.prod(sizes))
            flat, values = flat[stays], values[stays]
        front = np.moveaxis(result, axes, range(len(axes)))
        front[np.unravel_index(flat, sizes)] = values
        return result

    def decompose(self, node: Node) -> Tensor | None:
        x, values = map(Tensor, node.inputs[:2])
        indices = node.inputs[2:]
        axes, position, unique = node.params
        if not x.size or not values.size:
            return None
        if size_of(index_shape(indices)) == 1:
            return _with_one_place(x, values, indices, axes, position)
        writers = _writers(indices, axes, tuple(x.shape[a] for a in axes), unique)
        return None if writers is None else _chosen(x, values, writers, axes, position)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        x, values = tangents[:2]
        if x is None and values is None:
            return None
        x = zeros_of(node) if x is None else x
        values = zeros_of(node.inputs[1]) if values is None else values
        return make(self, (x, values, *map(Tensor, node.inputs[2:])), node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        x, values, *nodes = node.inputs
        indices = list(map(Tensor, nodes))
        axes, position, unique = node.params
        kept = share = None
        if wanted[0]:
            kept = make(self, (adjoint, zeros_of(values), *indices), node.params)
        if wanted[1]:
            share = gather(adjoint, indices, axes, position)
            if not unique:
                stays = make(_last_writer, indices, (tuple(x.shape[a] for a in axes),))
                after = len(values.shape) - position - stays.ndim
                share = keep_where(reshape(stays, stays.shape + (1,) * after), share)
        return (kept, share, *(None for _ in indices))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        x, values, *indices = inputs
        axes, position, unique = node.params
        size = batch_size(inputs, batched)
        x = x if batched[0] else broadcast_to(x, (size, *x.shape))
        if not any(batched[2:]):
            values = values if batched[1] else broadcast_to(values, (size, *values.shape))
            return make(self, [x, values, *indices], (shifted(axes), position + 1, unique))
        aligned = aligned_indices(node.inputs[2:], indices, batched[2:])
        rank = len(index_shape(node.inputs[2:]))
        values = values_of_examples(values, size, batched[1], rank, position)
        whole = [x, values, example_numbers(size, rank), *aligned]
        return make(self, whole, ((0, *shifted(axes)), 0, unique))


class LastWriter(Op):
    """Whether each index is the last of those that name its place; boolean, so no derivative."""

    name = "last_writer"
    param_names = ("sizes",)

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        return index_shape(args[:-1]), BOOL

    def evaluate(self, *args: Any) -> Any:
        *indices, sizes = args
        places = flat_places(indices, tuple(range(len(sizes))), sizes)
        return last_writers(places.ravel(), math.prod(sizes)).reshape(places.shape)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        aligned = aligned_indices(node.inputs, inputs, batched)
        size = batch_size(inputs, batched)
        numbers = example_numbers(size, len(node.shape))
        return make(self, [numbers, *aligned], ((size, *node.params[0]),))


_scatter_set, _last_writer = map(register, (ScatterSet(), LastWriter()))


def scatter_set(
    x: Tensor, values: Tensor, indices: Sequence[Tensor], axes: Axes, position: int, unique: bool
) -> Tensor:
    """`x` with `values`, of the shape that `gather` would return, put in the same places."""
    unique = unique or size_of(index_shape([index.node for index in indices])) <= 1
    return make(_scatter_set, (x, values, *indices), (axes, position, unique))


def _with_one_place(
    x: Tensor, values: Tensor, indices: Sequence[Node], axes: Axes, position: int
) -> Tensor:
    """`x` with `values` in the one place that the index tensors name."""
    rank = len(index_shape(indices))
    here: Tensor | None = None
    for index, axis in zip(indices, axes, strict=True):
        size, behind = x.shape[axis], (1,) * (x.ndim - axis - 1)
        named = reshape(bounded_index(Tensor(index), axis, size), (1, *behind))
        on_axis = equal(from_array(np.arange(size).reshape(size, *behind)), named)
        here = on_axis if here is None else logical_and(here, on_axis)
    rest = [a for a in range(values.ndim) if not position <= a < position + rank]
    row = tuple(1 if a in axes else size for a, size in enumerate(x.shape))
    return where(here, arranged(values, rest, row), x)


def _writers(indices: Sequence[Node], axes: Axes, sizes: Shape, unique: bool) -> Tensor | None:
    """Which element each place gets, counted from 1, or 0; None if that is not known.

    Places have the shape `sizes`, elements are counted in the order of the index tensors.
    """
    if all(index.op.name == "constant" for index in indices):
        places = flat_places([index.value for index in indices], axes, sizes).ravel()
        writers = np.zeros(math.prod(sizes), np.int64)
        stays = last_writers(places, writers.size)
        writers[places[stays]] = 1 + np.flatnonzero(stays)
        return from_array(writers.reshape(sizes))
    if not unique:
        return None
    block = index_shape(indices)
    numbers = from_array(np.arange(1, size_of(block) + 1).reshape(block))
    return scatter_add(numbers, list(map(Tensor, indices)), tuple(range(len(sizes))), 0, sizes)


def _chosen(x: Tensor, values: Tensor, writers: Tensor, axes: Axes, position: int) -> Tensor:
    """`x`, or where `writers` name one, the element of `values`."""
    rank = values.ndim - x.ndim + len(axes)
    after = values.shape[position + rank :]
    flat = reshape(values, (*values.shape[:position], -1, *after))
    found = gather(flat, (maximum(subtract(writers, 1), 0),), (position,), position)
    rest = iter([a for a in range(found.ndim) if not position <= a < position + len(axes)])
    order = [position + axes.index(a) if a in axes else next(rest) for a in range(x.ndim)]
    row = tuple(size if a in axes else 1 for a, size in enumerate(x.shape))
    return where(greater(reshape(writers, row), 0), arranged(found, order, x.shape), x)
