"""``scipy.optimize``: its solvers given exact derivatives, and solutions that have derivatives."""

from adjoint.scipy.common import no_counterpart
from adjoint.scipy.optimize.fitting import curve_fit, least_squares
from adjoint.scipy.optimize.minimization import minimize
from adjoint.scipy.optimize.roots import (
    bisect,
    brenth,
    brentq,
    fixed_point,
    fsolve,
    newton,
    ridder,
    root,
    root_scalar,
    toms748,
)
from adjoint.scipy.optimize.scalar import minimize_scalar

__all__ = [
    "bisect",
    "brenth",
    "brentq",
    "curve_fit",
    "fixed_point",
    "fsolve",
    "least_squares",
    "linprog",
    "milp",
    "minimize",
    "minimize_scalar",
    "newton",
    "ridder",
    "root",
    "root_scalar",
    "toms748",
]

_SOLUTION = "the solution of a linear program jumps from corner to corner"
linprog = no_counterpart("scipy.optimize.linprog", _SOLUTION)
milp = no_counterpart("scipy.optimize.milp", _SOLUTION)
