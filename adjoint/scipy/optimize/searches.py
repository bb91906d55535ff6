"""Minimisers of ``scipy.optimize`` under their own names: found by SciPy, with derivatives.

SciPy searches with plain numbers. What it finds is taken to the stationary point beside it, which
has derivatives by what the function reads, as a solution of `minimize` has.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.scipy.optimize.by_values import problem_of
from adjoint.scipy.optimize.minimization import limits, minimiser
from adjoint.scipy.optimize.problem import Problem, Unknowns

__all__ = [
    "basinhopping",
    "brent",
    "differential_evolution",
    "direct",
    "dual_annealing",
    "fmin",
    "fmin_bfgs",
    "fmin_cg",
    "fmin_powell",
    "fminbound",
    "golden",
    "minimize_scalar",
    "shgo",
]


def _plain(x: Any) -> Any:
    """Numbers in place of tensors, also in lists and tuples."""
    if isinstance(x, Tensor):
        return np.asarray(stop_gradient(x).numpy())
    return type(x)(map(_plain, x)) if type(x) in (list, tuple) else x


def _tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def _search(name: str, argument: str, told: str) -> Callable[..., Any]:
    """A minimiser whose function is called `argument`; `told` says how it searches."""

    def solver(*args: Any, **kwargs: Any) -> Any:
        real = getattr(import_module("scipy.optimize"), name)
        given = inspect.signature(real).bind(*args, **kwargs).arguments
        f, more = given[argument], _tuple(given.get("args", ()))
        check_callable(name, f)
        bounds = given.get("bounds")
        start = given["x0"] if "x0" in given else _middle(bounds)
        unknowns = Unknowns(name, start)
        problem = problem_of(name, f, unknowns, more, is_vector=False)
        given |= {argument: problem.value()}
        if "args" in given:
            given["args"] = ()
        if "x0" in given:
            given["x0"] = unknowns.start
        if bounds is not None:
            given["bounds"] = _plain(bounds)
        if name in ("fmin_bfgs", "fmin_cg") and given.get("fprime") is None:
            both = problem.value_and_gradient()
            given["fprime"] = lambda x: both(x)[1]
        found = real(**given)
        return _differentiable(problem, found, bounds) if problem.is_traced else found

    solver.__name__ = solver.__qualname__ = name
    solver.__doc__ = (
        f"``scipy.optimize.{name}``: {told}. What it finds has derivatives by what the function "
        f"reads, as that of `minimize`."
    )
    return solver


def _middle(bounds: Any) -> Any:
    low, high = limits(bounds)
    return 0.5 * (_plain(low) + _plain(high))


def _differentiable(problem: Problem, found: Any, bounds: Any) -> Any:
    """What a minimiser returned, with derivatives of the point and the value."""

    def polished(x: Any) -> Any:
        return problem.unknowns.tree(minimiser(problem, np.ravel(x), bounds))

    def value(x: Any) -> Any:
        return problem.f(x, *problem.args)

    if isinstance(found, tuple):  # the point, and with full_output the value and more
        x = polished(found[0])
        second = found[1:2]
        has_value = len(second) == 1 and np.ndim(second[0]) == 0
        return (x, value(x), *found[2:]) if has_value else (x, *found[1:])
    if isinstance(found, np.ndarray):
        return polished(found)
    found.x = polished(found.x)
    found.fun = value(found.x)
    return found


fmin = _search("fmin", "func", "the simplex of Nelder and Mead")
fmin_powell = _search("fmin_powell", "func", "Powell's method, without derivatives")
fmin_cg = _search("fmin_cg", "f", "conjugate gradients, with exact derivatives")
fmin_bfgs = _search("fmin_bfgs", "f", "the method BFGS, with exact derivatives")
basinhopping = _search("basinhopping", "func", "steps at random, each followed by a minimisation")
differential_evolution = _search("differential_evolution", "func", "a population that evolves")
dual_annealing = _search("dual_annealing", "func", "annealing")
shgo = _search("shgo", "func", "minimisations from a simplicial complex")
direct = _search("direct", "func", "rectangles that are divided")


def _one_number(
    name: str, func: Callable[..., Any], args: Any, search: Callable[[Any], Any], bounds: Any = None
) -> tuple[Any, Any, Problem]:
    """What a search in one number finds: its result, and the point where it has derivatives."""
    check_callable(name, func)
    problem = problem_of(
        name, func, Unknowns(name, 0.0, is_number=True), _tuple(args), is_vector=False
    )
    value = problem.value()
    found = search(lambda x: float(value(np.reshape(x, 1))))
    x: Any = found[0] if isinstance(found, tuple) else getattr(found, "x", found)
    if not problem.is_traced and not _reads(bounds):
        return found, x, problem
    pairs = None
    if bounds is not None:
        low, high = map(float, map(_plain, bounds))
        slope = problem.value_and_gradient()(np.reshape(x, 1))[1][0]
        near = 1e-4 * (high - low)
        if x - low < near and slope > 0:
            x = low
        if high - x < near and slope < 0:
            x = high
        pairs = [tuple(bounds)]
    return found, problem.unknowns.tree(minimiser(problem, [x], pairs)), problem


def _reads(bounds: Any) -> bool:
    return bounds is not None and any(isinstance(x, Tensor) for x in bounds)


def minimize_scalar(
    fun: Callable[..., Any],
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: Any = None,
    options: Any = None,
) -> Any:
    """``scipy.optimize.minimize_scalar``, with an `x` that has derivatives by what `fun` reads.

    >>> import adjoint as ad
    >>> from adjoint.scipy.optimize import minimize_scalar
    >>> ad.grad(lambda a: minimize_scalar(lambda x: (x - a**2) ** 2).x)(3.0)
    Tensor(6.)
    """
    real = import_module("scipy.optimize").minimize_scalar

    def search(f: Any) -> Any:
        return real(f, _plain(bracket), _plain(bounds), (), method, tol, options)

    found, x, problem = _one_number("minimize_scalar", fun, args, search, bounds)
    if isinstance(x, Tensor):
        found.x, found.fun = x, problem.f(x, *problem.args)
    return found


def fminbound(
    func: Callable[..., Any],
    x1: Any,
    x2: Any,
    args: Any = (),
    xtol: float = 1e-05,
    maxfun: int = 500,
    full_output: Any = 0,
    disp: Any = 1,
) -> Any:
    """``scipy.optimize.fminbound``: the minimum between `x1` and `x2`, with derivatives by these,
    if it is one of them, and by what `func` reads.

    >>> import adjoint as ad
    >>> from adjoint.scipy.optimize import fminbound
    >>> ad.grad(lambda a: fminbound(lambda x: (x - a**2) ** 2, 0, 20))(3.0)
    Tensor(6.)
    """
    real = import_module("scipy.optimize").fminbound

    def search(f: Any) -> Any:
        return real(f, _plain(x1), _plain(x2), (), xtol, maxfun, full_output, disp)

    found, x, problem = _one_number("fminbound", func, args, search, (x1, x2))
    return _with_value(found, x, problem)


def _with_value(found: Any, x: Any, problem: Problem) -> Any:
    if not isinstance(x, Tensor):
        return found
    return (x, problem.f(x, *problem.args), *found[2:]) if isinstance(found, tuple) else x


def _bracketed(name: str) -> Callable[..., Any]:
    def solver(
        func: Callable[..., Any], args: Any = (), brack: Any = None, *more: Any, **options: Any
    ) -> Any:
        real = getattr(import_module("scipy.optimize"), name)
        search = lambda f: real(f, (), _plain(brack), *more, **options)  # noqa: E731
        return _with_value(*_one_number(name, func, args, search))

    solver.__name__ = solver.__qualname__ = name
    solver.__doc__ = (
        f"``scipy.optimize.{name}``: the minimum of a function of one number, with derivatives by "
        f"what it reads."
    )
    return solver


brent, golden = map(_bracketed, ("brent", "golden"))
