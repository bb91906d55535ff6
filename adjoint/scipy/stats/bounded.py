"""Continuous distributions of ``scipy.stats`` on a bounded interval."""

from __future__ import annotations

import math
from typing import Any

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.elementwise.exponential import log, log1p
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.ops.elementwise.trigonometric import arccos, arcsin, arctan2, cos, sin
from adjoint.scipy.stats.distribution import Continuous


def _less_sine(x: Tensor) -> Tensor:
    """x - sin x, for small x by its series x³/6 - x⁵/120 + …"""
    small = abs(x) < 0.5
    near = where(small, x, 0.0)
    square = near * near
    series = 1.0 + 0.0 * square
    for k in range(8, 1, -1):
        series = 1 - series * square / (2 * k * (2 * k + 1))
    return where(small, near * square * series / 6, x - sin(x))


class Arcsine(Continuous):
    """The beta distribution with a = b = ½.

    >>> from adjoint.scipy.stats import arcsine
    >>> arcsine.cdf(0.5)
    Tensor(0.5)
    """

    name, lower, upper, inner = "arcsine", 0.0, 1.0, 0.5

    def _logpdf(self, x: Tensor) -> Tensor:
        return -math.log(math.pi) - 0.5 * (log(x) + log1p(-x))

    def _pdf(self, x: Tensor) -> Tensor:
        upper = x > 0.5
        near, far = where(upper, 1 - x, x), where(upper, x, 1 - x)  # near is 0 at both ends
        return power(near, -0.5) / (math.pi * sqrt(far))

    def _cdf(self, x: Tensor) -> Tensor:
        return arctan2(sqrt(x), sqrt(1 - x)) * (2 / math.pi)

    def _sf(self, x: Tensor) -> Tensor:
        return self._cdf(1 - x)

    def _ppf(self, q: Tensor) -> Tensor:
        root = sin(0.5 * math.pi * q)
        return root * root

    def _isf(self, q: Tensor) -> Tensor:
        root = cos(0.5 * math.pi * q)
        return root * root

    def _moments(self) -> tuple[Any, Any]:
        return 0.5, 0.125

    def _entropy(self) -> Any:
        return math.log(math.pi / 4)


class Semicircular(Continuous):
    """Wigner's semicircle between -1 and 1.

    >>> from adjoint.scipy.stats import semicircular
    >>> semicircular.pdf(0.0)
    Tensor(0.63661977)
    """

    name, lower, upper = "semicircular", -1.0, 1.0

    def _logpdf(self, x: Tensor) -> Tensor:
        return math.log(2 / math.pi) + 0.5 * (log1p(-x) + log1p(x))

    def _pdf(self, x: Tensor) -> Tensor:
        return sqrt(1 - x * x) * (2 / math.pi)

    def _cdf(self, x: Tensor) -> Tensor:
        end = equal(x * x, 1)  # where the slope is 0
        inside = _less_sine(2 * arccos(-where(end, 0.0, x))) / (2 * math.pi)
        return where(end, where(x > 0, 1.0, 0.0), inside)

    def _sf(self, x: Tensor) -> Tensor:
        return self._cdf(-x)

    def _moments(self) -> tuple[Any, Any]:
        return 0.0, 0.25

    def _entropy(self) -> Any:
        return math.log(math.pi) - 0.5


class Cosine(Continuous):
    """The density (1 + cos x) / 2π between -π and π.

    >>> from adjoint.scipy.stats import cosine
    >>> cosine.cdf(0.0)
    Tensor(0.5)
    """

    name, lower, upper = "cosine", -math.pi, math.pi

    def _pdf(self, x: Tensor) -> Tensor:
        half = self._root(x)
        return half * half / math.pi

    def _logpdf(self, x: Tensor) -> Tensor:
        return 2 * log(self._root(x)) - math.log(math.pi)

    def _root(self, x: Tensor) -> Tensor:
        """cos(x / 2), 0 at both ends."""
        return sin(0.5 * where(x > 0, math.pi - x, math.pi + x))

    def _cdf(self, x: Tensor) -> Tensor:
        return _less_sine(math.pi + x) / (2 * math.pi)

    def _sf(self, x: Tensor) -> Tensor:
        return _less_sine(math.pi - x) / (2 * math.pi)

    def _moments(self) -> tuple[Any, Any]:
        return 0.0, math.pi**2 / 3 - 2

    def _entropy(self) -> Any:
        return math.log(4 * math.pi) - 1


class Anglit(Continuous):
    """The density cos 2x between -π/4 and π/4.

    >>> from adjoint.scipy.stats import anglit
    >>> anglit.cdf(0.0)
    Tensor(0.5)
    """

    name, lower, upper = "anglit", -math.pi / 4, math.pi / 4

    def _pdf(self, x: Tensor) -> Tensor:
        return cos(2 * x)

    def _logpdf(self, x: Tensor) -> Tensor:
        return log(cos(2 * x))

    def _cdf(self, x: Tensor) -> Tensor:
        root = sin(x + math.pi / 4)
        return root * root

    def _sf(self, x: Tensor) -> Tensor:
        root = cos(x + math.pi / 4)
        return root * root

    def _ppf(self, q: Tensor) -> Tensor:
        return arcsin(sqrt(q)) - math.pi / 4

    def _isf(self, q: Tensor) -> Tensor:
        return math.pi / 4 - arcsin(sqrt(q))

    def _moments(self) -> tuple[Any, Any]:
        return 0.0, math.pi**2 / 16 - 0.5

    def _entropy(self) -> Any:
        return 1 - math.log(2)


arcsine, semicircular, cosine, anglit = Arcsine(), Semicircular(), Cosine(), Anglit()
