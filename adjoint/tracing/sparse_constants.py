"""SciPy's sparse matrices of plain numbers and their decompositions, as traced code sees them.

Their operators leave tensors to the tensors' own, but the methods ``multiply`` and ``dot`` ask for
plain arrays. So a matrix is seen as one of a class derived from its own, which has the same
attributes, the very dictionary of them, and takes tensors in these methods too. A decomposition by
``splu`` is seen through an object whose ``solve`` takes tensors.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from functools import cache
from types import BuiltinFunctionType
from typing import Any

import numpy as np

_FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
_OWN = __name__.partition(".")[0]

as_sparse: Callable[[Any], Any] = lambda x: x  # noqa: E731
"""The matrix as one of adjoint's; who knows adjoint's sets it."""


solved: Callable[..., Any] = lambda factor, b, trans: factor.solve(b, trans)  # noqa: E731
"""The solution for a tensor by SuperLU's object; who has such an operation sets it."""


def constant(x: Any) -> Any:
    """What stands for a sparse matrix or a decomposition of SciPy's; anything else as it is."""
    if type(x).__name__ == "SuperLU":
        return Factor(x)
    if type(x) is BuiltinFunctionType and type(x.__self__).__name__ == "SuperLU":
        return getattr(Factor(x.__self__), x.__name__)  # what `factorized` returns
    return _constant_matrix(x)


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


def _constant_matrix(x: Any) -> Any:
    """A sparse matrix of SciPy's, of a class that takes tensors; anything else as it is."""
    kind = type(x)
    name = kind.__name__
    if name[:3] not in _FORMATS or not kind.__module__.startswith("scipy.sparse"):
        return x
    if name[3:] not in ("_array", "_matrix") or _is_seen(kind) or isinstance(x, dict):
        return x
    cls: Any = kind
    seen = object.__new__(_seen_class(cls))
    seen.__dict__ = x.__dict__
    return seen


def _is_seen(kind: type) -> bool:
    return "__adjoint_class__" in kind.__dict__


@cache
def _seen_class(kind: Any) -> Any:
    """The class of what is seen, which passes for `kind`."""
    if _is_seen(kind):
        return kind

    def method(name: str) -> Callable[[Any, Any], Any]:
        own = getattr(kind, name)

        def of_tensors(self: Any, other: Any) -> Any:
            if _is_own(other):
                return getattr(as_sparse(self), name)(other)
            return own(self, other)

        return of_tensors

    def made_by(form: str) -> property:
        return property(lambda self: _seen_class(getattr(kind, form).fget(self)))

    names: dict[str, Any] = {name: method(name) for name in ("multiply", "dot")}
    names |= {form: made_by(form) for form in (f"_{f}_container" for f in _FORMATS)}
    names["__reduce_ex__"] = _reduced
    names |= {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    names |= {"__doc__": kind.__doc__, "__adjoint_class__": kind}
    return type(kind.__name__, (kind,), names)


def _reduced(self: Any, protocol: Any) -> Any:
    """How it is pickled and copied: as the matrix that it is."""
    return copyreg._reconstructor, (type(self).__adjoint_class__, object, None), self.__dict__  # type: ignore[attr-defined]
