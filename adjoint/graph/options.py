"""Settings that floors below the API read: a value for the program, and for the block one is in.

`adjoint.set_options` and `adjoint.options` write them. A setting for the program holds in all
threads; one of a block holds in the thread (or asynchronous task) that is in the block. What a
whole process shares, like the thread pool, is told all values in force by `watch`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from adjoint.graph import forking


@dataclass(frozen=True)
class Options:
    """All settings. See `adjoint.set_options` for what they mean."""

    threads: int | None = None
    native: Literal["auto", "always", "never"] = "auto"
    debug_nans: bool = False
    cached_memory_limit: int | None = None
    lost_derivatives: Literal["error", "warn", "allow"] = "error"
    roll_loops: bool = True
    replay: bool = True
    blas: str = "auto"


Settings: TypeAlias = tuple[tuple[str, Any], ...]
"""Names and values of some settings."""

MOST_THREADS = 1024
"""More than any machine has cores; each takes a stack of some MB of addresses."""
DEFAULTS = Options()
_program = DEFAULTS
_block: ContextVar[Settings] = ContextVar("adjoint_options", default=())


class Record:
    """Settings in force: for the program, or for a block that somebody is in."""

    __slots__ = ("is_block", "settings")

    def __init__(self, settings: Settings, is_block: bool) -> None:
        self.settings = settings
        self.is_block = is_block


_lock = forking.new_lock()
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


def set_for_program(settings: Settings) -> None:
    """Put settings into force for the program, and in this thread's blocks that set the same."""
    new = dict(settings)
    with _lock:
        for record in _records:
            if not record.is_block:
                record.settings = tuple((k, v) for k, v in record.settings if k not in new)
        _records[:] = [r for r in _records if r.is_block or r.settings]
        _records.append(Record(settings, is_block=False))
        _changed()
    _block.set(tuple((k, new.get(k, v)) for k, v in _block.get()))


def begin_block(settings: Settings) -> tuple[Settings, Record]:
    """Put settings into force for a block of this thread; returns what `end_block` takes."""
    outer = _block.get()
    record = Record(settings, is_block=True)
    with _lock:
        _records.append(record)
        _changed()
    _block.set(tuple({**dict(outer), **dict(settings)}.items()))
    return outer, record


def end_block(outer: Settings, record: Record) -> None:
    """Let the settings around a block hold again."""
    _block.set(outer)
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
