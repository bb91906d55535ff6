"""Sparsity patterns through loops and branches (see `transforms.sparsity`).

The pattern of one step, taken once, is a sparse matrix; a loop multiplies by it as often as it goes
round, one whose length is not known until nothing more comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from adjoint.graph.subgraph import Subgraph
from adjoint.graph.types import size_of
from adjoint.ops.control.loop import Loop
from adjoint.ops.control.packing import Groups, packed_pattern
from adjoint.ops.control.rounds import Rounds
from adjoint.transforms.sparsity import (
    Pattern,
    empty,
    identities,
    is_moving,
    patterns,
    stacked,
)


def graph_pattern(graph: Subgraph) -> list[Pattern]:
    """The patterns of the results of a graph, for all elements of its inputs."""
    given, columns = identities(graph.inputs)
    found = patterns(graph.outputs, given, columns)
    return [whole(p, size_of(y.shape), columns) for p, y in zip(found, graph.outputs, strict=True)]


def whole(pattern: Pattern | None, rows: int, columns: int) -> Pattern:
    """A pattern; an empty one for what has no derivative."""
    return pattern if is_moving(pattern) else empty(rows, columns)


def all_given(graph: Subgraph, given: Sequence[Pattern | None], columns: int) -> Pattern:
    """The patterns of all inputs of a graph, below each other."""
    sizes = [size_of(x.shape) for x in graph.inputs]
    return stacked([whole(p, n, columns) for p, n in zip(given, sizes, strict=True)])


def results_of_graph(
    graph: Subgraph, given: Sequence[Pattern | None], columns: int
) -> list[Pattern]:
    """The patterns of the results of a graph for those of its inputs."""
    below = all_given(graph, given, columns)
    return [p @ below for p in graph_pattern(graph)]


def scan_patterns(loop: Loop, given: Sequence[Pattern | None], columns: int) -> list[Pattern]:
    """The patterns of the last state and of the stacked ys."""
    first = loop.constants + loop.state
    inputs = loop.body.inputs
    own = [
        whole(p, size_of(x.shape) * (1 if n < first else loop.length), columns)
        for n, (p, x) in enumerate(zip(given, inputs, strict=True))
    ]
    steps = graph_pattern(loop.body)
    constants, state, xs = own[: loop.constants], own[loop.constants : first], own[first:]
    sizes = [size_of(x.shape) for x in inputs[first:]]
    rows: list[list[Pattern]] = [[] for _ in steps[loop.state :]]
    order = range(loop.length)
    for t in reversed(order) if loop.backwards else order:
        slices = [x[t * n : (t + 1) * n] for x, n in zip(xs, sizes, strict=True)]
        below = stacked([*constants, *state, *slices])
        found = [p @ below for p in steps]
        state = found[: loop.state]
        for stack, y in zip(rows, found[loop.state :], strict=True):
            stack.append(y)
    return [*state, *[stacked(stack[::-1] if loop.backwards else stack) for stack in rows]]


def while_patterns(loop: Rounds, given: Sequence[Pattern | None], columns: int) -> list[Pattern]:
    """The patterns of the last state, after any number of rounds."""
    own = all_given(loop.body, given, columns)
    before = sum(size_of(x.shape) for x in loop.body.inputs[: loop.constants])
    step = stacked(graph_pattern(loop.body))
    constants, state = own[:before], own[before:]
    while True:
        more = state + step @ stacked([constants, state])
        if more.nnz == state.nnz:
            break
        state = more
    ends = [0]
    for x in loop.body.outputs:
        ends.append(ends[-1] + size_of(x.shape))
    return [state[start:stop] for start, stop in pairwise(ends)]


def packed_group(groups: Groups, group: int, results: Sequence[Pattern], columns: int) -> Pattern:
    """The pattern of a packed group of results."""
    numbers, layout = groups[group]
    return packed_pattern(layout, {place: results[n] for place, n in enumerate(numbers)}, columns)
