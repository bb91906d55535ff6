"""The namespaces of traced code: NumPy, math and SciPy, whose functions take tensors, too.

A function that is given no tensor is the function itself, and what new arrays it makes are tensors
of constants. Given tensors it is adjoint's function of the same name, if there is one.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from adjoint.graph import lost, numpy_protocol
from adjoint.graph.caller import public_name
from adjoint.graph.numpy_protocol import call_function, call_ufunc, ufunc_function
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor, from_array
from adjoint.ops.elementwise.choice import where
from adjoint.tracing import sparse_constants, texts
from adjoint.tracing.adopted import adopted
from adjoint.tracing.catching import looked_at, raising, tried_with
from adjoint.tracing.classes import is_twin
from adjoint.tracing.constants import fresh, holds_tensor
from adjoint.tracing.creation import FUNCTIONS_OF_NUMPY
from adjoint.tracing.mathematics import FUNCTIONS_OF_MATH
from adjoint.tracing.module_names import note
from adjoint.tracing.plain_polynomials import FUNCTIONS_OF_POLY1D, of_poly1d
from adjoint.tracing.polynomials import is_series, traced_class
from adjoint.tracing.solvers import guarded
from adjoint.tracing.statistics_functions import FUNCTIONS_OF_STATISTICS

TRACED = frozenset({"numpy", "math", "cmath", "scipy", "statistics"}) | texts.LIBRARIES
"""The packages that have a meaning of their own."""
_RAISING = frozenset(
    (
        *("sqrt", "log", "log2", "log10", "log1p", "asin", "acos", "acosh", "atanh", "gamma"),
        *("lgamma", "exp", "exp2", "expm1", "cosh", "sinh", "pow", "fmod", "ldexp"),
    )
)
"""Functions of `math` that are not defined everywhere, or whose results can be too large."""
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
        meant = function(value)
        if meant is not value and not is_twin(meant):
            note(vars(self.__dict__["__adjoint_real__"]), name, value, self.__dict__)
            self.__dict__[name] = meant
        return meant

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["__adjoint_real__"])

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__.pop(name, None)
        own = next((real for real, meant in tuple(_known.values()) if meant is value), value)
        setattr(self.__dict__["__adjoint_real__"], name, own)

    def __delattr__(self, name: str) -> None:
        self.__dict__.pop(name, None)
        delattr(self.__dict__["__adjoint_real__"], name)


def module(real: ModuleType) -> Any:
    """The namespace of a module of a traced package; any other module as it is."""
    name = real.__name__
    if name.partition(".")[0] not in TRACED or name in _AS_THEY_ARE:
        return real
    if name == "scipy._lib.array_api_compat.numpy":  # in which copies of SciPy's functions compute
        return _namespace_of()
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
            return _object(real)
        found = _known[id(real)] = real, _meaning(real, name)
    if found[1] is not real or type(real) is FunctionType:
        return found[1]
    if isinstance(real, type):
        return copied_class(real) or real
    return lent_object(real) if is_traced_as_written(type(real).__module__) else real


def _object(real: Any) -> Any:
    """What has no name: an interpolant, a frozen distribution, a function under a decorator."""
    meant = adopted(real, scipy_counterpart)
    if meant is not real or isinstance(real, type):
        return meant
    if type(real) is FunctionType and is_traced_as_written(real.__module__ or ""):
        return _chosen_copy(real)
    return lent_object(real) if is_traced_as_written(type(real).__module__) else real


def path_of(real: Any) -> str | None:
    """The public name of an object of a traced package; None for other objects."""
    own = getattr(real, "__name__", None)
    home = getattr(real, "__module__", None)
    if isinstance(real, np.ufunc):
        homes = ["numpy", "scipy.special"]
    elif isinstance(own, str) and isinstance(home, str) and home.partition(".")[0] in TRACED:
        above = itertools.takewhile(lambda part: not part.startswith("_"), home.split("."))
        homes = [public_name(home, "").rstrip("."), ".".join(above), home]
        if home == "scipy._lib._sparse":  # of `issparse`
            homes.insert(0, "scipy.sparse")
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
    return found if stats is None else found | distributions(stats)


@functools.cache
def distributions(stats: ModuleType) -> dict[int, str]:
    """The paths of SciPy's distributions, by identity."""
    named = ((name, getattr(stats, name, None)) for name in getattr(stats, "__all__", ()))
    return {
        id(x): f"scipy.stats.{name}"
        for name, x in named
        if not isinstance(x, type) and (hasattr(x, "logpdf") or hasattr(x, "logpmf"))
    }


