"""Counterparts of ``scipy.interpolate``."""

from __future__ import annotations

from adjoint.scipy.common import round_results
from adjoint.scipy.interpolate.bivariate import RectBivariateSpline, UnivariateSpline
from adjoint.scipy.interpolate.bsplines import (
    BSpline,
    InterpolatedUnivariateSpline,
    make_interp_spline,
    splantider,
    splder,
    splev,
    splint,
    splrep,
)
from adjoint.scipy.interpolate.interpolators import (
    LSQUnivariateSpline,
    PPoly,
    RegularGridInterpolator,
    interp1d,
    interpn,
    make_lsq_spline,
    make_smoothing_spline,
    pchip_interpolate,
)
from adjoint.scipy.interpolate.radial import RBFInterpolator
from adjoint.scipy.interpolate.scattered import (
    LinearNDInterpolator,
    NearestNDInterpolator,
    griddata,
)
from adjoint.scipy.interpolate.splines import (
    Akima1DInterpolator,
    CubicHermiteSpline,
    CubicSpline,
    PchipInterpolator,
)

# fmt: off
__all__ = [
    "Akima1DInterpolator", "BSpline", "CubicHermiteSpline", "CubicSpline",
    "InterpolatedUnivariateSpline", "LSQUnivariateSpline", "LinearNDInterpolator",
    "NearestNDInterpolator", "PPoly", "PchipInterpolator", "RBFInterpolator", "RectBivariateSpline",
    "RegularGridInterpolator", "UnivariateSpline", "griddata", "interp1d", "interpn",
    "make_interp_spline", "make_lsq_spline", "make_smoothing_spline", "pchip_interpolate",
    "splantider", "splder", "splev", "splint", "splrep",
]
# fmt: on

round_results(__name__)
