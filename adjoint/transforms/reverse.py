"""Reverse mode by extending the graph: adjoints are ordinary nodes.

So they can be printed, simplified, compiled and differentiated again. The sweep computes no value
and knows no operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adjoint.graph.node import Node, Scope
from adjoint.graph.subgradients import choosing, chosen
from adjoint.graph.tensor import Tensor
from adjoint.transforms.paths import between


@dataclass(slots=True, init=False)
class Adjoint:
    """The partial adjoints that a node received, from whom, and their sum."""

    partials: list[tuple[Node | None, Tensor]]
    total: Tensor | None

    def __init__(self, *partials: tuple[Node | None, Tensor]) -> None:
        self.partials = [*partials]
        self.total = None

    def sum(self) -> Tensor:
        """The sum of the partial adjoints, which is the adjoint of the node."""
        if self.total is None:
            self.total = self.partials[0][1]
            for _, partial in self.partials[1:]:
                self.total = self.total + partial
        return self.total


def reverse(
    seeds: Sequence[tuple[Node, Tensor]],
    inputs: Iterable[Node] | None = None,
    scope: Scope | None = None,
) -> dict[Node, Adjoint]:
    """The adjoints of the nodes between `inputs` and the seeded outputs, in reverse order.

    Seed the outputs; walk the reverse topological order; a node's adjoint is the sum of its
    partial adjoints; send each input its share. A node with a smooth form sends everything to the
    form. `inputs` defaults to every node; `scope` is as in `between`. What was sent on is dropped
    unless every adjoint is wanted, so that memory can be freed.
    """
    if chosen() is not None:  # the rules take no notice
        with choosing(None):
            return reverse(seeds, inputs, scope)
    kept = None if inputs is None else set(inputs)
    adjoints: dict[Node, Adjoint] = {}
    for node, seed in seeds:
        adjoints.setdefault(node, Adjoint()).partials.append((None, seed))
    needed = between([node for node, _ in seeds], kept, scope)
    while needed:
        node, taken = needed.popitem()  # the last: users before inputs
        wanted = [child in needed for child in taken.inputs]
        if node not in adjoints or not any(wanted) or 0 in taken.shape:
            continue  # what has no elements sends nothing, not even a zero
        shares = taken.op.pull(taken, adjoints[node].sum(), wanted)
        for child, share, want in zip(taken.inputs, shares, wanted, strict=True):
            if want and share is not None:
                if child in adjoints:
                    adjoints[child].partials.append((node, share))
                else:
                    adjoints[child] = Adjoint((node, share))
        if kept is not None and node not in kept:
            del adjoints[node]
    return adjoints
