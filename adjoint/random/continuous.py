"""Continuous distributions as functions of uniform, normal and exponential numbers.

Derivatives by the parameters follow: each draw is x = g(parameters, noise), with noise that does
not depend on them.
"""

from __future__ import annotations

import math
from typing import Any

from adjoint.graph.tensor import Tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise import power as powers
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.exponential import exp, expm1, log, log1p
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.elementwise.rounding import floor
from adjoint.ops.elementwise.trigonometric import tan
from adjoint.ops.random.von_mises import von_mises_quantile
from adjoint.ops.shape.movement import astype
from adjoint.random.arguments import Draw, check, drawing, nonnegative, positive
from adjoint.random.sources import (
    open_unit,
    random_sign,
    standard_exponential,
    standard_normal,
    unit,
)

__all__ = [
    "cauchy",
    "exponential",
    "gumbel",
    "laplace",
    "logistic",
    "lognormal",
    "normal",
    "pareto",
    "power",
    "rayleigh",
    "triangular",
    "uniform",
    "vonmises",
    "weibull",
]


def placed(draw: Draw, noise: Tensor) -> Tensor:
    """loc + scale noise, where the last parameter is a scale and one before it a location."""
    *loc, scale = draw.parameters
    found = scale * (noise if noise.dtype is draw.dtype else astype(noise, draw.dtype))
    return loc[0] + found if loc else found


