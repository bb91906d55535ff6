"""Distances that count in how many elements two points differ, as in ``scipy.spatial.distance``.

They are constant between jumps, so their derivatives by the points are 0; those by weights are not.
The points are rows of truth values, or of numbers that count as true where they are not 0.
"""

from __future__ import annotations

from typing import Any

from adjoint.array.statistics.descriptive import mean
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import (
    equal,
    logical_and,
    logical_not,
    logical_or,
    not_equal,
)
from adjoint.ops.reductions.reduction import sum


def hamming(u: Tensor, v: Tensor, w: Any = None) -> Tensor:
    """The share of the elements that differ."""
    differ = not_equal(u, v)
    result: Tensor = (
        mean(differ.astype(u.dtype), -1) if w is None else sum(differ * (w / sum(w)), -1)
    )
    return result


def jaccard(u: Tensor, v: Tensor, w: Any = None) -> Tensor:
    """The share of those that differ among those of which one is true; 0 where none is."""
    both, one, _ = _counts(u, v, w)
    return _quotient(one, both + one, none=0.0)


def rogerstanimoto(u: Tensor, v: Tensor, w: Any = None) -> Tensor:
    """The share of those that differ, which count twice."""
    both, one, neither = _counts(u, v, w)
    return 2 * one / (both + neither + 2 * one)


def russellrao(u: Tensor, v: Tensor, w: Any = None) -> Tensor:
    """The share of those that are not both true."""
    both, one, neither = _counts(u, v, w)
    return (one + neither) / (both + one + neither)


def sokalsneath(u: Tensor, v: Tensor, w: Any = None) -> Tensor:
    """As `jaccard`, but those that differ count twice."""
    both, one, _ = _counts(u, v, w)
    return 2 * one / (both + 2 * one)


def yule(u: Tensor, v: Tensor, w: Any = None) -> Tensor:
    """2 a b / (c d + a b), with a and b the numbers of those of which the first and the second only
    is true, and c and d of those of which both and neither are."""
    x, y = not_equal(u, 0), not_equal(v, 0)
    both, _, neither = _counts(u, v, w)
    first = _total(logical_and(x, logical_not(y)), w, u.dtype)
    second = _total(logical_and(y, logical_not(x)), w, u.dtype)
    half = first * second
    return _quotient(2 * half, both * neither + half, none=0.0, where_zero=half)


def _counts(u: Tensor, v: Tensor, w: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Of how many elements both, one, and neither are true, by their weights."""
    x, y = not_equal(u, 0), not_equal(v, 0)
    found = logical_and(x, y), not_equal(x, y), logical_not(logical_or(x, y))
    both, one, neither = (_total(part, w, u.dtype) for part in found)
    return both, one, neither


def _total(truths: Tensor, w: Any, dtype: Any) -> Tensor:
    return sum(truths.astype(dtype) if w is None else truths * w, -1)


def _quotient(a: Tensor, b: Tensor, none: float, where_zero: Tensor | None = None) -> Tensor:
    """a / b; `none` where b, or another number, is 0."""
    is_none = equal(b if where_zero is None else where_zero, 0)
    return where(is_none, none, a / where(is_none, 1.0, b))
