"""Splines of any degree: linear in the values, on breakpoints that are held fixed.

SciPy is asked once what each unit vector of values gives; that matrix of constants is applied to
the values that are traced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from adjoint.array.linalg.contraction import tensordot
from adjoint.errors import NotDifferentiableError, RangeError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.indexing.indexing import take
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import constant, integer, real_dtype, refuse, unsupported
from adjoint.scipy.interpolate.piecewise import Piecewise, ordinates
from adjoint.scipy.interpolate.splines import CubicSpline

__all__ = [
    "BSpline",
    "InterpolatedUnivariateSpline",
    "make_interp_spline",
    "splantider",
    "splder",
    "splev",
    "splint",
    "splrep",
]

Spline: TypeAlias = tuple[Any, Tensor, int]
"""Knots, coefficients and degree."""


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
    _known: Spline | None
    _find: Callable[[], Spline]

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
        self._known = knots, moveaxis(as_tensor(c, dtype), place, 0), degree

    @classmethod
    def _of_pieces(cls, pieces: Piecewise, find: Callable[[], Spline]) -> BSpline:
        """The spline of which the pieces are known; `find` its knots, coefficients and degree."""
        made = cls.__new__(cls)
        made._set(pieces._c, pieces._x, pieces.extrapolate, pieces.axis)
        made._known, made._find = None, find
        return made

    @property
    def tck(self) -> Spline:
        """The knots, the coefficients with their axis first, and the degree."""
        if self._known is None:
            self._known = self._find()
        return self._known

    @property
    def t(self) -> Any:
        """The knots."""
        return self.tck[0]

    @property
    def c(self) -> Tensor:
        """The coefficients of the B-splines."""
        return self.tck[1]

    @property
    def k(self) -> int:
        """The degree."""
        return self.tck[2]

    def derivative(self, nu: int = 1) -> BSpline:
        """The derivative of order `nu`, another spline."""
        return self._of_pieces(super().derivative(nu), lambda: splder(self.tck, nu))

    def antiderivative(self, nu: int = 1) -> BSpline:
        """The integral from the first breakpoint, `nu` times, another spline."""
        return self._of_pieces(super().antiderivative(nu), lambda: splantider(self.tck, nu))

    @classmethod
    def design_matrix(cls, x: Any, t: Any, k: int, extrapolate: Any = False) -> Any:
        """The values of all B-splines (columns) at the places `x` (rows), a sparse array of SciPy.

        Places and knots are held fixed. ``BSpline(t, np.eye(len(t) - k - 1), k)(x)`` is the same
        as a tensor, and differentiable by `x`.
        """
        name = "scipy.interpolate.BSpline.design_matrix"
        places, knots = (np.asarray(constant(name, n, v), float) for n, v in (("x", x), ("t", t)))
        scipy = import_module("scipy.interpolate").BSpline
        return scipy.design_matrix(places, knots, integer(name, "k", k), extrapolate)

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
) -> BSpline:
    """The spline of degree `k` through points, as an object to be called.

    Of degree 3 its values are those of `CubicSpline`, differentiable by x too; of others, and for
    the coefficients `c`, x is held fixed.

    >>> from adjoint.scipy.interpolate import make_interp_spline
    >>> make_interp_spline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], k=1)(1.5)
    Tensor(2.5)
    """
    name = "scipy.interpolate.make_interp_spline"
    refuse(name, t=(t, None))
    degree = integer(name, "k", k)
    if degree == 3 and (bc_type is None or isinstance(bc_type, str)):
        cubic = CubicSpline(x, y, axis, bc_type or "not-a-knot", extrapolate=True)
        return BSpline._of_pieces(cubic, lambda: _cubic_through(x, y, axis, bc_type))
    dtype = real_dtype(x, y)
    if bc_type is not None and not isinstance(bc_type, str):
        raise unsupported(name, "bc_type", bc_type, "give one of its names, or use CubicSpline")
    given = _places(name, x)
    values, place = ordinates(name, y, axis, given.size, dtype)
    found = _unit_spline(given, degree, bc_type)
    unit, breaks = _pieces(found.t, found.c, degree)
    c = tensordot(unit.astype(dtype), values, 1)
    pieces = Piecewise._made(c, as_tensor(breaks.astype(dtype)), True, place)
    return BSpline._of_pieces(pieces, lambda: _through(values, found))


def _unit_spline(x: Any, degree: int, bc_type: Any) -> Any:
    """SciPy's splines through the unit vectors of values."""
    if isinstance(bc_type, str) and bc_type == "periodic":
        name = "scipy.interpolate.make_interp_spline"
        raise unsupported(name, "bc_type", bc_type, "use CubicSpline, and its pieces")
    make = import_module("scipy.interpolate").make_interp_spline
    return make(x, np.eye(x.size), degree, bc_type=bc_type)


def _cubic_through(x: Any, y: Any, axis: int, bc_type: Any) -> Spline:
    """The cubic spline through points, the places being held fixed."""
    name = "scipy.interpolate.make_interp_spline"
    given = _places(name, x)
    values, _ = ordinates(name, y, axis, given.size, real_dtype(x, y))
    return _through(values, _unit_spline(given, 3, bc_type))


