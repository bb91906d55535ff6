"""Pytrees in plain Python, for where optree is not installed, as in a browser.

The functions have the names and the meaning of optree's, of which only what `adjoint.api.tree` asks
for is here. `tests/test_python_tree.py` compares the two.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

Flatten: TypeAlias = Callable[[Any], tuple[Any, ...]]
"""The children of a node, what else there is to it, and perhaps the names of the children."""
Unflatten: TypeAlias = Callable[[Any, tuple[Any, ...]], Any]

_registered: dict[tuple[str, type], tuple[Flatten, Unflatten]] = {}


class Entry(NamedTuple):
    """A component of a path: a key or an index, and the name of its field, or the same again."""

    entry: Any
    field: Any


class PyTreeSpec:
    """The structure of a tree: what it is made of, without its leaves.

    `kind` is None for a leaf. `fixed` is what must be equal in equal structures: keys, metadata,
    the length of a deque; `order` are the keys of a dict as they were inserted.
    """

    __slots__ = ("build", "children", "entries", "fixed", "kind", "num_leaves", "order")

    def __init__(
        self,
        kind: type | None,
        children: tuple[PyTreeSpec, ...] = (),
        entries: tuple[Entry, ...] = (),
        fixed: Any = None,
        build: Callable[[PyTreeSpec, list[Any]], Any] | None = None,
        order: tuple[Any, ...] = (),
    ) -> None:
        self.kind, self.children, self.entries = kind, children, entries
        self.fixed, self.build, self.order = fixed, build, order
        self.num_leaves: int = 1 if kind is None else sum(c.num_leaves for c in children)

    def is_leaf(self) -> bool:
        """Whether the whole tree is one leaf."""
        return self.kind is None

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """A tree of this structure with other leaves; `ValueError` if there are more or fewer."""
        given = list(leaves)
        if len(given) != self.num_leaves:
            few = "few" if len(given) < self.num_leaves else "many"
            raise ValueError(
                f"Too {few} leaves for {self!r}; expected: {self.num_leaves}, got: {len(given)}."
            )
        return self._built(iter(given))

    def _built(self, leaves: Iterator[Any]) -> Any:
        if self.build is None:
            return next(leaves)
        return self.build(self, [child._built(leaves) for child in self.children])

    def paths(self) -> list[tuple[Any, ...]]:
        """The path to each leaf: keys, indices, names."""
        return [tuple(e.entry for e in path) for path in self.accessors()]

    def accessors(self) -> list[tuple[Entry, ...]]:
        """The path to each leaf, with the names of fields."""
        if self.kind is None:
            return [()]
        pairs = zip(self.entries, self.children, strict=True)
        return [(entry, *rest) for entry, child in pairs for rest in child.accessors()]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PyTreeSpec):
            return NotImplemented
        same = self.kind is other.kind and self.fixed == other.fixed
        return same and self.children == other.children

    def __hash__(self) -> int:
        return hash((self.kind, self.fixed, self.children))

    def __repr__(self) -> str:
        return f"PyTreeSpec({self._text()})"

    def _text(self) -> str:
        if self.kind is None:
            return "*"
        parts = [child._text() for child in self.children]
        if self.kind is list:
            return f"[{', '.join(parts)}]"
        if self.kind is tuple:
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        if self.kind is type(None):
            return "None"
        pairs = zip(self.entries, parts, strict=True)
        if self.kind is dict:
            return "{" + ", ".join(f"{e.entry!r}: {p}" for e, p in pairs) + "}"
        inside = ", ".join(f"{e.field}={p}" for e, p in pairs)
        if issubclass(self.kind, (tuple, dict, deque)):
            return f"{self.kind.__name__}({inside})"
        return f"{self.kind.__name__}[{self.fixed!r}]({inside})"


LEAF = PyTreeSpec(None)


def tree_flatten(
    tree: Any, is_leaf: Callable[[Any], bool] | None = None, *, namespace: str = ""
) -> tuple[list[Any], PyTreeSpec]:
    """The leaves of a tree from left to right, and its structure."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, is_leaf, namespace, leaves)


def _flatten(
    tree: Any, is_leaf: Callable[[Any], bool] | None, namespace: str, leaves: list[Any]
) -> PyTreeSpec:
    if is_leaf is None or not is_leaf(tree):
        taken_apart = _take_apart(tree, namespace)
        if taken_apart is not None:
            children, entries, fixed, build, order = taken_apart
            specs = tuple(_flatten(child, is_leaf, namespace, leaves) for child in children)
            return PyTreeSpec(type(tree), specs, entries, fixed, build, order)
    leaves.append(tree)
    return LEAF


