"""The classes of ``scipy.sparse``: calling one makes a sparse array of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import constant
from adjoint.scipy.sparse.arrays import SparseArray, holds_tensors
from adjoint.scipy.sparse.entries import is_sparse, numbers_of, plain_values, with_numbers
from adjoint.tracing import sparse_constants
from adjoint.tracing.constants import tracing

__all__ = [
    "bsr_array",
    "bsr_matrix",
    "coo_array",
    "coo_matrix",
    "csc_array",
    "csc_matrix",
    "csr_array",
    "csr_matrix",
    "dia_array",
    "dia_matrix",
    "dok_array",
    "dok_matrix",
    "lil_array",
    "lil_matrix",
    "sparray",
    "spmatrix",
]


class Format(type):
    """The class of those that stand for SciPy's classes, which have no objects of their own."""

    def __call__(
        cls,
        arg1: Any,
        shape: Any = None,
        dtype: Any = None,
        copy: bool = False,
        **kwargs: Any,
    ) -> SparseArray:
        """A sparse array of tensors, from what SciPy's class of the same name takes."""
        real = cls.real()
        numbers, values = _read(real, arg1, shape, kwargs)
        made = SparseArray(numbers, values)
        return made if dtype is None else made.astype(dtype)

    def in_traced_code(cls, real: type) -> Any:
        """What stands for SciPy's class there: it makes SciPy's own matrices of plain numbers.

        But those that are written into, element by element, are made empty, to hold tensors later.
        """
        return InTracedCode(cls.__name__, (), {"__doc__": cls.__doc__, "__module__": __name__})

    def real(cls) -> Any:
        """SciPy's class."""
        return getattr(import_module("scipy.sparse"), cls.__name__)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x.numbers if isinstance(x, SparseArray) else x, cls.real())

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other.real() if isinstance(other, Format) else other, cls.real())

    def __eq__(cls, other: object) -> bool:
        return cls is other or other is cls.real()

    def __hash__(cls) -> int:
        return hash(cls.real())


class InTracedCode(Format):
    """The class of those that stand for SciPy's classes in traced code."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """SciPy's matrix of plain numbers, or a sparse array of tensors."""
        is_filled_later = cls.__name__[:3] in ("lil", "dok") and tracing.depth
        if is_filled_later or holds_tensors((args, kwargs)):
            return super().__call__(*args, **kwargs)
        return sparse_constants.constant(cls.real()(*args, **kwargs), is_users=False)


def _read(real: Any, given: Any, shape: Any, kwargs: Any) -> tuple[Any, Tensor]:
    """The numbers in SciPy's class `real`, and the values, of what its constructor is given."""
    if isinstance(given, SparseArray):
        kept = given._apart()
        return real(kept.numbers, shape=shape, **kwargs), kept._values
    if is_sparse(given):
        return real(with_numbers(given), shape=shape, **kwargs), plain_values(given)
    if not isinstance(given, tuple):
        if not holds_tensors(given):  # of plain numbers only those that are not zero are entries
            return _read(real, real(given, shape=shape), None, kwargs)
        values = as_tensor(given)
        numbers = real(numbers_of(values), shape=shape, **kwargs)
    elif len(given) in (2, 3) and not all(map(_is_integer, given)):
        values = as_tensor(given[0])
        at = [_places(real.__name__, x) for x in given[1:]]
        coordinates = real.__name__.replace(real.__name__[:3], "coo")
        if isinstance(at[0], tuple) and real.__name__ != coordinates:
            kind = getattr(import_module("scipy.sparse"), coordinates)
            summed = SparseArray(kind((numbers_of(values), at[0]), shape), values)
            return _read(real, summed, None, kwargs)
        numbers = real((numbers_of(values), *at), shape=shape, **kwargs)
    else:
        values = as_tensor(np.zeros(0))
        numbers = real(given, shape=shape, dtype=np.int64, **kwargs)
    return numbers, reshape(values, (-1,))


def _is_integer(x: Any) -> bool:
    return isinstance(x, (int, np.integer))


def _places(name: str, x: Any) -> Any:
    """Rows and columns, or other numbers that say where values stand, as plain arrays."""
    if isinstance(x, tuple):
        return tuple(_places(name, part) for part in x)
    if isinstance(x, list) and any(isinstance(part, (Tensor, np.ndarray, list)) for part in x):
        return tuple(_places(name, part) for part in x)
    found = constant(f"scipy.sparse.{name}", "the place of an entry", x)
    if found.dtype.kind == "f" and np.array_equal(found, np.trunc(found)):
        found = found.astype(np.int64)
    if found.dtype.kind not in "iu" and found.size:
        raise ArgumentError(
            f"scipy.sparse.{name}: entries stand at integer places, got an array of {found.dtype}"
        )
    return np.array(found, np.int64) if not found.size else np.array(found)


def _stands_for(name: str) -> Any:
    kind = "matrix" if name.endswith("matrix") else "array"
    return Format(
        name,
        (),
        {
            "__doc__": f"``scipy.sparse.{name}`` of tensors: a sparse {kind} of that format.",
            "__module__": __name__,
        },
    )


bsr_array = _stands_for("bsr_array")
bsr_matrix = _stands_for("bsr_matrix")
coo_array = _stands_for("coo_array")
coo_matrix = _stands_for("coo_matrix")
csc_array = _stands_for("csc_array")
csc_matrix = _stands_for("csc_matrix")
csr_array = _stands_for("csr_array")
csr_matrix = _stands_for("csr_matrix")
dia_array = _stands_for("dia_array")
dia_matrix = _stands_for("dia_matrix")
dok_array = _stands_for("dok_array")
dok_matrix = _stands_for("dok_matrix")
lil_array = _stands_for("lil_array")
lil_matrix = _stands_for("lil_matrix")
sparray = _stands_for("sparray")
spmatrix = _stands_for("spmatrix")
