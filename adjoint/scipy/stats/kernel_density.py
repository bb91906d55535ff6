"""Kernel density estimates of ``scipy.stats``, differentiable by places, samples and weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import decompositions
from adjoint.array.equations import solve_triangular
from adjoint.errors import NotDifferentiableError, ShapeError
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.exponential import exp, log
from adjoint.ops.matmul import matmul
from adjoint.ops.movement import matrix_transpose, reshape
from adjoint.ops.power import power
from adjoint.ops.rearrange import diagonal
from adjoint.ops.reduction import sum
from adjoint.ops.softmax import logsumexp
from adjoint.scipy.common import real_dtype, unsupported


class gaussian_kde:
    """The mean of bell curves around samples, which are the columns of `dataset`.

    bw_method: "scott" (None), "silverman", a number, or a function of the estimate.

    >>> from adjoint.scipy.stats import gaussian_kde
    >>> gaussian_kde([0.0, 1.0, 3.0])(1.0)
    Tensor([0.21489537])
    """

    name = "scipy.stats.gaussian_kde"

    def __init__(self, dataset: Any, bw_method: Any = None, weights: Any = None) -> None:
        dtype = real_dtype(dataset) if weights is None else real_dtype(dataset, weights)
        self.dataset = FUNCTIONS["atleast_2d"](as_tensor(dataset, dtype))
        self.d, self.n = self.dataset.shape
        if self.n < 2:
            raise ShapeError(f"{self.name}: dataset needs two columns or more, got {self.n}")
        given = np.full(self.n, 1 / self.n, dtype) if weights is None else weights
        self.weights = as_tensor(given, dtype)
        if self.weights.shape != (self.n,):
            raise ShapeError(f"{self.name}: weights of shape {self.weights.shape} for {self.n}")
        self.weights = self.weights / sum(self.weights)
        self.neff = 1 / sum(self.weights * self.weights)
        self.factor = self._bandwidth(bw_method)
        deviations = self.dataset - sum(self.dataset * self.weights, 1, keepdims=True)
        spread = matmul(deviations * self.weights, matrix_transpose(deviations))
        self.covariance = spread / (1 - 1 / self.neff) * (self.factor * self.factor)
        self._root = decompositions.cholesky(self.covariance)

    def _bandwidth(self, method: Any) -> Any:
        if method is None or (isinstance(method, str) and method == "scott"):
            return power(self.neff, -1 / (self.d + 4))
        if isinstance(method, str):
            if method != "silverman":
                raise unsupported(self.name, "bw_method", method, 'give "scott" or a number')
            return power(self.neff * (self.d + 2) / 4, -1 / (self.d + 4))
        return method(self) if callable(method) else as_tensor(method, self.dataset.dtype)

    def logpdf(self, x: Any) -> Tensor:
        """The logarithm of the density at places, the columns of `x`."""
        places = FUNCTIONS["atleast_2d"](as_tensor(x, real_dtype(x, self.dataset)))
        if places.shape[0] != self.d and places.shape[0] == 1 and places.shape[1] == self.d:
            places = reshape(places, (self.d, 1))
        if places.shape[0] != self.d:
            raise ShapeError(f"{self.name}: places have {places.shape[0]} rows, expected {self.d}")
        at, samples = (solve_triangular(self._root, p, lower=True) for p in (places, self.dataset))
        apart = reshape(at, (self.d, -1, 1)) - reshape(samples, (self.d, 1, -1))
        powers = log(self.weights) - 0.5 * sum(apart * apart, 0)
        volume = sum(log(diagonal(self._root))) + 0.5 * self.d * math.log(2 * math.pi)
        result: Tensor = logsumexp(powers, 1) - volume
        return result

    def evaluate(self, points: Any) -> Tensor:
        """The density at places, the columns of `points`."""
        return exp(self.logpdf(points))

    __call__ = evaluate

    def pdf(self, x: Any) -> Tensor:
        """The density at places, the columns of `x`."""
        return self.evaluate(x)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotDifferentiableError(
            f"{self.name}.{name} has no differentiable counterpart; integrate pdf on fixed nodes, "
            f"or make the estimate outside of what is differentiated"
        )
