"""Settings that floors below the API read: a value for the program, and for the block one is in.

`adjoint.options` writes them. A setting for the program holds in all threads; one of a block holds
in the thread (or asynchronous task) that is in the block. What a whole process shares, like the
pool of threads, is told all values in force by `watch`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class Options:
    """All settings. See `adjoint.options` for what they mean."""

    threads: int | None = None
    native: Literal["auto", "always", "never"] = "auto"
    debug_nans: bool = False
    reserve: int | None = None
    lost_derivatives: Literal["error", "warn", "allow"] = "error"
    roll_loops: bool = True


Settings: TypeAlias = tuple[tuple[str, Any], ...]
"""Names and values of some settings."""

DEFAULTS = Options()
_program = DEFAULTS
_block: ContextVar[Settings] = ContextVar("adjoint_options", default=())


class Record:
    """Settings in force: for the program, or for a block that somebody is in.

    `final` is set when settings for the program can no longer become those of a block.
    """

    __slots__ = ("final", "is_block", "settings")

    def __init__(self, settings: Settings, is_block: bool) -> None:
        self.settings = settings
        self.is_block = is_block
        self.final = False


_lock = threading.Lock()
_records: list[Record] = []
_watchers: dict[str, list[Callable[[Sequence[Any]], None]]] = {}
_told: dict[str, list[Any]] = {}


def current() -> Options:
    """The settings that hold here."""
    settings = _block.get()
    return merged(_program, settings) if settings else _program


@lru_cache(maxsize=64)
def merged(options: Options, settings: Settings) -> Options:
    """`options` with some settings changed."""
    return replace(options, **dict(settings))


def here() -> Settings:
    """The settings of the blocks that this thread is in."""
    return _block.get()


def set_here(settings: Settings) -> None:
    """Set what `here` answers."""
    _block.set(settings)


def put(settings: Settings, is_block: bool) -> Record:
    """Put settings into force, the latest of all."""
    record = Record(settings, is_block)
    with _lock:
        _records.append(record)
        _compact()
        _changed()
    return record


def begin_block(record: Record) -> None:
    """Let settings for the program become those of a block."""
    with _lock:
        record.is_block = True
        _changed()


def withdraw(record: Record) -> None:
    """Take settings out of force."""
    with _lock:
        _records.remove(record)
        _changed()


def watch(name: str, action: Callable[[Sequence[Any]], None]) -> None:
    """Call `action`, now and at changes, with the values of a setting that are in force.

    Those of the program and of the blocks that any thread is in, the latest last.
    """
    with _lock:
        _watchers.setdefault(name, []).append(action)
        _told[name] = values = _in_force(name)
        action(values)


def _in_force(name: str) -> list[Any]:
    return [value for record in _records for key, value in record.settings if key == name]


def _changed() -> None:
    global _program
    settings: dict[str, Any] = {}
    for record in _records:
        if not record.is_block:
            settings.update(record.settings)
    _program = replace(DEFAULTS, **settings)
    for name, actions in _watchers.items():
        values = _in_force(name)
        if values != _told[name]:
            _told[name] = values
            for action in actions:
                action(values)


def _compact() -> None:
    """Make one record of neighbours that hold for the program for good."""
    kept: list[Record] = []
    for record in _records:
        before = kept[-1] if kept else None
        if before is not None and before.final and record.final:
            before.settings = tuple({**dict(before.settings), **dict(record.settings)}.items())
        else:
            kept.append(record)
    _records[:] = kept


def _after_fork() -> None:
    """In a forked child: whoever held the lock is not there any more."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
