"""Distributions of the negative of a variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.graph.tensor import Tensor
from adjoint.scipy.stats.distribution import Continuous


class Mirrored(Continuous):
    """The distribution of -X, where X has the distribution `base`, whose support begins at 0."""

    base: Continuous
    upper = 0.0

    def _inside(
        self,
        f: Callable[..., Tensor],
        y: Tensor,
        shapes: list[Tensor],
        low: Any,
        high: Any,
        outside: tuple[float, float],
    ) -> Tensor:
        def turned(x: Tensor, *shapes: Tensor) -> Tensor:
            return f(-x, *shapes)

        return self.base._inside(turned, -y, shapes, -high, -low, outside[::-1])

    def _logpdf(self, x: Any, *shapes: Any) -> Any:
        return self.base._logpdf(-x, *shapes)

    def _pdf(self, x: Any, *shapes: Any) -> Any:
        return self.base._pdf(-x, *shapes)

    def _cdf(self, x: Any, *shapes: Any) -> Any:
        return self.base._sf(-x, *shapes)

    def _sf(self, x: Any, *shapes: Any) -> Any:
        return self.base._cdf(-x, *shapes)

    def _logcdf(self, x: Any, *shapes: Any) -> Any:
        return self.base._logsf(-x, *shapes)

    def _logsf(self, x: Any, *shapes: Any) -> Any:
        return self.base._logcdf(-x, *shapes)

    def _ppf(self, q: Any, *shapes: Any) -> Any:
        return -self.base._isf(q, *shapes)

    def _isf(self, q: Any, *shapes: Any) -> Any:
        return -self.base._ppf(q, *shapes)

    def _moments(self, *shapes: Any) -> tuple[Any, Any]:
        mean, variance = self.base._moments(*shapes)
        return -mean, variance

    def _entropy(self, *shapes: Any) -> Any:
        return self.base._entropy(*shapes)
