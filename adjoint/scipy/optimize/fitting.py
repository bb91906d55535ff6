"""least_squares and curve_fit, with exact Jacobians, and solutions that have derivatives."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable
from adjoint.api.jacobians import jacobian
from adjoint.array.linalg import inv
from adjoint.errors import ArgumentError, NotDifferentiableError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.reductions.reduction import sum
from adjoint.scipy.optimize.by_values import problem_of
from adjoint.scipy.optimize.minimization import minimiser
from adjoint.scipy.optimize.problem import Problem, Unknowns, of_user, warn_of


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = None,
    bounds: Any = None,
    method: str = "trf",
    loss: Any = "linear",
    args: Any = (),
    kwargs: Any = None,
    **options: Any,
) -> Any:
    """``scipy.optimize.least_squares``, with exact Jacobians.

    `fun(x, *args, **kwargs)` returns residuals, an array or a tree of them; `x0` is an array or any
    pytree. The result is SciPy's, with `x` like `x0`. Where what `fun` reads is differentiated, `x`
    has derivatives by the implicit function theorem (with the full second derivatives, not those of
    Gauss and Newton), for ``loss="linear"``. `bounds` are SciPy's pair (low, high).

    >>> import numpy as np
    >>> import adjoint as ad
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> fit = lambda y: ad.optimize.least_squares(lambda k: ad.exp(-k * t) - y, 1.0).x
    >>> np.round(fit(np.exp(-2.0 * t)), 6)
    array([2.])
    """
    name = "least_squares"
    check_callable(name, fun)
    args = args if isinstance(args, tuple) else (args,)
    named = dict(kwargs or {})
    unknowns = Unknowns(name, x0)

    def residuals(x: Any, *args: Any) -> Any:
        return fun(x, *args, **named)

    residuals.__name__ = getattr(fun, "__name__", "fun")
    problem = problem_of(name, residuals, unknowns, args, is_vector=True)
    pairs = None if bounds is None else _pairs(bounds, unknowns.size)
    slope = of_user(jac, problem) if callable(jac) else jac
    if jac is None:
        slope = problem.derivative(problem.output)
    if problem.is_traced and loss != "linear":
        raise NotDifferentiableError(
            f"least_squares: with loss={loss!r} the solution has no derivative here; write the "
            f"loss out and use minimize"
        )
    found = import_module("scipy.optimize").least_squares(
        problem.value(),
        unknowns.start,
        jac=slope,
        bounds=(-np.inf, np.inf) if pairs is None else tuple(np.array(pairs).T),
        method=method,
        loss=loss,
        **options,
    )
    if not problem.is_traced:
        found.x = unknowns.arrays(np.asarray(found.x))
        return found
    if not found.success:
        warn_of(name, found)
    found.x = unknowns.tree(least_squares_minimiser(problem, found.x, pairs))
    found.fun = problem.checked(residuals(found.x, *args), is_vector=True)
    found.cost = 0.5 * sum(found.fun * found.fun)
    return found


def least_squares_minimiser(problem: Problem, solution: Any, bounds: Any) -> Tensor:
    """The solution as a function of what the problem, a vector of residuals, reads from outside."""

    def cost(x: Any, *args: Any) -> Tensor:
        r = problem.checked(problem.f(x, *args), is_vector=True)
        return 0.5 * sum(r * r)

    whole = problem_of(problem.name, cost, problem.unknowns, problem.args, is_vector=False)
    return minimiser(whole, solution, bounds)


def _pairs(bounds: Any, size: int) -> list[tuple[float, float]]:
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    low, high = (
        np.broadcast_to(np.asarray(stop_gradient(as_tensor(x))), (size,)) for x in (low, high)
    )
    return list(zip(low.tolist(), high.tolist(), strict=True))


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    **options: Any,
) -> tuple[Any, Any]:
    """``scipy.optimize.curve_fit``: parameters of ``f(x, *p)`` and their covariance, both tensors.

    The Jacobian is exact. Parameters have derivatives by the data, by `sigma` and by what `f` reads
    from outside. `sigma` are standard deviations, one for each point.

    >>> import numpy as np
    >>> import adjoint as ad
    >>> t = np.linspace(0.0, 1.0, 9)
    >>> line = lambda t, a, b: a + b * t
    >>> slope = lambda y: ad.optimize.curve_fit(line, t, y)[0][1]
    >>> np.round(ad.grad(slope)(2.0 + 3.0 * t) * 15, 12) + 0.0  # the formula of a regression
    Tensor([-8., -6., -4., -2.,  0.,  2.,  4.,  6.,  8.])
    """
    if p0 is None:
        count = len(inspect.signature(f).parameters) - 1
        if count < 1:
            raise ArgumentError("curve_fit: f takes no parameters; write f(x, a, b), or give p0")
        p0 = np.ones(count)
    y = as_tensor(ydata)

    def residuals(p: Tensor) -> Tensor:
        r = as_tensor(f(xdata, *[p[i] for i in range(p.shape[0])])) - y
        return r if sigma is None else r / as_tensor(sigma)

    residuals.__name__ = getattr(f, "__name__", "f")
    found = least_squares(residuals, np.atleast_1d(np.asarray(p0, np.float64)), **options)
    x = as_tensor(found.x)
    linear = jacobian(residuals)(x)
    inverse = inv(linear.mT @ linear)
    if not (absolute_sigma and sigma is not None):
        r = residuals(x)
        inverse = inverse * (sum(r * r) / max(r.size - x.size, 1))
    return x, inverse
