"""The values of `gather` and of what writes at indices, by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.ops.indexing.bounds import check_bounds

Array: TypeAlias = "np.ndarray[Any, Any]"
Axes: TypeAlias = tuple[int, ...]

_MANY = 100_000
"""From so many numbers on their sums are worth a product with a sparse matrix, 20 times as fast."""
_IN_SPARSE = tuple(map(np.dtype, ("float32", "float64", "complex64", "complex128")))


def gather_values(x: Array, indices: Sequence[Array], axes: Axes, position: int) -> Any:
    """What `gather` returns."""
    if len(axes) == 1 and position == axes[0]:
        return np.take(x, indices[0], axis=axes[0])
    where: list[Any] = [slice(None)] * x.ndim
    for axis, index in zip(axes, indices, strict=True):
        where[axis] = index
    found = x[tuple(where)]
    neighbours = axes[-1] - axes[0] == len(axes) - 1
    natural = axes[0] if neighbours else 0
    if natural == position:
        return found
    rank = found.ndim - x.ndim + len(axes)
    return np.moveaxis(found, range(natural, natural + rank), range(position, position + rank))


def flat_places(indices: Sequence[Array], axes: Axes, sizes: Axes) -> Array:
    """The index tensors as one, into the flattened axes; negative indices count from the end."""
    flat: Array = np.zeros((), np.int64)
    for index, axis, size in zip(indices, axes, sizes, strict=True):
        index = np.asarray(index)
        check_bounds("indexing", index, axis, size)
        flat = flat * size + np.where(index < 0, index + size, index)
    return flat


def block_first(values: Array, position: int, rank: int) -> Array:
    """The array with the `rank` axes from `position` on moved to the front."""
    if not position:
        return values
    return np.moveaxis(values, range(position, position + rank), range(rank))


def sum_rows(places: Array, rows: Array, count: int) -> Array:
    """An array of `count` rows, row i the sum of the `rows` whose place is i."""
    width = rows.shape[1]
    if width == 1 and rows.dtype.kind == "f":
        return np.bincount(places, rows[:, 0], count).astype(rows.dtype).reshape(count, 1)
    result = np.zeros((count, width), rows.dtype)
    if width == 1 and rows.dtype.kind == "c":
        result.real = np.bincount(places, rows[:, 0].real, count).reshape(count, 1)
        result.imag = np.bincount(places, rows[:, 0].imag, count).reshape(count, 1)
        return result
    if rows.size > _MANY and rows.dtype in _IN_SPARSE:
        csc_array = import_module("scipy.sparse").csc_array
        entries = np.ones(places.size, rows.dtype), places, np.arange(places.size + 1)
        product: Array = csc_array(entries, shape=(count, places.size)) @ rows
        return product
    if places.size and width:
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        result[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return result


def last_writers(places: Array, count: int) -> Array:
    """Which entries of `places` are the last with their value."""
    last = np.full(count, -1)
    numbers = np.arange(places.size)
    np.maximum.at(last, places, numbers)
    result: Array = last[places] == numbers
    return result
