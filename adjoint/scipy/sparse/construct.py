"""Functions of ``scipy.sparse`` that make sparse matrices of others, and of dense tensors.

All but `kron` only put given values in places, so SciPy itself does it, to numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import as_dtype
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.sparse import arithmetic
from adjoint.scipy.sparse.arrays import SparseArray, as_sparse
from adjoint.scipy.sparse.entries import is_sparse, joined, numbers_of

__all__ = [
    "block_array",
    "block_diag",
    "bmat",
    "diags",
    "diags_array",
    "eye",
    "eye_array",
    "find",
    "hstack",
    "identity",
    "issparse",
    "isspmatrix",
    "kron",
    "kronsum",
    "spdiags",
    "tril",
    "triu",
    "vstack",
]

_ANY = object()


class _Numbering:
    """Numbers for the values of several matrices and tensors, one after the other."""

    def __init__(self) -> None:
        self.parts: list[Tensor] = []
        self.count = 0

    def add(self, x: Any) -> Any:
        """What SciPy is given in place of `x`, which may hold more in lists and tuples."""
        if isinstance(x, (list, tuple)) and not _is_row_of_numbers(x):
            return type(x)([self.add(part) for part in x])
        if x is None:
            return None
        if isinstance(x, SparseArray) or is_sparse(x):
            kept = as_sparse(x)._apart()
            numbers = kept.numbers.copy()
            if numbers.format not in ("csr", "csc", "coo"):
                numbers = numbers.tocoo()
            numbers.data = numbers.data + self.count
            return self._counted(numbers, kept._values)
        if isinstance(x, np.ndarray) and x.dtype.kind == "O":
            found = np.empty(x.shape, object)
            for place in np.ndindex(x.shape):
                found[place] = self.add(x[place])
            return found
        values: Tensor = as_tensor(x)
        return self._counted(numbers_of(values, self.count + 1), reshape(values, (-1,)))

    def _counted(self, numbers: Any, values: Tensor) -> Any:
        self.parts.append(values)
        self.count += values.size
        return numbers

    def result(self, call: Callable[[], Any], dtype: Any = None) -> SparseArray:
        """The sparse array of what SciPy makes of the numbers."""
        values = joined(self.parts) if self.parts else as_tensor(np.zeros(0))
        made = SparseArray(call().astype(np.int64), values)
        return made if dtype is None or dtype is _ANY else made.astype(as_dtype(np.dtype(dtype)))


def _is_row_of_numbers(x: Any) -> bool:
    return bool(x) and all(isinstance(v, (int, float, complex, np.generic)) for v in x)


def _scipy(name: str) -> Any:
    return getattr(import_module("scipy.sparse"), name)


def _of_blocks(name: str, blocks: Any, dtype: Any, **kwargs: Any) -> SparseArray:
    numbering = _Numbering()
    numbers = numbering.add(blocks)
    return numbering.result(lambda: _scipy(name)(numbers, **kwargs), dtype)


def block_array(blocks: Any, *, format: Any = None, dtype: Any = None) -> SparseArray:
    """A sparse array of blocks in rows; None stands for one of zeros.

    >>> import adjoint as ad
    >>> a = ad.sparse.csr_array([[1.0]])
    >>> ad.sparse.block_array([[a, None], [None, 2 * a]]).toarray()
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return _of_blocks("block_array", blocks, dtype, format=format)


def bmat(blocks: Any, format: Any = None, dtype: Any = None) -> SparseArray:
    """A sparse matrix, or array, of blocks in rows; None stands for one of zeros.

    >>> import adjoint as ad
    >>> a = ad.sparse.csr_matrix([[1.0]])
    >>> ad.sparse.bmat([[a, 3 * a]]).toarray()
    Tensor([[1., 3.]])
    """
    return _of_blocks("bmat", blocks, dtype, format=format)


