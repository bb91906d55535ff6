"""Statistics: means, spreads, order statistics, and the same without nan. Composites.

Integers and booleans become float64. Where a lane is constant its standard deviation has
derivative 0; where elements tie for a median or quantile they share the derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.manipulation.joining import broadcast_arrays
from adjoint.array.statistics.quantile_methods import between
from adjoint.array.values import known
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, once
from adjoint.graph.types import (
    BOOL,
    FLOAT32,
    INT64,
    as_dtype,
    normalize_axes,
    size_of,
    to_complex,
    to_inexact,
    to_real,
)
from adjoint.ops.elementwise.choice import where as where_
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.elementwise.complex import imag, real
from adjoint.ops.elementwise.power import sqrt, square
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.extremum import max, min, order_statistic
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.reductions.reduction import chosen, conjugate, kept, lanes_last, sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import (
    astype,
    broadcast_to,
    matrix_transpose,
    permute_dims,
    reshape,
    squeeze,
)

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
def mean(
    x: Any, /, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = None
) -> Tensor:
    """The arithmetic mean over `axis` (an integer, several, or None for all); nan over nothing.

    where: a mask of the elements that count. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.mean(ad.asarray([[1.0, 2.0], [3.0, 5.0]]), axis=0)
    Tensor([2. , 3.5])
    """
    x = inexact(x if dtype is None else astype(x, dtype))
    if where is not None:
        x, mask = broadcast_arrays(x, as_tensor(where, BOOL))
        total = sum(chosen(x, mask, 0), axis, keepdims=keepdims)
        return total / _taken(mask, axis, keepdims, x)
    axes = normalize_axes("mean", axis, x.ndim)
    if x.node.dtype is _FLOAT16:  # whose sums overflow from 65520 on
        total = sum(astype(x, FLOAT32), axes, keepdims=keepdims)
        return astype(total / _count(x, axes), x.dtype)
    return sum(x, axes, keepdims=keepdims) / _count(x, axes)


def _taken(mask: Tensor, axis: Any, keepdims: bool, like: Tensor) -> Tensor:
    """How many elements over `axis` the mask takes, in the real dtype of `like`."""
    return astype(sum(mask, axis, keepdims=keepdims), to_real(like.dtype))


@public
def average(
    x: Any,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: bool = False,
) -> Any:
    """The mean over `axis` with `weights`: Σ w x / Σ w; with `returned` also Σ w.

    The weights have the shape of `x`, or the length of the one `axis`. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.average(ad.asarray([1.0, 4.0]), weights=[2.0, 1.0])
    Tensor(2.)
    """
    x = inexact(x)
    axes = normalize_axes("average", axis, x.ndim)
    if weights is None:
        found = mean(x, axes, keepdims=keepdims)
        whole = as_tensor(_count(x, axes), x.dtype)
        return (found, broadcast_to(whole, found.shape)) if returned else found
    w = inexact(weights)
    if w.shape != x.shape:
        if len(axes) != 1 or w.shape != (x.shape[axes[0]],):
            raise ShapeError(
                f"average: the weights have shape {w.shape}; expected that of x, {x.shape}, or "
                f"with one axis the length of that axis"
            )
        w = broadcast_to(reshape(w, (-1,) + (1,) * (x.ndim - axes[0] - 1)), x.shape)
    whole = sum(w, axes, keepdims=keepdims)
    found = sum(x * w, axes, keepdims=keepdims) / whole
    return (found, broadcast_to(astype(whole, found.dtype), found.shape)) if returned else found


def _deviations(
    name: str, x: Any, axis: Any, ddof: float, dtype: Any, where: Any, given: Any
) -> tuple[Tensor, tuple[int, ...], Any]:
    """What elements deviate from their mean, or the mean `given`; axes; degrees of freedom."""
    x = in_dtype(x, dtype)
    if where is not None:
        x, mask = broadcast_arrays(x, as_tensor(where, BOOL))
    axes = normalize_axes(name, axis, x.ndim)
    middle = mean(x, axes, keepdims=True, where=where) if given is None else as_tensor(given)
    if where is None:
        freedom = _count(x, axes) - ddof
        return x - middle, axes, freedom if freedom > 0 else 0.0
    free = _taken(mask, axes, True, x) - ddof
    return chosen(x - middle, mask, 0), axes, where_(free > 0, free, np.nan)


def in_dtype(x: Any, dtype: Any) -> Tensor:
    """`x` in inexact numbers, of the precision of `dtype` if that is given."""
    x = as_tensor(x)
    if dtype is None:
        return inexact(x)
    wanted = as_dtype(dtype)
    return inexact(astype(x, to_complex(wanted) if x.dtype.kind == "c" else wanted))


def squares(x: Tensor) -> Tensor:
    """|x|², real."""
    if x.node.dtype.kind != "c":
        return square(x)
    return square(real(x)) + square(imag(x))


@public
def var(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    correction: float | None = None,
    keepdims: bool = False,
    where: Any = None,
    mean: Any = None,
) -> Tensor:
    """The variance over `axis`: Σ |x - mean|² / (n - ddof), real.

    `correction` is the array-API name of `ddof`. where: a mask of the elements that count. mean:
    the mean, if it is known, with its axes kept. nan where n = ddof. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.var(ad.asarray([1.0, 2.0, 3.0]), ddof=1)
    Tensor(1.)
    """
    ddof = ddof if correction is None else correction
    deviations, axes, freedom = _deviations("var", x, axis, ddof, dtype, where, mean)
    if isinstance(freedom, Tensor):
        found: Tensor = sum(squares(deviations), axes, keepdims=True)
        found = found / freedom
        return found if keepdims else squeeze(found, axes)
    total: Tensor = sum(squares(deviations), axes, keepdims=keepdims) / freedom
    return total


@public
def std(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    correction: float | None = None,
    keepdims: bool = False,
    where: Any = None,
    mean: Any = None,
) -> Tensor:
    """The standard deviation over `axis`: the root of `var`, with derivative 0 where `x` is
    constant. Arguments as of `var`.

    >>> import adjoint as ad
    >>> ad.std(ad.asarray([1.0, 3.0]))
    Tensor(1.)
    >>> ad.grad(ad.std)(ad.ones(2))
    Tensor([0., 0.])
    """
    ddof = ddof if correction is None else correction
    deviations, axes, freedom = _deviations("std", x, axis, ddof, dtype, where, mean)
    if isinstance(freedom, Tensor):
        found = norm2(deviations, axes, keepdims=True) / sqrt(freedom)
        return found if keepdims else squeeze(found, axes)
    if not freedom:  # 0/0: nan, and so is its derivative
        return sqrt(sum(squares(deviations), axes, keepdims=keepdims) / freedom)
    if freedom + ddof == 1 and mean is None:  # of one element it is 0, with every derivative
        return sum(real(deviations), axes, keepdims=keepdims)
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
def median(
    x: Any, /, axis: Any = None, *, overwrite_input: bool = False, keepdims: bool = False
) -> Tensor:
    """The middle element over `axis`, of an even number the mean of the middle two.

    nan if any element is nan. Elements that tie share the derivative. overwrite_input is of no
    effect. Raises `ShapeError` if there is no element.

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
    /,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
    keepdims: bool = False,
    method: str = "linear",
) -> Tensor:
    """The number below which a part `q` (from 0 to 1) of the elements over `axis` lies.

    `q` may be a tensor of any shape, whose axes then lead in the result, and has a derivative.
    Between elements `method` interpolates: "linear", "lower", "higher", "nearest", "midpoint", or
    another of NumPy's. overwrite_input is of no effect.
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
    /,
    q: Any,
    axis: Any = None,
    *,
    overwrite_input: bool = False,
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
    if fixed and not np.all((known(q) >= 0) & (known(q) <= whole)):
        raise RangeError(f"{name}: q must be from 0 to {whole}, got {q!r}")
    x = inexact(x)
    axes = normalize_axes(name, axis, x.ndim)
    lanes = _lanes(name, x, axes)
    parts = inexact(q) / whole
    count = lanes.shape[-1]
    below, above, part = between(name, method, count, reshape(parts, (-1,)), fixed)
    if type(q) in (int, float):
        part = astype(part, x.dtype)
    found = low = order_statistic(lanes, astype(below, INT64))
    if above is not below:
        high = order_statistic(lanes, astype(above, INT64))
        found = where_(equal(low, high), low, low + (high - low) * part)
    first = permute_dims(found, (found.ndim - 1, *range(found.ndim - 1)))
    rest = kept(x.shape, axes) if keepdims else first.shape[1:]
    return reshape(first, parts.shape + rest)


@public
def cov(
    x: Any,
    /,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: float | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Tensor:
    """The covariance matrix of variables of which each row of `x` (or column) holds the samples.

    y: more variables. Divides by n - 1, with `bias` by n, or by n - ddof. fweights: how often each
    sample counts; aweights: how much. One variable gives a 0-d tensor. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.cov(ad.asarray([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    rows = _variables("cov", x, y, rowvar, dtype)
    ddof = ddof if ddof is not None else 0 if bias else 1
    weights = _sample_weights(rows, fweights, aweights)
    if weights is None:
        rows = rows - mean(rows, 1, keepdims=True)
        products = matmul(rows, matrix_transpose(conjugate(rows)))
        freedom = rows.shape[1] - ddof
        return _square_or_scalar(products / (freedom if freedom > 0 else 0.0))
    whole = sum(weights)
    rows = rows - reshape(sum(rows * weights, 1) / whole, (-1, 1))
    products = matmul(rows, matrix_transpose(conjugate(rows * weights)))
    if aweights is None:
        return _square_or_scalar(products / (whole - ddof))
    return _square_or_scalar(products / (whole - ddof * sum(weights * aweights) / whole))


def _sample_weights(rows: Tensor, fweights: Any, aweights: Any) -> Tensor | None:
    """How much each sample counts; None if all count once."""
    weights = None
    for given in (fweights, aweights):
        if given is not None:
            w = astype(as_tensor(given), to_real(rows.dtype))
            if w.shape != (rows.shape[1],):
                raise ShapeError(f"cov: weights of shape {w.shape} for {rows.shape[1]} samples")
            weights = w if weights is None else weights * w
    return weights


def _variables(name: str, x: Any, y: Any, rowvar: bool, dtype: Any) -> Tensor:
    """The variables, one a row."""
    parts = []
    for given in (x,) if y is None else (x, y):
        part = inexact(given) if dtype is None else astype(as_tensor(given), dtype)
        if part.ndim > 2:
            raise ShapeError(f"{name}: expected one or two axes, got shape {part.shape}")
        if part.ndim < 2:
            parts.append(reshape(part, (1, part.size)))
        else:
            parts.append(part if rowvar else matrix_transpose(part))
    joined: Tensor = parts[0] if len(parts) == 1 else concat(parts, axis=0)
    return joined


def _square_or_scalar(x: Tensor) -> Tensor:
    return reshape(x, ()) if x.shape == (1, 1) else x


@public
def corrcoef(x: Any, /, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Tensor:
    """The correlation coefficients of variables of which each row of `x` (or column) holds the
    samples.

    y: more variables. nan where a variable is constant. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.corrcoef(ad.asarray([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    unit = _variables("corrcoef", x, y, rowvar, dtype)
    unit = unit - mean(unit, 1, keepdims=True)
    unit = unit / norm2(unit, 1, keepdims=True)
    if not unit.shape[1]:
        return _square_or_scalar(broadcast_to(as_tensor(np.nan, unit.dtype), (unit.shape[0],) * 2))
    return _square_or_scalar(matmul(unit, matrix_transpose(conjugate(unit))))
