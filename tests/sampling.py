"""Which of many cases run in every test run: a sample that covers, chosen by a rule.

The others are marked `slow` and run before a release, by ``make slow``.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import pytest


def marked(case: Any, quick: bool, name: str | None = None) -> Any:
    """A case as a parameter of a test, `slow` unless it is quick."""
    values = case if type(case) is tuple else (case,)
    return pytest.param(*values, id=name, marks=[] if quick else [pytest.mark.slow])


def every(n: int, cases: Iterable[Any], name: Callable[[Any], str] | None = None) -> list[Any]:
    """All cases, of which the first, and each n-th after it, always run."""
    return [marked(c, i % n == 0, name and name(c)) for i, c in enumerate(cases)]


def first_of_each(
    kind: Callable[[Any], Hashable], cases: Iterable[Any], name: Callable[[Any], str] | None = None
) -> list[Any]:
    """All cases, of which the first of each kind always runs."""
    seen: set[Hashable] = set()
    found = []
    for case in cases:
        found.append(marked(case, kind(case) not in seen, name and name(case)))
        seen.add(kind(case))
    return found


def one_of_each_kind(
    table: Mapping[str, Sequence[Any]], kind: Callable[[Any], Hashable]
) -> list[Any]:
    """Each name with its values, of which one of each kind always runs: the next for each name."""
    found = []
    for number, (name, values) in enumerate(table.items()):
        alike = defaultdict(list)
        for value in values:
            alike[kind(value)].append(value)
        quick = [some[number % len(some)] for some in alike.values()]
        found += [marked((name, value), value in quick) for value in values]
    return found


def in_turn(*parameters: Iterable[Any], times: int = 1) -> list[Any]:
    """All combinations of the values of several parameters, of which a part always runs.

    With each combination of the others, so many values of the last parameter run, one after the
    other: each pair of values of two of the others occurs, and of one and the last in most cases.
    """
    values = [list(parameter) for parameter in parameters]
    found = []
    for places in itertools.product(*(range(len(some)) for some in values)):
        *others, last = places
        quick = (last - times * sum(others)) % len(values[-1]) < times
        case = tuple(some[place] for some, place in zip(values, places, strict=True))
        found.append(marked(case, quick))
    return found
