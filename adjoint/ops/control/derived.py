"""Derivatives of the graph that a loop or a branch holds, as graphs of the same kind."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import BOOL, is_inexact
from adjoint.ops.elementwise.choice import where
from adjoint.ops.family.structural_zeros import known_mask, nonzero_mask, whole
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.transforms.forward import forward
from adjoint.transforms.reverse import reverse
from adjoint.transforms.substitute import substitute


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
        return whole(known_mask(False) if found is None else nonzero_mask(found), shape)


class Linearised:
    """A subgraph made anew of fresh variables, to be differentiated.

    `nested`: the result may be differentiated again.
    """

    def __init__(self, body: Subgraph, nested: bool) -> None:
        self.nested = nested
        self.inputs = fresh_variables(body.inputs, nested)
        self.outputs = instance(body, self.inputs)
        self.may_be_infinite = any(x.node.may_be_infinite for x in self.outputs)

    def variables(self, like: Sequence[Tensor]) -> list[Tensor]:
        """Variables for tangents or adjoints of tensors."""
        return fresh_variables([x.node for x in like], self.nested)

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
    ) -> GoingBack:
        """A step back. The first outputs are the state, of which those `given` have adjoints.

        `seeds` are the adjoints of other outputs. Of those of the state that are not `dense` some
        elements, or all, are zero by construction at first, and of others after a step: these must
        not meet an infinite derivative, so a mask goes along.
        """
        active, whole_from_the_start = set(given), set(dense)
        while True:
            order = sorted(active)
            variables = self.variables([self.outputs[n] for n in order])
            carried = dict(zip(order, variables, strict=True))
            masks, own = self.masked(carried, whole_from_the_start)
            found = self.adjoints(seeds | own, wanted)
            more = {n - state.start for n in state if found[n] is not None} - active
            thinned = {
                n
                for n in whole_from_the_start
                if self.may_be_infinite and _has_zeros(found[n + state.start])
            }
            if not more and not thinned:
                return GoingBack(carried, masks, found, state)
            active |= more
            whole_from_the_start -= thinned


def _has_zeros(x: Tensor | None) -> bool:
    """Whether elements of an adjoint are zero by construction."""
    return x is not None and nonzero_mask(x) is not None


def or_zeros(x: Tensor | None, like: Tensor) -> Tensor:
    """A derivative, or the zeros that it stands for."""
    return zeros_of(like.node) if x is None else x
