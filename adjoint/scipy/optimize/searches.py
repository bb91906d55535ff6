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
from adjoint.scipy.optimize.scalar import minimize_scalar

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
    func: Any, args: Any, method: str, full_output: Any, last: tuple[str, ...], **given: Any
) -> Any:
    """What `minimize_scalar` finds, as the older functions return it."""
    found = minimize_scalar(func, args=args, method=method, **given)
    if not full_output:
        return found.x
    counts = tuple(0 if key == "flag" and found.success else found.get(key, 1) for key in last)
    return (found.x, found.fun, *counts)


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
    """``scipy.optimize.fminbound``: the minimum between `x1` and `x2`, with derivatives by what
    `func` reads, and by an end where it lies there.

    >>> import adjoint as ad
    >>> from adjoint.scipy.optimize import fminbound
    >>> ad.grad(lambda a: fminbound(lambda x: (x - a**2) ** 2, 0, 20))(3.0)
    Tensor(6.)
    """
    options = {"xatol": xtol, "maxiter": maxfun}
    last = ("flag", "nfev")
    return _one_number(func, args, "bounded", full_output, last, bounds=(x1, x2), options=options)


def brent(
    func: Callable[..., Any],
    args: Any = (),
    brack: Any = None,
    tol: float = 1.48e-08,
    full_output: Any = 0,
    maxiter: int = 500,
) -> Any:
    """``scipy.optimize.brent``: the minimum of a function of one number, with derivatives by what
    it reads.

    >>> import adjoint as ad
    >>> from adjoint.scipy.optimize import brent
    >>> ad.grad(lambda a: brent(lambda x: (x - a**2) ** 2))(3.0)
    Tensor(6.)
    """
    given = {"bracket": brack, "tol": tol, "options": {"maxiter": maxiter}}
    return _one_number(func, args, "brent", full_output, ("nit", "nfev"), **given)


def golden(
    func: Callable[..., Any],
    args: Any = (),
    brack: Any = None,
    tol: float = np.finfo(float).eps ** 0.5,
    full_output: Any = 0,
    maxiter: int = 5000,
) -> Any:
    """``scipy.optimize.golden``: the minimum of a function of one number by golden sections, with
    derivatives by what it reads.

    >>> import adjoint as ad
    >>> from adjoint.scipy.optimize import golden
    >>> ad.grad(lambda a: golden(lambda x: (x - a**2) ** 2))(3.0)
    Tensor(6.)
    """
    given = {"bracket": brack, "tol": tol, "options": {"maxiter": maxiter}}
    return _one_number(func, args, "golden", full_output, ("nfev",), **given)
