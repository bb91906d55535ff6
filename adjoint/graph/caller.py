"""The user's own line: where a call of the library came from."""

from __future__ import annotations

import sys
from types import FrameType

_PASSED_OVER = frozenset({__name__.partition(".")[0], "numpy", "optree", "functools", "contextlib"})
"""Packages whose frames stand between the user's line and the library."""


def user_line() -> tuple[str, int] | None:
    """File and line of the innermost call from outside the library; None if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.partition(".")[0] not in _PASSED_OVER:
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def user_place() -> str:
    """The user's line as text, as in ``model.py:12``; empty if there is none."""
    found = user_line()
    return "" if found is None else f"{found[0]}:{found[1]}"
