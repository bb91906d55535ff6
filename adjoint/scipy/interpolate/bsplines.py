"""Splines of any degree: linear in the values, on breakpoints that are held fixed.

SciPy is asked once what each unit vector of values gives; that matrix of constants is applied to
the values that are traced.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg.contraction import tensordot
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.indexing.indexing import take
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions import reduction
from adjoint.scipy.common import constant, integer, real_dtype, refuse, unsupported
from adjoint.scipy.interpolate.piecewise import Piecewise, ordinates
from adjoint.scipy.interpolate.splines import CubicSpline

__all__ = ["BSpline", "InterpolatedUnivariateSpline", "make_interp_spline", "splev", "splrep"]


def _pieces(knots: Any, coefficients: Any, degree: int) -> tuple[Any, Any]:
    """Coefficients of the pieces between the inner knots, and these knots, by SciPy."""
    module = import_module("scipy.interpolate")
    columns = [
        module.PPoly.from_spline(module.BSpline(knots, column, degree)).c
        for column in coefficients.T
    ]
    last = len(knots) - degree - 1
    inner = np.arange(degree, last)
    inner = inner[np.diff(knots[degree : last + 1]) > 0]
    return np.stack(columns, -1)[:, inner], np.append(knots[inner], knots[last])


class BSpline(Piecewise):
    """The spline with the knots `t`, held fixed, and the coefficients `c`.

    >>> from adjoint.scipy.interpolate import BSpline
    >>> BSpline([0.0, 0.0, 1.0, 1.0], [1.0, 3.0], 1)(0.5)
    Tensor(2.)
    """

    name = "scipy.interpolate.BSpline"

    def __init__(self, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> None:
        degree = integer(self.name, "k", k)
        knots = np.asarray(constant(self.name, "t", t), float)
        dtype = real_dtype(c)
        count = len(knots) - degree - 1
        whole = as_tensor(c, dtype)
        place = integer(self.name, "axis", axis) % max(whole.ndim, 1)
        if whole.shape[place] > count:
            whole = take(whole, np.arange(count), axis=place)
        values, place = ordinates(self.name, whole, place, count, dtype)
        unit, x = _pieces(knots, np.eye(count), degree)
        self._set(
            tensordot(unit.astype(dtype), values, 1), as_tensor(x.astype(dtype)), extrapolate, place
        )
        self.k, self.t = degree, knots

    @classmethod
    def basis_element(cls, t: Any, extrapolate: Any = True) -> BSpline:
        """The one B-spline on the knots `t`, of degree ``len(t) - 2``.

        >>> from adjoint.scipy.interpolate import BSpline
        >>> BSpline.basis_element([0.0, 1.0, 2.0])(1.0)
        Tensor(1.)
        """
        inner = np.asarray(constant("scipy.interpolate.BSpline.basis_element", "t", t), float)
        degree = inner.size - 2
        if inner.ndim != 1 or degree < 0:
            raise ShapeError(f"BSpline.basis_element: t must be 2 knots or more, got {inner.shape}")
        knots = np.r_[(inner[0] - 1,) * degree, inner, (inner[-1] + 1,) * degree]
        c = np.zeros(knots.size)
        c[degree] = 1.0
        return cls(knots, c, degree, extrapolate)


def _places(name: str, x: Any) -> Any:
    return np.asarray(constant(name, "x", x), float)


def make_interp_spline(
    x: Any,
    y: Any,
    k: int = 3,
    t: Any = None,
    bc_type: Any = None,
    axis: int = 0,
    check_finite: bool = True,
) -> Piecewise:
    """The spline of degree `k` through points, as an object to be called.

    Of degree 3 it is `CubicSpline`, differentiable by x too; of others x is held fixed.

    >>> from adjoint.scipy.interpolate import make_interp_spline
    >>> make_interp_spline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], k=1)(1.5)
    Tensor(2.5)
    """
    name = "scipy.interpolate.make_interp_spline"
    refuse(name, t=(t, None))
    degree = integer(name, "k", k)
    if degree == 3 and (bc_type is None or isinstance(bc_type, str)):
        return CubicSpline(x, y, axis, bc_type or "not-a-knot", extrapolate=True)
    dtype = real_dtype(x, y)
    if bc_type is not None and not isinstance(bc_type, str):
        raise unsupported(name, "bc_type", bc_type, "give one of its names, or use CubicSpline")
    given = _places(name, x)
    values, place = ordinates(name, y, axis, given.size, dtype)
    module = import_module("scipy.interpolate")
    spline = module.make_interp_spline(given, np.eye(given.size), degree, bc_type=bc_type)
    unit, breaks = _pieces(spline.t, spline.c, degree)
    c = tensordot(unit.astype(dtype), values, 1)
    return Piecewise._made(c, as_tensor(breaks.astype(dtype)), True, place)


class InterpolatedUnivariateSpline:
    """The spline of degree `k` through points, on places that are held fixed.

    >>> from adjoint.scipy.interpolate import InterpolatedUnivariateSpline
    >>> InterpolatedUnivariateSpline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], k=2)(1.5)
    Tensor(2.25)
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        w: Any = None,
        bbox: Any = (None, None),
        k: int = 3,
        ext: Any = 0,
        check_finite: bool = False,
    ) -> None:
        name = "scipy.interpolate.InterpolatedUnivariateSpline"
        refuse(name, w=(w, None))
        if tuple(bbox) != (None, None):
            raise unsupported(name, "bbox", bbox, "leave it out")
        self._tck: Any = splrep(x, y, k=k)
        self._ext = ext

    @classmethod
    def of_scipy(cls, spline: Any) -> InterpolatedUnivariateSpline:
        """The same as a spline of SciPy's of one variable, smoothing or not."""
        made = cls.__new__(cls)
        made._tck, made._ext = spline._eval_args, spline.ext
        return made

    def __call__(self, x: Any, nu: int = 0, ext: Any = None) -> Tensor:
        """The values at `x`, or with `nu` those of the derivative of that order."""
        return splev(x, self._tck, nu, self._ext if ext is None else ext)