def block_diag(mats: Any, format: Any = None, dtype: Any = None) -> SparseArray:
    """A sparse matrix with the given ones along its diagonal.

    >>> import adjoint as ad
    >>> ad.sparse.block_diag([ad.asarray([[1.0]]), ad.asarray([[2.0]])]).toarray()
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return _of_blocks("block_diag", list(mats), dtype, format=format)


def hstack(blocks: Any, format: Any = None, dtype: Any = None) -> SparseArray:
    """Sparse matrices beside one another.

    >>> import adjoint as ad
    >>> a = ad.sparse.csr_array([[1.0]])
    >>> ad.sparse.hstack([a, a]).toarray()
    Tensor([[1., 1.]])
    """
    return _of_blocks("hstack", list(blocks), dtype, format=format)


def vstack(blocks: Any, format: Any = None, dtype: Any = None) -> SparseArray:
    """Sparse matrices below one another.

    >>> import adjoint as ad
    >>> a = ad.sparse.csr_array([[1.0]])
    >>> ad.sparse.vstack([a, a]).toarray()
    Tensor([[1.],
            [1.]])
    """
    return _of_blocks("vstack", list(blocks), dtype, format=format)


def diags(
    diagonals: Any, offsets: Any = 0, shape: Any = None, format: Any = None, dtype: Any = _ANY
) -> SparseArray:
    """A sparse matrix with the given diagonals; a single number fills its diagonal.

    >>> import adjoint as ad
    >>> ad.sparse.diags([ad.asarray([1.0, 2.0])], [0]).toarray()
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return _of_diagonals("diags", diagonals, dtype, offsets=offsets, shape=shape, format=format)


def diags_array(
    diagonals: Any,
    /,
    *,
    offsets: Any = 0,
    shape: Any = None,
    format: Any = None,
    dtype: Any = _ANY,
) -> SparseArray:
    """A sparse array with the given diagonals; a single number fills its diagonal.

    >>> import adjoint as ad
    >>> ad.sparse.diags_array(ad.asarray([1.0, 2.0])).toarray()
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return _of_diagonals(
        "diags_array", diagonals, dtype, offsets=offsets, shape=shape, format=format
    )


def _of_diagonals(name: str, diagonals: Any, dtype: Any, **kwargs: Any) -> SparseArray:
    """By SciPy, which repeats the number of a single element all along its diagonal."""
    numbering = _Numbering()
    if np.ndim(kwargs["offsets"]) == 0 and _is_one_diagonal(diagonals):
        diagonals = as_tensor(diagonals)
    numbers: Any = numbering.add(diagonals)
    if isinstance(numbers, np.ndarray) and numbers.ndim == 2:
        numbers = list(numbers)
    return numbering.result(lambda: _scipy(name)(numbers, dtype=np.int64, **kwargs), dtype)


def _is_one_diagonal(x: Any) -> bool:
    """Whether a list holds the elements of a diagonal, not the only diagonal."""
    return isinstance(x, (list, tuple)) and (len(x) != 1 or np.ndim(x[0]) == 0)


def spdiags(data: Any, diags: Any, m: Any = None, n: Any = None, format: Any = None) -> SparseArray:
    """A sparse matrix of the diagonals in the rows of `data`, each element in its column.

    >>> import adjoint as ad
    >>> ad.sparse.spdiags(ad.asarray([[1.0, 2.0]]), 0, 2, 2).toarray()
    Tensor([[1., 0.],
            [0., 2.]])
    """
    numbering = _Numbering()
    numbers = numbering.add(as_tensor(data))
    return numbering.result(lambda: _scipy("spdiags")(numbers, diags, m, n, format))


def eye(m: int, n: Any = None, k: int = 0, dtype: Any = float, format: Any = None) -> SparseArray:
    """A sparse matrix with ones on a diagonal.

    >>> import adjoint as ad
    >>> ad.sparse.eye(2).toarray()
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return as_sparse(_scipy("eye")(m, n, k, dtype, format or "csr"))


def eye_array(
    m: int, n: Any = None, *, k: int = 0, dtype: Any = float, format: Any = None
) -> SparseArray:
    """A sparse array with ones on a diagonal.

    >>> import adjoint as ad
    >>> ad.sparse.eye_array(2) @ ad.asarray([1.0, 2.0])
    Tensor([1., 2.])
    """
    return as_sparse(_scipy("eye_array")(m, n, k=k, dtype=dtype, format=format or "csr"))


def identity(n: int, dtype: Any = "d", format: Any = None) -> SparseArray:
    """The sparse identity matrix.

    >>> import adjoint as ad
    >>> ad.sparse.identity(2).nnz
    2
    """
    return eye(n, dtype=dtype, format=format)


