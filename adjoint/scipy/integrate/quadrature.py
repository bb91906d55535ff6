"""Integrals by rules on given nodes. Composites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.calculus import tabulated_functions
from adjoint.array.calculus.differences import diff
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.reductions.cumulative import cumsum
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import broadcast_to
from adjoint.ops.shape.rearrange import flip, moveaxis
from adjoint.scipy.common import floating, integer, no_counterpart, operand, real_dtype, refuse

__all__ = [
    "cumulative_simpson",
    "cumulative_trapezoid",
    "fixed_quad",
    "romb",
    "simpson",
    "solve_bvp",
    "trapezoid",
]


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The integral along `axis` by the trapezoidal rule, on nodes `x` or `dx` apart.

    >>> from adjoint.scipy.integrate import trapezoid
    >>> trapezoid([1.0, 2.0, 3.0], x=[0.0, 1.0, 3.0])
    Tensor(6.5)
    """
    return tabulated_functions.trapezoid(floating(y), x, operand(dx), axis)


def _lanes(name: str, y: Any, x: Any, axis: Any) -> tuple[Tensor, Tensor | None, int]:
    """`y` with `axis` last, the nodes likewise (they may have one axis), and where it was."""
    y = floating(y)
    place = integer(f"scipy.integrate.{name}", "axis", axis)
    if not -y.ndim <= place < y.ndim:
        raise ShapeError(f"scipy.integrate.{name}: axis {axis} does not exist for shape {y.shape}")
    place %= y.ndim
    if x is not None:
        x = floating(x)
        if x.ndim != 1:
            x = moveaxis(x, place, -1)
    y = moveaxis(y, place, -1)
    if x is not None and x.shape[-1] != y.shape[-1]:
        raise ShapeError(
            f"scipy.integrate.{name}: the nodes have {x.shape[-1]} points along the axis, y has "
            f"{y.shape[-1]}"
        )
    return y, x, place


def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The integral along `axis` by Simpson's rule, on nodes `x` or `dx` apart.

    Of an even number of nodes the last interval takes the parabola of the last three.

    >>> from adjoint.scipy.integrate import simpson
    >>> simpson([0.0, 1.0, 4.0])
    Tensor(2.66666667)
    """
    y, x, _ = _lanes("simpson", y, x, axis)
    n = y.shape[-1]
    if n < 2:
        return sum(0.0 * y, -1)
    widths = None if x is None else diff(x, axis=-1)
    if n % 2:
        return _parabolas(y, widths, dx, n)
    if n == 2:
        width = dx if widths is None else widths[..., 0]
        result: Tensor = 0.5 * width * (y[..., 0] + y[..., 1])
        return result
    before, last = (dx, dx) if widths is None else (widths[..., -2], widths[..., -1])
    both = before + last
    alpha = (2 * last * last + 3 * before * last) / (6 * both)
    beta = (last * last + 3 * before * last) / (6 * before)
    eta = last * last * last / (6 * before * both)
    end: Tensor = alpha * y[..., -1] + beta * y[..., -2] - eta * y[..., -3]
    return _parabolas(y, widths, dx, n - 1) + end


def _parabolas(y: Tensor, widths: Tensor | None, dx: Any, n: int) -> Tensor:
    """Simpson's rule on the first n nodes, an odd number."""
    a, b, c = y[..., 0 : n - 2 : 2], y[..., 1 : n - 1 : 2], y[..., 2:n:2]
    if widths is None:
        result: Tensor = sum(a + 4.0 * b + c, -1) * (dx / 3.0)
        return result
    h0, h1 = widths[..., 0 : n - 2 : 2], widths[..., 1 : n - 1 : 2]
    total, ratio = h0 + h1, h0 / h1
    parts = a * (2 - 1 / ratio) + b * (total * total / (h0 * h1)) + c * (2 - ratio)
    return sum(total / 6.0 * parts, -1)


def _with_initial(result: Tensor, initial: Any, place: int) -> Tensor:
    if initial is not None:
        first = broadcast_to(as_tensor(initial, result.dtype), (*result.shape[:-1], 1))
        result = concat([first, result], axis=result.ndim - 1)
    return moveaxis(result, -1, place)


