"""det: a determinant by expansion along rows, as the definition has it, and its gradient."""

from __future__ import annotations

from typing import Any

import adjoint as ad
from benchmarks.gradbench.forms import flat

LARGEST = 6
"""The expansion has n! terms, and a traced program holds each of them."""


def minor(a: Any, row: int, columns: tuple[int, ...]) -> Any:
    """The determinant of the rows from `row` on, and of these columns, of a nested list."""
    if len(columns) == 1:
        return a[row][columns[0]]
    total = 0.0
    for place, column in enumerate(columns):
        rest = columns[:place] + columns[place + 1 :]
        total = total + (-1) ** place * (a[row][column] * minor(a, row + 1, rest))
    return total


def determinant(flat_matrix: Any, n: int) -> Any:
    """The determinant of an n × n matrix in row-major order."""
    rows = [[flat_matrix[n * i + j] for j in range(n)] for i in range(n)]
    return minor(rows, 0, tuple(range(n)))


def make(given: Any) -> Any:
    """The determinant, and its gradient; None for a matrix too large to trace."""
    a, n = given["A"], given["ell"]
    if n > LARGEST:
        return None
    primal = ad.compile(lambda a: determinant(a, n))
    gradient = ad.compile(ad.grad(lambda a: determinant(a, n)))
    return {"primal": (lambda: primal(a), flat), "derivative": (lambda: gradient(a), flat)}
