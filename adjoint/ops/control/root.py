"""`root`: where a graph is zero, found by SciPy, with the derivatives of the implicit function.

With r(θ, x) = 0 and J = ∂r/∂x: J ẋ = −(∂r/∂θ) θ̇, and θ̄ = −(∂r/∂θ)ᵀ λ where Jᵀ λ = x̄.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.errors import ConvergenceWarning
from adjoint.graph.caller import warn
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Op, register
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, is_inexact, size_of
from adjoint.ops.control.derived import Linearised, instance
from adjoint.ops.control.linear_map import LinearMap, reached_by
from adjoint.ops.elementwise.arithmetic import negative
from adjoint.ops.family.structural_zeros import keep_where
from adjoint.ops.linalg.lu import lu_factor, lu_solve
from adjoint.ops.shape.movement import matrix_transpose, reshape


class Options(dict[str, Any]):
    """Options of a solver, hashable; equal if they are written alike."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Options) and repr(self) == repr(other)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(self))


@dataclass(frozen=True)
class Equation:
    """What has to be zero, and how to find where.

    `residual` maps (parameters, x) to r of the shape of x, `jacobian` to ∂r/∂x as a matrix.
    """

    name: str
    residual: Subgraph
    jacobian: Subgraph
    method: str
    tol: float | None
    options: Options

    def numbers(self) -> tuple[int, ...]:
        """The numbers of the parameters that have derivatives."""
        return tuple(n for n, x in enumerate(self.residual.inputs[:-1]) if is_inexact(x.dtype))


@lru_cache(maxsize=256)
def _pushed(equation: Equation, nested: bool) -> LinearMap:
    """From tangents of the parameters to that of the residual."""
    linear = Linearised(equation.residual, nested)
    numbers = equation.numbers()
    seeds = linear.variables([linear.inputs[n] for n in numbers])
    found = linear.tangents(dict(zip(numbers, seeds, strict=True)))
    nodes = [x.node for x in (*linear.inputs, *seeds)]
    there = [x.node for x in found if x is not None]
    return LinearMap(Subgraph(nodes, there), numbers, (0,) * len(there))


@lru_cache(maxsize=256)
def _pulled(equation: Equation, nested: bool) -> LinearMap:
    """From the adjoint of the residual to those of the parameters."""
    linear = Linearised(equation.residual, nested)
    (seed,) = linear.variables(linear.outputs)
    found = linear.adjoints({0: seed}, equation.numbers())
    there = [(n, x.node) for n, x in enumerate(found) if x is not None]
    nodes = [x.node for x in (*linear.inputs, seed)]
    return LinearMap(Subgraph(nodes, [x for _, x in there]), (0,), tuple(n for n, _ in there))


class Root(Op):
    """The root that is found from a guess, which is the last input."""

    name = "root"
    family = "control"
    param_names = ("equation",)

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *_, guess, _equation = args
        return guess.shape, guess.dtype

    def params_text(self, node: Node) -> str:
        return str(node.params[0].method)

    def evaluate(self, *args: Any) -> Any:
        *values, guess, equation = args
        given = list(map(np.asarray, values))
        guess = np.asarray(guess)
        if equation.method == "fixed_point":
            return _iterated(equation, given, guess)
        return _by_scipy(equation, given, guess)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        equation = node.params[0]
        point = [*map(Tensor, node.inputs[:-1]), Tensor(node)]
        given = {n: x for n, x in enumerate(tangents[:-1]) if x is not None}
        nested = are_nested(node, *[x.node for x in given.values()])
        found = _pushed(equation, nested).apply(point, given, (0,))
        if not found:
            return None
        mask = reached_by([found[0]])
        tangent = _solved(instance(equation.jacobian, point)[0], negative(found[0]))
        return tangent if mask is None else keep_where(mask, tangent)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        equation = node.params[0]
        point = [*map(Tensor, node.inputs[:-1]), Tensor(node)]
        matrix = matrix_transpose(instance(equation.jacobian, point)[0])
        multiplier = negative(_solved(matrix, adjoint))
        mask = reached_by([adjoint])
        if mask is not None:
            multiplier = keep_where(mask, multiplier)
        asked = [n for n, w in enumerate(wanted[:-1]) if w]
        nested = are_nested(node, adjoint.node)
        found = _pulled(equation, nested).apply(point, {0: multiplier}, asked)
        return [found.get(n) for n in range(len(wanted))]

    push, pull = jvp, vjp


_root = register(Root())


def root(equation: Equation, parameters: Sequence[Tensor], guess: Tensor) -> Tensor:
    """Where the residual is zero."""
    return make(_root, [*parameters, guess], (equation,))


def _solved(matrix: Tensor, right: Tensor) -> Tensor:
    """The solution of a linear system, in the shape of its right side."""
    column = reshape(right, (size_of(right.node.shape), 1))
    return reshape(lu_solve(matrix, lu_factor(matrix), column), right.node.shape)


def _by_scipy(equation: Equation, values: list[Any], guess: Any) -> Any:
    """The root found by `scipy.optimize.root`, with exact Jacobians where the method takes them."""

    def residual(flat: Any) -> Any:
        return equation.residual.run([*values, flat.reshape(guess.shape)])[0].ravel()

    def jacobian(flat: Any) -> Any:
        return equation.jacobian.run([*values, flat.reshape(guess.shape)])[0]

    found = import_module("scipy.optimize").root(
        residual,
        guess.ravel(),
        jac=jacobian if equation.method in ("hybr", "lm") else None,
        method=equation.method,
        tol=equation.tol,
        options=dict(equation.options),
    )
    if not found.success:
        _warn(equation, " ".join(str(found.message).split()), residual(np.asarray(found.x)))
    return np.asarray(found.x, guess.dtype).reshape(guess.shape)


def _iterated(equation: Equation, values: list[Any], x: Any) -> Any:
    """The limit of x ← x + r(x)."""
    tol = 1e-12 if equation.tol is None else equation.tol
    steps = equation.options["maxiter"]
    r = x
    for _ in range(steps):
        r = equation.residual.run([*values, x])[0]
        x = x + r
        if np.max(np.abs(r), initial=0.0) <= tol * (1.0 + np.max(np.abs(x), initial=0.0)):
            return x
    _warn(equation, f"no fixed point after {steps} steps", r)
    return x


def _warn(equation: Equation, message: str, residual: Any) -> None:
    size = float(np.max(np.abs(residual), initial=0.0))
    warn(
        f"{equation.name} did not converge (largest residual {size:.1e}): {message}; its "
        f"derivatives hold for an exact solution only",
        ConvergenceWarning,
    )
