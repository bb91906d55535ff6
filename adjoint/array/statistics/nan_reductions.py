"""Reductions that pass over nan, which then has derivative 0. Composites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.statistics.descriptive import in_dtype, squares
from adjoint.errors import ArgumentError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import to_real
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import isnan, logical_not
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.reductions.extremum import max, min
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.reductions.product import prod
from adjoint.ops.reductions.reduction import all, chosen, sum
from adjoint.ops.shape.movement import astype

__all__ = ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"]


@public
def nansum(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The sum over `axis` (an integer, several, or None for all) of what is not nan.

    >>> import adjoint as ad
    >>> ad.nansum(ad.asarray([1.0, float("nan"), 2.0]))
    Tensor(3.)
    """
    x = _replaced(as_tensor(x), 0)
    return sum(x, axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)


@public
def nanprod(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The product over `axis` of what is not nan.

    >>> import adjoint as ad
    >>> ad.nanprod(ad.asarray([3.0, float("nan"), 2.0]))
    Tensor(6.)
    """
    x = _replaced(as_tensor(x), 1)
    return prod(x, axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)


@public
def nanmean(
    x: Any, /, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = None
) -> Tensor:
    """The mean over `axis` of what is not nan; nan if nothing is left.

    >>> import adjoint as ad
    >>> ad.nanmean(ad.asarray([1.0, float("nan"), 2.0]))
    Tensor(1.5)
    """
    x = _among(x, dtype, where)
    return nansum(x, axis, keepdims=keepdims) / _present(x, axis, keepdims)


@public
def nanvar(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = None,
    mean: Any = None,
    correction: float | None = None,
) -> Tensor:
    """The variance over `axis` of what is not nan; nan where no more than `ddof` are left.

    >>> import adjoint as ad
    >>> ad.nanvar(ad.asarray([1.0, float("nan"), 3.0]))
    Tensor(1.)
    """
    ddof = ddof if correction is None else correction
    deviations, freedom = _deviations(_among(x, dtype, where), axis, ddof, keepdims, mean)
    return sum(squares(deviations), axis, keepdims=keepdims) / freedom


@public
def nanstd(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = None,
    mean: Any = None,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation over `axis` of what is not nan: the root of `nanvar`.

    >>> import adjoint as ad
    >>> ad.nanstd(ad.asarray([1.0, float("nan"), 3.0]))
    Tensor(1.)
    """
    ddof = ddof if correction is None else correction
    deviations, freedom = _deviations(_among(x, dtype, where), axis, ddof, keepdims, mean)
    return norm2(deviations, axis, keepdims=keepdims) / sqrt(freedom)


@public
def nanmax(
    x: Any,
    /,
    axis: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The largest element over `axis` that is not nan; nan if there is none.

    >>> import adjoint as ad
    >>> ad.nanmax(ad.asarray([1.0, float("nan"), 2.0]))
    Tensor(2.)
    """
    return _extremum(max, x, -np.inf, axis, keepdims, initial, where)


@public
def nanmin(
    x: Any,
    /,
    axis: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The smallest element over `axis` that is not nan; nan if there is none.

    >>> import adjoint as ad
    >>> ad.nanmin(ad.asarray([1.0, float("nan"), 2.0]))
    Tensor(1.)
    """
    return _extremum(min, x, np.inf, axis, keepdims, initial, where)


def _replaced(x: Tensor, value: float) -> Tensor:
    """`x` with `value` in the place of nan."""
    return where(isnan(x), value, x) if x.node.dtype.kind in "fc" else x


def _present(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """How many elements over `axis` are not nan, in the real dtype of `x`."""
    count = sum(logical_not(isnan(x)), axis, keepdims=keepdims)
    return astype(count, to_real(x.node.dtype))


def _among(x: Any, dtype: Any, where: Any) -> Tensor:
    """`x` in floating numbers, with nan where the mask `where` does not hold."""
    x = in_dtype(x, dtype)
    return x if where is None else chosen(x, where, np.nan)


def _deviations(
    x: Tensor, axis: Any, ddof: float, keepdims: bool, mean: Any
) -> tuple[Tensor, Tensor]:
    """What the elements deviate from their mean, 0 for nan; and the degrees of freedom, or nan."""
    middle = nanmean(x, axis, keepdims=True) if mean is None else as_tensor(mean)
    deviations = where(isnan(x), 0, x - middle)
    freedom = _present(x, axis, keepdims) - ddof
    return deviations, where(freedom > 0, freedom, np.nan)


def _extremum(
    op: Callable[..., Tensor],
    x: Any,
    worst: float,
    axis: Any,
    keepdims: bool,
    initial: Any,
    among: Any,
) -> Tensor:
    x = as_tensor(x)
    if among is not None:
        if initial is None:
            raise ArgumentError(
                "nanmax, nanmin: with where, initial is needed: the value where nothing is selected"
            )
        x = chosen(x, among, initial)
    if x.node.dtype.kind != "f":
        return op(x, axis, keepdims=keepdims, initial=initial)
    found = op(_replaced(x, worst), axis, keepdims=keepdims, initial=initial)
    if initial is not None:
        return found
    return where(all(isnan(x), axis, keepdims=keepdims), np.nan, found)
