"""Errors that a program catches are raised where it expects them.

Values come late, and so do the errors that they show: a matrix that has no Cholesky factor, the
root of a negative number. Where the user's code stands in a ``try``, they are asked for at once.
"""

from __future__ import annotations

import dis
import functools
import itertools
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from adjoint.errors import ArgumentError
from adjoint.graph.engine import has_value, value_of
from adjoint.graph.tensor import Tensor
from adjoint.tracing.constants import tracing
from adjoint.tracing.handlers import catches, guarded_parts

_OWN = __name__.partition(".")[0]
outermost: list[CodeType] = []
"""The code of what calls traced functions, beyond which nobody is asked."""


def is_guarded() -> bool:
    """Whether the traced code that is running stands in a ``try``, or what has called it."""
    frame: FrameType | None = sys._getframe(1)
    end = outermost[0]
    while frame is not None:
        code = frame.f_code
        if code is end:
            return False
        if code.co_exceptiontable and _is_guarded_at(frame):
            return True
        frame = frame.f_back
    return False


_OF_FLOATS = frozenset({"FloatingPointError", "ArithmeticError"})


def waits_for_floats() -> bool:
    """Whether the traced code that is running, or what has called it, may catch the errors of
    floating numbers: it names one, or stands in a ``try`` that catches all, or comes to one."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not outermost[0]:
        if not _is_own(frame):
            is_named = not _OF_FLOATS.isdisjoint(frame.f_code.co_names)
            if is_named or catches(frame, FloatingPointError):
                return True
        frame = frame.f_back
    return False


def _is_own(frame: FrameType) -> bool:
    return (frame.f_globals.get("__name__") or "").partition(".")[0] == _OWN


def _is_guarded_at(frame: FrameType) -> bool:
    if _is_own(frame):
        return False
    at = frame.f_lasti
    return any(start <= at < end for start, end, _ in guarded_parts(frame.f_code))


def look(result: Any, also_unknown: bool) -> None:
    """Ask for the values of tensors, if they can be known; of others that is an error."""
    for x in result if isinstance(result, tuple) else (result,):
        if type(x) is Tensor and (also_unknown or has_value(x.node)):
            value_of(x.node)


def _is_dropped() -> bool:
    """Whether the traced code does nothing with what is returned to it, but waits for an error."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _OWN:
        frame = frame.f_back
    return frame is not None and frame.f_lasti in _dropping(frame.f_code)


@functools.cache
def _dropping(code: CodeType) -> frozenset[int]:
    """Where the instructions, and their caches, stand whose results are dropped."""
    pairs = itertools.pairwise(dis.get_instructions(code))
    dropping = (p for p in pairs if p[1].opname == "POP_TOP")
    return frozenset(at for i, end in dropping for at in range(i.offset, end.offset, 2))


def looked_at(of_tensors: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose result is looked at in a ``try``."""

    def function(*args: Any, **kwargs: Any) -> Any:
        result = of_tensors(*args, **kwargs)
        if is_guarded():
            look(result, _is_dropped())
        return result

    return function


def raising(real: Any) -> Callable[..., Any]:
    """`numpy.errstate` or `numpy.seterr`, refused where somebody waits for the errors, which do not
    come."""

    @functools.wraps(real, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        if "raise" in (*args, *kwargs.values()) and waits_for_floats():
            tracing.refused = ArgumentError(
                f'numpy.{real.__name__}: "raise" is not supported in a try of a function that is '
                f"traced, as values come later; ask for what would raise, by numpy.isfinite or a "
                f"comparison, or compute with adjoint.stop_gradient(x) before"
            )
            raise tracing.refused
        return real(*args, **kwargs)

    return function


def tried_with(real: Callable[..., Any], of_tensors: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `math`, which in a ``try`` is called with the plain numbers, too."""

    def function(*args: Any) -> Any:
        if is_guarded() and all(has_value(x.node) for x in args if type(x) is Tensor):
            real(*(value_of(x.node).item() if type(x) is Tensor else x for x in args))
        return of_tensors(*args)

    return function
