"""Derivatives of the graph that a loop or a branch holds, as graphs of the same kind."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from collections.abc import Set as AbstractSet

from adjoint.graph.leaf import variable_node
from adjoint.graph.node import ALWAYS, Node, Scope
from adjoint.graph.subgraph import Subgraph, fresh_variable
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import BOOL, is_inexact
from adjoint.ops.control.closing import dependent
from adjoint.ops.elementwise.choice import where
from adjoint.ops.family.structural_zeros import known_mask, nonzero_mask, whole
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.kinks.dependence import is_differentiated
from adjoint.transforms.forward import forward
from adjoint.transforms.reverse import reverse
from adjoint.transforms.substitute import substitute

STILL = Scope(abstract=True, stopped=True)
"""Of variables of a subgraph by which nothing is differentiated."""


def instance(body: Subgraph, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a subgraph as nodes of the graph of `inputs`."""
    return substitute(body.outputs, dict(zip(body.inputs, inputs, strict=True)))


class GoingBack:
    """A step back: variables for the adjoints of the state, and what they become.

    `carried` and `masks` are variables, by number in the state; a mask says which elements are not
    zero by construction. `found` are the adjoints of the inputs.
    """

    def __init__(
        self,
        carried: dict[int, Tensor],
        masks: dict[int, Tensor],
        found: list[Tensor | None],
        state: range,
    ) -> None:
        self.carried, self.masks, self.found = carried, masks, found
        self.start = state.start

    def before(self) -> list[Tensor]:
        """The adjoints of the state before the step, and then their masks."""
        adjoints = [or_zeros(self.found[self.start + n], x) for n, x in self.carried.items()]
        return [*adjoints, *[self.mask(n) for n in self.masks]]

    def mask(self, number: int) -> Tensor:
        """Where the adjoint of a part of the state before the step is not zero by construction."""
        found = self.found[self.start + number]
        shape = self.carried[number].shape
        return whole(mask_of(found), shape)


