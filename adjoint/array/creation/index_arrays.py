"""Tensors of indices, and tensors that are made of them, with NumPy's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

from adjoint.array.creation.constructors import asarray, eye
from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import as_dtype, as_shape
from adjoint.ops.shape.movement import astype

__all__ = [
    "diag_indices",
    "diag_indices_from",
    "fromfunction",
    "fromiter",
    "identity",
    "indices",
    "tril_indices",
    "tril_indices_from",
    "triu_indices",
    "triu_indices_from",
]


def _tensors(found: Iterable[np.ndarray[Any, Any]]) -> tuple[Tensor, ...]:
    return tuple(from_array(np.ascontiguousarray(part, np.int64)) for part in found)


def identity(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix of `n` rows, float64 unless told otherwise.

    >>> import adjoint as ad
    >>> ad.identity(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return eye(n, dtype=dtype)


def indices(dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    """For each axis of the shape `dimensions` the index of every element along it, stacked.

    sparse: a tuple of tensors instead, each with as many elements as its axis, which broadcast to
    the same. Raises `ShapeError` and `DTypeError` for what is no shape.

    >>> import adjoint as ad
    >>> ad.indices((1, 3))
    Tensor([[[0, 0, 0]],
    <BLANKLINE>
            [[0, 1, 2]]])
    """
    shape = as_shape("indices", dimensions)
    wanted = as_dtype(dtype)
    if sparse:
        return tuple(asarray(part) for part in np.indices(shape, wanted, sparse=True))
    return asarray(np.indices(shape, wanted))


def diag_indices(n: int, ndim: int = 2) -> tuple[Tensor, ...]:
    """The indices of the diagonal of a tensor with `ndim` axes of size `n`.

    >>> import adjoint as ad
    >>> ad.eye(3)[ad.diag_indices(3)]
    Tensor([1., 1., 1.])
    """
    return _tensors(np.diag_indices(n, ndim))


def diag_indices_from(arr: Any) -> tuple[Tensor, ...]:
    """The indices of the diagonal of `arr`, of which only the shape counts.

    Raises `ShapeError` unless it has 2 axes or more, all of the same size.

    >>> import adjoint as ad
    >>> ad.diag_indices_from(ad.eye(2))
    (Tensor([0, 1]), Tensor([0, 1]))
    """
    shape = as_tensor(arr).shape
    if len(shape) < 2 or len(set(shape)) > 1:
        raise ShapeError(
            f"diag_indices_from: shape {shape} has no diagonal; expected 2 axes or more, all of "
            f"the same size"
        )
    return diag_indices(shape[0], len(shape))


def tril_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, ...]:
    """The indices of what lies on and below the diagonal `k` of `n` rows and `m` columns.

    >>> import adjoint as ad
    >>> ad.tril_indices(2)
    (Tensor([0, 1, 1]), Tensor([0, 0, 1]))
    """
    return _tensors(np.tril_indices(n, k, m))


def triu_indices(n: int, k: int = 0, m: int | None = None) -> tuple[Tensor, ...]:
    """The indices of what lies on and above the diagonal `k` of `n` rows and `m` columns.

    >>> import adjoint as ad
    >>> ad.triu_indices(2)
    (Tensor([0, 0, 1]), Tensor([0, 1, 1]))
    """
    return _tensors(np.triu_indices(n, k, m))


def tril_indices_from(arr: Any, k: int = 0) -> tuple[Tensor, ...]:
    """`tril_indices` for the shape of the matrix `arr`. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.tril_indices_from(ad.eye(2), -1)
    (Tensor([1]), Tensor([0]))
    """
    rows, columns = _matrix_shape("tril_indices_from", arr)
    return tril_indices(rows, k, columns)


def triu_indices_from(arr: Any, k: int = 0) -> tuple[Tensor, ...]:
    """`triu_indices` for the shape of the matrix `arr`. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.triu_indices_from(ad.eye(2), 1)
    (Tensor([0]), Tensor([1]))
    """
    rows, columns = _matrix_shape("triu_indices_from", arr)
    return triu_indices(rows, k, columns)


def _matrix_shape(name: str, arr: Any) -> tuple[int, ...]:
    shape = as_tensor(arr).shape
    if len(shape) != 2:
        raise ShapeError(f"{name}: expected a matrix, got shape {shape}")
    return shape


def fromfunction(
    function: Callable[..., Any], shape: Any, *, dtype: Any = float, **kwargs: Any
) -> Any:
    """What `function` makes of `indices(shape, dtype)`, given one tensor for each axis.

    >>> import adjoint as ad
    >>> ad.fromfunction(lambda i, j: 10 * i + j, (2, 2), dtype=int)
    Tensor([[ 0,  1],
            [10, 11]])
    """
    return function(*indices(shape, dtype), **kwargs)


def fromiter(iter: Iterable[Any], dtype: Any, count: int = -1) -> Tensor:
    """A tensor of `dtype` with one axis that holds the numbers that `iter` gives.

    count: how many are read, -1 for all. Raises `ShapeError` if there are fewer.

    >>> import adjoint as ad
    >>> ad.fromiter((i * i for i in range(4)), float)
    Tensor([0., 1., 4., 9.])
    """
    wanted = as_dtype(dtype)
    given = list(islice(iter, count) if count >= 0 else iter)
    if len(given) < count:
        raise ShapeError(f"fromiter: asked for {count} elements, but there are only {len(given)}")
    found = asarray(given) if given else asarray(np.zeros(0, wanted))
    if found.ndim != 1:
        raise ShapeError(
            f"fromiter: expected numbers, got elements of shape {found.shape[1:]}; use stack"
        )
    return astype(found, wanted)
