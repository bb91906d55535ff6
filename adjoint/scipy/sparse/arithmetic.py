"""Sums and products of sparse matrices, each a pattern and the values of its entries."""

from __future__ import annotations

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import promote
from adjoint.ops.linalg.sparse import at_entries, sparse_matmul, summed_at
from adjoint.ops.linalg.sparse_pattern import Array, Pattern, pattern_of
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.sparse.entries import joined

__all__ = [
    "Entries",
    "common_entries",
    "dense_product",
    "kron",
    "product",
    "scaled",
    "to_dense",
    "total",
]

Entries = tuple[Pattern, Tensor]


def total(*parts: Entries) -> Entries:
    """The sum of matrices of one shape."""
    shape = parts[0][0].shape
    rows = np.concatenate([pattern.rows for pattern, _ in parts])
    columns = np.concatenate([pattern.columns for pattern, _ in parts])
    return _put(joined([values for _, values in parts]), rows, columns, shape)


def _put(values: Tensor, rows: Array, columns: Array, shape: tuple[int, int]) -> Entries:
    """The entries with values at places in any order, those at the same place added up."""
    pattern, places, _ = pattern_of(rows, columns, shape)
    if places is None:
        return pattern, values
    return pattern, summed_at(values, places, pattern.size)


def common_entries(a: Entries, b: Entries) -> Entries:
    """The product element by element, which has entries where both have."""
    width = max(a[0].shape[1], 1)
    left, right = (pattern.rows * width + pattern.columns for pattern, _ in (a, b))
    both, of_a, of_b = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    pattern, _, _ = pattern_of(both // width, both % width, a[0].shape)
    return pattern, at_entries(a[1], of_a) * at_entries(b[1], of_b)


def scaled(a: Entries, factors: Tensor) -> Tensor:
    """The values times the elements of a dense array, which broadcasts to the matrix."""
    pattern, values = a
    try:
        shape = np.broadcast_shapes(factors.shape, pattern.shape)
    except ValueError:
        shape = ()
    if shape != pattern.shape:
        raise ShapeError(
            f"multiply: a sparse matrix of shape {pattern.shape} and an array of shape "
            f"{factors.shape}: the array must broadcast to the matrix; use toarray() where the "
            f"result is to be larger"
        )
    lead = (1,) * (2 - factors.ndim) + factors.shape
    rows = pattern.rows if lead[0] > 1 else 0 * pattern.rows
    columns = pattern.columns if lead[1] > 1 else 0 * pattern.columns
    flat = reshape(factors, (-1,))
    return values * at_entries(flat, rows * lead[1] + columns)


def dense_product(a: Entries, x: Tensor, transposed: bool = False) -> Tensor:
    """The product with a dense vector or matrix on the right."""
    pattern, values = a
    if x.ndim not in (1, 2):
        raise ShapeError(
            f"matmul: a sparse matrix of shape {pattern.shape} is multiplied by a vector or a "
            f"matrix, got shape {x.shape}"
        )
    dtype = promote(values.node.dtype, x.node.dtype)
    values, x = as_tensor(values, dtype), as_tensor(x, dtype)
    if x.ndim == 2:
        return sparse_matmul(values, x, pattern, transposed)
    if x.shape[0] != pattern.shape[0 if transposed else 1]:
        raise ShapeError(
            f"matmul: a sparse matrix of shape {pattern.shape[:: -1 if transposed else 1]} and a "
            f"vector of shape {x.shape} do not fit"
        )
    found = sparse_matmul(values, reshape(x, (x.shape[0], 1)), pattern, transposed)
    return reshape(found, (found.shape[0],))


def product(a: Entries, b: Entries) -> Entries:
    """The product of two sparse matrices, in which no sum is left out for being zero."""
    left, right = a[0], b[0]
    if left.shape[1] != right.shape[0]:
        raise ShapeError(f"matmul: sparse matrices of shapes {left.shape} and {right.shape}")
    starts = right.indptr.astype(np.int64)
    lengths = np.diff(starts)[left.columns]
    of_a = np.repeat(np.arange(left.size), lengths)
    before = np.cumsum(lengths) - lengths
    of_b = np.arange(of_a.size) - before[of_a] + starts[left.columns][of_a]
    shape = (left.shape[0], right.shape[1])
    terms = at_entries(a[1], of_a) * at_entries(b[1], of_b)
    return _put(terms, left.rows[of_a], right.columns[of_b], shape)


def kron(a: Entries, b: Entries) -> Entries:
    """The Kronecker product."""
    left, right = a[0], b[0]
    rows, columns = right.shape
    at_rows = left.rows[:, None] * rows + right.rows
    at_columns = left.columns[:, None] * columns + right.columns
    shape = (left.shape[0] * rows, left.shape[1] * columns)
    values = reshape(a[1], (-1, 1)) * b[1]
    return _put(reshape(values, (-1,)), at_rows.ravel(), at_columns.ravel(), shape)


def to_dense(a: Entries) -> Tensor:
    """The whole matrix."""
    pattern, values = a
    rows, columns = pattern.shape
    found = summed_at(values, pattern.rows * columns + pattern.columns, rows * columns)
    return reshape(found, pattern.shape)
