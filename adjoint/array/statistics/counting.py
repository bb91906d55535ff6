"""Counting and sets, with NumPy's names. Which elements count is decided by values, so it has no
derivative; the weights that are added up, and the elements that are returned, have one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from adjoint.array.creation.ranges import linspace
from adjoint.array.statistics.descriptive import inexact
from adjoint.array.values import known, known_integers
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import FLOAT64, INT64, as_dtype, normalize_axis, size_of, to_inexact
from adjoint.ops.elementwise.choice import minimum, where
from adjoint.ops.elementwise.comparison import equal, logical_not
from adjoint.ops.indexing.gather import gather, scatter_add
from adjoint.ops.indexing.indexing import take
from adjoint.ops.reductions import extremum
from adjoint.ops.reductions.reduction import any as any_of
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.reductions.sorting import searchsorted, sort
from adjoint.ops.shape.joining import concat, joined, stack
from adjoint.ops.shape.movement import astype, broadcast_to, reshape

__all__ = [
    "bincount",
    "histogram",
    "histogram2d",
    "histogram_bin_edges",
    "histogramdd",
    "intersect1d",
    "isin",
    "setdiff1d",
    "setxor1d",
    "union1d",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]


_UINT64 = as_dtype("uint64")


class UniqueAllResult(NamedTuple):
    """What `unique_all` returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCountsResult(NamedTuple):
    """What `unique_counts` returns."""

    values: Tensor
    counts: Tensor


class UniqueInverseResult(NamedTuple):
    """What `unique_inverse` returns."""

    values: Tensor
    inverse_indices: Tensor


