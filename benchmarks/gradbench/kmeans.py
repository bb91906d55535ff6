"""kmeans: the cost of a clustering, and Newton's direction, the gradient over the curvature."""

from __future__ import annotations

from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.gradbench.forms import flat


def cost(points: Any, centroids: Any) -> Any:
    """The squared distances of all points to their nearest centroid."""
    squares = ad.sum(points * points, axis=1, keepdims=True) + ad.sum(centroids**2, axis=1)
    distances = squares - 2.0 * (points @ centroids.T)
    return ad.sum(ad.min(distances, axis=1))


def direction(points: Any, centroids: Any) -> Any:
    """The gradient by the centroids over the diagonal of the Hessian, which is diagonal."""
    gradient = ad.grad(lambda c: cost(points, c))
    first, second = ad.jvp(gradient, (centroids,), (np.ones(centroids.shape),))
    return first / second


def make(given: Any) -> Any:
    """The cost, and Newton's direction."""
    args = given["points"], given["centroids"]
    primal, newton = ad.compile(cost), ad.compile(direction)
    return {"primal": (lambda: primal(*args), flat), "derivative": (lambda: newton(*args), flat)}
