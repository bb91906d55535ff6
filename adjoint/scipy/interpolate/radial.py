"""Interpolation of scattered points by radial functions, ``scipy.interpolate.RBFInterpolator``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.linalg.equations import solve
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient, where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.extremum import max, min
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import matrix_transpose, reshape
from adjoint.scipy.common import integer, real_dtype, refuse

_NAME = "scipy.interpolate.RBFInterpolator"


def _plate(square: Tensor) -> Tensor:
    """r² log r, 0 at 0."""
    none = equal(square, 0)
    return where(none, 0.0, 0.5 * square * log(where(none, 1.0, square)))


def _distance(square: Tensor) -> Tensor:
    """r, whose slope where points coincide is 0."""
    none = equal(square, 0)
    return where(none, 0.0, sqrt(where(none, 1.0, square)))


_KERNELS: dict[str, tuple[Callable[[Tensor], Tensor], int, bool]] = {
    "linear": (lambda s: -_distance(s), 0, True),
    "thin_plate_spline": (_plate, 1, True),
    "cubic": (lambda s: s * _distance(s), 1, True),
    "quintic": (lambda s: -s * s * _distance(s), 2, True),
    "multiquadric": (lambda s: -sqrt(1 + s), 0, False),
    "inverse_multiquadric": (lambda s: 1 / sqrt(1 + s), -1, False),
    "inverse_quadratic": (lambda s: 1 / (1 + s), -1, False),
    "gaussian": (lambda s: exp(-s), -1, False),
}
"""Functions of (ε r)², the least degree of the polynomial, and whether ε says nothing new."""


class RBFInterpolator:
    """The sum of radial functions about points, and of a polynomial, that has given values there.

    Differentiable by the values, the points, `smoothing`, `epsilon` and the places asked.

    >>> from adjoint.scipy.interpolate import RBFInterpolator
    >>> RBFInterpolator([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])([[0.5]])
    Tensor([0.5])
    """

    def __init__(
        self,
        y: Any,
        d: Any,
        neighbors: Any = None,
        smoothing: Any = 0.0,
        kernel: str = "thin_plate_spline",
        epsilon: Any = None,
        degree: Any = None,
    ) -> None:
        refuse(_NAME, neighbors=(neighbors, None))
        dtype = real_dtype(y, d, smoothing, *([] if epsilon is None else [epsilon]))
        self.points, values = as_tensor(y, dtype), as_tensor(d, dtype)
        if self.points.ndim != 2 or values.shape[:1] != self.points.shape[:1]:
            raise ShapeError(
                f"{_NAME}: y needs shape (points, axes) and d as many values, got shapes "
                f"{self.points.shape} and {values.shape}"
            )
        if kernel not in _KERNELS:
            known = ", ".join(map(repr, _KERNELS))
            raise ArgumentError(f"{_NAME}: kernel must be one of {known}, got {kernel!r}")
        self.function, least, free = _KERNELS[kernel]
        if epsilon is None and not free:
            raise ArgumentError(f"{_NAME}: the kernel {kernel!r} needs epsilon; give a number")
        self.epsilon = as_tensor(1.0 if epsilon is None else epsilon, dtype)
        power = least * (least > 0) if degree is None else integer(_NAME, "degree", degree)
        if power < -1:
            raise RangeError(f"{_NAME}: degree must be -1 or more, got {degree!r}")
        self.powers = _monomials(self.points.shape[1], power)
        if len(self.powers) > self.points.shape[0]:
            raise RangeError(
                f"{_NAME}: a polynomial of degree {power} needs {len(self.powers)} points, got "
                f"{self.points.shape[0]}"
            )
        fixed = stop_gradient(self.points)  # polynomials in other units are the same polynomials
        ends = min(fixed, 0), max(fixed, 0)
        width = 0.5 * (ends[1] - ends[0])
        self.middle, self.width = 0.5 * (ends[0] + ends[1]), where(equal(width, 0), 1.0, width)
        self.trailing = values.shape[1:]
        self.weights = self._solved(reshape(values, (values.shape[0], -1)), smoothing)

    def _solved(self, values: Tensor, smoothing: Any) -> Tensor:
        """The weights of the functions and of the monomials."""
        count, terms = self.points.shape[0], len(self.powers)
        diagonal = as_tensor(smoothing, values.dtype) * np.eye(count, dtype=values.dtype)
        matrix = self._functions(self.points) + diagonal
        if terms:
            polynomials = self._polynomials(self.points)
            corner = np.zeros((terms, terms), values.dtype)
            above = concat([matrix, polynomials], axis=1)
            below = concat([matrix_transpose(polynomials), corner], axis=1)
            matrix = concat([above, below], axis=0)
            zeros = np.zeros((terms, values.shape[1]), values.dtype)
            values = concat([values, zeros], axis=0)
        return solve(matrix, values)

    def _functions(self, x: Tensor) -> Tensor:
        difference = (x[:, None, :] - self.points[None, :, :]) * self.epsilon
        return self.function(sum(difference * difference, -1))

    def _polynomials(self, x: Tensor) -> Tensor:
        columns, x = [], (x - self.middle) / self.width
        for powers in self.powers:
            column: Any = as_tensor(np.ones(x.shape[0]), x.dtype)
            for axis, power in enumerate(powers):
                column = column * x[:, axis] ** power if power else column
            columns.append(column)
        return stack(columns, axis=1)

    def __call__(self, x: Any) -> Tensor:
        """The values at the rows of `x`."""
        x = as_tensor(x, real_dtype(x, self.points))
        if x.ndim != 2 or x.shape[1] != self.points.shape[1]:
            raise ShapeError(
                f"{_NAME}: x needs shape (places, {self.points.shape[1]}), got {x.shape}"
            )
        basis = self._functions(x)
        if self.powers:
            basis = concat([basis, self._polynomials(x)], axis=1)
        return reshape(matmul(basis, self.weights), (x.shape[0], *self.trailing))


def _monomials(axes: int, degree: int) -> list[tuple[int, ...]]:
    """The powers of each coordinate in all monomials of up to this degree."""
    every = itertools.product(range(degree + 1), repeat=axes)
    return [powers for powers in every if np.sum(powers) <= degree]
