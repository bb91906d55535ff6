"""Where the entries of a sparse matrix stand: a constant, which its values are not.

A pattern has its entries in compressed sparse row (CSR) order: row after row, columns rising,
each place once. It is a static parameter of operations on the values, so equal patterns are equal
and have equal texts, and what is derived from one is made once.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import numpy as np

from adjoint.graph.forking import import_module, new_lock

Array: TypeAlias = "np.ndarray[Any, Any]"

__all__ = ["Pattern", "known_pattern", "pattern_of"]

_LARGEST = np.iinfo(np.int32).max


class Pattern:
    """The rows and columns of the entries of a matrix of `shape`; immutable.

    `indptr` and `indices` are those of SciPy's ``csr_array``: the columns of row i are
    ``indices[indptr[i]:indptr[i + 1]]``.
    """

    def __init__(self, shape: tuple[int, int], indptr: Array, indices: Array) -> None:
        self.shape = shape
        self.indptr = indptr
        self.indices = indices
        self._hash = hash((shape, indptr.tobytes(), indices.tobytes()))

    @property
    def size(self) -> int:
        """How many entries there are."""
        return int(self.indices.size)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Pattern)
            and self._hash == other._hash
            and self.shape == other.shape
            and np.array_equal(self.indptr, other.indptr)
            and np.array_equal(self.indices, other.indices)
        )

    def __reduce__(self) -> Any:
        return Pattern, (self.shape, self.indptr, self.indices)

    def __repr__(self) -> str:
        return f"Pattern({self.shape}, {self.size}, {self._digest})"

    @cached_property
    def _digest(self) -> str:
        found = sha256(self.indptr.astype(np.int64).tobytes())
        found.update(self.indices.astype(np.int64).tobytes())
        return found.hexdigest()[:32]

    @cached_property
    def rows(self) -> Array:
        """The row of each entry."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    @cached_property
    def columns(self) -> Array:
        """The column of each entry."""
        return self.indices.astype(np.intp)

    @cached_property
    def by_columns(self) -> Array:
        """The entries in compressed sparse column order: the numbers that they have here."""
        return np.lexsort((self.rows, self.columns))

    @cached_property
    def transposed(self) -> Pattern:
        """The pattern of the transpose, whose entries are these in the order `by_columns`."""
        order = self.by_columns
        return pattern_at(self.columns[order], self.rows[order], self.shape[::-1])

    def matrix(self, values: Array) -> Any:
        """SciPy's ``csr_array`` with these values."""
        made = import_module("scipy.sparse").csr_array(
            (values, self.indices, self.indptr), shape=self.shape
        )
        made.has_canonical_format = True
        return made


_known: WeakValueDictionary[Pattern, Pattern] = WeakValueDictionary()
_lock = new_lock()


def pattern_at(rows: Array, columns: Array, shape: tuple[int, int]) -> Pattern:
    """The pattern with entries at these places, which are in its order."""
    indptr = np.zeros(shape[0] + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=shape[0]), out=indptr[1:])
    return known_pattern(shape, indptr, columns)


def known_pattern(shape: tuple[int, int], indptr: Array, indices: Array) -> Pattern:
    """The one pattern of entries that are given as `Pattern` keeps them; the arrays are copied."""
    kind = np.int32 if max(indices.size, *shape) <= _LARGEST else np.int64
    made = Pattern(shape, indptr.astype(kind), indices.astype(kind))
    with _lock:
        return _known.setdefault(made, made)


def pattern_of(
    rows: Array, columns: Array, shape: tuple[int, int]
) -> tuple[Pattern, Array | None, bool]:
    """The pattern of entries in any order, of which several may stand at the same place.

    With it come, for each entry, which of the pattern it is, None if that is its own number, and
    whether all are at places of their own.
    """
    keys = rows.astype(np.int64) * max(shape[1], 1) + columns
    if keys.size < 2 or bool(np.all(keys[1:] > keys[:-1])):
        return pattern_at(rows, columns, shape), None, True
    found, places = np.unique(keys, return_inverse=True)
    pattern = pattern_at(found // max(shape[1], 1), found % max(shape[1], 1), shape)
    return pattern, places.reshape(-1), found.size == keys.size
