"""How a sparse array of tensors is kept, read and written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, NotDifferentiableError, RangeError, ShapeError
from adjoint.graph.caller import is_operator_of_sparse
from adjoint.graph.numpy_protocol import not_an_array
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType, as_dtype
from adjoint.ops.elementwise.complex import imag, real
from adjoint.ops.linalg.sparse import summed_at
from adjoint.ops.reductions.reduction import conjugate, sum
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.sparse import arithmetic
from adjoint.scipy.sparse.arithmetic import Entries
from adjoint.scipy.sparse.dense_matrix import as_matrix
from adjoint.scipy.sparse.entries import (
    canonical,
    chosen,
    container,
    dense_at,
    is_apart,
    is_sparse,
    joined,
    numbers_of,
    with_numbers,
)

__all__ = ["Stored"]

_ELEMENTWISE = frozenset(
    (
        *("sqrt", "sin", "tan", "arcsin", "arctan", "sinh", "tanh", "arcsinh", "arctanh", "sign"),
        *("expm1", "log1p", "deg2rad", "rad2deg", "floor", "ceil", "rint", "trunc"),
    )
)
"""Methods of SciPy's that apply a function with f(0) = 0 to each entry."""
_MOVING = frozenset(
    (
        *("transpose", "reshape", "asformat", "diagonal", "getrow", "getcol"),
        *("tobsr", "tocoo", "tocsc", "tocsr", "todia", "todok", "tolil"),
    )
)
"""Methods of SciPy's that only move entries about."""
_STRUCTURE = frozenset(
    (
        *("indices", "indptr", "coords", "row", "col", "offsets", "getnnz", "get_shape"),
        *("has_sorted_indices", "has_canonical_format", "maxprint", "getformat"),
    )
)
"""What SciPy's matrices say of where their entries stand."""
_IN_PLACE = frozenset(("sum_duplicates", "sort_indices", "prune", "eliminate_zeros"))


