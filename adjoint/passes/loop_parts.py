"""What no step of a loop has to wait for is computed outside of it, for all steps at once.

A recurrent model returns a loss for each step, which no later step reads, and has gates that depend
on what it is given in a step, not on its state. In the loop their exponentials and logarithms stand
in a row with those of the state, a few elements at a time. Before or after it they fill vectors,
and a product of a matrix with a vector of each step is one product of matrices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from adjoint.graph.native_rule import cost, is_elementary
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph, fresh_variable
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import size_of
from adjoint.ops import records
from adjoint.ops.control.closing import dependent
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.control.packing import layouts
from adjoint.passes.common_subexpressions import eliminate_common_subexpressions
from adjoint.passes.decompose import decompose
from adjoint.passes.loops import prune_loops, redirected, unknown_order
from adjoint.passes.rewriting import is_known
from adjoint.passes.stabilise import stabilise
from adjoint.transforms.substitute import substitute

SHORTEST = 16
"""A loop of fewer steps is left as it is."""

STORED, STORING = 4, 100
"""About how many instructions an element costs that is stored so that it can be read on the other
side, and how many it costs that anything is stored in a step, which may be one more kernel."""

MOST_BYTES = 1 << 21
"""So much may be stored, and so large may be what is computed on the way in all steps: what lies in
the second cache is read at little cost."""

Read: TypeAlias = Mapping[int, Sequence[Node]]
"""The nodes that take results out of a loop, by the number of the result."""


def results_after_loops(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph whose loops do not compute what no later step reads."""
    return _split(outputs, inputs, lambda step, read: step.results_after(read))


