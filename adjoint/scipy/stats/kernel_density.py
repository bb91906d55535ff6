"""Densities estimated by kernels, of ``scipy.stats``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.array.linalg.decompositions import cholesky
from adjoint.array.linalg.equations import solve_triangular
from adjoint.array.statistics import descriptive
from adjoint.errors import NotDifferentiableError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.reductions.softmax import logsumexp
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import diagonal
from adjoint.scipy.common import real_dtype, unsupported

_NAME = "scipy.stats.gaussian_kde"


class gaussian_kde:
    """The mean of normal densities about the points of a data set, one point a column.

    >>> from adjoint.scipy.stats import gaussian_kde
    >>> gaussian_kde([0.0, 1.0, 2.0])(1.0)
    Tensor([0.31815622])
    """

    def __init__(self, dataset: Any, bw_method: Any = None, weights: Any = None) -> None:
        given = (dataset,) if weights is None else (dataset, weights)
        x = as_tensor(dataset, real_dtype(*given))
        x = reshape(x, (1, -1)) if x.ndim < 2 else x
        if x.ndim != 2 or x.shape[1] < 2:
            raise ShapeError(f"{_NAME}: dataset needs two points or more in columns, got {x.shape}")
        self.dataset, (self.d, self.n) = x, x.shape
        w = as_tensor(np.full(self.n, 1 / self.n) if weights is None else weights, x.dtype)
        if w.shape != (self.n,):
            raise ShapeError(f"{_NAME}: weights need shape {(self.n,)}, got {w.shape}")
        self.weights = w / sum(w)
        self.neff = 1 / sum(self.weights * self.weights)
        self.set_bandwidth(bw_method)

    def set_bandwidth(self, bw_method: Any = None) -> None:
        """Choose the width: "scott", "silverman", a number, or a function of this object."""
        if bw_method is None or bw_method == "scott":
            self.factor: Any = self.scotts_factor()
        elif bw_method == "silverman":
            self.factor = self.silverman_factor()
        elif callable(bw_method):
            self.factor = bw_method(self)
        elif isinstance(bw_method, str):
            raise unsupported(_NAME, "bw_method", bw_method, 'give "scott" or "silverman"')
        else:
            self.factor = bw_method
        data = descriptive.cov(self.dataset, bias=True, aweights=self.weights)
        data = reshape(data, (self.d, self.d)) / (1 - sum(self.weights * self.weights))
        self.covariance = data * self.factor**2

    def scotts_factor(self) -> Tensor:
        """The width by Scott's rule, in standard deviations."""
        result: Tensor = self.neff ** (-1 / (self.d + 4))
        return result

    def silverman_factor(self) -> Tensor:
        """The width by Silverman's rule."""
        result: Tensor = (self.neff * (self.d + 2) / 4) ** (-1 / (self.d + 4))
        return result

    def logpdf(self, x: Any) -> Tensor:
        """The logarithm of the density at the columns of `x`."""
        points = as_tensor(x, real_dtype(x, self.dataset))
        if points.ndim < 2:
            points = reshape(points, (1 if self.d == 1 else self.d, -1))
        if points.ndim != 2 or points.shape[0] != self.d:
            raise ShapeError(f"{_NAME}: points need {self.d} rows, got shape {points.shape}")
        factor = cholesky(self.covariance)
        data = solve_triangular(factor, self.dataset, lower=True)
        at = solve_triangular(factor, points, lower=True)
        distances = at[:, :, None] - data[:, None, :]
        energy = -0.5 * sum(distances * distances, 0)
        size = sum(log(diagonal(factor))) + 0.5 * self.d * math.log(2 * math.pi)
        return logsumexp(energy + log(self.weights), 1) - size

    def evaluate(self, points: Any) -> Tensor:
        """The density at the columns of `points`."""
        return exp(self.logpdf(points))

    def __call__(self, points: Any) -> Tensor:
        return self.evaluate(points)

    def pdf(self, x: Any) -> Tensor:
        """The density at the columns of `x`."""
        return self.evaluate(x)

    def integrate_box_1d(self, low: Any, high: Any) -> Tensor:
        """The probability of an interval, for data of one row."""
        if self.d != 1:
            raise ShapeError(f"{_NAME}.integrate_box_1d: needs data of one row, got {self.d}")
        spread = self.covariance[0, 0] ** 0.5
        ends = [special.ndtr((end - self.dataset[0]) / spread) for end in (low, high)]
        return sum(self.weights * (ends[1] - ends[0]))

    def resample(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: draws have no derivative here."""
        raise NotDifferentiableError(
            f"{_NAME}.resample has no differentiable counterpart; choose points with "
            "adjoint.random.choice and add covariance^(1/2) times normal numbers"
        )
