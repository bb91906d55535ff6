"""Evenly spaced numbers between ends that may be traced: linear, and by powers. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.creation.constructors import asarray
from adjoint.array.manipulation.joining import broadcast_arrays
from adjoint.array.statistics.descriptive import inexact
from adjoint.array.values import known
from adjoint.errors import RangeError
from adjoint.graph.arrays import plain_array
from adjoint.graph.device import check_device
from adjoint.graph.engine import has_value
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import normalize_axis, to_real
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.elementwise.power import power
from adjoint.ops.shape.joining import concat, joined
from adjoint.ops.shape.movement import astype, broadcast_to, expand_dims, reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.ops.special.bessel import i0

__all__ = ["arange", "geomspace", "kaiser", "linspace", "logspace"]


def _base(end: Any) -> Any:
    """An end of which NumPy may compute: of an array the plain one, whatever its class."""
    return end if isinstance(end, (Tensor, list, tuple, int, float, complex)) else plain_array(end)


def _plain(*ends: Any) -> bool:
    return not any(isinstance(end, (Tensor, list, tuple)) for end in ends)


@public
def arange(
    start: Any, /, stop: Any = None, step: Any = 1, dtype: Any = None, *, device: Any = None
) -> Tensor:
    """Evenly spaced numbers from `start` (0 if only one is given) up to, without, `stop`.

    With `start` and `step` that are traced they have derivatives; how many there are is decided by
    the values.

    >>> import adjoint as ad
    >>> ad.arange(3)
    Tensor([0, 1, 2])
    """
    check_device("arange", device)
    first, last = (0, start) if stop is None else (start, stop)
    if _plain(first, last, step):
        return asarray(np.arange(*map(_base, (first, last, step))), dtype)
    count = np.arange(*[known(part).item() for part in (first, last, step)]).size
    found = first + step * from_array(np.arange(count))
    return as_tensor(found) if dtype is None else astype(as_tensor(found), dtype)


@public
def kaiser(M: int, beta: Any) -> Tensor:
    """The Kaiser window of `M` points, whose shape `beta` may be traced.

    >>> import adjoint as ad
    >>> ad.kaiser(3, 0.0)
    Tensor([1., 1., 1.])
    """
    if M < 2:
        return from_array(np.ones(max(int(M), 0)))
    place = 2 * np.arange(M) / (M - 1) - 1
    beta = inexact(beta)
    scale = np.sqrt(np.maximum(1 - place**2, 0))
    window: Tensor = i0(beta * from_array(scale)) / i0(beta)
    return window


def _ends(name: str, start: Any, stop: Any) -> tuple[Tensor, ...]:
    """Both ends in their common inexact dtype and shape; Python numbers adapt."""
    return broadcast_arrays(*map(inexact, joined(name, (start, stop))))


def _way(num: int, endpoint: bool, like: Tensor) -> Tensor:
    """How far each number is from the first end to the last, 0 to 1, along a new first axis."""
    way = np.linspace(0.0, 1.0, num, endpoint=endpoint).reshape(num, *(1,) * like.ndim)
    return from_array(way.astype(to_real(like.dtype)))


@public
def linspace(
    start: Any,
    stop: Any,
    /,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`, or arrays of them along a new `axis`.

    endpoint: whether `stop` is the last of them. retstep: return also the distance. Raises
    `RangeError`.

    >>> import adjoint as ad
    >>> ad.linspace(0.0, 1.0, 3)
    Tensor([0. , 0.5, 1. ])
    >>> ad.grad(lambda stop: ad.sum(ad.linspace(0.0, stop, 3)))(1.0)
    Tensor(1.5)
    """
    check_device("linspace", device)
    if num < 0:
        raise RangeError(f"linspace: the number of samples must not be negative, got {num}")
    if _plain(start, stop):
        ends = _base(start), _base(stop)
        found, step = np.linspace(*ends, num, endpoint, retstep=True, axis=axis)
        result = asarray(found, dtype)
        return (result, as_tensor(step)) if retstep else result
    first, last = _ends("linspace", start, stop)
    way = _way(num, endpoint, first)
    result = first * (1.0 - way) + last * way
    result = _placed(result, axis) if dtype is None else astype(_placed(result, axis), dtype)
    parts = num - 1 if endpoint else num
    return (result, (last - first) / (parts if parts > 0 else np.nan)) if retstep else result


def _placed(x: Tensor, axis: int) -> Tensor:
    return moveaxis(x, 0, normalize_axis("linspace", axis, x.ndim))


@public
def logspace(
    start: Any,
    stop: Any,
    /,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """`base` to the power of `num` evenly spaced numbers from `start` to `stop`.

    >>> import adjoint as ad
    >>> ad.logspace(0.0, 2.0, 3)
    Tensor([  1.,  10., 100.])
    """
    if as_tensor(base).ndim:
        shape = broadcast_arrays(start, stop, base)[0].shape
        start, stop = (broadcast_to(end, shape) for end in (start, stop))
        base = expand_dims(broadcast_to(base, shape), axis)
    exponents = linspace(start, stop, num, endpoint=endpoint, axis=axis)
    found = power(base if isinstance(base, float) else inexact(base), exponents)
    return found if dtype is None else astype(found, dtype)


@public
def geomspace(
    start: Any,
    stop: Any,
    /,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """`num` numbers from `start` to `stop` of which each is the same multiple of the one before.

    Between real ends of different signs they are nan. Raises `RangeError` where an end is 0, if
    the values are known; if not, as in compiled functions, these numbers are nan.

    >>> import adjoint as ad
    >>> ad.geomspace(1.0, 4.0, 3)
    Tensor([1., 2., 4.])
    """
    first, last = _ends("geomspace", start, stop)
    if any(has_value(end.node) and not known(end).all() for end in (first, last)):
        raise RangeError("geomspace: neither start nor stop can be 0")
    found = first * exp(log(last / first) * _way(num, endpoint, first))
    if num and endpoint:  # the ends are met exactly
        parts = [reshape(first, (1, *first.shape)), found[1:-1], reshape(last, (1, *last.shape))]
        found = concat(parts if num > 1 else parts[:1], axis=0)
    found = moveaxis(found, 0, normalize_axis("geomspace", axis, found.ndim))
    return found if dtype is None else astype(found, dtype)
