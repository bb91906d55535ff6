"""Differences and phases of tabulated functions, with NumPy's names. Composites.

NumPy's ``gradient`` has no name in ``adjoint``, where `gradient` is that of a graph; called on a
tensor, ``numpy.gradient`` finds it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.array.statistics.descriptive import inexact
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.op import public, public_as
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import BOOL, normalize_axis
from adjoint.ops.elementwise.arithmetic import remainder
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.indexing.slicing import along
from adjoint.ops.reductions.cumulative import cumsum
from adjoint.ops.reductions.reduction import kept
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, broadcast_to, reshape

__all__ = ["diff", "ediff1d", "unwrap"]


def neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """All elements but the first, and all but the last, along `axis`."""
    lead = (slice(None),) * axis
    return x[(*lead, slice(1, None))], x[(*lead, slice(None, -1))]


@public
def diff(x: Any, /, n: int = 1, axis: Any = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """The differences of neighbours along `axis`, `n` times; of booleans, whether they differ.

    `prepend` and `append` are put before and after `x` first. Raises `ShapeError`, and
    `RangeError` for a negative `n`.

    >>> import adjoint as ad
    >>> ad.diff(ad.asarray([1.0, 2.0, 4.0]))
    Tensor([1., 2.])
    """
    y = Tensor(as_tensor(x).node)
    if n < 0:
        raise RangeError(f"diff: n must not be negative, got {n}")
    place = normalize_axis("diff", axis, y.ndim)
    parts = [_end(prepend, y, place), y, _end(append, y, place)]
    given = [part for part in parts if part is not None]
    if len(given) > 1:
        y = concat(given, axis=place)
    for _ in range(n):
        after, before = neighbours(y, place)
        y = not_equal(after, before) if y.dtype is BOOL else after - before
    return y


def _end(part: Any, x: Tensor, axis: int) -> Tensor | None:
    if part is None:
        return None
    part = as_tensor(part)
    return part if part.ndim else broadcast_to(part, kept(x.shape, (axis,)))


@public_as("gradient")
def differences(
    f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1
) -> Tensor | tuple[Tensor, ...]:
    """The slopes of `f` along its axes by central differences, at the edges by one-sided ones.

    varargs: for all axes, or for each, the distance of the points or their places. edge_order: 1
    or 2. One tensor for one axis, else a tuple. Raises `ShapeError`, `ArgumentError`.
    """
    f = inexact(f)
    if axis is None:
        axes = list(range(f.ndim))
    else:
        given = axis if isinstance(axis, (tuple, list)) else (axis,)
        axes = [normalize_axis("gradient", a, f.ndim) for a in given]
    if edge_order not in (1, 2):
        raise RangeError(f"gradient: edge_order must be 1 or 2, got {edge_order}")
    spacings: Sequence[Any] = varargs
    if not varargs:
        spacings = [1.0] * len(axes)
    elif len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        spacings = list(varargs) * len(axes)
    elif len(varargs) != len(axes):
        raise ArgumentError(
            f"gradient: {len(varargs)} distances for {len(axes)} axes; give one for all or each"
        )
    found = tuple(
        astype(_slopes(f, as_tensor(spacing), place, edge_order), f.dtype)
        for spacing, place in zip(spacings, axes, strict=True)
    )
    return found[0] if len(found) == 1 else found


def _slopes(f: Tensor, spacing: Tensor, axis: int, order: int) -> Tensor:
    size = f.shape[axis]
    if size < order + 1:
        raise ShapeError(f"gradient: axis {axis} of size {size} needs at least {order + 1} points")
    if spacing.ndim > 1 or (spacing.ndim == 1 and spacing.size != size):
        raise ShapeError(
            f"gradient: the coordinates along axis {axis} have shape {spacing.shape}; "
            f"expected a number or {(size,)}"
        )

    def at(start: int, count: int = 1) -> Tensor:
        return along(f, axis, start % size, 1, count)

    if not spacing.ndim:
        return concat([
            _edge(at, (spacing, spacing), 0, order),
            (at(2, size - 2) - at(0, size - 2)) / (2 * spacing),
            _edge(at, (spacing, spacing), -1, order),
        ], axis)  # fmt: skip
    steps = inexact(spacing[1:] - spacing[:-1])
    width = (-1,) + (1,) * (f.ndim - axis - 1)
    before, after = reshape(steps[:-1], width), reshape(steps[1:], width)
    inner = (
        -after / (before * (before + after)) * at(0, size - 2)
        + (after - before) / (before * after) * at(1, size - 2)
        + before / (after * (before + after)) * at(2, size - 2)
    )
    first = (steps[0], steps[min(1, size - 2)])
    last = (steps[-1], steps[max(-2, 1 - size)])
    return concat([_edge(at, first, 0, order), inner, _edge(at, last, -1, order)], axis)


def _edge(at: Any, steps: tuple[Tensor, Tensor], end: int, order: int) -> Tensor:
    """The slope at the first or the last point, by the steps nearest to it."""
    sign, inward = (1, 1) if end == 0 else (-1, -1)
    near, far = steps
    if order == 1:
        result: Tensor = (at(end + inward) - at(end)) * sign / near
        return result
    a = -(2 * near + far) / (near * (near + far))
    b = (near + far) / (near * far)
    c = -near / (far * (near + far))
    curved: Tensor = sign * (a * at(end) + b * at(end + inward) + c * at(end + 2 * inward))
    return curved


@public
def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """The differences of neighbours in flattened `x`, between `to_begin` and `to_end`.

    >>> import adjoint as ad
    >>> ad.ediff1d(ad.asarray([1.0, 2.0, 4.0]), to_begin=0.0)
    Tensor([0., 1., 2.])
    """
    x = reshape(as_tensor(x), (-1,))
    count = max(x.size - 1, 0)
    steps = along(x, 0, min(1, x.size), 1, count) - along(x, 0, 0, 1, count)
    ends = (None if e is None else reshape(astype(as_tensor(e), x.dtype), (-1,))
            for e in (to_begin, to_end))  # fmt: skip
    begin, end = ends
    parts = [part for part in (begin, steps, end) if part is not None]
    return concat(parts) if len(parts) > 1 else Tensor(steps.node)


@public
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Tensor:
    """Phases without jumps: neighbours along `axis` that differ by more than half a `period` are
    brought together by whole periods.

    discont: only jumps larger than this count. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.unwrap(ad.asarray([0.0, 3.0, 5.0]), period=4.0)
    Tensor([ 0., -1.,  1.])
    """
    p = as_tensor(p)
    place = normalize_axis("unwrap", axis, p.ndim)
    whole = p.dtype.kind in "biu" and isinstance(period, int)
    x = p if whole else inexact(p)
    size = x.shape[place]
    if size < 2:
        return Tensor(x.node)
    discont = period / 2 if discont is None else discont
    half = period // 2 if whole else period / 2
    jumps = along(x, place, 1, 1, size - 1) - along(x, place, 0, 1, size - 1)
    reduced = remainder(jumps + half, period) - half
    if not whole or period % 2 == 0:
        reduced = where((reduced == -half) & (jumps > 0), half, reduced)
    moved = where(abs(jumps) < discont, 0, reduced - jumps)
    rest = along(x, place, 1, 1, size - 1) + cumsum(moved, place)
    return concat([along(x, place, 0, 1, 1), rest], place)
