"""Who computes values: a context variable holds the engine, so that nothing flows back up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from adjoint.errors import GraphError

if TYPE_CHECKING:
    from adjoint.graph.node import Node

Engine: TypeAlias = "Callable[[Sequence[Node]], None]"
"""Gives every node of the sequence its value."""


def _no_engine(nodes: Sequence[Node]) -> None:
    raise GraphError("no engine is installed: import adjoint, which installs the interpreter")


_installed: Engine = _no_engine
_chosen: ContextVar[Engine | None] = ContextVar("adjoint_engine", default=None)


def install(engine: Engine) -> None:
    """Make `engine` the one used where nobody chose another."""
    global _installed
    _installed = engine


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Use `engine` within the block."""
    token = _chosen.set(engine)
    try:
        yield
    finally:
        _chosen.reset(token)


def compute(nodes: Sequence[Node]) -> None:
    """Have the current engine give every node of `nodes` its value."""
    (_chosen.get() or _installed)(nodes)


def value_of(node: Node) -> Any:
    """The value of `node`, computed now if it was not known."""
    if node.value is None:
        compute((node,))
    elif node.inputs:
        node.forget()
    return node.value
