"""The distribution of the one-sided statistic of Kolmogorov and Smirnov for a finite sample.

Z. W. Birnbaum and F. H. Tingey, "One-sided confidence contours for probability distribution
functions", 1951: the probability of more than d is
d Σ (n choose j) (d + j/n)^(j - 1) (1 - d - j/n)^(n - j), of j ≤ n (1 - d).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.api.derivatives import jvp
from adjoint.array import special
from adjoint.errors import ArgumentError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import logical_and
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import power
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.movement import expand_dims
from adjoint.ops.special.scipy_function import scipy_function
from adjoint.scipy.common import constant, floating
from adjoint.scipy.special.calling import ufunc

_MOST = 10**5


def _sizes(name: str, n: Any) -> Any:
    """Sizes of samples as an array of floats."""
    sizes = constant(f"scipy.special.{name}", "n", n)
    if sizes.size and ((sizes < 1) | (sizes != np.floor(sizes)) | (sizes > _MOST)).any():
        raise ArgumentError(
            f"scipy.special.{name}: n must be whole numbers from 1 to {_MOST}, got {n!r}; "
            "for larger samples use kolmogorov"
        )
    return sizes.astype(np.float64)


@ufunc
def smirnov(n: Any, d: Any, /) -> Tensor:
    """The probability that the statistic D⁺ of a sample of n exceeds d; n is constant.

    >>> from adjoint.scipy.special import smirnov
    >>> smirnov(1, 0.25)
    Tensor(0.75)
    """
    return _smirnov(_sizes("smirnov", n), floating(d))


def _smirnov(sizes: Any, d: Tensor) -> Tensor:
    inside = logical_and(d >= 0, d <= 1)
    x = where(inside, d, 0.5)
    n, j = sizes[..., None], np.arange(1.0, int(sizes.max(initial=1)) + 1)
    rest = np.maximum(n - j, 0)
    choices = special.gammaln(n + 1) - special.gammaln(j + 1) - special.gammaln(rest + 1)
    shifts = as_tensor(j / n, d.dtype)
    left, right = expand_dims(x, -1) + shifts, expand_dims(1 - x, -1) - shifts
    counted = logical_and(as_tensor(j <= n), right > 0)
    powers = (j - 1) * log(left) + rest * log(where(counted, right, 1.0))
    others = sum(where(counted, exp(choices + powers), 0.0), -1)
    result: Tensor = where(inside, power(1 - x, sizes) + x * others, np.nan)
    return as_tensor(result, d.dtype)


def _by_probability(n: Tensor, p: Tensor, d: Tensor) -> Tensor:
    sizes = constant("scipy.special.smirnovi", "n", n)
    slope: Tensor = jvp(lambda d: _smirnov(sizes, d), (d,), (1 + 0.0 * d,))[1]
    return 1 / slope


_inverse = Elementwise("smirnovi", scipy_function("smirnovi"), (None, _by_probability), "real")


@ufunc
def smirnovi(n: Any, p: Any, /) -> Tensor:
    """The d with smirnov(n, d) = p; n is constant.

    >>> from adjoint.scipy.special import smirnovi
    >>> smirnovi(1, 0.75)
    Tensor(0.25)
    """
    p = floating(p)
    return apply(_inverse, (as_tensor(_sizes("smirnovi", n), p.dtype), p))
