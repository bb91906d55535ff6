"""How adjoints go back through a `while_loop`.

How many rounds there are is known when they have been run. So what goes back is one operation that
runs the loop, keeps the states, and goes back through them. It holds only so many bytes of them:
when there are more, it drops every other one, and computes those between again (Griewank's
checkpointing, as it is done where the length is not known).

The derivatives of the adjoint are loops of the same two kinds, over states together with their
tangents: with c̄ the adjoint of the last state, the adjoint of ⟨c̄, ẋ_n⟩ by the first state is the
tangent of its adjoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import BOOL, DType, Shape, is_inexact
from adjoint.ops.control.derived import Linearised
from adjoint.ops.control.nan_search import origins_of, results_in, rounds_searched
from adjoint.ops.control.origins import deriving
from adjoint.ops.control.packing import (
    PackedOp,
    given_pieces,
    packed_group,
    packed_values,
    unpacked,
)
from adjoint.ops.control.rounds import (
    LIKELY_ROUNDS,
    Doubled,
    Rounds,
    batched_rounds,
    while_loop,
)
from adjoint.ops.elementwise.arithmetic import add
from adjoint.ops.elementwise.comparison import logical_or
from adjoint.ops.family.structural_zeros import keep_where, known_mask, nonzero_mask, whole
from adjoint.ops.kinks.dependence import is_differentiated
from adjoint.ops.shape.movement import broadcast_to


@dataclass(frozen=True)
class WayBack:
    """The adjoints of the inputs `wanted` of a loop, for those of parts `given` of its state.

    Those of the `given` ones that are `still` do not depend on what is differentiated by. Those
    that are `thin` may have elements that are zero by construction, and a mask each that says so.
    """

    loop: Rounds
    given: tuple[int, ...]
    wanted: tuple[int, ...]
    still: tuple[int, ...]
    thin: tuple[int, ...] = ()

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each adjoint, and then of the masks of some."""
        inputs = self.loop.body.inputs
        adjoints = [(inputs[n].shape, inputs[n].dtype) for n in self.wanted]
        return [*adjoints, *[(inputs[n].shape, BOOL) for n in self.masked()]]

    def masked(self) -> tuple[int, ...]:
        """Those of the `wanted` inputs whose adjoints have masks."""
        step = step_back(self)
        return tuple(n for n in self.wanted if step.mask(n, self.loop.constants) is not None)

    def results(self) -> list[int | None]:
        """For each piece its number among what a step back makes; None if it is zero."""
        step, first = step_back(self), self.loop.constants
        return [
            *[step.result(n, first) for n in self.wanted],
            *[step.mask(n, first) for n in self.masked()],
        ]


@dataclass(frozen=True)
class StepBack:
    """What a step back does, and for which parts of the state (`active`) and which constants.

    The graph maps (constants, state, adjoints of the active parts, masks of the `masked` ones, sums
    of the partial adjoints of constants, masks of those that are `thin`) to (adjoints before, their
    masks, sums, their masks).
    """

    graph: Subgraph
    active: tuple[int, ...]
    masked: tuple[int, ...]
    constants: tuple[int, ...]
    thin: tuple[int, ...]

    def result(self, number: int, first: int) -> int | None:
        """Which of the outputs, in the end, is the adjoint of an input; None if that is zero.

        The state begins with input `first`.
        """
        if number >= first:
            return self.active.index(number - first) if number - first in self.active else None
        if number not in self.constants:
            return None
        return len(self.active) + len(self.masked) + self.constants.index(number)

    def mask(self, number: int, first: int) -> int | None:
        """Which of the outputs is the mask of the adjoint of an input; None if it has none."""
        if number >= first:
            found = number - first in self.masked
            return len(self.active) + self.masked.index(number - first) if found else None
        if number not in self.thin:
            return None
        before = len(self.active) + len(self.masked) + len(self.constants)
        return before + self.thin.index(number)


