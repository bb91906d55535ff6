"""Distributions of matrices and of counts of several kinds in ``scipy.stats``."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.array.linalg.decompositions import cholesky
from adjoint.array.linalg.equations import solve_triangular
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal, logical_and
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.rounding import floor
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.movement import matrix_transpose
from adjoint.ops.shape.rearrange import diagonal
from adjoint.scipy.common import count, real_dtype
from adjoint.scipy.stats.distribution import Frozen
from adjoint.scipy.stats.multivariate import Several

_LOG2 = math.log(2)


def _log_det(factor: Tensor) -> Tensor:
    """log det of the matrix whose Cholesky factor is given."""
    result: Tensor = 2 * sum(log(diagonal(factor, 0, -2, -1)), -1)
    return result


def _matrix(name: str, argument: str, x: Any, dtype: Any) -> Tensor:
    """A square matrix; a number as one of one row, a vector as a diagonal."""
    x = as_tensor(x, dtype)
    result: Tensor = x
    if x.ndim == 0:
        result = x.reshape((1, 1))
    elif x.ndim == 1:
        result = x * as_tensor(np.eye(x.size), dtype)
    elif x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise ShapeError(f"{name}: {argument} must be a square matrix, got shape {x.shape}")
    return result


class _Frozen(Several):
    """What can be called with its parameters."""

    def __call__(self, *args: Any, **kwds: Any) -> Frozen:
        return Frozen(self, args, kwds)

    def _bind(self, method: str, args: tuple[Any, ...], kwds: dict[str, Any]) -> Any:
        """The parameters by name; raises where they do not fit."""
        density = getattr(self, "logpdf", None) or self.logpmf  # type: ignore[attr-defined]
        try:
            return inspect.signature(density).bind(None, *args, **kwds)
        except TypeError as error:
            raise ArgumentError(f"scipy.stats.{self.name}: parameters: {error}") from None


class _OfMatrices(_Frozen):
    """What distributions of positive definite matrices share."""

    def _prepared(self, x: Any, df: Any, scale: Any) -> tuple[Tensor, Tensor, Tensor, int]:
        """Matrices (in the first axes, as in SciPy in the last), the number of rows."""
        name = f"scipy.stats.{self.name}.logpdf"
        dtype = real_dtype(x, df, scale)
        whole = _matrix(name, "scale", scale, dtype)
        rows = whole.shape[0]
        x = as_tensor(x, dtype)
        if x.ndim < 2:
            x = _matrix(name, "x", x, dtype) if rows == 1 or x.ndim == 1 else x
        if x.shape[:2] != (rows, rows):
            raise ShapeError(
                f"{name}: x needs {(rows, rows)} in its first axes, as scale has, got {x.shape}"
            )
        if x.ndim > 2:
            x = x.transpose((*range(2, x.ndim), 0, 1))
        return x, as_tensor(df, dtype), whole, rows

    def pdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The density at `x`."""
        return exp(self.logpdf(x, df, scale))

    def logpdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The logarithm of the density at `x`, whose first two axes are those of matrices."""
        raise NotImplementedError


class Wishart(_OfMatrices):
    """Wishart's distribution, of sums of squares of normal vectors.

    >>> from adjoint.scipy.stats import wishart
    >>> wishart.logpdf([[2.0]], 2, [[1.0]])
    Tensor(-1.69314718)
    """

    name = "wishart"

    def logpdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The logarithm of the density at `x`, whose first two axes are those of matrices."""
        x, df, whole, rows = self._prepared(x, df, scale)
        factor, of_x = cholesky(whole), cholesky(x)
        ratio = solve_triangular(factor, of_x, lower=True)
        trace = sum(ratio * ratio, (-2, -1))
        rest = 0.5 * df * (rows * _LOG2 + _log_det(factor)) + special.multigammaln(0.5 * df, rows)
        result: Tensor = 0.5 * ((df - rows - 1) * _log_det(of_x) - trace) - rest
        return result

    def mean(self, df: Any, scale: Any) -> Tensor:
        """The mean."""
        result: Tensor = df * _matrix(
            "scipy.stats.wishart.mean", "scale", scale, real_dtype(df, scale)
        )
        return result


