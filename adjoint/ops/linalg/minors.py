"""Determinants and cofactors of matrices of up to three rows, written out.

Native code computes them in loops over stacks, where a decomposition of each would cost more.
"""

from __future__ import annotations

import numpy as np

from adjoint.graph.tensor import Tensor, from_array
from adjoint.ops.indexing.gather import gather
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.movement import reshape

LARGEST = 3


def small_det(a: Tensor) -> Tensor:
    """The determinant: the first row times its cofactors."""
    size = a.shape[-1]
    row = _flat(a, np.arange(size))
    return sum(row * _cofactors(a, a, np.arange(size)), -1) if size > 1 else sum(row, -1)


def small_cofactors(a: Tensor) -> Tensor:
    """The matrix of the cofactors."""
    places = np.arange(a.shape[-1] ** 2)
    return reshape(_cofactors(a, a, places), a.shape)


def small_cofactors_along(a: Tensor, x: Tensor) -> Tensor:
    """The slope of the cofactors along X."""
    size = a.shape[-1]
    places = np.arange(size * size)
    if size == 1:
        found = _flat(a * x, places) * 0.0
    elif size == 2:
        found = _cofactors(x, a, places)
    else:
        found = _cofactors(a, x, places) + _cofactors(x, a, places)
    return reshape(found, (*found.shape[:-1], size, size))


def small_cofactors_by(x: Tensor, y: Tensor) -> Tensor:
    """The second slope of the cofactors, along X and Y: they are of second degree at most."""
    return small_cofactors_along(y, x) if x.shape[-1] == LARGEST else x * y * 0.0


def _cofactors(a: Tensor, b: Tensor, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tensor:
    """The cofactors of the elements at `places`, with one factor of each product from `b`."""
    size = a.shape[-1]
    i, j = np.divmod(places, size)
    if size == 1:
        return _flat(a, places) * 0.0 + 1.0
    if size == 2:
        signs = from_array(np.where(i == j, 1, -1).astype(a.dtype))
        return signs * _flat(a, (1 - i) * 2 + 1 - j)

    def at(x: Tensor, down: int, right: int) -> Tensor:
        return _flat(x, (i + down) % 3 * 3 + (j + right) % 3)

    return at(a, 1, 1) * at(b, 2, 2) - at(a, 1, 2) * at(b, 2, 1)


def _flat(x: Tensor, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tensor:
    """Elements of each matrix, by their places in row-major order."""
    lead = x.ndim - 2
    flat = reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1]))
    return gather(flat, (from_array(places),), (lead,), lead)
