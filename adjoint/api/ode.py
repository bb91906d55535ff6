"""Ordinary differential equations as operations: steps are chosen when the program runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from adjoint.api.arguments import as_output, check_callable, function_name
from adjoint.api.loops import STATES, scan, while_loop
from adjoint.api.stepping import open_leaves
from adjoint.api.tree import flatten, same_structure
from adjoint.errors import ArgumentError, DTypeError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import promote, size_of, to_inexact
from adjoint.ops.elementwise.choice import maximum, minimum, stop_gradient, where
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import reshape

_PLACES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_ROWS: tuple[tuple[float, ...], ...] = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
"""J. R. Dormand, P. J. Prince, A family of embedded Runge-Kutta formulae, 1980: 5(4), 7 stages."""
_ORDER = 5


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    *args: Any,
    rtol: float = 1.4e-8,
    atol: float = 1.4e-8,
    mxstep: int = 100_000,
    hmax: float = math.inf,
    memory: int = STATES,
) -> Any:
    """The solution of y' = ``func(y, t, *args)`` with y(t[0]) = `y0`, at the times `t`.

    y is a pytree of real arrays, of which `func` returns the slopes; each result has a new leading
    axis for the times. The method is Dormand and Prince's of order 5, whose steps are chosen when
    the program runs, so that it works within `compile`, `vmap` and loops. Differentiable to every
    order by `y0`, `t`, `args` and what else `func` reads, the chosen steps held fixed. A reverse
    sweep keeps the states of an interval between two times in at most about `memory` bytes. Where
    `mxstep` steps do not suffice for an interval, or steps become too small, the results are nan
    from there on: a stiff problem needs `adjoint.scipy.integrate.solve_ivp`. As
    ``jax.experimental.ode.odeint``.

    >>> import adjoint as ad
    >>> def f(k):
    ...     return ad.odeint(lambda y, t: -k * y, 1.0, [0.0, 1.0], rtol=1e-10, atol=1e-10)[-1]
    >>> ad.compile(ad.value_and_grad(f))(1.0)
    (Tensor(0.36787944), Tensor(-0.36787944))
    """
    check_callable("odeint", func)
    for name, number in (("rtol", rtol), ("atol", atol), ("mxstep", mxstep), ("hmax", hmax)):
        if not number > 0 and not (number == 0 and name in ("rtol", "atol")):
            raise RangeError(f"odeint: {name} must be positive, got {number}")
    leaves, structure = open_leaves("odeint: y0", y0)
    times = as_tensor(t)
    if times.ndim != 1 or not times.shape[0]:
        raise ShapeError(f"odeint: t needs one axis with at least one time, got {times.shape}")
    dtype = to_inexact(promote(*[leaf.node.dtype for leaf in leaves]))
    if dtype.kind != "f":
        raise DTypeError(f"odeint: y0 has dtype {dtype}; it must be real, so give its parts")
    times = as_tensor(times, dtype)
    shapes = [leaf.shape for leaf in leaves]
    y = _joined(leaves, dtype)

    def slope(y: Tensor, t: Tensor) -> Tensor:
        result = func(structure.unflatten(_parted(y, shapes)), t, *args)
        return _joined(_like(func, result, structure, shapes), dtype)

    def interval(state: Any, stop: Tensor) -> Any:
        y, t, h = state
        after = _advanced(slope, y, t, stop, h, (rtol, atol, mxstep, hmax), memory)
        return after, after[0]

    first = _first_step(y, slope(y, times[0]), rtol, atol)
    _, later = scan(interval, (y, times[0], first), times[1:])
    whole = concat([reshape(y, (1, *y.shape)), later])
    places = _parted(whole, shapes)
    return structure.unflatten(places)


def _joined(leaves: Any, dtype: Any) -> Tensor:
    """All leaves in one array of one axis."""
    return concat([reshape(as_tensor(leaf, dtype), (size_of(leaf.shape),)) for leaf in leaves])


def _parted(y: Tensor, shapes: Any) -> list[Tensor]:
    """The leaves that lie along the last axis, in their shapes."""
    found, at = [], 0
    for shape in shapes:
        size = size_of(shape)
        found.append(reshape(y[..., at : at + size], (*y.shape[:-1], *shape)))
        at += size
    return found


def _like(func: Any, result: Any, structure: Any, shapes: Any) -> list[Tensor]:
    """The slopes, which must be like the state."""
    leaves, found = flatten(result)
    if not same_structure(found, structure):
        raise ArgumentError(
            f"odeint: {function_name(func)} returned a tree of structure {found}, y0 has "
            f"{structure}; they must be the same (adjoint.stack makes one array of a list)"
        )
    slopes = [as_output("odeint", func, leaf) for leaf in leaves]
    for slope, shape in zip(slopes, shapes, strict=True):
        if slope.shape != shape:
            raise ShapeError(
                f"odeint: {function_name(func)} returned shape {slope.shape} where y0 has shape "
                f"{shape}; there must be as many slopes as numbers"
            )
    return slopes


def _norm(x: Tensor) -> Tensor:
    return sqrt(sum(x * x) / max(size_of(x.shape), 1))


def _first_step(y: Tensor, slope: Tensor, rtol: float, atol: float) -> Tensor:
    """A step that changes the state by a hundredth (Hairer, Nørsett and Wanner, II.4)."""
    y, slope = stop_gradient(y), stop_gradient(slope)
    scale = atol + rtol * abs(y)
    size, speed = _norm(y / scale), _norm(slope / scale)
    small = (size < 1e-5) | (speed < 1e-5)
    return where(small, 1e-6, 0.01 * size / where(small, 1.0, speed))


def _advanced(
    slope: Any, y: Tensor, t: Tensor, stop: Tensor, h: Tensor, limits: Any, memory: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The state at the time `stop`, that time, and the length of the next step."""
    rtol, atol, mxstep, hmax = limits

    def goes_on(state: Any) -> Any:
        _, t, h, _, count = state
        return (t != stop) & (count < mxstep) & (t + h != t)

    def step(state: Any) -> Any:
        y, t, h, first, count = state
        rest = stop - t
        last = h >= abs(rest)
        by = where(last, rest, where(rest < 0, -h, h))
        new, final, error = _stages(slope, y, t, by, first)
        scale = atol + rtol * stop_gradient(maximum(abs(y), abs(new)))
        size = _norm(stop_gradient(error) / scale)
        accepted = size <= 1.0
        factor = 0.9 * maximum(size, 1e-10) ** (-1 / _ORDER)
        factor = where(size == size, minimum(maximum(factor, 0.2), 10.0), 0.2)
        after = abs(stop_gradient(by)) * factor
        longer = where(last & accepted, maximum(h, after), after)
        return (
            where(accepted, new, y),
            where(accepted, where(last, stop, t + by), t),
            stop_gradient(minimum(longer, hmax)),
            where(accepted, final, first),
            count + 1,
        )

    begin = (y, t, minimum(h, hmax), slope(y, t), as_tensor(0))
    y, t, h, _, _ = while_loop(goes_on, step, begin, memory=memory)
    return where(t == stop, y, math.nan), stop, h


def _stages(slope: Any, y: Tensor, t: Tensor, by: Tensor, first: Tensor) -> Any:
    """The state after a step, its slope there, and an estimate of the error."""
    stages = [first]
    inner = y
    for row, place in zip(_ROWS[1:], _PLACES[1:], strict=True):
        inner = y + by * _sum(stages, row)
        stages.append(slope(inner, t + place * by))
    return inner, stages[-1], by * _sum(stages, _ERROR)


def _sum(stages: list[Tensor], weights: tuple[float, ...]) -> Any:
    found: Any = 0.0
    for stage, weight in zip(stages, weights, strict=True):
        if weight:
            found = found + weight * stage
    return found
