"""Who computes values: a context variable holds the engine, so that nothing flows back up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from adjoint.errors import GraphError

if TYPE_CHECKING:
    from adjoint.graph.node import Node

Engine: TypeAlias = "Callable[[Sequence[Node]], None]"
"""Gives every node of the sequence its value."""


def _no_engine(nodes: Sequence[Node]) -> None:
    raise GraphError("no engine is installed: import adjoint, which installs the interpreter")


class Runner(Protocol):
    """Makes of the arrays for the inputs of a subgraph those of its outputs."""

    def run(self, arrays: Sequence[Any]) -> list[Any]:
        """The values of the outputs."""

    def natively(self, arrays: Sequence[Any]) -> list[Any] | None:
        """The same by native code; None where there is none, or not yet."""

    def is_native(self) -> bool:
        """Whether native code is to run the graph; asking counts as a run."""


def _no_runner(graph: Any) -> Runner:
    raise GraphError("no engine is installed: import adjoint, which installs the interpreter")


_installed: Engine = _no_engine
_runners: Callable[[Any], Runner] = _no_runner
_chosen: ContextVar[Engine | None] = ContextVar("adjoint_engine", default=None)


def install(engine: Engine, runners: Callable[[Any], Runner]) -> None:
    """Make `engine` the one used where nobody chose another, and `runners` what runs subgraphs."""
    global _installed, _runners
    _installed, _runners = engine, runners


def runner_for(graph: Any) -> Runner:
    """What runs a subgraph again and again."""
    return _runners(graph)


@contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Use `engine` within the block."""
    token = _chosen.set(engine)
    try:
        yield
    finally:
        _chosen.reset(token)


def is_chosen() -> bool:
    """Whether somebody chose an engine for the block that one is in, as whoever compiles does."""
    return _chosen.get() is not None


def compute(nodes: Sequence[Node]) -> None:
    """Have the current engine give every node of `nodes` its value."""
    (_chosen.get() or _installed)(nodes)


def compute_pending(nodes: Iterable[Node]) -> None:
    """Give those of `nodes` that have none their values, all in one go: what they have in common
    is computed once, and one native program may answer for all of them."""
    pending = [node for node in nodes if node.value is None]
    if pending:
        compute(pending)


def has_value(node: Node) -> bool:
    """Whether `value_of` has an answer: not where functions are compiled or mapped over."""
    return node.value is not None or node.scope is None or not node.scope.abstract


def value_of(node: Node) -> Any:
    """The value of `node`, computed now if it was not known."""
    if node.value is None:
        compute((node,))
    elif node.inputs:
        node.forget()
    return node.value
