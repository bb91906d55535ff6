"""leastsq, the older name of `least_squares`, with exact Jacobians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable
from adjoint.api.jacobians import jacobian
from adjoint.array.linalg import inv
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.scipy.common import refuse
from adjoint.scipy.optimize.by_values import problem_of
from adjoint.scipy.optimize.fitting import least_squares_minimiser
from adjoint.scipy.optimize.problem import Unknowns


def leastsq(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    Dfun: Any = None,
    full_output: bool = False,
    col_deriv: bool = False,
    ftol: float = 1.49012e-08,
    xtol: float = 1.49012e-08,
    gtol: float = 0.0,
    maxfev: int = 0,
    epsfcn: Any = None,
    factor: float = 100,
    diag: Any = None,
) -> Any:
    """``scipy.optimize.leastsq``: what makes the sum of squares of `func` least, with derivatives
    by what `func` reads and by `args`; with `full_output` also of the covariance.

    >>> import numpy as np
    >>> import adjoint as ad
    >>> from adjoint.scipy.optimize import leastsq
    >>> t = np.arange(4.0)
    >>> ad.grad(lambda a: leastsq(lambda k: k * t - a * t, 1.0)[0][0])(2.0).round(6)
    Tensor(1.)
    """
    refuse("scipy.optimize.leastsq", col_deriv=(col_deriv, False))
    check_callable("leastsq", func)
    args = args if isinstance(args, tuple) else (args,)
    problem = problem_of("leastsq", func, Unknowns("leastsq", x0), args, is_vector=True)
    slope = problem.derivative(problem.output) if Dfun is None else Dfun
    if Dfun is not None and args:
        slope = lambda x: Dfun(x, *problem.args)
    found = import_module("scipy.optimize").leastsq(
        problem.value(),
        problem.unknowns.start,
        Dfun=slope,
        full_output=full_output,
        ftol=ftol,
        xtol=xtol,
        gtol=gtol,
        maxfev=maxfev,
        epsfcn=epsfcn,
        factor=factor,
        diag=diag,
    )
    if not problem.is_traced:
        return found

    def residuals(x: Tensor) -> Tensor:
        return problem.checked(problem.f(problem.unknowns.tree(x), *problem.args), is_vector=True)

    flat = least_squares_minimiser(problem, np.ravel(found[0]), None)
    x = problem.unknowns.tree(flat)
    if not full_output:
        return (x, *found[1:])
    matrix = jacobian(residuals)(as_tensor(flat))
    covariance = None if found[1] is None else inv(matrix.mT @ matrix)
    return (x, covariance, *found[2:])
