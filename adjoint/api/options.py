"""set_options, get_options, options: settings for the program, or for a block."""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any, Literal, TypedDict, Unpack, cast

import numpy as np

from adjoint.backends import blas_libraries
from adjoint.backends.availability import missing
from adjoint.errors import AdjointError, ArgumentError, RangeError, UnknownNameError
from adjoint.graph import options as state
from adjoint.graph.caller import warn
from adjoint.graph.options import MOST_THREADS

_RENAMED = {"reserve": "cached_memory_limit"}


class Settings(TypedDict, total=False):
    """What `set_options` and `options` take, and `get_options` returns."""

    threads: int | None
    native: Literal["auto", "always", "never"]
    debug_nans: bool
    cached_memory_limit: int | None
    lost_derivatives: Literal["error", "warn", "allow"]
    roll_loops: bool
    replay: bool
    blas: str


def set_options(**settings: Unpack[Settings]) -> Settings:
    """Set how the library works, for the rest of the program and in all threads.

    threads: the most threads that native code may use for one loop; None for as many cores as the
        process may use. Results do not depend on it.
    native: whether uncompiled code is answered by native code: ``"auto"`` where it is worth it,
        ``"always"``, or ``"never"``. Where llvmlite is not installed it is never, and
        ``"always"`` warns.
    debug_nans: whether looking at a value that holds nan raises `NanError`, if an operation made
        that nan from inputs without one. The error names the operation and your line that called
        it, if the setting was on then. A nan that `adjoint.where` leaves out is no error, nor is
        one that you gave. Evaluation is slower, and does not use native code.
    cached_memory_limit: the most bytes that the caching allocator keeps when large results are
        gone, for those to come; 0 gives all back at once. None, as at first, for an eighth of the
        memory of the machine or the container, but at most 1 GiB.
    lost_derivatives: what happens where a value that a transform differentiates by would leave the
        graph as a plain number or array (``float(x)``, a function that converts what it is given),
        through which nothing is traced: ``"error"``, `LostDerivativeError`; ``"warn"``,
        `LostDerivativeWarning`, and the value counts as a constant; or ``"allow"``, silently so.
    roll_loops: whether the equal steps that a Python loop leaves in a function that is compiled, or
        differentiated or mapped without, become a loop again, as `scan` makes one: then everything
        but calling the function takes as long as for one step.
    replay: whether a transform may answer without calling your function again, where that is known
        to change nothing (see `why_traced`). What is wrong about a call is then found as before.
    blas: what computes large products of matrices in what is compiled from then on: ``"auto"``,
        code of our own where the processor has AVX2 or AVX-512, else the library that NumPy brings;
        ``"scipy-openblas"``, that library; ``"mkl"`` or ``"blis"``, if it is installed; or the path
        of a shared library with the routines of BLAS. Small products are always code of our own.

    Settings not named stay as they are. Returns the values that those named had here, so that
    ``set_options(**before)`` sets them again. Inside a block of `adjoint.options` that sets the
    same, the new value holds in the rest of the block, too.

    >>> import adjoint as ad
    >>> before = ad.set_options(native="never", threads=2)
    >>> before
    {'threads': None, 'native': 'auto'}
    >>> ad.set_options(**before)
    {'threads': 2, 'native': 'never'}
    """
    checked = _checked("set_options", settings)
    now = asdict(state.current())
    state.set_for_program(checked)
    return cast(Settings, {name: now[name] for name, _ in checked})


def get_options() -> Settings:
    """The settings that hold here, those of `adjoint.set_options`, by name.

    >>> import adjoint as ad
    >>> ad.get_options()["lost_derivatives"]
    'error'
    """
    return cast(Settings, asdict(state.current()))


class options:
    """Settings for a ``with`` block: those of `adjoint.set_options`.

    They hold for the thread (or asynchronous task) that is in the block, and end with it, also by
    an exception; those not named stay as they are. Threads that are started in the block begin
    with the settings of the program. Only `threads` and `cached_memory_limit` are shared: the
    process has one thread pool and one caching allocator, which follow the setting made last of
    those in force. Without a ``with`` nothing is set, and a `RuntimeWarning` says so.

    >>> import adjoint as ad
    >>> with ad.options(debug_nans=True):
    ...     print(ad.log(-1.0))
    Traceback (most recent call last):
    adjoint.errors.NanError: ...: log(float64[]) made nan, of -1.0, ...
    """

    __slots__ = ("_blocks", "_settings", "_was_entered")

    def __init__(self, **settings: Unpack[Settings]) -> None:
        self._settings = _checked("options", settings)
        self._blocks: list[tuple[state.Settings, state.Record]] = []
        self._was_entered = False

    def __enter__(self) -> options:
        self._was_entered = True
        self._blocks.append(state.begin_block(self._settings))
        return self

    def __exit__(self, *error: object) -> None:
        state.end_block(*self._blocks.pop())

    def __del__(self) -> None:
        # As Python does for a coroutine that nobody awaited: the mistake is silent otherwise.
        if not getattr(self, "_was_entered", True):  # unset if the arguments were wrong
            warnings.warn(
                f"{self!r} set nothing, as no `with` entered it; write `with adjoint.options(...):`"
                f" for a block, or adjoint.set_options(...) for the rest of the program",
                RuntimeWarning,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._settings)
        return f"adjoint.options({shown})"


