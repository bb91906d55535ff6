"""Rules of users as graphs, traced when a derivative asks for them.

A rule may call the function whose rule it is, and so be without end: it is traced to one order more
each time that it is differentiated. What it reads from outside must be known at once, as that
becomes inputs of the call. So a rule is traced once when its function is called, where calls of the
same function within it count as plain ones; this also finds at once what it returns wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from adjoint.api.arguments import as_output, function_name
from adjoint.api.custom_signature import CallOfRule, Derivative, Signature
from adjoint.api.outside import Outside, read_before
from adjoint.api.stepping import traced
from adjoint.api.tree import flatten
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.subgradients import choosing
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.custom_call import CustomCall, custom_call
from adjoint.ops.control.linear_map import LinearMap

State: TypeAlias = Callable[[CallOfRule], Derivative]
"""Calls a rule on variables."""

_looking_at: ContextVar[dict[int, list[Node]]] = ContextVar("adjoint_rules_looked_at")
"""By the identity of a function, the results of plain calls while its rule is looked at."""


def looked_at() -> dict[int, list[Node]]:
    """The functions whose rules are being traced only to see what they read."""
    return _looking_at.get({})


@contextmanager
def _looking(function: Any) -> Iterator[None]:
    token = _looking_at.set({**looked_at(), id(function): []})
    try:
        yield
    finally:
        _looking_at.reset(token)


def plainly(function: Any, args: Sequence[Any]) -> tuple[list[Tensor], Any]:
    """The results of a function without its rule, as tensors, and their structure."""
    leaves, structure = flatten(traced(function.f, args))
    found = [as_output(function.transform, function.f, x) for x in leaves]
    known = looked_at().get(id(function))
    if known is not None:
        known += [x.node for x in found]
    return found, structure


def called(signature: Signature) -> Any:
    """The result of a function with a rule, in its structure."""
    function = signature.function
    call = CallOfRule(signature)
    try:
        outputs, call.structure = plainly(function, signature.arguments(call.leaves()))
        call.results = results = [x.node for x in outputs]
        own = captured(results, call.variables)
        looks = [look_at_rule(call, state) for state in function.states()]
    finally:
        call.scope.close()
    outside = list(dict.fromkeys([*own, *(x for look in looks for x in look.read)]))
    body = closed(results, call.variables, outside)
    given = signature.leaves
    rules = [TracedRule(call, outside, look) for look in looks]
    rule = rules[0] if len(rules) == 1 else BothModes(*rules)
    found = custom_call(
        CustomCall(function_name(function.f), body, rule, len(own)),
        [*map(Tensor, outside), *given],
    )
    signature.forget_leaves()
    return call.structure.unflatten(found)


class Looked(NamedTuple):
    """What a rule returned when it was looked at; `exact` if no plain call stands for another.

    `state` is the rule, and `read` the nodes that were there before, which it reads.
    """

    state: State
    derivative: Derivative
    exact: bool
    read: list[Node]


def look_at_rule(call: CallOfRule, state: State) -> Looked:
    """What a rule reads and returns."""
    function = call.signature.function

    def again() -> list[Node]:
        other = CallOfRule(call.signature)
        other.results, other.structure = call.results, call.structure
        try:
            return state(other).outputs()
        finally:
            other.scope.close()

    with choosing(None), _looking(function):
        derivative = state(call)
        plain = {x for nodes in looked_at().values() for x in nodes}
        ends = [*call.variables, *call.values(), *derivative.variables()]
        read = read_before(derivative.outputs(), ends, again)
    order = topological_order(derivative.outputs(), lambda n: () if n in ends else n.inputs)
    hidden = any(x.op.family == "control" for x in order)  # these hold graphs of their own
    exact = not plain or (not hidden and plain.isdisjoint(order))
    return Looked(state, derivative, exact, read)


class TracedRule:
    """The rule of a call; see `adjoint.ops.control.custom_call.Rule`."""

    def __init__(self, call: CallOfRule, outside: Sequence[Node], looked: Looked) -> None:
        self.signature, self.structure = call.signature, call.structure
        self.state = looked.state
        scope = Scope(abstract=True)
        self.results = [variable_node(None, x.shape, x.dtype, scope) for x in call.results]
        self.outside = Outside(outside)
        self.found: LinearMap | None = None
        self.mode = looked.derivative.mode
        if looked.exact:
            self.found = self.linear_map(call, looked.derivative)
            graph = self.found.graph
        else:
            ends = [*call.variables, *call.values(), *looked.derivative.variables()]
            graph = closed(looked.derivative.outputs(), ends, looked.read)
        # The graph tells what the rule read of Python's values, which may have changed.
        signature = (*self.signature.key(), str(self.structure), self.mode)
        self.key = (*signature, graph.key, tuple(map(id, outside)))
        self.hash = hash(self.key)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        same = isinstance(other, TracedRule) and self.key == other.key
        return same and not self.outside.count  # a node may have the address of one that is gone

    def __hash__(self) -> int:
        return self.hash

    def __repr__(self) -> str:
        return f"<rule of {function_name(self.signature.function)} {self.hash:#x}>"

    def tangents(self) -> LinearMap | None:
        return self.traced() if self.mode == "forward" else None

    def adjoints(self) -> LinearMap | None:
        return self.traced() if self.mode == "backward" else None

    def traced(self) -> LinearMap:
        """The graph of the rule, traced once."""
        if self.found is None:
            call = CallOfRule(self.signature)
            call.results, call.structure = self.results, self.structure
            try:
                with choosing(None):
                    derivative = self.state(call)
            finally:
                call.scope.close()
            self.found = self.linear_map(call, derivative)
        return self.found

    def linear_map(self, call: CallOfRule, derivative: Derivative) -> LinearMap:
        """What the rule returned as a graph of what it was given and of what it reads."""
        variables = [*call.variables, *call.values(), *derivative.variables()]
        name = function_name(self.signature.function)
        graph = self.outside.graph(derivative.outputs(), variables, name)
        shift = self.outside.count
        sources, targets = derivative.sources, derivative.targets
        if derivative.mode == "forward":
            return LinearMap(graph, _moved(sources, shift), tuple(targets))
        return LinearMap(graph, tuple(sources), _moved(targets, shift))


@dataclass(frozen=True)
class BothModes:
    """A rule for each mode."""

    forward: TracedRule
    backward: TracedRule

    def tangents(self) -> LinearMap | None:
        return self.forward.traced()

    def adjoints(self) -> LinearMap | None:
        return self.backward.traced()


def _moved(numbers: Sequence[int], shift: int) -> tuple[int, ...]:
    return tuple(n + shift for n in numbers)