@public
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each number 0, 1, 2 … stands in the vector `x`, or the sum of its `weights`.

    The weights have a derivative. The values of `x` are needed at once, as they decide the length,
    at least `minlength`. Raises `ShapeError`, `RangeError`, `DTypeError`.

    >>> import adjoint as ad
    >>> ad.bincount([0, 2, 0], weights=ad.asarray([1.0, 2.0, 4.0]))
    Tensor([5., 0., 2.])
    """
    numbers = known_integers(
        "bincount", x if as_tensor(x).size else np.zeros(as_tensor(x).shape, np.int64)
    )
    if numbers.ndim != 1:
        raise ShapeError(f"bincount: x must be a vector, got shape {numbers.shape}")
    if numbers.size and numbers.min() < 0:
        raise RangeError(f"bincount: x must not be negative, got {numbers.min()}")
    if minlength < 0:
        raise RangeError(f"bincount: minlength must not be negative, got {minlength}")
    size = max(int(numbers.max()) + 1 if numbers.size else 0, int(minlength))
    return counted(from_array(numbers.astype(np.int64)), weights, size)


def counted(index: Tensor, weights: Any, size: int) -> Tensor:
    """How often each number below `size` stands in the vector `index`, or the sum of `weights`."""
    if weights is None:
        weights = from_array(np.ones(index.shape, np.int64))
    else:
        weights = as_tensor(weights)
        weights = weights if weights.dtype.kind == "c" else astype(weights, FLOAT64)
    if weights.shape != index.shape:
        raise ShapeError(
            f"bincount: the weights have shape {weights.shape}, what is counted {index.shape}"
        )
    return scatter_add(weights, (index,), (0,), 0, (size,))


def _edges(name: str, x: Tensor, bins: Any, range: Any, weights: Any = None) -> Tensor:
    """The edges of the bins, rising; equally spaced ones move with the data."""
    if isinstance(bins, str):
        return from_array(np.histogram_bin_edges(known(x), bins, range, weights))
    if as_tensor(bins).ndim == 0:
        count = int(bins)
        if count < 1:
            raise RangeError(f"{name}: the number of bins must be at least 1, got {bins}")
        low, high = _range(name, x, range)
        spaced: Tensor = linspace(low, high, count + 1)
        return spaced
    edges = as_tensor(bins)
    if edges.ndim != 1:
        raise ShapeError(f"{name}: the edges of the bins must be a vector, got {edges.shape}")
    if np.any(np.diff(known(edges)) < 0):
        raise RangeError(f"{name}: the edges of the bins must be increasing, got {bins}")
    return edges


def _range(name: str, x: Tensor, range: Any) -> tuple[Any, Any]:
    if range is not None:
        low, high = range
        if known(low) > known(high):
            raise RangeError(f"{name}: the range must be increasing, got {range}")
    elif x.size:
        low, high = extremum.min(x), extremum.max(x)
    else:
        low, high = 0.0, 1.0
    if not (np.isfinite(known(low)) and np.isfinite(known(high))):
        raise RangeError(
            f"{name}: the range from {known(low)} to {known(high)} is not finite; leave out "
            f"what is not a number, or give a range"
        )
    if known(low) == known(high):
        low, high = low - 0.5, high + 0.5
    return inexact(low), inexact(high)


def _numbers(x: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """The bin of each element, and whether it has one; the last holds its right edge too."""
    last = edges.shape[0] - 2
    number = searchsorted(edges, x, side="right") - 1
    number = where(x == edges[-1], last, number)
    inside = (number >= 0) & (number <= last)
    return where(inside, number, 0), inside


def _counts(index: Tensor, inside: Tensor, weights: Any, size: int) -> Tensor:
    if weights is None:
        return scatter_add(astype(inside, INT64), (index,), (0,), 0, (size,))
    weights = as_tensor(weights)
    if weights.size != index.size:
        raise ShapeError(
            f"histogram: {weights.size} weights were given for {index.size} elements; give one each"
        )
    weights = where(inside, reshape(weights, (-1,)), 0)
    return scatter_add(weights, (index,), (0,), 0, (size,))


@public
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Tensor:
    """The edges that `histogram` uses: equally spaced between the ends of `range` or the data.

    >>> import adjoint as ad
    >>> ad.histogram_bin_edges(ad.asarray([1.0, 3.0]), 2)
    Tensor([1., 2., 3.])
    """
    return _edges("histogram_bin_edges", reshape(as_tensor(a), (-1,)), bins, range, weights)


@public
def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Tensor, Tensor]:
    """How many elements fall into each bin, or the sum of their `weights`; and the edges.

    bins: their number, or their edges, rising. density: divide by the total and the widths. The
    counts have a derivative by the weights, with `density` by the edges too; by the elements it is
    0. Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.histogram(ad.asarray([1.0, 2.0, 1.5]), bins=[0.0, 1.5, 3.0])
    (Tensor([1, 2]), Tensor([0. , 1.5, 3. ]))
    """
    x = reshape(as_tensor(a), (-1,))
    edges = _edges("histogram", x, bins, range, weights)
    index, inside = _numbers(x, edges)
    counts = _counts(index, inside, weights, edges.shape[0] - 1)
    if density:
        counts = counts / (edges[1:] - edges[:-1]) / sum(counts)
    return counts, edges


@public
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As `histogram` for points of several coordinates, the rows of `sample` or a list of columns.

    bins, range: one for all coordinates, or one for each.

    >>> import adjoint as ad
    >>> ad.histogramdd(ad.asarray([[0.0, 0.0], [1.0, 1.0]]), 2)[0]
    Tensor([[1., 0.],
            [0., 1.]])
    """
    if isinstance(sample, (list, tuple)):
        points = stack([reshape(as_tensor(c), (-1,)) for c in sample], axis=1)
    else:
        points = as_tensor(sample)
        points = reshape(points, (-1, 1)) if points.ndim == 1 else points
    count = points.shape[1]
    each = [bins] * count if hasattr(bins, "__index__") or isinstance(bins, str) else list(bins)
    if len(each) != count:
        raise ShapeError(f"histogramdd: bins for {len(each)} coordinates, the points have {count}")
    limits = [None] * count if range is None else list(range)
    edges = tuple(
        _edges("histogramdd", points[:, d], each[d], limits[d]) for d in np.arange(count).tolist()
    )
    shape = tuple(e.shape[0] - 1 for e in edges)
    flat, inside = from_array(np.zeros(points.shape[0], np.int64)), as_tensor(True)
    for d, edge in enumerate(edges):
        number, within = _numbers(points[:, d], edge)
        flat, inside = flat * shape[d] + number, inside & within
    found = reshape(_counts(flat, broadcast_to(inside, flat.shape), weights, size_of(shape)), shape)
    found = astype(found, to_inexact(found.dtype))
    if density:
        for d, edge in enumerate(edges):
            found = found / reshape(edge[1:] - edge[:-1], (-1,) + (1,) * (count - d - 1))
        found = found / sum(_counts(flat, inside, weights, size_of(shape)))
    return found, edges


@public
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Tensor, Tensor, Tensor]:
    """As `histogram` for points with the coordinates `x` and `y`: counts, edges of x, edges of y.

    >>> import adjoint as ad
    >>> ad.histogram2d([0.0, 1.0], [0.0, 1.0], 2)[0]
    Tensor([[1., 0.],
            [0., 1.]])
    """
    if not hasattr(bins, "__index__") and len(bins) not in (1, 2):
        bins = [bins, bins]
    found, (first, second) = histogramdd([x, y], bins, range, density, weights)
    return found, first, second


# Sets: elements are compared by value, and each passes its derivative on from where it stood first.


def _at(x: Tensor, places: np.ndarray[Any, Any], axis: int = 0) -> Tensor:
    return gather(x, (from_array(places.astype(np.int64)),), (axis,), axis)


