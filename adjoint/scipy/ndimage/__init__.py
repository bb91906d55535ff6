"""Counterparts of ``scipy.ndimage``: filters, morphology, measurements, values between elements."""

from __future__ import annotations

from adjoint.scipy.common import round_results
from adjoint.scipy.ndimage.callbacks import (
    generic_filter,
    generic_gradient_magnitude,
    generic_laplace,
    geometric_transform,
)
from adjoint.scipy.ndimage.correlations import convolve, convolve1d, correlate, correlate1d
from adjoint.scipy.ndimage.filters import (
    gaussian_filter,
    gaussian_filter1d,
    gaussian_gradient_magnitude,
    gaussian_laplace,
    laplace,
    prewitt,
    sobel,
    uniform_filter,
    uniform_filter1d,
)
from adjoint.scipy.ndimage.fourier import (
    fourier_ellipsoid,
    fourier_gaussian,
    fourier_shift,
    fourier_uniform,
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
from adjoint.scipy.ndimage.measurements import (
    center_of_mass,
    extrema,
    labeled_comprehension,
    maximum,
    maximum_position,
    mean,
    median,
    minimum,
    minimum_position,
    standard_deviation,
    sum,
    sum_labels,
    variance,
)
from adjoint.scipy.ndimage.morphology import (
    black_tophat,
    grey_closing,
    grey_dilation,
    grey_erosion,
    grey_opening,
    morphological_gradient,
    morphological_laplace,
    white_tophat,
)
from adjoint.scipy.ndimage.order_filters import (
    maximum_filter,
    maximum_filter1d,
    median_filter,
    minimum_filter,
    minimum_filter1d,
    percentile_filter,
    rank_filter,
)

# fmt: off
__all__ = [
    "affine_transform", "black_tophat", "center_of_mass", "convolve", "convolve1d", "correlate",
    "correlate1d", "extrema", "fourier_ellipsoid", "fourier_gaussian", "fourier_shift",
    "fourier_uniform", "gaussian_filter", "gaussian_filter1d", "gaussian_gradient_magnitude",
    "gaussian_laplace", "generic_filter", "generic_gradient_magnitude", "generic_laplace",
    "geometric_transform", "grey_closing", "grey_dilation", "grey_erosion", "grey_opening",
    "labeled_comprehension", "laplace", "map_coordinates", "maximum", "maximum_filter",
    "maximum_filter1d", "maximum_position", "mean", "median", "median_filter", "minimum",
    "minimum_filter", "minimum_filter1d", "minimum_position", "morphological_gradient",
    "morphological_laplace", "percentile_filter", "prewitt", "rank_filter", "rotate", "shift",
    "sobel", "spline_filter", "spline_filter1d", "standard_deviation", "sum", "sum_labels",
    "uniform_filter", "uniform_filter1d", "variance", "white_tophat", "zoom",
]
# fmt: on

round_results(__name__)