def _take_apart(tree: Any, namespace: str) -> Any:
    """The children of a node, their entries, what is fixed, what builds it, the order of its keys;
    None for a leaf. Subclasses of containers are leaves, as in optree."""
    kind = type(tree)
    rules = _registered.get((namespace, kind)) or _registered.get(("", kind))
    if rules is not None:
        return _registered_node(tree, *rules)
    if tree is None:
        return (), (), None, lambda spec, children: None, ()
    if kind is dict:
        keys = _sorted_keys(tree)
        return [tree[k] for k in keys], _entries(keys), keys, _dict, tuple(tree)
    if kind is defaultdict:
        keys = _sorted_keys(tree)
        fixed = (tree.default_factory, keys)
        return [tree[k] for k in keys], _entries(keys), fixed, _defaultdict, tuple(tree)
    if kind is OrderedDict:
        keys = tuple(tree)
        return list(tree.values()), _entries(keys), keys, _ordered_dict, keys
    if kind in (list, tuple):
        return tree, _entries(range(len(tree))), len(tree), _sequence, ()
    if kind is deque:
        return tree, _entries(range(len(tree))), (len(tree), tree.maxlen), _deque, ()
    if isinstance(tree, tuple):
        names = _fields(kind)
        if names is not None:
            entries = tuple(map(Entry, range(len(tree)), names))
            return tree, entries, len(tree), _named_tuple, ()
    return None


def _registered_node(tree: Any, flatten: Flatten, unflatten: Unflatten) -> Any:
    children, metadata, *names = flatten(tree)
    children = tuple(children)
    entries = _entries(names[0] if names and names[0] is not None else range(len(children)))
    if len(entries) != len(children):
        raise ValueError(
            f"the flatten function of {type(tree).__name__} gave {len(children)} children, but "
            f"{len(entries)} names for them"
        )
    return children, entries, metadata, lambda spec, made: unflatten(spec.fixed, tuple(made)), ()


def _entries(names: Iterable[Any]) -> tuple[Entry, ...]:
    return tuple(Entry(name, name) for name in names)


def _sorted_keys(tree: dict[Any, Any]) -> tuple[Any, ...]:
    """The keys in order; those of several types by the name of the type; else as inserted."""
    try:
        return tuple(sorted(tree))
    except TypeError:
        pass
    try:
        named = [(f"{type(k).__module__}.{type(k).__qualname__}", k) for k in tree]
        return tuple(k for _, k in sorted(named))
    except TypeError:
        return tuple(tree)


def _fields(kind: type) -> tuple[str, ...] | None:
    """The names of the fields of a named tuple, or of a struct sequence like `time.struct_time`."""
    names = getattr(kind, "_fields", None)
    if isinstance(names, tuple) and all(isinstance(name, str) for name in names):
        return names
    count = getattr(kind, "n_sequence_fields", None)
    if isinstance(count, int) and kind.__bases__ == (tuple,):
        return getattr(kind, "__match_args__", tuple(map(str, range(count))))[:count]
    return None


# What builds a node of its structure and its children.


def _in_order(spec: PyTreeSpec, children: list[Any]) -> dict[Any, Any]:
    made = {e.entry: child for e, child in zip(spec.entries, children, strict=True)}
    return {key: made[key] for key in spec.order}


def _dict(spec: PyTreeSpec, children: list[Any]) -> Any:
    return _in_order(spec, children)


def _defaultdict(spec: PyTreeSpec, children: list[Any]) -> Any:
    return defaultdict(spec.fixed[0], _in_order(spec, children))


def _ordered_dict(spec: PyTreeSpec, children: list[Any]) -> Any:
    return OrderedDict(_in_order(spec, children))


def _sequence(spec: PyTreeSpec, children: list[Any]) -> Any:
    return spec.kind(children)  # type: ignore[misc]  # it is not None


def _deque(spec: PyTreeSpec, children: list[Any]) -> Any:
    return deque(children, spec.fixed[1])


def _named_tuple(spec: PyTreeSpec, children: list[Any]) -> Any:
    if hasattr(spec.kind, "_make"):
        return spec.kind._make(children)  # type: ignore[union-attr]
    return spec.kind(children)  # type: ignore[misc]


def register_pytree_node(
    kind: type, flatten_func: Flatten, unflatten_func: Unflatten, *, namespace: str = ""
) -> type:
    """Make instances of a class nodes; `ValueError` if they are already."""
    builtin = kind in (dict, list, tuple, OrderedDict, defaultdict, deque, type(None))
    if builtin or (namespace, kind) in _registered:
        raise ValueError(f"PyTree type {kind!r} is already registered in namespace {namespace!r}.")
    _registered[namespace, kind] = flatten_func, unflatten_func
    return kind
