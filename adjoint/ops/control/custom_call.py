"""`custom_call`: a graph whose derivatives somebody states, in place of those of its operations.

The rule is stated for one mode; the other follows by transposing. Programs hold the graph itself
(`inlined_results`): what is compiled does not know of the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from adjoint.errors import NotDifferentiableError
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, is_inexact
from adjoint.ops.control import dependence
from adjoint.ops.control.dependence import results_of_graph
from adjoint.ops.control.derived import instance
from adjoint.ops.control.linear_map import LinearMap, batched_graph, batched_map, transposed
from adjoint.ops.control.nan_search import origins_of, results_in
from adjoint.ops.control.packing import (
    PackedOp,
    given_pieces,
    layouts,
    pack,
    packed_group,
    packed_values,
    unpack,
    unpacked,
)
from adjoint.ops.control.sources import sources_in_graphs


class Rule(Protocol):
    """The derivative of a call. Hashable; two that are equal state the same.

    The point of its maps are the inputs of the call and then its results. One of them may be None;
    then it is the transpose of the other.
    """

    def tangents(self) -> LinearMap | None:
        """What makes of the tangents of inputs those of results."""

    def adjoints(self) -> LinearMap | None:
        """What makes of the adjoints of results those of inputs."""


@dataclass(frozen=True)
class CustomCall:
    """A graph with a rule.

    `name` says in messages whose rule it is. The first `closed` inputs were not passed to the
    function but read by it, so that the rule says nothing of them.
    """

    name: str
    body: Subgraph
    rule: Rule
    closed: int = 0

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""
        return [(x.shape, x.dtype) for x in self.body.outputs]

    @cached_property
    def tangent_map(self) -> LinearMap:
        """From tangents of inputs to those of results."""
        found = self.rule.tangents()
        if found is not None:
            return found
        back = self.rule.adjoints()
        assert back is not None
        return transposed(
            back,
            f"forward mode transposes the reverse rule of {self.name}, which",
            "state the derivative by custom_jvp, or use reverse mode",
        )

    @cached_property
    def adjoint_map(self) -> LinearMap:
        """From adjoints of results to those of inputs."""
        found = self.rule.adjoints()
        if found is not None:
            return found
        along = self.rule.tangents()
        assert along is not None
        return transposed(
            along,
            f"reverse mode transposes the forward rule of {self.name}, which",
            "make each tangent that it returns a linear function of those that it is given",
        )


class CustomCallOp(PackedOp):
    """The packed results of a graph that has a rule of its own."""

    name = "custom_call"
    called_by = "a function with derivatives of its own"
    param_names = ("call", "group")

    def run(self, held: CustomCall, group: int, values: list[Any]) -> Any:
        return packed_values(held, group, held.body.run(values))

    def nan_origins_of(
        self, node: Node, held: CustomCall, values: Sequence[Tensor]
    ) -> dict[int, str]:
        return origins_of(results_in(node, held.name, held.body, values))

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        call, group = node.params
        found = results_of_graph(call.body, given, columns)
        return dependence.packed_group(layouts(call), group, found, columns)

    def params_text(self, node: Node) -> str:
        return str(node.params[0].name)

    def graphs(self, node: Node) -> tuple[Subgraph, ...]:
        call, group = node.params
        numbers = layouts(call)[group][0]
        return (Subgraph(call.body.inputs, [call.body.outputs[n] for n in numbers]),)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        call, group = node.params
        given = {n: x for n, x in enumerate(tangents) if x is not None}
        if any(n < call.closed for n in given):
            raise _closed_over(call)
        every = range(len(call.body.outputs))
        found = call.tangent_map.apply(_point(node), given, every)
        return packed_group(call, group, [found.get(n) for n in every])

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        call, group = node.params
        if any(wanted[: call.closed]):
            raise _closed_over(call)
        given = given_pieces(call, group, adjoint)
        asked = [n for n, w in enumerate(wanted) if w and is_inexact(node.inputs[n].dtype)]
        found = call.adjoint_map.apply(_point(node), given, asked)
        return [found.get(n) for n in range(len(wanted))]

    def sources(self, held: CustomCall) -> Sequence[AbstractSet[int]]:
        return sources_in_graphs((held.body,))

    push, pull = jvp, vjp

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        call, group = node.params
        size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        variables, results = batched_graph(call.body, batched, size)
        body = Subgraph([x.node for x in variables], [x.node for x in results])
        wider = replace(call, body=body, rule=Batched(call, tuple(batched), size))
        return packed_group(call, group, custom_call(wider, inputs))


_custom_call = register(CustomCallOp())


@dataclass(frozen=True)
class Batched:
    """The rule of a call for many examples at once."""

    call: CustomCall
    batched: tuple[bool, ...]
    size: int

    def tangents(self) -> LinearMap | None:
        if self.call.rule.tangents() is None:
            return None
        linear = self.call.tangent_map
        vectors = [self.batched[n] for n in linear.sources]
        return self._wider(linear, vectors, [True] * len(self.call.body.outputs))

    def adjoints(self) -> LinearMap | None:
        if self.call.rule.adjoints() is None:
            return None
        linear = self.call.adjoint_map
        return self._wider(linear, [True] * len(linear.sources), self.batched)

    def _wider(
        self, linear: LinearMap, vectors: Sequence[bool], targets: Sequence[bool]
    ) -> LinearMap:
        point = [*self.batched, *[True] * len(self.call.body.outputs)]
        return batched_map(linear, [*point, *vectors], targets, self.size)


def custom_call(call: CustomCall, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of the graph."""
    return unpacked(_custom_call, inputs, call)


def inlined_results(order: Sequence[Node]) -> dict[Node, Node]:
    """For the calls in a topological order, and what unpacks them, the graph itself."""
    found: dict[Node, Node] = {}
    results: dict[Node, list[Tensor]] = {}
    for node in order:
        if node.value is not None or not node.inputs:
            continue
        if node.op is _custom_call:
            call, group = node.params
            numbers, layout = layouts(call)[group]
            every = instance(call.body, list(map(Tensor, node.inputs)))
            results[node] = [every[n] for n in numbers]
            packed = pack(layout, dict(enumerate(results[node])))
            assert packed is not None
            found[node] = packed.node
        elif node.op.name == "unpack" and node.inputs[0] in results:
            found[node] = results[node.inputs[0]][node.params[1]].node
    return found


def _point(node: Node) -> list[Tensor]:
    """The inputs of a call, and then its results."""
    call, own = node.params
    inputs = list(map(Tensor, node.inputs))
    results: dict[int, Tensor] = {}
    for group, (numbers, layout) in enumerate(layouts(call)):
        packed = Tensor(node) if group == own else make(_custom_call, inputs, (call, group))
        for place, n in enumerate(numbers):
            results[n] = unpack(packed, layout, place)
    return [*inputs, *[results[n] for n in range(len(results))]]


def _closed_over(call: CustomCall) -> NotDifferentiableError:
    return NotDifferentiableError(
        f"{call.name} has a rule of its own, which says how it depends on its arguments; it also "
        f"reads a tensor from outside with respect to which a derivative is asked. Pass that "
        f"tensor as an argument, or hold it fixed with adjoint.stop_gradient"
    )
