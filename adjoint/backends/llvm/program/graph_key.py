"""A traced graph as a key: two graphs have the same one only if they compute the same.

Floor 6. Unlike the structure of a program it holds the values of all constants, to the last bit, as
passes go by them. What is no plain data, such as a function of the user, has no key.
"""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import OPS, Op
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.types import DType

MOST_BYTES = 1 << 16
"""Bytes of constants in a graph that has a key: they are hashed at each first call, and kept with
what is found under the key. Hashing so many takes some 50 µs."""

_PLAIN = frozenset({int, bool, str, bytes, NoneType})
_OURS = ("adjoint.graph.", "adjoint.ops.")
_LIBRARIES = ("adjoint.", "numpy", "scipy")


class _NoKeyError(Exception):
    """There is something that is no plain data."""


def graph_key(inputs: Sequence[Node], outputs: Sequence[Node]) -> str | None:
    """A digest of all that the values of `outputs` depend on, beside those of `inputs`; None if
    that is not plain data, or too much."""
    writer = _Writer()
    try:
        # Version 0 has the same bytes for equal data, in any process.
        told = marshal.dumps(writer.graph(inputs, outputs), 0)
    except (_NoKeyError, ValueError):  # or marshal knows something as no plain data
        return None
    writer.digest.update(told)
    return writer.digest.hexdigest()


class _Writer:
    """Tells graphs as nested tuples of plain data, and digests the values of their constants."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.bytes_left = MOST_BYTES
        self.dtypes: dict[int, str] = {}

    def graph(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> tuple[Any, ...]:
        """A graph between some nodes, inputs before users."""
        number = {node: i for i, node in enumerate(inputs)}
        lines: list[Any] = [(*self.kind(x), self.plain(x.params)) for x in inputs]
        order = topological_order(
            outputs, lambda x: () if x in number or x.value is not None else x.inputs
        )
        for node in order:
            if node in number:
                continue
            given = node.inputs  # read before the value, which is there before they are forgotten
            if node.value is not None:
                told: tuple[Any, ...] = None, self.constant(node.value)
            elif _is_ours(op := node.op) and (given or op.family != "leaf"):
                params = self.plain(node.params) if node.params else []
                told = op.name, params, [number[x] for x in given]
            else:
                raise _NoKeyError
            number[node] = len(lines)
            lines.append((*self.kind(node), *told))
        return len(inputs), lines, [number[x] for x in outputs]

    def kind(self, node: Node) -> tuple[Any, ...]:
        """What is known of the value of a node."""
        dtype = node.dtype
        text = self.dtypes.get(id(dtype)) or self.dtypes.setdefault(id(dtype), dtype_text(dtype))
        return node.shape, text, node.sparse, node.may_be_infinite

    def constant(self, value: Any) -> int:
        """How many bytes a value has, which are digested."""
        array = np.asarray(value)
        self.bytes_left -= array.nbytes
        if self.bytes_left < 0:
            raise _NoKeyError
        self.digest.update(array.tobytes())
        return array.nbytes

    def plain(self, x: Any) -> Any:
        """A parameter of an operation as plain data, of which the text says everything: tuples are
        lists there, and what is a tuple there begins with what it stands for."""
        kind = type(x)
        if kind in _PLAIN:
            return x
        if kind is tuple:
            return [self.plain(y) for y in x]
        if kind is float:
            return ("float", x.hex()) if x == x else _no_key()
        if kind is complex:
            return "complex", self.plain(x.real), self.plain(x.imag)
        if kind is slice:
            return "slice", self.plain(x.start), self.plain(x.stop), self.plain(x.step)
        if isinstance(x, np.dtype):
            return "dtype", dtype_text(x)
        if kind is Subgraph:
            return "graph", self.graph(x.inputs, x.outputs)
        if is_dataclass(x) and kind.__module__.startswith(_OURS):
            parts = [self.plain(getattr(x, f.name)) for f in fields(x)]
            return kind.__module__, kind.__name__, parts
        return _no_key()


def _no_key() -> Any:
    raise _NoKeyError


def dtype_text(dtype: DType) -> str:
    """A dtype; its code alone does not tell apart those that NumPy does not have itself."""
    return f"{dtype.str} {dtype.name}"


@cache
def _is_ours(op: Op) -> bool:
    """Whether an operation is one of the library, with rules of the library: its name then says
    what it does."""
    is_listed = any([op is one for one in OPS.values()])
    ours = is_listed and type(op).__module__.startswith(_OURS)
    return ours and all([_is_of_libraries(x) for x in vars(op).values() if type(x) not in _PLAIN])


def _is_of_libraries(x: Any) -> bool:
    """Whether something that a record holds is no function, or one of a library."""
    if type(x) in (tuple, list):
        return all(map(_is_of_libraries, x))
    if type(x) is dict:
        return all(map(_is_of_libraries, x.values()))
    module = getattr(x, "__module__", None)
    return not callable(x) or module is None or module.startswith(_LIBRARIES)
