"""Power series through loops and branches: the graph that one holds, over coefficients.

A loop over coefficients 0 … K of its state has a state K + 1 times as large, and costs what the
body costs in Taylor mode (`transforms.taylor`). A coefficient that is zero after every step is not
carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from adjoint.graph.node import Node
from adjoint.graph.op import Coefficients
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.derived import Linearised, instance
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.control.packing import Held, packed_group
from adjoint.ops.control.rounds import Rounds, while_loop
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.shape.movement import broadcast_to, permute_dims
from adjoint.transforms.coefficients import Rules
from adjoint.transforms.taylor import coefficients

Place = tuple[int, int]
"""The number of an input or a result, and that of a coefficient from 1 on."""


class Expanded:
    """A graph over coefficients: `variables` stand for those of its inputs that are not zero, and
    `found` are those of its outputs.

    The first outputs are the `state`, some of the inputs, of which more may move after a step.
    """

    def __init__(
        self, body: Subgraph, moving: Sequence[Place], state: range, order: int, rules: Rules
    ) -> None:
        self.rules = rules
        linear = Linearised(body, nested=True)
        self.inputs, self.outputs = linear.inputs, linear.outputs
        places = set(moving)
        while True:
            self.variables = {(n, k): self.variable(linear, n, k) for n, k in sorted(places)}
            given = {
                x.node: [x, *[self.variables.get((n, k)) for k in range(1, order + 1)]]
                for n, x in enumerate(self.inputs)
            }
            nodes = [x.node for x in self.outputs]
            rows = coefficients(nodes, given, None, order, rules)
            self.found = {
                (n, k): y
                for n, row in enumerate(rows)
                for k, y in enumerate(row)
                if k and y is not None
            }
            after = {(n + state.start, k) for n, k in self.found if n < len(state)}
            if after <= places:
                return
            places |= after

    def variable(self, linear: Linearised, number: int, k: int) -> Tensor:
        """A variable for a coefficient of an input."""
        x = self.inputs[number].node
        model = zeros_of(x)
        if self.rules.is_batched(k):
            model = broadcast_to(model, self.rules.shape(x, k))
        return linear.variable(model.node)

    def after(self, places: Sequence[Place], start: int) -> list[Tensor]:
        """The coefficients of the state after a step, for those before."""
        return [
            self.found[n - start, k]
            if (n - start, k) in self.found
            else zeros_of(self.variables[n, k].node)
            for n, k in places
        ]


def moving_places(given: Sequence[Coefficients]) -> list[Place]:
    """The coefficients from 1 on that are not zero."""
    return [(n, k) for n, row in enumerate(given) for k, x in enumerate(row) if k and x is not None]


def given_or_zeros(given: Sequence[Coefficients], place: Place, like: Tensor) -> Tensor:
    """A coefficient that is given, or the zeros that it stands for."""
    n, k = place
    x = given[n][k]
    return zeros_of(like.node) if x is None else x


def packed_rows(
    node: Node, held: Held, group: int, found: dict[Place, Tensor], length: int
) -> list[Tensor | None]:
    """The coefficients of a packed group, for those of all results."""
    count = len(held.pieces())
    return [
        Tensor(node),
        *[
            packed_group(held, group, [found.get((n, k)) for n in range(count)])
            for k in range(1, length)
        ],
    ]


def scan_series(
    node: Node, loop: Loop, given: Sequence[Coefficients], rules: Rules
) -> dict[Place, Tensor]:
    """The coefficients of all results of a loop of known length."""
    first = loop.constants + loop.state
    state = range(loop.constants, first)
    body = Expanded(loop.body, moving_places(given), state, len(given[0]) - 1, rules)
    inputs: list[Tensor] = []
    outer: list[Tensor] = []
    counts = []
    for start, stop in pairwise((0, *([loop.constants, first]), len(loop.body.inputs))):
        own = [p for p in body.variables if start <= p[0] < stop]
        counts.append(stop - start + len(own))
        inputs += [*body.inputs[start:stop], *[body.variables[p] for p in own]]
        outer += map(Tensor, node.inputs[start:stop])
        for n, k in own:
            like = body.variables[n, k]
            if n < first:
                outer.append(given_or_zeros(given, (n, k), like))
            else:
                stack = given[n][k]
                assert stack is not None
                outer.append(swapped(stack) if rules.is_batched(k) else stack)
    moved = [p for p in body.variables if p[0] in state]
    ys = [p for p in body.found if p[0] >= loop.state]
    outputs = [
        *body.outputs[: loop.state],
        *body.after(moved, loop.constants),
        *body.outputs[loop.state :],
        *[body.found[p] for p in ys],
    ]
    wide = Loop(
        Subgraph([x.node for x in inputs], [x.node for x in outputs]),
        counts[0],
        counts[1],
        loop.length,
        loop.backwards,
    )
    results = scan(wide, outer)
    found = dict(
        zip(
            [(n - loop.constants, k) for n, k in moved],
            results[loop.state : wide.state],
            strict=True,
        )
    )
    for (n, k), y in zip(ys, results[len(results) - len(ys) :], strict=True):
        found[n, k] = swapped(y) if rules.is_batched(k) else y
    return found


def while_series(
    node: Node, loop: Rounds, given: Sequence[Coefficients], rules: Rules
) -> dict[Place, Tensor]:
    """The coefficients of the last state of a loop; how often it goes round, c₀ decides."""
    state = range(loop.constants, len(loop.body.inputs))
    body = Expanded(loop.body, moving_places(given), state, len(given[0]) - 1, rules)
    fixed = [p for p in body.variables if p[0] < loop.constants]
    moved = [p for p in body.variables if p[0] in state]
    inputs = [
        *body.inputs[: loop.constants],
        *[body.variables[p] for p in fixed],
        *body.inputs[loop.constants :],
        *[body.variables[p] for p in moved],
    ]
    outer = [
        *map(Tensor, node.inputs[: loop.constants]),
        *[given_or_zeros(given, p, body.variables[p]) for p in fixed],
        *map(Tensor, node.inputs[loop.constants :]),
        *[given_or_zeros(given, p, body.variables[p]) for p in moved],
    ]
    nodes = [x.node for x in inputs]
    outputs = [*body.outputs, *body.after(moved, loop.constants)]
    wide = replace(
        loop,
        condition=Subgraph(nodes, [x.node for x in instance(loop.condition, body.inputs)]),
        body=Subgraph(nodes, [x.node for x in outputs]),
        constants=loop.constants + len(fixed),
    )
    results = while_loop(wide, outer)[len(body.outputs) :]
    return dict(zip([(n - loop.constants, k) for n, k in moved], results, strict=True))


def branch_outputs(
    branches: Sequence[Subgraph], given: Sequence[Coefficients], rules: Rules
) -> tuple[list[Subgraph], list[Place], list[Tensor]]:
    """Branches that compute coefficients: with these of the results, for those of the inputs."""
    bodies = [
        Expanded(one, moving_places(given), range(0), len(given[0]) - 1, rules) for one in branches
    ]
    places = sorted(set().union(*[body.found for body in bodies]))
    models = {p: next(b.found[p] for b in bodies if p in b.found) for p in places}
    wide = [
        Subgraph(
            [x.node for x in (*body.inputs, *body.variables.values())],
            [body.found.get(p, zeros_of(models[p].node)).node for p in places],
        )
        for body in bodies
    ]
    return wide, places, [x for n, k in moving_places(given) if (x := given[n][k]) is not None]


def swapped(x: Tensor) -> Tensor:
    """A stack over steps and directions, the other way round."""
    return permute_dims(x, (1, 0, *range(2, len(x.node.shape))))
