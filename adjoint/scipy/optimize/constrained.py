"""Solutions under constraints, differentiated by the conditions of Karush, Kuhn and Tucker.

With the constraints c(x) ≥ 0 that are active, and equations, the solution x and the multipliers λ
solve ∇f(x) = Jᵀλ and c(x) = 0, J the Jacobian of c; so they have derivatives by the implicit
function theorem (Fiacco, Introduction to Sensitivity and Stability Analysis in Nonlinear
Programming, 1983, chapter 3). It needs that the rows of J are independent (LICQ), that no active
inequality has the multiplier 0 (strict complementarity), and that the curvature along the
constraints is positive; where one fails there is no derivative, and an error says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from adjoint.api.derivatives import grad
from adjoint.api.implicit import root
from adjoint.api.jacobians import jacobian
from adjoint.errors import ConvergenceWarning, NotDifferentiableError
from adjoint.graph.caller import warn
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import broadcast_to
from adjoint.scipy.common import differentiated
from adjoint.scipy.optimize.by_values import problem_of
from adjoint.scipy.optimize.problem import Array, Problem, Unknowns

_NEAR = 1e-2
"""How near a constraint is that may be active: an interior-point method stops before it."""
_MET = 1e-6
"""How near a constraint is that is met."""
_NONE, _CLEAR = 1e-7, 1e-4
"""Beside the slope, what a multiplier exceeds that is not zero: where the constraint is met, and
where it is only near."""


@dataclass(frozen=True)
class Condition:
    """A vector of numbers that are zero, or not negative: what a constraint asks for."""

    name: str
    f: Callable[[Tensor], Tensor]
    is_equation: bool
    is_traced: bool


def conditions_of(
    constraints: Sequence[Any], bounds: tuple[Tensor, Tensor] | None, unknowns: Unknowns
) -> list[Condition]:
    """What constraints and bounds ask for, as functions of the vector of unknowns."""
    found: list[Condition] = []
    if bounds is not None:
        found += _between("bounds", lambda x: x, *bounds, False)
    for number, constraint in enumerate(constraints):
        name = f"constraints[{number}]"
        if isinstance(constraint, dict):
            args = constraint.get("args", ())
            own = problem_of(f"minimize: {name}", constraint["fun"], unknowns, args, is_vector=True)
            found.append(Condition(name, _vector(own), constraint["type"] == "eq", own.is_traced))
        elif isinstance(constraint, import_module("scipy.optimize").LinearConstraint):
            rows = constraint.A.toarray() if hasattr(constraint.A, "toarray") else constraint.A
            limits = as_tensor(constraint.lb, FLOAT64), as_tensor(constraint.ub, FLOAT64)
            found += _between(name, partial(matmul, rows), *limits, False)
        else:
            own = problem_of(f"minimize: {name}", constraint.fun, unknowns, (), is_vector=True)
            limits = as_tensor(constraint.lb, FLOAT64), as_tensor(constraint.ub, FLOAT64)
            found += _between(name, _vector(own), *limits, own.is_traced)
    return found


def _vector(problem: Problem) -> Callable[[Tensor], Tensor]:
    def of_flat(x: Tensor) -> Tensor:
        result = problem.f(problem.unknowns.tree(x), *problem.args)
        return problem.checked(result, is_vector=True)

    return of_flat


def _between(
    name: str, f: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, is_traced: bool
) -> list[Condition]:
    """low ≤ f(x) ≤ high, equations where the two are equal; infinite limits ask for nothing."""
    is_traced = is_traced or differentiated(low) or differentiated(high)
    plain_low, plain_high = np.broadcast_arrays(*map(_plain, (low, high)))

    def picked(places: Array, sign: float, limit: Tensor) -> Callable[[Tensor], Tensor]:
        def part(x: Tensor) -> Tensor:
            value = f(x)
            wide = broadcast_to(limit, value.shape)
            result: Tensor = sign * (value[places] - wide[places])
            return result

        return part

    equal = plain_low == plain_high
    found = []
    for is_wanted, sign, limit, is_equation in (
        (equal, 1.0, low, True),
        (np.isfinite(plain_low) & ~equal, 1.0, low, False),
        (np.isfinite(plain_high) & ~equal, -1.0, high, False),
    ):
        if not is_wanted.any():
            continue
        places: Any = np.flatnonzero(is_wanted) if is_wanted.ndim else np.array([0])
        if is_wanted.shape in ((), (1,)):
            places = slice(None)  # one limit for all
        part = picked(places, sign, limit)
        found.append(Condition(name, part, is_equation, is_traced))
    return found


def _plain(x: Any) -> Array:
    return np.array(stop_gradient(as_tensor(x, FLOAT64)).numpy())


def constrained_minimiser(problem: Problem, found: Any, conditions: list[Condition]) -> Tensor:
    """The solution as a function of what the problem and the conditions read from outside.

    `found` is SciPy's result. Warns (`ConvergenceWarning`) if it does not meet the conditions.
    """
    start = np.asarray(found.x, np.float64)
    unknowns = problem.unknowns

    def value(x: Tensor) -> Tensor:
        return problem.checked(problem.f(unknowns.tree(x), *problem.args), is_vector=False)

    active = _ActiveSet(start, _plain(grad(value)(as_tensor(start))), conditions)

    def lagrangian(x: Tensor, multipliers: Tensor) -> Tensor:
        found: Tensor = value(x) - matmul(multipliers, active.values(x))
        return found

    def equations(z: Tensor) -> Tensor:
        x, multipliers = z[: start.size], z[start.size :]
        return concat([grad(lagrangian)(x, multipliers), active.values(x)])

    if active.off > (1e-2 if found.success else 1e-6):
        warn(
            f"minimize did not converge: {found.message}; the conditions of Karush, Kuhn and "
            f"Tucker hold to {active.off:.1e} only, and the nearest point where they hold is "
            f"differentiated",
            ConvergenceWarning,
        )
    guess = np.concatenate([start, active.multipliers])
    active.check_curvature(_plain(jacobian(equations)(as_tensor(guess))))
    solved = root(equations, guess)
    active.check(_plain(solved))
    return solved[: start.size]


class _ActiveSet:
    """Which numbers of the conditions are zero at a solution, with their multipliers."""

    def __init__(self, x: Array, slope: Array, conditions: list[Condition]) -> None:
        self.conditions, self.size = conditions, x.size
        at = as_tensor(x)
        values = [_plain(c.f(at)) for c in conditions]
        rows = [_plain(jacobian(c.f)(at)).reshape(-1, x.size) for c in conditions]
        equation = [np.full(v.size, c.is_equation) for c, v in zip(conditions, values, strict=True)]
        value, is_equation = np.concatenate(values), np.concatenate(equation)
        near = is_equation | (value <= _NEAR)
        table = np.concatenate(rows)
        weights = np.zeros(value.size)
        weights[near] = _multipliers(table[near], slope, is_equation[near])
        largest = max(1.0, float(np.max(np.abs(slope), initial=0.0)))
        pull = weights * np.linalg.norm(table, axis=1) / largest
        met = value <= _MET
        counts = is_equation | (near & (pull > np.where(met, _NONE, _CLEAR)))
        undecided = near & ~counts & met
        starts = np.cumsum([0, *(v.size for v in values)])
        self.places = [np.flatnonzero(counts[a:b]) for a, b in pairwise(starts)]
        self.starts, self.counts, self.is_equation = starts, counts, is_equation
        self._check_independent(table[counts | undecided], counts | undecided)
        if undecided.any():
            raise NotDifferentiableError(
                f"minimize: {self._name(undecided)} is active with the multiplier 0 at the "
                f"solution (strict complementarity fails): moved to one side it would matter, to "
                f"the other not, so the solution has no derivative there; move the parameters a "
                f"little, or leave out the constraint"
            )
        self.multipliers: Array = weights[counts]
        rest = np.concatenate([slope - table[counts].T @ self.multipliers, value[counts]])
        self.off = float(np.max(np.abs(rest), initial=0.0)) / largest
        """How far the conditions of Karush, Kuhn and Tucker are from being met."""

    def values(self, x: Tensor) -> Tensor:
        """The numbers that are zero."""
        parts = [
            c.f(x)[places]
            for c, places in zip(self.conditions, self.places, strict=True)
            if places.size
        ]
        return concat([as_tensor(np.zeros(0)), *parts])

    def _name(self, which: Array) -> str:
        """The first condition of which an element is among `which`, for a reader."""
        first = int(np.flatnonzero(which)[0])
        number = int(np.searchsorted(self.starts, first, side="right")) - 1
        return f"{self.conditions[number].name} (element {first - self.starts[number]})"

    def _check_independent(self, rows: Array, which: Array) -> None:
        sizes = np.linalg.norm(rows, axis=1, keepdims=True)
        scaled = rows / np.where(sizes > 0, sizes, 1.0)
        if rows.size and np.linalg.matrix_rank(scaled, tol=1e-8) < len(rows):
            raise NotDifferentiableError(
                f"minimize: the gradients of the {len(rows)} active constraints, of which one is "
                f"{self._name(which)}, are linearly dependent at the solution (LICQ fails), so "
                f"their multipliers are not unique and the solution need not have a derivative; "
                f"leave out those that follow from the others"
            )

    def check_curvature(self, matrix: Array) -> None:
        """Raise where the curvature along the constraints is not positive."""
        n = self.size
        hessian, jacobian_rows = matrix[:n, :n], matrix[n:, :n]
        _, sizes, basis = np.linalg.svd(jacobian_rows, full_matrices=True)
        along = basis[len(sizes) :]
        curvatures = np.linalg.eigvalsh(along @ hessian @ along.T) if len(along) else np.ones(1)
        scale = np.max(np.abs(hessian), initial=1e-300)
        if curvatures.min() <= 1e-10 * scale:
            raise NotDifferentiableError(
                f"minimize: along the active constraints the curvature at the solution is "
                f"{curvatures.min():.1e}, which is not positive, so the solution is not isolated "
                f"and has no derivative; add a small quadratic term to the function"
            )

    def check(self, found: Array) -> None:
        """Raise where the solution of the equations is no solution of the problem."""
        multipliers = found[self.size :]
        x = as_tensor(found[: self.size])
        values = np.concatenate([_plain(c.f(x)) for c in self.conditions])
        idle = ~self.counts & (values < -_MET)
        wrong = np.zeros(values.size, bool)
        wrong[self.counts] = (multipliers < 0) & ~self.is_equation[self.counts]
        if idle.any() or wrong.any():
            raise NotDifferentiableError(
                f"minimize: {self._name(idle | wrong)} changes between active and not active near "
                f"the solution found; ask the solver for a smaller tol"
            )


def _multipliers(rows: Array, slope: Array, is_equation: Array) -> Array:
    """The λ with Jᵀλ nearest to the slope, not negative but for equations."""
    if not len(rows):
        return np.zeros(0)
    low = np.where(is_equation, -np.inf, 0.0)
    found = import_module("scipy.optimize").lsq_linear(rows.T, slope, (low, np.inf), tol=1e-14)
    return np.asarray(found.x)