def slices_before_loops(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph whose loops do not compute what depends on no state."""
    return _split(outputs, inputs, lambda step, read: step.slices_before(read))


def _split(
    outputs: Sequence[Node],
    inputs: Sequence[Node],
    replaced: Callable[[_Step, Read], Mapping[int, Tensor]],
) -> list[Node]:
    """The outputs of the graph with other results of loops, by number, in place of theirs."""
    targets: dict[Node, Node] = {}
    for packed, read in _loops(unknown_order(outputs, inputs), set(outputs)).items():
        loop = packed.params[0]
        if loop.state and loop.length >= SHORTEST and _has_parts(loop):
            found = replaced(_Step(loop, packed.inputs), read)
            targets |= {node: x.node for n, x in found.items() for node in read[n]}
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in targets.items()):
        return list(outputs)
    return prune_loops(redirected(outputs, inputs, targets), inputs) if targets else list(outputs)


def _has_parts(loop: Loop) -> bool:
    """Whether a step does work that depends on no state, or that no state depends on."""
    order = loop.body.order()
    state = range(loop.constants, loop.constants + loop.state)
    by_state = dependent(order, [loop.body.inputs[n] for n in state])
    for_state = set(topological_order(loop.body.outputs[: loop.state], lambda n: n.inputs))
    split = [x for x in order if x.inputs and (x not in by_state or x not in for_state)]
    return any(map(_work, split))


def _loops(order: Sequence[Node], outputs: AbstractSet[Node]) -> dict[Node, Read]:
    """The loops of which all results are in one node, and are taken out of it."""
    found: dict[Node, dict[int, list[Node]]] = {}
    kept = set(outputs)
    for node in order:
        for x in () if is_known(node) else node.inputs:
            if x.op is not records.scan or is_known(x):
                continue
            if node.op is records.unpack:
                loop, group = x.params
                number = layouts(loop)[group][0][node.params[1]]
                found.setdefault(x, {}).setdefault(number, []).append(node)
            else:
                kept.add(x)
    groups = Counter((x.inputs, x.params[0]) for x in order if x.op is records.scan)
    alone = [x for x in found if groups[x.inputs, x.params[0]] == 1]
    return {x: found[x] for x in alone if x not in kept}


class _Step:
    """A step of a loop, and what the loop is given."""

    def __init__(self, loop: Loop, given: Sequence[Node]) -> None:
        self.loop = loop
        self.inputs = loop.body.inputs
        self.results: Sequence[Node] = loop.body.outputs
        """In their stable forms, which are found only where all of a form is in one graph, and so
        that it is seen what these have in common."""
        for run in (stabilise, decompose, eliminate_common_subexpressions):
            self.results = run(self.results, self.inputs)
        first = loop.constants + loop.state
        self.state, self.slices = self.inputs[loop.constants : first], self.inputs[first:]
        self.outer = dict(zip(self.inputs, map(Tensor, given), strict=True))
        """For its inputs what they are in all steps, or the stack of what they are in each."""

    def results_after(self, read: Read) -> Mapping[int, Tensor]:
        """The results that are `read`; of those after the loop, and of one that lacks them."""
        states, ys = range(self.loop.state), [n for n in read if n >= self.loop.state]
        inside = self.below(states)
        stay = [n for n in ys if not all(map(_may_move, self.above(inside, [n])))]
        inside = self.below([*states, *stay])
        moved = [n for n in ys if self.results[n] not in inside]
        after = self.above(inside, moved)
        read_after = dict.fromkeys(x for node in after for x in node.inputs if x in inside)
        stored = [x for x in read_after if x not in self.inputs or x in self.state]
        kept = dict.fromkeys(self.results[n] for n in ys if n not in moved)
        if not self.is_worth_it(after, [x for x in stored if x not in kept]):
            return {}
        stacks = list(kept | dict.fromkeys(stored))
        body = Subgraph(self.inputs, [*self.results[: self.loop.state], *stacks])
        made = scan(self.with_body(body), list(self.outer.values()))
        stacked = dict(zip(stacks, made[self.loop.state :], strict=True))
        found = self.in_all_steps([self.results[n] for n in moved], read_after, stacked)
        if found is None:
            return {}
        whole = dict(zip(moved, found, strict=True))
        whole |= {n: stacked[self.results[n]] for n in ys if n not in whole}
        return whole | {n: made[n] for n in read if n < self.loop.state}

    def slices_before(self, read: Read) -> Mapping[int, Tensor]:
        """The results that are `read`, of a loop that is given what depends on no state."""
        order = self.above(set(self.inputs), range(len(self.results)))
        by_state, by_slices = dependent(order, self.state), dependent(order, self.slices)
        before: dict[Node, bool] = {}
        """The nodes that may be computed before, and whether that is much work."""
        for node in order:
            parts = [x for x in node.inputs if x in by_slices and x not in self.slices]
            if node in by_state or node not in by_slices or not _may_move(node):
                continue
            if all(x in before for x in parts):
                before[node] = _work(node) > 0 or any(before[x] for x in parts)
        read_inside = {x for node in order if node not in before for x in node.inputs}
        read_inside.update(self.results)
        moved = [x for x, is_much in before.items() if is_much and x in read_inside]
        cone = self.above(set(self.inputs), (), moved)
        if not self.is_worth_it(cone, moved):
            return {}
        ends = dict.fromkeys(x for node in cone for x in node.inputs if x in self.outer)
        found = self.in_all_steps(moved, ends, {})
        if found is None:
            return {}
        fresh = {x: fresh_variable(x.shape, x.dtype) for x in moved}
        results = [x.node for x in substitute(self.results, fresh)]
        body = Subgraph([*self.inputs, *(x.node for x in fresh.values())], results)
        made = scan(self.with_body(body), [*self.outer.values(), *found])
        return {n: made[n] for n in read}

    def with_body(self, body: Subgraph) -> Loop:
        loop = self.loop
        return Loop(body, loop.constants, loop.state, loop.length, loop.backwards)

    def below(self, numbers: Sequence[int]) -> set[Node]:
        """The nodes that some results are computed from, and all that a step is given."""
        return {*self.inputs, *self.above(set(self.inputs), numbers)}

    def above(
        self, ends: AbstractSet[Node], numbers: Sequence[int], nodes: Sequence[Node] = ()
    ) -> list[Node]:
        """The nodes that some results, and some nodes, are computed from, down to `ends`."""
        roots = [*(self.results[n] for n in numbers), *nodes]
        order = topological_order(roots, lambda n: () if n in ends else n.inputs)
        return [x for x in order if x not in ends and not is_known(x)]

    def is_worth_it(self, moved: Sequence[Node], stored: Sequence[Node]) -> bool:
        """Whether what moves is much beside what has to be stored for it."""
        least = STORING + STORED * sum(size_of(x.shape) for x in stored)
        on_the_way = [_bytes(x) for x in moved if x not in self.results]
        most = max(sum(map(_bytes, stored)), *on_the_way, 0) * self.loop.length
        return most <= MOST_BYTES and sum(map(_work, moved)) > least

    def in_all_steps(
        self, nodes: Sequence[Node], ends: Mapping[Node, None], stacked: Mapping[Node, Tensor]
    ) -> list[Tensor] | None:
        """The nodes for all steps at once, from `ends`, some of which were `stacked`; None if there
        is no rule for that."""
        constants = self.inputs[: self.loop.constants]
        inner: dict[Node, Tensor] = {}
        examples: dict[Node, Tensor] = {}
        for x in ends:
            if x in constants:
                inner[x] = self.outer[x]
            elif not is_known(x):
                inner[x] = fresh_variable(x.shape, x.dtype)
                examples[inner[x].node] = stacked[x] if x in stacked else self.outer[x]
        roots = [x.node for x in substitute(nodes, inner)]
        found = _batched(roots, examples, {x.node for x in inner.values()})
        if found is None or any(x not in found for x in roots):
            return None
        return [found[x] for x in roots]


def _bytes(node: Node) -> int:
    return size_of(node.shape) * node.dtype.itemsize


def _may_move(node: Node) -> bool:
    """Whether a node is computed element by element, is a sum or the like, or a product."""
    op = node.op
    return op.pointwise or op.moves or op.combine is not None or op is records.matmul


def _work(node: Node) -> int:
    """About how many instructions an elementary function or a product takes; else 0."""
    if node.op is records.matmul:
        return size_of(node.shape) * node.inputs[0].shape[-1]
    return size_of(node.shape) * cost(node) if is_elementary(node) else 0


def _batched(
    outputs: Sequence[Node], examples: Mapping[Node, Tensor], ends: AbstractSet[Node]
) -> dict[Node, Tensor] | None:
    """As `batch`, between `ends` and `outputs`; None if an operation has no rule of its own."""
    found = dict(examples)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    for node in order:
        if node in found or node in ends or found.keys().isdisjoint(node.inputs):
            continue
        batched = [x in found for x in node.inputs]
        inputs = [found[x] if x in found else Tensor(x) for x in node.inputs]
        result = node.op.batch(node, inputs, batched)
        if result is None:
            return None
        found[node] = result
    return found
