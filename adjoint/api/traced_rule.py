"""Rules of users as graphs, traced when a derivative asks for them.

A rule may call the function whose rule it is, and so be without end: it is traced to one order more
each time that it is differentiated. What it reads from outside must be known at once, as that
becomes inputs of the call. So a rule is traced once when its function is called, where calls of the
same function within it count as plain ones; this also finds at once what it returns wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from adjoint.api.arguments import as_output, function_name
from adjoint.api.custom_signature import CallOfRule, Derivative, Signature
from adjoint.api.outside import Outside, read_before
from adjoint.api.stepping import traced
from adjoint.api.tree import flatten
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.custom_call import CustomCall, custom_call
from adjoint.ops.control.linear_map import LinearMap

_looking_at: ContextVar[frozenset[int]] = ContextVar(
    "adjoint_looking_at_rules", default=frozenset()
)


def is_looking_at(function: Any) -> bool:
    """Whether the rule of a function is being traced only to see what it reads."""
    return id(function) in _looking_at.get()


@contextmanager
def _looking(function: Any) -> Iterator[None]:
    token = _looking_at.set(_looking_at.get() | {id(function)})
    try:
        yield
    finally:
        _looking_at.reset(token)


def called(signature: Signature) -> Any:
    """The result of a function with a rule, in its structure."""
    function = signature.function
    call = CallOfRule(signature)
    try:
        leaves, call.structure = flatten(traced(function.f, signature.arguments(call.leaves())))
        outputs = [as_output(function.transform, function.f, x) for x in leaves]
        call.results = results = [x.node for x in outputs]
        own = captured(results, call.variables)
        more = [x for x in read_from_outside(call) if x not in set(own)]
    finally:
        call.scope.close()
    outside = [*own, *more]
    body = closed(results, call.variables, outside)
    given = signature.leaves
    rule = TracedRule(signature, call.structure, body.outputs, outside)
    found = custom_call(
        CustomCall(function_name(function.f), body, rule, len(own)),
        [*map(Tensor, outside), *given],
    )
    signature.forget_leaves()
    return call.structure.unflatten(found)


def read_from_outside(call: CallOfRule) -> list[Node]:
    """The nodes that were there before, which the rule reads."""
    function = call.signature.function

    def again() -> list[Node]:
        other = CallOfRule(call.signature)
        other.results, other.structure = call.results, call.structure
        try:
            derivative: Derivative = function.state(other)
            return derivative.outputs()
        finally:
            other.scope.close()

    with _looking(function):
        derivative: Derivative = function.state(call)
        ends = [*call.variables, *derivative.variables()]
        return read_before(derivative.outputs(), ends, again)


class TracedRule:
    """The rule of a call; see `adjoint.ops.control.custom_call.Rule`."""

    def __init__(
        self,
        signature: Signature,
        structure: Any,
        results: Sequence[Node],
        outside: Sequence[Node],
    ) -> None:
        self.signature, self.structure, self.results = signature, structure, results
        self.outside = Outside(outside)
        self.key = (*signature.key(), str(structure), tuple(map(id, outside)))
        self.hash = hash(self.key)
        self.found: LinearMap | None = None
        self.mode = ""

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
        found = self.traced()
        return found if self.mode == "forward" else None

    def adjoints(self) -> LinearMap | None:
        found = self.traced()
        return found if self.mode == "backward" else None

    def traced(self) -> LinearMap:
        """The graph of the rule, traced once."""
        if self.found is None:
            call = CallOfRule(self.signature)
            call.results, call.structure = self.results, self.structure
            try:
                derivative = self.signature.function.state(call)
            finally:
                call.scope.close()
            self.mode = derivative.mode
            self.found = self.linear_map(call, derivative)
        return self.found

    def linear_map(self, call: CallOfRule, derivative: Derivative) -> LinearMap:
        """What the rule returned as a graph of what it was given and of what it reads."""
        like = [variable_node(None, x.shape, x.dtype, call.scope) for x in self.results]
        variables = [*call.variables, *like, *derivative.variables()]
        name = function_name(self.signature.function)
        graph = self.outside.graph(derivative.outputs(), variables, name)
        shift = self.outside.count
        sources, targets = derivative.sources, derivative.targets
        if derivative.mode == "forward":
            return LinearMap(graph, _moved(sources, shift), tuple(targets))
        return LinearMap(graph, tuple(sources), _moved(targets, shift))


def _moved(numbers: Sequence[int], shift: int) -> tuple[int, ...]:
    return tuple(n + shift for n in numbers)
