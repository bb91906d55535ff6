"""`branch`: one of several graphs, chosen by an integer; what is not chosen is not computed.

Its tangents and adjoints are branches by the same integer, into which the value is computed again.
Where examples choose differently, every branch is computed and `where` chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Op, register
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape, is_inexact
from adjoint.ops.control.derived import Linearised, instance
from adjoint.ops.control.packing import (
    Groups,
    given_pieces,
    groups_of,
    packed_group,
    unpacked,
)
from adjoint.ops.control.saving import NOTHING, saved_values
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.transforms.batch import batch


@dataclass(frozen=True)
class Choice:
    """The graphs to choose from, of equal inputs and equal results.

    `policy`: what of a single branch its way back reads and does not compute again. `leading`: so
    many of the first results are those of another choice, or of several others.
    """

    branches: tuple[Subgraph, ...]
    policy: str = NOTHING
    leading: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """Equal for equal choices."""
        return " ".join(one.key for one in self.branches)

    @property
    def extends(self) -> tuple[str, ...]:
        """The keys of the choices whose results are the first of this one."""
        return tuple(self.first(count).key for count in self.leading)

    def first(self, count: int) -> Choice:
        """The choice of the first results only."""
        return Choice(tuple(Subgraph(x.inputs, x.outputs[:count]) for x in self.branches))

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""
        return [(x.shape, x.dtype) for x in self.branches[0].outputs]


@lru_cache(maxsize=1024)
def layouts(choice: Choice) -> Groups:
    """For each group of results their numbers, and how they are packed."""
    return groups_of(choice.pieces())


class Branch(Op):
    """The packed results of the branch whose number is the first input, brought into range."""

    name = "branch"
    family = "control"
    shares_results = True
    param_names = ("choice", "group")

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *_, choice, group = args
        layout = layouts(choice)[group][1]
        return (layout.starts[-1],), layout.dtype

    def evaluate(self, *args: Any) -> Any:
        number, *values, choice, group = args
        numbers, layout = layouts(choice)[group]
        last = len(choice.branches) - 1
        results = choice.branches[min(max(int(number), 0), last)].run(list(map(np.asarray, values)))
        packed = layout.empty()
        for place, n in enumerate(numbers):
            layout.write(packed, place, results[n])
        return packed

    def graphs(self, node: Node) -> tuple[Subgraph, ...]:
        choice, group = node.params
        numbers = layouts(choice)[group][0]
        return tuple(
            Subgraph(one.inputs, [one.outputs[n] for n in numbers]) for one in choice.branches
        )

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        choice, group = node.params
        given = {n: x for n, x in enumerate(tangents[1:]) if x is not None}
        if not given:
            return None
        nested = are_nested(node, *[x.node for x in given.values()])
        linear = [Linearised(branch, nested) for branch in choice.branches]
        seeds = [one.variables(list(given.values())) for one in linear]
        found = [
            one.tangents(dict(zip(given, own, strict=True)))
            for one, own in zip(linear, seeds, strict=True)
        ]
        outer = [*map(Tensor, node.inputs), *given.values()]
        return packed_group(layouts(choice), group, _derived(linear, seeds, found, outer, choice.policy))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        choice, group = node.params
        given = given_pieces(layouts(choice), group, adjoint)
        if not given:
            return [None] * len(wanted)
        nested = are_nested(node, *[x.node for x in given.values()])
        linear = [Linearised(branch, nested) for branch in choice.branches]
        seeds = [one.variables(list(given.values())) for one in linear]
        asked = [n for n, w in enumerate(wanted[1:]) if w and is_inexact(node.inputs[n + 1].dtype)]
        found = [
            one.adjoints(dict(zip(given, own, strict=True)), asked)
            for one, own in zip(linear, seeds, strict=True)
        ]
        if choice.policy != NOTHING:
            return [None, *_reading_saved(node, linear[0], given, seeds[0], found[0])]
        outer = [*map(Tensor, node.inputs), *given.values()]
        return [None, *_derived(linear, seeds, found, outer, choice.policy)]

    push, pull = jvp, vjp

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        choice, group = node.params
        size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        if batched[0]:
            results = _each_chosen(choice, inputs, batched, size)
        else:
            results = _all_chosen(choice, inputs, batched, size)
        return packed_group(layouts(choice), group, results)


_branch = register(Branch())


def branch(choice: Choice, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of the branch whose number is the first of the inputs."""
    return unpacked(_branch, inputs, choice, layouts(choice))