@lru_cache(maxsize=256)
def step_back(way: WayBack) -> StepBack:
    """One step back."""
    loop = way.loop
    linear = Linearised(loop.body, nested=False)
    state = range(loop.constants, len(linear.inputs))
    asked = [
        n
        for n, x in enumerate(linear.inputs)
        if is_inexact(x.dtype) and (n in state or n in way.wanted)
    ]
    linear.may_be_infinite |= bool(way.thin)  # the masks must arrive in the result
    dense = [n for n in way.given if n not in way.thin]
    back = linear.going_back(way.given, state, asked, {}, dense, way.still)
    found = back.found
    constants = tuple(n for n in range(loop.constants) if found[n] is not None)
    shares = [x for x in found[: loop.constants] if x is not None]
    sums = linear.variables(shares)
    own = {
        n: m for n, x in zip(constants, shares, strict=True) if (m := nonzero_mask(x)) is not None
    }
    masks = [fresh_variable(linear.inputs[n].shape, BOOL) for n in own]
    carried = [*back.carried.values(), *back.masks.values(), *sums, *masks]
    after = [
        *back.before(),
        *map(add, sums, shares),
        *[logical_or(x, whole(own[n], x.shape)) for n, x in zip(own, masks, strict=True)],
    ]
    graph = Subgraph([x.node for x in (*linear.inputs, *carried)], [x.node for x in after])
    return StepBack(graph, tuple(back.carried), tuple(back.masks), constants, tuple(own))


class WhileAdjoint(PackedOp):
    """The packed adjoints of the inputs of a loop: of its constants and its first state.

    The last inputs are the adjoints of the last state, and the masks of those that are thin.
    """

    name = "while_adjoint"
    param_names = ("way", "group")
    allocates = True

    def params_text(self, node: Node) -> str:
        return ""

    def run(self, held: WayBack, group: int, values: list[Any]) -> Any:
        runner = whole_graph(held, group).runner
        history = None if runner.is_native() else History(held.loop, values)
        while history is not None and history.goes_on(LIKELY_ROUNDS):
            if runner.is_native():  # so many rounds are what it reckons with each time
                history = None  # which frees the states
        if history is None:
            found = runner.natively(values)
            if found is not None:
                return found[0]
            history = History(held.loop, values)
        return packed_values(held, group, _run_back(held, values, history))

    def nan_origins_of(self, node: Node, held: WayBack, values: Sequence[Tensor]) -> dict[int, str]:
        loop, step = held.loop, step_back(held)
        inputs = values[: len(loop.body.inputs)]
        carried = list(map(from_array, _carried(held, [x.node.value for x in values])))
        *states, _ = rounds_searched(node, loop, inputs)
        for number in reversed(range(len(states))):
            given = [*inputs[: loop.constants], *states[number], *carried]
            carried = results_in(
                node, f"the way back through round {number} of the loop", step.graph, given
            )
        origins = origins_of(carried)
        return {
            n: origins[p] for n, p in enumerate(held.results()) if p is not None and p in origins
        }

    def rounds(self, node: Node) -> int:
        return LIKELY_ROUNDS

    def graphs(self, node: Node) -> tuple[Subgraph, ...]:
        way = node.params[0]
        return way.loop.condition, way.loop.body, step_back(way).graph

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        way, group = node.params
        count = len(way.loop.body.inputs)
        inputs = node.inputs[:count]
        moved = {n: x for n, x in enumerate(tangents[:count]) if x is not None}
        turned = {n: x for n, x in zip(way.given, tangents[count:], strict=False) if x is not None}
        if not moved:
            given = list(map(Tensor, inputs))
            results = while_adjoints(way.loop, given, turned, way.wanted) if turned else []
        else:
            results = self.moved(node, moved, turned)
        return _packed_results(way, group, results) if results else None

    def moved(
        self, node: Node, moved: dict[int, Tensor], turned: dict[int, Tensor]
    ) -> list[Tensor]:
        """Tangents of the adjoints, where the inputs of the loop have tangents."""
        way = node.params[0]
        doubled = Doubled(way.loop, moved, nested=True)
        inputs = doubled.inputs(node.inputs[: len(way.loop.body.inputs)], moved)
        given = turned | _adjoints_of_tangents(doubled, way, node.inputs, inputs)
        wanted = tuple(map(doubled.number, way.wanted))
        return while_adjoints(doubled.loop, inputs, given, wanted)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        way, group = node.params
        count = len(way.loop.body.inputs)
        inputs = node.inputs[:count]
        found = given_pieces(way, group, adjoint)
        along = {way.wanted[number]: x for number, x in found.items()}
        result: list[Tensor | None] = [None] * len(wanted)
        if not along:
            return result
        doubled = Doubled(way.loop, along, nested=True)
        given = doubled.inputs(inputs, along)
        outer = _adjoints_of_tangents(doubled, way, node.inputs, given)
        asked = [n for n in range(count) if wanted[n] and is_inexact(inputs[n].dtype)]
        if asked and outer:
            shares = while_adjoints(doubled.loop, given, outer, tuple(map(doubled.number, asked)))
            for n, x in zip(asked, shares, strict=True):
                result[n] = x
        if any(wanted[count:]):
            last = doubled.tangents(while_loop(doubled.loop, given))
            for place, n in enumerate(way.given):
                result[count + place] = last[n]
        return result

    push, pull = deriving(jvp), deriving(vjp)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        way, group = node.params
        count = len(way.loop.body.inputs)
        size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        all_batched = [
            x if b else broadcast_to(x, (size, *x.node.shape))
            for x, b in zip(inputs, batched, strict=True)
        ]
        wider, given = batched_rounds(way.loop, all_batched[:count], [True] * count)
        adjoints = _given_adjoints(way, [x.node for x in all_batched])
        found = while_adjoints(wider, given, adjoints, way.wanted)
        masks = [
            whole(nonzero_mask(x), x.shape)
            for n, x in zip(way.wanted, found, strict=True)
            if n in way.masked()
        ]
        return packed_group(way, group, [*found, *masks])


