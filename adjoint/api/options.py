"""options: settings for the program, or for a block."""

from __future__ import annotations

import operator
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np

from adjoint.errors import AdjointError, ArgumentError, RangeError, UnknownNameError
from adjoint.graph import options as state
from adjoint.graph.options import Settings

MOST_THREADS = 1024
_NATIVE = ("auto", "always", "never")
_LOST = ("error", "warn", "allow")
_NAMES = ("threads", "native", "debug_nans", "reserve", "lost_derivatives", "roll_loops")
_UNSET: Any = object()


class options:
    """Settings of the library: for the rest of the program, or for a `with` block.

    threads: the most threads that native code may use for one loop; None for as many cores as the
        process may use. Results do not depend on it.
    native: whether uncompiled code is answered by native code: ``"auto"`` where it is worth it,
        ``"always"``, or ``"never"``.
    debug_nans: whether looking at a value that holds nan raises `NanError`, if an operation made
        that nan from inputs without one. The error names the operation and your line that called
        it, if the setting was on then. A nan that `adjoint.where` leaves out is no error, nor is
        one that you gave. Evaluation is slower, and does not use native code.
    reserve: the most bytes of memory that are kept when large results are gone, for those to come;
        0 gives all back at once. None, as at first, for an eighth of the memory of the machine or
        the container, but at most 1 GiB.

    lost_derivatives: what happens where a value that a transform differentiates by would leave the
        graph as a plain number or array (``float(x)``, a function that converts what it is given),
        through which nothing is traced: ``"error"``, `LostDerivativeError`; ``"warn"``,
        `LostDerivativeWarning`, and the value counts as a constant; or ``"allow"``, silently so.
    roll_loops: whether the equal steps that a Python loop leaves in a compiled function become a
        loop again, as `scan` makes one: then compiling takes as long as for one step.

    A plain call sets for the rest of the program, in all threads. As the head of a ``with`` the
    settings hold inside the block, for the thread (or asynchronous task) that is in it, and end
    with it, also by an exception; those not named stay as they are. Threads that are started in
    the block begin with the settings of the program. Only `threads` and `reserve` are shared:
    the process has one pool of each, which follows the setting made last of those in force.

    >>> import adjoint as ad
    >>> with ad.options(debug_nans=True):
    ...     print(ad.log(-1.0))
    Traceback (most recent call last):
    adjoint.errors.NanError: ...: log(float64[]) made nan, of -1.0, ...
    """

    __slots__ = ("_entered", "_record", "_settings", "_were")

    def __init__(
        self,
        *,
        threads: int | None = _UNSET,
        native: Literal["auto", "always", "never"] = _UNSET,
        debug_nans: bool = _UNSET,
        reserve: int | None = _UNSET,
        lost_derivatives: Literal["error", "warn", "allow"] = _UNSET,
        roll_loops: bool = _UNSET,
        **unknown: Any,
    ) -> None:
        self._record: state.Record | None = None
        self._entered: list[tuple[Settings, state.Record]] = []
        for name in unknown:
            raise UnknownNameError(
                f"options: there is no setting {name!r}{_nearest(name, _NAMES)}; there are: "
                f"{', '.join(_NAMES)}"
            )
        given = {
            "threads": threads if threads is _UNSET else _checked_threads(threads),
            "native": native if native is _UNSET else _checked_choice("native", native, _NATIVE),
            "debug_nans": debug_nans
            if debug_nans is _UNSET
            else _checked_flag("debug_nans", debug_nans),
            "reserve": reserve if reserve is _UNSET else _checked_reserve(reserve),
            "lost_derivatives": lost_derivatives
            if lost_derivatives is _UNSET
            else _checked_choice("lost_derivatives", lost_derivatives, _LOST),
            "roll_loops": roll_loops
            if roll_loops is _UNSET
            else _checked_flag("roll_loops", roll_loops),
        }
        self._settings = tuple((k, v) for k, v in given.items() if v is not _UNSET)
        self._record = state.put(self._settings, is_block=False)
        # In a block that sets the same, the new value holds from here on, too.
        self._were = state.here()
        if self._were:
            new = dict(self._settings)
            state.set_here(tuple((k, new.get(k, v)) for k, v in self._were))

    def __enter__(self) -> options:
        if self._record is not None:  # so this is the head of a with, not a plain call
            record, before = self._record, self._were
            state.begin_block(record)
            self._record = None
        else:
            record, before = state.put(self._settings, is_block=True), state.here()
        self._entered.append((before, record))
        state.set_here(tuple({**dict(before), **dict(self._settings)}.items()))
        return self

    def __exit__(self, *error: object) -> None:
        before, record = self._entered.pop()
        state.set_here(before)
        state.withdraw(record)

    def __del__(self) -> None:
        if self._record is not None:
            self._record.final = True

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._settings)
        return f"adjoint.options({shown})"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    found = get_close_matches(name.lower(), known, 1, 0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _checked_threads(n: Any) -> int | None:
    count = _checked_count(n, "threads", "None for all cores")
    if count is not None and not 1 <= count <= MOST_THREADS:
        hint = "; None stands for all cores" if count <= 0 else ""
        raise RangeError(f"options: threads must be from 1 to {MOST_THREADS}, got {count}{hint}")
    return count


def _checked_reserve(n: Any) -> int | None:
    count = _checked_count(n, "reserve", "None for the usual bound")
    if count is not None and not 0 <= count < 2**63:
        raise RangeError(f"options: reserve must be a number of bytes, 0 or more, got {count}")
    return count


def _checked_count(n: Any, name: str, otherwise: str) -> int | None:
    """A whole number or None."""
    if n is None:
        return None
    try:
        count = operator.index(n)
    except TypeError:
        count = None
    if count is None or isinstance(n, (bool, np.bool_)):
        raise ArgumentError(f"options: {name} must be a whole number, or {otherwise}, got {n!r}")
    return count


def _checked_choice(name: str, mode: Any, allowed: tuple[str, ...]) -> str:
    choice = f"one of {', '.join(map(repr, allowed))}"
    error: type[AdjointError] = RangeError if isinstance(mode, str) else ArgumentError
    if not isinstance(mode, str) or mode not in allowed:
        near = _nearest(mode, allowed) if isinstance(mode, str) else ""
        raise error(f"options: {name} must be {choice}, got {mode!r}{near}")
    return mode


def _checked_flag(name: str, flag: Any) -> bool:
    if not isinstance(flag, (bool, np.bool_)):
        raise ArgumentError(f"options: {name} must be True or False, got {flag!r}")
    return bool(flag)
