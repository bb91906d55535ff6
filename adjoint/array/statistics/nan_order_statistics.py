"""Order statistics, extremes and running sums that pass over nan, which has derivative 0.

Composites. Where elements tie for a quantile they share its derivative, as in `quantile`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.statistics.descriptive import inexact
from adjoint.array.statistics.quantile_methods import between
from adjoint.array.values import known
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import INT64, normalize_axes
from adjoint.ops.elementwise.choice import stop_gradient, where
from adjoint.ops.elementwise.comparison import equal, isfinite, isnan, logical_not
from adjoint.ops.indexing.indexing import take_along_axis
from adjoint.ops.kinks.kinks import with_kink
from adjoint.ops.reductions.cumulative import cumsum
from adjoint.ops.reductions.extremum import argmax, argmin, row, ties
from adjoint.ops.reductions.product import cumprod
from adjoint.ops.reductions.reduction import kept, lanes_last, sum
from adjoint.ops.reductions.sorting import argsort
from adjoint.ops.shape.movement import astype, broadcast_to, permute_dims, reshape

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
]


def _filled(x: Tensor, value: float) -> Tensor:
    return where(isnan(x), value, x) if x.dtype.kind in "fc" else x


@public
def nancumsum(x: Any, /, axis: Any = None, dtype: Any = None) -> Tensor:
    """As `cumsum`, nan counting as 0.

    >>> import adjoint as ad
    >>> ad.nancumsum(ad.asarray([1.0, float("nan"), 2.0]))
    Tensor([1., 1., 3.])
    """
    return cumsum(_filled(as_tensor(x), 0), axis, dtype=dtype)


@public
def nancumprod(x: Any, /, axis: Any = None, dtype: Any = None) -> Tensor:
    """As `cumprod`, nan counting as 1.

    >>> import adjoint as ad
    >>> ad.nancumprod(ad.asarray([3.0, float("nan"), 2.0]))
    Tensor([3., 3., 6.])
    """
    return cumprod(_filled(as_tensor(x), 1), axis, dtype=dtype)


def _somewhere(name: str, x: Any, axis: Any) -> Tensor:
    """`x`, if no slice along `axis` holds only nan, which its value tells."""
    given = as_tensor(x)
    if given.dtype.kind == "f" and given.size and np.isnan(known(given)).all(axis=axis).any():
        raise RangeError(f"{name}: a slice along axis {axis} holds only nan")
    return given


@public
def nanargmax(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The index of the first largest element that is not nan; `RangeError` if there is none.

    >>> import adjoint as ad
    >>> ad.nanargmax(ad.asarray([1.0, float("nan"), 2.0]))
    Tensor(2)
    """
    return argmax(_filled(_somewhere("nanargmax", x, axis), -np.inf), axis, keepdims=keepdims)


@public
def nanargmin(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The index of the first smallest element that is not nan; `RangeError` if there is none.

    >>> import adjoint as ad
    >>> ad.nanargmin(ad.asarray([float("nan"), 1.0, 2.0]))
    Tensor(1)
    """
    return argmin(_filled(_somewhere("nanargmin", x, axis), np.inf), axis, keepdims=keepdims)


@public
def nanmedian(
    x: Any, /, axis: Any = None, *, overwrite_input: bool = False, keepdims: bool = False
) -> Tensor:
    """The middle element over `axis` of what is not nan; nan if nothing is left.

    >>> import adjoint as ad
    >>> ad.nanmedian(ad.asarray([1.0, float("nan"), 2.0]))
    Tensor(1.5)
    """
    return _quantile("nanmedian", x, 0.5, 1, axis, keepdims, "linear")


@public
def nanquantile(
    x: Any,
    /,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
    keepdims: bool = False,
    method: str = "linear",
) -> Tensor:
    """As `quantile`, of what is not nan; nan if nothing is left.

    >>> import adjoint as ad
    >>> ad.nanquantile(ad.asarray([1.0, float("nan"), 2.0]), 0.25)
    Tensor(1.25)
    """
    return _quantile("nanquantile", x, q, 1, axis, keepdims, method)


@public
def nanpercentile(
    x: Any,
    /,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
    keepdims: bool = False,
    method: str = "linear",
) -> Tensor:
    """As `nanquantile`, with `q` in percent.

    >>> import adjoint as ad
    >>> ad.nanpercentile(ad.asarray([1.0, float("nan"), 2.0]), 25)
    Tensor(1.25)
    """
    return _quantile("nanpercentile", x, q, 100, axis, keepdims, method)


def _quantile(
    name: str, x: Any, q: Any, whole: int, axis: Any, keepdims: bool, method: str
) -> Tensor:
    if not isinstance(q, Tensor) and not np.all((known(q) >= 0) & (known(q) <= whole)):
        raise RangeError(f"{name}: q must be from 0 to {whole}, got {q!r}")
    x = inexact(x)
    axes = normalize_axes(name, axis, x.ndim)
    lanes, _ = lanes_last(x, axes)
    size = lanes.shape[-1]
    if not size:
        raise ShapeError(f"{name}: there is no element along axes {axes} of shape {x.shape}")
    missing = isnan(lanes)
    left = sum(astype(logical_not(missing), x.dtype), -1, keepdims=True)
    parts = inexact(q)
    parts = astype(parts, x.dtype) if not isinstance(q, Tensor) else parts
    fixed = not isinstance(q, Tensor)
    count = where(left > 0, left, 1)
    below, above, part = between(name, method, count, reshape(parts, (-1,)) / whole, fixed)
    order = argsort(stop_gradient(where(missing, np.inf, lanes)), -1)
    low, high = (_chosen(name, lanes, order, astype(at, INT64)) for at in (below, above))
    if above is not below:
        part = astype(part, x.dtype) if fixed else part
        low = where(equal(low, high), low, low + (high - low) * part)
    found = where(left > 0, low, np.nan)
    first = permute_dims(found, (found.ndim - 1, *range(found.ndim - 1)))
    rest = kept(x.shape, axes) if keepdims else first.shape[1:]
    return reshape(first, parts.shape + rest)


def _chosen(name: str, lanes: Tensor, order: Tensor, at: Tensor) -> Tensor:
    """The elements at places of the sorted lanes; those that tie share the derivative."""
    value = stop_gradient(take_along_axis(lanes, take_along_axis(order, at, -1), -1))
    each = broadcast_to(reshape(lanes, row(lanes.shape)), (*value.shape, lanes.shape[-1]))
    won = equal(each, reshape(value, (*value.shape, 1)))
    count = sum(astype(won, lanes.dtype), -1)
    mean = sum(where(won, each, 0), -1) / where(count > 0, count, 1)
    mean = with_kink(mean, each, lambda: ties(won, lanes.dtype, (won.ndim - 1,)), name, (-1,))
    return where(isfinite(value), value + (mean - stop_gradient(mean)), value)
