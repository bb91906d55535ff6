"""`while_loop`: a graph repeated as long as another says so."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Coefficients, Op, register
from adjoint.graph.subgraph import Subgraph, fresh_variables
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, is_inexact
from adjoint.ops.control import dependence
from adjoint.ops.control.dependence import while_patterns
from adjoint.ops.control.expanding import packed_rows, while_series
from adjoint.ops.control.packing import given_pieces, packed_group
from adjoint.ops.control.rounds import (
    LIKELY_ROUNDS,
    Doubled,
    Rounds,
    batched_rounds,
    layouts,
    while_loop,
)
from adjoint.ops.control.while_adjoint import while_adjoints
from adjoint.transforms.coefficients import Rules


class WhileLoop(Op):
    """The packed last state of a loop, of one group of its parts."""

    name = "while_loop"
    family = "control"
    param_names = ("loop", "group")

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *_, loop, group = args
        layout = layouts(loop)[group][1]
        return (layout.starts[-1],), layout.dtype

    def evaluate(self, *args: Any) -> Any:
        *values, loop, group = args
        values = list(map(np.asarray, values))
        constants, state = values[: loop.constants], values[loop.constants :]
        runner = whole_graph(loop, group).runner
        rounds = 0
        while loop.holds([*constants, *state]):
            if rounds % LIKELY_ROUNDS == 0:  # so many are what the runner reckons with each time
                found = runner.natively([*constants, *state])
                if found is not None:
                    return found[0]
            state = loop.body.run([*constants, *state])
            rounds += 1
        numbers, layout = layouts(loop)[group]
        packed = layout.empty()
        for place, number in enumerate(numbers):
            layout.write(packed, place, state[number])
        return packed

    def params_text(self, node: Node) -> str:
        return ""

    def rounds(self, node: Node) -> int:
        return LIKELY_ROUNDS

    def graphs(self, node: Node) -> tuple[Subgraph, ...]:
        loop = node.params[0]
        return loop.condition, loop.body

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        loop, group = node.params
        given = {n: x for n, x in enumerate(tangents) if x is not None}
        if not given:
            return None
        doubled = Doubled(loop, given, are_nested(node, *[x.node for x in given.values()]))
        results = while_loop(doubled.loop, doubled.inputs(node.inputs, given))
        return packed_group(layouts(loop), group, doubled.tangents(results))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        loop, group = node.params
        given = given_pieces(layouts(loop), group, adjoint)
        asked = tuple(n for n, w in enumerate(wanted) if w and is_inexact(node.inputs[n].dtype))
        result: list[Tensor | None] = [None] * len(wanted)
        if given and asked:
            found = while_adjoints(loop, list(map(Tensor, node.inputs)), given, asked)
            for n, x in zip(asked, found, strict=True):
                result[n] = x
        return result

    push, pull = jvp, vjp
    expands = True

    def coefficients(
        self, node: Node, given: Sequence[Coefficients], rules: Rules, weight: int
    ) -> Sequence[Tensor | None]:
        loop, group = node.params
        found = while_series(node, loop, given, rules)
        return packed_rows(node, layouts(loop), group, found, len(loop.pieces()), len(given[0]))

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        loop, group = node.params
        found = while_patterns(loop, given, columns)
        return dependence.packed_group(layouts(loop), group, found, columns)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        loop, group = node.params
        wider, given = batched_rounds(loop, inputs, batched)
        return packed_group(layouts(loop), group, while_loop(wider, given))


_while_loop = register(WhileLoop())


@lru_cache(maxsize=256)
def whole_graph(loop: Rounds, group: int) -> Subgraph:
    """A graph of nothing but the loop."""
    variables = fresh_variables(loop.body.inputs)
    packed = make(_while_loop, variables, (loop, group))
    return Subgraph([x.node for x in variables], [packed.node])