_while_adjoint = register(WhileAdjoint())


@lru_cache(maxsize=256)
def whole_graph(way: WayBack, group: int) -> Subgraph:
    """A graph of nothing but the way back."""
    shapes = way.loop.pieces()
    variables = [
        *fresh_variables(way.loop.body.inputs),
        *[fresh_variable(*shapes[n]) for n in way.given],
        *[fresh_variable(shapes[n][0], BOOL) for n in way.thin],
    ]
    packed = make(_while_adjoint, variables, (way, group))
    return Subgraph([x.node for x in variables], [packed.node])


def while_adjoints(
    loop: Rounds, inputs: Sequence[Tensor], given: dict[int, Tensor], wanted: Sequence[int]
) -> list[Tensor]:
    """The adjoints of the inputs `wanted` of a loop, for those of parts of its last state."""
    order = tuple(sorted(given))
    still = tuple(n for n in order if not is_differentiated(given[n].node))
    masks = {n: m for n in order if (m := nonzero_mask(given[n])) is not None}
    way = WayBack(loop, order, tuple(wanted), still, tuple(masks))
    tensors = [
        *inputs,
        *[given[n] for n in order],
        *[whole(mask, given[n].shape) for n, mask in masks.items()],
    ]
    found = unpacked(_while_adjoint, tensors, way)
    own = dict(zip(way.masked(), found[len(wanted) :], strict=True))
    results = []
    for n, x, place in zip(wanted, found, way.results(), strict=False):
        mask = known_mask(False) if place is None else own.get(n)
        results.append(x if mask is None else keep_where(mask, x))
    return results


def _packed_results(way: WayBack, group: int, results: Sequence[Tensor]) -> Tensor | None:
    """The tangents of the adjoints that are in a group, packed; masks have none."""
    return packed_group(way, group, [*results, *[None] * len(way.masked())])


