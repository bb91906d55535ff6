"""How the arguments of a function of NumPy are handed to ours of the same name.

Ours take arrays by position, as the array API has it, and may have other arguments in another
order. So what is given by NumPy's position or name is handed on by our position or name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from inspect import Parameter, signature
from typing import Any, NamedTuple

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_OUR_NAMES = {"a_min": "min", "a_max": "max"}


class Plan(NamedTuple):
    """How to hand arguments on."""

    targets: dict[str, int | str]
    """For each argument of NumPy's, in order, our position or name."""
    alike: int
    """How many positions from the first on mean the same in both."""
    names: frozenset[str]
    """The arguments that ours takes by name."""


def arranged(
    function: Callable[..., Any],
    ours: Callable[..., Any] | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call of NumPy's `function` as `ours` takes them.

    What has no counterpart keeps NumPy's name, for the caller to judge.
    """
    if ours is None or (len(args) == 1 and not kwargs):
        return args, kwargs
    plan = _plan(function, ours)
    if plan is None or (len(args) <= plan.alike and plan.names.issuperset(kwargs)):
        return args, kwargs
    given = dict(zip(plan.targets, args, strict=False)) | kwargs
    places: dict[int, Any] = {}
    named: dict[str, Any] = {}
    for name, value in given.items():
        target = plan.targets.get(name, name)
        if isinstance(target, int):
            places[target] = value
        else:
            named[target] = value
    return tuple(places[i] for i in sorted(places)), named


@lru_cache(maxsize=1024)
def _plan(function: Callable[..., Any], ours: Callable[..., Any]) -> Plan | None:
    """How arguments are handed on; None where they are as they come."""
    try:
        theirs = list(signature(function).parameters.values())
        mine = list(signature(ours).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is Parameter.VAR_POSITIONAL for p in (*theirs, *mine)):
        return None
    positions = [p for p in mine if p.kind in _BY_POSITION]
    names = frozenset(p.name for p in mine if p.kind is not Parameter.POSITIONAL_ONLY)
    taken = {p.name for p in theirs}
    targets: dict[str, int | str] = {}
    alike = 0
    for i, parameter in enumerate(p for p in theirs if p.kind in _BY_POSITION):
        name = parameter.name
        known = name if name in names else _OUR_NAMES.get(name, name)
        target: int | str = known
        if known not in names and i < len(positions):
            if positions[i].kind is Parameter.POSITIONAL_ONLY:
                target = i
            elif positions[i].name not in taken:
                target = positions[i].name
        targets[name] = target
        if alike == i < len(positions) and target in (i, positions[i].name):
            alike = i + 1
    return Plan(targets, alike, names)
