"""minimize: SciPy's methods with exact derivatives, and solutions that have derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable
from adjoint.api.derivatives import grad
from adjoint.api.implicit import root
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient, where
from adjoint.ops.indexing.indexing import put_along_axis
from adjoint.scipy.common import differentiated
from adjoint.scipy.optimize.by_values import problem_of
from adjoint.scipy.optimize.constrained import Condition, conditions_of, constrained_minimiser
from adjoint.scipy.optimize.problem import Array, Problem, Unknowns, of_user, warn_of
from adjoint.scipy.optimize.progress import shown

WITHOUT = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})
"""Methods that take no derivatives."""
WITH_PRODUCTS = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
WITH_HESSIAN = frozenset({"dogleg", "trust-exact"})
"""Methods that take products with the Hessian, or the whole of it."""


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: Any = None,
    callback: Any = None,
    options: Any = None,
    *,
    progress: bool = False,
) -> Any:
    """``scipy.optimize.minimize``, with the derivatives that a method takes filled in.

    `fun(x, *args)` returns one real number; `x0` is an array or any pytree of real numbers, and x
    is like it (a list of numbers is an array, as for SciPy). Gradient, Hessian or products with it
    are exact and run natively; whatever their dtype, solvers are given float64. Constraints get
    exact Jacobians. Derivatives that are given are used as they are. The result is SciPy's, with
    `x` like `x0` (a number counts as a vector of one, as for SciPy). `progress` shows a line for
    each step.

    Where `args`, or what `fun` reads from outside, are differentiated, `x` and `fun` of the result
    are tensors with derivatives of every order by the implicit function theorem (the gradient is
    zero at the solution; what stands at a bound stays there). Under constraints these are the
    conditions of Karush, Kuhn and Tucker with the active ones; `NotDifferentiableError` says where
    they determine no derivative (dependent gradients, a multiplier of 0). Warns
    (`ConvergenceWarning`) if the solver says that it failed.

    >>> import numpy as np
    >>> import adjoint as ad
    >>> f = lambda x, a: ad.sum((x - a) ** 2) + ad.sum(x**4)
    >>> ad.optimize.minimize(f, np.ones(2), (np.array([1.0, 2.0]),)).success
    True
    >>> ad.grad(lambda a: ad.optimize.minimize(f, 1.0, (a,), tol=1e-9).x[0])(3.0)  # 1 / (1 + 6 x²)
    Tensor(0.14285714)
    """
    name = "minimize"
    check_callable(name, fun)
    args = args if isinstance(args, tuple) else (args,)
    unknowns = Unknowns(name, x0)
    problem = problem_of(name, fun, unknowns, args, is_vector=False)
    kind = _method(method, bounds, constraints)
    given = _derivatives(problem, kind, jac, hess, hessp)
    ends = None if bounds is None else limits(bounds)
    listed = _listed(constraints)
    conditions = conditions_of(listed, ends, unknowns) if len(listed) else []
    with shown(name, progress, callback, problem.value()) as step:
        found = import_module("scipy.optimize").minimize(
            x0=unknowns.start,
            method=method,
            bounds=_bounds(bounds),
            constraints=[_filled(c, unknowns, kind) for c in listed],
            tol=tol,
            callback=step,
            options=options,
            **given,
        )
    is_traced = problem.is_traced or any(map(differentiated, ends or ()))
    if is_traced or any(c.is_traced for c in conditions):
        x = _solution(problem, found, bounds, conditions)
        found.fun = fun(unknowns.tree(x), *args)
        found.x = unknowns.tree(x)
    else:
        found.x = unknowns.arrays(np.asarray(found.x))
    return found


def _solution(problem: Problem, found: Any, bounds: Any, conditions: list[Condition]) -> Tensor:
    """What SciPy found, as a function of what problem, bounds and conditions read from outside."""
    if conditions:
        return constrained_minimiser(problem, found, conditions)
    if not found.success and not _is_stationary(problem, found):
        warn_of(problem.name, found)
    return minimiser(problem, found.x, bounds)


def _derivatives(problem: Problem, kind: str, jac: Any, hess: Any, hessp: Any) -> dict[str, Any]:
    """The function and its derivatives, those given and those that the method takes."""
    given: dict[str, Any] = {"fun": problem.value()}
    if jac is not None and jac is not True:
        given["jac"] = of_user(jac, problem) if callable(jac) else jac
    elif kind not in WITHOUT:
        given["fun"], given["jac"] = problem.value_and_gradient(), True
    if hess is not None:
        given["hess"] = of_user(hess, problem) if callable(hess) else hess
    elif hessp is not None:
        given["hessp"] = of_user(hessp, problem)
    elif kind in WITH_PRODUCTS:
        given["hessp"] = problem.hessian_product()
    elif kind in WITH_HESSIAN:
        given["hess"] = problem.derivative(problem.gradient)
    return given


def _is_stationary(problem: Problem, found: Any) -> bool:
    """Whether the gradient vanishes, though a solver says that it could get no further."""
    value, slope = problem.value_and_gradient()(found.x)
    return bool(np.max(np.abs(slope), initial=0.0) <= 1e-6 * max(1.0, abs(value)))


def _method(method: Any, bounds: Any, constraints: Any) -> str:
    """The method that SciPy takes, in small letters."""
    if method is not None:
        return method.lower() if isinstance(method, str) else "own"
    return "slsqp" if len(_listed(constraints)) else "l-bfgs-b" if bounds is not None else "bfgs"


def _listed(constraints: Any) -> Sequence[Any]:
    return constraints if isinstance(constraints, (list, tuple)) else [constraints]


def _filled(constraint: Any, unknowns: Unknowns, kind: str) -> Any:
    """A constraint of SciPy's with an exact Jacobian."""
    optimize = import_module("scipy.optimize")
    if isinstance(constraint, dict):
        f, args = constraint["fun"], constraint.get("args", ())
        own = problem_of("minimize: a constraint", f, unknowns, args, is_vector=True)
        jac = constraint.get("jac")
        slope = own.derivative(own.output) if jac is None else of_user(jac, own)
        return {"type": constraint["type"], "fun": own.value(), "jac": slope}
    if isinstance(constraint, optimize.NonlinearConstraint):
        own = problem_of("minimize: a constraint", constraint.fun, unknowns, (), is_vector=True)
        jac = constraint.jac
        slope = of_user(jac, own) if callable(jac) else own.derivative(own.output)
        return optimize.NonlinearConstraint(
            own.value(),
            *(_plain(as_tensor(x)) for x in (constraint.lb, constraint.ub)),
            slope,
            **({"hess": own.weighted_hessian()} if kind == "trust-constr" else {}),
        )
    return constraint


