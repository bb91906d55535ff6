"""Sparse matrices and arrays whose values are tensors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from adjoint.errors import ArgumentError, NotDifferentiableError, RangeError, ShapeError
from adjoint.graph.caller import is_operator_of_sparse
from adjoint.graph.numpy_protocol import not_an_array
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType, as_dtype
from adjoint.ops.elementwise.complex import imag, real
from adjoint.ops.linalg.sparse import summed_at
from adjoint.ops.reductions.reduction import conjugate, sum
from adjoint.ops.shape.movement import matrix_transpose, reshape
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
    plain_values,
    with_numbers,
)

__all__ = ["SparseArray", "as_sparse", "holds_tensors", "made", "operator", "plain"]

_NUMBERS = (int, float, complex, np.generic)
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


class SparseArray:
    """A sparse matrix or array of SciPy's, in its format, whose values are a tensor.

    Made by `csr_array`, `coo_matrix` and the other classes and functions here under SciPy's names.
    What SciPy calls a matrix multiplies by ``*`` as matrices do, an array element by element.

    >>> import adjoint as ad
    >>> A = ad.sparse.coo_array(([1.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2))
    >>> A @ ad.asarray([3.0, 4.0])
    Tensor([4., 6.])
    """

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

    def _apart(self) -> SparseArray:
        """The same with no two entries at one place, as what moves entries needs."""
        if is_apart(self.numbers):
            return self
        return made(self.entries, self.numbers)

    def _mapped(self, function: Callable[[Tensor], Tensor]) -> SparseArray:
        """Of the same structure, with a function applied to all values."""
        kept = self._apart()
        return SparseArray(kept.numbers, function(kept._values))

    def _moved(self, call: Callable[[Any], Any]) -> Any:
        """What SciPy makes of the structure, with these values: a sparse or a dense array."""
        kept = self._apart()
        found = call(kept.numbers)
        if is_sparse(found):
            return SparseArray(found, kept._values)
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
            raise _NoSuchMethod(
                f"scipy.sparse: {name} of a {type(self.numbers).__name__} whose values are "
                f"differentiated has no counterpart; use toarray(), or products and entries of it",
                name=name,
                obj=self,
            )
        raise AttributeError(f"a sparse array has no attribute {name!r}", name=name, obj=self)

    def _settle(self) -> None:
        kept = self._apart()
        self._become(kept.numbers, kept._values)

    # Other forms of the same.

    @property
    def T(self) -> SparseArray:
        """The transpose."""
        result: SparseArray = self.transpose()
        return result

    @property
    def mT(self) -> SparseArray:
        """The transpose."""
        return self.T

    @property
    def H(self) -> SparseArray:
        """The conjugate transpose, of what SciPy calls a matrix."""
        return self.T.conj()

    def getH(self) -> SparseArray:
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

    def copy(self) -> SparseArray:
        """A copy, which can be written to."""
        return SparseArray(self.numbers.copy(), self._values)

    def astype(self, dtype: Any, casting: str = "unsafe", copy: bool = True) -> SparseArray:
        """With values of another dtype."""
        return SparseArray(self.numbers, as_tensor(self._values, as_dtype(np.dtype(dtype))))

    def conj(self, copy: bool = True) -> SparseArray:
        """The complex conjugate."""
        return SparseArray(self.numbers, conjugate(self._values))

    conjugate = conj

    @property
    def real(self) -> SparseArray:
        """The real part."""
        return SparseArray(self.numbers, real(self._values))

    @property
    def imag(self) -> SparseArray:
        """The imaginary part."""
        return SparseArray(self.numbers, imag(self._values))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if is_operator_of_sparse(sys._getframe(1)):
            return not_an_array(self)  # and what SciPy asks for it leaves it to us
        raise ArgumentError("scipy.sparse: a sparse array is no dense one; use toarray()")

    # Reading and writing.

    def __getitem__(self, index: Any) -> Any:
        return self._moved(lambda numbers: numbers[_plain_index(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(value, SparseArray) or is_sparse(value):
            value = as_sparse(value).toarray()
        value = as_tensor(value)
        kept = self._apart()
        numbers = kept.numbers.copy()
        new = numbers_of(value, kept._values.size + 1)
        numbers[_plain_index(index)] = new if value.ndim else int(new)
        self._become(numbers, joined([kept._values, reshape(value, (-1,))]))

    def setdiag(self, values: Any, k: int = 0) -> None:
        """Put values on a diagonal."""
        value, kept = as_tensor(values), self._apart()
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

    # Arithmetic.

    def dot(self, other: Any) -> Any:
        """The product ``self @ other``; with a number ``self * other``."""
        return self._scaled(other) if _is_number(other) else self @ other

    def multiply(self, other: Any) -> Any:
        """The product element by element; `other` broadcasts to this shape."""
        if _is_number(other):
            return self._scaled(other)
        if isinstance(other, SparseArray) or is_sparse(other):
            other = as_sparse(other)
            if other.shape != self.shape:
                raise ShapeError(
                    f"multiply: sparse arrays of shapes {self.shape} and {other.shape}; use "
                    f"toarray() of one of them, which broadcasts"
                )
            return made(arithmetic.common_entries(self.entries, other.entries), self.numbers)
        values = arithmetic.scaled(self.entries, as_tensor(other))
        return made((self.entries[0], values), self.numbers, "coo")

    def _scaled(self, by: Any) -> SparseArray:
        return SparseArray(self.numbers, self._values * by)

    def power(self, n: Any, dtype: Any = None) -> SparseArray:
        """Each element to the power of a positive number."""
        if not _is_number(n) or isinstance(n, Tensor) or not n > 0:
            raise ArgumentError(f"power: a sparse array takes a positive plain number, got {n!r}")
        found = self._mapped(lambda values: values**n)
        return found if dtype is None else found.astype(dtype)

    def __pow__(self, n: Any) -> SparseArray:
        if not self.is_matrix:
            return self.power(n)
        from_left = int(n)
        if from_left != n or n < 1 or self.shape[0] != self.shape[1]:
            raise ArgumentError(f"power: a sparse square matrix takes an integer > 0, got {n!r}")
        result = self
        for _ in range(from_left - 1):
            result = result @ self
        return result

    def __matmul__(self, other: Any) -> Any:
        if _is_number(other):
            raise ArgumentError("matmul: a sparse array is multiplied by numbers with *")
        if isinstance(other, SparseArray) or is_sparse(other):
            return self._sparse_product(as_sparse(other))
        found = arithmetic.dense_product(self.entries, as_tensor(other))
        return found[0] if self.ndim == 1 else found

    def _sparse_product(self, other: SparseArray) -> Any:
        if self.ndim == 1 or other.ndim == 1:
            right = other.toarray() if other.ndim == 1 else other
            return self.toarray() @ right if self.ndim == 1 else self @ right
        form = "csc" if self.format == "csc" else "csr"
        return made(arithmetic.product(self.entries, other.entries), self.numbers, form)

    def __rmatmul__(self, other: Any) -> Any:
        if isinstance(other, SparseArray) or is_sparse(other):
            return as_sparse(other) @ self
        if _is_number(other):
            raise ArgumentError("matmul: a sparse array is multiplied by numbers with *")
        other = as_tensor(other)
        if self.ndim == 1:
            return other @ self.toarray()
        if other.ndim == 1:
            return arithmetic.dense_product(self.entries, other, True)
        return matrix_transpose(
            arithmetic.dense_product(self.entries, matrix_transpose(other), True)
        )

    def __mul__(self, other: Any) -> Any:
        return self.dot(other) if self.is_matrix else self.multiply(other)

    def __rmul__(self, other: Any) -> Any:
        if not self.is_matrix or _is_number(other):
            return self.multiply(other)
        return self.__rmatmul__(other)

    def __truediv__(self, other: Any) -> Any:
        if _is_number(other):
            return SparseArray(self.numbers, self._values / other)
        if isinstance(other, SparseArray) or is_sparse(other):
            raise NotDifferentiableError(
                "divide: a sparse array by a sparse one has 0 / 0 nearly everywhere; use toarray()"
            )
        return self.multiply(1 / as_tensor(other))

    def __add__(self, other: Any) -> Any:
        if isinstance(other, SparseArray) or is_sparse(other):
            other = as_sparse(other)
            if other.shape != self.shape:
                raise ShapeError(f"add: sparse arrays of shapes {self.shape} and {other.shape}")
            return made(arithmetic.total(self.entries, other.entries), self.numbers)
        if _is_number(other):
            if isinstance(other, Tensor) or other != 0:
                raise NotDifferentiableError(
                    "add: a number is added to every element of a sparse array; use toarray()"
                )
            return self
        found = self.toarray() + as_tensor(other)
        return as_matrix(found) if self.is_matrix else found

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + (-as_sparse(other) if is_sparse(other) else -_operand(other))

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __neg__(self) -> SparseArray:
        return SparseArray(self.numbers, -self._values)

    def __abs__(self) -> SparseArray:
        return self._mapped(FUNCTIONS["abs"])

    def _refuse(self, other: Any) -> NoReturn:
        raise NotDifferentiableError(
            "scipy.sparse: sparse arrays with values that are differentiated are not compared, nor "
            "divided by; use toarray(), or data of both"
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __rtruediv__ = _refuse
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        name = type(self.numbers).__name__
        return f"<{name} of {self.dtype} tensors, {self.nnz} entries, shape {self.shape}>"


class _NoSuchMethod(NotDifferentiableError, AttributeError):
    """A method of SciPy's that there is not here; an `AttributeError`, so that `hasattr` works."""


def made(entries: Entries, like: Any, form: str | None = None) -> SparseArray:
    """The matrix with these entries, in SciPy's class of a format, matrix or array as `like`."""
    pattern, values = entries
    form = form or like.format
    numbers = pattern.matrix(np.arange(1, pattern.size + 1, dtype=np.int64))
    if like.ndim == 1:
        return SparseArray(container(like, form)(numbers.reshape(like.shape)), values)
    return SparseArray(container(like, form)(numbers), values)


def as_sparse(x: Any) -> SparseArray:
    """A matrix of SciPy's as one of tensors; one of tensors itself."""
    if isinstance(x, SparseArray):
        return x
    if not is_sparse(x):
        raise ArgumentError(
            f"scipy.sparse: expected a sparse matrix, got {type(x).__name__}; make one by "
            f"adjoint.sparse.csr_array"
        )
    return SparseArray(with_numbers(x), plain_values(x))


def operator(matrix: Any, name: str, x: Any) -> Any:
    """What an operator of SciPy's matrix makes of a tensor: a sparse result is SciPy's, too, unless
    somebody differentiates by what it depends on, or traces it."""
    if not is_sparse(matrix):
        return NotImplemented
    found = getattr(as_sparse(matrix), name)(x)
    return plain(found) if isinstance(found, SparseArray) else found


def plain(x: SparseArray) -> Any:
    """SciPy's matrix of the values; `x` itself while they are differentiated or traced."""
    scope = x._values.node.scope
    if scope is not None and scope.is_open():
        return x
    pattern, values = x.entries
    return container(x.numbers)(pattern.matrix(np.array(values.numpy())))


def holds_tensors(x: Any) -> bool:
    """Whether tensors are among arguments, as the values of matrices, too."""
    if isinstance(x, (Tensor, SparseArray)):
        return True
    if isinstance(x, dict):
        return any(map(holds_tensors, x.values()))
    if isinstance(x, (list, tuple)) or (isinstance(x, np.ndarray) and x.dtype.kind == "O"):
        return any(map(holds_tensors, x))
    return is_sparse(x) and isinstance(getattr(x, "data", None), Tensor)


def _is_number(x: Any) -> bool:
    return isinstance(x, _NUMBERS) or (isinstance(x, (Tensor, np.ndarray)) and x.ndim == 0)


def _operand(x: Any) -> Any:
    return x if isinstance(x, SparseArray) or _is_number(x) else as_tensor(x)


def _plain_index(index: Any) -> Any:
    """An index with arrays in place of tensors, which must be known and have no derivative."""
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    return np.array(index.numpy()) if isinstance(index, Tensor) else index
