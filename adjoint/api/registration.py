"""register_pytree_node, register_dataclass: classes whose instances hold tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from adjoint.api.tree import LEAVES, NAMESPACE, exactly, library
from adjoint.errors import ArgumentError

Kind = TypeVar("Kind", bound=type)

_known: dict[type, Callable[[Any], Any]] = {}


class Static:
    """What an instance holds beside its children: equal only to what is exactly the same.

    Python calls 1, 1.0 and True equal, but a function may tell them apart, and a program that was
    compiled for one of them must not answer for another. Nor must it when an object was changed
    since, which is seen by its hash.
    """

    __slots__ = ("hash", "key", "value")

    def __init__(self, kind: type, value: Any) -> None:
        self.value, self.key = value, exactly(value)
        try:
            self.hash = hash(self.key)
        except TypeError as error:
            raise ArgumentError(
                f"{kind.__qualname__}: what it holds beside numbers and arrays must be hashable, "
                f"got {value!r}: {error}"
            ) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and self.hash == other.hash and self.key == other.key

    def __hash__(self) -> int:
        return self.hash

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process it has another hash."""
        return Static, (type(self.value), self.value)

    def __repr__(self) -> str:
        return repr(self.value)


def register_pytree_node(
    kind: type,
    flatten: Callable[[Any], tuple[Iterable[Any], Hashable]],
    unflatten: Callable[[Any, tuple[Any, ...]], Any],
) -> None:
    """Let instances of a class be nested arguments and results, like dicts, lists and tuples.

    kind: the class; its subclasses are not meant. flatten: of an instance gives a pair, its
    children (numbers, arrays, or trees of them) and everything else, which must be hashable.
    unflatten: makes an instance of everything else and of a tuple of children, which may be
    tensors. Raises `ArgumentError` for what is no class, or is registered already.

    This is `optree.register_pytree_node` in the namespace ``"adjoint"``, with JAX's arguments.

    >>> import adjoint as ad
    >>> class Circle:
    ...     def __init__(self, radius, name):
    ...         self.radius, self.name = radius, name
    ...     def __repr__(self):
    ...         return f"Circle({self.radius}, {self.name!r})"
    >>> ad.register_pytree_node(
    ...     Circle, lambda c: ((c.radius,), c.name), lambda name, children: Circle(*children, name)
    ... )
    >>> ad.grad(lambda c: ad.pi * c.radius**2)(Circle(0.5, "small"))
    Circle(Tensor(3.14159265), 'small')
    """
    if not isinstance(kind, type):
        raise ArgumentError(f"register_pytree_node: expected a class, got {kind!r}")
    for name, rule in (("flatten", flatten), ("unflatten", unflatten)):
        if not callable(rule):
            raise ArgumentError(f"register_pytree_node: {name} must be a function, got {rule!r}")
    if issubclass(kind, LEAVES):
        raise ArgumentError(
            f"register_pytree_node: {kind.__qualname__} is an array or a number, which has no parts"
        )

    def take_apart(instance: Any) -> Any:
        found: Any = flatten(instance)
        if not isinstance(found, tuple) or len(found) not in (2, 3):
            raise ArgumentError(
                f"register_pytree_node: flatten of {kind.__qualname__} must return its children "
                f"and everything else, a pair, got {found!r}"
            )
        children, rest, *names = found
        return tuple(children), Static(kind, rest), *names

    def put_together(rest: Static, children: tuple[Any, ...]) -> Any:
        return unflatten(rest.value, children)

    try:
        library().register_pytree_node(kind, take_apart, put_together, namespace=NAMESPACE)
        _known[kind] = take_apart
    except ValueError as error:
        raise ArgumentError(
            f"register_pytree_node: {kind.__qualname__} is known already, and cannot be registered "
            f"again"
        ) from error


def taking_apart(kind: type) -> Callable[[Any], Any] | None:
    """What takes instances of a class apart, if it was registered: into their children, and a
    `Static` for everything else."""
    return _known.get(kind)


def register_dataclass(
    kind: Kind,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
) -> Kind:
    """Let instances of a dataclass, or of a class of attrs, be nested arguments and results.

    A decorator, above the one that makes the dataclass.
    data_fields: the names of the fields that hold numbers, arrays or trees of them. meta_fields:
    those of the others, which must be hashable: a compiled function is compiled for each of their
    values. By default fields with ``metadata={"static": True}`` are of the second kind, all others
    of the first. Fields with ``init=False`` are left to the class. Returns the class. Raises
    `ArgumentError` for what is no dataclass, or if the names are not those of its fields.

    >>> import adjoint as ad
    >>> from dataclasses import dataclass, field
    >>> @ad.register_dataclass
    ... @dataclass
    ... class Spring:
    ...     stiffness: float
    ...     length: float
    ...     name: str = field(default="", metadata={"static": True})
    >>> energy = lambda s, x: 0.5 * s.stiffness * (x - s.length) ** 2
    >>> ad.grad(energy)(Spring(2.0, 1.0, "left"), 4.0)
    Spring(stiffness=Tensor(4.5), length=Tensor(-6.), name='left')
    """
    fields = {field.name: field for field in _fields(kind) if field.init}
    static = [name for name, field in fields.items() if field.metadata.get("static", False)]
    if meta_fields is None:
        meta_fields = static if data_fields is None else [n for n in fields if n not in data_fields]
    if data_fields is None:
        data_fields = [name for name in fields if name not in meta_fields]
    data, meta = tuple(data_fields), tuple(meta_fields)
    if sorted(data + meta) != sorted(fields):
        raise ArgumentError(
            f"register_dataclass: data_fields and meta_fields must name each field of "
            f"{kind.__qualname__} once: {', '.join(fields)}; got {list(data)} and {list(meta)}"
        )

    def flatten(instance: Any) -> Any:
        children = tuple(getattr(instance, name) for name in data)
        return children, tuple(getattr(instance, name) for name in meta), data

    def unflatten(values: Any, children: tuple[Any, ...]) -> Any:
        named = {**dict(zip(data, children, strict=True)), **dict(zip(meta, values, strict=True))}
        return kind(**{getattr(fields[n], "alias", n): x for n, x in named.items()})

    register_pytree_node(kind, flatten, unflatten)
    return kind


def _fields(kind: Any) -> Sequence[Any]:
    """The fields of a dataclass, or of a class of attrs, which calls arguments by their `alias`."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return dataclasses.fields(kind)
    if isinstance(kind, type) and "__attrs_attrs__" in vars(kind):
        return tuple(kind.__attrs_attrs__)  # type: ignore[attr-defined]
    raise ArgumentError(
        f"register_dataclass: expected a dataclass or a class of attrs, got {kind!r}; for other "
        f"classes there is adjoint.register_pytree_node"
    )
