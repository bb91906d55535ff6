"""Solvers of ``scipy.optimize`` that have no counterpart: they refuse what is differentiated.

They choose their next point by comparing values, so what they return would have the derivative 0,
or that of the last few steps, and nobody would notice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from adjoint.errors import NotDifferentiableError
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import is_inexact


def _is_differentiated(x: Any) -> bool:
    """Whether somebody may ask for the derivative by a tensor, or by one in a container."""
    if isinstance(x, Tensor):
        scope = x.node.scope
        return is_inexact(x.dtype) and scope is not None and scope.is_open() and not scope.stopped
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
    return any(map(_is_differentiated, parts))


def guarded(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A solver of SciPy's that raises where a derivative would be lost in it."""

    def refuse() -> None:
        raise NotDifferentiableError(
            f"{name} has no derivative by what it, or the function it is given, depends on; use "
            f"minimize, root, least_squares or fixed_point of scipy.optimize, whose solutions have "
            f"one, or take adjoint.stop_gradient of it where none is meant"
        )

    def watched(f: Any) -> Any:
        if not callable(f) or isinstance(f, type):
            return f

        @functools.wraps(f, updated=())
        def function(*args: Any, **kwargs: Any) -> Any:
            result = f(*args, **kwargs)
            if _is_differentiated(result):
                refuse()
            return result

        return function

    @functools.wraps(real, updated=())
    def solver(*args: Any, **kwargs: Any) -> Any:
        if _is_differentiated(args) or _is_differentiated(kwargs):
            refuse()
        return real(*map(watched, args), **{k: watched(x) for k, x in kwargs.items()})

    return solver
