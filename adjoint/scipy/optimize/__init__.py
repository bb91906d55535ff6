"""``scipy.optimize``: its solvers given exact derivatives, and solutions that have derivatives."""

from adjoint.scipy.common import no_counterpart
from adjoint.scipy.optimize.fitting import curve_fit, least_squares
from adjoint.scipy.optimize.leastsq import leastsq
from adjoint.scipy.optimize.linear import (
    isotonic_regression,
    linear_sum_assignment,
    lsq_linear,
    nnls,
)
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
from adjoint.scipy.optimize.searches import (
    basinhopping,
    brent,
    differential_evolution,
    direct,
    dual_annealing,
    fmin,
    fmin_bfgs,
    fmin_cg,
    fmin_powell,
    fminbound,
    golden,
    shgo,
)

# fmt: off
__all__ = [
    "basinhopping", "bisect", "brent", "brenth", "brentq", "curve_fit", "differential_evolution",
    "direct", "dual_annealing", "fixed_point", "fmin", "fmin_bfgs", "fmin_cg", "fmin_powell",
    "fminbound", "fsolve", "golden", "isotonic_regression", "least_squares", "leastsq",
    "linear_sum_assignment", "linprog", "lsq_linear", "milp", "minimize", "minimize_scalar",
    "newton", "nnls", "ridder", "root", "root_scalar", "shgo", "toms748",
]
# fmt: on

_SOLUTION = "the solution of a linear program jumps from corner to corner"
linprog = no_counterpart("scipy.optimize.linprog", _SOLUTION)
milp = no_counterpart("scipy.optimize.milp", _SOLUTION)
