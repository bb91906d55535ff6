"""`unittest.mock.patch` in traced code: what it replaces is what is traced, from there on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from adjoint.tracing.module_names import look_again

MODULES = frozenset({"unittest", "unittest.mock"})
"""The modules in which it is found."""


@functools.cache
def of_mock(f: Callable[..., Any]) -> Any:
    """A function of `unittest.mock`: `patch` with all its forms, and others as they are."""
    if f.__name__ != "patch" or f.__module__ != "unittest.mock":
        return f
    noticed = _noticed(f)
    for form in ("object", "multiple", "dict"):
        setattr(noticed, form, _noticed(getattr(f, form)))
    return noticed


def _noticed(make: Callable[..., Any]) -> Any:
    """`make`, which makes a patch; when that begins and ends, names are looked at."""

    @functools.wraps(make, updated=())
    def patch(*args: Any, **kwargs: Any) -> Any:
        made = make(*args, **kwargs)
        kind: Any = type(made)
        made.__class__ = _noticing(kind)
        return made

    patch.__dict__.update({k: x for k, x in vars(make).items() if not k.startswith("__")})
    return patch


@functools.cache
def _noticing(cls: Any) -> type:
    """The class of patches of class `cls` after whose beginning and end names are looked at."""

    def enter(self: Any) -> Any:
        entered = cls.__enter__(self)
        look_again()
        return entered

    def leave(self: Any, *error: Any) -> Any:
        left = cls.__exit__(self, *error)
        look_again()
        return left

    return type(cls.__name__, (cls,), {"__enter__": enter, "__exit__": leave})