class InverseWishart(_OfMatrices):
    """The distribution of the inverse of a matrix with Wishart's distribution.

    >>> from adjoint.scipy.stats import invwishart
    >>> invwishart.logpdf([[2.0]], 2, [[1.0]])
    Tensor(-2.32944154)
    """

    name = "invwishart"

    def logpdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The logarithm of the density at `x`, whose first two axes are those of matrices."""
        x, df, whole, rows = self._prepared(x, df, scale)
        factor, of_x = cholesky(whole), cholesky(x)
        ratio = solve_triangular(of_x, factor, lower=True)
        trace = sum(ratio * ratio, (-2, -1))
        rest = 0.5 * df * (rows * _LOG2 - _log_det(factor)) + special.multigammaln(0.5 * df, rows)
        result: Tensor = -0.5 * ((df + rows + 1) * _log_det(of_x) + trace) - rest
        return result

    def mean(self, df: Any, scale: Any) -> Tensor:
        """The mean."""
        whole = _matrix("scipy.stats.invwishart.mean", "scale", scale, real_dtype(df, scale))
        result: Tensor = whole / (df - whole.shape[0] - 1)
        return result


class MatrixNormal(_Frozen):
    """The normal distribution of matrices by the covariances of rows and of columns.

    >>> from adjoint.scipy.stats import matrix_normal
    >>> matrix_normal.logpdf([[0.0]])
    Tensor(-0.91893853)
    """

    name = "matrix_normal"

    def logpdf(self, X: Any, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Tensor:
        """The logarithm of the density at `X`, whose last two axes are those of matrices."""
        name = "scipy.stats.matrix_normal.logpdf"
        given = (X, rowcov, colcov) if mean is None else (X, mean, rowcov, colcov)
        dtype = real_dtype(*given)
        X = as_tensor(X, dtype)
        if X.ndim < 2:
            raise ShapeError(f"{name}: X needs two axes or more, got shape {X.shape}")
        rows, columns = X.shape[-2:]
        factors = []
        for argument, cov, n in (("rowcov", rowcov, rows), ("colcov", colcov, columns)):
            cov = as_tensor(cov, dtype)
            whole = cov * np.eye(n) if cov.ndim == 0 else _matrix(name, argument, cov, dtype)
            if whole.shape != (n, n):
                raise ShapeError(
                    f"{name}: {argument} needs shape {(n, n)} for X of shape {X.shape}, got "
                    f"{whole.shape}"
                )
            factors.append(cholesky(as_tensor(whole, dtype)))
        of_rows, of_columns = factors
        deviation = X if mean is None else X - as_tensor(mean, dtype)
        half = solve_triangular(of_rows, deviation, lower=True)
        scaled = solve_triangular(of_columns, matrix_transpose(half), lower=True)
        spread = columns * _log_det(of_rows) + rows * _log_det(of_columns)
        constant = rows * columns * math.log(2 * math.pi)
        result: Tensor = -0.5 * (constant + spread + sum(scaled * scaled, (-2, -1)))
        return result

    def pdf(self, X: Any, mean: Any = None, rowcov: Any = 1, colcov: Any = 1) -> Tensor:
        """The density at `X`."""
        return exp(self.logpdf(X, mean, rowcov, colcov))


class Multinomial(_Frozen):
    """The distribution of counts of several kinds in n draws; `p` is along its last axis.

    >>> from adjoint.scipy.stats import multinomial
    >>> multinomial.pmf([1, 1], 2, [0.5, 0.5])
    Tensor(0.5)
    """

    name = "multinomial"

    def logpmf(self, x: Any, n: Any, p: Any) -> Tensor:
        """The logarithm of the probability of the counts `x`.

        The last of the probabilities is 1 less the others, as in SciPy.
        """
        x, n = count("scipy.stats.multinomial", "x", x), count("scipy.stats.multinomial", "n", n)
        p = as_tensor(p, real_dtype(p))
        dtype = p.dtype
        if x.shape[-1:] != p.shape[-1:]:
            raise ShapeError(
                f"scipy.stats.multinomial: x and p need equally many kinds in their last axes, got "
                f"shapes {x.shape} and {p.shape}"
            )
        x, n = as_tensor(x, dtype), as_tensor(n, dtype)
        last = 1 - sum(p[..., :-1], -1, keepdims=True)
        terms = special.xlogy(x[..., :-1], p[..., :-1]) - special.gammaln(x[..., :-1] + 1)
        ends = special.xlogy(x[..., -1:], last) - special.gammaln(x[..., -1:] + 1)
        value = special.gammaln(n + 1) + sum(terms, -1) + sum(ends, -1)
        are_counts = logical_and(equal(sum(x, -1), n), equal(sum(floor(x), -1), n))
        return where(are_counts, value, -math.inf)

    def pmf(self, x: Any, n: Any, p: Any) -> Tensor:
        """The probability of the counts `x`."""
        return exp(self.logpmf(x, n, p))


wishart, invwishart = Wishart(), InverseWishart()
matrix_normal, multinomial = MatrixNormal(), Multinomial()
