"""Distributions of several variables of ``scipy.stats``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.array.linalg import decompositions
from adjoint.array.linalg.equations import solve_triangular
from adjoint.errors import NotDifferentiableError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, stop_gradient, where
from adjoint.ops.elementwise.exponential import exp, log, log1p
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.extremum import max
from adjoint.ops.reductions.reduction import any, sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, matrix_transpose, reshape, squeeze
from adjoint.ops.shape.rearrange import diag, diagonal
from adjoint.scipy.common import real_dtype

_LOG_TWO_PI = math.log(2 * math.pi)


def _location_and_spread(name: str, mean: Any, cov: Any) -> tuple[Tensor, Tensor, int]:
    """Mean, the whole matrix and how many variables there are."""
    cov = 1.0 if cov is None else cov
    dtype = real_dtype(cov) if mean is None else real_dtype(mean, cov)
    spread = as_tensor(cov, dtype)
    size = as_tensor(mean).size if mean is not None else 1 if spread.ndim < 2 else spread.shape[0]
    center = as_tensor(np.zeros(size) if mean is None else mean, dtype)
    center = reshape(center, (size,))
    if spread.ndim == 0:
        spread = spread * np.eye(size, dtype=dtype)
    elif spread.ndim == 1:
        spread = diag(spread) if size > 1 else reshape(spread, (1, 1))
    if spread.shape != (size, size):
        raise ShapeError(
            f"{name}: a mean of size {size} needs a matrix of shape {(size, size)}, got "
            f"{spread.shape}"
        )
    return center, spread, size


def _deviations(name: str, x: Any, center: Tensor) -> Tensor:
    """`x` less the mean, one example a row of the last axis."""
    x = as_tensor(x, real_dtype(x, center))
    if x.ndim == 0:
        x = reshape(x, (1,))
    elif x.ndim == 1:
        x = reshape(x, (-1, 1) if center.size == 1 else (1, -1))
    if x.shape[-1] not in (1, center.size):
        raise ShapeError(f"{name}: x of shape {x.shape} needs {center.size} in its last axis")
    result: Tensor = x - as_tensor(center, x.dtype)
    return result


def _distances(name: str, x: Any, center: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """The squares of Mahalanobis' distances, and the logarithm of the determinant."""
    deviations = _deviations(name, x, center)
    factor = decompositions.cholesky(spread)
    rows = reshape(deviations, (-1, center.size))
    z = solve_triangular(factor, matrix_transpose(rows), lower=True)
    squares = reshape(sum(z * z, 0), deviations.shape[:-1])
    return squares, 2 * sum(log(diagonal(factor)))


