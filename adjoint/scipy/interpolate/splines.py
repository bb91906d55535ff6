"""Cubic splines and their kin, in which y, x and places are all differentiable. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.calculus.differences import diff
from adjoint.array.linalg import equations
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, sign, where
from adjoint.ops.elementwise.comparison import equal, not_equal
from adjoint.ops.linalg.banded import solve_banded
from adjoint.ops.reductions import extremum
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.ops.shape.rearrange import roll
from adjoint.scipy.common import real_dtype, unsupported
from adjoint.scipy.interpolate.piecewise import Piecewise, abscissae, ordinates, spread

__all__ = ["Akima1DInterpolator", "CubicHermiteSpline", "CubicSpline", "PchipInterpolator"]

_NAMED = {"clamped": (1, 0.0), "natural": (2, 0.0)}


def hermite(x: Tensor, y: Tensor, slopes: Tensor) -> Tensor:
    """The coefficients of the cubic pieces with these values and slopes at the breakpoints."""
    h = spread(diff(x), y)
    steep = diff(y, axis=0) / h
    t = (slopes[:-1] + slopes[1:] - 2 * steep) / h
    return stack([t / h, (steep - slopes[:-1]) / h - t, slopes[:-1], y[:-1]])


class CubicHermiteSpline(Piecewise):
    """Cubic pieces through points with given slopes there.

    >>> from adjoint.scipy.interpolate import CubicHermiteSpline
    >>> CubicHermiteSpline([0.0, 1.0], [0.0, 1.0], [0.0, 0.0])(0.5)
    Tensor(0.5)
    """

    name = "scipy.interpolate.CubicHermiteSpline"

    def __init__(self, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> None:
        dtype = real_dtype(x, y, dydx)
        x = abscissae(self.name, x, dtype)
        y, place = ordinates(self.name, y, axis, x.size, dtype)
        slopes, _ = ordinates(self.name, dydx, axis, x.size, dtype)
        self._set(hermite(x, y, slopes), x, extrapolate, place)


class CubicSpline(Piecewise):
    """The twice differentiable cubic pieces through points.

    bc_type: "not-a-knot", "natural", "clamped", "periodic", or a pair of those or of
    (order, value) for the derivative of order 1 or 2 at each end.

    >>> from adjoint.scipy.interpolate import CubicSpline
    >>> CubicSpline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0])(1.5)
    Tensor(2.25)
    """

    name = "scipy.interpolate.CubicSpline"

    def __init__(
        self, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
    ) -> None:
        dtype = real_dtype(x, y)
        x = abscissae(self.name, x, dtype)
        y, place = ordinates(self.name, y, axis, x.size, dtype)
        periodic = isinstance(bc_type, str) and bc_type == "periodic"
        columns = reshape(y, (y.shape[0], -1))
        if periodic:
            slopes = _periodic_slopes(x, columns)
        else:
            slopes = _slopes(x, columns, *_ends(self.name, bc_type, columns))
        if extrapolate is None:
            extrapolate = "periodic" if periodic else True
        self._set(hermite(x, y, reshape(slopes, y.shape)), x, extrapolate, place)


def _ends(name: str, bc_type: Any, columns: Tensor) -> list[Any]:
    """For each end None (not a knot), or order and value of a derivative."""
    pair = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
    if len(pair) != 2:
        raise unsupported(name, "bc_type", bc_type, "give one name, or a pair")
    ends: list[Any] = []
    for end in pair:
        if isinstance(end, str):
            if end != "not-a-knot" and end not in _NAMED:
                raise unsupported(name, "bc_type", bc_type, "see the docstring for what is known")
            ends.append(_NAMED.get(end))
        else:
            order, value = end
            if order not in (1, 2):
                raise unsupported(name, "bc_type", bc_type, "the order is 1 or 2")
            value = reshape(as_tensor(value, columns.dtype), (-1,))
            ends.append((order, broadcast_to(value, columns.shape[1:])))
    return ends


def _slopes(x: Tensor, y: Tensor, first: Any, last: Any) -> Tensor:
    """The slopes at the breakpoints, columns of a tridiagonal system.

    The conditions that name no derivative ask the first (last) two pieces to be one polynomial.
    """
    h = diff(x)
    n = x.shape[0]
    rise = diff(y, axis=0) / reshape(h, (-1, 1))
    if n == 2:
        first, last = (end or (1, rise[0]) for end in (first, last))
    elif n == 3 and first is None and last is None:
        return _of_parabola(h, rise)
    wide = reshape(h, (-1, 1))
    middle = 3 * (wide[1:] * rise[:-1] + wide[:-1] * rise[1:])
    start = _end_row(first, h, rise, 0)
    stop = _end_row(last, h[::-1], rise[::-1], 1)
    zero = h[:1] * 0.0
    above = concat([zero, start[1], h[:-1]]) if n > 2 else concat([zero, start[1]])
    below = concat([h[1:], stop[1], zero]) if n > 2 else concat([stop[1], zero])
    diagonal = concat([start[0], 2 * (h[:-1] + h[1:]), stop[0]])
    right = concat([start[2], middle, stop[2]], axis=0)
    return solve_banded(stack([above, diagonal, below]), right, 1, 1)


def _end_row(end: Any, h: Tensor, rise: Tensor, which: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of the equation at an end: the diagonal, its neighbour and the right side.

    h and `rise` begin at that end; only the curvature changes its sign with the direction.
    """
    one = h[:1] * 0.0 + 1.0
    if end is None:
        d = h[:1] + h[1:2]
        weighted = (h[:1] + 2 * d) * h[1:2] * rise[:1] + h[:1] * h[:1] * rise[1:2]
        return h[1:2], d, weighted / d
    order, value = end
    value = reshape(as_tensor(value, rise.dtype), (1, -1)) + 0.0 * rise[:1]
    if order == 1:
        return one, 0.0 * one, value
    curve = -0.5 if which == 0 else 0.5
    width = reshape(h[:1], (1, 1))
    return 2 * h[:1], h[:1], curve * value * width * width + 3 * rise[:1] * width