class Linearised:
    """A subgraph made anew of fresh variables, to be differentiated.

    `nested`: the result may be differentiated again. `still` are the inputs, by number, that do not
    depend on what is differentiated by: an adjoint that is made of these alone is the same on both
    sides of a kink.
    """

    def __init__(self, body: Subgraph, nested: bool, still: AbstractSet[int] = frozenset()) -> None:
        self.nested = nested
        members = (ALWAYS, Scope(abstract=True)) if nested else (Scope(),)
        self.scope = Scope(abstract=True, members=members)
        self.has_kinks = any(x.op.kinks or x.op.family == "kinks" for x in body.order())
        self.inputs = [self.variable(x, n in still) for n, x in enumerate(body.inputs)]
        self.outputs = instance(body, self.inputs)
        self.may_be_infinite = any(x.node.may_be_infinite for x in self.outputs)
        """Whether a derivative may be infinite, here or before: then structural zeros count."""

    def variable(self, like: Node, is_still: bool = False) -> Tensor:
        """A variable of the shape and dtype of `like`."""
        scope = STILL if is_still else self.scope
        return Tensor(variable_node(None, like.shape, like.dtype, scope))

    def variables(self, like: Sequence[Tensor]) -> list[Tensor]:
        """Variables for tangents or adjoints of tensors."""
        return [self.variable(x.node) for x in like]

    def tangents(self, seeds: dict[int, Tensor]) -> list[Tensor | None]:
        """The tangents of the outputs for those of some inputs, by number."""
        given = {self.inputs[number].node: seed for number, seed in seeds.items()}
        found = forward([x.node for x in self.outputs], given)
        return [found.get(x.node) if is_inexact(x.dtype) else None for x in self.outputs]

    def adjoints(self, seeds: dict[int, Tensor], wanted: Sequence[int]) -> list[Tensor | None]:
        """The adjoints of all inputs, those `wanted` by number, for those of some outputs."""
        pairs = [(self.outputs[number].node, seed) for number, seed in seeds.items()]
        nodes = [self.inputs[number].node for number in wanted]
        found = reverse(pairs, nodes) if pairs else {}
        result: list[Tensor | None] = [None] * len(self.inputs)
        for number, node in zip(wanted, nodes, strict=True):
            if node in found:
                result[number] = found[node].sum()
        return result

    def moving(
        self, given: Iterable[int], state: range, dense: Iterable[int] | None
    ) -> tuple[dict[int, Tensor], dict[int, Tensor], list[Tensor | None]]:
        """Variables for the tangents of the inputs that move and for their masks, by number, and
        the tangents of the outputs.

        The `given` ones move, and what of the `state` moves after a step. The first outputs are the
        state after it. What is not `dense`, or not so after a step, has a mask, as in `going_back`;
        nothing has one if `dense` is None.
        """
        moving, whole_from_the_start = set(given), set(dense or ())
        while True:
            order = sorted(moving)
            variables = self.variables([self.inputs[n] for n in order])
            seeds = dict(zip(order, variables, strict=True))
            masks, own = self.masked(seeds, seeds if dense is None else whole_from_the_start)
            found = self.tangents(own)
            more = {n for n in state if found[n - state.start] is not None} - moving
            thinned = {
                n
                for n in whole_from_the_start
                if n in state and self.may_be_infinite and _has_zeros(found[n - state.start])
            }
            if not more and not thinned:
                return seeds, masks, found
            moving |= more
            whole_from_the_start -= thinned

    def masked(
        self, variables: dict[int, Tensor], dense: Container[int]
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Variables for masks of those that are not `dense`, and all with their masks applied."""
        masks = {
            n: fresh_variable(x.shape, BOOL, self.nested)
            for n, x in variables.items()
            if self.may_be_infinite and n not in dense
        }
        own = {n: where(masks[n], x, 0.0) if n in masks else x for n, x in variables.items()}
        return masks, own

    def going_back(
        self,
        given: Iterable[int],
        state: range,
        wanted: Sequence[int],
        seeds: dict[int, Tensor],
        dense: Iterable[int],
        still: Iterable[int] = (),
    ) -> GoingBack:
        """A step back. The first outputs are the state, of which those `given` have adjoints.

        `seeds` are the adjoints of other outputs. Of those of the state that are not `dense` some
        elements, or all, are zero by construction at first, and of others after a step: these must
        not meet an infinite derivative, so a mask goes along. The adjoints of those that are
        `still` are constant.
        """
        active, whole_from_the_start = set(given), set(dense)
        moving = active - set(still) if self.has_kinks else {n - state.start for n in state}
        while True:
            order = sorted(active)
            carried = {n: self.variable(self.outputs[n].node, n not in moving) for n in order}
            masks, own = self.masked(carried, whole_from_the_start)
            found = self.adjoints(seeds | own, wanted)
            before = {n - state.start: x for n in state if (x := found[n]) is not None}
            turning = {n for n, x in before.items() if x.node.varies()}
            thinned = {
                n
                for n in whole_from_the_start
                if self.may_be_infinite and _has_zeros(found[n + state.start])
            }
            if active.issuperset(before) and moving >= turning and not thinned:
                return GoingBack(carried, masks, found, state)
            active |= before.keys()
            moving |= turning
            whole_from_the_start -= thinned


def mask_of(x: Tensor | None) -> Tensor | None:
    """The nonzero mask of a derivative, of which None stands for one that is zero."""
    return known_mask(False) if x is None else nonzero_mask(x)


def _has_zeros(x: Tensor | None) -> bool:
    """Whether elements of an adjoint are zero by construction."""
    return x is not None and nonzero_mask(x) is not None


def still_inputs(inputs: Sequence[Node], body: Subgraph, state: range) -> set[int]:
    """The numbers of the inputs of a loop that never depend on what is differentiated by.

    The first outputs of its `body` are the `state`.
    """
    order = body.order()
    moving = {n for n, x in enumerate(inputs) if is_differentiated(x)}
    while True:
        reached = dependent(order, [body.inputs[n] for n in moving])
        more = {n for n in state if body.outputs[n - state.start] in reached} - moving
        if not more:
            return set(range(len(inputs))) - moving
        moving |= more


def or_zeros(x: Tensor | None, like: Tensor) -> Tensor:
    """A derivative, or the zeros that it stands for."""
    return zeros_of(like.node) if x is None else x
