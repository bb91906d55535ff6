"""Where nan comes from: the operation that made it, and the user's line that asked for it.

Both only while `debug_nans` is on: then lines are noted as nodes are made, and results are looked
at as they are computed. A nan is an error only if it reaches a value that somebody looks at: what
`where` leaves out harms nobody, and many formulas rely on that. A loop that made one is gone
through once more, round by round, to find the operation inside it (`Op.nan_origins`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from adjoint.errors import NanError
from adjoint.graph import node as nodes
from adjoint.graph import options
from adjoint.graph.caller import user_place
from adjoint.graph.node import Node
from adjoint.graph.text import params_text, type_text
from adjoint.graph.types import is_inexact

_places: WeakKeyDictionary[Node, str] = WeakKeyDictionary()
"""The user's line from which a node was made."""
_origins: WeakKeyDictionary[Node, str] = WeakKeyDictionary()
"""What made the nan in the value of a node. A nan given from outside has no such."""
_origins_of_parts: WeakKeyDictionary[Node, Mapping[int, str]] = WeakKeyDictionary()
"""For a node of several results, by the number of the result, what made the nan in it."""
_around: ContextVar[tuple[str, ...]] = ContextVar("adjoint_rounds_searched", default=())
"""The rounds of loops that are gone through again, the innermost first: "in round 3 of …"."""


def has_nan(value: Any) -> bool:
    """Whether an array holds nan."""
    array = np.asarray(value)
    return is_inexact(array.dtype) and bool(np.isnan(array).any())


def trace(node: Node, value: Any, is_asked_for: bool) -> None:
    """Note where the nan in `value`, just computed for `node`, comes from.

    It is a `NanError` if somebody asked for this value and an operation made the nan.
    """
    if not has_nan(value):
        return
    guilty = [x for x in node.inputs if has_nan(x.value)]
    if guilty:
        origin = next(filter(None, (_origin_in(x, node) for x in guilty)), None)
    else:
        parts = node.op.nan_origins(node)
        if parts:
            _origins_of_parts[node] = parts
        origin = next(iter(parts.values()), None) or message(node, np.asarray(value))
    if origin is not None:
        _origins[node] = origin
        if is_asked_for and not _around.get():
            raise NanError(origin)


def _origin_in(x: Node, reader: Node) -> str | None:
    """What made the nan that `reader` found in an input of it."""
    number = reader.op.result_taken(reader)
    if number is not None and x in _origins_of_parts:
        return _origins_of_parts[x].get(number)
    return _origins.get(x)


def place_of(node: Node) -> str:
    """The line from which a node was made, if that was noted; else ""."""
    return _places.get(node, "")


def origin_of(node: Node) -> str | None:
    """What made the nan in the value of a node, if there is one that was not given."""
    return _origins.get(node)


@contextmanager
def searching(node: Node, what: str) -> Iterator[None]:
    """Note where nan comes from within `what` of a node, such as a round; it is no error there."""
    place = _places.get(node)
    words = f"in {what}{' at ' + place if place else ''}"
    token = _around.set((words, *_around.get()))
    try:
        yield
    finally:
        _around.reset(token)


def keep_place(old: Node, new: Node) -> None:
    """Let `new`, made in place of `old`, be of the line that `old` is of."""
    if nodes.made is not None and old in _places:
        _places[new] = _places[old]


def message(node: Node, value: np.ndarray[Any, Any]) -> str:
    """Which operation made nan of what, and where."""
    given = ", ".join(filter(None, [*map(type_text, node.inputs), params_text(node)]))
    read: list[str] = []
    part = ""
    if value.ndim:
        found = np.argwhere(np.isnan(value))
        index = tuple(map(int, found[0]))
        part = f" in {len(found)} of its {value.size} elements, first at {index}"
    if node.op.pointwise:
        read = [_at(x, index if value.ndim else ()) for x in node.inputs]
    place = _places.get(node)
    return (
        f"{place + ': ' if place else ''}{node.op.name}({given}) made nan{part}"
        f"{', of ' + ' and '.join(read) if read else ''}, and no input of it holds nan"
        f"{', '.join(['', *_around.get()])}"
        f"{'' if place else ' (debug_nans was not on yet when it was called, so its line is lost)'}"
        f"; keep its inputs where it is defined, for example with adjoint.where"
    )


def _at(x: Node, index: tuple[int, ...]) -> str:
    """What an elementwise operation read of `x` at `index`."""
    value = np.broadcast_to(np.asarray(x.value), np.broadcast_shapes(x.shape, (1,) * len(index)))
    own = tuple(i if n > 1 else 0 for i, n in zip(index, value.shape, strict=True))
    return str(value[own].item())


def _note(node: Node) -> None:
    if options.current().debug_nans:
        place = user_place()
        if place:
            _places[node] = place


def _watch(values: Sequence[bool]) -> None:
    nodes.made = _note if any(values) else None


options.watch("debug_nans", _watch)