def _two(name: str, A: Any, B: Any) -> tuple[SparseArray, SparseArray]:
    found = [
        x if isinstance(x, SparseArray) else as_sparse(x) if is_sparse(x) else _dense(x)
        for x in (A, B)
    ]
    if any(x.ndim != 2 for x in found):
        raise ArgumentError(f"scipy.sparse.{name}: needs two axes, got {[x.shape for x in found]}")
    return found[0], found[1]


def _dense(x: Any) -> SparseArray:
    values: Tensor = as_tensor(x)
    numbers = _scipy("coo_matrix")(numbers_of(values))
    return SparseArray(numbers, reshape(values, (-1,)))


def kron(A: Any, B: Any, format: Any = None) -> SparseArray:
    """The Kronecker product, sparse.

    >>> import adjoint as ad
    >>> ad.sparse.kron(ad.sparse.eye(2), ad.asarray([[3.0]])).toarray()
    Tensor([[3., 0.],
            [0., 3.]])
    """
    a, b = _two("kron", A, B)
    like = b if a.is_matrix else a
    return like.with_entries(arithmetic.kron(a.entries, b.entries), format or "coo")


def kronsum(A: Any, B: Any, format: Any = None) -> SparseArray:
    """The Kronecker sum of two square matrices, I ⊗ A + B ⊗ I.

    >>> import adjoint as ad
    >>> a = ad.sparse.csr_array([[2.0]])
    >>> ad.sparse.kronsum(a, a).toarray()
    Tensor([[4.]])
    """
    a, b = _two("kronsum", A, B)
    if a.shape[0] != a.shape[1] or b.shape[0] != b.shape[1]:
        raise ArgumentError(
            f"scipy.sparse.kronsum: needs square matrices, got {a.shape} and {b.shape}"
        )
    left = kron(eye_array(b.shape[0], dtype=a.dtype), a)
    right = kron(b, eye_array(a.shape[0], dtype=b.dtype))
    like = b if a.is_matrix else a
    return like.with_entries(arithmetic.total(left.entries, right.entries), format or "csr")


def tril(A: Any, k: int = 0, format: Any = None) -> SparseArray:
    """The entries on a diagonal and below it.

    >>> import adjoint as ad
    >>> ad.sparse.tril(ad.sparse.csr_array([[1.0, 2.0], [3.0, 4.0]])).toarray()
    Tensor([[1., 0.],
            [3., 4.]])
    """
    return _part("tril", A, k, format)


def triu(A: Any, k: int = 0, format: Any = None) -> SparseArray:
    """The entries on a diagonal and above it.

    >>> import adjoint as ad
    >>> ad.sparse.triu(ad.sparse.csr_array([[1.0, 2.0], [3.0, 4.0]])).toarray()
    Tensor([[1., 2.],
            [0., 4.]])
    """
    return _part("triu", A, k, format)


def _part(name: str, A: Any, k: int, format: Any) -> SparseArray:
    a = as_sparse(A) if isinstance(A, SparseArray) or is_sparse(A) else _dense(A)
    found: SparseArray = a._moved(lambda numbers: _scipy(name)(numbers, k, format))
    return found


def find(A: Any) -> tuple[Any, Any, Tensor]:
    """The rows, the columns and the values of the entries.

    SciPy leaves out those that are zero; here none is, as that would depend on their values.

    >>> import adjoint as ad
    >>> ad.sparse.find(ad.sparse.csr_array([[0.5]]))
    (array([0]), array([0]), Tensor([0.5]))
    """
    pattern, values = as_sparse(A).entries
    return pattern.rows, pattern.columns, values


def issparse(x: Any) -> bool:
    """Whether `x` is a sparse matrix or array, of SciPy's or of tensors.

    >>> import adjoint as ad
    >>> ad.sparse.issparse(ad.sparse.eye(2))
    True
    """
    return isinstance(x, SparseArray) or is_sparse(x)


def isspmatrix(x: Any) -> bool:
    """Whether `x` is what SciPy calls a sparse matrix, not an array.

    >>> import adjoint as ad
    >>> ad.sparse.isspmatrix(ad.sparse.eye(2))
    True
    """
    return issparse(x) and as_sparse(x).is_matrix
