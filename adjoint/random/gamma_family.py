"""Gamma variates, and what is made of them.

Their derivatives by shape are implicit (see `adjoint.ops.random.gamma`): those of the quantile at
the same uniform number. All goes through logarithms, so shapes near 0 do not underflow.
"""

from __future__ import annotations

from typing import Any

from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import FLOAT64, Shape
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.random.bits import DRAWS, MORE
from adjoint.ops.random.gamma import log_gamma_quantile
from adjoint.ops.reductions.softmax import softmax
from adjoint.ops.shape.movement import astype, broadcast_to
from adjoint.ops.special.entropy import expit
from adjoint.random.arguments import (
    check,
    drawing,
    float_dtype,
    listed,
    nonnegative,
    parameter,
    positive,
    result_shape,
)
from adjoint.random.keys import as_key
from adjoint.random.sources import open_unit, standard_normal

__all__ = [
    "beta",
    "chisquare",
    "dirichlet",
    "f",
    "gamma",
    "noncentral_chisquare",
    "noncentral_f",
    "standard_t",
]


def log_gamma(key: Tensor, a: Tensor, shape: Shape, stream: int = DRAWS) -> Tensor:
    """The logarithms of gamma variates of shape parameter `a` and scale 1, in float64."""
    return log_gamma_quantile(astype(a, FLOAT64), open_unit(key, shape, stream))


