"""Sparse matrices and arrays whose values are tensors, and their arithmetic."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from adjoint.errors import ArgumentError, NotDifferentiableError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs as absolute
from adjoint.ops.shape.movement import matrix_transpose
from adjoint.scipy.sparse import arithmetic
from adjoint.scipy.sparse.arithmetic import Entries
from adjoint.scipy.sparse.dense_matrix import as_matrix
from adjoint.scipy.sparse.entries import (
    constant_entries,
    container,
    is_sparse,
    plain_values,
    with_numbers,
)
from adjoint.scipy.sparse.stored import Stored

__all__ = ["SparseArray", "as_sparse", "holds_tensors", "operator", "plain"]

_NUMBERS = (int, float, complex, np.generic)


class SparseArray(Stored):
    """A sparse matrix or array of SciPy's, in its format, whose values are a tensor.

    Made by `csr_array`, `coo_matrix` and the other classes and functions here under SciPy's names.
    What SciPy calls a matrix multiplies by ``*`` as matrices do, an array element by element.

    >>> import adjoint as ad
    >>> A = ad.sparse.coo_array(([1.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2))
    >>> A @ ad.asarray([3.0, 4.0])
    Tensor([4., 6.])
    """

    __slots__ = ()

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
            return self.with_entries(arithmetic.common_entries(self.entries, other.entries))
        values = arithmetic.scaled(self.entries, as_tensor(other))
        return self.with_entries((self.entries[0], values), "coo")

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
        return self.with_entries(arithmetic.product(self.entries, other.entries), form)

    def __rmatmul__(self, other: Any) -> Any:
        if isinstance(other, SparseArray) or is_sparse(other):
            return as_sparse(other) @ self
        if _is_number(other):
            raise ArgumentError("matmul: a sparse array is multiplied by numbers with *")
        other = as_tensor(other)
        if self.ndim == 1:
            return other @ self.toarray()
        return product_with(self.entries, other, from_left=True)

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
            return self.with_entries(arithmetic.total(self.entries, other.entries))
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
        return self._mapped(absolute)

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
    is_product = "matmul" in name or ("mul" in name and type(matrix).__name__.endswith("_matrix"))
    if is_product and matrix.ndim == 2 and x.ndim in (1, 2):
        return product_with(constant_entries(matrix), x, from_left=name.startswith("__r"))
    found = getattr(as_sparse(matrix), name)(x)
    return plain(found) if isinstance(found, SparseArray) else found


def product_with(entries: Entries, x: Tensor, from_left: bool) -> Tensor:
    """The product with a dense vector or matrix on the right, or on the left."""
    if not from_left or x.ndim != 2:
        return arithmetic.dense_product(entries, x, from_left)
    return matrix_transpose(arithmetic.dense_product(entries, matrix_transpose(x), True))


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
