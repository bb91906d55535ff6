"""Counterparts of ``scipy.ndimage``: linear filters, and values between elements."""

from __future__ import annotations

from adjoint.scipy.ndimage.correlations import convolve, convolve1d, correlate, correlate1d
from adjoint.scipy.ndimage.filters import (
    gaussian_filter,
    gaussian_filter1d,
    gaussian_gradient_magnitude,
    gaussian_laplace,
    generic_filter,
    laplace,
    maximum_filter,
    median_filter,
    minimum_filter,
    percentile_filter,
    prewitt,
    sobel,
    uniform_filter,
    uniform_filter1d,
)
from adjoint.scipy.ndimage.interpolation import (
    affine_transform,
    map_coordinates,
    rotate,
    shift,
    spline_filter,
    spline_filter1d,
    zoom,
)

# fmt: off
__all__ = [
    "affine_transform", "convolve", "convolve1d", "correlate", "correlate1d", "gaussian_filter",
    "gaussian_filter1d", "gaussian_gradient_magnitude", "gaussian_laplace", "generic_filter",
    "laplace", "map_coordinates", "maximum_filter", "median_filter", "minimum_filter",
    "percentile_filter", "prewitt", "rotate", "shift", "sobel", "spline_filter",
    "spline_filter1d", "uniform_filter", "uniform_filter1d", "zoom",
]
# fmt: on
