"""Sums, means, extrema of the parts of an array that labels tell apart. Composites.

The labels are constant. Without labels all elements are one part, without an index those with
positive labels are; with several numbers as index there is one result for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adjoint.array.statistics.counting import bincount
from adjoint.array.statistics.descriptive import median as median_of
from adjoint.array.statistics.descriptive import std, var
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.indexing.indexing import take
from adjoint.ops.reductions import reduction
from adjoint.ops.reductions.extremum import max as greatest
from adjoint.ops.reductions.extremum import min as least
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import astype, broadcast_to, reshape
from adjoint.scipy.common import constant, floating

__all__ = [
    "center_of_mass",
    "extrema",
    "labeled_comprehension",
    "maximum",
    "maximum_position",
    "mean",
    "median",
    "minimum",
    "minimum_position",
    "standard_deviation",
    "sum",
    "sum_labels",
    "variance",
]


class Parts(NamedTuple):
    """The elements in one row, the shape they had, and the places of each part in the row."""

    elements: Tensor
    shape: tuple[int, ...]
    places: list[np.ndarray[Any, Any]]
    is_one: bool

    def each(self, f: Callable[[Tensor], Any], missing: Any) -> Tensor:
        """`f` of each part, or what stands for one without elements."""
        found = [
            as_tensor(f(take(self.elements, at, axis=0))) if at.size else as_tensor(missing)
            for at in self.places
        ]
        return found[0] if self.is_one else _rows(found, self.elements.dtype)


def _rows(found: list[Tensor], dtype: Any) -> Tensor:
    """One result for each part, of which there may be none."""
    rows: Tensor = stack(found) if found else from_array(np.zeros(0, dtype))
    return rows


def _parts(name: str, input: Any, labels: Any, index: Any) -> Parts:
    x = floating(input)
    if labels is None:
        return Parts(reshape(x, (-1,)), x.shape, [np.arange(x.size)], True)
    marks = constant(name, "labels", labels)
    try:
        shape = np.broadcast_shapes(x.shape, marks.shape)
    except ValueError:
        raise ShapeError(
            f"{name}: the labels have shape {marks.shape}, and the array {x.shape}"
        ) from None
    marks = np.broadcast_to(marks, shape).ravel()
    row = reshape(broadcast_to(x, shape), (-1,))
    if index is None:
        return Parts(row, shape, [np.flatnonzero(marks > 0)], True)
    wanted = constant(name, "index", index)
    if wanted.ndim > 1:
        raise ShapeError(f"{name}: index must be a number or a vector, got shape {wanted.shape}")
    order = np.argsort(marks, kind="stable")
    ordered = marks[order]
    first, end = (np.searchsorted(ordered, wanted.ravel(), side) for side in ("left", "right"))
    places = [order[a:b] for a, b in zip(first, end, strict=True)]
    return Parts(row, shape, places, wanted.ndim == 0)


def _sums(parts: Parts) -> Tensor:
    if parts.is_one:
        total: Tensor = reduction.sum(take(parts.elements, parts.places[0], axis=0))
        return total
    numbers = np.repeat(np.arange(len(parts.places)), [at.size for at in parts.places])
    chosen = take(parts.elements, np.concatenate([*parts.places, np.zeros(0, int)]), axis=0)
    return astype(bincount(numbers, chosen, len(parts.places)), chosen.dtype)


def sum_labels(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The sum of each part.

    >>> from adjoint.scipy.ndimage import sum_labels
    >>> sum_labels([1.0, 2.0, 4.0], [1, 2, 1], [1, 2])
    Tensor([5., 2.])
    """
    return _sums(_parts("scipy.ndimage.sum_labels", input, labels, index))


