"""Implicit differentiation: what equations determine has derivatives whatever found it.

`root` and `fixed_point` solve by SciPy; `custom_root` and `custom_linear_solve` take solvers of the
user, as in JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adjoint.api.arguments import as_output, check_step, function_name
from adjoint.api.implicit_rules import LinearSystem, RootProblem, traced_system
from adjoint.api.jacobians import jacobian
from adjoint.api.stepping import open_leaves, traced
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Scope
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, size_of
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.derived import instance
from adjoint.ops.control.root import Equation, Options
from adjoint.ops.control.root import root as root_of
from adjoint.ops.shape.movement import reshape


def root(
    f: Callable[..., Any],
    x0: Any,
    *args: Any,
    method: str = "hybr",
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Tensor:
    """The x at which ``f(x, *args)`` is zero, found by ``scipy.optimize.root`` from the guess `x0`.

    It has derivatives of every order with respect to `args` (pytrees), and to whatever else `f`
    reads, by the implicit function theorem; none with respect to `x0`. `f` returns an array of the
    shape of x. The methods are SciPy's; "hybr" and "lm" are given exact Jacobians. Warns
    (`ConvergenceWarning`) if the solver says that it failed.

    >>> import adjoint as ad
    >>> f = lambda a: ad.root(lambda x, a: x**3 - a, 1.0, a)
    >>> f(8.0), ad.grad(f)(8.0)
    (Tensor(2.), Tensor(0.08333333))
    """
    check_step("root", "f", f, _form(args), 1 + len(args))
    return _solution("root", f, x0, args, method, tol, dict(options or {}))


def fixed_point(
    f: Callable[..., Any], x0: Any, *args: Any, tol: float | None = None, maxiter: int = 1000
) -> Tensor:
    """The x with ``x = f(x, *args)``, found by iterating from `x0`; derivatives as for `root`.

    Stops when a step changes x by at most ``tol * (1 + max|x|)`` (1e-12 unless given); warns
    (`ConvergenceWarning`) if that has not happened after `maxiter` steps.

    >>> import adjoint as ad
    >>> f = lambda a: ad.fixed_point(lambda x, a: ad.cos(a * x), 1.0, a)
    >>> f(1.0), ad.grad(f)(1.0)
    (Tensor(0.73908513), Tensor(-0.29747434))
    """
    check_step("fixed_point", "f", f, _form(args), 1 + len(args))

    def residual(x: Any, *args: Any) -> Any:
        return _like(f, "fixed_point", traced(f, (x, *args)), x) - x

    residual.__name__ = function_name(f)
    return _solution("fixed_point", residual, x0, args, "fixed_point", tol, {"maxiter": maxiter})


def custom_root(
    f: Callable[..., Any],
    initial_guess: Any,
    solve: Callable[..., Any],
    tangent_solve: Callable[..., Any],
    has_aux: bool = False,
) -> Any:
    """``solve(f, initial_guess)``, a root of `f`, differentiated by the implicit function theorem.

    Derivatives are with respect to what `f` reads from outside. ``tangent_solve(g, y)`` solves
    ``g(x) = y`` for a linear function g, `f` linearized at the root; it has to be linear in y (for
    a number ``y / g(1.0)``; for a vector ``ad.linalg.solve(ad.jacobian(g)(y), y)``, or
    `custom_linear_solve`). All are traced. With `has_aux`, `solve` returns a pair (x, aux), and so
    does this; aux has no derivatives. As ``jax.lax.custom_root``.

    >>> import adjoint as ad
    >>> def newton(f, x):
    ...     return ad.fori_loop(0, 30, lambda _, x: x - f(x) / ad.grad(f)(x), x)
    >>> def cube_root(a):
    ...     return ad.custom_root(lambda x: x**3 - a, 1.0, newton, lambda g, y: y / g(1.0))
    >>> ad.value_and_grad(cube_root)(8.0)
    (Tensor(2.), Tensor(0.08333333))
    """
    check_step("custom_root", "f", f, "f(x)", 1)
    check_step("custom_root", "solve", solve, "solve(f, initial_guess)", 2)
    check_step("custom_root", "tangent_solve", tangent_solve, "tangent_solve(g, y)", 2)
    guess, structure = open_leaves("custom_root: initial_guess", initial_guess)
    system, parameters = traced_system("custom_root", f, guess, structure)
    problem = RootProblem(function_name(f), system, structure, solve, tangent_solve, has_aux)
    leaves, aux = problem.with_aux(parameters, guess)
    x = structure.unflatten(leaves)
    return (x, aux) if has_aux else x


def custom_linear_solve(
    matvec: Callable[..., Any],
    b: Any,
    solve: Callable[..., Any],
    transpose_solve: Callable[..., Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """``solve(matvec, b)``, the x with ``matvec(x) = b``, with derivatives that solve likewise.

    Derivatives are with respect to `b` and to what `matvec` reads from outside. Reverse mode takes
    ``transpose_solve(vecmat, b)``, which solves with the transpose; for a `symmetric` `matvec` that
    is `solve`. With `has_aux` solvers return a pair (x, aux), and so does this; aux has no
    derivatives. As ``jax.lax.custom_linear_solve``.

    >>> import adjoint as ad
    >>> solve = lambda matvec, b: b / matvec(1.0)
    >>> f = lambda a: ad.custom_linear_solve(lambda x: a * x, 6.0, solve, symmetric=True)
    >>> ad.value_and_grad(f)(2.0)
    (Tensor(3.), Tensor(-1.5))
    """
    check_step("custom_linear_solve", "matvec", matvec, "matvec(x)", 1)
    check_step("custom_linear_solve", "solve", solve, "solve(matvec, b)", 2)
    if transpose_solve is not None:
        form = "transpose_solve(vecmat, b)"
        check_step("custom_linear_solve", "transpose_solve", transpose_solve, form, 2)
    right, structure = open_leaves("custom_linear_solve: b", b)
    graph, parameters = traced_system("custom_linear_solve", matvec, right, structure)
    back = solve if symmetric and transpose_solve is None else transpose_solve
    system = LinearSystem.of(function_name(matvec), graph, structure, solve, back, has_aux)
    leaves, aux = system.with_aux(parameters, right)
    x = structure.unflatten(leaves)
    return (x, aux) if has_aux else x


def _form(args: tuple[Any, ...]) -> str:
    """How a function of an unknown and further arguments is called."""
    return f"f(x, *args) with {len(args)} args" if args else "f(x)"


def _solution(
    name: str,
    f: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...],
    method: str,
    tol: float | None,
    options: dict[str, Any],
) -> Tensor:
    """The root of a function of one array, by an operation that runs a solver."""
    guess = as_tensor(x0)
    dtype = guess.node.dtype if guess.node.dtype.kind == "f" else FLOAT64
    if guess.node.dtype.kind == "c":
        raise DTypeError(
            f"{name}: x0 has dtype {guess.dtype}; only real unknowns can be solved for"
        )
    guess = as_tensor(guess, FLOAT64)  # SciPy's solvers need the precision
    leaves, structure = open_leaves(f"{name}: args", args)
    scope = Scope(abstract=True)
    x = variable_node(None, guess.node.shape, FLOAT64, scope)
    own = [variable_node(None, y.node.shape, y.node.dtype, scope) for y in leaves]
    try:
        result = traced(f, (Tensor(x), *structure.unflatten(map(Tensor, own))))
        residual = as_tensor(_like(f, name, result, Tensor(x)), FLOAT64)
    finally:
        scope.close()
    outside = captured([residual.node], [*own, x])
    graph = closed([residual.node], [*own, x], outside)
    equation = Equation(
        f"{name} of {function_name(f)}",
        graph,
        _jacobian(graph),
        method,
        tol,
        Options(options),
    )
    found = root_of(equation, [*map(Tensor, outside), *leaves], guess)
    return found if dtype == FLOAT64 else as_tensor(found, dtype)


def _like(f: Callable[..., Any], name: str, result: Any, x: Tensor) -> Tensor:
    """What a function returned, which must be real and of the shape of x."""
    leaves, structure = flatten(result)
    if len(leaves) != 1:
        raise ArgumentError(
            f"{name}: {function_name(f)} must return one array like x0, got {structure}"
        )
    y = as_output(name, f, leaves[0])
    if y.node.shape != x.node.shape:
        raise ShapeError(
            f"{name}: {function_name(f)} returned shape {y.shape}, x0 has shape {x.shape}; "
            f"there must be as many equations as unknowns"
        )
    if y.node.dtype.kind == "c":
        raise DTypeError(f"{name}: {function_name(f)} returned {y.dtype}; it must be real")
    return y


def _jacobian(residual: Subgraph) -> Subgraph:
    """The matrix of derivatives of the residual with respect to x, its last input."""
    scope = Scope(abstract=True)
    inputs = [variable_node(None, x.shape, x.dtype, scope) for x in residual.inputs]
    size = size_of(inputs[-1].shape)

    def of_x(x: Tensor) -> Tensor:
        return instance(residual, [*map(Tensor, inputs[:-1]), x])[0]

    try:
        matrix = reshape(jacobian(of_x)(Tensor(inputs[-1])), (size, size))
    finally:
        scope.close()
    return closed([matrix.node], inputs, [])
