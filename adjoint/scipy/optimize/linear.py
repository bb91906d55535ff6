"""Linear least squares with conditions: SciPy finds which of them bind, and the rest is linear."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg.equations import lstsq
from adjoint.errors import ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.elementwise.choice import stop_gradient, where
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.movement import broadcast_to
from adjoint.scipy.common import constant, floating

__all__ = ["isotonic_regression", "linear_sum_assignment", "lsq_linear", "nnls"]


def _values(name: str, argument: str, x: Any) -> Any:
    """The numbers in a tensor, by which SciPy decides."""
    return constant(name, argument, stop_gradient(as_tensor(x)))


def _system(name: str, A: Any, b: Any) -> tuple[Tensor, Tensor]:
    matrix, right = floating(A), floating(b)
    if matrix.ndim != 2 or right.shape != matrix.shape[:1]:
        raise ShapeError(
            f"{name}: A must be a matrix and b a vector with as many rows, got shapes "
            f"{matrix.shape} and {right.shape}"
        )
    return matrix, right


def _with_free(matrix: Tensor, right: Tensor, free: Any, fixed: Tensor) -> Tensor:
    """The solution in which the free unknowns are those of least squares, and others fixed."""
    places = np.flatnonzero(free)
    if not places.size:
        return fixed
    held = where(free, 0.0, fixed)
    inner = lstsq(matrix[:, places], right - matmul(matrix, held)).x
    spread = from_array(np.eye(free.size)[:, places].astype(matrix.dtype))
    return as_tensor(held + matmul(spread, inner))


def nnls(A: Any, b: Any, **options: Any) -> tuple[Tensor, Tensor]:
    """``scipy.optimize.nnls``: the x ≥ 0 that makes ‖A x - b‖ least, and that norm.

    >>> from adjoint.scipy.optimize import nnls
    >>> nnls([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0])
    (Tensor([2., 0.]), Tensor(1.))
    """
    name = "scipy.optimize.nnls"
    matrix, right = _system(name, A, b)
    found, _ = import_module("scipy.optimize").nnls(
        _values(name, "A", matrix), _values(name, "b", right), **options
    )
    zero = from_array(np.zeros(found.size, matrix.dtype))
    x = _with_free(matrix, right, found > 0, zero)
    return x, norm2(matmul(matrix, x) - right, 0)


def lsq_linear(A: Any, b: Any, bounds: Any = (-np.inf, np.inf), **options: Any) -> Any:
    """``scipy.optimize.lsq_linear``: the x between bounds that makes ‖A x - b‖ least.

    The result is SciPy's; `x`, `fun` and `cost` have derivatives by `A`, `b` and the bounds.

    >>> from adjoint.scipy.optimize import lsq_linear
    >>> lsq_linear([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0], (0.0, 3.0)).x
    Tensor([2., 0.])
    """
    name = "scipy.optimize.lsq_linear"
    matrix, right = _system(name, A, b)
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    count = matrix.shape[1]
    low, high = (broadcast_to(as_tensor(x, matrix.dtype), (count,)) for x in (low, high))
    plain = tuple(_values(name, "bounds", x) for x in (low, high))
    found = import_module("scipy.optimize").lsq_linear(
        _values(name, "A", matrix), _values(name, "b", right), plain, **options
    )
    mask = _binding(found, plain)
    fixed = where(mask < 0, low, where(mask > 0, high, 0.0))
    found.x = _with_free(matrix, right, mask == 0, as_tensor(fixed))
    found.fun = matmul(matrix, found.x) - right
    found.cost = 0.5 * sum(found.fun * found.fun)
    return found


def _binding(found: Any, bounds: Any) -> Any:
    """Which bound holds each unknown: -1 the lower, 1 the upper, 0 none."""
    low, high = bounds
    at_low, at_high = (np.isclose(found.x, x, rtol=1e-7, atol=1e-9) for x in (low, high))
    return np.where(at_low, -1, np.where(at_high, 1, 0))


def isotonic_regression(y: Any, *, weights: Any = None, increasing: bool = True) -> Any:
    """``scipy.optimize.isotonic_regression``: the sequence without descents that is nearest to `y`.

    The result is SciPy's; each block of `x` is the mean of `y` there, weighted, and has derivatives
    by `y` and the weights.

    >>> from adjoint.scipy.optimize import isotonic_regression
    >>> isotonic_regression([1.0, 3.0, 2.0]).x
    Tensor([1. , 2.5, 2.5])
    """
    name = "scipy.optimize.isotonic_regression"
    given = floating(y)
    shares = given * 0 + 1 if weights is None else floating(weights)
    found = import_module("scipy.optimize").isotonic_regression(
        _values(name, "y", given),
        weights=None if weights is None else _values(name, "weights", shares),
        increasing=increasing,
    )
    blocks = np.searchsorted(found.blocks, np.arange(given.size), "right") - 1
    same = from_array((blocks[:, None] == blocks).astype(given.dtype))
    found.x = matmul(same, shares * given) / matmul(same, shares)
    return found


def linear_sum_assignment(cost_matrix: Any, maximize: bool = False) -> tuple[Any, Any]:
    """``scipy.optimize.linear_sum_assignment``: rows and columns, as integers, which move in steps.

    What they cost, ``cost_matrix[rows, columns].sum()``, has derivatives.

    >>> from adjoint.scipy.optimize import linear_sum_assignment
    >>> linear_sum_assignment([[4.0, 1.0], [2.0, 0.0]])[1].tolist()
    [1, 0]
    """
    name = "scipy.optimize.linear_sum_assignment"
    solve = import_module("scipy.optimize").linear_sum_assignment
    rows, columns = solve(_values(name, "cost_matrix", cost_matrix), maximize)
    return rows, columns