def splrep(
    x: Any,
    y: Any,
    w: Any = None,
    xb: Any = None,
    xe: Any = None,
    k: int = 3,
    task: int = 0,
    s: Any = None,
    t: Any = None,
    full_output: int = 0,
    per: int = 0,
    quiet: int = 1,
) -> tuple[Any, Tensor, int]:
    """Knots, coefficients and degree of the spline through points (s = 0), x being held fixed.

    >>> from adjoint.scipy.interpolate import splev, splrep
    >>> splev(1.5, splrep([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], k=2))
    Tensor(2.25)
    """
    name = "scipy.interpolate.splrep"
    refuse(name, w=(w, None), xb=(xb, None), xe=(xe, None), task=(task, 0), t=(t, None))
    refuse(name, full_output=(full_output, 0))
    if s is not None and (isinstance(s, Tensor) or s != 0):
        raise unsupported(
            name, "s", s, "a smoothing spline chooses its knots by the values; give s=0"
        )
    given, dtype = _places(name, x), real_dtype(y)
    values, _ = ordinates(name, y, 0, given.size, dtype)
    module = import_module("scipy.interpolate")
    columns = [module.splrep(given, unit, k=k, s=0, per=per)[:2] for unit in np.eye(given.size)]
    knots = columns[0][0]
    unit = np.stack([c for _, c in columns], 1).astype(dtype)
    return knots, matmul(unit, values), k


def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Tensor:
    """The spline of `splrep` at `x`, or its derivative of order `der`.

    ext: 0 to extrapolate, 1 for 0 outside, 2 to raise, 3 for the value at the nearer end.

    >>> from adjoint.scipy.interpolate import splev
    >>> splev(0.5, ([0.0, 0.0, 1.0, 1.0], [1.0, 3.0, 0.0, 0.0], 1))
    Tensor(2.)
    """
    name = "scipy.interpolate.splev"
    if isinstance(tck, Piecewise):
        return tck(x, der)
    knots, c, degree = tck
    spline = BSpline(knots, c, degree)
    x = as_tensor(x, real_dtype(x, spline.c))
    low, high = spline.x[0], spline.x[-1]
    if ext in (0, "extrapolate"):
        return spline(x, der)
    outside = (x < low) | (x > high)
    if ext in (1, "zeros"):
        return where(outside, 0.0, spline(where(outside, low, x), der))
    if ext in (2, "raise"):
        if bool(reduction.any(outside)):
            raise RangeError(f"{name}: x lies outside the knots, and ext=2 forbids it")
        return spline(x, der)
    if ext in (3, "const"):
        return spline(clip(x, low, high), der)
    raise unsupported(name, "ext", ext, "give 0, 1, 2 or 3")
