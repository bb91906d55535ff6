"""Filters that choose among neighbours: extrema, medians, ranks. Composites.

The derivative goes to the element that was chosen. Where several are equal, they share it in
extrema, and in the others it goes to the first. The second derivative is not defined there: it is
nan, with a warning. For medians and ranks, an element seen twice at an edge is equal to itself.
An extremum of nan and numbers is nan; what SciPy returns depends on their order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.indexing.slicing import pick
from adjoint.ops.reductions.extremum import max, min
from adjoint.ops.reductions.sorting import sort
from adjoint.scipy.common import integer, refuse
from adjoint.scipy.ndimage.correlations import axis_of
from adjoint.scipy.ndimage.neighborhoods import Window, neighbors, ordered, repeated, window

__all__ = [
    "maximum_filter",
    "maximum_filter1d",
    "median_filter",
    "minimum_filter",
    "minimum_filter1d",
    "percentile_filter",
    "rank_filter",
]


def extremum(name: str, x: Tensor, w: Window, cval: Any, choose: Callable[..., Any]) -> Tensor:
    """The extremum over a window; over a box axis by axis."""
    if not x.size:
        return x
    if not w.is_box:
        return chosen(x, w, neighbors(name, x, w, cval), choose)
    for axis, count in enumerate(w.footprint.shape):
        if count > 1:
            shape = tuple(count if i == axis else 1 for i in range(x.ndim))
            line = w._replace(footprint=np.ones(shape, bool))
            x = chosen(x, line, neighbors(name, x, line, cval), choose)
    return x


def chosen(x: Tensor, w: Window, found: Tensor, choose: Callable[..., Any]) -> Tensor:
    """The extremum of neighbours, each of which counts once: an element is not equal to another
    because the array is continued by itself."""
    same = repeated(x.shape, w)
    if same is not None:
        found = where(same, as_tensor(_worst(found.dtype, choose is max), found.dtype), found)
    extreme: Tensor = choose(found, 0)
    return extreme


def _worst(dtype: Any, is_lowest: bool) -> Any:
    """What no element is beyond."""
    if dtype.kind == "f":
        return -np.inf if is_lowest else np.inf
    if dtype.kind == "b":
        return not is_lowest
    limits = np.iinfo(dtype)
    return limits.min if is_lowest else limits.max


def _along(
    name: str, input: Any, size: Any, axis: Any, mode: str, cval: Any, origin: Any, choose: Any
) -> Tensor:
    x = ordered(name, input)
    w = window(name, x, size, None, origin, mode, axis_of(name, axis, x.ndim))
    return extremum(name, x, w, cval, choose)


def minimum_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Tensor:
    """The least of `size` neighbours along one axis.

    >>> from adjoint.scipy.ndimage import minimum_filter1d
    >>> minimum_filter1d([3.0, 1.0, 2.0, 4.0], 3)
    Tensor([1., 1., 1., 2.])
    """
    name = "scipy.ndimage.minimum_filter1d"
    refuse(name, output=(output, None))
    return _along(name, input, size, axis, mode, cval, origin, min)


def maximum_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Tensor:
    """The greatest of `size` neighbours along one axis.

    >>> from adjoint.scipy.ndimage import maximum_filter1d
    >>> maximum_filter1d([3.0, 1.0, 2.0, 4.0], 3)
    Tensor([3., 3., 4., 4.])
    """
    name = "scipy.ndimage.maximum_filter1d"
    refuse(name, output=(output, None))
    return _along(name, input, size, axis, mode, cval, origin, max)


def minimum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The least of the neighbours of each element, in a box of `size` or where `footprint` is true.

    >>> from adjoint.scipy.ndimage import minimum_filter
    >>> minimum_filter([3.0, 1.0, 2.0, 4.0], footprint=[1, 0, 1])
    Tensor([1., 2., 1., 2.])
    """
    name = "scipy.ndimage.minimum_filter"
    refuse(name, output=(output, None))
    x = ordered(name, input)
    return extremum(name, x, window(name, x, size, footprint, origin, mode, axes), cval, min)


def maximum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The greatest neighbour of each element, in a box of `size` or where `footprint` is true.

    >>> from adjoint.scipy.ndimage import maximum_filter
    >>> maximum_filter([3.0, 1.0, 2.0, 4.0], 3)
    Tensor([3., 3., 4., 4.])
    """
    name = "scipy.ndimage.maximum_filter"
    refuse(name, output=(output, None))
    x = ordered(name, input)
    return extremum(name, x, window(name, x, size, footprint, origin, mode, axes), cval, max)


def _ranked(name: str, x: Tensor, w: Window, cval: Any, rank: int) -> Tensor:
    """The neighbour of this rank; the first and the last are extrema."""
    count = int(w.footprint.sum())
    if rank in (0, count - 1) or not x.size:
        return extremum(name, x, w, cval, max if rank else min)
    return pick(sort(neighbors(name, x, w, cval), axis=0), 0, rank)


def rank_filter(
    input: Any,
    rank: int,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The neighbour of the given rank, counted from 0 or, if negative, from the greatest.

    >>> from adjoint.scipy.ndimage import rank_filter
    >>> rank_filter([3.0, 1.0, 2.0, 4.0], 1, 3)
    Tensor([3., 2., 2., 4.])
    """
    name = "scipy.ndimage.rank_filter"
    refuse(name, output=(output, None))
    x = ordered(name, input)
    w = window(name, x, size, footprint, origin, mode, axes)
    count, place = int(w.footprint.sum()), integer(name, "rank", rank)
    if not -count <= place < count:
        raise RangeError(f"{name}: rank {place} does not exist among {count} neighbours")
    return _ranked(name, x, w, cval, place % count)


def median_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The median of the neighbours of each element; of an even number the upper one.

    >>> from adjoint.scipy.ndimage import median_filter
    >>> median_filter([3.0, 1.0, 2.0, 4.0], 3)
    Tensor([3., 2., 2., 4.])
    """
    name = "scipy.ndimage.median_filter"
    refuse(name, output=(output, None))
    x = ordered(name, input)
    w = window(name, x, size, footprint, origin, mode, axes)
    return _ranked(name, x, w, cval, int(w.footprint.sum()) // 2)


def percentile_filter(
    input: Any,
    percentile: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The neighbour below which `percentile` of all lie; a negative one is counted from 100.

    >>> from adjoint.scipy.ndimage import percentile_filter
    >>> percentile_filter([3.0, 1.0, 2.0, 4.0], 50, 3)
    Tensor([3., 2., 2., 4.])
    """
    name = "scipy.ndimage.percentile_filter"
    refuse(name, output=(output, None))
    x = ordered(name, input)
    w = window(name, x, size, footprint, origin, mode, axes)
    share = float(percentile) + (100 if percentile < 0 else 0)
    if not 0 <= share <= 100:
        raise RangeError(f"{name}: percentile must lie between -100 and 100, got {percentile}")
    count = int(w.footprint.sum())
    return _ranked(name, x, w, cval, count - 1 if share == 100 else int(count * share / 100))
