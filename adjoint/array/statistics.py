"""Statistics: means, spreads, order statistics, and the same without nan. Composites.

Integers and booleans become float64. Where a lane is constant its standard deviation has
derivative 0; where elements tie for a median or quantile they share the derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.op import FUNCTIONS, public
from adjoint.graph.tensor import Tensor, as_tensor, once
from adjoint.graph.types import FLOAT32, INT64, as_dtype, normalize_axes, size_of, to_inexact
from adjoint.ops.choice import minimum, where
from adjoint.ops.comparison import equal
from adjoint.ops.extremum import max, min, order_statistic
from adjoint.ops.matmul import matmul
from adjoint.ops.movement import astype, broadcast_to, matrix_transpose, permute_dims, reshape
from adjoint.ops.norm import norm2
from adjoint.ops.power import sqrt, square
from adjoint.ops.reduction import conjugate, kept, lanes_last, sum
from adjoint.ops.rounding import ceil, floor, rint

__all__ = [
    "mean",
    "average",
    "var",
    "std",
    "median",
    "quantile",
    "percentile",
    "ptp",
    "cov",
    "corrcoef",
]

_FLOAT16 = as_dtype("float16")


def inexact(x: Any) -> Tensor:
    """`x` as a tensor of floating or complex numbers."""
    x = as_tensor(x)
    return as_tensor(x, to_inexact(x.node.dtype))


def _count(x: Tensor, axes: tuple[int, ...]) -> int:
    return size_of(tuple([x.shape[a] for a in axes]))


@public
def mean(x: Any, /, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over `axis` (an integer, several, or None for all); nan over nothing.

    Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.mean(ad.asarray([[1.0, 2.0], [3.0, 5.0]]), axis=0)
    Tensor([2. , 3.5])
    """
    x = inexact(x if dtype is None else astype(x, dtype))
    axes = normalize_axes("mean", axis, x.ndim)
    if x.node.dtype is _FLOAT16:  # whose sums overflow from 65520 on
        total = sum(astype(x, FLOAT32), axes, keepdims=keepdims)
        return astype(total / _count(x, axes), x.dtype)
    return sum(x, axes, keepdims=keepdims) / _count(x, axes)