@public
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The elements of `ar` that differ, in rising order; along `axis` the slices that do.

    With return_index also where each stood first, with return_inverse how to put `ar` together
    again, with return_counts how often each stood there. The derivative is that of the element
    that stood first. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.unique(ad.asarray([2.0, 1.0, 2.0]), return_counts=True)
    (Tensor([1., 2.]), Tensor([1, 2]))
    """
    x = as_tensor(ar)
    place = None if axis is None else normalize_axis("unique", axis, x.ndim)
    _, index, inverse, counts = np.unique(
        known(x), True, True, True, axis=place, equal_nan=equal_nan
    )
    values = _at(reshape(x, (-1,)) if place is None else x, index, place or 0)
    chosen = [(return_index, index), (return_inverse, inverse), (return_counts, counts)]
    found = [from_array(np.asarray(part, np.int64)) for wanted, part in chosen if wanted]
    return (values, *found) if found else values


@public
def unique_values(x: Any, /) -> Tensor:
    """The elements of `x` that differ; nan differs from nan.

    >>> import adjoint as ad
    >>> ad.unique_values(ad.asarray([2, 1, 2]))
    Tensor([1, 2])
    """
    result: Tensor = unique(x, equal_nan=False)
    return result


@public
def unique_counts(x: Any, /) -> UniqueCountsResult:
    """The elements of `x` that differ, and how often each stands there.

    >>> import adjoint as ad
    >>> ad.unique_counts(ad.asarray([2, 1, 2])).counts
    Tensor([1, 2])
    """
    return UniqueCountsResult(*unique(x, return_counts=True, equal_nan=False))


@public
def unique_inverse(x: Any, /) -> UniqueInverseResult:
    """The elements of `x` that differ, and which of them stands where in `x`.

    >>> import adjoint as ad
    >>> ad.unique_inverse(ad.asarray([2, 1, 2])).inverse_indices
    Tensor([1, 0, 1])
    """
    return UniqueInverseResult(*unique(x, return_inverse=True, equal_nan=False))


@public
def unique_all(x: Any, /) -> UniqueAllResult:
    """The elements of `x` that differ, where they stood first, which stands where, how often.

    >>> import adjoint as ad
    >>> ad.unique_all(ad.asarray([2, 1, 2])).indices
    Tensor([1, 0])
    """
    return UniqueAllResult(*unique(x, True, True, True, equal_nan=False))


def _both(name: str, ar1: Any, ar2: Any) -> tuple[Tensor, Tensor]:
    first, second = joined(name, (ar1, ar2))
    return reshape(first, (-1,)), reshape(second, (-1,))


@public
def union1d(ar1: Any, ar2: Any) -> Tensor:
    """The elements of either, each once, in rising order.

    >>> import adjoint as ad
    >>> ad.union1d([3.0, 1.0], [1.0, 2.0])
    Tensor([1., 2., 3.])
    """
    result: Tensor = unique(concat(_both("union1d", ar1, ar2)))
    return result


@public
def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """The elements that both have, each once, in rising order; the derivative goes to `ar1`.

    With return_indices also where they stood first in both.

    >>> import adjoint as ad
    >>> ad.intersect1d([3.0, 1.0], [1.0, 2.0])
    Tensor([1.])
    """
    first, second = _both("intersect1d", ar1, ar2)
    _, i, j = np.intersect1d(known(first), known(second), assume_unique, True)
    values = _at(first, i)
    if not return_indices:
        return values
    return values, from_array(i.astype(np.int64)), from_array(j.astype(np.int64))


@public
def isin(
    x1: Any, x2: Any, /, *, invert: bool = False, assume_unique: bool = False, kind: Any = None
) -> Tensor:
    """Whether each element of `x1` is one of those of `x2`; with `invert`, whether it is not.

    nan is not equal to itself. assume_unique and kind are NumPy's, and change nothing.

    >>> import adjoint as ad
    >>> ad.isin(ad.asarray([1, 2, 3]), [2, 5])
    Tensor([False,  True, False])
    """
    first, second = as_tensor(x1), reshape(as_tensor(x2), (-1,))
    if not second.size:
        found = broadcast_to(as_tensor(False), first.shape)
    elif {first.dtype, second.dtype} == {INT64, _UINT64}:  # no dtype holds both, to be sorted in
        found = any_of(equal(reshape(first, (*first.shape, 1)), second), -1)
    else:
        ordered = sort(second)
        place = minimum(searchsorted(ordered, first), second.size - 1)
        found = equal(take(ordered, place, axis=0), first)
    return logical_not(found) if invert else found


@public
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Tensor:
    """The elements of `ar1` that `ar2` has not, each once, in rising order.

    >>> import adjoint as ad
    >>> ad.setdiff1d([3.0, 1.0], [1.0, 2.0])
    Tensor([3.])
    """
    first, second = _both("setdiff1d", ar1, ar2)
    given = first if assume_unique else unique(first)
    return _at(given, np.flatnonzero(~np.isin(known(given), known(second))))


@public
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Tensor:
    """The elements that only one of the two has, each once, in rising order.

    >>> import adjoint as ad
    >>> ad.setxor1d([3.0, 1.0], [1.0, 2.0])
    Tensor([2., 3.])
    """
    first, second = _both("setxor1d", ar1, ar2)
    if not assume_unique:
        first, second = unique(first), unique(second)
    result: Tensor = unique(concat([setdiff1d(first, second), setdiff1d(second, first)]))
    return result
