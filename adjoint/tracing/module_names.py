"""What stood under names of modules when their meaning was found.

Who replaces a function of a module, `numpy.sin` or `abs` in a test for instance, replaces what it
means.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class Meanings(Protocol):
    """What names mean, of which one can be forgotten."""

    def pop(self, name: str, default: None, /) -> Any:
        """Forget what a name means."""


class _Name(NamedTuple):
    """Where a name is looked up, the name, what stood there, and where its meaning is."""

    lookup: Callable[[str], Any]
    name: str
    value: Any
    meanings: Meanings


class _Seen:
    """All names that were noted, in the order in which they were, and as columns.

    An entry is forgotten in its place, so that threads need no lock.
    """

    def __init__(self) -> None:
        self.entries: list[_Name | None] = []
        self.columns: tuple[int, list[Any], list[str], list[Any]] = (0, [], [], [])

    def arrange(self) -> None:
        """Arrange the columns anew."""
        count = len(self.entries)
        known = [x for x in self.entries[:count] if x is not None]
        lookups, names = [x.lookup for x in known], [x.name for x in known]
        self.columns = count, lookups, names, [x.value for x in known]


_seen = _Seen()


def note(names: dict[str, Any], name: str, value: Any, meanings: Meanings) -> None:
    """Note what stands under one of the names of a module, and where its meaning is."""
    _seen.entries.append(_Name(names.get, name, value, meanings))


def look_again() -> None:
    """Forget the meaning of the names under which something else stands now."""
    if _seen.columns[0] != len(_seen.entries):
        _seen.arrange()
    _, lookups, names, values = _seen.columns
    if all(map(operator.is_, map(operator.call, lookups, names), values)):
        return
    for number, entry in enumerate(_seen.entries):
        if entry is not None and entry.lookup(entry.name) is not entry.value:
            entry.meanings.pop(entry.name, None)
            _seen.entries[number] = None
    _seen.arrange()