def gamma(key: Any, a: Any, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Positive numbers with density xᵃ⁻¹ e^(-x/scale) / (Γ(a) scaleᵃ). NumPy calls `a` shape.

    Differentiable by both, by `a` twice: implicit reparameterisation (Figurnov, Mohamed, Mnih,
    "Implicit reparameterization gradients", NeurIPS 2018). Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> key = ad.random.key(7)
    >>> ad.random.gamma(key, 2.0, shape=2)
    Tensor([2.69346977, 2.96317805])
    >>> ad.grad(lambda a: ad.random.gamma(key, a))(2.0)
    Tensor(1.25638586)
    """
    positive("gamma", a=a)
    nonnegative("gamma", scale=scale)
    draw = drawing("gamma", key, shape, dtype, a=a, scale=scale)
    of_shape, factor = draw.parameters
    return factor * astype(exp(log_gamma(draw.key, of_shape, draw.shape)), draw.dtype)


def chisquare(key: Any, df: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Sums of `df` squares of normal numbers: gamma variates of shape df/2 and scale 2.

    >>> import adjoint as ad
    >>> ad.random.chisquare(ad.random.key(7), 4.0, shape=2)
    Tensor([5.38693954, 5.9263561 ])
    """
    positive("chisquare", df=df)
    draw = drawing("chisquare", key, shape, dtype, df=df)
    (df,) = draw.parameters
    return 2.0 * astype(exp(log_gamma(draw.key, df * 0.5, draw.shape)), draw.dtype)


def noncentral_chisquare(
    key: Any, df: Any, nonc: Any, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Sums of `df` squares of normal numbers whose means have squares of the sum `nonc`.

    (z + √nonc)² and a `chisquare` of df - 1 degrees of freedom, so df must be above 1. `nonc` is
    not negative. Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.noncentral_chisquare(ad.random.key(7), 4.0, 1.5, shape=2).shape
    (2,)
    """
    _check_noncentral("noncentral_chisquare", "df", df, nonc)
    draw = drawing("noncentral_chisquare", key, shape, dtype, df=df, nonc=nonc)
    df, nonc = draw.parameters
    return astype(_noncentral(draw.key, df, nonc, draw.shape), draw.dtype)


def _check_noncentral(name: str, label: str, df: Any, nonc: Any) -> None:
    check(name, label, df, lambda x: x > 1, "above 1")
    nonnegative(name, nonc=nonc)


def _noncentral(key: Tensor, df: Tensor, nonc: Tensor, shape: Shape) -> Tensor:
    """The sum of squares, in float64."""
    first = standard_normal(key, shape, FLOAT64) + sqrt(astype(nonc, FLOAT64))
    rest = exp(log_gamma(key, 0.5 * (astype(df, FLOAT64) - 1), shape, MORE))
    result: Tensor = first * first + 2.0 * rest
    return result


def noncentral_f(
    key: Any, dfnum: Any, dfden: Any, nonc: Any, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """The quotient of a `noncentral_chisquare` and a `chisquare`, each by its degrees of freedom.

    dfnum must be above 1. Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.noncentral_f(ad.random.key(7), 4.0, 9.0, 1.5, shape=2).shape
    (2,)
    """
    _check_noncentral("noncentral_f", "dfnum", dfnum, nonc)
    positive("noncentral_f", dfden=dfden)
    draw = drawing("noncentral_f", key, shape, dtype, dfnum=dfnum, dfden=dfden, nonc=nonc)
    first, second, center = draw.parameters
    above = _noncentral(draw.key, first, center, draw.shape)
    half = 0.5 * astype(second, FLOAT64)
    below = exp(log_gamma_quantile(half, open_unit(draw.key, draw.shape, MORE, half=1)))
    return astype(above * half / (below * first), draw.dtype)


def f(key: Any, dfnum: Any, dfden: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Fisher's F: the quotient of two means of squares of normal numbers. As `uniform`.

    >>> import adjoint as ad
    >>> ad.random.f(ad.random.key(7), 4.0, 9.0, shape=2).shape
    (2,)
    """
    positive("f", dfnum=dfnum, dfden=dfden)
    draw = drawing("f", key, shape, dtype, dfnum=dfnum, dfden=dfden)
    first, second = draw.parameters
    above = log_gamma(draw.key, first * 0.5, draw.shape)
    below = log_gamma(draw.key, second * 0.5, draw.shape, MORE)
    return second / first * astype(exp(above - below), draw.dtype)


def beta(key: Any, a: Any, b: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Numbers in (0, 1) with density xᵃ⁻¹ (1-x)ᵇ⁻¹ / B(a, b): x = g / (g + h) of gamma variates.

    >>> import adjoint as ad
    >>> ad.random.beta(ad.random.key(7), 2.0, 3.0, shape=2).shape
    (2,)
    """
    positive("beta", a=a, b=b)
    draw = drawing("beta", key, shape, dtype, a=a, b=b)
    a, b = draw.parameters
    first = log_gamma(draw.key, a, draw.shape)
    second = log_gamma(draw.key, b, draw.shape, MORE)
    return astype(expit(first - second), draw.dtype)


def dirichlet(key: Any, alpha: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Vectors of positive numbers of sum 1, with density ∏ xᵢ^(αᵢ-1) / B(α), along the last axis.

    shape: that of the result without its last axis; by default that of `alpha` without it.

    >>> import adjoint as ad
    >>> x = ad.random.dirichlet(ad.random.key(7), [1.0, 2.0, 3.0], shape=4)
    >>> x.shape
    (4, 3)
    """
    alpha = listed(alpha)
    positive("dirichlet", alpha=alpha)
    of = as_key("dirichlet", key)
    kind = float_dtype("dirichlet", dtype, {"alpha": alpha})
    alpha = parameter("dirichlet", "alpha", alpha, kind)
    if not alpha.ndim or not alpha.shape[-1]:
        raise ShapeError(
            f"random.dirichlet: alpha must have an axis of categories, got shape {alpha.shape}"
        )
    lead = result_shape("dirichlet", shape, alpha.shape[:-1])
    whole = (*lead, alpha.shape[-1])
    logs = log_gamma(of, broadcast_to(alpha, whole), whole)
    return astype(softmax(logs, axis=-1), kind)


def standard_t(key: Any, df: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Student's t with `df` degrees of freedom: z √(df / χ²), z normal, χ² a `chisquare`.

    >>> import adjoint as ad
    >>> ad.random.standard_t(ad.random.key(7), 5.0, shape=2).shape
    (2,)
    """
    positive("standard_t", df=df)
    draw = drawing("standard_t", key, shape, dtype, df=df)
    (df,) = draw.parameters
    half = astype(df, FLOAT64) * 0.5
    logs = log_gamma(draw.key, half, draw.shape, MORE)
    z = standard_normal(draw.key, draw.shape, FLOAT64)
    return astype(z * sqrt(half) * exp(logs * -0.5), draw.dtype)
