"""What `while_loop` repeats: over states, over states with their tangents, over many examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape
from adjoint.ops.control.derived import Linearised, instance, mask_of, or_zeros
from adjoint.ops.control.packing import unpacked
from adjoint.ops.elementwise.choice import where
from adjoint.ops.family.structural_zeros import keep_where, nonzero_mask, whole
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.reductions.reduction import any as any_of
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.transforms.batch import batch

LIKELY_ROUNDS = 100
"""How often a loop is taken to go round where that has to be guessed, to weigh what it costs."""


@dataclass(frozen=True)
class Rounds:
    """A `body` repeated while `condition` holds; both take the constants and the state.

    `memory`: the bytes of states that are kept for a way back.
    """

    condition: Subgraph
    body: Subgraph
    constants: int
    memory: int

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each part of the state."""
        return [(x.shape, x.dtype) for x in self.body.outputs]

    def holds(self, values: Sequence[Any]) -> bool:
        """Whether there is another round."""
        return bool(self.condition.run(values)[0])


def while_loop(loop: Rounds, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The last state of a loop."""
    return unpacked(find("while_loop"), inputs, loop)


class Doubled:
    """A loop over the state and the tangents of those parts of it that move.

    `given` are the tangents of inputs, by number; parts of the state that move after a step have
    one, too. Where elements may be zero by construction, a mask goes along with the tangent.
    """

    def __init__(self, loop: Rounds, given: dict[int, Tensor], nested: bool) -> None:
        linear = Linearised(loop.body, nested)
        state = range(loop.constants, len(linear.inputs))
        dense = [n for n, x in given.items() if nonzero_mask(x) is None]
        linear.may_be_infinite |= len(dense) < len(given)  # the masks must arrive in the result
        seeds, masks, found = linear.moving(given, state, dense)
        self.constants = [n for n in seeds if n < loop.constants]
        self.state = [n for n in seeds if n >= loop.constants]
        self.masked_constants = [n for n in self.constants if n in masks]
        self.masked_state = [n for n in self.state if n in masks]
        self.old = loop
        inputs = [
            *linear.inputs[: loop.constants],
            *[seeds[n] for n in self.constants],
            *[masks[n] for n in self.masked_constants],
            *linear.inputs[loop.constants :],
            *[seeds[n] for n in self.state],
            *[masks[n] for n in self.masked_state],
        ]
        moved = [or_zeros(found[n - loop.constants], seeds[n]) for n in self.state]
        after = [
            whole(mask_of(found[n - loop.constants]), linear.inputs[n].shape)
            for n in self.masked_state
        ]
        outputs = [*linear.outputs, *moved, *after]
        nodes = [x.node for x in inputs]
        condition = Subgraph(nodes, [x.node for x in instance(loop.condition, linear.inputs)])
        body = Subgraph(nodes, [x.node for x in outputs])
        self.more_constants = len(self.constants) + len(self.masked_constants)
        self.loop = replace(
            loop,
            condition=condition,
            body=body,
            constants=loop.constants + self.more_constants,
        )

    def inputs(self, given: Sequence[Node], tangents: dict[int, Tensor]) -> list[Tensor]:
        """The inputs of the loop, for those of the old one and tangents of some of them."""

        def tangent(n: int) -> Tensor:
            return tangents[n] if n in tangents else zeros_of(given[n])

        def mask(n: int) -> Tensor:
            return whole(mask_of(tangents.get(n)), given[n].shape)

        count = self.old.constants
        return [
            *map(Tensor, given[:count]),
            *map(tangent, self.constants),
            *map(mask, self.masked_constants),
            *map(Tensor, given[count:]),
            *map(tangent, self.state),
            *map(mask, self.masked_state),
        ]

    def tangents(self, results: Sequence[Tensor]) -> list[Tensor | None]:
        """The tangents of the last state, in the results of the loop."""
        found: list[Tensor | None] = [None] * len(self.old.body.outputs)
        count, moved = len(found), len(self.state)
        tangents = dict(zip(self.state, results[count:], strict=False))
        for n, mask in zip(self.masked_state, results[count + moved :], strict=True):
            tangents[n] = keep_where(mask, tangents[n])
        for n, x in tangents.items():
            found[n - self.old.constants] = x
        return found

    def number(self, n: int) -> int:
        """The number among the inputs of the loop of input `n` of the old one."""
        return n if n < self.old.constants else n + self.more_constants


def batched_rounds(
    loop: Rounds, inputs: Sequence[Tensor], batched: Sequence[bool]
) -> tuple[Rounds, list[Tensor]]:
    """A loop over many examples at once, which goes on while any of them does.

    The state of an example that is done stays as it is.
    """
    size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    given = [
        x if b or n < loop.constants else broadcast_to(x, (size, *x.node.shape))
        for n, (x, b) in enumerate(zip(inputs, batched, strict=True))
    ]
    many = [b or n >= loop.constants for n, b in enumerate(batched)]
    plain = fresh_variables(loop.body.inputs)
    wide = [
        fresh_variable((size, *x.node.shape), x.node.dtype) if b else x
        for x, b in zip(plain, many, strict=True)
    ]
    examples = {p.node: w for p, w, b in zip(plain, wide, many, strict=True) if b}

    def over_all(graph: Subgraph) -> list[Tensor]:
        outputs = instance(graph, plain)
        found = batch([x.node for x in outputs], examples)
        return [found.get(x.node, broadcast_to(x, (size, *x.node.shape))) for x in outputs]

    (goes_on,) = over_all(loop.condition)
    results = [
        where(reshape(goes_on, (size, *(1,) * (len(old.node.shape) - 1))), new, old)
        for new, old in zip(over_all(loop.body), wide[loop.constants :], strict=True)
    ]
    nodes = [x.node for x in wide]
    wider = replace(
        loop,
        condition=Subgraph(nodes, [any_of(goes_on).node]),
        body=Subgraph(nodes, [x.node for x in results]),
    )
    return wider, given