def _meaning(real: Any, name: str) -> Any:
    package, _, own = name.partition(".")
    if package == "math" or package == "cmath":
        named = FUNCTIONS_OF_MATH.get(own)
        return real if named is None else choice(real, _of_numbers(real, own, named), as_it_is)
    if package == "statistics":
        named = FUNCTIONS_OF_STATISTICS.get(own)
        return real if named is None else _of_data(real, named)
    if package == "scipy":
        return _of_scipy(real, name)
    if package in texts.LIBRARIES:
        return texts.of_library(real, name)
    if own in FUNCTIONS_OF_NUMPY:
        return FUNCTIONS_OF_NUMPY[own]
    if own in ("errstate", "seterr"):
        return raising(real)
    if isinstance(real, type) and is_series(real):
        return traced_class(real)
    if own in FUNCTIONS and (isinstance(real, type) or not callable(real)):
        return FUNCTIONS[own]
    if isinstance(real, np.ufunc):
        return _of_ufunc(real)
    if type(real) is type(np.sum):
        dispatched = functools.partial(_dispatched, real)
        if own in FUNCTIONS_OF_POLY1D:
            return of_poly1d(own, choice(real, dispatched))
        return choice(real, looked_at(dispatched) if own.startswith("linalg.") else dispatched)
    if own in FUNCTIONS and callable(real):
        return choice(real, FUNCTIONS[own])
    return real


def _dispatched(real: Any, *args: Any, **kwargs: Any) -> Any:
    return call_function(real, args, kwargs, by_traced_code=True)


def _of_data(real: Any, of_tensors: Callable[..., Any]) -> Any:
    """A function of `statistics`, whose data may come from an iterator, too."""
    chosen = choice(real, of_tensors, as_it_is)

    @functools.wraps(real)
    def function(*args: Any, **kwargs: Any) -> Any:
        kept = [list(x) if isinstance(x, Iterator) else x for x in args]
        return chosen(*kept, **kwargs)

    return function


def _of_numbers(real: Any, own: str, named: Any) -> Any:
    """A function of `math` for tensors, which raises where that of `math` does."""
    return tried_with(real, named) if own in _RAISING else named


def as_it_is(result: Any) -> Any:
    """The result itself."""
    return result


