"""Rows that are written into an array one by one: written at once, and read where they come from.

``out[t] = h`` in a loop makes a new array out of the old one in every repetition. Nobody looks at
those between but for rows that are known, as in ``y[t + 1] = y[t] + …``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.recording import Recorder
from adjoint.graph.tensor import Tensor
from adjoint.ops.indexing.slicing import Ints, put_slice, slice_of
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import permute_dims, reshape
from adjoint.passes.rewriting import with_inputs
from adjoint.passes.rolling.sequence import sequence_of

FAR = 8
"""Through so many writes a row is looked for."""

KINDS = 4
"""So many rows of an array may be written in one repetition."""

Rule = Callable[[Node], Tensor | None]


def writes_joined(
    outputs: Sequence[Node], sequence: Sequence[Node], least: int, recorder: Recorder
) -> tuple[list[Node], list[Node]]:
    """The outputs of an equal graph without at least so many writes in a row, and its nodes in the
    order of their making."""
    write = find("set_slice")
    nodes, order = list(outputs), list(sequence)
    if len([node for node in sequence if node.op is write]) >= least:
        nodes, order = _rewritten(nodes, order, _read_through, recorder)
        order = sequence_of(nodes, order)  # without what is read no more
        ends = _ends(nodes, order, least)
        nodes, order = _rewritten(nodes, order, lambda n: _at_once(ends.get(n)), recorder)
    return nodes, order


def _rewritten(
    outputs: Sequence[Node], sequence: Sequence[Node], rule: Rule, recorder: Recorder
) -> tuple[list[Node], list[Node]]:
    """The outputs and the nodes of a graph in which a rule has replaced some nodes."""
    done: dict[Node, Node] = {}
    order: list[Node] = []
    for node in sequence:
        mark = recorder.count()
        new = with_inputs(node, tuple([done.get(x, x) for x in node.inputs]))
        found = rule(new)
        done[node] = new if found is None else found.node
        if new is node:
            order.append(node)
        order += recorder.made_since(mark)
    return [done.get(node, node) for node in outputs], order


def _read_through(node: Node) -> Tensor | None:
    """A slice of an array into which slices were written: what was written there, or a slice of the
    array before."""
    if node.op is not find("slice"):
        return None
    starts, steps, sizes, shape = node.params
    array = node.inputs[0]
    for _ in range(FAR):
        if array.op is not find("set_slice") or not array.inputs:
            break
        if array.params == (starts, steps, sizes):
            return reshape(Tensor(array.inputs[1]), shape)
        if not _are_apart(array.params, (starts, steps, sizes)):
            break
        array = array.inputs[0]
    if array is node.inputs[0]:
        return None
    return slice_of(Tensor(array), starts, steps, sizes, shape)


def _are_apart(a: Sequence[Ints], b: Sequence[Ints]) -> bool:
    """Whether slices have no element in common."""
    for start, step, size, other, gap, count in zip(*a, *b, strict=True):
        first, last = sorted((start, start + step * (size - 1)))
        low, high = sorted((other, other + gap * (count - 1)))
        if last < low or high < first:
            return True
    return False


def _ends(outputs: Sequence[Node], order: Sequence[Node], least: int) -> dict[Node, list[Node]]:
    """The last ones of many writes into an array, each with all of them, in order."""
    write = find("set_slice")
    reads: dict[Node, int] = {node: 2 for node in outputs}
    for node in order:
        for x in node.inputs:
            reads[x] = reads.get(x, 0) + 1
    chains: dict[Node, list[Node]] = {}
    for node in order:
        if node.op is write and node.inputs:
            before = chains.get(node.inputs[0])
            if before is not None and reads[node.inputs[0]] == 1:
                del chains[node.inputs[0]]
                before.append(node)
                chains[node] = before
            else:
                chains[node] = [node]
    return {node: chain for node, chain in chains.items() if len(chain) >= least}


def _at_once(writes: Sequence[Node] | None) -> Tensor | None:
    """An array after writes that are apart and go forward in steps; None if they do not."""
    for kinds in range(1, KINDS + 1) if writes else ():
        found = _kinds_at_once(writes or (), kinds)
        if found is not None:
            return found
    return None


def _kinds_at_once(writes: Sequence[Node], kinds: int) -> Tensor | None:
    """As `_at_once`, where every so many-th write goes on where one before it was."""
    groups = [writes[kind::kinds] for kind in range(kinds)]
    steps = [_step(group) for group in groups]
    first = writes[0]
    alike = all(
        w.params[1:] == first.params[1:] and w.inputs[1].shape == first.inputs[1].shape
        for w in writes
    )
    places = {w.params[0] for w in writes}
    wide = [axis for axis, size in enumerate(first.params[2]) if size != 1]
    flush = all(len({place[axis] for place in places}) == 1 for axis in wide)
    if None in steps or not alike or not flush or len(places) < len(writes):
        return None
    array = Tensor(first.inputs[0])
    for group, step in zip(groups, steps, strict=True):
        if step is not None:
            array = _written(array, group, *step)
    return array


def _step(writes: Sequence[Node]) -> tuple[int, int] | None:
    """Along which axis writes go forward, and by how much; None if they do not all do the same."""
    starts = [w.params[0] for w in writes]
    gaps = {tuple(b - a for a, b in zip(x, y, strict=True)) for x, y in pairwise(starts)}
    if len(gaps) != 1:
        return None
    moving = [(axis, gap) for axis, gap in enumerate(gaps.pop()) if gap]
    return moving[0] if len(moving) == 1 else None


def _written(array: Tensor, writes: Sequence[Node], axis: int, by: int) -> Tensor:
    """An array after writes that go forward by so much along an axis."""
    ordered = writes if by > 0 else writes[::-1]
    starts, steps, sizes = ordered[0].params
    rows = stack([Tensor(w.inputs[1]) for w in ordered])
    count = len(ordered)
    inner = (*sizes[:axis], *sizes[axis + 1 :])
    rows = permute_dims(
        reshape(rows, (count, *inner)), (*range(1, axis + 1), 0, *range(axis + 1, len(sizes)))
    )
    steps = (*steps[:axis], abs(by), *steps[axis + 1 :])
    return put_slice(array, rows, starts, steps, (*sizes[:axis], count, *sizes[axis + 1 :]))
