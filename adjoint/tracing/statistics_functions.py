"""Python's module `statistics`, as traced code calls it: data may hold tensors.

The functions of Python's own convert their data to fractions, through which nothing is traced. The
medians compare and average, which tensors do by themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from adjoint.errors import ArgumentError
from adjoint.graph import calls
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.exponential import exp, log


def _data(name: str, data: Any, least: int = 1) -> Tensor:
    """The data as a tensor of one axis; `ArgumentError` if there is too little."""
    x = as_tensor(data if isinstance(data, Tensor) else list(data))
    if x.ndim != 1 or x.shape[0] < least:
        raise ArgumentError(
            f"statistics.{name}: expected at least {least} numbers, got data of shape {x.shape}"
        )
    return x


def mean(data: Any) -> Tensor:
    """`statistics.mean`."""
    return calls.mean(_data("mean", data))


def fmean(data: Any, weights: Any = None) -> Tensor:
    """`statistics.fmean`."""
    x = _data("fmean", data)
    if weights is None:
        return calls.mean(x)
    w = _data("fmean", weights)
    return calls.sum(x * w) / calls.sum(w)


def geometric_mean(data: Any) -> Tensor:
    """`statistics.geometric_mean`."""
    return exp(calls.mean(log(_data("geometric_mean", data))))


def harmonic_mean(data: Any, weights: Any = None) -> Tensor:
    """`statistics.harmonic_mean`."""
    x = _data("harmonic_mean", data)
    if weights is None:
        return x.shape[0] / calls.sum(1 / x)
    w = _data("harmonic_mean", weights)
    return calls.sum(w) / calls.sum(w / x)


def _spread(name: str, of: str, ddof: int) -> Callable[..., Tensor]:
    def spread(data: Any, center: Any = None) -> Tensor:
        found: Tensor = getattr(calls, of)(_data(name, data, 1 + ddof), ddof=ddof, mean=center)
        return found

    spread.__name__ = spread.__qualname__ = name
    spread.__doc__ = f"`statistics.{name}`."
    return spread


def covariance(x: Any, y: Any, /) -> Tensor:
    """`statistics.covariance`."""
    a, b = _data("covariance", x, 2), _data("covariance", y, 2)
    products = calls.sum((a - calls.mean(a)) * (b - calls.mean(b)))
    return products / (a.shape[0] - 1)


def correlation(x: Any, y: Any, /, *, method: str = "linear") -> Tensor:
    """`statistics.correlation`, of Pearson."""
    if method != "linear":
        raise ArgumentError(f"statistics.correlation: ranks have no derivative, got {method=}")
    x, y = _data("correlation", x, 2), _data("correlation", y, 2)
    spreads = calls.std(x, ddof=1) * calls.std(y, ddof=1)
    return covariance(x, y) / spreads


def linear_regression(x: Any, y: Any, /, *, proportional: bool = False) -> Any:
    """`statistics.linear_regression`, whose class of results it has, too."""
    x, y = _data("linear_regression", x, 2), _data("linear_regression", y, 2)
    slope: Any
    intercept: Any
    if proportional:
        slope, intercept = calls.sum(x * y) / calls.sum(x * x), 0.0
    else:
        slope = covariance(x, y) / calls.var(x, ddof=1)
        intercept = calls.mean(y) - slope * calls.mean(x)
    return sys.modules["statistics"].LinearRegression(slope, intercept)


FUNCTIONS_OF_STATISTICS: dict[str, Callable[..., Any]] = {
    "correlation": correlation,
    "covariance": covariance,
    "fmean": fmean,
    "geometric_mean": geometric_mean,
    "harmonic_mean": harmonic_mean,
    "linear_regression": linear_regression,
    "mean": mean,
    "pstdev": _spread("pstdev", "std", 0),
    "pvariance": _spread("pvariance", "var", 0),
    "stdev": _spread("stdev", "std", 1),
    "variance": _spread("variance", "var", 1),
}
"""What stands for functions of `statistics` of these names."""
