"""Integrals and interpolation of tabulated functions. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.calculus.differences import diff, neighbours
from adjoint.array.statistics.descriptive import inexact
from adjoint.array.values import known
from adjoint.errors import DTypeError, RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import normalize_axis, promote
from adjoint.ops.elementwise.arithmetic import remainder
from adjoint.ops.elementwise.choice import abs, clip, stop_gradient, where
from adjoint.ops.elementwise.comparison import equal, greater, less
from adjoint.ops.indexing.indexing import take
from adjoint.ops.kinks.kinks import with_kink
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.reductions.sorting import argsort, searchsorted
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import reshape

__all__ = ["interp", "trapezoid"]


@public
def trapezoid(y: Any, /, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Tensor:
    """The integral of `y` along `axis` by the trapezoidal rule.

    The places `x` have the length of the axis, or the shape of `y`; without them they lie `dx`
    apart. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.trapezoid(ad.asarray([1.0, 2.0, 3.0]), x=[0.0, 1.0, 3.0])
    Tensor(6.5)
    """
    y = inexact(y)
    place = normalize_axis("trapezoid", axis, y.ndim)
    if x is None:
        width = dx if type(dx) in (int, float) else as_tensor(dx)
    else:
        x = as_tensor(x)
        if x.shape != y.shape and x.shape != (y.shape[place],):
            raise ShapeError(
                f"trapezoid: the coordinates x have shape {x.shape}; expected "
                f"{(y.shape[place],)} or the shape of y, {y.shape}"
            )
        width = diff(x, axis=place if x.ndim == y.ndim else 0)
        if x.ndim != y.ndim:
            width = reshape(width, (-1, *(1,) * (y.ndim - place - 1)))
    after, before = neighbours(y, place)
    return sum(width * (after + before) / 2, place)


@public
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Tensor:
    """The values at `x` of the function through the points (`xp`, `fp`), straight between them.

    `xp` is in ascending order. Outside, the value is `left` and `right`, by default that of the
    nearest end, and the slope 0. At a point the slope is that to its right, at both ends the one
    inside. `xp` and `fp` have derivatives too. period: of the function, whose points may then stand
    in any order, and which has no outside. Raises `ShapeError`, `RangeError`, `DTypeError`.

    >>> import adjoint as ad
    >>> ad.interp(2.5, [1.0, 2.0, 3.0], [3.0, 2.0, 0.0])
    Tensor(1.)
    """
    x, xp, fp = inexact(x), inexact(xp), inexact(fp)
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ShapeError(
            f"interp: xp and fp must be one axis of equal length, at least 1; got shapes "
            f"{xp.shape} and {fp.shape}"
        )
    if period is not None:
        x, xp, fp = _repeated(x, xp, fp, period)
        left = right = None
    dtype = promote(x.dtype, xp.dtype)
    if dtype.kind == "c":
        raise DTypeError(
            f"interp: x and xp must be real to be compared, got {x.dtype} and {xp.dtype}; take the "
            f"real part (only fp may be complex)"
        )
    x, xp = as_tensor(x, dtype), as_tensor(xp, dtype)
    if xp.size == 1:
        inside = fp[0] + 0 * x
    else:
        after = clip(searchsorted(xp, x, side="right"), 1, xp.size - 1)
        x0, x1, f0, f1 = (
            take(points, place, axis=0) for points in (xp, fp) for place in (after - 1, after)
        )
        width = x1 - x0
        step = equal(width, 0)  # two points at one place: a jump, to the later one
        slope = (f1 - f0) / where(step, 1, width)
        inside = where(step | equal(x, x1), f1 + (x - x1) * slope, f0 + (x - x0) * slope)
        inside = with_kink(inside, x, lambda: equal(x, x0) | equal(x, x1), "interp")
    low = fp[0] if left is None else left
    high = fp[-1] if right is None else right
    return where(less(x, xp[0]), low, where(greater(x, xp[-1]), high, inside))


def _repeated(x: Tensor, xp: Tensor, fp: Tensor, period: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Points within one period in ascending order, with one more from the next on either side."""
    period = abs(inexact(period))
    if not np.all(known(period)):
        raise RangeError("interp: the period must not be 0")
    x, xp = remainder(x, period), remainder(xp, period)
    order = argsort(stop_gradient(xp))
    xp, fp = (take(points, order, axis=0) for points in (xp, fp))
    return x, concat([xp[-1:] - period, xp, xp[:1] + period]), concat([fp[-1:], fp, fp[:1]])
