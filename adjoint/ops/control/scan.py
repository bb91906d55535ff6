"""`scan`: a graph repeated along the leading axis of its inputs, handing a state from step to step.

One step maps (constants, state, slices of the xs) to (state, slices of the ys). What the loop
returns is the last state and the stacked ys, packed (see `packing`). Its tangent is a scan over
states and tangents together; how adjoints go back stands in `scan_adjoint`.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Coefficients, register
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.ops.control import dependence
from adjoint.ops.control.dependence import scan_patterns
from adjoint.ops.control.derived import Linearised, instance, mask_of, or_zeros, still_inputs
from adjoint.ops.control.expanding import packed_rows, scan_series
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.control.nan_search import origins_of, results_in
from adjoint.ops.control.origins import deriving
from adjoint.ops.control.packing import (
    PackedOp,
    given_pieces,
    layouts,
    packed_group,
    packed_values,
)
from adjoint.ops.control.scan_adjoint import scan_adjoints
from adjoint.ops.control.sources import sources_in_loop
from adjoint.ops.elementwise.choice import where
from adjoint.ops.family.structural_zeros import nonzero_mask, whole
from adjoint.ops.shape.movement import broadcast_to, permute_dims
from adjoint.transforms.batch import batch
from adjoint.transforms.coefficients import Rules


class Scan(PackedOp):
    """The packed results of a loop that are in one of its groups."""

    name = "scan"
    called_by = "scan, map or fori_loop"
    param_names = ("loop", "group")
    repeats = shares_results = True

    def run(self, held: Loop, group: int, values: list[Any]) -> Any:
        found = whole_graph(held, group).runner.natively(values)
        if found is not None:
            return found[0]
        state, stacks = run_loop(held, values)
        return packed_values(held, group, [*state, *stacks])

    def nan_origins_of(self, node: Node, held: Loop, values: Sequence[Tensor]) -> dict[int, str]:
        first = held.constants + held.state
        constants, state, xs = (
            values[: held.constants],
            values[held.constants : first],
            values[first:],
        )
        ys: dict[int, str] = {}
        steps = range(held.length)
        for t in reversed(steps) if held.backwards else steps:
            slices = [from_array(x.node.value[t]) for x in xs]
            found = results_in(
                node, f"step {t} of the loop", held.body, [*constants, *state, *slices]
            )
            state = found[: held.state]
            origins = origins_of(found)
            ys = {n: origin for n, origin in origins.items() if n >= held.state} | ys
        return origins_of(state) | ys

    def params_text(self, node: Node) -> str:
        return f"{node.params[0].length} steps"

    def rounds(self, node: Node) -> int:
        return int(node.params[0].length)

    def graphs(self, node: Node) -> tuple[Subgraph, ...]:
        loop, group = node.params
        body = loop.body
        ys = [n for n in layouts(loop)[group][0] if n >= loop.state]
        return (
            Subgraph(body.inputs, [*body.outputs[: loop.state], *(body.outputs[n] for n in ys)]),
        )

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        loop, group = node.params
        return packed_group(loop, group, scan_tangents(node, loop, tangents))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        loop, group = node.params
        given = given_pieces(loop, group, adjoint)
        return scan_adjoints(node, loop, given, wanted)

    def sources(self, held: Loop) -> Sequence[AbstractSet[int]]:
        return sources_in_loop(held)

    push, pull = deriving(jvp), deriving(vjp)
    expands = True

    def coefficients(
        self, node: Node, given: Sequence[Coefficients], rules: Rules, weight: int
    ) -> Sequence[Tensor | None]:
        loop, group = node.params
        found = scan_series(node, loop, given, rules)
        return packed_rows(node, loop, group, found, len(given[0]))

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        loop, group = node.params
        found = scan_patterns(loop, given, columns)
        return dependence.packed_group(layouts(loop), group, found, columns)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        loop, group = node.params
        return packed_group(loop, group, batched_scan(loop, inputs, batched))


_scan = register(Scan())


@lru_cache(maxsize=256)
def whole_graph(loop: Loop, group: int) -> Subgraph:
    """A graph of nothing but the loop."""
    first = loop.constants + loop.state
    variables = [
        fresh_variable(x.shape if n < first else (loop.length, *x.shape), x.dtype)
        for n, x in enumerate(loop.body.inputs)
    ]
    packed = make(_scan, variables, (loop, group))
    return Subgraph([x.node for x in variables], [packed.node])


def run_loop(loop: Loop, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The last state and the stacked ys of a loop, step by step."""
    first = loop.constants + loop.state
    constants, state, xs = values[: loop.constants], values[loop.constants : first], values[first:]
    stacks = [np.empty(shape, dtype) for shape, dtype in loop.pieces()[loop.state :]]
    steps = range(loop.length)
    for t in reversed(steps) if loop.backwards else steps:
        found = loop.body.run([*constants, *state, *[x[t] for x in xs]])
        state = found[: loop.state]
        for stack, y in zip(stacks, found[loop.state :], strict=True):
            stack[t] = y
    return list(state), stacks


