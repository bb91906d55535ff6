"""`branch`: one of several graphs, chosen by an integer; what is not chosen is not computed.

Its tangents and adjoints are branches by the same integer, into which the value is computed again.
Where examples choose differently, every branch is computed and `where` chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Op, register
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape, is_inexact
from adjoint.ops.control.derived import Linearised, instance, still_inputs
from adjoint.ops.control.packing import (
    Groups,
    given_pieces,
    groups_of,
    packed_group,
    unpacked,
)
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.kinks.dependence import is_differentiated
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.transforms.batch import batch


@dataclass(frozen=True)
class Choice:
    """The graphs to choose from, of equal inputs and equal results."""

    branches: tuple[Subgraph, ...]

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

    def params_text(self, node: Node) -> str:
        return f"{len(node.params[0].branches)} branches"

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
        linear = self.linearised(node, nested)
        seeds = [one.variables(list(given.values())) for one in linear]
        found = [
            one.tangents(dict(zip(given, own, strict=True)))
            for one, own in zip(linear, seeds, strict=True)
        ]
        outer = [*map(Tensor, node.inputs), *given.values()]
        return packed_group(layouts(choice), group, _derived(linear, seeds, found, outer))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        choice, group = node.params
        given = given_pieces(layouts(choice), group, adjoint)
        if not given:
            return [None] * len(wanted)
        nested = are_nested(node, *[x.node for x in given.values()])
        linear = self.linearised(node, nested)
        still = [not is_differentiated(x.node) for x in given.values()]
        seeds = [
            [one.variable(x.node, s) for x, s in zip(given.values(), still, strict=True)]
            for one in linear
        ]
        asked = [n for n, w in enumerate(wanted[1:]) if w and is_inexact(node.inputs[n + 1].dtype)]
        found = [
            one.adjoints(dict(zip(given, own, strict=True)), asked)
            for one, own in zip(linear, seeds, strict=True)
        ]
        outer = [*map(Tensor, node.inputs), *given.values()]
        return [None, *_derived(linear, seeds, found, outer)]

    push, pull = jvp, vjp

    def linearised(self, node: Node, nested: bool) -> list[Linearised]:
        """The branches, to be differentiated."""
        still = still_inputs(node.inputs[1:], node.params[0].branches[0], range(0))
        return [Linearised(one, nested, still) for one in node.params[0].branches]

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
    answer: list[Tensor | None] = [None] * count
    for n, x in zip(there, branch(Choice(tuple(branches)), outer), strict=True):
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
    return branch(Choice(tuple(wider)), inputs)