def cumulative_trapezoid(
    y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Tensor:
    """The integrals up to each node but the first by the trapezoidal rule; `initial` comes first.

    >>> from adjoint.scipy.integrate import cumulative_trapezoid
    >>> cumulative_trapezoid([1.0, 2.0, 3.0], initial=0)
    Tensor([0. , 1.5, 4. ])
    """
    y, x, place = _lanes("cumulative_trapezoid", y, x, axis)
    width = operand(dx) if x is None else diff(x, axis=-1)
    parts = width * (y[..., 1:] + y[..., :-1]) / 2.0
    return _with_initial(cumsum(parts, axis=-1), initial, place)


def cumulative_simpson(
    y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Tensor:
    """The integrals up to each node but the first by Simpson's rule; `initial` is added to them.

    >>> from adjoint.scipy.integrate import cumulative_simpson
    >>> cumulative_simpson([0.0, 1.0, 4.0], initial=0.0)
    Tensor([0.        , 0.33333333, 2.66666667])
    """
    y, x, place = _lanes("cumulative_simpson", y, x, axis)
    n = y.shape[-1]
    if n < 3:
        width = operand(dx) if x is None else diff(x, axis=-1)
        result = cumsum(width * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    else:
        if x is None:
            widths = as_tensor(np.ones(n - 1, y.dtype)) * dx
            rule = _first_of_equal
        else:
            widths, rule = diff(x, axis=-1), _first_of_unequal
        first = rule(y, widths)  # the integral over the first of two intervals
        second = flip(rule(flip(y, -1), flip(widths, -1)), -1)  # and over the second
        odd = np.arange(n - 1) % 2 == 1
        odd[-1] = True
        pad = np.zeros((*first.shape[:-1], 1), y.dtype)
        padded = concat([first, pad], axis=first.ndim - 1)
        other = concat([pad, second], axis=first.ndim - 1)
        result = cumsum(where(odd, other, padded), axis=-1)
    if initial is not None:
        result = result + operand(initial)
    return _with_initial(result, initial, place)


def _first_of_equal(y: Tensor, widths: Tensor) -> Tensor:
    a, b, c = y[..., :-2], y[..., 1:-1], y[..., 2:]
    result: Tensor = widths[..., :-1] / 3 * (1.25 * a + 2.0 * b - 0.25 * c)
    return result


def _first_of_unequal(y: Tensor, widths: Tensor) -> Tensor:
    a, b, c = y[..., :-2], y[..., 1:-1], y[..., 2:]
    h0, h1 = widths[..., :-1], widths[..., 1:]
    part = h0 / (h0 + h1)
    curve = part * h0 / h1
    result: Tensor = h0 / 6 * ((3 - part) * a + (3 + curve + part) * b - curve * c)
    return result


def fixed_quad(
    func: Callable[..., Any], a: Any, b: Any, args: tuple[Any, ...] = (), n: int = 5
) -> tuple[Any, None]:
    """The integral from `a` to `b` by Gauss's rule with n nodes, and None.

    >>> from adjoint.scipy.integrate import fixed_quad
    >>> fixed_quad(lambda x: x**2, 0.0, 3.0)[0]
    Tensor(9.)
    """
    count = integer("scipy.integrate.fixed_quad", "n", n)
    nodes, weights = import_module("scipy.special").roots_legendre(count)
    dtype = real_dtype(a, b)
    nodes, weights = np.real(nodes).astype(dtype), weights.astype(dtype)
    a, b = operand(a), operand(b)
    places = as_tensor((b - a) * (nodes + 1) / 2.0 + a)
    values = as_tensor(func(places, *args))
    return (b - a) / 2.0 * sum(weights * values, -1), None


def romb(y: Any, dx: Any = 1.0, axis: int = -1, show: bool = False) -> Tensor:
    """The integral along `axis` by Romberg's rule, of 2ᵏ + 1 nodes `dx` apart.

    >>> from adjoint.scipy.integrate import romb
    >>> romb([0.0, 1.0, 4.0])
    Tensor(2.66666667)
    """
    refuse("scipy.integrate.romb", show=(show, False))
    y, _, _ = _lanes("romb", y, None, axis)
    intervals = y.shape[-1] - 1
    levels = max(intervals.bit_length() - 1, 0)
    if intervals < 1 or 2**levels != intervals:
        raise RangeError(
            f"scipy.integrate.romb: needs 2ᵏ + 1 nodes along the axis, got {y.shape[-1]}"
        )
    step = intervals * operand(dx)
    rows = [[(y[..., 0] + y[..., -1]) / 2.0 * step]]
    for i in range(1, levels + 1):
        stride = intervals >> i
        step = step / 2.0
        middle = sum(y[..., stride :: 2 * stride], -1)
        row = [0.5 * rows[-1][0] + step * middle]
        for j in range(1, i + 1):
            row.append(row[j - 1] + (row[j - 1] - rows[-1][j - 1]) / ((1 << 2 * j) - 1))
        rows.append(row)
    return as_tensor(rows[-1][-1])


solve_bvp = no_counterpart("scipy.integrate.solve_bvp", "solve the equations on a fixed grid")