def scan_tangents(node: Node, loop: Loop, tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The tangents of all results of a loop: one that carries the tangents of its state along."""
    given = {number: x.node for number, x in enumerate(tangents) if x is not None}
    if not given:
        return [None] * len(loop.body.outputs)
    state = range(loop.constants, loop.constants + loop.state)
    still = still_inputs(node.inputs, loop.body, state)
    linear = Linearised(loop.body, are_nested(node, *given.values()), still)
    linear.may_be_infinite |= any(x.may_be_infinite for x in node.inputs)
    dense = [n for n in given if mask_of(tangents[n]) is None]
    seeds, masks, found = linear.moving(given, state, dense)
    ends = 0, state.start, state.stop, len(linear.inputs)
    inputs: list[Tensor] = []
    outer: list[Tensor] = []
    counts = []
    for start, stop in pairwise(ends):
        moving = [n for n in seeds if start <= n < stop]
        masked = [n for n in moving if n in masks]
        counts.append(stop - start + len(moving) + len(masked))
        inputs += linear.inputs[start:stop]
        inputs += [*[seeds[n] for n in moving], *[masks[n] for n in masked]]
        outer += map(Tensor, node.inputs[start:stop])
        outer += [or_zeros(tangents[n], linear.inputs[n]) for n in moving]
        outer += [whole(mask_of(tangents[n]), node.inputs[n].shape) for n in masked]
    moved = [n for n in seeds if n in state]
    after = [or_zeros(found[n - state.start], linear.inputs[n]) for n in moved]
    after += [
        whole(mask_of(found[n - state.start]), linear.inputs[n].shape) for n in moved if n in masks
    ]
    ys = {n: y for n, y in enumerate(found) if y is not None and n >= loop.state}
    thin = {n: y for n, y in ys.items() if nonzero_mask(y) is not None}
    rows = [*ys.values(), *[whole(nonzero_mask(y), y.shape) for y in thin.values()]]
    outputs = [*linear.outputs[: loop.state], *after, *linear.outputs[loop.state :], *rows]
    body = Subgraph([x.node for x in inputs], [x.node for x in outputs])
    doubled = Loop(body, counts[0], counts[1], loop.length, loop.backwards)
    results = scan(doubled, outer)
    tangent: list[Tensor | None] = [None] * len(found)
    last = [n - state.start for n in moved]
    last_masks = [n - state.start for n in moved if n in masks]
    numbers = [*last, *last_masks]
    _enter(tangent, last, numbers, results[loop.state : doubled.state])
    _enter(tangent, list(ys), [*ys, *thin], results[len(results) - len(rows) :])
    return tangent


def _enter(
    tangents: list[Tensor | None],
    plain: Sequence[int],
    numbers: Sequence[int],
    results: Sequence[Tensor],
) -> None:
    """Enter results by their numbers: first the `plain` tangents, then masks of some of them."""
    for place, (n, x) in enumerate(zip(numbers, results, strict=True)):
        known = tangents[n]
        tangents[n] = x if place < len(plain) or known is None else where(x, known, 0.0)


def batched_scan(
    loop: Loop, inputs: Sequence[Tensor], batched: Sequence[bool]
) -> list[Tensor | None]:
    """All results of a loop over many examples at once, with a leading axis for these."""
    size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    first = loop.constants + loop.state
    many = {number for number, b in enumerate(batched) if b}
    plain = fresh_variables(loop.body.inputs)
    outputs = instance(loop.body, plain)
    while True:  # a part of the state is batched if it was at first, or is after a step
        wide = {
            n: fresh_variable((size, *plain[n].node.shape), plain[n].node.dtype)
            for n in sorted(many)
        }
        found = batch([x.node for x in outputs], {plain[n].node: x for n, x in wide.items()})
        state = outputs[: loop.state]
        more = {n + loop.constants for n, x in enumerate(state) if x.node in found} - many
        if not more:
            break
        many |= more
    given = []
    for number, (x, b) in enumerate(zip(inputs, batched, strict=True)):
        if b and number >= first:
            axes = (1, 0, *range(2, len(x.node.shape)))
            x = permute_dims(x, axes)
        elif number in many and not b:
            x = broadcast_to(x, (size, *x.node.shape))
        given.append(x)
    results: list[Tensor] = [
        found[x.node]
        if x.node in found
        else broadcast_to(x, (size, *x.node.shape))
        if n < loop.state and n + loop.constants in many
        else x
        for n, x in enumerate(outputs)
    ]
    variables = [wide.get(n, x) for n, x in enumerate(plain)]
    body = Subgraph([x.node for x in variables], [x.node for x in results])
    wider = replace(loop, body=body, extends=())
    answer: list[Tensor | None] = []
    for n, (x, y) in enumerate(zip(scan(wider, given), outputs, strict=True)):
        is_many = y.node in found or (n + loop.constants in many and n < loop.state)
        if not is_many:
            answer.append(broadcast_to(x, (size, *x.node.shape)))
        elif n < loop.state:
            answer.append(x)
        else:
            answer.append(permute_dims(x, (1, 0, *range(2, len(x.node.shape)))))
    return answer
