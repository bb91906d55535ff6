"""The namespaces of traced code: NumPy, math and SciPy, whose functions take tensors, too.

A function that is given no tensor is the function itself, and what new arrays it makes are tensors
of constants. Given tensors it is adjoint's function of the same name, if there is one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from adjoint.graph import lost
from adjoint.graph.caller import public_name
from adjoint.graph.numpy_protocol import call_function, call_ufunc
from adjoint.graph.op import FUNCTIONS
from adjoint.tracing.constants import fresh, holds_tensor
from adjoint.tracing.creation import FUNCTIONS_OF_NUMPY
from adjoint.tracing.mathematics import FUNCTIONS_OF_MATH

TRACED = frozenset({"numpy", "math", "cmath", "scipy"})
"""The packages that have a meaning of their own."""
_AS_THEY_ARE = frozenset({"numpy.random", "numpy.testing", "numpy.ma", "numpy.ctypeslib"})


class Namespace(ModuleType):
    """A module whose functions take tensors, too; all else is as in the module."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["__adjoint_real__"] = real

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__dict__["__adjoint_real__"], name)
        if type(value) is ModuleType:
            return module(value)
        return value if isinstance(value, (int, float, str)) else function(value)

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["__adjoint_real__"])

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["__adjoint_real__"], name, value)


def module(real: ModuleType) -> Any:
    """The namespace of a module of a traced package; any other module as it is."""
    name = real.__name__
    if name.partition(".")[0] not in TRACED or name in _AS_THEY_ARE:
        return real
    known = _namespaces.get(id(real))
    if known is None:
        known = _namespaces[id(real)] = Namespace(real)
    return known


_namespaces: dict[int, Namespace] = {}
_known: dict[int, tuple[Any, Any]] = {}
"""By identity what a function means, and the function, which thus stays where it is."""


def function(real: Any) -> Any:
    """What a function, class or other object of a traced package means; any other as it is."""
    found = _known.get(id(real))
    if found is None:
        name = path_of(real)
        if name is None:
            return real
        found = _known[id(real)] = real, _meaning(real, name)
    return found[1]


def path_of(real: Any) -> str | None:
    """The public name of an object of a traced package; None for other objects."""
    own = getattr(real, "__name__", None)
    home = getattr(real, "__module__", None)
    if isinstance(real, np.ufunc):
        homes = ["numpy", "scipy.special"]
    elif isinstance(own, str) and isinstance(home, str) and home.partition(".")[0] in TRACED:
        homes = [public_name(home, "").rstrip("."), home]
    else:
        return _objects().get(id(real))
    for place in homes:
        if getattr(sys.modules.get(place), str(own), None) is real:
            return f"{place}.{own}"
    return None


_NUMPY_OBJECTS = ("c_", "r_")


def _objects() -> dict[int, str]:
    """The paths of objects that are neither functions nor classes, by identity."""
    found = {id(getattr(np, name)): f"numpy.{name}" for name in _NUMPY_OBJECTS}
    stats = sys.modules.get("scipy.stats")
    return found if stats is None else found | _distributions(stats)


@cache
def _distributions(stats: ModuleType) -> dict[int, str]:
    named = ((name, getattr(stats, name, None)) for name in getattr(stats, "__all__", ()))
    return {
        id(x): f"scipy.stats.{name}"
        for name, x in named
        if not isinstance(x, (type, ModuleType)) and hasattr(x, "freeze") or hasattr(x, "logpdf")
    }


def _meaning(real: Any, name: str) -> Any:
    package, _, own = name.partition(".")
    if package == "math" or package == "cmath":
        named = FUNCTIONS_OF_MATH.get(own)
        return real if named is None else Choice(real, named, plainly=True)
    if package == "scipy":
        return _of_scipy(real, name)
    if own in FUNCTIONS_OF_NUMPY:
        return FUNCTIONS_OF_NUMPY[own]
    if own in FUNCTIONS and (isinstance(real, type) or not callable(real)):
        return FUNCTIONS[own]
    if isinstance(real, np.ufunc):
        return Choice(real, lambda *args, **kwargs: call_ufunc(real, "__call__", args, kwargs))
    if type(real) is type(np.sum):
        return Choice(real, lambda *args, **kwargs: call_function(real, args, kwargs))
    if own in FUNCTIONS and callable(real):
        return Choice(real, FUNCTIONS[own])
    return real


class Choice:
    """A function of NumPy, math or SciPy: itself, or adjoint's where a tensor is given."""

    __slots__ = ("__wrapped__", "_of_tensors", "_plainly")

    def __init__(self, real: Any, of_tensors: Callable[..., Any], plainly: bool = False) -> None:
        self.__wrapped__ = real
        self._of_tensors = of_tensors
        self._plainly = plainly

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if holds_tensor(args) or (kwargs and holds_tensor(kwargs.values())):
            return self._of_tensors(*args, **kwargs)
        result = self.__wrapped__(*args, **kwargs)
        return result if self._plainly else fresh(result)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


# SciPy: adjoint.scipy has functions of the same names.


@cache
def scipy_counterpart(name: str) -> Any:
    """What stands for a function of SciPy's: adjoint's of the same name and place, or None."""
    place, _, own = name.rpartition(".")
    if not _has_module(f"adjoint.{place}"):
        return None
    return getattr(importlib.import_module(f"adjoint.{place}"), own, None)


@cache
def _has_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _of_scipy(real: Any, name: str) -> Any:
    own = scipy_counterpart(name)
    if own is None:
        return real
    if isinstance(real, type) or not callable(own) or not hasattr(own, "__code__"):
        return own  # a class or a distribution: what it makes is called with tensors later
    return Choice(real, own)


def instance(value: Any) -> Any:
    """What an object made by SciPy outside of the traced function means: an interpolant, say."""
    return value


def _counterpart(name: str) -> str | None:
    """How to write what a function does with adjoint's, for messages."""
    package, _, own = name.partition(".")
    if package == "scipy":
        public = name.removeprefix("scipy.special.")
        if public in FUNCTIONS and public != name:
            return f"adjoint.special.{public}"
        return f"adjoint.{name}" if scipy_counterpart(name) is not None else None
    if package == "numpy" and own in FUNCTIONS_OF_NUMPY:
        return f"adjoint.{own}"
    return None


lost.counterpart = _counterpart
