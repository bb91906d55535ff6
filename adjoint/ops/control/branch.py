"""`branch`: one of several graphs, chosen by an integer; what is not chosen is not computed.

Its tangents and adjoints are branches by the same integer, into which the value is computed again.
Where examples choose differently, every branch is computed and `where` chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Coefficients, register
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape, is_inexact
from adjoint.ops.control import dependence
from adjoint.ops.control.closing import closed
from adjoint.ops.control.dependence import results_of_graph
from adjoint.ops.control.derived import Linearised, instance, still_inputs
from adjoint.ops.control.expanding import branch_outputs, packed_rows
from adjoint.ops.control.nan_search import origins_of, results_in
from adjoint.ops.control.origins import deriving
from adjoint.ops.control.packing import (
    PackedOp,
    given_pieces,
    layouts,
    packed_group,
    packed_values,
    unpacked,
)
from adjoint.ops.control.saving import NOTHING, saved_values
from adjoint.ops.control.sources import sources_in_graphs
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.family.structural_zeros import known_mask, nonzero_mask, whole
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.kinks.dependence import is_differentiated
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.transforms.batch import batch
from adjoint.transforms.coefficients import Rules


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


class Branch(PackedOp):
    """The packed results of the branch whose number is the first input, brought into range."""

    name = "branch"
    called_by = "cond, switch or checkpoint"
    shares_results = True
    param_names = ("choice", "group")

    def run(self, held: Choice, group: int, values: list[Any]) -> Any:
        number, *operands = values
        chosen = min(max(int(number), 0), len(held.branches) - 1)
        return packed_values(held, group, held.branches[chosen].run(operands))

    def nan_origins_of(self, node: Node, held: Choice, values: Sequence[Tensor]) -> dict[int, str]:
        number, *operands = values
        chosen = min(max(int(number.node.value), 0), len(held.branches) - 1)
        what = f"branch {chosen}" if len(held.branches) > 1 else "the checkpointed function"
        return origins_of(results_in(node, what, held.branches[chosen], operands))

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
        derivatives = Derivatives(node, given)
        found = [
            one.tangents(seeds.values)
            for one, seeds in zip(derivatives.linear, derivatives.seeds, strict=True)
        ]
        return packed_group(choice, group, derivatives.results(found))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        choice, group = node.params
        given = given_pieces(choice, group, adjoint)
        if not given:
            return [None] * len(wanted)
        still = {n for n, x in given.items() if not is_differentiated(x.node)}
        derivatives = Derivatives(node, given, still)
        asked = [n for n, w in enumerate(wanted[1:]) if w and is_inexact(node.inputs[n + 1].dtype)]
        found = [
            one.adjoints(seeds.values, asked)
            for one, seeds in zip(derivatives.linear, derivatives.seeds, strict=True)
        ]
        return [None, *derivatives.results(found, choice.policy != NOTHING)]

    def sources(self, held: Choice) -> Sequence[AbstractSet[int]]:
        return sources_in_graphs(held.branches)

    push, pull = deriving(jvp), deriving(vjp)
    expands = True

    def coefficients(
        self, node: Node, given: Sequence[Coefficients], rules: Rules, weight: int
    ) -> Sequence[Tensor | None]:
        choice, group = node.params
        number, *inputs = map(Tensor, node.inputs)
        branches, places, more = branch_outputs(choice.branches, given[1:], rules)
        results = branch(Choice(tuple(branches), choice.policy), [number, *inputs, *more])
        found = dict(zip(places, results, strict=True))
        return packed_rows(node, choice, group, found, len(given[0]))

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        choice, group = node.params
        rows = [results_of_graph(one, given[1:], columns) for one in choice.branches]
        found = [reduce(add, column) for column in zip(*rows, strict=True)]
        return dependence.packed_group(layouts(choice), group, found, columns)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        choice, group = node.params
        size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        if batched[0]:
            results = _each_chosen(choice, inputs, batched, size)
        else:
            results = _all_chosen(choice, inputs, batched, size)
        return packed_group(choice, group, results)


_branch = register(Branch())


def branch(choice: Choice, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of the branch whose number is the first of the inputs."""
    return unpacked(_branch, inputs, choice)


