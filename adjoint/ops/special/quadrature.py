"""Integrals of positive, analytic functions for many parameters at once: the numbers.

On the whole line the trapezoidal rule converges exponentially in the number of its points
(L. N. Trefethen and J. A. C. Weideman, "The exponentially convergent trapezoidal rule", 2014).
An integral from 0 to ∞ becomes one over the line by t = exp(u), in which powers of t + x are
analytic in a strip of half-width π: a step below ½ leaves an error below 1e-17.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module

Array: TypeAlias = Any

_STEP = 0.45
_AT_ONCE = 2**18
"""How many numbers are computed at once."""


def trapezoid(f: Callable[..., Array], low: Array, high: Array, *values: Array) -> Array:
    """∫ f(u, *values) du from `low` to `high`, at whose ends f is nothing, for each element."""
    result = np.empty_like(low)
    longest = float(np.max(high - low, initial=0.0))
    count = max(int(longest / _STEP) + 2, 8)
    chunk = max(_AT_ONCE // count, 1)
    steps = np.arange(count) / (count - 1)
    for start in range(0, low.size, chunk):
        part = slice(start, start + chunk)
        a, width = low[part, None], (high - low)[part, None]
        heights = f(a + width * steps, *(v[part, None] for v in values))
        result[part] = np.sum(heights, axis=1) * width[:, 0] / (count - 1)
    return result


def gauss_legendre(
    f: Callable[..., Array], low: Array, high: Array, panels: int, *values: Array
) -> Array:
    """∫ f(u, *values) du from `low` to `high` by panels of 24 points, for each element."""
    result: Array | None = None
    points, weights = gauss_rule(24)
    places = ((np.arange(panels)[:, None] + points) / panels).ravel()
    shares = np.tile(weights, panels) / panels
    chunk = max(_AT_ONCE // places.size, 1)
    for start in range(0, low.size, chunk):
        part = slice(start, start + chunk)
        a, width = low[part, None], (high - low)[part, None]
        heights = f(a + width * places, *(v[part, None] for v in values))
        found = (heights @ shares) * width[:, 0]
        if result is None:
            result = np.empty(low.shape, found.dtype)
        result[part] = found
    return np.empty_like(low) if result is None else result


@cache
def gauss_rule(count: int) -> tuple[Array, Array]:
    """Points of Gauss's rule between 0 and 1, and their weights, the sum of which is 1."""
    points, weights = import_module("numpy.polynomial.legendre").leggauss(count)
    return 0.5 * (1 + points), 0.5 * weights


def flat(*values: Array) -> tuple[list[Array], tuple[int, ...]]:
    """Parameters broadcast to one shape and flattened, and that shape."""
    arrays = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in values))
    return [a.ravel() for a in arrays], arrays[0].shape
