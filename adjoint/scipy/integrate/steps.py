"""Steps of methods for initial value problems, with tensors, over times that SciPy chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from adjoint.api.implicit import custom_root
from adjoint.api.jacobians import jacobian
from adjoint.api.loops import scan
from adjoint.array.linalg.equations import solve
from adjoint.errors import ArgumentError, ConcretizationError, RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.node import order_of_derivatives
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape

__all__ = ["Explicit", "Step", "moved", "radau_steps", "value_of"]

Slope = Callable[[Any, Any], Any]


def value_of(name: str, x: Any) -> Any:
    """The plain value of what may be traced."""
    try:
        return np.array(stop_gradient(as_tensor(x)).numpy())
    except ConcretizationError as error:
        raise ArgumentError(
            f"{name}: the steps are chosen by values, which are not known while tracing; use "
            f"adjoint.odeint, whose steps are chosen when the program runs, or write the steps out "
            f"(such as Runge-Kutta 4) over a fixed grid of times"
        ) from error


def moved(slope: Slope, y: Tensor, t: Any, by: Any) -> Tensor:
    """The solution a time `by` after `t`, where it is `y`, by a step of length zero.

    It is called with a time `by` that is zero, but not constant. Then its value is `y`, and its
    derivatives by the times are those of the solution: up to order 4 by the classical method, and
    beyond, where more transforms are nested, by extrapolation of as high an order as they ask for.
    """
    first = slope(t, y)
    given = (first, y, *(x for x in (t, by) if isinstance(x, Tensor)))
    order = order_of_derivatives(*(x.node for x in given))
    if order > 4:
        return _extrapolated(slope, y, t, by, first, (order + 1) // 2)
    half = t + by / 2
    k2 = slope(half, y + by / 2 * first)
    k3 = slope(half, y + by / 2 * k2)
    k4 = slope(t + by, y + by * k3)
    result: Tensor = y + by / 6 * (first + 2 * k2 + 2 * k3 + k4)
    return result


def _extrapolated(slope: Slope, y: Tensor, t: Any, by: Any, first: Tensor, rows: int) -> Tensor:
    """A step of order 2 `rows`: Gragg's rule with 2, 4, 6 … parts, extrapolated to none.

    Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, II.9.
    """
    counts = range(2, 2 * rows + 1, 2)
    total: Any = 0.0
    for n in counts:
        before, now = y, y + by / n * first
        for m in range(1, n):
            before, now = now, before + 2 * by / n * slope(t + m * by / n, now)
        ended = (now + before + by / n * slope(t + by, now)) / 2
        total = total + prod(n * n / (n * n - k * k) for k in counts if k != n) * ended
    result: Tensor = total
    return result


def _combined(stages: Sequence[Tensor], weights: Any) -> Tensor:
    total: Any = 0.0
    for stage, weight in zip(stages, weights, strict=False):
        if weight:
            total = total + float(weight) * stage
    result: Tensor = total if isinstance(total, Tensor) else 0.0 * stages[0]
    return result


class Step:
    """A step from `start`, where the solution is `before`, to `stop`, where it is `after`."""

    start: float
    stop: float
    before: Tensor
    after: Tensor

    def between(self, t: float) -> Tensor:
        """The solution at a time within the step."""
        raise NotImplementedError


class Explicit(Step):
    """A step of an explicit Runge-Kutta method of SciPy's."""

    def __init__(
        self, method: str, slope: Slope, y: Tensor, start: float, stop: float, first: Tensor | None
    ) -> None:
        self.method = getattr(import_module("scipy.integrate"), method)
        self.name, self.slope = method, slope
        self.start, self.stop, self.before = start, stop, y
        h = stop - start
        stages = [slope(start, y) if first is None else first]
        count = self.method.n_stages
        rows = zip(self.method.A[1:count], self.method.C[1:count], strict=True)
        for place, (weights, c) in enumerate(rows, 1):
            inner = y + h * _combined(stages, weights[:place])
            stages.append(slope(start + float(c) * h, inner))
        self.after = y + h * _combined(stages, self.method.B)
        self.last = slope(stop, self.after)
        self.stages = [*stages, self.last]

    def next(self, stop: float) -> Explicit:
        """The step after this."""
        return Explicit(self.name, self.slope, self.after, self.stop, stop, self.last)

    def between(self, t: float) -> Tensor:
        """By the method's interpolation, or else by a shorter step."""
        if self.name == "DOP853":
            inner = Explicit(self.name, self.slope, self.before, self.start, t, self.stages[0])
            return inner.after
        part = (t - self.start) / (self.stop - self.start)
        powers = part ** np.arange(1, self.method.P.shape[1] + 1)
        weights = self.method.P @ powers
        result: Tensor = self.before + (self.stop - self.start) * _combined(self.stages, weights)
        return result


