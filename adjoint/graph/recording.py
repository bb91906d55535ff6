"""Recording: which nodes were made while a function is traced, in the order of their making.

That order tells what the function repeats: the order in which a result needs the nodes does not.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from weakref import ReferenceType

from adjoint.graph import forking
from adjoint.graph import node as nodes
from adjoint.graph.node import Node


@dataclass(frozen=True)
class Rolled:
    """A stretch of a graph that became a loop: so many repetitions of so many operations."""

    repetitions: int
    operations: int


@dataclass
class Recorder:
    """All nodes made so far, those of other threads among them, and what became of them.

    They are referenced weakly: what nobody needs is freed, as if nobody recorded. `compiled`: the
    function that is traced is compiled.
    """

    references: list[ReferenceType[Node]]
    compiled: bool = True
    rolled: list[Rolled] = field(default_factory=list)

    def count(self) -> int:
        """How many nodes were made so far."""
        return len(self.references)

    def made_since(self, count: int) -> list[Node]:
        """The nodes made after so many others, as far as they are still there."""
        alive = [reference() for reference in self.references[count:]]
        return [node for node in alive if node is not None]


_current: ContextVar[Recorder | None] = ContextVar("adjoint_recorder", default=None)
_lock = forking.new_lock()
_active = 0


def current() -> Recorder | None:
    """The recorder of the function that is traced here, if one is."""
    return _current.get()


class Recording:
    """Records the nodes that are made within the block, for a function that is compiled or not.

    Threads that record at the same time share a list: whose nodes they are is seen by what a
    result needs.
    """

    __slots__ = ("compiled", "token")

    def __init__(self, compiled: bool = True) -> None:
        self.compiled = compiled

    def __enter__(self) -> Recorder:
        global _active
        with _lock:
            _active += 1
            if nodes.recorded is None:
                nodes.recorded = []
            recorder = Recorder(nodes.recorded, self.compiled)
        self.token: Token[Recorder | None] = _current.set(recorder)
        return recorder

    def __exit__(self, *error: object) -> None:
        global _active
        _current.reset(self.token)
        with _lock:
            _active -= 1
            if not _active:
                nodes.recorded = None


@forking.in_forked_child
def _after_fork() -> None:
    """Only the thread that forked goes on, and perhaps records."""
    global _active
    _active = int(_current.get() is not None)
    if not _active:
        nodes.recorded = None
