"""Joins of what a loop makes step by step: they are its stacked results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.tensor import Tensor
from adjoint.ops.indexing.slicing import along
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import expand_dims, permute_dims, reshape
from adjoint.passes.rolling.looping import Current, Looping

Piece: TypeAlias = tuple[Looping, int, int]
"""A loop, one of its operations, and a place among the repetitions in which that is read."""

FEW = 4
"""Fewer pieces in a row are joined one by one."""


def is_join(node: Node) -> bool:
    """Whether the node stacks or concatenates others."""
    return node.op is find("stack") or node.op is find("concat")


def joined(node: Node, pieces: Mapping[Node, Piece], current: Current) -> Tensor | None:
    """A join of nodes of which many are made by loops, from their stacked results."""
    groups = list(_groups([pieces.get(x) for x in node.inputs]))
    if all(by is None for _, _, by in groups):
        return None
    (axis,) = node.params
    stacks = node.op is find("stack")
    parts: list[Tensor] = []
    for start, stop, by in groups:
        inputs = node.inputs[start:stop]
        if by is None:
            parts += [expand_dims(t, axis) if stacks else t for t in map(current, inputs)]
        else:
            parts.append(_part(pieces[inputs[0]], len(inputs), by, axis, stacks))
    return parts[0] if len(parts) == 1 else concat(parts, axis)


def _groups(pieces: Sequence[Piece | None]) -> Iterator[tuple[int, int, int | None]]:
    """Where neighbours are from one operation of a loop, from and to, and by how many places
    they are apart; None for that where they are not."""
    start = 0
    while start < len(pieces):
        stop, by = start + 1, None
        piece = pieces[start]
        while stop < len(pieces) and piece is not None:
            before, after = pieces[stop - 1], pieces[stop]
            if after is None or before is None or after[:2] != piece[:2]:
                break
            step = after[2] - before[2]
            if not step or (by is not None and step != by):
                break
            by = step
            stop += 1
        if stop - start >= FEW:
            yield start, stop, by
            start = stop
        else:
            yield start, start + 1, None
            start += 1


def _part(first: Piece, count: int, by: int, axis: int, stacks: bool) -> Tensor:
    """The join of results of an operation of a loop."""
    loop, offset, number = first
    rows = along(loop.ys[offset], 0, number, by, count)
    rank = len(rows.node.shape)
    whole = permute_dims(rows, (*range(1, axis + 1), 0, *range(axis + 1, rank)))
    if stacks:
        return whole
    shape = whole.node.shape
    return reshape(whole, (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))
