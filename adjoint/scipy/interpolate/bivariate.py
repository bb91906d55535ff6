"""Splines through the values on a grid of two axes. Composites."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import clip
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.movement import matrix_transpose, reshape
from adjoint.scipy.common import by_scipy, constant, floating, integer, real_dtype, unsupported
from adjoint.scipy.interpolate.bsplines import BSpline, InterpolatedUnivariateSpline


class RectBivariateSpline:
    """The spline through values ``z[i, j]`` at ``(x[i], y[j])``, which are held fixed; s = 0 only.

    Beyond the grid it is that at the nearest edge, as SciPy's.

    >>> from adjoint.scipy.interpolate import RectBivariateSpline
    >>> RectBivariateSpline([0.0, 1.0], [0.0, 1.0], [[0.0, 1.0], [2.0, 3.0]], kx=1, ky=1)(0.5, 0.5)
    Tensor([[1.5]])
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        z: Any,
        bbox: Any = (None, None, None, None),
        kx: int = 3,
        ky: int = 3,
        s: Any = 0,
        maxit: int = 20,
    ) -> None:
        name = "scipy.interpolate.RectBivariateSpline"
        if tuple(bbox) != (None,) * 4:
            raise unsupported(name, "bbox", bbox, "leave it out")
        if isinstance(s, Tensor) or s != 0:
            raise unsupported(name, "s", s, "a smoothing spline chooses its knots: give s=0")
        self.z = floating(z)
        places = [np.asarray(constant(name, k, v), float) for k, v in (("x", x), ("y", y))]
        shape = tuple(p.size for p in places)
        if self.z.shape != shape:
            raise ShapeError(
                f"{name}: z must have the shape {shape} of the grid, got {self.z.shape}"
            )
        self._ends, self._orders = [(p[0], p[-1]) for p in places], (0, 0)
        degrees = [integer(name, k, v) for k, v in (("kx", kx), ("ky", ky))]
        self._units: list[Any] = [
            InterpolatedUnivariateSpline(p, np.eye(p.size), k=k)
            for p, k in zip(places, degrees, strict=True)
        ]

    @classmethod
    def of_scipy(cls, spline: Any) -> RectBivariateSpline:
        """The same as a spline of SciPy's on two axes, smoothing or not."""
        made = cls.__new__(cls)
        tx, ty, c = spline.tck[:3]
        pairs = list(zip((tx, ty), spline.degrees, strict=True))
        sizes = [t.size - k - 1 for t, k in pairs]
        made.z = as_tensor(np.reshape(c, sizes))
        made._ends, made._orders = [(t[k], t[-k - 1]) for t, k in pairs], (0, 0)
        made._units = [BSpline(t, np.eye(n), k) for (t, k), n in zip(pairs, sizes, strict=True)]
        return made

    def _weights(self, axis: int, at: Tensor, order: int) -> Tensor:
        """By how much each row or column of z counts at places along one axis."""
        order = self._orders[axis] + _order("dx, dy", order)
        found = self._units[axis](clip(at, *self._ends[axis]), order)
        return as_tensor(found, self.z.dtype)

    def partial_derivative(self, dx: int, dy: int) -> RectBivariateSpline:
        """The derivative of orders `dx` and `dy`, to be called in its turn."""
        made = copy(self)
        of_x, of_y = self._orders
        made._orders = of_x + _order("dx", dx), of_y + _order("dy", dy)
        return made

    def integral(self, xa: Any, xb: Any, ya: Any, yb: Any) -> Tensor:
        """The integral over [xa, xb] × [ya, yb]; beyond the grid there is nothing."""
        of_x, of_y = self._integrals(0, xa, xb), self._integrals(1, ya, yb)
        return matmul(matmul(of_x, self.z), of_y)

    def _integrals(self, axis: int, start: Any, stop: Any) -> Tensor:
        """By how much each row or column of z counts in the integral along one axis."""
        unit: Any = self._units[axis]
        for _ in range(self._orders[axis]):
            unit = unit.derivative()
        whole, dtype = unit.antiderivative(), real_dtype(start, stop, self.z)
        ends = tuple(map(float, self._ends[axis]))
        low, high = (clip(as_tensor(end, dtype), *ends) for end in (start, stop))
        return as_tensor(whole(high) - whole(low), self.z.dtype)

    def __call__(self, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Tensor:
        """The values on the grid of `x` and `y`, or with grid=False at the points (x, y); of the
        derivative of orders `dx` and `dy`."""
        if not grid:
            return self.ev(x, y, dx, dy)
        dtype = real_dtype(x, y, self.z)
        rows, columns = (reshape(as_tensor(p, dtype), (-1,)) for p in (x, y))
        inner = matmul(self._weights(0, rows, dx), self.z)
        return matmul(inner, matrix_transpose(self._weights(1, columns, dy)))

    def ev(self, xi: Any, yi: Any, dx: int = 0, dy: int = 0) -> Tensor:
        """The values at points, which broadcast."""
        dtype = real_dtype(xi, yi, self.z)
        xi, yi = as_tensor(xi, dtype), as_tensor(yi, dtype)
        xi, yi = xi + 0 * yi, yi + 0 * xi
        of_x, of_y = (
            self._weights(i, reshape(p, (-1,)), n) for i, p, n in ((0, xi, dx), (1, yi, dy))
        )
        return reshape(sum(matmul(of_x, self.z) * of_y, -1), xi.shape)


def _order(argument: str, value: Any) -> int:
    """The order of a derivative along one axis."""
    name = "scipy.interpolate.RectBivariateSpline"
    order = integer(name, argument, value)
    if order < 0:
        raise RangeError(f"{name}: {argument} must be 0, or the order of a derivative, got {order}")
    return order


def UnivariateSpline(
    x: Any,
    y: Any,
    w: Any = None,
    bbox: Any = (None, None),
    k: int = 3,
    s: Any = None,
    ext: Any = 0,
    check_finite: bool = False,
) -> Any:
    """The spline through points, for s = 0: a smoothing spline chooses its knots by the values.

    >>> from adjoint.scipy.interpolate import UnivariateSpline
    >>> UnivariateSpline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], k=2, s=0)(1.5)
    Tensor(2.25)
    """
    if s is None or isinstance(s, Tensor) or s != 0:
        cure = (
            "a smoothing spline chooses its knots by the values: give s=0 for the spline through "
            "the points, or use CubicSpline or make_interp_spline"
        )
        name = "scipy.interpolate.UnivariateSpline"
        given = (x, y, w, list(bbox), k, s, ext, check_finite)
        return by_scipy(name, unsupported(name, "s", s, cure), given, {})
    return InterpolatedUnivariateSpline(x, y, None, bbox, k, ext, check_finite)