class Stored:
    """Where the entries are, in which format, and their values: all but arithmetic."""

    __array_ufunc__ = None
    __slots__ = ("__weakref__", "_entries", "_values", "numbers")

    def __init__(self, numbers: Any, values: Tensor) -> None:
        self.numbers = numbers
        self._values: Tensor = values
        self._entries: Entries | None = None

    # What is known without computing anything.

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        found: tuple[int, ...] = self.numbers.shape
        return found

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> DType:
        """The dtype of the values."""
        return self._values.dtype

    @property
    def nnz(self) -> int:
        """The number of entries that are kept, whether they are zero or not."""
        return int(self.numbers.nnz)

    size = nnz

    @property
    def format(self) -> str:
        """SciPy's name of the format, as in ``"csr"``."""
        return str(self.numbers.format)

    @property
    def is_matrix(self) -> bool:
        """Whether it is what SciPy calls a matrix."""
        return type(self.numbers).__name__.endswith("_matrix")

    @property
    def entries(self) -> Entries:
        """The pattern and the values in its order; values at the same place are added up."""
        if self._entries is None:
            self._entries = canonical(self.numbers, self._values)
        return self._entries

    @property
    def data(self) -> Tensor:
        """The values in the order in which the format keeps them."""
        if self.format not in ("csr", "csc", "coo"):
            raise ArgumentError(
                f"scipy.sparse: data of the format {self.format!r} is not supported on values that "
                f"are differentiated; use tocsr().data or tocoo().data"
            )
        return chosen(self._values, self.numbers.data - 1)

    @data.setter
    def data(self, given: Any) -> None:
        values = as_tensor(given)
        if values.shape != (self.nnz,):
            raise ShapeError(
                f"scipy.sparse: data must have shape {(self.nnz,)}, got {values.shape}"
            )
        self._become(with_numbers(self.numbers), values)

    def _become(self, numbers: Any, values: Tensor) -> None:
        self.numbers, self._values, self._entries = numbers, values, None

    def with_entries(self, entries: Entries, form: str | None = None) -> Self:
        """The matrix with these entries, in a format, by default the same one."""
        pattern, values = entries
        numbers = pattern.matrix(np.arange(1, pattern.size + 1, dtype=np.int64))
        if self.ndim == 1:
            numbers = numbers.reshape(self.shape)
        return type(self)(container(self.numbers, form)(numbers), values)

    def _apart(self) -> Self:
        """The same with no two entries at one place, as what moves entries needs."""
        if is_apart(self.numbers):
            return self
        return self.with_entries(self.entries)

    def _mapped(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Of the same structure, with a function applied to all values."""
        kept = self._apart()
        return type(self)(kept.numbers, function(kept._values))

    def _moved(self, call: Callable[[Any], Any]) -> Any:
        """What SciPy makes of the structure, with these values: a sparse or a dense array."""
        kept = self._apart()
        found = call(kept.numbers)
        if found is kept.numbers:
            return kept  # as SciPy does, so that who writes to one writes to both
        if is_sparse(found):
            return type(self)(found, kept._values)
        return dense_at(found, kept._values)

    def __getattr__(self, name: str) -> Any:
        if name in _STRUCTURE:
            return getattr(self.numbers, name)
        if name in _MOVING:
            return lambda *args, **kwargs: self._moved(
                lambda numbers: getattr(numbers, name)(*args, **kwargs)
            )
        if name in _ELEMENTWISE:
            return lambda: self._mapped(FUNCTIONS[name])
        if name in _IN_PLACE:
            return self._settle
        if hasattr(self.numbers, name) and not name.startswith("_"):
            raise NoSuchMethodError(
                f"scipy.sparse: {name} of a {type(self.numbers).__name__} whose values are "
                f"differentiated has no counterpart; use toarray(), or products and entries of it"
            )
        raise AttributeError(f"a sparse array has no attribute {name!r}", name=name, obj=self)

    def _settle(self) -> None:
        kept = self._apart()
        self._become(kept.numbers, kept._values)

    # Other forms of the same.

    @property
    def T(self) -> Self:
        """The transpose."""
        result: Self = self.transpose()
        return result

    @property
    def mT(self) -> Self:
        """The transpose."""
        return self.T

    @property
    def H(self) -> Self:
        """The conjugate transpose, of what SciPy calls a matrix."""
        return self.T.conj()

    def getH(self) -> Self:
        """The conjugate transpose."""
        return self.T.conj()

    def toarray(self, order: Any = None, out: Any = None) -> Tensor:
        """The dense tensor."""
        if out is not None:
            raise ArgumentError("scipy.sparse: toarray(out=) is not supported; use its result")
        if self.ndim == 2:
            return arithmetic.to_dense(self.entries)
        kept = self._apart()
        return dense_at(kept.numbers.toarray(), kept._values)

    def todense(self, order: Any = None, out: Any = None) -> Tensor:
        """The dense tensor; of what SciPy calls a matrix one that refuses ``*`` and ``**``."""
        found = self.toarray(order, out)
        return as_matrix(found) if self.is_matrix else found

    def copy(self) -> Self:
        """A copy, which can be written to."""
        return type(self)(self.numbers.copy(), self._values)

    def astype(self, dtype: Any, casting: str = "unsafe", copy: bool = True) -> Self:
        """With values of another dtype."""
        return type(self)(self.numbers, as_tensor(self._values, as_dtype(np.dtype(dtype))))

    def conj(self, copy: bool = True) -> Self:
        """The complex conjugate."""
        return type(self)(self.numbers, conjugate(self._values))

    conjugate = conj

    @property
    def real(self) -> Self:
        """The real part."""
        return type(self)(self.numbers, real(self._values))

    @property
    def imag(self) -> Self:
        """The imaginary part."""
        return type(self)(self.numbers, imag(self._values))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if is_operator_of_sparse(sys._getframe(1)):
            return not_an_array(self)  # and what SciPy asks for it leaves it to us
        raise ArgumentError("scipy.sparse: a sparse array is no dense one; use toarray()")

    # Reading and writing.

    def __getitem__(self, index: Any) -> Any:
        return self._moved(lambda numbers: numbers[_plain_index(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, Stored) or is_sparse(value):
            value = value.toarray()
        value, kept = self._fitting(value), self._apart()
        numbers = kept.numbers.copy()
        new = numbers_of(value, kept._values.size + 1)
        numbers[_plain_index(index)] = new if value.ndim else int(new)
        self._become(numbers, joined([kept._values, reshape(value, (-1,))]))

    def _fitting(self, value: Any) -> Tensor:
        """`value` in the dtype that the matrix keeps, as in SciPy, but nothing is cut off."""
        value = as_tensor(value)
        if "biufc".index(value.dtype.kind) > max(2, "biufc".index(self.dtype.kind)):
            raise DTypeError(
                f"scipy.sparse: a matrix of {self.dtype} cannot take values of {value.dtype}; make "
                f"it with dtype={value.dtype}"
            )
        result: Tensor = as_tensor(value, self.dtype)
        return result

    def setdiag(self, values: Any, k: int = 0) -> None:
        """Put values on a diagonal."""
        value, kept = self._fitting(values), self._apart()
        numbers = kept.numbers.tolil()
        new = numbers_of(value, kept._values.size + 1)
        numbers.setdiag(new if value.ndim else int(new), k)
        values = joined([kept._values, reshape(value, (-1,))])
        self._become(numbers.asformat(self.format), values)

    def __len__(self) -> int:
        raise ArgumentError("scipy.sparse: the length of a sparse array is ambiguous; use shape[0]")

    def __bool__(self) -> bool:
        raise ArgumentError("scipy.sparse: the truth value of a sparse array is ambiguous")

    # Sums.

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
        """The sum of all elements, or along an axis."""
        if out is not None:
            raise ArgumentError("scipy.sparse: sum(out=) is not supported; use its result")
        pattern, values = self.entries
        values = values if dtype is None else as_tensor(values, as_dtype(np.dtype(dtype)))
        if axis is None or self.ndim == 1:
            return sum(values)
        if axis not in (0, 1, -1, -2):
            raise RangeError(f"scipy.sparse: axis must be None, 0 or 1, got {axis!r}")
        by_rows = axis in (1, -1)
        found = summed_at(
            values, pattern.rows if by_rows else pattern.columns, self.shape[0 if by_rows else 1]
        )
        if not self.is_matrix:
            return found
        result: Tensor = as_matrix(reshape(found, (-1, 1) if by_rows else (1, -1)))
        return result

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
        """The mean of all elements, zeros included, or along an axis."""
        total = self.sum(axis, dtype, out)
        count = int(np.prod(self.shape)) if axis is None else self.shape[axis]
        found: Tensor = Tensor(total.node) / count
        result: Tensor = as_matrix(found) if found.ndim == 2 else found
        return result

    def trace(self, offset: int = 0) -> Tensor:
        """The sum along a diagonal."""
        return sum(self.diagonal(offset))


class NoSuchMethodError(NotDifferentiableError, AttributeError):
    """A method of SciPy's that there is not here; an `AttributeError`, so that `hasattr` works."""


def _plain_index(index: Any) -> Any:
    """An index with arrays in place of tensors, which must be known and have no derivative."""
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    return np.array(index.numpy()) if isinstance(index, Tensor) else index
