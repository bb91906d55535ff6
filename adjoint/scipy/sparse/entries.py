"""How a sparse matrix of tensors is kept: SciPy's own matrix, in which numbers stand for values.

``numbers`` is a matrix or an array of SciPy's in any of its formats. Where it holds k, the value is
element k - 1 of ``values``, a tensor with one axis. So what only moves entries about (transposes,
slices, blocks, conversions) is done by SciPy itself, to the numbers, and moves no value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import promote
from adjoint.ops.linalg.sparse import at_entries, summed_at
from adjoint.ops.linalg.sparse_pattern import Array, Pattern, known_pattern, pattern_of
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import reshape

__all__ = [
    "canonical",
    "chosen",
    "constant_entries",
    "container",
    "dense_at",
    "is_apart",
    "is_sparse",
    "joined",
    "numbers_of",
    "plain_values",
    "with_numbers",
]

_KEEPING_VALUES = ("csr", "csc", "coo")
"""The formats whose data are the values of the entries, one after the other."""


def is_sparse(x: Any) -> bool:
    """Whether `x` is a sparse matrix or array of SciPy's."""
    return type(x).__module__.startswith("scipy.sparse") and bool(
        import_module("scipy.sparse").issparse(x)
    )


def container(like: Any, form: str | None = None) -> Any:
    """SciPy's class of a format, by default that of `like`: of matrices if `like` is one."""
    sparse = import_module("scipy.sparse")
    kind = "matrix" if isinstance(like, sparse.spmatrix) else "array"
    return getattr(sparse, f"{form or like.format}_{kind}")


def with_numbers(found: Any, first: int = 1) -> Any:
    """SciPy's matrix with numbers from `first` in place of its values."""
    if found.format not in _KEEPING_VALUES:
        found = found.tocoo()
    numbers = np.arange(first, first + found.nnz, dtype=np.int64)
    if found.format == "coo":
        return type(found)((numbers, found.coords), shape=found.shape)
    kept = (numbers, found.indices.copy(), found.indptr.copy())
    return type(found)(kept, shape=found.shape)


def plain_values(found: Any) -> Tensor:
    """The values of SciPy's matrix in the order of its numbers; its data may be a tensor."""
    kept = found if found.format in _KEEPING_VALUES else found.tocoo()
    values: Tensor = as_tensor(kept.data)
    if values.shape != (kept.nnz,):
        raise ShapeError(
            f"scipy.sparse: a matrix with {kept.nnz} entries needs data of shape {(kept.nnz,)}, "
            f"got {values.shape}"
        )
    return values


def numbers_of(x: Tensor, first: int = 1) -> Array:
    """An array in the shape of `x` with numbers for its elements."""
    return np.arange(first, first + x.size, dtype=np.int64).reshape(x.shape)


def joined(parts: list[Tensor]) -> Tensor:
    """The values of several matrices behind one another, in the dtype in which they meet."""
    if len(parts) == 1:
        return parts[0]
    dtype = promote(*(x.node.dtype for x in parts))
    return concat([reshape(as_tensor(x, dtype), (-1,)) for x in parts])


def is_apart(numbers: Any) -> bool:
    """Whether no two entries stand at the same place."""
    if numbers.format == "coo":
        if numbers.ndim == 2:
            return bool(numbers.tocsr().nnz == numbers.nnz)
        places = np.sort(np.ravel_multi_index(numbers.coords, numbers.shape))
        return bool(np.all(places[1:] > places[:-1]))
    return numbers.format not in ("csr", "csc") or bool(numbers.has_canonical_format)


def numbers_at(numbers: Any) -> tuple[Array, Array, Array]:
    """The rows and columns of the entries of a matrix of numbers, and the numbers there."""
    if numbers.ndim > 2:
        raise ArgumentError(
            f"scipy.sparse: an array of {numbers.ndim} axes is not supported on values that are "
            f"differentiated; give it two axes by reshape"
        )
    found = numbers.tocoo()
    rows = found.coords[0] if numbers.ndim == 2 else np.zeros(found.nnz, np.int64)
    return rows, found.coords[-1], found.data


def canonical(numbers: Any, values: Tensor) -> tuple[Pattern, Tensor]:
    """The pattern of a matrix and the values at its entries, those at the same place added up.

    What has one axis is taken for a row.
    """
    rows, columns, found = numbers_at(numbers)
    shape = numbers.shape if numbers.ndim == 2 else (1, *numbers.shape)
    pattern, places, apart = pattern_of(rows, columns, shape)
    order = found - 1
    if places is None:
        return pattern, chosen(values, order)
    if apart:
        back = np.empty_like(order)
        back[places] = order
        return pattern, chosen(values, back)
    return pattern, summed_at(chosen(values, order), places, pattern.size)


def constant_entries(found: Any) -> tuple[Pattern, Tensor]:
    """The pattern and the values of a matrix of SciPy's; its data may be a tensor."""
    if isinstance(getattr(found, "data", None), Tensor) or found.ndim != 2:
        return canonical(with_numbers(found), plain_values(found))
    rows = found.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return known_pattern(rows.shape, rows.indptr, rows.indices), as_tensor(rows.data)


def chosen(values: Tensor, order: Array) -> Tensor:
    """The elements of `values` at constant places."""
    if order.size == values.size and np.array_equal(order, np.arange(order.size)):
        return values
    return at_entries(values, order)


def dense_at(numbers: Any, values: Tensor) -> Tensor:
    """The values at numbers in an array, zero where the number is 0."""
    numbers = np.asarray(numbers, np.int64)
    if numbers.size and numbers.min() > 0:
        return reshape(at_entries(values, numbers.reshape(-1) - 1), numbers.shape)
    zero = from_array(np.zeros(1, values.dtype))
    found = at_entries(concat([zero, values]), numbers.reshape(-1))
    return reshape(found, numbers.shape)
