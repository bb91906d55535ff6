"""Where the nan in the results of a loop or a branch comes from: all is computed once more.

Round by round the graph is built and evaluated as a user's own nodes are, while nan are traced (see
`adjoint.graph.nans`), so that the operation inside is named, and the round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adjoint.graph import engine, nans
from adjoint.graph.node import Node
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.derived import instance
from adjoint.ops.control.rounds import Rounds


def results_in(node: Node, what: str, graph: Subgraph, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a graph that a node holds, computed with the origins of their nan."""
    with nans.searching(node, what):
        outputs = instance(graph, inputs)
        engine.compute([x.node for x in outputs])
    return outputs


def rounds_searched(node: Node, loop: Rounds, inputs: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The state before each round of a loop that a node holds, and the last one."""
    constants, state = list(inputs[: loop.constants]), list(inputs[loop.constants :])
    number = 0
    while loop.holds([x.node.value for x in (*constants, *state)]):
        yield state
        state = results_in(node, f"round {number} of the loop", loop.body, [*constants, *state])
        number += 1
    yield state


def origins_of(results: Sequence[Tensor]) -> dict[int, str]:
    """What made the nan in each of the results that hold one, by their numbers."""
    found = {n: nans.origin_of(x.node) for n, x in enumerate(results)}
    return {n: origin for n, origin in found.items() if origin is not None}
