"""The last repetition of a loop, of which a part may be missing, as nobody needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.graph.node import Node
from adjoint.passes.rolling.relations import Advancing, Relation, Shifted
from adjoint.passes.rolling.repetitions import Repetitions, is_row

HARMLESS = frozenset({"elementwise", "linear", "bilinear", "reduction"})
"""Families of operations that may be run for nothing: they raise no errors."""


def completed(
    sequence: Sequence[Node], loops: Sequence[Repetitions]
) -> tuple[list[Node], list[Repetitions]]:
    """The sequence and its loops, in order, with one repetition more where most of it follows.

    What it lacks is made, so that a loop does not stop before its end only because not all of its
    last state is read.
    """
    order: list[Node] = []
    found: list[tuple[Repetitions, int]] = []
    place = 0
    for number, loop in enumerate(loops):
        following = loops[number + 1].stretch.start if number + 1 < len(loops) else len(sequence)
        order += sequence[place : loop.stretch.start]
        start = len(order)
        order += sequence[loop.stretch.start : loop.stop]
        last, place = _next(loop, sequence[loop.stop : following])
        place += loop.stop
        order += last
        found.append((replace(loop, count=loop.count + bool(last)), start))
    order += sequence[place:]
    places = {node: at for at, node in enumerate(order)}
    return order, [
        replace(x, stretch=replace(x.stretch, sequence=order, places=places, start=start))
        for x, start in found
    ]


def _next(loop: Repetitions, rest: Sequence[Node]) -> tuple[list[Node], int]:
    """One repetition more, and how many nodes of the rest are in it; empty if less than half."""
    stretch = loop.stretch
    if any(_is_over(r, loop.count) for relations in loop.reads for r in relations):
        return [], 0
    made: list[Node] = []
    used = 0
    for offset, relations in enumerate(loop.reads):
        model = stretch.node(loop.count - 1, offset)
        node = rest[used] if used < len(rest) else None
        if node is not None and _fits(loop, node, model, relations, made):
            used += 1
            made.append(node)
        elif model.op.family not in HARMLESS or model.op.indexed(model):
            return [], 0
        else:  # nobody reads it, so that what it reads does not matter
            made.append(Node(model.op, model.inputs, model.params, model.shape, model.dtype))
    return (made, used) if 2 * used >= stretch.period else ([], 0)


def _is_over(relation: Relation, number: int) -> bool:
    """Whether what is sliced has no slice for a repetition."""
    if not isinstance(relation, Advancing):
        return False
    starts, steps, sizes, _ = relation.slice_of(number)
    axis = relation.axis
    first = starts[axis]
    last = first + steps[axis] * (sizes[axis] - 1)
    return not (0 <= min(first, last) <= max(first, last) < relation.base.shape[axis])


def _fits(
    loop: Repetitions, node: Node, model: Node, relations: Sequence[Relation], made: Sequence[Node]
) -> bool:
    """Whether a node is the operation of the next repetition of which `made` is the beginning."""
    stretch = loop.stretch
    alike = (node.op, node.shape, node.dtype) == (model.op, model.shape, model.dtype)
    if not alike or len(node.inputs) != len(relations):
        return False
    rows = is_row(model, relations)
    if node.params != model.params and not (rows and node.params[1:] == model.params[1:]):
        return False
    begin = stretch.begin(loop.count)
    for relation, x in zip(relations, node.inputs, strict=True):
        if isinstance(relation, Shifted):
            places = relation.places
            if x is not (made[places] if places >= 0 else stretch.sequence[begin + places]):
                return False
        elif not stretch.holds(relation, x, begin, loop.count):
            return False
    return True
