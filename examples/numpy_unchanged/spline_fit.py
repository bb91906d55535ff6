"""Fit a warped time axis and a smooth curve to a measured one, with SciPy's splines."""

import numpy as np
from scipy import integrate, interpolate

rng = np.random.default_rng(6)
KNOTS = np.linspace(0.0, 1.0, 7)
TIMES = np.sort(rng.random(80)) * 0.96 + 0.02
MEASURED = np.sin(2 * np.pi * TIMES**1.4) + 0.05 * rng.normal(size=TIMES.size)

START = np.concatenate([0.9 * np.sin(2 * np.pi * KNOTS), np.zeros(len(KNOTS) - 1)])


def objective(params):
    """The misfit of the curve along the warped axis, and the curvature of the curve."""
    heights, rates = params[: len(KNOTS)], params[len(KNOTS) :]
    steps = np.exp(rates)
    warped = np.concatenate([[0.0], np.cumsum(steps) / np.sum(steps)])
    warp = interpolate.PchipInterpolator(KNOTS, warped)
    curve = interpolate.CubicSpline(KNOTS, heights, bc_type="natural")
    residuals = curve(warp(TIMES)) - MEASURED
    fine = np.linspace(0.0, 1.0, 65)
    bending = integrate.simpson(curve(fine, 2) ** 2, x=fine)
    return np.sum(residuals**2) + 1e-5 * bending + 0.01 * np.sum(rates**2)
