"""Functions through values at scattered points, which are held fixed.

SciPy finds the triangle or the point that a place belongs to, by plain numbers. Within a triangle
the values at its corners are weighted by barycentric coordinates, which are differentiable by the
place; the derivative is that of the piece that was found.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.manipulation.joining import broadcast_arrays
from adjoint.array.values import known
from adjoint.errors import ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, DType, promote
from adjoint.ops.elementwise.choice import where
from adjoint.ops.indexing.indexing import take
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import astype, reshape
from adjoint.scipy.common import constant, floating, real_dtype, refuse, unsupported
from adjoint.scipy.interpolate.interpolators import interp1d

__all__ = ["LinearNDInterpolator", "NearestNDInterpolator", "griddata"]

Array = np.ndarray[Any, Any]


def _joined(places: Any) -> Any:
    """Places with their coordinates in the last axis, given so or one array for each coordinate."""
    if not isinstance(places, tuple):
        return places
    if any(isinstance(x, Tensor) for x in places):
        return stack(broadcast_arrays(*places), axis=-1)
    return np.stack(np.broadcast_arrays(*places), axis=-1)


class _Scattered:
    """What both interpolators share: points, values, and how places are read."""

    name = ""

    def _set(self, points: Any, values: Any, rescale: bool) -> Array:
        """Read points and values; the points, rescaled if that was asked for."""
        given = np.asarray(constant(self.name, "points", _joined(points)), float)
        given = given[:, None] if given.ndim == 1 else given
        self.values = as_tensor(values)
        if given.ndim != 2 or self.values.shape[:1] != given.shape[:1]:
            raise ShapeError(
                f"{self.name}: points of shape {given.shape} need values whose first axis has "
                f"their number, got shape {self.values.shape}"
            )
        self.points, self._rescaled = given, rescale
        if not rescale:
            return given
        extent = np.ptp(given, axis=0)
        self._offset, self._scale = given.mean(axis=0), np.where(extent > 0, extent, 1.0)
        scaled: Array = (given - self._offset) / self._scale
        return scaled

    def _read(self, places: Any) -> tuple[Tensor, tuple[int, ...], DType]:
        """Places as rows, in double precision as SciPy reads them, rescaled as the points; and
        their shape and dtype before."""
        places = places if len(places) > 1 else places[0]
        joined = _joined(places)
        x = as_tensor(joined, real_dtype(joined))
        count = self.points.shape[1]
        if joined is places and x.ndim == 1 and x.shape[0] % count == 0:  # SciPy takes rows of it
            x = reshape(x, (-1, count))
        if count == 1 and x.shape[-1:] != (1,):
            x = reshape(x, (*x.shape, 1))
        if x.shape[-1:] != (count,):
            raise ShapeError(
                f"{self.name}: places need {count} coordinates in their last axis, got {x.shape}"
            )
        rows = astype(reshape(x, (-1, count)), FLOAT64)
        if self._rescaled:
            rows = (rows - self._offset) / self._scale
        return rows, x.shape[:-1], x.dtype


class LinearNDInterpolator(_Scattered):
    """The function through values at points that is linear on each triangle between these.

    Differentiable by values and places; the points are held fixed. Beyond them it is `fill_value`.

    >>> from adjoint.scipy.interpolate import LinearNDInterpolator
    >>> corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    >>> LinearNDInterpolator(corners, [0.0, 2.0, 4.0])(0.25, 0.5)
    Tensor(2.5)
    """

    name = "scipy.interpolate.LinearNDInterpolator"

    def __init__(
        self, points: Any, values: Any, fill_value: Any = np.nan, rescale: bool = False
    ) -> None:
        triangulation = import_module("scipy.spatial").Delaunay
        if isinstance(points, triangulation):
            self._set(points.points, values, False)
            self.tri = points
        else:
            self.tri = triangulation(self._set(points, values, rescale))
        self.values, self.fill_value = floating(self.values), fill_value

    def __call__(self, *args: Any) -> Tensor:
        """The values at places, given as one array or one for each coordinate.

        Their values must be known, as they choose the triangle.
        """
        rows, shape, dtype = self._read(args)
        number = self.tri.find_simplex(np.asarray(known(rows), float))
        count = rows.shape[1]
        chosen = np.maximum(number, 0)
        turn = self.tri.transform[chosen]
        first = sum((rows - turn[:, count])[:, None] * turn[:, :count], -1)
        weights = concat([first, 1 - sum(first, -1, keepdims=True)], axis=-1)
        corners = take(self.values, self.tri.simplices[chosen], axis=0)
        trailing = (1,) * (self.values.ndim - 1)
        found = sum(reshape(weights, (*weights.shape, *trailing)) * corners, 1)
        found = astype(found, promote(dtype, self.values.dtype))
        found = where((number >= 0).reshape(-1, *trailing), found, self.fill_value)
        return reshape(found, (*shape, *found.shape[1:]))


class NearestNDInterpolator(_Scattered):
    """At each place the value of the point that is nearest; differentiable by the values.

    >>> from adjoint.scipy.interpolate import NearestNDInterpolator
    >>> NearestNDInterpolator([[0.0, 0.0], [1.0, 1.0]], [2.0, 3.0])(0.2, 0.3)
    Tensor(2.)
    """

    name = "scipy.interpolate.NearestNDInterpolator"

    def __init__(self, x: Any, y: Any, rescale: bool = False, tree_options: Any = None) -> None:
        tree = import_module("scipy.spatial").cKDTree
        self.tree = tree(self._set(x, y, rescale), **(tree_options or {}))

    def __call__(self, *args: Any, **query_options: Any) -> Tensor:
        """The values at places, given as one array or one for each coordinate."""
        refuse(self.name, **{option: (x, None) for option, x in query_options.items()})
        rows, shape, _ = self._read(args)
        _, nearest = self.tree.query(np.asarray(known(rows), float))
        found = take(self.values, nearest, axis=0)
        return reshape(found, (*shape, *found.shape[1:]))


def griddata(
    points: Any,
    values: Any,
    xi: Any,
    method: str = "linear",
    fill_value: Any = np.nan,
    rescale: bool = False,
) -> Tensor:
    """`LinearNDInterpolator`, `NearestNDInterpolator`, or `interp1d` of points on a line.

    >>> from adjoint.scipy.interpolate import griddata
    >>> griddata([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.0, 2.0, 4.0], [[0.25, 0.5]])
    Tensor([2.5])
    """
    name = "scipy.interpolate.griddata"
    places = np.asarray(constant(name, "points", _joined(points)), float)
    if places.ndim < 2 or places.shape[-1] == 1:
        order = np.argsort(places.ravel())
        x, y = places.ravel()[order], take(as_tensor(values), order, axis=0)
        ends = "extrapolate" if method == "nearest" else fill_value
        curve = interp1d(x, y, kind=method, axis=0, bounds_error=False, fill_value=ends)
        return curve(xi[0] if isinstance(xi, tuple) else xi)
    if method == "nearest":
        return NearestNDInterpolator(places, values, rescale)(xi)
    if method != "linear":
        raise unsupported(name, "method", method, 'give "linear" or "nearest"')
    return LinearNDInterpolator(places, values, fill_value, rescale)(xi)
