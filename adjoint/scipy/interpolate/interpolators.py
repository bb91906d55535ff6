"""Interpolation of one variable and on grids of several. Composites."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from adjoint.array.manipulation.joining import broadcast_arrays
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.elementwise.comparison import logical_and
from adjoint.ops.indexing.indexing import take
from adjoint.ops.reductions import reduction
from adjoint.ops.reductions.sorting import argsort, searchsorted
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import no_counterpart, real_dtype, refuse, unsupported
from adjoint.scipy.interpolate.bsplines import (
    make_interp_spline,
)
from adjoint.scipy.interpolate.piecewise import Piecewise, abscissae, ordinates, spread
from adjoint.scipy.interpolate.splines import (
    PchipInterpolator,
)

__all__ = [
    "LSQUnivariateSpline",
    "PPoly",
    "RegularGridInterpolator",
    "interp1d",
    "interpn",
    "make_lsq_spline",
    "make_smoothing_spline",
    "pchip_interpolate",
]

PPoly = Piecewise


def pchip_interpolate(xi: Any, yi: Any, x: Any, der: Any = 0, axis: int = 0) -> Any:
    """`PchipInterpolator` of points, at `x`.

    >>> from adjoint.scipy.interpolate import pchip_interpolate
    >>> pchip_interpolate([0.0, 1.0, 2.0], [0.0, 1.0, 1.0], 1.5)
    Tensor(1.)
    """
    curve = PchipInterpolator(xi, yi, axis)
    return curve(x, der) if isinstance(der, int) else [curve(x, nu) for nu in der]


class interp1d:
    """The function through points of one variable.

    kind: "linear", "nearest", "nearest-up", "zero", "previous", "next", "cubic" and the degrees
    0 to 5. Beyond the ends it raises, unless `fill_value` is given or `bounds_error` is false.

    >>> from adjoint.scipy.interpolate import interp1d
    >>> interp1d([0.0, 1.0, 2.0], [0.0, 1.0, 4.0])(1.5)
    Tensor(2.5)
    """

    name = "scipy.interpolate.interp1d"

    def __init__(
        self,
        x: Any,
        y: Any,
        kind: Any = "linear",
        axis: int = -1,
        copy: bool = True,
        bounds_error: Any = None,
        fill_value: Any = np.nan,
        assume_sorted: bool = False,
    ) -> None:
        dtype = real_dtype(x, y)
        x, kind = as_tensor(x, dtype), {1: "linear", "slinear": "linear"}.get(kind, kind)
        self._y, self._axis = ordinates(self.name, y, axis, x.size, dtype)
        if not assume_sorted:
            order = argsort(x, axis=0)
            x = take(x, order, axis=0)
            self._y = take(self._y, order, axis=0)
        self.x, self._kind = abscissae(self.name, x, dtype), kind
        self._extrapolate = isinstance(fill_value, str) and fill_value == "extrapolate"
        given = not (isinstance(fill_value, float) and np.isnan(fill_value))
        self._bounds = not (self._extrapolate or given) if bounds_error is None else bounds_error
        self._fill = fill_value if isinstance(fill_value, tuple) else (fill_value, fill_value)
        self._spline = self._made()

    @property
    def y(self) -> Tensor:
        """The values."""
        return moveaxis(self._y, 0, self._axis)

    def _made(self) -> Piecewise | None:
        degrees = {"quadratic": 2, "cubic": 3, 0: 0, 2: 2, 3: 3, 4: 4, 5: 5}
        if self._kind in ("linear", "nearest", "nearest-up", "previous", "next", "zero", 0):
            return None
        if self._kind not in degrees:
            raise unsupported(self.name, "kind", self._kind, 'give "linear" or "cubic"')
        return make_interp_spline(self.x, self._y, degrees[self._kind])

    def __call__(self, x: Any) -> Tensor:
        """The values at `x`."""
        places = as_tensor(x, real_dtype(x, self.x))
        flat = reshape(places, (-1,))
        result = self._spline(flat) if self._spline is not None else self._between(flat)
        if not self._extrapolate:
            result = self._filled(flat, result)
        return Piecewise._made(self._y, self.x, True, self._axis)._placed(result, places.shape)

    def _between(self, x: Tensor) -> Tensor:
        last = self.x.shape[0] - 1
        if self._kind == "linear":
            low = clip(searchsorted(self.x, x, side="right") - 1, 0, last - 1)
            x0, x1 = take(self.x, low, axis=0), take(self.x, low + 1, axis=0)
            y0, y1 = take(self._y, low, axis=0), take(self._y, low + 1, axis=0)
            result: Tensor = y0 + (y1 - y0) * spread((x - x0) / (x1 - x0), y0)
            return result
        if self._kind in ("nearest", "nearest-up"):
            middles = (self.x[1:] + self.x[:-1]) / 2
            at = searchsorted(middles, x, side="left" if self._kind == "nearest" else "right")
        elif self._kind == "next":
            at = searchsorted(self.x, x, side="left")
        else:
            at = searchsorted(self.x, x, side="right") - 1
        chosen: Tensor = take(self._y, clip(at, 0, last), axis=0)
        return chosen

    def _filled(self, x: Tensor, result: Tensor) -> Tensor:
        below, above = x < self.x[0], x > self.x[-1]
        scope = x.node.scope
        if self._bounds and (scope is None or not scope.abstract):
            if bool(reduction.any(below | above)):
                raise RangeError(
                    f"{self.name}: a point lies outside the interval of the data points; give "
                    f'fill_value="extrapolate" or bounds_error=False'
                )
            return result
        low, high = (np.nan, np.nan) if self._bounds else self._fill
        result = where(spread(below, result), low, result)
        return where(spread(above, result), high, result)


class RegularGridInterpolator:
    """The function through values on a rectangular grid, linear in each variable between them.

    >>> from adjoint.scipy.interpolate import RegularGridInterpolator
    >>> RegularGridInterpolator(([0.0, 1.0], [0.0, 2.0]), [[0.0, 2.0], [1.0, 3.0]])([0.5, 1.0])
    Tensor([1.5])
    """

    name = "scipy.interpolate.RegularGridInterpolator"

    def __init__(
        self,
        points: Any,
        values: Any,
        method: str = "linear",
        bounds_error: bool = True,
        fill_value: Any = np.nan,
        *,
        solver: Any = None,
        solver_args: Any = None,
    ) -> None:
        refuse(self.name, solver=(solver, None), solver_args=(solver_args, None))
        dtype = real_dtype(values, *points)
        self.values = as_tensor(values, dtype)
        self.grid = tuple(abscissae(self.name, p, dtype) for p in points)
        sizes = tuple(p.size for p in self.grid)
        if self.values.shape[: len(sizes)] != sizes:
            raise ShapeError(
                f"{self.name}: points of sizes {sizes} need values with these first axes, got "
                f"shape {self.values.shape}"
            )
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value

    def __call__(self, xi: Any, method: Any = None, *, nu: Any = None) -> Tensor:
        """The values at places, whose last axis holds their coordinates."""
        refuse(self.name, nu=(nu, None))
        method = self.method if method is None else method
        if method not in ("linear", "nearest"):
            raise unsupported(self.name, "method", method, 'give "linear" or "nearest"')
        joined = stack(broadcast_arrays(*xi), axis=-1) if isinstance(xi, tuple) else xi
        one_array = joined is xi
        xi = as_tensor(joined, real_dtype(joined, self.values))
        count = len(self.grid)
        if one_array and xi.ndim == 1 and xi.shape[0] % count == 0:  # SciPy takes rows of it
            xi = reshape(xi, (-1, count))
        if xi.shape[-1:] != (count,):
            raise ShapeError(f"{self.name}: places need {count} in their last axis, got {xi.shape}")
        flat = reshape(xi, (-1, count))
        coordinates = [flat[:, i] for i in range(count)]
        result = self._weighted(coordinates, method == "nearest")
        result = self._bounded(coordinates, result)
        return reshape(result, (*xi.shape[:-1], *result.shape[1:]))

    def _weighted(self, coordinates: list[Tensor], nearest: bool) -> Tensor:
        """The corners of the cell, weighted."""
        low, part = [], []
        for grid, x in zip(self.grid, coordinates, strict=True):
            at = clip(searchsorted(grid, x, side="right") - 1, 0, grid.shape[0] - 2)
            x0, x1 = (take(grid, i, axis=0) for i in (at, at + 1))
            low.append(at)
            part.append((x - x0) / (x1 - x0))
        if nearest:
            index = [where(p <= 0.5, i, i + 1) for i, p in zip(low, part, strict=True)]
            return self.values[tuple(index)]
        total: Any = 0
        for corner in itertools.product((0, 1), repeat=len(low)):
            value = self.values[tuple(i + c for i, c in zip(low, corner, strict=True))]
            weight: Any = 1
            for c, p in zip(corner, part, strict=True):
                weight = weight * (p if c else 1 - p)
            total = total + spread(weight, value) * value
        result: Tensor = total
        return result

    def _bounded(self, coordinates: list[Tensor], result: Tensor) -> Tensor:
        if not self.bounds_error and self.fill_value is None:
            return result
        inside: Any = None
        for grid, x in zip(self.grid, coordinates, strict=True):
            here = logical_and(x >= grid[0], x <= grid[-1])
            inside = here if inside is None else logical_and(inside, here)
        scope = inside.node.scope
        if self.bounds_error and (scope is None or not scope.abstract):
            if not bool(reduction.all(inside)):
                raise RangeError(
                    f"{self.name}: a point lies outside the grid; give bounds_error=False, and "
                    f"fill_value=None to extrapolate"
                )
            return result
        fill = np.nan if self.bounds_error else self.fill_value
        return where(spread(inside, result), result, fill)


def interpn(
    points: Any,
    values: Any,
    xi: Any,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: Any = np.nan,
) -> Tensor:
    """`RegularGridInterpolator` of values on a grid, at places.

    >>> from adjoint.scipy.interpolate import interpn
    >>> interpn(([0.0, 1.0],), [0.0, 2.0], [[0.25]])
    Tensor([0.5])
    """
    grid = RegularGridInterpolator(points, values, method, bounds_error, fill_value)
    return grid(xi)


_CUBIC = "use scipy.interpolate.CubicSpline or make_interp_spline"
LSQUnivariateSpline = no_counterpart("scipy.interpolate.LSQUnivariateSpline", _CUBIC)
make_lsq_spline = no_counterpart("scipy.interpolate.make_lsq_spline", _CUBIC)
make_smoothing_spline = no_counterpart("scipy.interpolate.make_smoothing_spline", _CUBIC)
