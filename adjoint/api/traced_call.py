"""How every transform calls the user's function: on variables, in a scope that ends with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple

from adjoint.api.arguments import (
    as_differentiable,
    as_output,
    complex_output,
    scalar_output,
    split_aux,
    where_text,
)
from adjoint.api.labelling import Found, labelled, labels_among, labels_in
from adjoint.api.rolled_call import call
from adjoint.api.tree import LEAF, flatten
from adjoint.backends.derivative_programs import Derive, derivative
from adjoint.graph import engine, recording
from adjoint.graph.labels import Labels, meeting
from adjoint.graph.leaf import stand_in
from adjoint.graph.node import Node, Scope
from adjoint.graph.shown import something_was_shown
from adjoint.graph.storage import as_given, stored_among
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.tracing.generators import constant_draws_warned_of
from adjoint.tracing.read_constants import check_constants

WEAK = (int, float, complex)
"""Python's numbers, which take the dtype of what stands beside them."""


class Seen(NamedTuple):
    """What a transform is about to differentiate: what the function returned, and the variables."""

    roots: Sequence[Tensor]
    nodes: Sequence[Node]


_watcher: ContextVar[Callable[[Seen], None] | None] = ContextVar("adjoint_watcher", default=None)


@contextmanager
def watching(tell: Callable[[Seen], None]) -> Iterator[None]:
    """Within the block `tell` is told what transforms differentiate, before they do."""
    token = _watcher.set(tell)
    try:
        yield
    finally:
        _watcher.reset(token)


class TracedArgument:
    """One argument of a transform, its leaves replaced by variables of `scope`."""

    __slots__ = ("labels", "nodes", "primals", "stored", "structure")

    structure: Any
    labels: Found
    stored: Collection[int]
    """The numbers of the leaves in bfloat16, whose variables are in float32."""
    primals: list[Tensor]
    nodes: list[Node]

    def __init__(self, transform: str, f: Any, number: int, argument: Any, scope: Scope) -> None:
        if type(argument) is float:  # as below, with fewer questions
            x = as_tensor(argument)
            self.structure, self.labels, self.stored, self.primals = LEAF, {}, (), [x]
            self.nodes = [stand_in(x.node, scope, weak=True)]
            return
        leaves, self.structure = flatten(argument)
        self.labels = labels_in(leaves)
        self.stored = stored_among(leaves)

        def describe(leaf: int) -> str:
            return f"{transform}: {where_text(f, number, self.structure.paths()[leaf])}"

        self.primals = []
        self.nodes = []
        for n, leaf in enumerate(leaves):
            x = as_differentiable(leaf, describe, n)
            self.primals.append(x)
            self.nodes.append(stand_in(x.node, scope, weak=type(leaf) in WEAK))

    def argument(self) -> Any:
        """The argument to pass to the function."""
        if self.structure is LEAF and not self.stored:
            return Tensor(self.nodes[0])
        return self.unflatten(map(Tensor, self.nodes))

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """`leaves` in the structure of the argument, and in bfloat16 where that has it."""
        return self.structure.unflatten(as_given(leaves, self.stored))


class TracedArguments:
    """The arguments of one call: what is `given` to the function, and those that were `traced`."""

    __slots__ = ("given", "nodes", "traced")

    def __init__(self, given: list[Any], traced: list[TracedArgument]) -> None:
        self.given = given
        self.traced = traced
        self.nodes = [node for argument in dict.fromkeys(traced) for node in argument.nodes]
        """The variables in all arguments, each once."""

    def trees(self, values: Mapping[Node, Any]) -> list[Any]:
        """What belongs to each variable, in a tree like the argument it is of."""
        return [a.unflatten([values[node] for node in a.nodes]) for a in self.traced]

    @property
    def labels(self) -> list[Labels]:
        """The labels of all arguments that have some."""
        return [labels for a in self.traced if a.labels for labels in labels_among(a.labels)]

    def labelled(self, trees: Sequence[Any], own: Scope | None = None) -> list[Any]:
        """Trees like the traced arguments under the labels of these, if they have any; `own` is
        the scope of the transform, if it is not closed yet."""
        return [labelled(a.labels, tree, own) for a, tree in zip(self.traced, trees, strict=True)]


def _compute_pending(nodes: Sequence[Node]) -> None:
    """Give the arguments of an outermost transform their values.

    Otherwise the steps of a training of which nobody looks at a loss are one graph that grows, and
    of which no part has a structure that was seen before.
    """
    if recording.current() is not None or engine.is_chosen():
        return
    pending = [x for x in nodes if x.value is None and (x.scope is None or not x.scope.is_open())]
    if pending:
        with suppress(Exception):  # it is raised when somebody looks
            engine.compute(pending)


