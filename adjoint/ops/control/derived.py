"""Derivatives of the graph that a loop or a branch holds, as graphs of the same kind."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.subgraph import Subgraph, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import is_inexact
from adjoint.transforms.forward import forward
from adjoint.transforms.reverse import reverse
from adjoint.transforms.substitute import substitute


def instance(body: Subgraph, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a subgraph as nodes of the graph of `inputs`."""
    return substitute(body.outputs, dict(zip(body.inputs, inputs, strict=True)))


class Linearised:
    """A subgraph made anew of fresh variables, to be differentiated.

    `nested`: the result may be differentiated again.
    """

    def __init__(self, body: Subgraph, nested: bool) -> None:
        self.nested = nested
        self.inputs = fresh_variables(body.inputs, nested)
        self.outputs = instance(body, self.inputs)

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


def inexact(nodes: Sequence[Node]) -> list[int]:
    """The numbers of those that have derivatives."""
    return [number for number, x in enumerate(nodes) if is_inexact(x.dtype)]
