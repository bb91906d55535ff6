"""Solvers of SciPy's with exact derivatives: `minimize`, `least_squares`, `root` and their like.

`adjoint.scipy.optimize` under a shorter name.
"""

from adjoint.scipy.optimize import *  # noqa: F403  # one list of names, in one place
from adjoint.scipy.optimize import __all__ as __all__