def _of_parabola(h: Tensor, rise: Tensor) -> Tensor:
    """The slopes at three places of the parabola through three points."""
    curve = (rise[1:2] - rise[:1]) / (h[0] + h[1])
    return concat(
        [rise[:1] - curve * h[0], rise[:1] + curve * h[0], rise[1:2] + curve * h[1]], axis=0
    )


def _periodic_slopes(x: Tensor, y: Tensor) -> Tensor:
    """The slopes of a periodic spline, from the whole cyclic system."""
    h = diff(x)
    n = h.shape[0]
    rise = diff(y, axis=0) / reshape(h, (-1, 1))
    before, wide = roll(h, 1), reshape(h, (-1, 1))
    eye = np.eye(n, dtype=x.dtype)
    matrix = (
        reshape(h, (-1, 1)) * np.roll(eye, -1, axis=1)
        + reshape(2 * (before + h), (-1, 1)) * eye
        + reshape(before, (-1, 1)) * np.roll(eye, 1, axis=1)
    )
    right = 3 * (wide * roll(rise, 1, axis=0) + reshape(before, (-1, 1)) * rise)
    slopes = equations.solve(matrix, right)
    return concat([slopes, slopes[:1]], axis=0)


class PchipInterpolator(Piecewise):
    """Cubic pieces through points that rise and fall only where the points do.

    >>> from adjoint.scipy.interpolate import PchipInterpolator
    >>> PchipInterpolator([0.0, 1.0, 2.0], [0.0, 1.0, 1.0])(1.5)
    Tensor(1.)
    """

    name = "scipy.interpolate.PchipInterpolator"

    def __init__(self, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
        dtype = real_dtype(x, y)
        x = abscissae(self.name, x, dtype)
        y, place = ordinates(self.name, y, axis, x.size, dtype)
        self._set(hermite(x, y, _monotone_slopes(x, y)), x, extrapolate, place)


def _monotone_slopes(x: Tensor, y: Tensor) -> Tensor:
    """Harmonic means of the neighbouring slopes, 0 where they differ in sign."""
    h = spread(diff(x), y)
    m = diff(y, axis=0) / h
    if m.shape[0] == 1:
        return concat([m, m], axis=0)
    left, right = m[:-1], m[1:]
    flat = not_equal(sign(left), sign(right)) | equal(left, 0) | equal(right, 0)
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inverse = w1 / where(flat, 1.0, left) + w2 / where(flat, 1.0, right)
    inner = where(flat, 0.0, (w1 + w2) / where(flat, 1.0, inverse))
    first = _edge_slope(h[:1], h[1:2], m[:1], m[1:2])
    last = _edge_slope(h[-1:], h[-2:-1], m[-1:], m[-2:-1])
    return concat([first, inner, last], axis=0)


def _edge_slope(h0: Tensor, h1: Tensor, m0: Tensor, m1: Tensor) -> Tensor:
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    steep = not_equal(sign(m0), sign(m1)) & (abs(d) > 3 * abs(m0))
    return where(not_equal(sign(d), sign(m0)), 0.0, where(steep, 3 * m0, d))


class Akima1DInterpolator(Piecewise):
    """Akima's cubic pieces through points; method "makima" overshoots less.

    >>> from adjoint.scipy.interpolate import Akima1DInterpolator
    >>> Akima1DInterpolator([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])(0.5)
    Tensor(0.5)
    """

    name = "scipy.interpolate.Akima1DInterpolator"

    def __init__(
        self, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = None
    ) -> None:
        if method not in ("akima", "makima"):
            raise unsupported(self.name, "method", method, 'give "akima" or "makima"')
        dtype = real_dtype(x, y)
        x = abscissae(self.name, x, dtype)
        y, place = ordinates(self.name, y, axis, x.size, dtype)
        slopes = _akima_slopes(x, y, method == "makima")
        self._set(hermite(x, y, slopes), x, bool(extrapolate), place)


def _akima_slopes(x: Tensor, y: Tensor, modified: bool) -> Tensor:
    m = diff(y, axis=0) / spread(diff(x), y)
    if m.shape[0] == 1:
        return concat([m, m], axis=0)
    before = 2 * m[:1] - m[1:2]
    after = 2 * m[-1:] - m[-2:-1]
    m = concat([2 * before - m[:1], before, m, after, 2 * after - m[-1:]], axis=0)
    jump = abs(diff(m, axis=0))
    if modified:
        jump = jump + 0.5 * abs(m[1:] + m[:-1])
    f1, f2 = jump[2:], jump[:-2]
    both = f1 + f2
    known = both > 1e-9 * extremum.max(both)
    weighted = (f1 * m[1:-2] + f2 * m[2:-1]) / where(known, both, 1.0)
    return where(known, weighted, 0.5 * (m[3:] + m[:-3]))