class TracedCall:
    """One call of the user's function by a transform; the head of a ``with``.

    At the end of the block the variables are closed: results that were evaluated within it let go
    of their history. `aux` is what the function returned beside its output, under ``has_aux``.
    `nested`: the function is differentiated more than once, as if by more than one transform, so
    that what has kinks must say so.
    """

    aux: Any = None
    outputs: Sequence[Tensor] = ()
    structure: Any = None
    stored: Collection[int] = ()
    """The numbers of the outputs in bfloat16, which here are in float32."""
    labels: Sequence[Labels] = ()
    _kept = False

    def __init__(
        self, transform: str, f: Any, *, abstract: bool = False, nested: bool = False
    ) -> None:
        self.transform = transform
        self.f = f
        self.scope = Scope(abstract=abstract, transform=transform)
        self._scopes = (self.scope, Scope()) if nested else (self.scope,)

    def __enter__(self) -> TracedCall:
        return self

    def __exit__(self, error: object, *more: object) -> None:
        if self._kept and error is None:
            return
        for scope in self._scopes:
            scope.close()
        for y in self.outputs:
            y.node.forget()

    def open(self, args: Sequence[Any], numbers: Sequence[int] | None = None) -> TracedArguments:
        """Variables for the leaves of the arguments at `numbers`, or of all."""
        transform, f, scope = self.transform, self.f, self.scope
        if len(self._scopes) > 1:
            scope = Scope(members=self._scopes, transform=transform)
        if numbers is None:
            numbers = range(len(args))
        traced = {n: TracedArgument(transform, f, n, args[n], scope) for n in numbers}
        _compute_pending([x.node for a in traced.values() for x in a.primals])
        given = [traced[n].argument() if n in traced else a for n, a in enumerate(args)]
        arguments = TracedArguments(given, [traced[n] for n in numbers])
        self.labels = arguments.labels
        return arguments

    def scalar(self, args: Sequence[Any], kwargs: Mapping[str, Any], has_aux: bool) -> Tensor:
        """The output of the function, which must be one real number."""
        output = self._call(args, kwargs, has_aux)
        y = scalar_output(self.transform, self.f, output)
        self.outputs, self.stored = (y,), stored_among((output,))
        self._check_constants()
        return y

    def complex_scalar(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], has_aux: bool
    ) -> Tensor:
        """The output of the function, which must be one complex number."""
        y = complex_output(self.transform, self.f, self._call(args, kwargs, has_aux))
        self.outputs = (y,)
        self._check_constants()
        return y

    def tensors(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], has_aux: bool = False
    ) -> Sequence[Tensor]:
        """The leaves of the output, which may be any pytree; `unflatten` makes the like of it."""
        leaves, self.structure = flatten(self._call(args, kwargs, has_aux))
        self.outputs = [as_output(self.transform, self.f, leaf) for leaf in leaves]
        self.stored = stored_among(leaves)
        self._check_constants()
        return self.outputs

    def _check_constants(self) -> None:
        """Warn of what was read from text that shows what is differentiated."""
        if something_was_shown():
            roots = [y.node for y in self.outputs]
            check_constants(self.transform, self.f, roots, self._scopes)

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """`leaves` in the structure of the output, and in bfloat16 where that has it."""
        return self.structure.unflatten(as_given(leaves, self.stored))

    def derived(
        self, kind: str, nodes: Sequence[Node], derive: Derive, seeds: Sequence[Tensor] = ()
    ) -> list[Tensor]:
        """What `derive` makes of the outputs: its nodes, or values if the same was done before.

        It is given the outputs and then the `seeds`, the variables `nodes` and their scope; `kind`
        is its name. In the second case the outputs have their values.
        """
        count = before = len(self.outputs)
        roots = [*self.outputs, *seeds]
        if self.aux is not None:
            roots[count:count] = [x for x in flatten(self.aux)[0] if type(x) is Tensor]
            before = len(roots) - len(seeds)
        if (tell := _watcher.get()) is not None:
            tell(Seen(roots[:before], nodes))

        def of_roots(roots: Sequence[Tensor], ends: Sequence[Node], scope: Scope) -> list[Tensor]:
            return derive([*roots[:count], *roots[before:]], ends, scope)

        found = derivative((kind, count), roots, before, nodes, self.scope, of_roots)
        return of_roots(roots, nodes, self.scope) if found is None else found

    def keep_open(self) -> Scope:
        """The scope, which from here on is the caller's to close, unless the block fails."""
        self._kept = True
        return self.scope

    def _call(self, args: Sequence[Any], kwargs: Mapping[str, Any], has_aux: bool) -> Any:
        with meeting(self.labels):
            if self.transform != "vmap":
                result = call(self.f, args, kwargs, self.scope)
            else:
                with constant_draws_warned_of("vmap", self.f):
                    result = call(self.f, args, kwargs, self.scope)
        output, self.aux = split_aux(self.transform, self.f, result, has_aux)
        return output