def _given_adjoints(way: WayBack, inputs: Sequence[Node]) -> dict[int, Tensor]:
    """The adjoints of the last state among the inputs of an operation, with their masks applied."""
    adjoints = inputs[len(way.loop.body.inputs) :]
    found = dict(zip(way.given, map(Tensor, adjoints), strict=False))
    for n, mask in zip(way.thin, adjoints[len(way.given) :], strict=True):
        found[n] = keep_where(Tensor(mask), found[n])
    return found


def _adjoints_of_tangents(
    doubled: Doubled, way: WayBack, inputs: Sequence[Node], given: Sequence[Tensor]
) -> dict[int, Tensor]:
    """The adjoints of the last state, as those of its tangents, by their numbers in the state.

    They count for nothing where the tangents that the loop makes of those `given` are zero by
    construction.
    """
    first, count = way.loop.constants, len(way.loop.body.outputs)
    tangents: list[Tensor | None] = [None] * count
    if doubled.masked_state:
        tangents = doubled.tangents(while_loop(doubled.loop, given))
    found = {}
    for n, x in _given_adjoints(way, inputs).items():
        if first + n in doubled.state:
            along = tangents[n]
            mask = None if along is None else nonzero_mask(along)
            number = count + doubled.state.index(first + n)
            found[number] = x if mask is None else keep_where(mask, x)
    return found


def _carried(way: WayBack, values: Sequence[Any]) -> list[Any]:
    """What the first step back is given beside constants and state; `values` are of the inputs."""
    loop, step = way.loop, step_back(way)
    count = len(loop.body.inputs)
    shapes = loop.pieces()
    given = dict(zip(way.given, values[count:], strict=False))
    thin = dict(zip(way.thin, values[count + len(given) :], strict=True))
    carried = [given[n] if n in given else np.zeros(*shapes[n]) for n in step.active]
    carried += [thin[n] if n in thin else np.full(shapes[n][0], n in given) for n in step.masked]
    carried += [np.zeros(values[n].shape, values[n].dtype) for n in step.constants]
    return [*carried, *[np.zeros(values[n].shape, BOOL) for n in step.thin]]


def _run_back(way: WayBack, values: Sequence[Any], history: History) -> list[Any]:
    """The pieces of the result; `values` are those of the inputs."""
    step, constants = step_back(way), values[: way.loop.constants]
    carried = _carried(way, values)
    history.complete()
    for before in history.backwards():
        carried = step.graph.run([*constants, *before, *carried])
    places = zip(way.results(), way.pieces(), strict=True)
    return [np.zeros(*piece) if place is None else carried[place] for place, piece in places]


class History:
    """The states of a loop, of which every so many-th is kept, within the bytes it may take.

    `values` are those of the inputs: of the constants, the first state, and others.
    """

    def __init__(self, loop: Rounds, values: Sequence[Any]) -> None:
        self.loop, self.constants = loop, values[: loop.constants]
        self.state = list(values[loop.constants : len(loop.body.inputs)])
        size = max(1, sum(x.nbytes for x in self.state))
        self.most = max(2, loop.memory // size)
        self.every, self.rounds = 1, 0
        self.kept: list[list[Any]] = []

    def goes_on(self, rounds: int) -> bool:
        """Go through so many rounds; whether there may be more."""
        for _ in range(rounds):
            if not self.loop.holds([*self.constants, *self.state]):
                return False
            if self.rounds % self.every == 0:
                self.kept.append(self.state)
            if len(self.kept) > self.most:
                del self.kept[1::2]
                self.every *= 2
            self.state = self.loop.body.run([*self.constants, *self.state])
            self.rounds += 1
        return True

    def complete(self) -> None:
        """Go through all rounds."""
        while self.goes_on(LIKELY_ROUNDS):
            pass

    def backwards(self) -> Iterator[list[Any]]:
        """The state before each round, the last round first."""
        end = self.rounds
        while self.kept:
            state = self.kept.pop()
            between = [state]
            for _ in range(end - len(self.kept) * self.every - 1):
                state = self.loop.body.run([*self.constants, *state])
                between.append(state)
            end = len(self.kept) * self.every
            while between:
                yield between.pop()
