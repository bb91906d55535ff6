"""Trees of a known shape taken apart and put together quickly.

A pytree library asks of every part what it is. A function that is called again and again with the
same nesting of dicts, lists and tuples need only check that it is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from adjoint.api.tree import LEAF, flatten


class Mismatch(Exception):
    """A tree is not what was expected."""


Reader: TypeAlias = Callable[[Any, list[Any]], None]
"""Appends the leaves of a tree to a list; `Mismatch` if the tree is another."""


REFUSED = object()
"""The answer of a native entry to leaves that do not fit: an exception would take a microsecond."""


def refuse(*leaves: Any) -> Any:
    """What a native entry calls with leaves that do not fit."""
    return REFUSED


def reader_for(tree: Any) -> Reader | None:
    """A reader of trees like `tree`; None if there is more in it than dicts, lists and tuples."""
    reader = _reader(tree)
    if reader is None:
        return None
    found: list[Any] = []
    reader(tree, found)
    leaves, _ = flatten(tree)
    same = len(found) == len(leaves) and all(a is b for a, b in zip(found, leaves, strict=True))
    return reader if same else None


def _reader(tree: Any) -> Reader | None:
    kind = type(tree)
    if kind is dict:
        try:
            keys = sorted(tree)
        except TypeError:
            return None
        return _of_dict(tree, keys)
    if kind in (list, tuple):
        return _of_sequence(tree)
    return _leaf if flatten(tree)[1] is LEAF else None


def _leaf(tree: Any, out: list[Any]) -> None:
    out.append(tree)


def _of_dict(tree: dict[Any, Any], keys: list[Any]) -> Reader | None:
    order, kinds = list(tree), list(map(type, tree))  # as a function that goes through them sees
    if not {str, int}.issuperset(kinds):
        return None
    named = int not in kinds
    parts = [_reader(tree[key]) for key in keys]
    if None in parts:
        return None
    if len(keys) > 1 and all(part is _leaf for part in parts):
        take = itemgetter(*keys)

        def flat(tree: Any, out: list[Any]) -> None:
            if type(tree) is not dict or list(tree) != order:
                raise Mismatch
            if not named and list(map(type, tree)) != kinds:
                raise Mismatch
            out += take(tree)

        return flat
    pairs = list(zip(keys, parts, strict=True))

    def nested(tree: Any, out: list[Any]) -> None:
        if type(tree) is not dict or list(tree) != order:
            raise Mismatch
        if not named and list(map(type, tree)) != kinds:
            raise Mismatch
        for key, part in pairs:
            part(tree[key], out)  # type: ignore[misc]  # none is None

    return nested


def _of_sequence(tree: Sequence[Any]) -> Reader | None:
    kind, size = type(tree), len(tree)
    parts = [_reader(part) for part in tree]
    if None in parts:
        return None
    if all(part is _leaf for part in parts):

        def flat(tree: Any, out: list[Any]) -> None:
            if type(tree) is not kind or len(tree) != size:
                raise Mismatch
            out += tree

        return flat

    if size == 1:
        (only,) = parts

        def single(tree: Any, out: list[Any]) -> None:
            if type(tree) is not kind or len(tree) != 1:
                raise Mismatch
            only(tree[0], out)  # type: ignore[misc]  # it is not None

        return single

    def nested(tree: Any, out: list[Any]) -> None:
        if type(tree) is not kind or len(tree) != size:
            raise Mismatch
        for part, item in zip(parts, tree, strict=True):
            part(item, out)  # type: ignore[misc]  # none is None

    return nested


def builder_for(tree: Any, structure: Any) -> Callable[[Any], Any]:
    """A function that makes a tree like `tree`, of this `structure`, of other leaves."""
    if reader_for(tree) is None or type(tree) not in (dict, list, tuple):
        otherwise: Callable[[Any], Any] = structure.unflatten
        return otherwise
    if type(tree) is dict and all(flatten(part)[1] is LEAF for part in tree.values()):
        keys = sorted(tree)
        if keys == list(tree):
            return lambda leaves: dict(zip(keys, leaves, strict=True))
    build = _builder(tree)
    return lambda leaves: build(iter(leaves))


def _builder(tree: Any) -> Callable[[Iterator[Any]], Any]:
    kind = type(tree)
    if kind is dict:
        named = {key: _builder(tree[key]) for key in sorted(tree)}
        order = None if list(named) == list(tree) else list(tree)

        def make_dict(leaves: Iterator[Any]) -> Any:
            made = {key: part(leaves) for key, part in named.items()}
            return made if order is None else {key: made[key] for key in order}

        return make_dict
    if kind in (list, tuple):
        parts = [_builder(part) for part in tree]
        return lambda leaves: kind([part(leaves) for part in parts])
    return next
