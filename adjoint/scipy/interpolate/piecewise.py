"""Piecewise polynomials, differentiable by places, breakpoints and coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.calculus.differences import diff
from adjoint.errors import NotDifferentiableError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType
from adjoint.ops.elementwise.arithmetic import remainder
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.elementwise.comparison import logical_and
from adjoint.ops.indexing.indexing import take
from adjoint.ops.reductions import reduction
from adjoint.ops.reductions.cumulative import cumsum
from adjoint.ops.reductions.sorting import searchsorted
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import integer, real_dtype

__all__ = ["Piecewise", "abscissae", "ordinates", "spread"]


def abscissae(name: str, x: Any, dtype: DType) -> Tensor:
    """Strictly rising places along one axis."""
    x = as_tensor(x, dtype)
    if x.ndim != 1 or x.size < 2:
        raise ShapeError(f"{name}: x needs one axis with two points or more, got shape {x.shape}")
    scope = x.node.scope
    if (scope is None or not scope.abstract) and not bool(reduction.all(x[1:] > x[:-1])):
        raise RangeError(f"{name}: x must be strictly increasing")
    result: Tensor = x
    return result


def ordinates(name: str, y: Any, axis: Any, size: int, dtype: DType) -> tuple[Tensor, int]:
    """The values with their axis first, and where it was."""
    y = as_tensor(y, dtype)
    place = integer(name, "axis", axis)
    if not -y.ndim <= place < y.ndim:
        raise ShapeError(f"{name}: axis {axis} does not exist for y of shape {y.shape}")
    place %= y.ndim
    y = moveaxis(y, place, 0)
    if y.shape[0] != size:
        raise ShapeError(f"{name}: x has {size} places, y {y.shape[0]} along axis {place}")
    return y, place


def spread(x: Tensor, like: Tensor) -> Tensor:
    """A vector with as many axes behind as `like` has after its first."""
    return reshape(x, (-1, *(1,) * (like.ndim - 1)))


class Piecewise:
    """Σ c[k - j] (x - x[i])ʲ between x[i] and x[i + 1], as ``scipy.interpolate.PPoly``.

    c: coefficients, the highest power first; their second axis counts the pieces.

    >>> from adjoint.scipy.interpolate import PPoly
    >>> PPoly([[1.0], [2.0]], [0.0, 1.0])(0.5)
    Tensor(2.5)
    """

    name = "scipy.interpolate.PPoly"

    def __init__(self, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
        dtype = real_dtype(c, x)
        self._set(as_tensor(c, dtype), abscissae(self.name, x, dtype), extrapolate, axis)

    def _set(self, c: Tensor, x: Tensor, extrapolate: Any, axis: int) -> None:
        self._c, self._x, self.axis = c, x, axis
        self.extrapolate = True if extrapolate is None else extrapolate

    @property
    def c(self) -> Tensor:
        """The coefficients, the highest power first; the second axis counts the pieces."""
        return self._c

    @property
    def x(self) -> Tensor:
        """The breakpoints."""
        return self._x

    @classmethod
    def _made(cls, c: Tensor, x: Tensor, extrapolate: Any, axis: int) -> Piecewise:
        made = Piecewise.__new__(Piecewise)
        made._set(c, x, extrapolate, axis)
        return made

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Tensor:
        """The values at `x`, or with `nu` those of the derivative of that order."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        order = integer(self.name, "nu", nu)
        if order < 0:
            raise RangeError(
                f"{self.name}: nu must be 0, or the order of a derivative, got {nu}; integrals are "
                f"those of antiderivative"
            )
        places = as_tensor(x, real_dtype(x, self._x))
        flat = reshape(places, (-1,))
        flat = as_tensor(flat, self._x.dtype) if flat.dtype.kind != "f" else flat
        knots = self._x
        if extrapolate == "periodic":
            flat = knots[0] + remainder(flat - knots[0], knots[-1] - knots[0])
        inside = logical_and(flat >= knots[0], flat <= knots[-1])
        last = knots.shape[0] - 2
        piece = clip(searchsorted(knots, flat, side="right") - 1, 0, last)
        c = take(self._c, piece, axis=1)
        local = spread(flat - take(knots, piece, axis=0), c[0])
        result = _horner(c, local, order)
        if extrapolate is False:
            result = where(spread(inside, result), result, np.nan)
        return self._placed(result, places.shape)

    def _placed(self, result: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Values of which the first axis counts places, in the shape that SciPy gives."""
        rest = result.shape[1:]
        result = reshape(result, (*shape, *rest))
        many = len(shape)
        if many == 0 or self.axis == 0:
            return result
        return moveaxis(result, tuple(range(many)), tuple(range(self.axis, self.axis + many)))

    def derivative(self, nu: int = 1) -> Piecewise:
        """The derivative of order `nu`, another piecewise polynomial."""
        order = integer(self.name, "nu", nu)
        if order < 0:
            return self.antiderivative(-order)
        degree = self._c.shape[0] - 1
        if order > degree:
            c = self._c[:1] * 0.0
        else:
            c = stack([self._c[i] * _falling(degree - i, order) for i in range(degree - order + 1)])
        return self._made(c, self._x, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> Piecewise:
        """The integral from the first breakpoint, `nu` times, another piecewise polynomial."""
        order = integer(self.name, "nu", nu)
        if order <= 0:
            return self.derivative(-order)
        made: Piecewise = self
        for _ in range(order):
            degree = made._c.shape[0] - 1
            rows = [made._c[i] / (degree - i + 1) for i in range(degree + 1)]
            zero = rows[0] * 0.0
            steps = spread(diff(made._x), zero)
            c = stack([*rows, zero])
            whole = _horner(c, steps, 0)
            start = concat([whole[:1] * 0.0, cumsum(whole, axis=0)[:-1]], axis=0)
            extrapolate = made.extrapolate if made.extrapolate != "periodic" else True
            made = self._made(stack([*rows, start]), made._x, extrapolate, made.axis)
        return made

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Tensor:
        """The definite integral from `a` to `b`."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        if extrapolate == "periodic":
            raise NotDifferentiableError(
                f"{self.name}.integrate: of a periodic function it has no differentiable "
                f"counterpart; give extrapolate=True and ends within one period"
            )
        whole = self.antiderivative()
        return whole(b, 0, extrapolate) - whole(a, 0, extrapolate)

    def roots(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: roots are found on plain numbers."""
        raise NotDifferentiableError(
            f"{self.name}.roots has no differentiable counterpart; call it with plain numbers"
        )

    solve = roots


def _falling(power: int, order: int) -> float:
    """power (power - 1) …, `order` factors."""
    result = 1.0
    for i in range(order):
        result *= power - i
    return result


def _horner(c: Tensor, local: Tensor, order: int) -> Tensor:
    """The polynomials (or their derivatives) with coefficients c at the places `local`."""
    degree = c.shape[0] - 1
    if order > degree:
        return c[0] * local * 0.0
    total = c[0] * _falling(degree, order) + 0.0 * local
    for i in range(1, degree - order + 1):
        total = total * local + c[i] * _falling(degree - i, order)
    return total
