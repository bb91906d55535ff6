"""Calling the user's function while its operations are traced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adjoint.errors import ConcretizationError, LostDerivativeError
from adjoint.graph.node import Scope
from adjoint.tracing import catching, library
from adjoint.tracing.classes import give_back
from adjoint.tracing.constants import plain_within, tracing
from adjoint.tracing.module_names import look_again
from adjoint.tracing.queries import forget
from adjoint.tracing.rebinding import meaning, traceable


def call(
    f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], scope: Scope | None
) -> Any:
    """``f(*args, **kwargs)``, with the names in `f` bound to what can be traced.

    Raises `LostDerivativeError` also where somebody caught the one that said that a value left the
    graph: what was computed after that counts as lost.
    """
    if not tracing.depth:
        look_again()
    tracing.depth += 1
    try:
        traced = traceable(f)
        if traced is not f:
            args = [meaning(a, "") for a in args]
        result = traced(*args, **kwargs)
    except Exception as error:
        lost: Exception | None = _cause(error) or _unknown_value(error)
        if lost is None and scope is not None:  # C code raised another error in place of ours
            lost = scope.lost
        if lost is not None:
            raise lost from None
        refused = library.refusal(error)
        if refused is None:
            raise
        raise refused from error
    finally:
        tracing.depth -= 1
        refused_by_us = tracing.refused
        if not tracing.depth:
            tracing.refused = None
            give_back()
            forget()
        if scope is not None:
            scope.transform = None  # what it returned may be looked at
    if refused_by_us is not None:
        raise refused_by_us
    if scope is not None and scope.lost is not None:
        raise scope.lost
    return plain_within(result)


catching.outermost.append(call.__code__)
library.enter()


def _unknown_value(error: Exception) -> ConcretizationError | None:
    """The error of ours that NumPy's "setting an array element" came of, where a value that is not
    known yet was written into an array."""
    is_writing = isinstance(error, ValueError) and "array element" in str(error)
    cause = error.__cause__ if is_writing else None
    return cause if isinstance(cause, ConcretizationError) else None


def _cause(error: BaseException | None) -> LostDerivativeError | None:
    """The error of ours that another, such as NumPy's "setting an array element", came of."""
    while error is not None:
        if isinstance(error, LostDerivativeError):
            return error
        error = error.__cause__ or error.__context__
    return None
