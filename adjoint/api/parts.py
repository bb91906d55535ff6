"""Derivatives by a part of the arguments: by names of arguments, paths into trees, or a filter."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from adjoint.api.arguments import function_name, normalize_argnums
from adjoint.api.replay import replayed
from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError

Filter: TypeAlias = "str | Sequence[str] | Callable[[str, Any], bool] | None"
Names: TypeAlias = "str | Sequence[str] | None"

Component: TypeAlias = "tuple[str, ...]"
"""All names that a component of a path has: key, index, field."""

_BRACKET = re.compile(r"\[\s*(?:'([^']*)'|\"([^\"]*)\"|(-?\w+))\s*\]")


class Parts:
    """The parts of one call's arguments by which something is differentiated.

    `arguments` puts others in their places.
    """

    def __init__(
        self,
        transform: str,
        f: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        argnums: int | Sequence[int],
        names: Sequence[str] | None,
        wrt: Filter,
    ) -> None:
        self.transform, self.f = transform, f
        self.args, self.kwargs = list(args), dict(kwargs)
        self.chosen: list[list[int]] | None = None
        self.places: list[int | str] = (
            [self._named(name) for name in names]
            if names is not None
            else list(normalize_argnums(transform, argnums, len(args)))
        )
        if wrt is None:
            self.parts = [self._argument(place) for place in self.places]
            return
        if len(self.places) != 1:
            raise ArgumentError(
                f"{transform}: wrt names parts of one argument, but {len(self.places)} were named; "
                f"choose one by argnums or argnames"
            )
        self.leaves, self.structure = flatten(self._argument(self.places[0]))
        self.paths = paths_of(self.structure)
        self.is_filter = callable(wrt)
        self.chosen, self.parts = self._chosen(wrt)

    def _named(self, name: str) -> int | str:
        """Where the argument with a name was passed."""
        if name in self.kwargs:
            return name
        try:
            parameters = list(inspect.signature(self.f).parameters)
        except (TypeError, ValueError):
            parameters = []
        if name in parameters and parameters.index(name) < len(self.args):
            return parameters.index(name)
        known = ", ".join([*parameters[: len(self.args)], *self.kwargs]) or "none"
        raise ArgumentError(
            f"{self.transform}: argnames names {name!r}, but {function_name(self.f)} was called "
            f"with: {known}"
        )

    def _argument(self, place: int | str) -> Any:
        return self.args[place] if isinstance(place, int) else self.kwargs[place]

    def _chosen(self, wrt: Any) -> tuple[list[list[int]], list[Any]]:
        """For each part the numbers of its leaves, and the part itself."""
        if not callable(wrt):
            paths = [wrt] if isinstance(wrt, str) else wrt
            if not isinstance(paths, Sequence) or not all(isinstance(p, str) for p in paths):
                raise ArgumentError(
                    f"{self.transform}: wrt must be a path such as 'layers.0.w', a list of paths, "
                    f"or a filter(path, leaf), got {wrt!r}"
                )
            found = [self._below(path) for path in paths]
            self._check_apart(paths, [numbers for numbers, _ in found])
            return [numbers for numbers, _ in found], [part for _, part in found]
        pairs = zip(self.paths, self.leaves, strict=True)
        numbers = [n for n, (path, leaf) in enumerate(pairs) if wrt(text_of(path), leaf)]
        if not numbers:
            raise ArgumentError(f"{self.transform}: the filter wrt chose none of {self._known()}")
        return [[n] for n in numbers], [self.leaves[n] for n in numbers]

    def _check_apart(self, paths: Sequence[str], chosen: Sequence[Sequence[int]]) -> None:
        """Raise `ArgumentError` if a leaf is in two parts, as each would hide the other."""
        owner: dict[int, str] = {}
        for path, numbers in zip(paths, chosen, strict=True):
            for n in numbers:
                if n in owner:
                    raise ArgumentError(
                        f"{self.transform}: wrt names {text_of(self.paths[n])} twice, in "
                        f"{owner[n]!r} and {path!r}; name each part once"
                    )
                owner[n] = path

    def _below(self, path: str) -> tuple[list[int], Any]:
        ways = list(dict.fromkeys(way for own in self.paths for way in ways_to(path, own)))
        if not ways:
            raise ArgumentError(f"{self.transform}: there is no {path!r} among {self._known()}")
        if len(ways) > 1:
            raise ArgumentError(
                f"{self.transform}: {path!r} may mean any of {len(ways)} parts, as a key has a dot "
                f"in it; write keys in brackets, as in ['a.b']['c']"
            )
        (way,) = ways
        numbers = [n for n, own in enumerate(self.paths) if tuple(own[: len(way)]) == way]
        part = self._argument(self.places[0])
        for names in way:
            part = child_of(part, names)
        return numbers, part

    def _known(self) -> str:
        shown = [text_of(path) for path in self.paths[:12]]
        more = f", … ({len(self.paths)} in all)" if len(self.paths) > 12 else ""
        return ", ".join(shown) + more

    def arguments(self, parts: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """All arguments, with other parts in the places of these."""
        args, kwargs = list(self.args), dict(self.kwargs)

        def put(place: int | str, value: Any) -> None:
            if isinstance(place, int):
                args[place] = value
            else:
                kwargs[place] = value

        if self.chosen is None:
            for place, part in zip(self.places, parts, strict=True):
                put(place, part)
        else:
            leaves = list(self.leaves)
            for numbers, part in zip(self.chosen, parts, strict=True):
                for n, leaf in zip(numbers, flatten(part)[0], strict=True):
                    leaves[n] = leaf
            put(self.places[0], self.structure.unflatten(leaves))
        return args, kwargs

    @property
    def function(self) -> Callable[..., Any]:
        """The function of the parts, the rest held fixed."""

        @functools.wraps(self.f)
        def function(*given: Any) -> Any:
            positional, named = self.arguments(given)
            return self.f(*positional, **named)

        return function

    def at(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Parts:
        """The same parts of other arguments, which are trees of the same structure."""
        other = copy.copy(self)
        other.args, other.kwargs = list(args), dict(kwargs)
        if self.chosen is not None:
            other.leaves = flatten(other._argument(self.places[0]))[0]
        return other

    def taken(self, tree: Any, is_single: bool) -> tuple[Any, ...]:
        """What is given for the parts in the form of a `result`, with an entry for each part."""
        if self.chosen is None or not self.is_filter:
            found = (tree,) if is_single else tuple(tree)
        else:
            found = tuple(x for x in flatten(tree)[0] if x is not None)
        if len(found) != len(self.parts):
            raise ArgumentError(
                f"{self.transform}: {len(found)} tangents were given for {len(self.parts)} parts"
            )
        return found

    def result(self, found: Sequence[Any], is_single: bool) -> Any:
        """What was found for the parts, as it is returned: for a filter a tree like the argument,
        with None where nothing was chosen; for one part that alone."""
        if self.chosen is not None and self.is_filter:
            leaves: list[Any] = [None] * len(self.leaves)
            for (n,), x in zip(self.chosen, found, strict=True):
                leaves[n] = x
            return self.structure.unflatten(leaves)
        return found[0] if is_single else tuple(found)


Derivative: TypeAlias = "Callable[[Callable[..., Any], tuple[int, ...]], Callable[..., Any]]"
Change: TypeAlias = "Callable[[Sequence[Any]], Any]"


def by_parts(
    transform: str,
    f: Callable[..., Any],
    argnums: Any,
    argnames: Names,
    wrt: Filter,
    derivative: Derivative,
    replaced: Callable[[Any, Change], Any],
) -> Callable[..., Any]:
    """A derivative by parts of the arguments.

    ``derivative(g, numbers)`` makes that of a function of parts by all of them; of what it returns
    ``replaced(result, change)`` changes the tuples with an entry for each part.
    """

    def changed(g: Any, numbers: tuple[int, ...], change: Change) -> Callable[..., Any]:
        found = derivative(g, numbers)
        return lambda *parts: replaced(found(*parts), change)

    return of_parts(transform, f, argnums, argnames, wrt, changed)


def of_parts(
    transform: str,
    f: Callable[..., Any],
    argnums: Any,
    argnames: Names,
    wrt: Filter,
    derivative: Callable[[Callable[..., Any], tuple[int, ...], Change], Callable[..., Any]],
) -> Callable[..., Any]:
    """As `by_parts`, where ``derivative(g, numbers, change)`` itself changes what it finds."""
    names = names_for(transform, argnums, argnames)
    is_single = is_one_part(argnums, argnames, wrt)

    @functools.wraps(f)
    def of_call(*args: Any, **kwargs: Any) -> Any:
        parts = Parts(transform, f, args, kwargs, argnums, names, wrt)
        numbers = tuple(range(len(parts.parts)))
        found = derivative(parts.function, numbers, lambda x: parts.result(x, is_single))
        return found(*parts.parts)

    if not _are_texts(argnames) or not _are_texts(wrt):  # a filter may look at values
        return of_call
    differentiated = partial(_numbers, transform, f, argnums, names, wrt is not None)
    return replayed(f, differentiated, of_call)


def _are_texts(x: Any) -> bool:
    """Whether it is None, a text or a tuple of texts, which cannot change."""
    return x is None or isinstance(x, str) or (type(x) is tuple and all(type(i) is str for i in x))


def _numbers(
    transform: str,
    f: Any,
    argnum: int,
    names: Sequence[str] | None,
    is_inside: bool,
    count: int,
    given: tuple[str, ...],
) -> tuple[int, ...]:
    """The numbers of the arguments by which `f` is differentiated, of `count` that are given by
    position and others by name; none if it is by parts that are inside of one."""
    if is_inside:
        return ()
    if names is None:
        return normalize_argnums(transform, argnum, count)
    parameters = list(inspect.signature(f).parameters)
    return tuple(count + given.index(x) if x in given else parameters.index(x) for x in names)


def names_for(transform: str, argnums: Any, argnames: Names) -> Sequence[str] | None:
    """The names as a sequence; raises `ArgumentError` for more positions than one beside them."""
    if not isinstance(argnums, int):
        raise ArgumentError(
            f"{transform}: argnums={argnums!r} does not go together with argnames or wrt, "
            f"which name parts of one argument; give one position"
        )
    return _names(argnames)


def _names(argnames: Names) -> Sequence[str] | None:
    return [argnames] if isinstance(argnames, str) else argnames


def is_one_part(argnums: Any, argnames: Names, wrt: Filter) -> bool:
    """Whether one part is meant, not a tuple of them."""
    if wrt is not None:
        return isinstance(wrt, str)
    return isinstance(argnames, str) or (argnames is None and isinstance(argnums, int))


def parts_of(
    transform: str,
    f: Callable[..., Any],
    args: Sequence[Any],
    argnum: int,
    argnames: Names,
    wrt: Filter,
) -> Parts:
    """The parts of arguments that are given by position."""
    return Parts(transform, f, args, {}, argnum, _names(argnames), wrt)


def ways_to(path: str, own: Sequence[Component]) -> list[tuple[Component, ...]]:
    """The beginnings of the path of a leaf that are meant by one such as ``layers.0.weight`` or
    ``['layers'][0]``: as many as there are ways to read its dots."""
    found: list[tuple[Component, ...]] = []
    open_ways = [(path, 0)] if path else []
    while open_ways:
        rest, depth = open_ways.pop()
        if not rest:
            found.append(tuple(own[:depth]))
        elif depth < len(own):
            open_ways += [(left, depth + 1) for left in _after(rest, own[depth])]
    return found


def _after(path: str, names: Component) -> list[str]:
    """What is left of a path after a component with one of these names, for each way to read it."""
    bracket = _BRACKET.match(path)
    if bracket is not None:
        inside = next(group for group in bracket.groups() if group is not None)
        return [path[bracket.end() :].removeprefix(".")] if inside in names else []
    left = [path[len(name) :] for name in names if name and path.startswith(name)]
    return [rest.removeprefix(".") for rest in left if not rest or rest[0] in ".["]


def paths_of(structure: Any) -> list[list[Component]]:
    """For each leaf its path, with all names that each component has: key, index, field."""
    if structure is LEAF:
        return [[]]
    return [
        [
            tuple(dict.fromkeys(str(x) for x in (getattr(e, "field", e.entry), e.entry)))
            for e in accessor
        ]
        for accessor in structure.accessors()
    ]


def text_of(path: Sequence[Component]) -> str:
    """A path as one writes it: ``layers.0.weight``."""
    return ".".join(names[0] for names in path) or "(the argument itself)"


def child_of(tree: Any, names: Component) -> Any:
    """The part of a tree under a component of a path."""
    if isinstance(tree, Mapping):
        return next(value for key, value in tree.items() if str(key) in names)
    if isinstance(tree, Sequence):
        return tree[int(names[-1])]
    return getattr(tree, names[0])