class Seeds:
    """Variables of one branch in place of tangents or adjoints, and of their masks."""

    def __init__(
        self,
        linear: Linearised,
        given: dict[int, Tensor],
        masks: dict[int, Tensor],
        still: AbstractSet[int],
    ) -> None:
        variables = [linear.variable(x.node, n in still) for n, x in given.items()]
        own = linear.variables(list(masks.values()))
        self.values = dict(zip(given, variables, strict=True))
        for n, mask in zip(masks, own, strict=True):
            self.values[n] = where(mask, self.values[n], 0.0)
        self.nodes = [x.node for x in (*variables, *own)]


class Derivatives:
    """The branches that compute the tangents or adjoints of a branch, for those `given`.

    Those of them that are `still` do not depend on what is differentiated by.
    Where these are zero by construction, they must not meet an infinite derivative: masks go in
    with them, and others come out with the results.
    """

    def __init__(
        self, node: Node, given: dict[int, Tensor], still: AbstractSet[int] = frozenset()
    ) -> None:
        self.choice: Choice = node.params[0]
        self.number, *self.inputs = map(Tensor, node.inputs)
        nested = are_nested(node, *[x.node for x in given.values()])
        masks = {
            n: whole(m, x.shape) for n, x in given.items() if (m := nonzero_mask(x)) is not None
        }
        self.given = [*given.values(), *masks.values()]
        unmoved = still_inputs(node.inputs[1:], self.choice.branches[0], range(0))
        self.linear = [Linearised(branch, nested, unmoved) for branch in self.choice.branches]
        self.seeds = [Seeds(one, given, masks, still) for one in self.linear]

    def results(
        self, found: Sequence[Sequence[Tensor | None]], reads_saved: bool = False
    ) -> list[Tensor | None]:
        """What was `found` for each branch, as results of one; None if it is zero in all."""
        models = [
            next((x for x in column if x is not None), None) for column in zip(*found, strict=True)
        ]
        there = [n for n, x in enumerate(models) if x is not None]
        if not there:
            return list(models)
        rows = [[_result(row[n], models[n]) for n in there] for row in found]
        masks = [[nonzero_mask(x) for x in row] for row in rows]
        masked = [n for n in range(len(there)) if any(row[n] is not None for row in masks)]
        for row, own in zip(rows, masks, strict=True):
            row += [whole(own[n], row[n].shape) for n in masked]
        outputs = [[x.node for x in row] for row in rows]
        results = self.reading_saved(outputs[0]) if reads_saved else self.computed_again(outputs)
        for n, mask in zip(masked, results[len(there) :], strict=True):
            results[n] = where(mask, results[n], 0.0)
        for n, x in zip(there, results, strict=False):
            models[n] = x
        return list(models)

    def computed_again(self, outputs: Sequence[Sequence[Node]]) -> list[Tensor]:
        """The outputs of branches that compute all they need of the branches once more."""
        branches = [
            Subgraph([*[x.node for x in one.inputs], *seeds.nodes], own)
            for one, seeds, own in zip(self.linear, self.seeds, outputs, strict=True)
        ]
        choice = Choice(tuple(branches), self.choice.policy)
        return branch(choice, [self.number, *self.inputs, *self.given])

    def reading_saved(self, results: Sequence[Node]) -> list[Tensor]:
        """The outputs of a branch that reads what the single branch saves by its policy."""
        (linear,), (seeds,), choice = self.linear, self.seeds, self.choice
        outputs, inputs = [[x.node for x in xs] for xs in (linear.outputs, linear.inputs)]
        saved, read = saved_values(choice.policy, outputs, inputs, results)
        more = [x for x in saved if x not in outputs]
        if more:
            leading = (*choice.leading, len(outputs))
            choice = Choice((Subgraph(inputs, [*outputs, *more]),), choice.policy, leading)
        forwards = branch(choice, [self.number, *self.inputs])
        known = dict(zip([*outputs, *more], forwards, strict=True))
        taken = [n for n, x in enumerate(inputs) if x in read]
        back = closed(results, [*[inputs[n] for n in taken], *seeds.nodes], saved)
        given = [*[known[x] for x in saved], *[self.inputs[n] for n in taken], *self.given]
        return branch(Choice((back,), choice.policy), [self.number, *given])


def _result(x: Tensor | None, model: Tensor | None) -> Tensor:
    """A derivative in one branch, or zeros like the `model` in another, zero by construction."""
    if x is not None:
        return x
    assert model is not None
    return where(known_mask(False), zeros_of(model.node), 0.0)


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