_ROOT = 6**0.5
_PLACES = np.array([(4 - _ROOT) / 10, (4 + _ROOT) / 10, 1.0])
_WEIGHTS = np.array(
    [
        [(88 - 7 * _ROOT) / 360, (296 - 169 * _ROOT) / 1800, (-2 + 3 * _ROOT) / 225],
        [(296 + 169 * _ROOT) / 1800, (88 + 7 * _ROOT) / 360, (-2 - 3 * _ROOT) / 225],
        [(16 - _ROOT) / 36, (16 + _ROOT) / 36, 1 / 9],
    ]
)
"""Radau IIA of order 5: Hairer and Wanner, Solving Ordinary Differential Equations II, IV.5."""


class Radau(Step):
    """A step of Radau's implicit method of order 5, from its stages: what they add to the state."""

    def __init__(self, before: Tensor, stages: Tensor, start: float, stop: float) -> None:
        self.before, self.stages, self.start, self.stop = before, stages, start, stop
        self.after = before + stages[2]

    def between(self, t: float) -> Tensor:
        """By the polynomial through the stages."""
        x = (t - self.start) / (self.stop - self.start)
        nodes = np.array([0.0, *_PLACES])
        total: Any = self.before
        for i in (1, 2, 3):
            others = np.delete(nodes, i)
            weight = float(np.prod((x - others) / (nodes[i] - others)))
            total = total + weight * self.stages[i - 1]
        result: Tensor = total
        return result


def radau_steps(
    slope: Slope, matrix: Callable[[float, Any], Any], y: Tensor, pieces: Sequence[Any]
) -> list[Step]:
    """The steps of Radau's method over the pieces of SciPy's solution.

    Their stages solve equations, by which they are differentiated (implicit function theorem), in
    one loop over all steps.
    """
    n = y.shape[0]

    def residual(y: Any, stages: Any, t: Any, h: Any) -> Any:
        slopes = stack([slope(t + c * h, y + stages[i]) for i, c in enumerate(_PLACES)])
        return stages - h * matmul(_WEIGHTS, slopes)

    def solved(linear: Any, right: Any) -> Any:
        rows = reshape(jacobian(linear)(right), (3 * n, 3 * n))
        return reshape(solve(rows, reshape(right, (3 * n,))), (3, n))

    def step(y: Any, given: Any) -> Any:
        t, h, found = given
        stages = custom_root(lambda z: residual(y, z, t, h), found, lambda _, z: z, solved)
        return y + stages[2], (y, stages)

    at, founds = value_of("Radau", y), []
    starts = np.array([float(piece.t_old) for piece in pieces])
    stops = np.array([float(piece.t) for piece in pieces])
    for piece, t, stop in zip(pieces, starts, stops, strict=True):
        times = t + (stop - t) * _PLACES
        start = at
        found = _solved_stages(
            lambda z, start=start, t=t, h=stop - t: residual(start, z, t, h),
            *(matrix, times, stop - t, at, piece(times).T - at),
        )
        founds.append(found)
        at = at + found[2]
    if not founds:
        return []
    _, (befores, stages) = scan(step, y, (starts, stops - starts, np.stack(founds)))
    return [
        Radau(befores[i], stages[i], float(t), float(stop))
        for i, (t, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def _solved_stages(residual: Any, matrix: Any, times: Any, h: float, y: Any, stages: Any) -> Any:
    """The stages as plain numbers, by Newton's iteration from a good guess."""
    before = np.inf
    for turn in range(50):
        if turn % 5 == 0:
            slopes = [matrix(float(t), y + z) for t, z in zip(times, stages, strict=True)]
            blocks = [[_WEIGHTS[i, j] * slopes[j] for j in range(3)] for i in range(3)]
            system = np.eye(stages.size) - h * np.block(blocks)
        change = np.linalg.solve(system, value_of("Radau", residual(stages)).ravel())
        stages = stages - change.reshape(stages.shape)
        now = np.max(np.abs(change), initial=0.0)
        scale = np.max(np.abs(y), initial=0.0) + np.max(np.abs(stages), initial=0.0)
        if now <= 1e-15 * scale or (before / 2 <= now <= 1e-10 * scale):
            return stages
        before = now
    raise RangeError(f"Radau: the equations of the step at t = {times[0]:g} could not be solved")