def choice(
    real: Any,
    of_tensors: Callable[..., Any],
    finish: Callable[[Any], Any] = fresh,
    holds: Callable[[Any], bool] = holds_tensor,
) -> Callable[..., Any]:
    """A function that is `real`, or `of_tensors` where arguments hold a tensor."""

    @functools.wraps(real, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if type(x) is Tensor:
                return of_tensors(*args, **kwargs)
        if holds(args) or (kwargs and holds(kwargs.values())):
            return of_tensors(*args, **kwargs)
        return finish(real(*args, **kwargs))

    return function


def _of_ufunc(real: np.ufunc) -> Any:
    """One of NumPy's ufuncs, with its methods."""
    named = ufunc_function(real)

    def of_tensors(*args: Any, **kwargs: Any) -> Any:
        if named is not None and not kwargs and len(args) == real.nin:
            return named(*args)
        if len(args) > real.nin:
            kwargs["out"] = args[real.nin :]
            args = args[: real.nin]
        return call_ufunc(real, "__call__", args, kwargs)

    function: Any = choice(real, of_tensors)
    for method in ("reduce", "accumulate", "outer", "reduceat", "at"):
        own = functools.partial(_method_of_tensors, real, method)
        setattr(function, method, choice(getattr(real, method), own))
    for name in ("nin", "nout", "nargs", "identity", "ntypes", "types", "signature"):
        setattr(function, name, getattr(real, name))
    return function


def _method_of_tensors(real: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
    return call_ufunc(real, method, args, kwargs)


# SciPy: adjoint.scipy has functions of the same names.


_CALLING_BACK = frozenset(
    f"scipy.integrate.{name}"
    for name in ("dblquad", "nquad", "odeint", "quad", "quad_vec", "solve_ivp", "tplquad")
)


@functools.cache
def scipy_counterpart(name: str) -> Any:
    """What stands for a function of SciPy's: adjoint's of the same name and place, or None."""
    place, _, own = name.rpartition(".")
    if not _has_module(f"adjoint.{place}"):
        return None
    return getattr(importlib.import_module(f"adjoint.{place}"), own, None)


@functools.cache
def _has_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


sparse_constants.as_sparse = lambda x: scipy_counterpart("scipy.sparse.arrays.as_sparse")(x)
sparse_constants.solved = lambda *given: scipy_counterpart("scipy.sparse.linalg.direct.solved_by")(
    *given
)


numpy_protocol.special_function = lambda name: scipy_counterpart(f"scipy.special.{name}")


_AS_WRITTEN = (
    *("scipy._lib._", "scipy._lib.array_api_extra", "scipy.cluster.vq", "scipy.constants"),
    *("scipy.interpolate", "scipy.linalg._special_matrices", "scipy.signal"),
    *("scipy.spatial", "scipy.stats"),
)
"""Where functions that have no counterpart are traced as the user's are."""


def is_traced_as_written(module: str) -> bool:
    """Whether what SciPy's module defines is traced as it is written there."""
    return module.startswith(_AS_WRITTEN) and not os.environ.get("SCIPY_ARRAY_API")


copied_function: Callable[[Any], Any] = lambda f: f
copied_class: Callable[[type], type | None] = lambda cls: None
lent_object: Callable[[Any], Any] = lambda x: x
"""A function, a class and an object of SciPy's as traced code calls them; who copies sets these."""


_ROSENBROCK = frozenset(f"scipy.optimize.rosen{x}" for x in ("", "_der", "_hess", "_hess_prod"))


def _as_written(real: Any, name: str) -> Any:
    """What has no counterpart: traced as it is written, if that is Python; else as it is."""
    if name.startswith("scipy._lib."):
        own = _OF_LIBRARY.get(name.rpartition(".")[2])
        if own is not None and not os.environ.get("SCIPY_ARRAY_API"):
            return own
    if type(real) is not FunctionType:
        return real
    if is_traced_as_written(real.__module__) or name in _ROSENBROCK:
        return _chosen_copy(real)
    return guarded(real, name) if name.startswith("scipy.optimize.") else real


_CHOICE = "__adjoint_choice__"
"""Under which name a function of SciPy's holds what is called in its place."""


def _chosen_copy(real: FunctionType) -> Any:
    """A function of SciPy's, and its copy where it is given a tensor."""
    known = real.__dict__.get(_CHOICE)
    if known is None or known[0] is not real:  # a decorator may have taken it over
        known = real.__dict__[_CHOICE] = (
            real,
            choice(real, functools.partial(_call_copy, real), _traced_module, _made_of_tensors),
        )
    return known[1]


def _made_of_tensors(args: Any) -> bool:
    """Whether a tensor is among arguments, or in an object of SciPy's, as in a linear system."""
    return holds_tensor(args) or any(
        type(x).__module__.startswith("scipy.")
        and holds_tensor(getattr(x, "__dict__", {}).values())
        for x in args
    )


def _traced_module(result: Any) -> Any:
    """What a function of SciPy's returns; of a module its namespace."""
    return module(result) if type(result) is ModuleType else result


def _call_copy(real: FunctionType, *args: Any, **kwargs: Any) -> Any:
    return copied_function(real)(*args, **kwargs)


def _namespace_of(*arrays: Any, **options: Any) -> Any:
    """The namespace in which copies of SciPy's functions compute, of constants, too."""
    return Tensor.__array_namespace__(from_array(np.zeros(())))


def _apply_where(
    cond: Any, args: Any, f1: Any, f2: Any = None, /, *, fill_value: Any = None, **options: Any
) -> Tensor:
    """``array_api_extra.apply_where``, of all elements: no value has to be known."""
    given = args if isinstance(args, (list, tuple)) else (args,)
    named = options.get("kwargs") or {}
    other = fill_value if f2 is None else f2(*given, **named)
    return where(cond, f1(*given, **named), other)


_OF_LIBRARY: dict[str, Callable[..., Any]] = {
    "array_namespace": _namespace_of,
    "apply_where": _apply_where,
}
"""What stands for helpers of SciPy's, which only its own functions call."""


def _of_scipy(real: Any, name: str) -> Any:
    own = scipy_counterpart(name)
    if own is None:
        return _as_written(real, name)
    if name.startswith("scipy.sparse."):
        if isinstance(real, type):
            return own.in_traced_code(real)
        solves = name.startswith("scipy.sparse.linalg.")
        return _of_sparse(real, looked_at(own) if solves else own)
    if isinstance(real, type) or not callable(own) or not hasattr(own, "__code__"):
        return own  # a class or a distribution: what it makes is called with tensors later
    if name in _CALLING_BACK or name.startswith("scipy.optimize."):
        return own  # what they are given may show only when they call it
    if name.startswith("scipy.linalg."):
        own = looked_at(own)
    return choice(real, _undecorated(own) if name.startswith("scipy.stats.") else own, as_it_is)


def _undecorated(own: Any) -> Any:
    """`own` for SciPy's functions, too, which call each other without what decorators add."""

    @functools.wraps(own, updated=())
    def function(*args: Any, _no_deco: bool = False, **kwargs: Any) -> Any:
        return own(*args, **kwargs)

    return function


def _of_sparse(real: Any, own: Any) -> Any:
    """A function of sparse matrices, which hold tensors where other functions are given them."""
    holds_values = scipy_counterpart("scipy.sparse.arrays.holds_tensors")

    @functools.wraps(real, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        if holds_values((args, kwargs)):
            return own(*args, **kwargs)
        return sparse_constants.constant(real(*args, **kwargs), is_users=False)

    return function


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
