"""Counterparts of ``scipy.integrate``: rules on given nodes, and initial value problems."""

from __future__ import annotations

from adjoint.scipy.common import round_results
from adjoint.scipy.integrate.adaptive import quad, quad_vec
from adjoint.scipy.integrate.initial_value import odeint, solve_ivp
from adjoint.scipy.integrate.nested import dblquad, nquad, tplquad
from adjoint.scipy.integrate.quadrature import (
    cumulative_simpson,
    cumulative_trapezoid,
    fixed_quad,
    romb,
    simpson,
    solve_bvp,
    trapezoid,
)

# fmt: off
__all__ = [
    "cumulative_simpson", "cumulative_trapezoid", "dblquad", "fixed_quad", "nquad", "odeint",
    "quad", "quad_vec", "romb", "simpson", "solve_bvp", "solve_ivp", "tplquad", "trapezoid",
]
# fmt: on

round_results(__name__)
