"""A loop operation in place of repetitions: its body, its state, its xs, and what is read of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import sub
from typing import TypeAlias

import numpy as np

from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.subgraph import Subgraph, fresh_variable
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import INT64, derivative_dtype, is_bfloat16, size_of
from adjoint.ops.control.closing import captured, closed, reading_once
from adjoint.ops.control.hoisting import hoisted
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.indexing.gather import gather
from adjoint.ops.indexing.slicing import along, pick, slice_of, zeros_of
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import astype, broadcast_to, permute_dims, reshape
from adjoint.passes.rolling.relations import (
    Advancing,
    Numbers,
    Relation,
    Same,
    Shifted,
    are_same_numbers,
    same_number,
)
from adjoint.passes.rolling.repetitions import Repetitions, Slot, is_row
from adjoint.transforms.substitute import substitute

MOST_STACKED = 1 << 14
"""Bytes of known numbers in a repetition that are stacked for each call of a function that nobody
compiled: that takes less time than to read them in two operations, as long as they are few."""

Current: TypeAlias = Callable[[Node], Tensor]
"""What stands now in the place of a node from before the repetitions."""


class Looping:
    """The repetitions as one operation, of which some nodes are `read` from outside.

    `read` holds for each operation of a repetition the numbers of the repetitions in which
    somebody outside reads it. Constants of up to `written_in` elements are written into the body.
    """

    def __init__(
        self, of: Repetitions, read: dict[int, set[int]], current: Current, written_in: int
    ) -> None:
        self.of, self.current, self.written_in = of, current, written_in
        last = of.count - 1
        self.slots: list[Slot] = sorted(of.initial)
        self.finals = [o for o, numbers in read.items() if numbers == {last}]
        self.slots += [(o, 1) for o in self.finals if (o, 1) not in of.initial]
        self.stacked = {o: sorted(numbers) for o, numbers in read.items() if numbers != {last}}
        self.variables = {
            slot: fresh_variable(self.model(slot[0]).shape, self.model(slot[0]).dtype)
            for slot in self.slots
        }
        self.rows: dict[object, tuple[Tensor, Tensor]] = {}
        self.body: dict[int, Node] = {}
        self.run()

    def model(self, offset: int) -> Node:
        """An operation in some repetition."""
        return self.of.stretch.node(self.of.count - 1, offset)

    def run(self) -> None:
        """Build the loop."""
        made = [self.after(slot) for slot in self.slots]
        made += [self.inside(offset) for offset in self.stacked]
        state = [self.variables[slot].node for slot in self.slots]
        slices = [variable.node for variable, _ in self.rows.values()]
        outputs, slices, xs = hoisted(made, state, slices, [x for _, x in self.rows.values()])
        variables = [*state, *slices]
        outputs = reading_once(outputs, variables)
        outside = captured(outputs, variables, self.written_in)
        body = closed(outputs, variables, outside)
        initial = [self.initial(slot) for slot in self.slots]
        given = [*map(Tensor, outside), *initial, *xs]
        found = _looped(body, len(outside), len(state), self.of.count, given)
        self.state = dict(zip(self.slots, found, strict=False))
        ys = zip(self.stacked.items(), found[len(self.slots) :], strict=True)
        self.ys = {offset: _rows(y, numbers) for (offset, numbers), y in ys}

    def initial(self, slot: Slot) -> Tensor:
        """What a part of the state is at first; anything, if only the last one is read."""
        model = self.model(slot[0])
        if slot not in self.of.initial:
            return zeros_of(model)
        return broadcast_to(self.current(self.of.initial[slot]), model.shape)

    def after(self, slot: Slot) -> Node:
        """A part of the state after a repetition."""
        offset, lag = slot
        return self.inside(offset) if lag == 1 else self.variables[offset, lag - 1].node

    def inside(self, offset: int) -> Node:
        """An operation of the body, and those that it needs."""
        waiting = [offset]
        while waiting:
            here = waiting[-1]
            if here in self.body:
                waiting.pop()
                continue
            relations = self.of.reads[here]
            missing = [
                r.places
                for r in relations
                if isinstance(r, Shifted) and r.places >= 0 and r.places not in self.body
            ]
            if missing:
                waiting += missing
                continue
            node = self.model(here)
            inputs = tuple(self.input(r, here, place) for place, r in enumerate(relations))
            self.body[here] = Node(node.op, inputs, node.params, node.shape, node.dtype)
            waiting.pop()
        return self.body[offset]

    def input(self, relation: Relation, offset: int, place: int) -> Node:
        """What an operation of the body reads."""
        match relation:
            case Same(node=node):
                return self.current(node).node
            case Shifted(places=places) if places >= 0:
                return self.body[places]
            case Shifted(places=places):
                period = self.of.stretch.period
                return self.variables[places % period, -(places // period)].node
            case Advancing(by=0):
                return _taken(self.current(relation.base), relation).node
            case Advancing():
                return self.row(
                    (relation.base, relation.axis, relation.start(0), relation.by, relation.params),
                    lambda: advancing_rows(self.current(relation.base), relation, self.of.count),
                )
            case Numbers():
                return self.numbers(offset, place)
        raise TypeError(f"not a relation: {relation!r}")

    def row(self, key: object, rows: Callable[[], Tensor]) -> Node:
        """The variable for the slices of what `rows` makes."""
        if key not in self.rows:
            whole = rows()
            self.rows[key] = fresh_variable(whole.node.shape[1:], whole.node.dtype), whole
        return self.rows[key][0].node

    def numbers(self, offset: int, place: int) -> Node:
        """Known numbers: a constant, if all are the same, or the slices of one."""
        stretch = self.of.stretch
        nodes = [stretch.node(k, offset).inputs[place] for k in range(self.of.count)]
        first = nodes[0]
        if are_same_numbers(nodes):
            return first
        value = np.stack([np.asarray(x.value) for x in nodes])
        key = (value.shape, value.dtype, value.tobytes())
        return self.row(key, lambda: Tensor(constant_node(value, value.shape, first.dtype)))

    def result(self, offset: int, place: int) -> Tensor:
        """What stands in the place of an operation that is read in some repetitions: the result of
        one of these."""
        return pick(self.ys[offset], 0, place)


def _looped(
    body: Subgraph, constants: int, state: int, length: int, given: Sequence[Tensor]
) -> list[Tensor]:
    """The results of a loop. What is in bfloat16 goes in and comes out in float32, in which its
    adjoints are: those of a loop are of the dtypes that it takes and gives."""
    dtypes = [x.dtype for x in body.outputs]
    if any(is_bfloat16(x.dtype) for x in (*body.inputs, *body.outputs)):
        body, given = _widening(body), list(map(_widened, given))
    found = scan(Loop(body, constants, state, length), given)
    return [astype(x, dtype) for x, dtype in zip(found, dtypes, strict=True)]


def _widening(body: Subgraph) -> Subgraph:
    """The graph that takes and gives float32 in place of bfloat16, and computes the same."""
    inputs = [fresh_variable(x.shape, derivative_dtype(x.dtype)) for x in body.inputs]
    found = {x: astype(v, x.dtype) for x, v in zip(body.inputs, inputs, strict=True)}
    outputs = map(_widened, substitute(body.outputs, found))
    return Subgraph([x.node for x in inputs], [x.node for x in outputs])


def _widened(x: Tensor) -> Tensor:
    return astype(x, derivative_dtype(x.node.dtype))


def outer_nodes(of: Repetitions) -> Iterable[Node]:
    """The nodes from before the repetitions that the loop reads."""
    yield from of.initial.values()
    for relations in of.reads:
        for relation in relations:
            if isinstance(relation, Same):
                yield relation.node
            elif isinstance(relation, Advancing):
                yield relation.base


def stacks_much(of: Repetitions) -> bool:
    """Whether known numbers that are large, and others in every repetition, would be stacked."""
    for offset, relations in enumerate(of.reads):
        for place, relation in enumerate(relations):
            if (
                isinstance(relation, Numbers)
                and size_of(relation.shape) * relation.dtype.itemsize > MOST_STACKED
            ):
                a, b = (of.stretch.node(k, offset).inputs[place] for k in range(2))
                if a.value is not b.value and not same_number(a, b):
                    return True
    return False


def unchanging(of: Repetitions) -> set[int]:
    """The operations that are the same in every repetition, or slices of what is: the nodes
    outside may stay, as whoever reads them reads no result of the loop."""
    found: set[int] = set()
    for offset, relations in enumerate(of.reads):
        if is_row(of.stretch.node(0, offset), relations) or all(
            isinstance(r, Same)
            or (isinstance(r, Advancing) and r.by == 0)
            or (isinstance(r, Shifted) and r.places in found)
            for r in relations
        ):
            found.add(offset)
    return found


def _rows(y: Tensor, numbers: Sequence[int]) -> Tensor:
    """The rows with some numbers, all at once: so their adjoints go back at once, too."""
    gaps = set(map(sub, numbers[1:], numbers))
    if len(gaps) <= 1:
        return along(y, 0, numbers[0], gaps.pop() if gaps else 1, len(numbers))
    index = constant_node(np.array(numbers, INT64), (len(numbers),), INT64)
    return gather(y, [Tensor(index)], (0,), 0)


def _taken(base: Tensor, relation: Advancing) -> Tensor:
    """The slice that all repetitions read."""
    return slice_of(base, *relation.params)


def advancing_rows(base: Tensor, relation: Advancing, count: int) -> Tensor:
    """The slices of all repetitions, stacked along a leading axis."""
    axis = relation.axis
    starts, steps, sizes, shape = relation.params
    first, size, step = relation.start(0), sizes[axis], steps[axis]

    def part(start: int, by: int, total: int) -> Tensor:
        return slice_of(
            base,
            (*starts[:axis], start, *starts[axis + 1 :]),
            (*steps[:axis], by, *steps[axis + 1 :]),
            (*sizes[:axis], total, *sizes[axis + 1 :]),
            (*sizes[:axis], total, *sizes[axis + 1 :]),
        )

    if size == 1:
        whole = part(first, relation.by, count)
        lead: Sequence[int] = (axis, *range(axis), *range(axis + 1, len(sizes)))
    elif relation.by == size * step:
        whole = part(first, step, count * size)
        whole = reshape(whole, (*sizes[:axis], count, size, *sizes[axis + 1 :]))
        lead = (axis, *range(axis), *range(axis + 1, len(sizes) + 1))
    else:
        pieces = [part(first + i * step, relation.by, count) for i in range(size)]
        whole = stack(pieces, axis + 1)
        lead = (axis, *range(axis), *range(axis + 1, len(sizes) + 1))
    return reshape(permute_dims(whole, lead), (count, *shape))
