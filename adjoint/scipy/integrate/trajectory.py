"""The solution of an initial value problem as a function of time, with tensors.

SciPy's solver has run before, on plain numbers: its steps are gone over, and its numbers are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from adjoint.api.implicit import custom_root
from adjoint.api.jacobians import jacobian
from adjoint.errors import RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import differentiated
from adjoint.scipy.integrate.steps import Explicit, Step, moved, radau_steps, value_of

__all__ = ["EXPLICIT", "Problem", "Solution", "Trajectory", "moves", "radau_run"]

EXPLICIT = ("RK45", "RK23", "DOP853")


def moves(x: Any) -> bool:
    """Whether a time is differentiated."""
    return isinstance(x, Tensor) and differentiated(x)


class Problem:
    """The right-hand side of an initial value problem, and what SciPy is given in its place."""

    def __init__(self, name: str, f: Callable[[Any, Any], Any], y0: Tensor) -> None:
        self.name, self._f, self.y0 = name, f, y0
        self.traced = differentiated(y0)
        self.start = value_of(name, y0)

    def slope(self, t: Any, y: Tensor) -> Tensor:
        """The right-hand side as a tensor in the shape of `y`."""
        return reshape(as_tensor(self._f(t, y), y.dtype), y.shape)

    def plain(self, f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """A function of time and state that has plain numbers as results."""

        def values(t: Any, y: Any) -> Any:
            found = as_tensor(f(t, y))
            self.traced = self.traced or differentiated(found)
            return value_of(self.name, found)

        return values

    def plain_slope(self, t: float, y: Any) -> Any:
        """The right-hand side as plain numbers."""
        return self.plain(self._f)(t, y).reshape(y.shape)

    def matrix(self, t: float, y: Any) -> Any:
        """The matrix of derivatives of the right-hand side by the state, as plain numbers."""
        of_state = jacobian(lambda y: self.slope(t, y))
        return value_of(self.name, of_state(as_tensor(np.asarray(y, self.start.dtype))))


class Trajectory:
    """The solution over the steps of a run of SciPy's solver."""

    def __init__(self, problem: Problem, method: str, found: Any, start: Any, y0: Tensor) -> None:
        self.problem, self.found = problem, found
        pieces = found.interpolants
        first = float(pieces[0].t_old) if pieces else float(found.ts[0])
        self.origin = first
        y = moved(problem.slope, y0, start, first - start) if moves(start) else y0
        self.first, self.y0 = y, y0
        self.steps: list[Step] = []
        if method not in EXPLICIT:
            self.steps = radau_steps(problem.slope, problem.matrix, y, pieces)
            return
        step: Explicit | None = None
        for piece in pieces:
            a, b = float(piece.t_old), float(piece.t)
            step = Explicit(method, problem.slope, y, a, b, None) if step is None else step.next(b)
            self.steps.append(step)

    def at(self, t: float, value: Any) -> Tensor:
        """The solution at a constant time, where SciPy has found this value."""
        if t == self.origin or not self.steps:
            return self.first
        stops = np.array([step.stop for step in self.steps])
        forward = stops[-1] >= self.origin
        place = int(np.searchsorted(stops if forward else -stops, t if forward else -t))
        step = self.steps[min(place, len(self.steps) - 1)]
        result = step.after if t == step.stop else step.between(t)
        corrected: Tensor = result + (value - value_of(self.problem.name, result))
        return corrected

    def when(self, t: Any, value: Any) -> Tensor:
        """The solution at a time that may be differentiated."""
        if not moves(t):
            return self.at(float(value_of(self.problem.name, t)), value)
        fixed = float(value_of(self.problem.name, t))
        return moved(self.problem.slope, self.at(fixed, value), fixed, t - fixed)

    def event(self, g: Callable[[Any, Any], Any], t: float, value: Any) -> tuple[Tensor, Tensor]:
        """The time of an event, the zero of `g`, and the solution at this time.

        The time t with g(t, y(t)) = 0 is differentiated by the implicit function theorem.
        """
        y = self.at(t, value)
        slope = self.problem.slope

        def along(by: Any) -> Tensor:
            return reshape(as_tensor(g(t + by, moved(slope, y, t, by))), ())

        rate = value_of(self.problem.name, jacobian(along)(as_tensor(0.0, FLOAT64)))
        if rate == 0:
            raise RangeError(
                f"{self.problem.name}: an event at t = {t:g} has no derivative, as its function "
                f"touches zero without crossing it; hold what it depends on fixed by "
                f"adjoint.stop_gradient"
            )
        rest = float(stop_gradient(along(as_tensor(0.0, FLOAT64))))
        later = custom_root(
            lambda by: along(by) - rest,
            as_tensor(0.0, FLOAT64),
            lambda _, x: x,
            lambda linear, right: right / linear(1.0),
        )
        return t + later, moved(slope, y, t, later)


class Solution:
    """The solution as a function of time, as SciPy's `OdeSolution`."""

    def __init__(self, trajectory: Callable[[], Trajectory], found: Any) -> None:
        self._make, self._found = trajectory, found
        self.ts = found.ts
        self.t_min, self.t_max = found.t_min, found.t_max

    @cached_property
    def _trajectory(self) -> Trajectory:
        return self._make()

    def __call__(self, t: Any) -> Tensor:
        """The solution at one time, or at several along the last axis."""
        t = as_tensor(t, FLOAT64)
        path = self._trajectory
        values = self._found(value_of("scipy.integrate.OdeSolution", t))
        if t.ndim == 0:
            return path.when(t, values)
        columns: Sequence[Tensor] = [path.when(t[i], values[:, i]) for i in range(t.shape[0])]
        return stack(columns, axis=1)


def radau_run(problem: Problem, start: float, stop: float, options: Any) -> Any:
    """SciPy's solution by Radau's method, for the steps over which others are differentiated."""
    wanted = ("rtol", "atol", "max_step", "first_step", "jac")
    given = {key: options[key] for key in wanted if key in options}
    return import_module("scipy.integrate").solve_ivp(
        problem.plain_slope,
        (start, stop),
        problem.start,
        "Radau",
        dense_output=True,
        **({"jac": problem.matrix} | given),
    )
