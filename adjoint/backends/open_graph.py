"""Traced graphs of one function for several sizes: what they have in common, and what differs.

Floor 6. A `GraphForm` is a graph as a key and numbers beside it: graphs of equal keys differ in
sizes and constants only. An `OpenGraph` is made of several, with what differs left open.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import starmap
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from adjoint.graph.node import Node, Scope
from adjoint.graph.op import Op
from adjoint.graph.open_numbers import Assumptions
from adjoint.graph.order import topological_order
from adjoint.graph.types import DType, Shape

MOST_BYTES = 1 << 16
"""Graphs that hold constants of more have no form: they would be copied, and compared."""

MOST_NODES = 2000
"""Nor have larger graphs, of which a plan would take long to make."""

_INTEGER = object()
"""Stands for an integer in a key."""
_NAMES = (str, bytes, bool, type(None), type, np.dtype, Op, FunctionType, BuiltinFunctionType)
"""What is compared as it is."""


class NoForm(Exception):
    """A graph holds what cannot be compared."""


class GraphForm:
    """A graph between `inputs` and `outputs`: its `key`, its `integers`, which are the sizes and
    whole parameters of its nodes, and the `constants` it holds. `NoForm` if there is something that
    it does not know how to compare.

    It is the graph as it was: its nodes may learn their values, and forget their inputs.
    """

    def __init__(
        self, inputs: Sequence[Node], outputs: Sequence[Node], order: Sequence[Node] | None = None
    ) -> None:
        """order: all nodes in topological order, the inputs first, if that is known."""
        ends = {node: number for number, node in enumerate(inputs)}
        if order is None or _holds_computed(order):
            order = topological_order(
                [*inputs, *outputs], lambda n: () if n in ends or n.value is not None else n.inputs
            )
        if len(order) > MOST_NODES:
            raise NoForm
        self.integers: list[int] = []
        self.constants: list[np.ndarray[Any, Any]] = []
        self.bytes = 0
        self.rows: list[tuple[Any, ...]] = []
        """Its nodes, each as the fields of a `Recorded`."""
        numbers: dict[Node, int] = {}
        scopes: dict[Scope | None, Hashable] = {None: None}
        key: list[Hashable] = []
        for node in order:
            children = None
            is_given = node in ends
            if not is_given:
                if node.value is not None:
                    self.add_constant(node.value)
                else:
                    children = tuple([numbers[x] for x in node.inputs])
            numbers[node] = len(numbers)
            op, params, shape, dtype = node.op, node.params, node.shape, node.dtype
            scope, flags = node.scope, (node.sparse, node.may_be_infinite)
            self.rows.append((op, params, shape, dtype, children, is_given, scope, *flags))
            if scope is not None and scope not in scopes:
                scopes[scope] = _scope(scope)
            place = ends[node] if is_given else None
            key += [op, dtype, children, place, flags, scopes[scope]]
            key += [self.key_of(params) if params else None, len(shape)]
            for size in shape:
                if type(size) is not int:
                    raise NoForm
            self.integers += shape
        self.inputs = [numbers[x] for x in inputs]
        self.outputs = [numbers[x] for x in outputs]
        self.key = (*key, *self.outputs)

    def add_constant(self, value: Any) -> None:
        """Remember the value of a constant, which somebody may write to."""
        array = np.asarray(value)
        self.bytes += array.nbytes
        if self.bytes > MOST_BYTES or array.dtype.hasobject:
            raise NoForm
        self.constants.append(array.copy())

    def key_of(self, x: Any) -> Hashable:
        """A parameter without the integers in it, which go to the others."""
        kind = type(x)
        if kind is tuple:
            for part in x:
                if type(part) is not int:
                    return kind, *[self.key_of(part) for part in x]
            self.integers += x
            return len(x)
        if kind is int:
            self.integers.append(x)
            return _INTEGER
        if kind is float:
            return kind, x.hex()
        if isinstance(x, _NAMES):
            return kind, x
        raise NoForm


def _holds_computed(order: Sequence[Node]) -> bool:
    """Whether a node has its value and yet its inputs, below which nobody need look."""
    return any([node.inputs for node in order if node.value is not None])


class Recorded(NamedTuple):
    """A node of a traced graph: what it was made of, and what follows from that."""

    op: Op
    params: tuple[Any, ...]
    shape: Shape
    dtype: DType
    inputs: tuple[int, ...] | None
    """The numbers of its inputs; None if its value is known, or given."""
    is_given: bool
    scope: Scope | None
    sparse: bool
    may_be_infinite: bool


def _scope(scope: Scope) -> Hashable:
    """What rules may ask of the scope of a node, once all transforms are done."""
    return scope.stopped, scope.is_open()


class OpenGraph:
    """The graph of `forms`, of equal keys, with what differs left open.

    Numbers that are equal in each of the forms are one; the first form says what they are now.
    `NoForm` if constants differ that are not single floating-point numbers.
    """

    def __init__(self, forms: Sequence[GraphForm]) -> None:
        self.form = first = forms[0]
        self.assumptions = Assumptions()
        columns = list(zip(*[form.integers for form in forms], strict=True))
        self.places: dict[tuple[int, ...], list[int]] = {}
        for place, column in enumerate(columns):
            if len(set(column)) > 1:
                self.places.setdefault(column, []).append(place)
        numbers = {column: self.assumptions.number(column[0]) for column in self.places}
        integers = iter([numbers.get(column, column[0]) for column in columns])
        rows = zip(*[form.constants for form in forms], strict=True)
        self.open_constants: list[int] = []
        constants = iter([self.constant(number, row) for number, row in enumerate(rows)])
        nodes: list[Node] = []
        for one in starmap(Recorded, first.rows):
            inputs = tuple([nodes[n] for n in one.inputs or ()])
            params, shape = _filled(one.params, integers), _filled(one.shape, integers)
            node = Node(one.op, inputs, params, shape, one.dtype)
            node.scope, node.sparse = one.scope, one.sparse
            node.may_be_infinite = one.may_be_infinite
            if one.inputs is None and not one.is_given:
                node.value = next(constants)
            nodes.append(node)
        self.inputs = [nodes[n] for n in first.inputs]
        self.outputs = [nodes[n] for n in first.outputs]

    def constant(self, number: int, values: Sequence[np.ndarray[Any, Any]]) -> Any:
        """A constant, open if its value differs."""
        first, *others = values
        if all(_are_same(first, other) for other in others):
            return first
        if first.shape != () or first.dtype.kind != "f":
            raise NoForm
        self.open_constants.append(number)
        return self.assumptions.array(first)

    def numbers_of(self, form: GraphForm) -> list[Any] | None:
        """What is open, as it is in another form: sizes, then constants. None if that is another
        graph, or differs elsewhere, too."""
        if form.key != self.form.key:
            return None
        mine, others = list(self.form.integers), form.integers
        found: list[Any] = []
        for places in self.places.values():
            number = others[places[0]]
            for place in places:
                if others[place] != number:
                    return None
                mine[place] = number
            found.append(number)
        if mine != others:
            return None
        for number, (a, b) in enumerate(zip(self.form.constants, form.constants, strict=True)):
            if number in self.open_constants:
                found.append(b)
            elif not _are_same(a, b):
                return None
        return found


def _are_same(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Whether constants are equal to the last bit."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _filled(x: Any, numbers: Any) -> Any:
    """A parameter with the integers in it exchanged for others, in order."""
    if type(x) is int:
        return next(numbers)
    if type(x) is tuple:
        return tuple([_filled(part, numbers) for part in x])
    return x
