"""Normal vectors, and normal numbers between bounds."""

from __future__ import annotations

import math
from typing import Any

from adjoint.array.linalg.decompositions import cholesky
from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import isinf
from adjoint.ops.elementwise.exponential import log, log1p, logaddexp
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.shape.movement import astype, expand_dims, squeeze
from adjoint.ops.special.error import log_ndtr
from adjoint.ops.special.inverse import ndtri_exp
from adjoint.random.arguments import check, drawing, float_dtype, listed, parameter, result_shape
from adjoint.random.keys import as_key
from adjoint.random.sources import open_unit, standard_normal

__all__ = ["multivariate_normal", "truncated_normal"]


def multivariate_normal(
    key: Any, mean: Any, cov: Any, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Normal vectors of a mean and a covariance matrix: x = mean + L z, where cov = L Lᵀ.

    mean: shape (..., n). cov: shape (..., n, n), symmetric and positive definite. shape: that of
    the result without its last axis, by default the one to which the leading axes broadcast.
    Raises `ShapeError`, and `LinAlgError` where cov is not positive definite.

    >>> import adjoint as ad
    >>> x = ad.random.multivariate_normal(ad.random.key(7), ad.zeros(2), ad.eye(2), shape=5)
    >>> x.shape
    (5, 2)
    """
    of = as_key("multivariate_normal", key)
    given = {"mean": listed(mean), "cov": listed(cov)}
    kind = float_dtype("multivariate_normal", dtype, given)
    center, matrix = [parameter("multivariate_normal", p, x, kind) for p, x in given.items()]
    if center.ndim < 1 or matrix.ndim < 2 or matrix.shape[-2:] != (center.shape[-1],) * 2:
        raise ShapeError(
            f"random.multivariate_normal: expected mean of shape (..., n) and cov of shape "
            f"(..., n, n), got {center.shape} and {matrix.shape}"
        )
    lead = result_shape("multivariate_normal", shape, center.shape[:-1], matrix.shape[:-2])
    noise = standard_normal(of, (*lead, center.shape[-1]), kind)
    return center + squeeze(matmul(cholesky(matrix), expand_dims(noise, -1)), -1)


def truncated_normal(
    key: Any, lower: Any, upper: Any, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Normal numbers of mean 0 and deviation 1 under the condition lower ≤ x ≤ upper.

    By the inverse of the distribution function, Φ(x) = (1-u) Φ(lower) + u Φ(upper), in logarithms
    and on the side where Φ is small, so far tails are exact too. Bounds may be infinite.
    Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.truncated_normal(ad.random.key(7), -1.0, 2.0, shape=2).shape
    (2,)
    """
    if not any(isinstance(x, (Tensor, tuple, list)) for x in (lower, upper)):
        check("truncated_normal", "upper", upper, lambda x: x > lower, "above lower")
    draw = drawing("truncated_normal", key, shape, dtype, lower=lower, upper=upper)
    low, high = [astype(x, FLOAT64) for x in draw.parameters]
    u = open_unit(draw.key, draw.shape)
    mirrored = low > 0.0
    below, above = where(mirrored, -high, low), where(mirrored, -low, high)
    far = isinf(below)  # then Φ(below) is 0, and the bound has no influence
    left = where(far, -math.inf, log1p(-u) + log_ndtr(where(far, 0.0, below)))
    mixed = logaddexp(left, log(u) + log_ndtr(above))
    x = ndtri_exp(mixed)
    return astype(where(mirrored, -x, x), draw.dtype)