def uniform(
    key: Any, low: Any = 0.0, high: Any = 1.0, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Numbers from `low` up to, without, `high`, all equally likely: x = low + (high - low) u.

    Where the sum is rounded, `high` itself can come out. shape: that of the result, to which the
    parameters broadcast, and by default the one to which they broadcast. dtype: floating; by
    default that in which the parameters meet. Raises `ShapeError`, `DTypeError`.

    >>> import adjoint as ad
    >>> key = ad.random.key(7)
    >>> ad.random.uniform(key, shape=3)
    Tensor([0.75015222, 0.79528404, 0.00845311])
    >>> ad.grad(lambda high: ad.random.uniform(key, 0.0, high))(2.0)
    Tensor(0.75015222)
    """
    draw = drawing("uniform", key, shape, dtype, low=low, high=high)
    start, stop = draw.parameters
    return start + (stop - start) * unit(draw.key, draw.shape, draw.dtype)


def normal(
    key: Any, loc: Any = 0.0, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Normal numbers of mean `loc` and standard deviation `scale`: x = loc + scale z.

    Arguments and errors as in `uniform`, and `RangeError` for a negative scale.

    >>> import adjoint as ad
    >>> key = ad.random.key(7)
    >>> ad.random.normal(key, shape=3)
    Tensor([0.65106523, 0.65324654, 1.7953133 ])
    >>> ad.grad(lambda scale: ad.random.normal(key, 1.0, scale))(0.5)
    Tensor(0.65106523)
    """
    nonnegative("normal", scale=scale)
    draw = drawing("normal", key, shape, dtype, loc=loc, scale=scale)
    return placed(draw, standard_normal(draw.key, draw.shape, draw.dtype))


def lognormal(
    key: Any, mean: Any = 0.0, sigma: Any = 1.0, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Numbers whose logarithms are normal: x = exp(mean + sigma z). Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.lognormal(ad.random.key(7), shape=2)
    Tensor([1.91758241, 1.92176982])
    """
    nonnegative("lognormal", sigma=sigma)
    draw = drawing("lognormal", key, shape, dtype, mean=mean, sigma=sigma)
    mean, sigma = draw.parameters
    found: Tensor = exp(mean + sigma * standard_normal(draw.key, draw.shape, draw.dtype))
    return found


def exponential(key: Any, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Positive numbers of mean `scale`, with density exp(-x/scale) / scale.

    Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.exponential(ad.random.key(7), shape=2)
    Tensor([0.28747913, 0.22905595])
    """
    nonnegative("exponential", scale=scale)
    draw = drawing("exponential", key, shape, dtype, scale=scale)
    return placed(draw, standard_exponential(draw.key, draw.shape))


def laplace(
    key: Any, loc: Any = 0.0, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Numbers with density exp(-|x - loc|/scale) / (2 scale). Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.laplace(ad.random.key(7), shape=2).shape
    (2,)
    """
    nonnegative("laplace", scale=scale)
    draw = drawing("laplace", key, shape, dtype, loc=loc, scale=scale)
    sign = random_sign(draw.key, draw.shape, half=1)
    noise = standard_exponential(draw.key, draw.shape) * sign
    return placed(draw, noise)


def logistic(
    key: Any, loc: Any = 0.0, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Numbers with distribution function 1 / (1 + exp(-(x - loc)/scale)). As `uniform`.

    >>> import adjoint as ad
    >>> ad.random.logistic(ad.random.key(7), shape=2).shape
    (2,)
    """
    nonnegative("logistic", scale=scale)
    draw = drawing("logistic", key, shape, dtype, loc=loc, scale=scale)
    u = open_unit(draw.key, draw.shape)
    return placed(draw, log(u) - log1p(-u))


def gumbel(
    key: Any, loc: Any = 0.0, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Numbers with distribution function exp(-exp(-(x - loc)/scale)). As `uniform`.

    >>> import adjoint as ad
    >>> ad.random.gumbel(ad.random.key(7), shape=2).shape
    (2,)
    """
    nonnegative("gumbel", scale=scale)
    draw = drawing("gumbel", key, shape, dtype, loc=loc, scale=scale)
    noise = -log(standard_exponential(draw.key, draw.shape))
    return placed(draw, noise)


def cauchy(
    key: Any, loc: Any = 0.0, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Numbers with density 1 / (π scale (1 + ((x - loc)/scale)²)). As `uniform`.

    NumPy's `standard_cauchy` has no parameters; these are SciPy's.

    >>> import adjoint as ad
    >>> ad.random.cauchy(ad.random.key(7), shape=2).shape
    (2,)
    """
    nonnegative("cauchy", scale=scale)
    draw = drawing("cauchy", key, shape, dtype, loc=loc, scale=scale)
    noise = tan((open_unit(draw.key, draw.shape) - 0.5) * math.pi)
    return placed(draw, noise)


def rayleigh(key: Any, scale: Any = 1.0, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """The lengths of vectors of two normal numbers of deviation `scale`. As `uniform`.

    >>> import adjoint as ad
    >>> ad.random.rayleigh(ad.random.key(7), shape=2).shape
    (2,)
    """
    nonnegative("rayleigh", scale=scale)
    draw = drawing("rayleigh", key, shape, dtype, scale=scale)
    return placed(draw, sqrt(standard_exponential(draw.key, draw.shape) * 2.0))


def weibull(key: Any, a: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Numbers with distribution function 1 - exp(-xᵃ): x = e^(1/a), e exponential. As `uniform`.

    >>> import adjoint as ad
    >>> ad.random.weibull(ad.random.key(7), 2.0, shape=2).shape
    (2,)
    """
    positive("weibull", a=a)
    draw = drawing("weibull", key, shape, dtype, a=a)
    noise = astype(standard_exponential(draw.key, draw.shape), draw.dtype)
    found: Tensor = powers.power(noise, 1.0 / draw.parameters[0])
    return found


def pareto(key: Any, a: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Numbers with density a / (1 + x)^(a+1), as NumPy's: Pareto's of minimum 1, less 1.

    Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.pareto(ad.random.key(7), 3.0, shape=2).shape
    (2,)
    """
    positive("pareto", a=a)
    draw = drawing("pareto", key, shape, dtype, a=a)
    noise = astype(standard_exponential(draw.key, draw.shape), draw.dtype)
    found: Tensor = expm1(noise / draw.parameters[0])
    return found


def power(key: Any, a: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Numbers between 0 and 1 with distribution function xᵃ: x = u^(1/a). As `uniform`.

    >>> import adjoint as ad
    >>> ad.random.power(ad.random.key(7), 2.0, shape=2).shape
    (2,)
    """
    positive("power", a=a)
    draw = drawing("power", key, shape, dtype, a=a)
    noise = astype(standard_exponential(draw.key, draw.shape), draw.dtype)
    found: Tensor = exp(-noise / draw.parameters[0])
    return found


def triangular(
    key: Any, left: Any, mode: Any, right: Any, *, shape: Any = None, dtype: Any = None
) -> Tensor:
    """Numbers from `left` to `right` whose density is a triangle with its top at `mode`.

    By the inverse of the distribution function, of which derivatives by all three exist. Arguments
    as in `uniform`; left ≤ mode ≤ right and left < right.

    >>> import adjoint as ad
    >>> ad.random.triangular(ad.random.key(7), 0.0, 1.0, 4.0, shape=2).shape
    (2,)
    """
    if not any(isinstance(x, (Tensor, tuple, list)) for x in (left, mode, right)):
        check("triangular", "mode", mode, lambda x: (left <= x) & (x <= right), "between the ends")
        check("triangular", "right", right, lambda x: x > left, "above left")
    draw = drawing("triangular", key, shape, dtype, left=left, mode=mode, right=right)
    left, mode, right = draw.parameters
    u = astype(open_unit(draw.key, draw.shape), draw.dtype)
    width = right - left
    rising = left + sqrt(u * width * (mode - left))
    falling = right - sqrt((1.0 - u) * width * (right - mode))
    found: Tensor = where(u * width < mode - left, rising, falling)
    return found


def vonmises(key: Any, mu: Any, kappa: Any, *, shape: Any = None, dtype: Any = None) -> Tensor:
    """Angles from -π to π with density exp(kappa cos(x - mu)) / (2π I₀(kappa)).

    Differentiable by both, by `kappa` implicitly. Arguments as in `uniform`.

    >>> import adjoint as ad
    >>> ad.random.vonmises(ad.random.key(7), 0.0, 4.0, shape=2).shape
    (2,)
    """
    nonnegative("vonmises", kappa=kappa)
    draw = drawing("vonmises", key, shape, dtype, mu=mu, kappa=kappa)
    middle, concentration = draw.parameters
    u = open_unit(draw.key, draw.shape)
    theta = von_mises_quantile(astype(concentration, FLOAT64), u)
    angle = middle + astype(theta, draw.dtype)
    turns = floor((angle + math.pi) * (0.5 / math.pi))
    return angle - turns * (2 * math.pi)
