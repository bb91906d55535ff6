"""The user's own line: where a call of the library came from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType

_PASSED_OVER = frozenset({__name__.partition(".")[0], "numpy", "optree", "functools", "contextlib"})
"""Packages whose frames stand between the user's line and the library."""


def user_line() -> tuple[str, int] | None:
    """File and line of the innermost call from outside the library; None if there is none."""
    for frame in _frames(sys._getframe(1)):
        if not _is_passed_over(frame):
            return frame.f_code.co_filename, frame.f_lineno
    return None


def stack_level() -> int:
    """The `stacklevel` with which a warning given by the caller names the user's line."""
    frames = enumerate(_frames(sys._getframe(1)), 1)
    return next((level for level, frame in frames if not _is_passed_over(frame)), 1)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_passed_over(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__") or ""
    return module.partition(".")[0] in _PASSED_OVER


def user_place() -> str:
    """The user's line as text, as in ``model.py:12``; empty if there is none."""
    found = user_line()
    return "" if found is None else f"{found[0]}:{found[1]}"
