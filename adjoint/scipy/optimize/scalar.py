"""minimize_scalar: the minimum of a function of one number, with derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.scipy.common import differentiated
from adjoint.scipy.optimize.by_values import problem_of
from adjoint.scipy.optimize.minimization import minimiser
from adjoint.scipy.optimize.problem import Problem, Unknowns, warn_of


def minimize_scalar(
    fun: Callable[..., Any],
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: Any = None,
    options: Any = None,
) -> Any:
    """``scipy.optimize.minimize_scalar``, with a solution `x` that has derivatives.

    `fun(x, *args)` takes a number and returns one. The result is SciPy's. Where `args`, or what
    `fun` reads from outside, are differentiated, `x` and `fun` of the result are tensors with
    derivatives by the implicit function theorem: the slope is zero at the solution; a solution at
    one of the `bounds` moves with that bound. Warns (`ConvergenceWarning`) if the solver says that
    it failed.

    >>> import adjoint as ad
    >>> f = lambda x, a: (x - a) ** 2 + x**4
    >>> ad.grad(lambda a: ad.optimize.minimize_scalar(f, args=(a,)).x)(3.0)  # 1 / (1 + 6 x²)
    Tensor(0.14285714)
    """
    name = "minimize_scalar"
    check_callable(name, fun)
    args = args if isinstance(args, tuple) else (args,)
    ends = None if bounds is None else [as_tensor(x) for x in bounds]
    low, high = (None, None) if ends is None else map(_number, ends)
    start = 0.0 if low is None or high is None else (low + high) / 2
    unknowns = Unknowns(name, start, is_number=True)
    problem = problem_of(name, fun, unknowns, args, is_vector=False)
    value = problem.value()
    found = import_module("scipy.optimize").minimize_scalar(
        lambda x: float(value([x])),
        bracket=None if bracket is None else [_number(as_tensor(x)) for x in bracket],
        bounds=None if ends is None else (low, high),
        method=method,
        tol=tol,
        options=options,
    )
    if problem.is_traced or any(map(differentiated, ends or ())):
        if not found.success:
            warn_of(name, found)
        found.x = _solution(problem, float(found.x), ends)
        found.fun = fun(found.x, *args)
    return found


def _number(x: Tensor) -> float:
    return float(stop_gradient(x).numpy())


def _solution(problem: Problem, x: float, ends: list[Tensor] | None) -> Tensor:
    """The solution as a function of what the problem reads from outside.

    SciPy stops a little before a bound; where the slope still points there, the bound is meant.
    """
    if ends is not None:
        low, high = map(_number, ends)
        near = 1e-3 * (high - low)
        slope = problem.value_and_gradient()(np.array([x]))[1][0]
        at_low, at_high = x - low < near and slope > 0, high - x < near and slope < 0
        curvature = problem.hessian_product()(np.array([x]), np.ones(1))[0]
        distance = (x - low) if at_low else (high - x)
        if (at_low or at_high) and abs(slope) > 2 * abs(curvature) * distance:
            end = ends[0] if at_low else ends[1]
            return end + (x - stop_gradient(end))
    found: Tensor = minimiser(problem, [x], None)
    return found.reshape(())
