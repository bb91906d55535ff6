"""Trees of a known shape taken apart and put together quickly.

A pytree library asks of every part what it is. A function that is called again and again with the
same nesting need only check that it is the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from operator import itemgetter
from typing import Any, TypeAlias

from adjoint.api.registration import taking_apart
from adjoint.api.tree import LEAF, flatten


class Mismatch(Exception):
    """A tree is not what was expected."""


Reader: TypeAlias = Callable[[Any, list[Any]], None]
"""Appends the leaves of a tree to a list; `Mismatch` if the tree is another."""

CallReader: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any], list[Any]], None]
"""Appends the leaves of the arguments of a call, by position and by name, likewise."""

REFUSED = object()
"""The answer of a native entry to leaves that do not fit: an exception would take a microsecond."""


def refuse(*leaves: Any) -> Any:
    """What a native entry calls with leaves that do not fit."""
    return REFUSED


def reader_for(tree: Any, is_record: Callable[[type], bool]) -> Reader | None:
    """A reader of trees like `tree`; None if there is more in it than dicts, lists and tuples, and
    named tuples of classes that are records."""
    reader = _reader(tree) if _is_plain_tree(tree, is_record) else None
    if reader is None:
        return None
    found: list[Any] = []
    reader(tree, found)
    return reader if are_the_leaves(found, tree) else None


def are_the_leaves(found: Sequence[Any], tree: Any) -> bool:
    """Whether what was found in a tree is what a pytree library calls its leaves."""
    leaves, _ = flatten(tree)
    return len(found) == len(leaves) and all(map(operator.is_, found, leaves))


def call_reader(
    args: tuple[Any, ...], kwargs: dict[str, Any], known: Mapping[int | str, Reader]
) -> CallReader | None:
    """A reader of arguments like these; None if there is something in them that cannot be read
    quickly. Readers of some arguments are `known`, by position or name."""
    parts = [known.get(i) or _reader(x) for i, x in enumerate(args)]
    named = {k: known.get(k) or _reader(kwargs[k]) for k in sorted(kwargs)}
    if None in parts or None in named.values():
        return None
    size, order, pairs = len(args), list(kwargs), list(named.items())
    if not kwargs and size == 1:
        (only,) = parts

        def single(args: tuple[Any, ...], kwargs: dict[str, Any], out: list[Any]) -> None:
            if kwargs or len(args) != 1:
                raise Mismatch
            only(args[0], out)  # type: ignore[misc]  # it is not None

        return single
    if kwargs and all(part is _leaf for part in (*parts, *named.values())):

        def flat(args: tuple[Any, ...], kwargs: dict[str, Any], out: list[Any]) -> None:
            if len(args) != size or list(kwargs) != order:
                raise Mismatch
            out += args
            out += [kwargs[name] for name in named]

        return flat

    def nested(args: tuple[Any, ...], kwargs: dict[str, Any], out: list[Any]) -> None:
        if len(args) != size or list(kwargs) != order:
            raise Mismatch
        for part, item in zip(parts, args, strict=True):
            part(item, out)  # type: ignore[misc]  # none is None
        for name, part in pairs:
            part(kwargs[name], out)  # type: ignore[misc]

    return nested


def _reader(tree: Any) -> Reader | None:
    kind = type(tree)
    if kind is dict:
        try:
            keys = sorted(tree)
        except TypeError:
            return None
        return _of_dict(tree, keys)
    if taking_apart(kind) is not None:
        return _of_registered(tree)
    if kind in (list, tuple) or _is_usual_namedtuple(kind):
        return _of_sequence(tree)
    if tree is None:
        return _nothing
    return _leaf if flatten(tree)[1] is LEAF else None


def _nothing(tree: Any, out: list[Any]) -> None:
    if tree is not None:
        raise Mismatch


def _is_usual_namedtuple(kind: type) -> bool:
    """Whether instances of a class are named tuples that are read as tuples are."""
    return (
        issubclass(kind, tuple)
        and isinstance(getattr(kind, "_fields", None), tuple)
        and all(getattr(kind, name) is getattr(tuple, name) for name in _READING)
    )


_READING = ("__getitem__", "__iter__", "__len__")


def _of_registered(tree: Any) -> Reader | None:
    """A reader of instances of a class that the user registered, as its own rule takes them apart;
    what they hold beside numbers and arrays must be the same."""
    kind = type(tree)
    take_apart = taking_apart(kind)
    assert take_apart is not None
    children, rest, *_ = take_apart(tree)
    read = _of_sequence(children)
    if read is None:
        return None

    def registered(tree: Any, out: list[Any]) -> None:
        if type(tree) is not kind:
            raise Mismatch
        children, found, *_ = take_apart(tree)
        if found != rest:
            raise Mismatch
        read(children, out)

    return registered


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


def builder_for(tree: Any, structure: Any) -> Callable[[Sequence[Any]], Any]:
    """A function that makes a tree like `tree`, of this `structure`, of other leaves."""
    if not _is_plain_tree(tree) or type(tree) not in (dict, list, tuple):
        otherwise: Callable[[Any], Any] = structure.unflatten
        return otherwise
    return _builder(tree, count())


def _is_plain_tree(tree: Any, is_record: Callable[[type], bool] = lambda kind: False) -> bool:
    """Whether it is made of dicts, lists and tuples alone, and of named tuples that are records."""
    kind = type(tree)
    if kind is dict:
        kinds = set(map(type, tree))
        parts: Iterable[Any] = tree.values()
        return kinds in (set(), {str}, {int}) and all(_is_plain_tree(x, is_record) for x in parts)
    if kind in (list, tuple) or is_record(kind):
        return all(_is_plain_tree(x, is_record) for x in tree)
    return flatten(tree)[1] is LEAF


def _builder(tree: Any, places: Iterator[int]) -> Callable[[Sequence[Any]], Any]:
    """A function that makes a tree of the leaves at the next places of a sequence."""
    kind = type(tree)
    if kind is dict:
        parts = {key: _builder(tree[key], places) for key in sorted(tree)}
        pairs = [(key, parts[key]) for key in tree]
        return lambda leaves: {key: part(leaves) for key, part in pairs}
    if kind in (list, tuple):
        if tree and all(flatten(part)[1] is LEAF for part in tree):
            start, *others = [next(places) for _ in tree]
            stop = start + 1 + len(others)
            return lambda leaves: kind(leaves[start:stop])
        built = [_builder(part, places) for part in tree]
        return lambda leaves: kind([part(leaves) for part in built])
    return itemgetter(next(places))
