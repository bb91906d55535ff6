"""The node: an operation applied to inputs. And the scope: whether somebody still differentiates.

A node is immutable but for two things: it may learn its value, and once it has one and no open
variable can be reached from it, it forgets its inputs, so that reference counting frees them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

from adjoint.graph import engine, lines

if TYPE_CHECKING:
    from adjoint.graph.op import Op
    from adjoint.graph.types import DType, Shape

PENDING_BOUND = 10_000
"""The longest chain of nodes without a value; a longer one is evaluated, not left to grow."""

made: Callable[[Node], None] | None = None
"""Told of every new node, while somebody wants to know."""

recorded: list[ReferenceType[Node]] | None = None
"""Every new node, while a function is traced (see `recording`)."""


class Scope:
    """The set of transforms (or variables) whose history the nodes in it must keep.

    `open` until the transform is done; `abstract` if its variables have no values; `stopped` if no
    derivative can arrive, as every way here leads through a `stop_gradient`. `transform` is the
    name of the transform that would lose something if a value of its own left the graph as a plain
    number; None where nothing would be lost; `lost` the error that said that one left. `order` is
    the highest derivative that the transform takes. `was_shown`: a text was made of what has no
    value, which with a value would be another.
    """

    __slots__ = (
        *("abstract", "lost", "members", "open", "order", "stopped", "transform", "was_shown"),
    )

    def __init__(
        self,
        *,
        abstract: bool = False,
        members: tuple[Scope, ...] = (),
        stopped: bool = False,
        transform: str | None = None,
    ) -> None:
        self.open = True
        self.abstract = abstract
        self.members = members or (self,)
        self.stopped = stopped
        self.transform = transform
        self.lost: Exception | None = None
        self.order = 1
        self.was_shown = False

    def is_open(self) -> bool:
        """Whether any member is still open."""
        return True in [member.open for member in self.members]

    def is_differentiated(self) -> bool:
        """Whether a transform of values is still to come."""
        return any(member.open and not member.abstract for member in self.members)

    def close(self) -> None:
        """End the transform: evaluated nodes of this scope may forget their inputs."""
        self.open = False


ALWAYS = Scope()
"""The scope of variables that a user makes by hand: never closed."""


def union(a: Scope, b: Scope) -> Scope:
    """The scope of a node that reaches both `a` and `b`."""
    if a.stopped and not b.stopped:
        a, b = b, a
    extra = tuple([m for m in b.members if m.open and m not in a.members])
    if not extra:
        return a
    kept = tuple([m for m in a.members if m.open])
    if a.stopped is b.stopped and not [m for m in kept if m not in b.members]:
        return b
    stopped = a.stopped and b.stopped
    return Scope(abstract=a.abstract or b.abstract, members=kept + extra, stopped=stopped)


class Node:
    """An operation applied to inputs, with shape and dtype, and its value once known.

    `params` are the operation's static parameters, hashable, in the order of its rules.
    `depth` is the length of the longest chain of pending nodes that ends here. `sparse` says that
    elements may be zero by construction, which `Op.nonzero_mask` then knows; `may_be_infinite`
    that they may be infinite or nan though the leaves are finite. `number` is the value as a Python
    float, where a native entry left one beside it, or None.
    """

    __slots__ = (
        "__weakref__",
        "depth",
        "dtype",
        "inputs",
        "number",
        "op",
        "params",
        "scope",
        "shape",
        "sparse",
        "value",
        "may_be_infinite",
    )

    op: Op
    inputs: tuple[Node, ...]
    params: tuple[Any, ...]
    shape: Shape
    dtype: DType
    value: Any
    number: float | None
    scope: Scope | None
    depth: int
    sparse: bool
    may_be_infinite: bool

    def __init__(
        self, op: Op, inputs: tuple[Node, ...], params: tuple[Any, ...], shape: Shape, dtype: DType
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.value = None
        self.number = None
        scope = None
        depth = 0
        sparse = op.makes_zeros
        may_be_infinite = not op.keeps_finite
        for node in inputs:
            other = node.scope
            if other is not None and other is not scope:
                scope = other if scope is None else union(scope, other)
            if node.value is None and node.depth >= depth:
                depth = node.depth + 1
            if node.sparse and op.keeps_zeros:
                sparse = True
            if node.may_be_infinite:
                may_be_infinite = True
        self.sparse = sparse
        self.may_be_infinite = may_be_infinite
        self.scope = scope
        self.depth = depth
        if scope is not None and op.kinks and are_nested(self):
            lines.note(self)
        if recorded is not None:
            recorded.append(ref(self))
        if made is not None:
            made(self)
        if depth > PENDING_BOUND and (scope is None or (recorded is None and not scope.abstract)):
            engine.compute((self,))

    def varies(self) -> bool:
        """Whether a derivative can arrive here: a variable is reached, and no stop is between."""
        return self.scope is not None and not self.scope.stopped

    def forget(self) -> None:
        """Let go of the inputs if the value is known and no open variable is reached."""
        if self.value is not None and (self.scope is None or not self.scope.is_open()):
            self.inputs = ()

    def __repr__(self) -> str:
        sizes = ",".join(map(str, self.shape))
        return f"<{self.op.name} {self.dtype}[{sizes}] at {id(self):#x}>"


def noted(node: Node) -> Node:
    """`node`, the line of whose call is remembered where derivatives may be nested."""
    if node.scope is not None and are_nested(node):
        lines.note(node)
    return node


def varies_alone(node: Node, other: Node) -> bool:
    """Whether a derivative can arrive at `node` while `other` stays as it is.

    So it is if `other` is a constant, or a variable of `compile` alone, which differentiates by
    none: in ``compile(grad(f))`` all arguments are.
    """
    if not node.varies():
        return False
    if not other.varies():
        return True
    assert node.scope is not None and other.scope is not None
    return node.scope.is_differentiated() and not other.scope.is_differentiated()


_plain: ContextVar[bool] = ContextVar("adjoint_node_by_node", default=False)


@contextmanager
def node_by_node() -> Iterator[None]:
    """Within the block derivatives are those of the single rules, as a textbook writes them."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def is_node_by_node() -> bool:
    """Whether one is in such a block."""
    return _plain.get()


def order_of_derivatives(*nodes: Node) -> int:
    """How many times the transforms that are open now may differentiate what is made of `nodes`."""
    found = {m for node in nodes if node.scope is not None for m in node.scope.members}
    return sum(m.order for m in found - {ALWAYS} if m.open and not m.abstract)


def are_nested(*nodes: Node) -> bool:
    """Whether more than one transform may differentiate what is made of `nodes`.

    Variables made by hand can be differentiated by any number of times. Within `node_by_node`
    nobody cares.
    """
    if _plain.get():
        return False
    found: set[Scope] = set()
    for node in nodes:
        if node.scope is not None:
            found.update(m for m in node.scope.members if m.open and not m.abstract)
    return len(found) > 1 or ALWAYS in found
