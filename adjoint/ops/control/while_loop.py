"""`while_loop`: a graph repeated as long as another says so."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any

from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Coefficients, register
from adjoint.graph.subgraph import Subgraph, fresh_variables
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import is_inexact
from adjoint.ops.control import dependence
from adjoint.ops.control.dependence import while_patterns
from adjoint.ops.control.expanding import packed_rows, while_series
from adjoint.ops.control.nan_search import origins_of, rounds_searched
from adjoint.ops.control.origins import deriving
from adjoint.ops.control.packing import PackedOp, given_pieces, layouts, packed_group, packed_values
from adjoint.ops.control.rounds import (
    LIKELY_ROUNDS,
    Doubled,
    Rounds,
    batched_rounds,
    while_loop,
)
from adjoint.ops.control.sources import sources_in_graphs
from adjoint.ops.control.while_adjoint import while_adjoints
from adjoint.transforms.coefficients import Rules


class WhileLoop(PackedOp):
    """The packed last state of a loop, of one group of its parts."""

    name = "while_loop"
    called_by = "while_loop or fori_loop"
    param_names = ("loop", "group")

    def run(self, held: Rounds, group: int, values: list[Any]) -> Any:
        constants, state = values[: held.constants], values[held.constants :]
        runner = whole_graph(held, group).runner
        rounds = 0
        while held.holds([*constants, *state]):
            if rounds % LIKELY_ROUNDS == 0:  # so many are what the runner reckons with each time
                found = runner.natively([*constants, *state])
                if found is not None:
                    return found[0]
            state = held.body.run([*constants, *state])
            rounds += 1
        return packed_values(held, group, state)

    def nan_origins_of(self, node: Node, held: Rounds, values: Sequence[Tensor]) -> dict[int, str]:
        *_, last = rounds_searched(node, held, values)
        return origins_of(last)

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
        return packed_group(loop, group, doubled.tangents(results))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        loop, group = node.params
        given = given_pieces(loop, group, adjoint)
        asked = tuple(n for n, w in enumerate(wanted) if w and is_inexact(node.inputs[n].dtype))
        result: list[Tensor | None] = [None] * len(wanted)
        if given and asked:
            found = while_adjoints(loop, list(map(Tensor, node.inputs)), given, asked)
            for n, x in zip(asked, found, strict=True):
                result[n] = x
        return result

    def sources(self, held: Rounds) -> Sequence[AbstractSet[int]]:
        return sources_in_graphs((held.body,))

    push, pull = deriving(jvp), deriving(vjp)
    expands = True

    def coefficients(
        self, node: Node, given: Sequence[Coefficients], rules: Rules, weight: int
    ) -> Sequence[Tensor | None]:
        loop, group = node.params
        found = while_series(node, loop, given, rules)
        return packed_rows(node, loop, group, found, len(given[0]))

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        loop, group = node.params
        found = while_patterns(loop, given, columns)
        return dependence.packed_group(layouts(loop), group, found, columns)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        loop, group = node.params
        wider, given = batched_rounds(loop, inputs, batched)
        return packed_group(loop, group, while_loop(wider, given))


_while_loop = register(WhileLoop())


@lru_cache(maxsize=256)
def whole_graph(loop: Rounds, group: int) -> Subgraph:
    """A graph of nothing but the loop."""
    variables = fresh_variables(loop.body.inputs)
    packed = make(_while_loop, variables, (loop, group))
    return Subgraph([x.node for x in variables], [packed.node])