@public
def average(x: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Tensor:
    """The mean over `axis` with `weights`: Σ w x / Σ w.

    The weights have the shape of `x`, or the length of the one `axis`. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.average(ad.asarray([1.0, 4.0]), weights=[2.0, 1.0])
    Tensor(2.)
    """
    x = inexact(x)
    if weights is None:
        return mean(x, axis, keepdims=keepdims)
    axes = normalize_axes("average", axis, x.ndim)
    w = inexact(weights)
    if w.shape != x.shape:
        if len(axes) != 1 or w.shape != (x.shape[axes[0]],):
            raise ShapeError(
                f"average: the weights have shape {w.shape}; expected that of x, {x.shape}, or "
                f"with one axis the length of that axis"
            )
        w = broadcast_to(reshape(w, (-1,) + (1,) * (x.ndim - axes[0] - 1)), x.shape)
    return sum(x * w, axes, keepdims=keepdims) / sum(w, axes, keepdims=keepdims)


def _deviations(
    name: str, x: Any, axis: Any, ddof: float, correction: float | None
) -> tuple[Tensor, tuple[int, ...], float]:
    x = inexact(x)
    axes = normalize_axes(name, axis, x.ndim)
    freedom = _count(x, axes) - (ddof if correction is None else correction)
    return x - mean(x, axes, keepdims=True), axes, freedom if freedom > 0 else 0.0


def squares(x: Tensor) -> Tensor:
    """|x|², real."""
    if x.node.dtype.kind != "c":
        return square(x)
    return square(FUNCTIONS["real"](x)) + square(FUNCTIONS["imag"](x))


@public
def var(
    x: Any,
    /,
    axis: Any = None,
    *,
    ddof: float = 0,
    correction: float | None = None,
    keepdims: bool = False,
) -> Tensor:
    """The variance over `axis`: Σ |x - mean|² / (n - ddof), real.

    `correction` is the array-API name of `ddof`. nan where n = ddof. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.var(ad.asarray([1.0, 2.0, 3.0]), ddof=1)
    Tensor(1.)
    """
    deviations, axes, freedom = _deviations("var", x, axis, ddof, correction)
    return sum(squares(deviations), axes, keepdims=keepdims) / freedom


@public
def std(
    x: Any,
    /,
    axis: Any = None,
    *,
    ddof: float = 0,
    correction: float | None = None,
    keepdims: bool = False,
) -> Tensor:
    """The standard deviation over `axis`: the root of `var`, with derivative 0 where `x` is
    constant.

    >>> import adjoint as ad
    >>> ad.std(ad.asarray([1.0, 3.0]))
    Tensor(1.)
    >>> ad.grad(ad.std)(ad.ones(2))
    Tensor([0., 0.])
    """
    deviations, axes, freedom = _deviations("std", x, axis, ddof, correction)
    if not freedom:  # 0/0: nan, and so is its derivative
        return sqrt(sum(squares(deviations), axes, keepdims=keepdims) / freedom)
    return norm2(deviations / freedom**0.5, axes, keepdims=keepdims)


@public
def ptp(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The largest element over `axis` less the smallest. Raises `ShapeError`, as `max`.

    >>> import adjoint as ad
    >>> ad.ptp(ad.asarray([3.0, -1.0, 2.0]))
    Tensor(4.)
    """
    return max(x, axis, keepdims=keepdims) - min(x, axis, keepdims=keepdims)


@public
def median(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The middle element over `axis`, of an even number the mean of the middle two.

    nan if any element is nan. Elements that tie share the derivative. Raises `ShapeError` if
    there is no element.

    >>> import adjoint as ad
    >>> ad.grad(ad.median)(ad.asarray([4.0, 1.0, 3.0, 2.0]))
    Tensor([0. , 0. , 0.5, 0.5])
    """
    x = inexact(x)
    axes = normalize_axes("median", axis, x.ndim)
    lanes = _lanes("median", x, axes)
    size = lanes.shape[-1]
    middle = sorted({(size - 1) // 2, size // 2})
    found = sum(order_statistic(lanes, as_tensor(middle)), -1)
    result = found / 2 if len(middle) == 2 else found
    return reshape(result, kept(x.shape, axes)) if keepdims else result


def _lanes(name: str, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    lanes, _ = lanes_last(x, axes)
    if not lanes.shape[-1]:
        raise ShapeError(
            f"{name}: there is no element along axes {axes} of shape {x.shape}; "
            f"give other axes, or guard with `if x.size`"
        )
    return lanes


@public
def quantile(
    x: Any,
    q: Any,
    /,
    axis: Any = None,
    *,
    keepdims: bool = False,
    method: str = "linear",
) -> Tensor:
    """The number below which a part `q` (from 0 to 1) of the elements over `axis` lies.

    `q` may be a tensor of any shape, whose axes then lead in the result, and has a derivative.
    Between elements `method` interpolates: "linear", "lower", "higher", "nearest" or "midpoint".
    nan if any element is nan. Elements that tie share the derivative. Raises `ShapeError` if
    there is no element, `RangeError` for another `q` or `method`.

    >>> import adjoint as ad
    >>> ad.quantile(ad.asarray([1.0, 2.0, 3.0, 4.0]), 0.25)
    Tensor(1.75)
    """
    return _quantile("quantile", x, q, 1, axis, keepdims, method)


@public
def percentile(
    x: Any,
    q: Any,
    /,
    axis: Any = None,
    *,
    keepdims: bool = False,
    method: str = "linear",
) -> Tensor:
    """As `quantile`, with `q` in percent, from 0 to 100.

    >>> import adjoint as ad
    >>> ad.percentile(ad.asarray([1.0, 2.0, 3.0, 4.0]), [0, 50])
    Tensor([1. , 2.5])
    """
    return _quantile("percentile", x, q, 100, axis, keepdims, method)


def _quantile(
    name: str, x: Any, q: Any, whole: int, axis: Any, keepdims: bool, method: str
) -> Tensor:
    fixed = not isinstance(q, Tensor)
    q = once(q)
    if fixed and not np.all((np.asarray(q) >= 0) & (np.asarray(q) <= whole)):
        raise RangeError(f"{name}: q must be from 0 to {whole}, got {q!r}")
    x = inexact(x)
    axes = normalize_axes(name, axis, x.ndim)
    lanes = _lanes(name, x, axes)
    places = inexact(q) / whole * (lanes.shape[-1] - 1)
    below, above, part = _between(name, reshape(places, (-1,)), fixed, method)
    if type(q) in (int, float):
        part = astype(part, x.dtype)
    last = as_tensor(lanes.shape[-1] - 1)
    low = order_statistic(lanes, minimum(astype(below, INT64), last))
    high = order_statistic(lanes, minimum(astype(above, INT64), last))
    found = where(equal(low, high), low, low + (high - low) * part)
    first = permute_dims(found, (found.ndim - 1, *range(found.ndim - 1)))
    rest = kept(x.shape, axes) if keepdims else first.shape[1:]
    return reshape(first, places.shape + rest)


def _between(name: str, place: Tensor, fixed: bool, method: str) -> tuple[Tensor, Tensor, Tensor]:
    """The whole numbers below and above a place, and how far it is from the first, 0 to 1."""
    below = floor(place)
    if method == "linear":
        # Where q may vary the slope to the right is wanted, also at a whole number.
        return below, ceil(place) if fixed else below + 1, place - below
    if method == "midpoint":
        return below, ceil(place), place * 0 + 0.5
    chosen = {"lower": floor, "higher": ceil, "nearest": rint}
    if method not in chosen:
        raise RangeError(
            f"{name}: method must be 'linear', 'lower', 'higher', 'nearest' or 'midpoint', got "
            f"{method!r}"
        )
    at = chosen[method](place)
    return at, at, place * 0


@public
def cov(x: Any, /, *, rowvar: bool = True, bias: bool = False, ddof: float | None = None) -> Tensor:
    """The covariance matrix of variables of which each row of `x` (or column) holds the samples.

    Divides by n - 1, with `bias` by n, or by n - ddof. One variable gives a 0-d tensor. Raises
    `ShapeError`.

    >>> import adjoint as ad
    >>> ad.cov(ad.asarray([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    rows = _deviating_rows("cov", x, rowvar)
    freedom = rows.shape[1] - (ddof if ddof is not None else 0 if bias else 1)
    products = matmul(rows, matrix_transpose(conjugate(rows)))
    return _square_or_scalar(products / (freedom if freedom > 0 else 0.0))


def _deviating_rows(name: str, x: Any, rowvar: bool) -> Tensor:
    """What each variable, one a row, deviates from its mean."""
    x = inexact(x)
    if x.ndim > 2:
        raise ShapeError(f"{name}: expected one or two axes, got shape {x.shape}")
    rows = reshape(x, (1, x.size)) if x.ndim < 2 else x if rowvar else matrix_transpose(x)
    return rows - mean(rows, 1, keepdims=True)


def _square_or_scalar(x: Tensor) -> Tensor:
    return reshape(x, ()) if x.shape == (1, 1) else x


@public
def corrcoef(x: Any, /, *, rowvar: bool = True) -> Tensor:
    """The correlation coefficients of variables of which each row of `x` (or column) holds the
    samples.

    nan where a variable is constant. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.corrcoef(ad.asarray([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    unit = _deviating_rows("corrcoef", x, rowvar)
    unit = unit / norm2(unit, 1, keepdims=True)
    if not unit.shape[1]:
        unit = broadcast_to(as_tensor(np.nan, unit.dtype), (unit.shape[0], 1))
    return _square_or_scalar(matmul(unit, matrix_transpose(conjugate(unit))))