def _checked(caller: str, settings: Any) -> state.Settings:
    """Settings as the floors below read them; raises for what is none, naming the caller."""
    for name in settings:
        if name in _RENAMED:
            raise UnknownNameError(
                f"{caller}: the setting {name!r} is now called {_RENAMED[name]!r}"
            )
        if name not in _CHECKS:
            raise UnknownNameError(
                f"{caller}: there is no setting {name!r}{_nearest(name, tuple(_CHECKS))}; there "
                f"are: {', '.join(_CHECKS)}"
            )
    if settings.get("native") == "always" and (reason := missing()):
        warn(
            f"{caller}: native='always' has no effect, as {reason}; all is computed by NumPy, with "
            f"the same results but slower",
            UserWarning,
        )
    return tuple(
        (name, check(caller, settings[name])) for name, check in _CHECKS.items() if name in settings
    )


def _nearest(name: str, known: tuple[str, ...]) -> str:
    found = get_close_matches(name.lower(), known, 1, 0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _checked_threads(caller: str, n: Any) -> int | None:
    count = _checked_count(caller, n, "threads", "None for all cores")
    if count is not None and not 1 <= count <= MOST_THREADS:
        hint = "; None stands for all cores" if count <= 0 else ""
        raise RangeError(f"{caller}: threads must be from 1 to {MOST_THREADS}, got {count}{hint}")
    return count


def _checked_blas(caller: str, choice: Any) -> str:
    """A library of BLAS that can be loaded."""
    name = os.fspath(choice) if isinstance(choice, os.PathLike) else choice
    if not isinstance(name, str):
        raise ArgumentError(
            f"{caller}: blas must be one of {', '.join(map(repr, blas_libraries.CHOICES))}, or the "
            f"path of a library, got {choice!r}"
        )
    blas_libraries.check(caller, name)
    return name


def _checked_bytes(caller: str, n: Any) -> int | None:
    count = _checked_count(caller, n, "cached_memory_limit", "None for the usual limit")
    if count is not None and not 0 <= count < 2**63:
        raise RangeError(
            f"{caller}: cached_memory_limit must be a number of bytes, 0 or more, got {count}"
        )
    return count


def _checked_count(caller: str, n: Any, name: str, otherwise: str) -> int | None:
    """A whole number or None."""
    if n is None:
        return None
    try:
        count = operator.index(n)
    except TypeError:
        count = None
    if count is None or isinstance(n, (bool, np.bool_)):
        raise ArgumentError(f"{caller}: {name} must be a whole number, or {otherwise}, got {n!r}")
    return count


def _checked_choice(name: str, *allowed: str) -> Callable[[str, Any], str]:
    """A check that a value is one of the words that a setting allows."""

    def check(caller: str, word: Any) -> str:
        choice = f"one of {', '.join(map(repr, allowed))}"
        if not isinstance(word, str) or word not in allowed:
            error: type[AdjointError] = RangeError if isinstance(word, str) else ArgumentError
            near = _nearest(word, allowed) if isinstance(word, str) else ""
            raise error(f"{caller}: {name} must be {choice}, got {word!r}{near}")
        return word

    return check


def _checked_flag(name: str) -> Callable[[str, Any], bool]:
    """What returns a setting that is on or off."""

    def check(caller: str, flag: Any) -> bool:
        if not isinstance(flag, (bool, np.bool_)):
            raise ArgumentError(f"{caller}: {name} must be True or False, got {flag!r}")
        return bool(flag)

    return check


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "threads": _checked_threads,
    "native": _checked_choice("native", "auto", "always", "never"),
    "debug_nans": _checked_flag("debug_nans"),
    "cached_memory_limit": _checked_bytes,
    "lost_derivatives": _checked_choice("lost_derivatives", "error", "warn", "allow"),
    "roll_loops": _checked_flag("roll_loops"),
    "replay": _checked_flag("replay"),
    "blas": _checked_blas,
}
