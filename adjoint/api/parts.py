"""Derivatives by a part of the arguments: by names of arguments, paths into trees, or a filter."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from adjoint.api.arguments import function_name, normalize_argnums
from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError

Filter: TypeAlias = "str | Sequence[str] | Callable[[str, Any], bool] | None"
Names: TypeAlias = "str | Sequence[str] | None"

_COMPONENT = re.compile(r"\[\s*(?:'([^']*)'|\"([^\"]*)\"|(-?\w+))\s*\]|([^.\[\]]+)")


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
        argnum: int,
        names: Sequence[str] | None,
        wrt: Filter,
    ) -> None:
        self.transform, self.f = transform, f
        self.args, self.kwargs = list(args), dict(kwargs)
        self.chosen: list[list[int]] | None = None
        self.places: list[int | str] = (
            [self._named(name) for name in names]
            if names is not None
            else list(normalize_argnums(transform, argnum, len(args)))
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
            found = [self._below(path) for path in ([wrt] if isinstance(wrt, str) else wrt)]
            return [numbers for numbers, _ in found], [part for _, part in found]
        pairs = zip(self.paths, self.leaves, strict=True)
        numbers = [n for n, (path, leaf) in enumerate(pairs) if wrt(text_of(path), leaf)]
        if not numbers:
            raise ArgumentError(f"{self.transform}: the filter wrt chose none of {self._known()}")
        return [[n] for n in numbers], [self.leaves[n] for n in numbers]

    def _below(self, path: str) -> tuple[list[int], Any]:
        wanted = components(path)
        numbers = [
            n
            for n, own in enumerate(self.paths)
            if len(own) >= len(wanted)
            and all(w in names for w, names in zip(wanted, own, strict=False))
        ]
        if not numbers or not wanted:
            raise ArgumentError(f"{self.transform}: there is no {path!r} among {self._known()}")
        part = self._argument(self.places[0])
        for component in wanted:
            part = child_of(part, component)
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

    def result(self, found: Sequence[Any], is_single: bool) -> Any:
        """What was found for the parts, as it is returned: for a filter a tree like the argument,
        with None where nothing was chosen; for one part that alone."""
        if self.chosen is not None and self.is_filter:
            leaves: list[Any] = [None] * len(self.leaves)
            for (n,), x in zip(self.chosen, found, strict=True):
                leaves[n] = x
            return self.structure.unflatten(leaves)
        return found[0] if is_single else tuple(found)


def by_parts(
    transform: str,
    f: Callable[..., Any],
    argnums: Any,
    argnames: Names,
    wrt: Filter,
    derivative: Callable[[Callable[..., Any], tuple[int, ...]], Callable[..., Any]],
    replaced: Callable[[Any, Callable[[Any], Any]], Any],
) -> Callable[..., Any]:
    """A derivative by parts of the arguments.

    ``derivative(g, numbers)`` makes that of a function of parts by all of them; of what it returns
    ``replaced(result, change)`` changes the tuples with an entry for each part.
    """
    names = [argnames] if isinstance(argnames, str) else argnames
    is_single = isinstance(wrt, str) or (
        wrt is None and (isinstance(argnames, str) or (names is None and isinstance(argnums, int)))
    )
    if not isinstance(argnums, int):
        raise ArgumentError(
            f"{transform}: argnums={argnums!r} does not go together with argnames or wrt, "
            f"which name parts of one argument; give one position"
        )

    @functools.wraps(f)
    def of_parts(*args: Any, **kwargs: Any) -> Any:
        parts = Parts(transform, f, args, kwargs, argnums, names, wrt)

        @functools.wraps(f)
        def function(*given: Any) -> Any:
            positional, named = parts.arguments(given)
            return f(*positional, **named)

        result = derivative(function, tuple(range(len(parts.parts))))(*parts.parts)
        return replaced(result, lambda found: parts.result(found, is_single))

    return of_parts


def components(path: str) -> list[str]:
    """The components of a path such as ``layers.0.weight`` or ``['layers'][0]``."""
    return [next(filter(None, groups), "") for groups in _COMPONENT.findall(path)]


def paths_of(structure: Any) -> list[list[tuple[str, ...]]]:
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


def text_of(path: Sequence[tuple[str, ...]]) -> str:
    """A path as one writes it: ``layers.0.weight``."""
    return ".".join(names[0] for names in path) or "(the argument itself)"


def child_of(tree: Any, component: str) -> Any:
    """The part of a tree under a component of a path."""
    if isinstance(tree, Mapping):
        return next(value for key, value in tree.items() if str(key) == component)
    if isinstance(tree, Sequence) and component.lstrip("-").isdigit():
        return tree[int(component)]
    return getattr(tree, component)