def _bounds(bounds: Any) -> Any:
    """Bounds as plain numbers, as SciPy takes them."""
    if bounds is None or isinstance(bounds, import_module("scipy.optimize").Bounds):
        return bounds
    low, high = limits(bounds)
    return import_module("scipy.optimize").Bounds(*(_plain(x) for x in (low, high)))


def _plain(x: Tensor) -> Array:
    return np.array(stop_gradient(x).numpy())


def limits(bounds: Any) -> tuple[Tensor, Tensor]:
    """The lower and the upper limits as tensors, infinite where there is none."""
    if hasattr(bounds, "lb"):
        return as_tensor(np.atleast_1d(bounds.lb)), as_tensor(np.atleast_1d(bounds.ub))
    rows = []
    for pair in bounds:
        low, high = pair
        rows.append([-np.inf if low is None else low, np.inf if high is None else high])
    table = as_tensor(rows)
    return table[:, 0], table[:, 1]


def minimiser(problem: Problem, solution: Any, bounds: Any) -> Tensor:
    """The solution as a function of what the problem reads from outside."""
    solution = np.asarray(solution, np.float64)
    unknowns = problem.unknowns

    def slope(x: Tensor) -> Tensor:
        def value(flat: Tensor) -> Tensor:
            found = problem.f(unknowns.tree(flat), *problem.args)
            return problem.checked(found, is_vector=False)

        found: Tensor = grad(value)(x)
        return found

    if bounds is None:
        return root(slope, solution)
    low, high = limits(bounds)
    at_low, at_high = (np.isclose(solution, _plain(x), rtol=1e-9, atol=1e-12) for x in (low, high))
    free = ~(at_low | at_high)
    fixed = where(at_low, low, where(at_high, high, as_tensor(solution)))
    if not free.any():
        return fixed
    places = np.flatnonzero(free)

    def whole(inner: Tensor) -> Tensor:
        return put_along_axis(fixed.copy(), places, inner, axis=0)

    inner = root(lambda z: slope(whole(z))[places], solution[places])
    return whole(inner)
