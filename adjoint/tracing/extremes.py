"""Python's `min` and `max` in traced code: of numbers whose values are not known yet, a choice.

Where values are known they compare, as everywhere. In a compiled or mapped function each comparison
becomes a choice by `adjoint.where`: the first of equal numbers is taken, as Python does.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.graph import calls
from adjoint.graph.tensor import Tensor

_NUMBERS = (int, float, np.generic)


def _is_number(x: Any) -> bool:
    return isinstance(x, _NUMBERS) or (type(x) is Tensor and not x.node.shape)


def is_unknown(x: Any) -> bool:
    """Whether `x` is a tensor whose value nobody can know before a program runs."""
    if type(x) is not Tensor or x.node.value is not None:
        return False
    scope = x.node.scope
    return scope is not None and scope.abstract


def _extreme(of_values: Callable[..., Any], compare: str) -> Callable[..., Any]:
    def extreme(*args: Any, key: Any = None, **default: Any) -> Any:
        if len(args) != 1 and (default or not args):
            return of_values(*args, key=key, **default)  # which says what is wrong
        items: Sequence[Any] = args if len(args) > 1 else list(args[0])
        keys = items if key is None else [key(x) for x in items]
        if builtins.any(map(is_unknown, keys)) and builtins.all(map(_is_number, (*items, *keys))):
            return _chosen(compare, items, keys)
        if key is None or not items:
            return of_values(items, **default)
        return items[of_values(range(len(items)), key=keys.__getitem__)]

    extreme.__name__ = extreme.__qualname__ = of_values.__name__
    return extreme


def _chosen(compare: str, items: Sequence[Any], keys: Sequence[Any]) -> Any:
    """The first of the items whose key no other one beats."""
    best, best_key = items[0], keys[0]
    for item, own in zip(items[1:], keys[1:], strict=True):
        beats = getattr(calls, compare)(own, best_key)
        best = calls.where(beats, item, best)
        best_key = calls.where(beats, own, best_key)
    return best


least = _extreme(builtins.min, "less")
greatest = _extreme(builtins.max, "greater")
