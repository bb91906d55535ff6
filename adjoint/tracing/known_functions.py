"""Functions, classes and attributes that are known to depend on nothing but their arguments.

Floor 7. They have no effect but on what they are given, read nothing that changes between calls,
and call only what they are given: those of Python, NumPy, SciPy's special functions and adjoint.
"""

from __future__ import annotations

import builtins
import cmath
import functools
import itertools
import math
import operator
import sys
from functools import cache
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType
from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.tracing.namespaces import distributions, path_of, scipy_counterpart

_BUILTINS = (
    *("abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "filter", "float"),
    *("frozenset", "int", "isinstance", "iter", "len", "list", "map", "max", "min", "next", "pow"),
    *("range", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "zip"),
    *("ArithmeticError", "AssertionError", "Exception", "IndexError", "KeyError"),
    *("NotImplementedError", "OverflowError", "RuntimeError", "TypeError", "ValueError"),
    "ZeroDivisionError",
)
_ITERTOOLS = (
    *("accumulate", "chain", "combinations", "combinations_with_replacement", "count", "islice"),
    *("pairwise", "permutations", "product", "repeat", "starmap", "zip_longest"),
)
_OPERATORS = (
    *("abs", "add", "and_", "eq", "floordiv", "ge", "getitem", "gt", "inv", "invert", "le", "lt"),
    *("lshift", "matmul", "mod", "mul", "ne", "neg", "not_", "or_", "pos", "pow", "rshift", "sub"),
    *("truediv", "truth", "xor"),
)
_PYTHON = {
    id(x): x
    for x in (
        *(getattr(operator, name) for name in _OPERATORS),
        *(getattr(builtins, name) for name in _BUILTINS),
        *(getattr(itertools, name) for name in _ITERTOOLS),
        *(functools.reduce, Tensor, np.ndarray, np.generic),
    )
}
_ASKING = frozenset({"isinstance", "isscalar", "iterable"})
_OF_ADJOINT = (
    *("adjoint.ops.", "adjoint.array.", "adjoint.scipy.special.", "adjoint.scipy.stats."),
    *("adjoint.scipy.fft", "adjoint.nn.losses", "adjoint.nn.convolution", "adjoint.nn.pooling"),
)
"""Where those of adjoint are; of the loops and branches, by name."""
_OFFERING = ("special", "stats", "fft", "linalg")
"""The modules of SciPy whose functions are known, under the names of these or of adjoint's."""
_OF_LINALG = frozenset(
    (
        *("block_diag", "cho_factor", "cho_solve", "cholesky", "circulant", "companion", "det"),
        *("eigh", "eigvalsh", "expm", "hankel", "inv", "khatri_rao", "lu", "lu_factor", "lu_solve"),
        *("norm", "qr", "solve", "solve_banded", "solve_triangular", "solveh_banded", "svd"),
        *("svdvals", "toeplitz"),
    )
)
"""Of linear algebra those by name that do the same whether values are known or not."""
_OF_DISTRIBUTIONS = frozenset(
    (
        *("cdf", "isf", "logcdf", "logpdf", "logpmf", "logsf", "pdf", "pmf", "ppf", "sf"),
        *("entropy", "mean", "median", "std", "var"),
    )
)
"""The methods of distributions; none that draws."""
_CONTROL = frozenset({"scan", "fori_loop", "while_loop", "cond", "switch", "associative_scan"})
_TIMES = frozenset({"now", "today"})
_LAYERS = "adjoint.nn.layers"
_NOT_OF_ADJOINT = (
    *("adjoint.array.manipulation.in_place", "adjoint.array.functional", "adjoint.ops.random"),
    *("adjoint.array.dtypes", "adjoint.ops.records"),
)
_MAKERS_OF_NUMPY = frozenset(
    (
        *("arange", "array", "asanyarray", "asarray", "ascontiguousarray", "broadcast_shapes"),
        *("eye", "fftfreq", "full", "identity", "indices", "isscalar", "ix_", "ones"),
        *("rfftfreq", "tri", "zeros"),
    )
)
_NOT_OF_NUMPY = frozenset(
    (
        *("copyto", "empty_like", "fill_diagonal", "may_share_memory", "place", "put"),
        *("put_along_axis", "putmask", "save", "savetxt", "savez", "savez_compressed"),
        *("shares_memory", "apply_along_axis", "apply_over_axes", "piecewise", "busday_count"),
        *("busday_offset", "is_busday", "datetime_as_string", "einsum_path", "loadtxt"),
        *("genfromtxt", "fromstring", "array2string", "array_repr", "array_str", "lookfor"),
    )
)
"""Functions that write into what they are given, into files, or call what they are given."""
_NOT_ATTRIBUTES = frozenset(
    (
        *("apply", "base", "byteswap", "ctypes", "data", "dump", "dumps", "flags", "getfield"),
        *("links", "newbyteorder", "node", "resize", "setfield", "setflags", "strides", "tofile"),
        *("to_device", "view"),
    )
)
_OF_RESULTS = frozenset(
    (
        *("U", "S", "Vh", "Q", "R", "eigenvalues", "eigenvectors", "sign", "logabsdet"),
        *("accumulate", "outer", "reduce", "values", "counts", "indices", "inverse_indices"),
    )
)
"""Of tuples that functions of linear algebra return, and of ufuncs."""


def is_known(x: Any) -> bool:
    """Whether a function or a class is one of these. Other objects are asked for nothing."""
    kind = type(x)
    if id(x) in _PYTHON:
        return True
    if issubclass(kind, type):
        return issubclass(x, (np.number, np.bool_)) and x.__module__ == "numpy"
    if kind is np.ufunc:
        return path_of(x) is not None
    if kind is BuiltinFunctionType and (x.__self__ is math or x.__self__ is cmath):
        return vars(x.__self__).get(x.__name__) is x
    if kind is FunctionType and str(x.__module__).startswith("adjoint."):
        return _is_of_adjoint(x)
    if kind is FunctionType and str(x.__module__).startswith("scipy."):
        return _is_of_scipy(x)
    return kind in (BuiltinFunctionType, FunctionType, type(np.sum)) and _is_of_numpy(x)


def is_distribution(x: Any) -> bool:
    """Whether it is a distribution of `scipy.stats`, of adjoint's or of SciPy's own."""
    if str(type(x).__module__).startswith("adjoint.scipy.stats."):
        names = vars(sys.modules["adjoint.scipy.stats"])
        return any(names.get(name) is x for name in names["__all__"])
    stats = sys.modules.get("scipy.stats")
    return stats is not None and id(x) in distributions(stats)


def is_of_distribution(name: str) -> bool:
    """Whether a method of distributions is known, by its name."""
    return name in _OF_DISTRIBUTIONS


def is_layer(x: Any) -> bool:
    """Whether it is a layer of adjoint's, a tuple of two functions."""
    layers = sys.modules.get(_LAYERS)
    return layers is not None and type(x) is layers.Layer


def is_of_layer(f: FunctionType) -> bool:
    """Whether a function is that which such a layer applies: it calls the functions that it is made
    of, and nothing else that is not known."""
    layers = sys.modules.get(_LAYERS)
    return layers is not None and f.__globals__ is vars(layers) and f.__name__ == "apply"


def asks_for_time(x: Any) -> bool:
    """Whether it is a text that NumPy reads as the time it is, or as a kind of time."""
    if type(x) not in (str, bytes):
        return False
    text = (x if type(x) is str else x.decode("latin-1")).strip().lower().lstrip("<>=|")
    return text in _TIMES or text.startswith("m8") or "datetime64" in text


def asks_for_type(x: Any) -> bool:
    """Whether a function that is known tells tensors from arrays, and numbers of NumPy's."""
    return getattr(x, "__name__", None) in _ASKING


def _is_of_adjoint(x: FunctionType) -> bool:
    place = x.__module__
    if getattr(sys.modules.get(place), x.__name__, None) is not x:
        return _offered_by("adjoint.scipy.", x) is not None  # under a decorator
    if x.__name__ in _CONTROL:
        return place in ("adjoint.api.loops", "adjoint.api.branches", "adjoint.api.associative")
    if place.startswith(_NOT_OF_ADJOINT) or x.__name__ in ("empty", "empty_like"):
        return False
    return place.startswith(_OF_ADJOINT) or (place == _LAYERS and x.__name__ == "flatten")


def _offered_by(package: str, x: FunctionType) -> str | None:
    """Which of the known modules of SciPy, in this package, offers a function under its name."""
    if x.__module__ == "adjoint.scipy.common":  # SciPy's own, which has no counterpart
        return None
    for own in _OFFERING:
        names = vars(sys.modules.get(package + own, builtins))
        if names.get(x.__name__) is x and (own != "linalg" or x.__name__ in _OF_LINALG):
            return own
    return None


def _is_of_scipy(x: FunctionType) -> bool:
    """Whether a function of SciPy's has a counterpart that is known."""
    own = _offered_by("scipy.", x)
    meant = None if own is None else scipy_counterpart(f"scipy.{own}.{x.__name__}")
    return meant is not None and is_known(meant)


def _is_of_numpy(x: Any) -> bool:
    package, _, name = (path_of(x) or "").rpartition(".")
    if package not in ("numpy", "numpy.linalg", "numpy.fft") or name in _NOT_OF_NUMPY:
        return False
    return type(x) is type(np.sum) or name in _MAKERS_OF_NUMPY


def can_name_a_field(name: str) -> bool:
    """Whether a field of a user's may have this name: nothing else has an attribute of that name
    which is not known."""
    kinds = (np.ufunc, functools.partial, GeneratorType, FunctionType, MethodType)
    return name not in _NOT_ATTRIBUTES and not any(hasattr(kind, name) for kind in kinds)


@cache
def attributes() -> frozenset[str]:
    """The names of attributes that are known, of tensors, arrays, numbers, texts and containers."""
    kinds: list[type] = [Tensor, list, tuple, dict, set, str, range, slice, int, float]
    kinds += [complex, np.ndarray, np.float64, np.dtype]
    found = {name for kind in kinds for name in dir(kind) if not name.startswith("_")}
    return frozenset(found | _OF_RESULTS) - _NOT_ATTRIBUTES
