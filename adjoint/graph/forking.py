"""Forking waits until no other thread holds a lock that the child would need.

A forked child has one thread, the one that forked. What another thread was in the middle of stays
half done there, and the locks it held stay locked for ever, those of Python's imports and of LLVM
among them. So whoever imports late or compiles holds `building`, other locks of the package are
made by `new_lock`, and a thread that forks takes all of them first: the child finds nothing half
done, and the locks free.

They are taken in this order: `building`, those of `new_lock` as they were made, and last those of
other libraries. Taking all of them cannot deadlock, because nobody who holds one waits for an
earlier one, or runs a function of the user's, which may wait for anything.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

building = threading.RLock()
"""Held while something is imported late, or compiled; by one thread at a time."""

_locks: list[AbstractContextManager[Any]] = []
_foreign: list[AbstractContextManager[Any]] = []
_taken: list[tuple[AbstractContextManager[Any], ...]] = []
_actions: list[Callable[[], None]] = []


def new_lock() -> threading.RLock:
    """A lock that forking waits for.

    It is reentrant, as a handler of signals may fork while its own thread holds the lock.
    """
    made = threading.RLock()
    _locks.append(made)
    return made


def lock_while_forking(lock: AbstractContextManager[Any]) -> None:
    """Let forking wait for a lock of another library, which anybody may take at any time."""
    _foreign.append(lock)


def in_forked_child(action: Callable[[], None]) -> Callable[[], None]:
    """Call `action` in every forked child, while all locks are held; a decorator."""
    _actions.append(action)
    return action


def _before() -> None:
    building.acquire()
    locks = (*_locks, *_foreign)
    for lock in locks:
        lock.__enter__()
    _taken.append(locks)  # a stack: a handler of signals may fork between these lines


def _after() -> None:
    for lock in reversed(_taken.pop()):
        lock.__exit__(None, None, None)
    building.release()


def _after_in_child() -> None:
    for action in _actions:
        action()
    _after()


# One hook for all: those registered while this one waits would run after the fork, but not before.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)


@cache
def import_module(name: str) -> Any:
    """A module that is imported when it is first needed."""
    with building:
        return importlib.import_module(name)
