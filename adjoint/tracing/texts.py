"""Numbers that traced code reads from text: an error where they were shown of what is
differentiated (`adjoint.graph.shown`).

`float` is also the name of a class, by which programs ask and convert. So it has this meaning only
in functions that do nothing with it but call it.
"""

from __future__ import annotations

import dis
import functools
import os
from collections.abc import Callable, Collection
from types import CodeType
from typing import Any

import numpy as np

from adjoint.graph.shown import check_read
from adjoint.tracing.constants import fresh

_TEXTS = (str, bytes, bytearray)


@functools.wraps(float, updated=())
def read_float(x: Any = 0.0, /) -> float:
    """`float`, of text and of decimal numbers and fractions, which may come from text, too."""
    found = float(x)
    if isinstance(x, _TEXTS) or type(x).__module__ in ("decimal", "fractions"):
        check_read(found)
    return found


@functools.wraps(complex, updated=())
def read_complex(*args: Any, **kwargs: Any) -> complex:
    """`complex`, of text too."""
    found = complex(*args, **kwargs)
    if args and isinstance(args[0], str):
        check_read(found)
    return found


BUILTINS: dict[str, Callable[..., Any]] = {"float": read_float, "complex": read_complex}
"""What stands for builtins of these names in functions that only call them."""


@functools.cache
def only_called(code: CodeType) -> frozenset[str]:
    """Which of these builtins a function, and what is defined in it, only calls or gives to `map`,
    and which are thus not asked what they are."""
    kept = set()
    before = ""
    for step in dis.get_instructions(code) if _may_name(code, BUILTINS) else ():
        is_call = step.opname == "LOAD_GLOBAL" and bool((step.arg or 0) & 1)
        is_kept = step.opname.startswith("LOAD_") and not is_call and before != "map"
        if is_kept and step.argval in BUILTINS:
            kept.add(step.argval)
        before = step.argval if is_call else ""
    found = frozenset(BUILTINS.keys() - kept)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found &= only_called(inner)
    return found


def _may_name(code: CodeType, names: Collection[str]) -> bool:
    """Whether an instruction of a function may be about one of these names, or a text like it. To
    look at each instruction takes much longer."""
    variables = {*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars}
    return any(name in variables or name in code.co_consts for name in names)


_OF_FILES = (np.loadtxt, np.genfromtxt)


def _reading(read: Callable[..., Any]) -> Callable[..., Any]:
    """`read`, which makes numbers of text; they are looked at."""

    @functools.wraps(read, updated=())
    def reading(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        is_path = read in _OF_FILES and isinstance(next(iter(args), ""), (str, os.PathLike))
        check_read(found, from_file=is_path)
        return fresh(found)

    return reading


LIBRARIES = frozenset({"ast", "json"})
"""Packages of the standard library that read numbers from text."""
_READERS = frozenset({"ast.literal_eval", "json.load", "json.loads"})


def of_library(real: Any, name: str) -> Any:
    """What a function of these packages means."""
    return _reading(real) if name in _READERS else real


FUNCTIONS_OF_NUMPY = {
    name: _reading(getattr(np, name)) for name in ("fromstring", "genfromtxt", "loadtxt")
}


def look_at(array: Any, given: Any) -> None:
    """Look at the numbers of an array that was made of what is given, if that holds text."""
    if array.dtype.kind in "fc" and _holds_text(given):
        check_read(array)


def _holds_text(x: Any) -> bool:
    """Whether it is a text or holds one, in nested lists or as an array of text."""
    if isinstance(x, (list, tuple)):
        return any(map(_holds_text, x))
    return isinstance(x, (str, bytes)) or (isinstance(x, np.ndarray) and x.dtype.kind in "US")
