"""A closed graph: what a loop repeats, or a branch computes, as a parameter of an operation.

Its inputs are variables without values, and it reaches no node outside. Two subgraphs of the same
structure are equal, so that they share what is made of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adjoint.errors import GraphError
from adjoint.graph import engine
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import ALWAYS, Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape

Array = np.ndarray[Any, Any]


class Subgraph:
    """The graph between `inputs` and `outputs`. Immutable; hashed and compared by structure."""

    __slots__ = ("_runner", "inputs", "key", "outputs")

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.key = _structure(self.inputs, self.outputs)
        self._runner: engine.Runner | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subgraph) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"<subgraph {self.key[:16]}>"

    def order(self) -> list[Node]:
        """The nodes, inputs before users."""
        ends = set(self.inputs)
        return topological_order(
            [*self.inputs, *self.outputs], lambda n: () if n in ends else n.inputs
        )

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """The values of the outputs for values of the inputs."""
        return self.runner.run(arrays)

    @property
    def runner(self) -> engine.Runner:
        """What runs it; made when first needed."""
        if self._runner is None:
            self._runner = engine.runner_for(self)
        return self._runner


def fresh_variables(like: Sequence[Node], nested: bool = False) -> list[Tensor]:
    """Variables without values, of the shapes and dtypes of `like`, as inputs of a subgraph."""
    return [fresh_variable(x.shape, x.dtype, nested) for x in like]


def fresh_variable(shape: Shape, dtype: DType, nested: bool = False) -> Tensor:
    """A variable without a value.

    `nested`: what is made of it may be differentiated again, so that derivatives at kinks have to
    say what they chose (see `adjoint.graph.node.are_nested`).
    """
    own = Scope(abstract=True)
    scope = Scope(abstract=True, members=(ALWAYS, own)) if nested else own
    return Tensor(variable_node(None, shape, dtype, scope))


def _structure(inputs: Sequence[Node], outputs: Sequence[Node]) -> str:
    """A digest of all that the values of the outputs depend on, beside those of the inputs."""
    digest = hashlib.sha256()
    ends = set(inputs)
    order = topological_order([*inputs, *outputs], lambda n: () if n in ends else n.inputs)
    number: Mapping[Node, int] = {node: i for i, node in enumerate(order)}
    for node in order:
        children = () if node in ends else [number[x] for x in node.inputs]
        params = () if node in ends else node.params
        name = "input" if node in ends else node.op.name
        digest.update(f"{name}{children}{params!r}{node.shape}{node.dtype.str}\n".encode())
        if node.inputs if node in ends else not node.inputs and node.value is None:
            raise GraphError(
                f"a loop or a branch holds a graph that is not closed at {node!r}; please report "
                f"this function"
            )
        if node not in ends and not node.inputs:
            digest.update(np.ascontiguousarray(node.value).tobytes())
    digest.update(f"{[number[x] for x in inputs]}{[number[x] for x in outputs]}".encode())
    return digest.hexdigest()
