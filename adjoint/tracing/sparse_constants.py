"""SciPy's sparse matrices of plain numbers and their decompositions, as traced code sees them.

Their operators leave tensors to the tensors' own, but the methods ``multiply`` and ``dot`` ask for
plain arrays. So a matrix is seen as one of a class derived from its own, which has the same
attributes, the very dictionary of them, and takes tensors in these methods too; the data of what is
made of it, as of a copy, may itself be set to a tensor. A decomposition by ``splu`` is seen through
an object whose ``solve`` takes tensors.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from functools import cache, wraps
from types import BuiltinFunctionType
from typing import Any

import numpy as np

from adjoint.errors import LostDerivativeError

_FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
_TAKING = ("multiply", "dot")
"""Methods that are given dense arrays."""
_OPERATORS = (
    *("__matmul__", "__mul__", "__add__", "__sub__", "__truediv__", "__pow__", "__neg__"),
    *("__rmatmul__", "__rmul__", "__radd__", "__rsub__", "__rtruediv__", "__abs__", "__getitem__"),
)
_STRUCTURE = frozenset(
    (
        *("data", "indices", "indptr", "coords", "row", "col", "shape", "ndim", "format", "nnz"),
        *("has_sorted_indices", "has_canonical_format"),
    )
)
"""What says where entries stand, and their data."""
_OWN = __name__.partition(".")[0]

as_sparse: Callable[[Any], Any] = lambda x: x
"""The matrix as one of adjoint's; who knows adjoint's sets it."""
solved: Callable[..., Any] = lambda factor, b, trans: factor.solve(b, trans)
"""The solution for a tensor by SuperLU's object; who has such an operation sets it."""


def constant(x: Any, is_users: bool = True) -> Any:
    """What stands for a sparse matrix or a decomposition of SciPy's; anything else as it is.

    The matrix is the user's unless the traced code has just made it.
    """
    if type(x).__name__ == "SuperLU":
        return Factor(x)
    if type(x) is BuiltinFunctionType and type(x.__self__).__name__ == "SuperLU":
        return getattr(Factor(x.__self__), x.__name__)  # what `factorized` returns
    return _constant_matrix(x, is_users)


class Factor:
    """SuperLU's object, whose `solve` takes tensors too."""

    __slots__ = ("real",)

    def __init__(self, real: Any) -> None:
        self.real = real

    def solve(self, rhs: Any, trans: str = "N") -> Any:
        """The solution of A x = b, with "T" or "H" of the (conjugate) transposed system."""
        if _is_own(rhs):
            return solved(self.real, rhs, trans)
        return self.real.solve(rhs, trans)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def _is_own(x: Any) -> bool:
    return type(x).__module__.partition(".")[0] == _OWN and not isinstance(x, np.ndarray)


def _constant_matrix(x: Any, is_users: bool) -> Any:
    """A sparse matrix of SciPy's, of a class that takes tensors; anything else as it is."""
    kind = type(x)
    name = kind.__name__
    if name[:3] not in _FORMATS or not kind.__module__.startswith("scipy.sparse"):
        return x
    if name[3:] not in ("_array", "_matrix") or _is_seen(kind) or isinstance(x, dict):
        return x
    cls: Any = kind
    seen = object.__new__(_seen_class(cls))
    object.__setattr__(seen, "__dict__", x.__dict__)
    if is_users:
        object.__setattr__(seen, "_is_users", True)
    return seen


def _is_seen(kind: type) -> bool:
    return "__adjoint_class__" in kind.__dict__


@cache
def _seen_class(kind: Any) -> Any:
    """The class of what is seen, which passes for `kind`."""
    if _is_seen(kind):
        return kind
    taking = [name for name in (*_OPERATORS, *_TAKING) if hasattr(kind, name)]
    names: dict[str, Any] = {name: _method(kind, name) for name in taking}
    names |= {form: _made_by(kind, form) for form in (f"_{f}_container" for f in _FORMATS)}
    names |= {"__getattribute__": _attribute, "__setattr__": _set, "__reduce_ex__": _reduced}
    names |= {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    names |= {"__doc__": kind.__doc__, "__adjoint_class__": kind, "__slots__": ("_is_users",)}
    return type(kind.__name__, (kind,), names)


def _made_by(kind: Any, form: str) -> property:
    """The class of another format."""
    return property(lambda self: _seen_class(getattr(kind, form).fget(self)))


def _method(kind: Any, name: str) -> Callable[..., Any]:
    """An operator, or a method, which takes tensors and knows whether the data is one."""
    own = getattr(kind, name)

    @wraps(own)
    def of_tensors(self: Any, *args: Any) -> Any:
        takes = name in _TAKING and any(map(_is_own, args))
        if takes or _has_tensor(self) or any(map(_has_tensor, args)):
            return getattr(as_sparse(self), name)(*args)
        return own(self, *args)

    return of_tensors


def _has_tensor(x: Any) -> bool:
    """Whether it is a matrix whose data is a tensor."""
    return _is_seen(type(x)) and _is_own(object.__getattribute__(x, "__dict__").get("data"))


def _attribute(self: Any, name: str) -> Any:
    """An attribute: of what has a tensor for its data all but the structure is adjoint's."""
    if name[:1] != "_" and name not in _STRUCTURE and _has_tensor(self):
        return getattr(as_sparse(self), name)
    return object.__getattribute__(self, name)


def _set(self: Any, name: str, value: Any) -> None:
    """Set an attribute, the data to a tensor only of what the traced code has made."""
    if name == "data" and _is_own(value) and not _is_free(self):
        raise LostDerivativeError(
            "scipy.sparse: data of a matrix from outside of the function, or of a format but csr, "
            "csc and coo, cannot be a tensor; set that of a copy: A = A.tocsr().copy()"
        )
    object.__setattr__(self, name, value)


def _is_free(matrix: Any) -> bool:
    """Whether the traced code has made it, so that nobody else sees what it writes."""
    return not hasattr(matrix, "_is_users") and matrix.format in ("csr", "csc", "coo")


def _reduced(self: Any, protocol: Any) -> Any:
    """How it is pickled and copied: as the matrix that it is."""
    return copyreg._reconstructor, (type(self).__adjoint_class__, object, None), self.__dict__  # type: ignore[attr-defined]