def _derived(
    linear: Sequence[Linearised],
    seeds: Sequence[Sequence[Tensor]],
    found: Sequence[Sequence[Tensor | None]],
    outer: Sequence[Tensor],
    policy: str,
) -> list[Tensor | None]:
    """Derivatives by branch as one branch of derivatives; None where they are zero in all."""
    count = len(found[0])
    models = [next((row[n] for row in found if row[n] is not None), None) for n in range(count)]
    there = [n for n in range(count) if models[n] is not None]
    if not there:
        return [None] * count
    branches = []
    for one, own, row in zip(linear, seeds, found, strict=True):
        results = []
        for n in there:
            result, model = row[n], models[n]
            assert model is not None
            results.append((zeros_of(model.node) if result is None else result).node)
        branches.append(Subgraph([x.node for x in (*one.inputs, *own)], results))
    return _placed(count, there, branch(Choice(tuple(branches), policy), outer))


def _reading_saved(
    node: Node,
    linear: Linearised,
    given: dict[int, Tensor],
    seeds: Sequence[Tensor],
    found: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """The adjoints of a single branch, which read what it has saved by its policy."""
    choice: Choice = node.params[0]
    outputs, inputs = [[x.node for x in xs] for xs in (linear.outputs, linear.inputs)]
    there = [n for n, x in enumerate(found) if x is not None]
    results = [x.node for x in found if x is not None]
    saved, read = saved_values(choice.policy, outputs, inputs, results)
    more = [x for x in saved if x not in outputs]
    wider = Choice(
        (Subgraph(inputs, [*outputs, *more]),), choice.policy, (*choice.leading, len(outputs))
    )
    number, *values = map(Tensor, node.inputs)
    forwards = branch(wider if more else choice, [number, *values])
    known = dict(zip([*outputs, *more], forwards, strict=True))
    taken = [n for n, x in enumerate(inputs) if x in read]
    back = Subgraph(
        [*[inputs[n] for n in taken], *saved, *[x.node for x in seeds]],
        results,
    )
    outer = [number, *[values[n] for n in taken], *[known[x] for x in saved], *given.values()]
    return _placed(len(found), there, branch(Choice((back,), choice.policy), outer))


def _placed(
    count: int, places: Sequence[int], results: Sequence[Tensor]
) -> list[Tensor | None]:
    """The results at their places among so many, None elsewhere."""
    answer: list[Tensor | None] = [None] * count
    for n, x in zip(places, results, strict=True):
        answer[n] = x
    return answer


def _each_chosen(
    choice: Choice, inputs: Sequence[Tensor], batched: Sequence[bool], size: int
) -> list[Tensor]:
    """The results where each example chooses for itself."""
    number, *values = inputs
    examples = [
        x if b else broadcast_to(x, (size, *x.node.shape))
        for x, b in zip(values, batched[1:], strict=True)
    ]
    rows = [_whole_batch(one, examples, size) for one in choice.branches]
    chosen = rows[-1]
    for k in range(len(rows) - 2, -1, -1):
        # In range: below the first counts as the first.
        here = equal(number, k) if k else number <= 0
        chosen = [
            where(reshape(here, (size, *(1,) * (len(a.node.shape) - 1))), a, b)
            for a, b in zip(rows[k], chosen, strict=True)
        ]
    return chosen


def _whole_batch(one: Subgraph, examples: Sequence[Tensor], size: int) -> list[Tensor]:
    """The results of a graph for many examples at once, in the graph of these."""
    plain = fresh_variables(one.inputs)
    outputs = instance(one, plain)
    given = {p.node: x for p, x in zip(plain, examples, strict=True)}
    found = batch([x.node for x in outputs], given)
    return [found.get(x.node, broadcast_to(x, (size, *x.node.shape))) for x in outputs]


def _all_chosen(
    choice: Choice, inputs: Sequence[Tensor], batched: Sequence[bool], size: int
) -> list[Tensor]:
    """The results where all examples take the same branch."""
    wider = []
    for one in choice.branches:
        variables = [
            fresh_variable((size, *x.shape) if b else x.shape, x.dtype)
            for x, b in zip(one.inputs, batched[1:], strict=True)
        ]
        plain = fresh_variables(one.inputs)
        outputs = instance(
            one, [p if b else v for p, v, b in zip(plain, variables, batched[1:], strict=True)]
        )
        given = {p.node: v for p, v, b in zip(plain, variables, batched[1:], strict=True) if b}
        found = batch([x.node for x in outputs], given)
        results = [found.get(x.node, broadcast_to(x, (size, *x.node.shape))) for x in outputs]
        wider.append(Subgraph([x.node for x in variables], [x.node for x in results]))
    return branch(replace(choice, branches=tuple(wider)), inputs)
