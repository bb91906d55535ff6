"""Forking waits for what a child could not go on with: late imports, and compiling.

A forked child has the one thread that forked. What another thread was amid stays half done there,
and the locks it held, those of Python's imports and of LLVM among them, are held for ever. So
whoever imports late or compiles holds `building`, and a thread that forks takes it first.

Nothing that runs while `building` is held may wait for a thread that may wait for `building`: it is
not held while a function of the user's runs.
"""

from __future__ import annotations

import importlib
import os
import threading
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

building = threading.RLock()
"""Held while something is imported late, or compiled; by one thread at a time."""

waited_for: list[AbstractContextManager[Any]] = []
"""More locks that a child needs free, such as whoever holds `building` may take."""
_taken: list[AbstractContextManager[Any]] = []


def _before() -> None:
    building.acquire()
    for lock in waited_for:
        lock.__enter__()
        _taken.append(lock)


def _after() -> None:
    while _taken:
        _taken.pop().__exit__(None, None, None)
    building.release()


# One hook for all: those registered while this one waits would run after the fork, but not before.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)


@cache
def import_module(name: str) -> Any:
    """A module that is imported when it is first needed."""
    with building:
        return importlib.import_module(name)