def _through(values: Tensor, unit: Any) -> Spline:
    """The spline through values, by those through the unit vectors."""
    return unit.t, tensordot(unit.c.astype(values.dtype), values, 1), unit.k


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
        return cls._made(spline._eval_args, spline.ext)

    def __call__(self, x: Any, nu: int = 0, ext: Any = None) -> Tensor:
        """The values at `x`, or with `nu` those of the derivative of that order."""
        return splev(x, self._tck, nu, self._ext if ext is None else ext)

    @classmethod
    def _made(cls, tck: Spline, ext: Any) -> InterpolatedUnivariateSpline:
        made = cls.__new__(cls)
        made._tck, made._ext = tck, ext
        return made

    def derivative(self, n: int = 1) -> InterpolatedUnivariateSpline:
        """The derivative of order `n`, another spline."""
        outside = 1 if self._ext in (3, "const") else self._ext
        return self._made(splder(self._tck, n), outside)

    def antiderivative(self, n: int = 1) -> InterpolatedUnivariateSpline:
        """The integral from the first place, `n` times, another spline."""
        return self._made(splantider(self._tck, n), self._ext)

    def derivatives(self, x: Any) -> Tensor:
        """The value and all derivatives that are not 0 everywhere, at one place."""
        orders = range(self._tck[2] + 1)
        found: Tensor = stack([reshape(splev(x, self._tck, order), ()) for order in orders])
        return found

    def integral(self, a: Any, b: Any) -> Tensor:
        """The definite integral from `a` to `b`; beyond the places there is nothing."""
        return splint(a, b, self._tck)

    def get_knots(self) -> Any:
        """The knots, those at the ends once."""
        knots, _, degree = self._tck
        return knots[degree : len(knots) - degree]

    def get_coeffs(self) -> Tensor:
        """The coefficients of the B-splines."""
        knots, c, degree = self._tck
        found: Tensor = as_tensor(c)[: len(knots) - degree - 1]
        return found

    def roots(self) -> Any:
        """Raises: roots are found on plain numbers."""
        raise NotDifferentiableError(
            "scipy.interpolate.InterpolatedUnivariateSpline.roots has no differentiable "
            "counterpart; find one with scipy.optimize.brentq, which has"
        )


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
    x = as_tensor(x, real_dtype(x, spline._c))
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


def splder(tck: Any, n: int = 1) -> Any:
    """The derivative of order `n` of a spline, as `splrep` gives it, or a `BSpline` of one.

    >>> from adjoint.scipy.interpolate import splder, splev
    >>> splev(0.5, splder(([0.0, 0.0, 1.0, 1.0], [1.0, 3.0, 0.0, 0.0], 1)))
    Tensor(2.)
    """
    order = integer("scipy.interpolate.splder", "n", n)
    if isinstance(tck, BSpline):
        return tck.derivative(order)
    if order < 0:
        return splantider(tck, -order)
    if order > tck[2]:
        raise RangeError(f"splder: n must be at most the degree {tck[2]} of the spline, got {n}")
    return _by_scipy("splder", tck, order)


def splantider(tck: Any, n: int = 1) -> Any:
    """The integral from the first knot, `n` times, of a spline of `splrep`, or a `BSpline`.

    >>> from adjoint.scipy.interpolate import splantider, splev
    >>> splev(1.0, splantider(([0.0, 0.0, 1.0, 1.0], [1.0, 3.0, 0.0, 0.0], 1)))
    Tensor(2.)
    """
    order = integer("scipy.interpolate.splantider", "n", n)
    if isinstance(tck, BSpline):
        return tck.antiderivative(order)
    return splder(tck, -order) if order < 0 else _by_scipy("splantider", tck, order)


def _by_scipy(name: str, tck: Any, order: int) -> Spline:
    """What SciPy's function of that name makes of a spline: linear in the coefficients."""
    knots, c, degree = tck
    knots = np.asarray(constant(f"scipy.interpolate.{name}", "knots", knots), float)
    c = as_tensor(c, real_dtype(c))
    unit = np.eye(len(knots), len(knots) - degree - 1)
    function = getattr(import_module("scipy.interpolate"), name)
    new_knots, rows, new_degree = function((knots, unit, degree), order)
    return new_knots, tensordot(rows.astype(c.dtype), c[: unit.shape[1]], 1), new_degree


def splint(a: Any, b: Any, tck: Any, full_output: int = 0) -> Tensor:
    """The definite integral of a spline from `a` to `b`; beyond the knots there is nothing.

    >>> from adjoint.scipy.interpolate import splint
    >>> splint(0.0, 5.0, ([0.0, 0.0, 1.0, 1.0], [1.0, 3.0, 0.0, 0.0], 1))
    Tensor(2.)
    """
    refuse("scipy.interpolate.splint", full_output=(full_output, 0))
    if isinstance(tck, BSpline):
        tck = tck.tck
    whole, (knots, c, degree) = splantider(tck), tck
    ends = float(knots[degree]), float(knots[-degree - 1])
    dtype = real_dtype(a, b, c)
    at_a, at_b = (splev(clip(as_tensor(end, dtype), *ends), whole) for end in (a, b))
    return at_b - at_a
