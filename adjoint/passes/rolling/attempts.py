"""When to look for loops in a function that nobody compiled, whose calls are traced each time.

Looking costs a sixth of differentiating and interpreting an operation. So the calls of a function
in which nothing was found are looked at more and more seldom: the second, the fourth after that,
and so on, and at last each sixteenth. That does not depend on the clock: a program computes the
same numbers each time it runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

SELDOM = 16
"""At least each so many-th call is looked at."""

KNOWN = 512
"""So many functions are remembered."""

WRAPPERS = 8
"""A function is looked for within so many others that wrap it."""


class Attempts:
    """For functions in which no loop was found lately, how often that was in a row, and how many
    calls are to pass before the next attempt.

    Calls that make twice as many operations or more count as those of another function.
    """

    def __init__(self) -> None:
        self.vain: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def is_due(self, f: Any, operations: int) -> bool:
        """Whether a call of a function is to be looked at. Counts the call."""
        key = code_of(f), operations.bit_length()
        times, wait = self.vain.get(key, (0, 0))
        if not wait:
            return True
        self.vain[key] = times, wait - 1
        return False

    def tell(self, f: Any, operations: int, found: bool) -> None:
        """Remember whether there was a loop in a call of a function."""
        key = code_of(f), operations.bit_length()
        times, _ = self.vain.pop(key, (0, 0))
        if not found:
            self.vain[key] = times + 1, min(2 ** (times + 1), SELDOM) - 1
            if len(self.vain) > KNOWN:
                self.vain.popitem(last=False)


def code_of(f: Any) -> Hashable:
    """What stays the same when a function is made anew for each call, as by ``grad`` or lambda: its
    code, and within how many functions it is wrapped."""
    depth = 0
    while depth < WRAPPERS:
        inner = getattr(f, "__wrapped__", None) or getattr(f, "func", None)
        if inner is None:
            break
        f, depth = inner, depth + 1
    return getattr(f, "__code__", type(f)), depth