def sum(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The same as `sum_labels`.

    >>> from adjoint.scipy.ndimage import sum
    >>> sum([1.0, 2.0, 4.0], [1, 2, 1], 1)
    Tensor(5.)
    """
    return _sums(_parts("scipy.ndimage.sum", input, labels, index))


def mean(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The mean of each part; nan of one without elements.

    >>> from adjoint.scipy.ndimage import mean
    >>> mean([1.0, 2.0, 4.0], [1, 2, 1], [1, 2])
    Tensor([2.5, 2. ])
    """
    parts = _parts("scipy.ndimage.mean", input, labels, index)
    counts = np.array([at.size for at in parts.places], float)
    divisor = from_array((counts[0] if parts.is_one else counts).astype(parts.elements.real.dtype))
    return as_tensor(_sums(parts) / divisor)


def variance(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The variance of each part, divided by the number of elements; nan of one without any.

    >>> from adjoint.scipy.ndimage import variance
    >>> variance([1.0, 2.0, 4.0], [1, 2, 1], [1, 2])
    Tensor([2.25, 0.  ])
    """
    return _parts("scipy.ndimage.variance", input, labels, index).each(var, np.nan)


def standard_deviation(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The square root of the variance of each part; where that is 0 the derivative is 0.

    >>> from adjoint.scipy.ndimage import standard_deviation
    >>> standard_deviation([1.0, 2.0, 4.0], [1, 2, 1], [1, 2])
    Tensor([1.5, 0. ])
    """
    return _parts("scipy.ndimage.standard_deviation", input, labels, index).each(std, np.nan)


def minimum(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The least element of each part; 0 of one without elements.

    >>> from adjoint.scipy.ndimage import minimum
    >>> minimum([1.0, 2.0, 4.0], [1, 2, 1], [1, 2])
    Tensor([1., 2.])
    """
    return _parts("scipy.ndimage.minimum", input, labels, index).each(least, 0.0)


def maximum(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The greatest element of each part; 0 of one without elements.

    >>> from adjoint.scipy.ndimage import maximum
    >>> maximum([1.0, 2.0, 4.0], [1, 2, 1], [1, 2])
    Tensor([4., 2.])
    """
    return _parts("scipy.ndimage.maximum", input, labels, index).each(greatest, 0.0)


def median(input: Any, labels: Any = None, index: Any = None) -> Tensor:
    """The median of each part; nan of one without elements.

    >>> from adjoint.scipy.ndimage import median
    >>> median([1.0, 2.0, 4.0], [1, 2, 1], [1, 2])
    Tensor([2.5, 2. ])
    """
    return _parts("scipy.ndimage.median", input, labels, index).each(median_of, np.nan)


def center_of_mass(input: Any, labels: Any = None, index: Any = None) -> Any:
    """The mean of the places in each part, weighted by the elements: a tuple of coordinates, or a
    list of such tuples.

    >>> from adjoint.scipy.ndimage import center_of_mass
    >>> center_of_mass([1.0, 2.0, 1.0])
    (Tensor(1.),)
    """
    name = "scipy.ndimage.center_of_mass"
    parts = _parts(name, input, labels, index)
    total, found = _sums(parts), []
    for coordinate in np.indices(parts.shape, parts.elements.real.dtype):
        weighted = parts.elements * from_array(coordinate.ravel())
        found.append(_sums(parts._replace(elements=weighted)) / total)
    if parts.is_one:
        return tuple(found)
    return [tuple(x[i] for x in found) for i in range(len(parts.places))]


def _position(name: str, choose: Callable[..., Any], input: Any, labels: Any, index: Any) -> Any:
    parts = _parts(name, input, labels, index)
    values = constant(name, "input", stop_gradient(parts.elements))
    if not all(at.size for at in parts.places):
        raise ArgumentError(f"{name}: there is no element with label {index}")
    best = [at[choose(values[at])] for at in parts.places]
    found = [tuple(map(int, np.unravel_index(place, parts.shape))) for place in best]
    return found[0] if parts.is_one else found


def minimum_position(input: Any, labels: Any = None, index: Any = None) -> Any:
    """The place of the least element of each part: a tuple of integers, or a list of them.

    >>> from adjoint.scipy.ndimage import minimum_position
    >>> minimum_position([[3.0, 1.0], [2.0, 4.0]])
    (0, 1)
    """
    return _position("scipy.ndimage.minimum_position", np.argmin, input, labels, index)


def maximum_position(input: Any, labels: Any = None, index: Any = None) -> Any:
    """The place of the greatest element of each part: a tuple of integers, or a list of them.

    >>> from adjoint.scipy.ndimage import maximum_position
    >>> maximum_position([[3.0, 1.0], [2.0, 4.0]])
    (1, 1)
    """
    return _position("scipy.ndimage.maximum_position", np.argmax, input, labels, index)


def extrema(input: Any, labels: Any = None, index: Any = None) -> Any:
    """The least and the greatest element of each part, and their places.

    >>> from adjoint.scipy.ndimage import extrema
    >>> extrema([3.0, 1.0, 2.0])
    (Tensor(1.), Tensor(3.), (1,), (0,))
    """
    given = (input, labels, index)
    return minimum(*given), maximum(*given), minimum_position(*given), maximum_position(*given)


def labeled_comprehension(
    input: Any,
    labels: Any,
    index: Any,
    func: Callable[..., Any],
    out_dtype: Any,
    default: Any,
    pass_positions: bool = False,
) -> Tensor:
    """`func` of the elements of each part, and of their places in the row of all elements with
    `pass_positions`; `default` for one without elements.

    >>> import adjoint as ad
    >>> from adjoint.scipy.ndimage import labeled_comprehension
    >>> labeled_comprehension([1.0, 2.0, 4.0], [1, 2, 1], [1, 2, 3], ad.sum, float, -1)
    Tensor([ 5.,  2., -1.])
    """
    parts = _parts("scipy.ndimage.labeled_comprehension", input, labels, index)
    found = []
    for at in parts.places:
        chosen = take(parts.elements, at, axis=0)
        known = as_tensor(default)
        if at.size or index is None:
            known = as_tensor(func(chosen, at) if pass_positions else func(chosen))
        found.append(astype(known, np.dtype(out_dtype)) if index is not None else known)
    return found[0] if parts.is_one else _rows(found, np.dtype(out_dtype))
