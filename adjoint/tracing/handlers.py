"""Which errors the handlers of a function catch, read off its code."""

from __future__ import annotations

import builtins
import dis
import functools
from collections.abc import Iterator, Sequence
from types import CodeType, FrameType
from typing import Any

Path = tuple[str, ...]
"""A name, and attributes of what it means."""


@functools.cache
def guarded_parts(code: CodeType) -> tuple[tuple[int, int, int], ...]:
    """From where to where instructions have a handler of errors, and where that is, as CPython
    notes it."""
    table = iter(code.co_exceptiontable)
    parts = []
    for first in table:
        start, length, to, _ = (2 * _number(byte, table) for byte in _heads(first, table))
        parts.append((start, start + length, to))
    return tuple(parts)


def _heads(first: int, table: Iterator[int]) -> Iterator[int]:
    """The first bytes of the four numbers of an entry."""
    yield first
    for _ in range(3):
        yield next(table)


def _number(byte: int, table: Iterator[int]) -> int:
    """A number of six bits a byte, of which all but the last have bit 64."""
    value = byte & 63
    while byte & 64:
        byte = next(table)
        value = value << 6 | byte & 63
    return value


def catches(frame: FrameType, error: type[Exception]) -> bool:
    """Whether a handler in the code of a frame catches an error of this class that is raised here
    or further on, as the names in it mean now; or may do so, as it is not known what it catches."""
    caught = _caught(frame.f_code)
    ahead = {to for _, end, to in guarded_parts(frame.f_code) if end > frame.f_lasti}
    paths = [path for to in ahead for path in caught.get(to, ())]
    return any(path is None or _may_be(frame, path, error) for path in paths)


@functools.cache
def _caught(code: CodeType) -> dict[int, Sequence[Path | None]]:
    """What each handler of a function names after ``except``, by its place; None if that is nothing
    or is computed."""
    found: dict[int, list[Path | None]] = {}
    place = 0
    steps = list(dis.get_instructions(code)) if code.co_exceptiontable else []
    for number, step in enumerate(steps):
        if step.opname == "PUSH_EXC_INFO":
            place = step.offset
            found[place] = [None] if steps[number + 1].opname == "POP_TOP" else []
        elif step.opname == "CHECK_EXC_MATCH":
            found[place] += _named_before(steps, number)
    return dict(found)


_COMPUTED = frozenset({"BINARY_OP", "BINARY_SUBSCR", "CALL", "CALL_FUNCTION_EX"})


def _named_before(steps: Sequence[dis.Instruction], end: int) -> Iterator[Path | None]:
    """The names that are loaded right before a step; None for what is computed there."""
    attributes: Path = ()
    for step in reversed(steps[:end]):
        if step.opname == "LOAD_ATTR":
            attributes = (str(step.argval), *attributes)
        elif step.opname.startswith("LOAD_"):
            yield (str(step.argval), *attributes)
            attributes = ()
        elif step.opname != "BUILD_TUPLE":
            if step.opname in _COMPUTED:
                yield None
            return


def _may_be(frame: FrameType, path: Path, error: type[Exception]) -> bool:
    name, *attributes = path
    missing = object()
    found: Any = missing
    for names in (frame.f_locals, frame.f_globals, vars(builtins)):
        try:
            found = names[name]
            break
        except KeyError:
            continue
    for attribute in attributes:
        found = getattr(found, attribute, missing)
    if found is missing:
        return True
    kinds = found if isinstance(found, tuple) else (found,)
    return any(not isinstance(kind, type) or issubclass(error, kind) for kind in kinds)
