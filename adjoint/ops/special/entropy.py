"""The logistic family, and x log y with its kin, in which 0 log 0 is 0.

At (0, 0) the derivatives of `xlogy` are masked to (0, 0), the convention of this library: a term
that is not there has no slope. `entr` keeps its slope at 0, which is ∞.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.comparison import equal, less_equal, logical_and, logical_not
from adjoint.ops.elementwise.exponential import exp, expit, log, log1p, log_slope
from adjoint.ops.family.elementwise import Factor, Masked
from adjoint.ops.special.scipy_function import special_binary, special_unary

__all__ = [
    "expit",
    "logit",
    "softplus",
    "log_expit",
    "xlogy",
    "xlog1py",
    "entr",
    "rel_entr",
    "kl_div",
    "exp1",
    "expi",
]

_POSITIVE = (0.5, 2.0)


logit = special_unary(
    "logit",
    lambda x, y: log_slope(x * (1 - x)),
    "log(x / (1 - x)), the inverse of expit; slope ∞ at 0 and 1.",
    "1.09861229",
    domain=(0.1, 0.9),
    example=(0.75,),
)


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


softplus = special_unary(
    "softplus",
    lambda x, y: expit(x),
    "log(1 + exp(x)), stable for every x.",
    "0.97407698",
    numpy=_softplus,
)


@public
def log_expit(x: Any, /) -> Tensor:
    """The logarithm of `expit`, -softplus(-x), stable for every x.

    >>> import adjoint as ad
    >>> ad.special.log_expit(-1000.0)
    Tensor(-1000.)
    """
    return -softplus(-as_tensor(x))


def _unless_empty(x: Tensor, y: Tensor, factor: Tensor) -> Factor:
    """`factor`, but zero where x = 0 ≥ y, where x log y is nothing."""
    return Masked(logical_not(logical_and(equal(x, 0), less_equal(y, 0))), factor)


xlogy = special_binary(
    "xlogy",
    "x, y",
    (
        lambda x, y, z: _unless_empty(x, y, log(y)),
        lambda x, y, z: _unless_empty(x, y, x * log_slope(y)),
    ),
    "x log(y), and 0 where x = 0; its derivatives at (0, 0) are 0.",
    "2.07944154",
    domain=(_POSITIVE, _POSITIVE),
)
xlog1py = special_binary(
    "xlog1py",
    "x, y",
    (
        lambda x, y, z: _unless_empty(x, 1 + y, log1p(y)),
        lambda x, y, z: _unless_empty(x, 1 + y, x * log_slope(1 + y)),
    ),
    "x log(1 + y), and 0 where x = 0; its derivatives at (0, -1) are 0.",
    "3.29583687",
    domain=(_POSITIVE, _POSITIVE),
)
entr = special_unary(
    "entr",
    lambda x, y: -1 - log(x),
    "The term -x log(x) of an entropy, 0 at 0 with slope ∞, -∞ for negative x.",
    "0.34657359",
    domain=_POSITIVE,
)
rel_entr = special_binary(
    "rel_entr",
    "x, y",
    (
        lambda x, y, z: _unless_empty(x, y, log(x / y) + 1),
        lambda x, y, z: _unless_empty(x, y, -x * log_slope(y)),
    ),
    "The term x log(x / y) of a relative entropy, 0 where x = 0 ≤ y.",
    "1.21639532",
    domain=(_POSITIVE, _POSITIVE),
)


@public
def kl_div(x: Any, y: Any, /) -> Tensor:
    """The term x log(x / y) - x + y of the Kullback-Leibler divergence.

    >>> import adjoint as ad
    >>> ad.special.kl_div(1.0, 1.0)
    Tensor(0.)
    """
    return rel_entr(x, y) - as_tensor(x) + as_tensor(y)


exp1 = special_unary(
    "exp1",
    lambda x, y: -exp(-x) / x,
    "The exponential integral ∫ₓ^∞ e⁻ᵗ/t dt.",
    "0.55977359",
    domain=_POSITIVE,
)
expi = special_unary(
    "expi",
    lambda x, y: exp(x) / x,
    "The exponential integral ∫₋∞ˣ eᵗ/t dt.",
    "0.4542199",
    domain=_POSITIVE,
)
