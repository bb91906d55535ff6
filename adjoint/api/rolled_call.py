"""Calling the user's function while a function is compiled: its loops are rolled up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adjoint.api.tree import flatten
from adjoint.graph import options, recording
from adjoint.graph.forking import building
from adjoint.graph.node import Scope
from adjoint.graph.tensor import Tensor
from adjoint.passes.rolling.worth import is_worth
from adjoint.tracing.call import call as traced_call


def call(
    f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], scope: Scope | None
) -> Any:
    """``f(*args, **kwargs)``; what repeats itself in its graph is a loop, if it is compiled."""
    recorder = recording.current()
    if recorder is None or not options.current().roll_loops:
        return traced_call(f, args, kwargs, scope)
    start = len(recorder.nodes)
    result = traced_call(f, args, kwargs, scope)
    if not is_worth(len(recorder.nodes) - start):
        return result
    leaves, structure = flatten(result)
    places = [n for n, x in enumerate(leaves) if type(x) is Tensor and _is_traced(x)]
    before = [leaves[n].node for n in places]
    with building:
        from adjoint.passes.rolling.roll import roll
    after = roll(before, recorder.nodes[start:], recorder)
    if after == before:
        return result
    for place, node in zip(places, after, strict=True):
        leaves[place] = Tensor(node)
    return structure.unflatten(leaves)


def _is_traced(x: Tensor) -> bool:
    """Whether the tensor depends on a variable without a value."""
    return x.node.value is None and x.node.scope is not None and x.node.scope.abstract
