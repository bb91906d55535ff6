"""``pad``: elements added around a tensor, in all of NumPy's modes. Composites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.array.creation.ranges import linspace
from adjoint.array.linalg.contraction import tensordot
from adjoint.array.statistics.descriptive import mean, median
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.elementwise import rounding
from adjoint.ops.indexing.gather import gather
from adjoint.ops.indexing.slicing import along, put_slice
from adjoint.ops.reductions import extremum
from adjoint.ops.reductions.reduction import kept
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, broadcast_to, reshape
from adjoint.ops.shape.rearrange import flip, moveaxis

__all__ = ["pad"]

_BY_INDEX = ("edge", "reflect", "symmetric", "wrap")
_BY_STATISTICS: dict[str, Callable[..., Tensor]] = {
    "maximum": extremum.max,
    "mean": mean,
    "median": median,
    "minimum": extremum.min,
}
_MODES = ("constant", "empty", *_BY_INDEX, "linear_ramp", *_BY_STATISTICS)

Pairs = list[tuple[Any, Any]]


@public
def pad(
    x: Any,
    /,
    pad_width: Any,
    mode: Any = "constant",
    constant_values: Any = 0,
    *,
    end_values: Any = 0,
    stat_length: Any = None,
    reflect_type: str = "even",
    **kwargs: Any,
) -> Tensor:
    """`x` with elements added before and after along each axis.

    pad_width: ``((before, after), …)`` for each axis, one pair or number for all, or a dictionary
    of axes. mode: "constant", filled with `constant_values`, given likewise; "empty", with 0;
    "edge", "reflect", "symmetric" or "wrap", from `x` itself as in NumPy, by `reflect_type` "odd"
    mirrored at the edge value; "linear_ramp", in steps to `end_values`; "maximum", "mean", "median"
    or "minimum", of the `stat_length` elements next to the edge, by default of all. Raises
    `ShapeError`, `RangeError`, `ArgumentError`.

    >>> import adjoint as ad
    >>> ad.pad(ad.asarray([1.0, 2.0]), (1, 2)), ad.pad(ad.asarray([1.0, 2.0]), 1, mode="wrap")
    (Tensor([0., 1., 2., 0., 0.]), Tensor([2., 1., 2., 1.]))
    """
    x = as_tensor(x)
    widths = _widths(x, pad_width)
    if callable(mode):
        raise ArgumentError("pad: a function as mode writes into an array; join the parts yourself")
    if mode not in _MODES:
        raise ArgumentError(f"pad: mode {mode!r} is not known; choose from {', '.join(_MODES)}")
    if kwargs:
        raise ArgumentError(f"pad: {next(iter(kwargs))!r} is not an argument of any mode")
    if mode in ("constant", "empty"):
        return _constant(x, widths, constant_values if mode == "constant" else 0)
    if mode == "linear_ramp":
        return _beside(x, widths, _pairs("end_values", end_values, x.ndim), _ramp)
    if mode in _BY_STATISTICS:
        lengths = _pairs("stat_length", stat_length, x.ndim)
        return _beside(x, widths, lengths, lambda *args: _statistic(mode, *args))
    for axis, (before, after) in enumerate(widths):
        if before or after:
            x = _from_itself(x, axis, (before, after), mode, reflect_type)
    return Tensor(x.node)


def _from_itself(
    x: Tensor, axis: int, widths: tuple[int, int], mode: Any, reflect_type: str
) -> Tensor:
    size = x.shape[axis]
    if not size:
        raise ShapeError(f"pad: axis {axis} is empty, mode {mode!r} has nothing to repeat")
    if reflect_type == "odd" and mode in ("reflect", "symmetric"):  # linear: as of unit vectors
        weights = np.pad(np.eye(size), (widths, (0, 0)), mode=mode, reflect_type="odd")
        rows = tensordot(from_array(weights.astype(x.dtype)), x, ((1,), (axis,)))
        return moveaxis(rows, 0, axis)
    index = np.pad(np.arange(size), widths, mode=mode)
    return gather(x, (from_array(index),), (axis,), axis)


def _widths(x: Tensor, pad_width: Any) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        each: list[Any] = [pad_width.get(a, pad_width.get(a - x.ndim, 0)) for a in range(x.ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in each]
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu":
        raise ArgumentError(f"pad: pad_width must hold integers, got {pad_width!r}")
    try:
        widths = np.broadcast_to(given, (x.ndim, 2))
    except ValueError as error:
        raise ShapeError(
            f"pad: pad_width {pad_width!r} is not a pair (before, after) for each of the "
            f"{x.ndim} axes of a tensor of shape {x.shape}, nor one for all"
        ) from error
    if widths.size and widths.min() < 0:
        raise RangeError(f"pad: pad_width must not be negative, got {pad_width!r}; use slices")
    return [(int(before), int(after)) for before, after in widths]


def _pairs(name: str, values: Any, rank: int) -> Pairs:
    """A value before and one after for each axis."""
    if values is None:
        return [(None, None)] * rank
    given = as_tensor(values)
    try:
        whole = broadcast_to(given, (rank, 2))
    except ShapeError as error:
        raise ArgumentError(
            f"pad: {name} of shape {given.shape} is neither one number, nor a pair, nor a pair for "
            f"each of the {rank} axes"
        ) from error
    return [(whole[a, 0], whole[a, 1]) for a in range(rank)]


def _constant(x: Tensor, widths: Sequence[tuple[int, int]], values: Any) -> Tensor:
    value = as_tensor(values, x.node.dtype)
    if value.ndim:
        pairs = _pairs("constant_values", value, x.ndim)
        return _beside(x, widths, pairs, lambda x, axis, end, value, width: value)
    shape = tuple(b + size + a for size, (b, a) in zip(x.shape, widths, strict=True))
    starts = tuple(before for before, _ in widths)
    return put_slice(broadcast_to(value, shape), x, starts, (1,) * x.ndim, x.shape)


def _beside(
    x: Tensor, widths: Sequence[tuple[int, int]], pairs: Pairs, made: Callable[..., Tensor]
) -> Tensor:
    """`x` between what is made for its two ends, axis by axis."""
    for axis, (both, values) in enumerate(zip(widths, pairs, strict=True)):
        sides = []
        for end, width, value in zip((0, -1), both, values, strict=True):
            shape = (*x.shape[:axis], width, *x.shape[axis + 1 :])
            side = made(x, axis, end, value, width) if width else as_tensor(0, x.dtype)
            sides.append(broadcast_to(astype(side, x.dtype), shape))
        x = concat([sides[0], x, sides[1]], axis)
    return Tensor(x.node)


def _ramp(x: Tensor, axis: int, end: int, value: Tensor, width: int) -> Tensor:
    if not x.shape[axis]:
        raise ShapeError(f"pad: axis {axis} is empty, so a ramp has no start")
    edge = along(x, axis, 0 if end == 0 else x.shape[axis] - 1, 1, 1)
    edge = reshape(edge, x.shape[:axis] + x.shape[axis + 1 :])
    ramp: Tensor = linspace(value, edge, width, endpoint=False, axis=axis)
    return ramp if end == 0 else flip(ramp, axis)


def _statistic(mode: str, x: Tensor, axis: int, end: int, length: Any, width: int) -> Tensor:
    size = x.shape[axis]
    count = size if length is None else min(int(length), size)
    if not count:
        raise RangeError(f"pad: there is no element of which the {mode} could be taken")
    part = along(x, axis, 0 if end == 0 else size - count, 1, count)
    found = _BY_STATISTICS[mode](part, axis=axis, keepdims=True)
    if x.dtype.kind in "iu" and found.dtype.kind == "f":
        found = rounding.round(found)
    return reshape(found, kept(x.shape, (axis,)))
