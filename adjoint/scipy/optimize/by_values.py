"""Functions that look at the values of their unknowns: differentiated at each point anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.derivatives import grad, jvp, value_and_grad
from adjoint.api.jacobians import hessian, jacobian
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.scipy.optimize.problem import Array, NeedsValues, Problem, Unknowns


class ProblemByValues(Problem):
    """As `Problem`, but nothing is traced before the solver asks. Its solution has no derivatives:
    a tensor that somebody differentiates by is an error where its value is taken."""

    is_traced = False

    def __init__(
        self, name: str, f: Callable[..., Any], x: Unknowns, args: Any, is_vector: bool
    ) -> None:
        self.name, self.f, self.unknowns, self.args = name, f, x, args
        self.is_vector = is_vector
        self.output = self.at(as_tensor(x.start))

    def at(self, flat: Tensor) -> Tensor:
        """The function of the vector of unknowns."""
        return self.checked(self.f(self.unknowns.tree(flat), *self.args), self.is_vector)

    def value(self) -> Callable[[Any], Any]:
        return lambda x: np.asarray(self.at(_point(x)))

    def value_and_gradient(self) -> Callable[[Any], tuple[float, Array]]:
        both = value_and_grad(self.at)

        def found(x: Any) -> tuple[float, Array]:
            value, slope = both(_point(x))
            return float(value), np.asarray(slope)

        return found

    def hessian_product(self) -> Callable[[Any, Any], Array]:
        slope = grad(self.at)
        return lambda x, v: np.asarray(jvp(slope, (_point(x),), (_point(v),))[1])

    @property
    def gradient(self) -> Tensor:
        return self.output

    def derivative(self, output: Tensor) -> Callable[[Any], Array]:
        matrix = jacobian(self.at) if self.is_vector else hessian(self.at)
        return lambda x: np.asarray(matrix(_point(x)))


def _point(x: Any) -> Tensor:
    return as_tensor(np.asarray(x, np.float64))


def problem_of(
    name: str, f: Callable[..., Any], x: Unknowns, args: Any, is_vector: bool
) -> Problem:
    """The problem that a function is: traced once, unless it looks at values."""
    try:
        return Problem(name, f, x, args, is_vector)
    except NeedsValues:
        return ProblemByValues(name, f, x, args, is_vector)
