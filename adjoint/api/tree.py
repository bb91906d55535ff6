"""Pytrees: nested tuples, lists, dicts, dataclasses and registered classes of tensors (optree)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor

LEAVES = (Tensor, float, int, complex, np.ndarray, np.generic)
"""Arrays and numbers."""
NAMESPACE = "adjoint"
"""The optree namespace in which users may register classes of their own."""


class _Leaf:
    """The structure of a tree that is one leaf; spares such calls the pytree library."""

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        (leaf,) = leaves
        return leaf

    def paths(self) -> list[tuple[Any, ...]]:
        return [()]

    def __repr__(self) -> str:
        return "PyTreeSpec(*)"


LEAF = _Leaf()


@cache
def library() -> Any:
    """optree, or what stands in for it where it is not installed."""
    try:
        return import_module("optree")
    except ImportError:
        return import_module("adjoint.api.python_tree")


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of `tree` and its structure, whose `unflatten` is the way back."""
    if isinstance(tree, LEAVES):
        return [tree], LEAF
    leaves, structure = library().tree_flatten(tree, namespace=NAMESPACE)
    return leaves, LEAF if structure.is_leaf() else structure


def same_structure(a: Any, b: Any) -> bool:
    """Whether two structures from `flatten` are the same."""
    return a is b or (a is not LEAF and b is not LEAF and a == b)


def key_orders(tree: Any) -> Hashable:
    """The keys of all dicts in `tree`, in order: structures that are the same may differ in it,
    and in which of equal keys stands there."""
    found: list[Hashable] = []

    def look(part: Any) -> bool:
        if isinstance(part, dict):
            found.append(tuple(map(exactly, part)))
        return isinstance(part, LEAVES)

    library().tree_flatten(tree, is_leaf=look, namespace=NAMESPACE)
    return tuple(found)


def exactly(x: Any) -> Hashable:
    """A key that tells apart what Python calls equal: 1, 1.0 and True, 0.0 and -0.0, also within
    tuples, frozen sets and dataclasses."""
    kind = type(x)
    if kind in (float, complex) or isinstance(x, np.generic):
        return kind, repr(x)
    if isinstance(x, tuple):
        return kind, *map(exactly, x)
    if isinstance(x, frozenset):
        return kind, frozenset(map(exactly, x))
    if is_dataclass(kind):
        parts = tuple(exactly(getattr(x, f.name, None)) for f in fields(kind) if f.compare)
        try:
            hash(parts)
        except TypeError:  # it has rules of its own for what is equal
            return kind, x
        return kind, x, parts
    return kind, x


def map_tree(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """`function` applied to corresponding leaves of trees with the same structure."""
    leaves, structure = flatten(tree)
    others = [flatten(other)[0] for other in rest]
    return structure.unflatten(function(*group) for group in zip(leaves, *others, strict=True))


def path_text(path: tuple[Any, ...]) -> str:
    """A path into a tree as it would be written in Python: ``['w'][0]``."""
    return "".join(f"[{key!r}]" for key in path)
