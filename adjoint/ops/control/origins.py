"""Of which call an operation computes derivatives: they depend on what was computed inside that."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar
from weakref import ReferenceType, WeakKeyDictionary, ref

from adjoint.graph.node import Node
from adjoint.graph.op import Op

Rule = TypeVar("Rule", bound=Callable[..., Any])
Origin: TypeAlias = tuple[Op, tuple[ReferenceType[Node], ...], Any]
"""An operation, its inputs, which are not kept alive, and what it holds."""

_origins: WeakKeyDictionary[Node, Origin] = WeakKeyDictionary()
_current: ContextVar[Origin | None] = ContextVar("adjoint_origin", default=None)


def deriving(rule: Rule) -> Rule:
    """A derivative rule of an operation of several results, which notes of what it makes that."""

    @functools.wraps(rule)
    def noted(op: Op, node: Node, *args: Any) -> Any:
        known = _origins.get(node)  # of a derivative of a derivative it is the function's own call
        own = (op, tuple(map(ref, node.inputs)), node.params[0])
        token = _current.set(known or own)
        try:
            return rule(op, node, *args)
        finally:
            _current.reset(token)

    return noted  # type: ignore[return-value]


def note(node: Node) -> None:
    """Note of which call a new node computes derivatives, if a rule makes it."""
    origin = _current.get()
    if origin is not None:
        _origins[node] = origin


def call_derived(node: Node) -> tuple[Op, tuple[Node | None, ...], Any] | None:
    """The call of which a node computes derivatives: its operation, inputs, and what it holds."""
    origin = _origins.get(node)
    if origin is None:
        return None
    op, inputs, held = origin
    return op, tuple(reference() for reference in inputs), held
