"""The calls that a compiled function answered last: calls like them are answered without a search.

To find the program for any arguments takes a compiled function some 15 microseconds: what they
consist of, their shapes and dtypes, and the key of all that. Calls that alternate between a few
signatures, have nested or static arguments, or arrays that are not in row-major order, are compared
with recent ones instead. What a native entry accepts is exactly what its program is for.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from enum import Enum
from types import BuiltinFunctionType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from adjoint.api.fast_tree import (
    REFUSED,
    CallReader,
    Mismatch,
    Reader,
    are_the_leaves,
    call_reader,
    refuse,
)
from adjoint.api.signature import Leaf
from adjoint.api.specialization import Specialization
from adjoint.api.tree import LEAF, exactly, flatten
from adjoint.graph import engine
from adjoint.graph.tensor import Tensor

MOST = 8
"""So many calls are remembered: each that does not fit costs a tenth of a microsecond, or one with
nested arguments."""

PROMOTED_AFTER = 16
"""After so many calls that the native entry did not fit that is the function, it is another one."""

_UNCHANGING = frozenset(
    (
        *(type(None), bool, int, float, complex, str, bytes, type),
        *(FunctionType, BuiltinFunctionType),
    )
)
"""Types whose instances never become equal to others, or cease to be."""
_ENUM_HASHES: tuple[Any, ...] = (Enum.__hash__, int.__hash__, str.__hash__)
"""How members of enumerations are hashed if their class has no rule of its own."""

_ARRAYS = (Tensor, np.ndarray)


class RecentCall(NamedTuple):
    """A call that was answered by a native entry."""

    read: CallReader | None
    """What reads the leaves out of such arguments; None if they are the leaves."""
    found: Specialization


def recent_call(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    static: Sequence[tuple[int | str, Any]],
    dynamic: Any,
    found: Specialization,
) -> RecentCall | None:
    """What is remembered of a call: its arguments, those of them that are static, by position or
    name, and the tree of the others. None if they cannot be read quickly."""
    if not kwargs and not static and all(flatten(a)[1] is LEAF for a in args):
        return RecentCall(None, found)
    readers: dict[int | str, Reader] = {}
    for key, value in static:
        reader = _static_reader(value)
        if reader is None:
            return None
        readers[key] = reader
    read = call_reader(args, kwargs, readers)
    if read is None or found.entry is refuse:
        return None
    leaves: list[Any] = []
    read(args, kwargs, leaves)
    return RecentCall(read, found) if are_the_leaves(leaves, dynamic) else None


def _static_reader(value: Any) -> Reader | None:
    """A reader of what is exactly `value`, which has no leaves; None if that might change."""
    if not _is_unchanging(value):
        return None
    key = exactly(value)

    def read(tree: Any, out: list[Any]) -> None:
        if tree is not value and exactly(tree) != key:
            raise Mismatch

    return read


def _is_unchanging(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_unchanging, value))
    kind = type(value)
    is_usual_enum = isinstance(value, Enum) and kind.__hash__ in _ENUM_HASHES
    return kind in _UNCHANGING or is_usual_enum


def with_newest(recent: tuple[RecentCall, ...], newest: RecentCall) -> tuple[RecentCall, ...]:
    """The recent calls, the newest first, and of each program one of a kind."""
    is_direct = newest.read is None
    others = [
        call
        for call in recent
        if call.found is not newest.found or (call.read is None) is not is_direct
    ]
    return (newest, *others[: MOST - 1])


def answer_in_order(
    recent: Sequence[RecentCall], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The answer where arrays in row-major order take the place of others, and pending tensors are
    computed; `REFUSED` if there are none, or if the arguments are like those of no recent call."""
    for read, found in recent:
        leaves = list(args)
        if read is not None:
            leaves.clear()
            try:
                read(args, kwargs, leaves)
            except Mismatch:
                continue
        elif kwargs:
            continue
        ordered = _in_order(leaves, found.leaves)
        result = REFUSED if ordered is None else found.entry(*ordered)
        if result is not REFUSED:
            return result
    return REFUSED


def _in_order(leaves: Sequence[Any], known: Sequence[Leaf]) -> list[Any] | None:
    """Leaves with their values in row-major order; None if they were so before, if a transform is
    open that they depend on, or if they have not the shapes and dtypes that are known."""
    if len(leaves) != len(known) or not all(map(_fits, leaves, known)):
        return None
    nodes = [x.node for x in leaves if type(x) is Tensor]
    if any(node.scope is not None and node.scope.is_open() for node in nodes):
        return None
    were_pending = any(node.value is None for node in nodes)
    engine.compute_pending(nodes)
    ordered = list(map(_row_major, leaves))
    return ordered if were_pending or any(map(operator.is_not, ordered, leaves)) else None


def _fits(x: Any, known: Leaf) -> bool:
    """Whether a leaf, if it is an array or a tensor, has the shape and the dtype that are known."""
    return type(x) not in _ARRAYS or (x.shape == known.shape and x.dtype == known.dtype)


def _row_major(x: Any) -> Any:
    """An array in row-major order for one, or for the value of a tensor, that is not; else `x`."""
    value = x.node.value if type(x) is Tensor else x
    if type(value) is np.ndarray and not value.flags.c_contiguous:
        return np.ascontiguousarray(value)
    return x