def _constrained(
    name: str, x: Any, center: Tensor, spread: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """As `_distances` for a matrix that may be singular: within the space of its eigenvectors with
    eigenvalues above the cutoff of ``scipy.linalg.pinvh``, and how many these are.

    Outside of that space the distance is infinite. Derivatives hold for matrices of equal rank.
    """
    values, vectors = decompositions.eigh(spread)
    factor = 1e6 if spread.dtype.itemsize == 8 else 1e3
    cutoff = factor * np.finfo(spread.dtype).eps * max(abs(stop_gradient(values)))
    kept = values > cutoff
    safe = where(kept, values, 1.0)
    z = matmul(_deviations(name, x, center), vectors)
    squares = sum(where(kept, z * z / safe, 0.0), -1)
    beside = sum(where(kept, 0.0, stop_gradient(z * z)), -1)
    squares = where(beside < (1e3 * cutoff) ** 2, squares, math.inf)
    volume = where(any(values < -cutoff), math.nan, sum(log(safe)))  # it is no covariance
    return squares, volume, astype(sum(kept), spread.dtype)


class Several:
    """What the distributions here share."""

    name = ""

    def cdf(self, *args: Any, **kwds: Any) -> Any:
        """Raises: it is integrated by random numbers."""
        raise self._unknown("cdf", "it is integrated by random numbers")

    logcdf = cdf

    def rvs(self, *args: Any, **kwds: Any) -> Any:
        """Raises: a random draw has no derivative by parameters."""
        raise self._unknown("rvs", "draw standard numbers outside, and transform them")

    def fit(self, *args: Any, **kwds: Any) -> Any:
        """Raises: a fit runs on plain numbers."""
        raise self._unknown("fit", "differentiate logpdf and minimise its negative sum")

    def _unknown(self, method: str, cure: str) -> NotDifferentiableError:
        return NotDifferentiableError(
            f"scipy.stats.{self.name}.{method} has no differentiable counterpart; {cure}"
        )


class MultivariateNormal(Several):
    """The normal distribution of several variables, for positive definite matrices `cov`.

    The lower triangle of `cov` is read and taken for symmetric, so its gradient is.

    >>> from adjoint.scipy.stats import multivariate_normal
    >>> multivariate_normal.logpdf([0.0, 0.0], [0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    Tensor(-1.83787707)
    """

    name = "multivariate_normal"

    def __call__(
        self,
        mean: Any = None,
        cov: Any = 1,
        allow_singular: bool = False,
        seed: Any = None,
        **kwds: Any,
    ) -> FrozenMultivariateNormal:
        return FrozenMultivariateNormal(mean, cov, allow_singular)

    def logpdf(
        self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False
    ) -> Tensor:
        """The logarithm of the density at `x`; `LinAlgError` for a singular matrix, which with
        `allow_singular` has a density in a space of fewer axes."""
        name = "scipy.stats.multivariate_normal"
        center, spread, size = _location_and_spread(name, mean, cov)
        rank: Any = size
        if allow_singular:
            squares, volume, rank = _constrained(name, x, center, spread)
        else:
            squares, volume = _distances(name, x, center, spread)
        return squeeze((squares + volume + rank * _LOG_TWO_PI) * -0.5)

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Tensor:
        """The density at `x`."""
        return exp(self.logpdf(x, mean, cov, allow_singular))

    def entropy(self, mean: Any = None, cov: Any = 1) -> Tensor:
        """The differential entropy."""
        name = "scipy.stats.multivariate_normal"
        _, spread, size = _location_and_spread(name, mean, cov)
        volume = 2 * sum(log(diagonal(decompositions.cholesky(spread))))
        result: Tensor = (volume + size * (_LOG_TWO_PI + 1)) * 0.5
        return result


class FrozenMultivariateNormal(Several):
    """`multivariate_normal` with mean and matrix given."""

    name = "multivariate_normal"

    def __init__(self, mean: Any, cov: Any, allow_singular: bool = False) -> None:
        self.allow_singular = allow_singular
        parts = _location_and_spread("scipy.stats.multivariate_normal", mean, cov)
        self.mean, self.cov, self.dim = parts

    def logpdf(self, x: Any) -> Tensor:
        """The logarithm of the density at `x`."""
        return multivariate_normal.logpdf(x, self.mean, self.cov, self.allow_singular)

    def pdf(self, x: Any) -> Tensor:
        """The density at `x`."""
        return multivariate_normal.pdf(x, self.mean, self.cov, self.allow_singular)

    def entropy(self) -> Tensor:
        """The differential entropy."""
        return multivariate_normal.entropy(self.mean, self.cov)


class MultivariateStudent(Several):
    """Student's t distribution of several variables.

    >>> from adjoint.scipy.stats import multivariate_t
    >>> multivariate_t.pdf([0.0, 0.0], [0.0, 0.0], df=2.0)
    Tensor(0.15915494)
    """

    name = "multivariate_t"

    def logpdf(self, x: Any, loc: Any = None, shape: Any = 1, df: Any = 1) -> Tensor:
        """The logarithm of the density at `x`."""
        name = "scipy.stats.multivariate_t"
        center, spread, size = _location_and_spread(name, loc, shape)
        df = as_tensor(df, real_dtype(df, center))
        squares, volume = _distances(name, x, center, spread)
        more = 0.5 * (df + size)
        constant = special.gammaln(more) - special.gammaln(0.5 * df)
        constant = constant - 0.5 * size * log(df * math.pi) - 0.5 * volume
        return squeeze(constant - more * log1p(squares / df))

    def pdf(
        self, x: Any, loc: Any = None, shape: Any = 1, df: Any = 1, allow_singular: bool = False
    ) -> Tensor:
        """The density at `x`."""
        return exp(self.logpdf(x, loc, shape, df))


class Dirichlet(Several):
    """Dirichlet's distribution of fractions that add up to 1.

    The last fraction may be left out. That they add up is not looked at.

    >>> from adjoint.scipy.stats import dirichlet
    >>> dirichlet.pdf([0.5, 0.5], [2.0, 2.0])
    Tensor(1.5)
    """

    name = "dirichlet"

    def __call__(self, alpha: Any, seed: Any = None) -> FrozenDirichlet:
        return FrozenDirichlet(alpha)

    def logpdf(self, x: Any, alpha: Any) -> Tensor:
        """The logarithm of the density at `x`, whose first axis counts the fractions."""
        dtype = real_dtype(x, alpha)
        x, alpha = as_tensor(x, dtype), as_tensor(alpha, dtype)
        if x.shape[:1] == (alpha.size - 1,):
            x = concat([x, 1 - sum(x, 0, keepdims=True)], axis=0)
        if alpha.ndim != 1 or x.shape[:1] != alpha.shape:
            raise ShapeError(
                f"scipy.stats.dirichlet: alpha of shape {alpha.shape} needs as many fractions in "
                f"the first axis of x, or one fewer; got shape {x.shape}"
            )
        powers = reshape(alpha, (-1, *(1,) * (x.ndim - 1))) - 1
        return squeeze(sum(special.xlogy(powers, x), 0) - _log_beta(alpha))

    def pdf(self, x: Any, alpha: Any) -> Tensor:
        """The density at `x`."""
        return exp(self.logpdf(x, alpha))

    def mean(self, alpha: Any) -> Tensor:
        """The means of the fractions."""
        alpha = as_tensor(alpha, real_dtype(alpha))
        result: Tensor = alpha / sum(alpha)
        return result

    def var(self, alpha: Any) -> Tensor:
        """The variances of the fractions."""
        alpha = as_tensor(alpha, real_dtype(alpha))
        total = sum(alpha)
        result: Tensor = alpha * (total - alpha) / (total * total * (total + 1))
        return result

    def entropy(self, alpha: Any) -> Tensor:
        """The differential entropy."""
        alpha = as_tensor(alpha, real_dtype(alpha))
        total, psi = sum(alpha), special.digamma
        slopes = (total - alpha.size) * psi(total) - sum((alpha - 1) * psi(alpha))
        result: Tensor = _log_beta(alpha) + slopes
        return result


class FrozenDirichlet:
    """`dirichlet` with its parameters given."""

    def __init__(self, alpha: Any) -> None:
        self.alpha = alpha

    def logpdf(self, x: Any) -> Tensor:
        """The logarithm of the density at `x`."""
        return dirichlet.logpdf(x, self.alpha)

    def pdf(self, x: Any) -> Tensor:
        """The density at `x`."""
        return dirichlet.pdf(x, self.alpha)

    def mean(self) -> Tensor:
        """The means of the fractions."""
        return dirichlet.mean(self.alpha)

    def var(self) -> Tensor:
        """The variances of the fractions."""
        return dirichlet.var(self.alpha)

    def entropy(self) -> Tensor:
        """The differential entropy."""
        return dirichlet.entropy(self.alpha)


def _log_beta(alpha: Tensor) -> Tensor:
    return sum(special.gammaln(alpha)) - special.gammaln(sum(alpha))


multivariate_normal, multivariate_t = MultivariateNormal(), MultivariateStudent()
dirichlet = Dirichlet()
