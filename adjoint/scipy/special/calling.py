"""The calling convention of SciPy's ufuncs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from adjoint.errors import ArgumentError
from adjoint.scipy.common import refuse

DEFAULTS: dict[str, Any] = {
    "out": None,
    "where": True,
    "casting": "same_kind",
    "order": "K",
    "dtype": None,
    "subok": True,
    "signature": None,
}
"""The keywords of a ufunc, whose values other than these mean nothing to a tensor."""


Named = TypeVar("Named", bound=Callable[..., Any])


def ufunc(function: Named, name: str | None = None) -> Named:
    """`function`, by position and with the keywords of a ufunc of SciPy."""
    name = name or function.__name__
    shown = f"scipy.special.{name}"

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        for keyword, value in kwargs.items():
            if keyword not in DEFAULTS:
                raise ArgumentError(
                    f"{shown}: there is no argument {keyword!r}; pass the arguments of a "
                    "ufunc by position"
                )
            refuse(shown, **{keyword: (value, DEFAULTS[keyword])})
        return function(*args)

    called.__name__ = called.__qualname__ = name
    return cast(Named, called)
