"""How a sparse Jacobian or Hessian is found: its pattern, colors, and the place of each number."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module

Array: TypeAlias = "np.ndarray[Any, Any]"
Pattern: TypeAlias = Any
"""A `scipy.sparse.csr_array` of booleans."""


@dataclass(frozen=True)
class SparsePlan:
    """How a sparse derivative is evaluated; made once for each structure of arguments.

    `pattern` says which elements may be other than zero, a `scipy.sparse.csr_array` of booleans.
    Columns with one number in `column_colors` share a forward sweep; so do rows with one number in
    `row_colors` a reverse sweep; -1 stands for none. `seconds` says how long detecting the pattern
    and coloring it took.
    """

    kind: str
    pattern: Pattern
    column_colors: Array
    row_colors: Array
    places: Array
    """For each nonzero where it is among all results of the sweeps, the forward ones first."""
    seconds: dict[str, float]

    @property
    def forward(self) -> int:
        """How many forward sweeps are made."""
        return int(self.column_colors.max(initial=-1)) + 1

    @property
    def reverse(self) -> int:
        """How many reverse sweeps are made."""
        return int(self.row_colors.max(initial=-1)) + 1

    def __str__(self) -> str:
        rows, columns = self.pattern.shape
        share = self.pattern.nnz / max(rows * columns, 1)
        sweep = "products with the Hessian" if self.kind == "hessian" else "forward sweeps"
        lines = [
            f"{self.kind} of shape ({rows:,}, {columns:,}), {self.pattern.nnz:,} elements may be "
            f"other than zero ({share:.2%})",
            f"{self.forward} {sweep} for {columns:,} columns"
            + (f", {self.reverse} reverse sweeps for as many rows" if self.reverse else ""),
            ", ".join(f"{name}: {1e3 * t:.3g} ms" for name, t in self.seconds.items()),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        rows, columns = self.pattern.shape
        return (
            f"<SparsePlan of a {self.kind}, {rows}×{columns}, {self.pattern.nnz} nonzeros, "
            f"{self.forward} forward and {self.reverse} reverse sweeps>"
        )


def jacobian_plan(pattern: Pattern, detecting: float) -> SparsePlan:
    """A plan for a Jacobian: columns by forward sweeps, with a few dense rows by reverse ones, or
    the other way round."""
    start = time.perf_counter()
    pattern.sort_indices()
    turned = pattern.T.tocsr()
    dense_rows, _ = _dense_lines(pattern)
    by_columns = _colored_columns(pattern, turned, dense_rows)
    best = by_columns, dense_rows, False
    dense_columns, bound = _dense_lines(turned)
    if bound < _count(by_columns) + len(dense_rows):
        by_rows = _colored_columns(turned, pattern, dense_columns)
        if _count(by_rows) + len(dense_columns) < _count(by_columns) + len(dense_rows):
            best = by_rows, dense_columns, True
    colors, alone, is_turned = best
    others = np.full(pattern.shape[1] if is_turned else pattern.shape[0], -1)
    others[alone] = np.arange(len(alone))
    columns, rows = (others, colors) if is_turned else (colors, others)
    places = _places(pattern, columns, rows, is_turned)
    seconds = {"detect": detecting, "color": time.perf_counter() - start}
    return SparsePlan("jacobian", pattern, columns, rows, places, seconds)


def hessian_plan(pattern: Pattern, detecting: float) -> SparsePlan:
    """A plan for a Hessian, which is symmetric: a star coloring of its graph."""
    start = time.perf_counter()
    pattern = (pattern + pattern.T).tocsr()
    pattern.sort_indices()
    graph = without_diagonal(pattern)
    alone, _ = _dense_lines(graph)
    colors = np.full(pattern.shape[0], -1)
    colors[alone] = np.arange(len(alone))
    rest = np.flatnonzero(colors < 0)
    used = np.diff(pattern.indptr) > 0
    colors = _coloring().star_color((graph.indptr, graph.indices), rest[used[rest]], colors)
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    columns = pattern.indices.astype(np.int64)
    count = pattern.shape[0]
    key = rows * (int(colors.max(initial=-1)) + 1) + colors[columns]
    _, inverse, times = np.unique(key, return_inverse=True, return_counts=True)
    single = times[inverse] == 1
    places = np.where(single, colors[columns] * count + rows, colors[rows] * count + columns)
    seconds = {"detect": detecting, "color": time.perf_counter() - start}
    none = np.full(count, -1)
    return SparsePlan("hessian", pattern, colors, none, places, seconds)


def _coloring() -> Any:
    return import_module("adjoint.backends.llvm.system.coloring")


def without_diagonal(pattern: Pattern) -> Pattern:
    """The pattern of pairs of different indices."""
    sparse = import_module("scipy.sparse")
    pairs = pattern.tocoo()
    off = pairs.row != pairs.col
    data = np.ones(int(off.sum()), bool)
    return sparse.csr_array((data, (pairs.row[off], pairs.col[off])), shape=pattern.shape)


def _dense_lines(pattern: Pattern) -> tuple[Array, int]:
    """Rows so full that a sweep for each spares others more, and how many sweeps are needed then,
    at least: as many as there are elements in the fullest of the others."""
    counts = np.diff(pattern.indptr)
    order = np.argsort(-counts, kind="stable")
    left = np.append(counts[order], 0)
    needed = np.arange(len(left)) + left
    best = int(np.argmin(needed))
    return np.sort(order[:best]), int(needed[best])


def _colored_columns(pattern: Pattern, turned: Pattern, dense_rows: Array) -> Array:
    """Colors for the columns, of which no two of one color share a row that is not dense; -1 for
    those that stand in no other row."""
    if len(dense_rows):
        kept = np.ones(pattern.shape[0], bool)
        kept[dense_rows] = False
        diagonal = import_module("scipy.sparse").diags_array(kept, dtype=bool).tocsr()
        pattern = (diagonal @ pattern).tocsr()
        pattern.eliminate_zeros()
        turned = pattern.T.tocsr()
    rows, columns = ((p.indptr, p.indices) for p in (pattern, turned))
    counts = np.diff(turned.indptr)
    used = np.flatnonzero(counts)
    colors: Array = _coloring().color_columns(rows, columns, used)
    if _count(colors) > np.diff(pattern.indptr).max(initial=0):  # the fewest there can be
        fullest_first = used[np.argsort(-counts[used], kind="stable")]
        others: Array = _coloring().color_columns(rows, columns, fullest_first)
        colors = min(colors, others, key=_count)
    return colors


def _count(colors: Array) -> int:
    return int(colors.max(initial=-1)) + 1


def _places(pattern: Pattern, columns: Array, rows: Array, is_turned: bool) -> Array:
    """Where each nonzero is among the results of forward and reverse sweeps.

    A line that has a sweep of its own is read from that; else columns share forward sweeps, or,
    `is_turned`, rows reverse ones.
    """
    m, n = pattern.shape
    row = np.repeat(np.arange(m), np.diff(pattern.indptr))
    column = pattern.indices.astype(np.int64)
    by_forward = columns[column] * m + row
    by_reverse = _count(columns) * m + rows[row] * n + column
    is_forward = columns[column] >= 0 if is_turned else rows[row] < 0
    places: Array = np.where(is_forward, by_forward, by_reverse)
    return places


def seeds_of(colors: Array, count: int, dtype: Any) -> Array:
    """A direction for each color: ones where something has it."""
    seeds = np.zeros((count, len(colors)), dtype)
    there = colors >= 0
    seeds[colors[there], np.flatnonzero(there)] = 1
    return seeds
