"""Roots of functions by SciPy's solvers, with derivatives by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api import implicit
from adjoint.api.arguments import check_callable
from adjoint.errors import ArgumentError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.scipy.optimize.by_values import problem_of
from adjoint.scipy.optimize.problem import Problem, Unknowns, of_user, warn_of


def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: Any = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """``scipy.optimize.root``, with exact Jacobians and a solution `x` that has derivatives.

    `fun(x, *args)` returns as many numbers as there are unknowns. The result is SciPy's.

    >>> import adjoint as ad
    >>> ad.grad(lambda a: ad.optimize.root(lambda x: x**3 - a, 1.0).x[0])(8.0)
    Tensor(0.08333333)
    """
    check_callable("root", fun)
    args = args if isinstance(args, tuple) else (args,)
    unknowns = Unknowns("root", x0)
    problem = problem_of("root", fun, unknowns, args, is_vector=True)
    if problem.output.size != unknowns.size:
        raise ArgumentError(
            f"root: {getattr(fun, '__name__', 'fun')} returned {problem.output.size} numbers for "
            f"{unknowns.size} unknowns; there must be as many equations as unknowns"
        )
    slope = of_user(jac, problem) if callable(jac) else jac
    if method in ("hybr", "lm") and jac is None:
        slope = problem.derivative(problem.output)
    found = import_module("scipy.optimize").root(
        problem.value(),
        unknowns.start,
        jac=slope,
        method=method,
        tol=tol,
        callback=callback,
        options=options,
    )
    if not problem.is_traced:
        found.x = unknowns.arrays(np.asarray(found.x))
        return found
    found.x = _polished(problem, found.x)
    return found


def fsolve(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    fprime: Any = None,
    full_output: bool = False,
    col_deriv: bool = False,
    xtol: float = 1.49012e-08,
    maxfev: int = 0,
    band: Any = None,
    epsfcn: Any = None,
    factor: float = 100,
    diag: Any = None,
) -> Any:
    """``scipy.optimize.fsolve``, with exact Jacobians and a solution that has derivatives.

    What MINPACK's method is told, as `factor`, goes to ``root(method="hybr")``. Returns x, and with
    `full_output` SciPy's report, its number and its message, too. Warns (`ConvergenceWarning`) if
    the solver says that it failed.

    >>> import adjoint as ad
    >>> ad.grad(lambda a: ad.optimize.fsolve(lambda x: x**3 - a, 1.0)[0])(8.0)
    Tensor(0.08333333)
    """
    jac = fprime
    if callable(fprime) and col_deriv:

        def jac(*given: Any) -> Any:
            return as_tensor(fprime(*given)).T

    told = {"band": band, "eps": epsfcn, "factor": factor, "diag": diag, "maxfev": maxfev}
    found = root(func, x0, args, "hybr", jac, xtol, None, told)
    if full_output:
        names = ("nfev", "njev", "fvec", "fjac", "r", "qtf")
        report = {"fvec": found.fun} | {n: found[n] for n in names if n in found}
        return found.x, report, found.status, found.message
    if not found.success:
        warn_of("fsolve", found)
    return found.x


def _polished(problem: Problem, solution: Any) -> Any:
    """The solution, like the guess, as a function of what the problem reads from outside."""

    def residual(x: Tensor) -> Tensor:
        return problem.checked(problem.f(problem.unknowns.tree(x), *problem.args), is_vector=True)

    x = implicit.root(residual, np.asarray(solution, np.float64))
    return problem.unknowns.tree(x)


def root_scalar(
    f: Callable[..., Any],
    args: Any = (),
    method: Any = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: Any = None,
    x1: Any = None,
    **options: Any,
) -> Any:
    """``scipy.optimize.root_scalar``, with exact slopes and a `root` that has derivatives.

    >>> import adjoint as ad
    >>> ad.grad(lambda a: ad.optimize.root_scalar(lambda x: x**3 - a, bracket=(0.0, 9.0)).root)(8.0)
    Tensor(0.08333333)
    """
    check_callable("root_scalar", f)
    args = args if isinstance(args, tuple) else (args,)
    start = x0 if x0 is not None else bracket[0] if bracket is not None else None
    if start is None:
        raise ArgumentError("root_scalar: give bracket=(a, b) or a guess x0")
    problem = _of_number("root_scalar", f, start, args)
    value = problem.value()
    given: dict[str, Any] = {"bracket": None if bracket is None else [_number(x) for x in bracket]}
    needs_slope = method in ("newton", "halley") or (method is None and bracket is None)
    if needs_slope and not callable(fprime) and x1 is None:
        slope = problem.derivative(problem.output)
        given["fprime"] = lambda x: float(slope([x])[0, 0])
        if method == "halley" and not callable(fprime2):
            raise ArgumentError("root_scalar: halley needs fprime2; use newton")
    elif callable(fprime):
        given["fprime"] = lambda x: _number(fprime(x, *args))
    for key, guess in (("x0", x0), ("x1", x1)):
        if guess is not None:
            given[key] = _number(guess)
    found = import_module("scipy.optimize").root_scalar(
        lambda x: float(value([x])[0]), method=method, **given, **options
    )
    if problem.is_traced:
        found.root = _polished(problem, [found.root])
    return found


def _number(x: Any) -> float:
    return float(np.asarray(stop_gradient(as_tensor(x)).numpy()))


def _of_number(name: str, f: Callable[..., Any], start: Any, args: Any) -> Problem:
    """A function of one number as a problem of one unknown."""
    return problem_of(name, f, Unknowns(name, _number(start), is_number=True), args, is_vector=True)


def _bracketing(name: str) -> Callable[..., Any]:
    def solver(
        f: Callable[..., Any], a: Any, b: Any, args: Any = (), *more: Any, **options: Any
    ) -> Any:
        args = args if isinstance(args, tuple) else (args,)
        problem = _of_number(name, f, a, args)
        value = problem.value()
        found = getattr(import_module("scipy.optimize"), name)(
            lambda x: float(value([x])[0]), _number(a), _number(b), (), *more, **options
        )
        if not problem.is_traced:
            return found
        if isinstance(found, tuple):
            return _polished(problem, [found[0]]), found[1]
        return _polished(problem, [found])

    solver.__name__ = solver.__qualname__ = name
    solver.__doc__ = (
        f"``scipy.optimize.{name}``: the root of `f` between `a` and `b`, with derivatives by what "
        f"`f` reads and by `args`."
    )
    return solver


brentq, brenth, bisect, ridder, toms748 = map(
    _bracketing, ("brentq", "brenth", "bisect", "ridder", "toms748")
)


def newton(
    func: Callable[..., Any], x0: Any, fprime: Any = None, args: Any = (), **options: Any
) -> Any:
    """``scipy.optimize.newton`` of one number, with the exact slope, and a root with derivatives.

    >>> import adjoint as ad
    >>> ad.grad(lambda a: ad.optimize.newton(lambda x: x**2 - a, 1.0))(4.0)
    Tensor(0.25)
    """
    args = args if isinstance(args, tuple) else (args,)
    problem = _of_number("newton", func, x0, args)
    value, slope = problem.value(), problem.derivative(problem.output)
    found = import_module("scipy.optimize").newton(
        lambda x: float(value([x])[0]),
        _number(x0),
        fprime=lambda x: float(slope([x])[0, 0]),
        **options,
    )
    return _polished(problem, [found]) if problem.is_traced else found


def fixed_point(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    xtol: float = 1e-8,
    maxiter: int = 500,
    method: str = "del2",
) -> Any:
    """``scipy.optimize.fixed_point``: the x with ``x = func(x, *args)``, with derivatives.

    It iterates until a step is below `xtol`, without SciPy's acceleration.
    """
    args = args if isinstance(args, tuple) else (args,)
    return implicit.fixed_point(func, x0, *args, tol=xtol, maxiter=maxiter)
