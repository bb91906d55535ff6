"""Where nan comes from: the operation that made it, and the user's line that asked for it.

Both only while `debug_nans` is on: then lines are noted as nodes are made, and results are looked
at as they are computed. A nan is an error only if it reaches a value that somebody looks at: what
`where` leaves out harms nobody, and many formulas rely on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from adjoint.errors import NanError
from adjoint.graph import node as nodes
from adjoint.graph import options
from adjoint.graph.caller import user_place
from adjoint.graph.node import Node
from adjoint.graph.text import params_text, type_text

_places: WeakKeyDictionary[Node, str] = WeakKeyDictionary()
"""The user's line from which a node was made."""
_origins: WeakKeyDictionary[Node, str] = WeakKeyDictionary()
"""What made the nan in the value of a node. A nan given from outside has no such."""


def has_nan(value: Any) -> bool:
    """Whether an array holds nan."""
    array = np.asarray(value)
    return array.dtype.kind in "fc" and bool(np.isnan(array).any())


def trace(node: Node, value: Any, is_asked_for: bool) -> None:
    """Note where the nan in `value`, just computed for `node`, comes from.

    It is a `NanError` if somebody asked for this value and an operation made the nan.
    """
    if not has_nan(value):
        return
    guilty = [x for x in node.inputs if has_nan(x.value)]
    known = (_origins.get(x) for x in guilty)
    origin = next(filter(None, known), None) if guilty else message(node, np.asarray(value))
    if origin is not None:
        _origins[node] = origin
        if is_asked_for:
            raise NanError(origin)


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
