"""Equal elements in an order: which of them comes first is a choice.

What is made of sorted elements is smooth in spite of it if it treats equal ones alike, as a sum of
squares does: what arrives at them is equal, and changes alike when they change places. Then the
permutation that was taken is as good as any. Otherwise the first derivative was chosen, and one of
the second order is 0 where what arrives does not change, as at other kinks, or nan.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.comparison import equal, not_equal
from adjoint.ops.kinks.dependence import (
    OTHER,
    POINT,
    Array,
    Dependence,
    uneven_steps,
    values_of,
    vanishes,
)
from adjoint.ops.reductions.reduction import any
from adjoint.ops.shape.joining import concat

_ALIKE = 1e-9
"""By how much of itself what should be equal may differ."""


def ties_in_order(s: Tensor) -> Tensor:
    """Which elements of `s`, sorted along its last axis, equal a neighbour."""
    return _beside(equal(s[..., 1:], s[..., :-1]))


def told_apart(g: Tensor, at_kink: Tensor) -> Tensor:
    """The rows in which what arrives at tied neighbours differs."""
    both = at_kink[..., 1:] & at_kink[..., :-1]
    return any(both & not_equal(g[..., 1:], g[..., :-1]), -1, keepdims=True)


def _beside(pairs: Tensor) -> Tensor:
    """The elements of which a pair with a neighbour holds."""
    none = pairs[..., :1] & False
    return concat([none, pairs], axis=-1) | concat([pairs, none], axis=-1)


def slope_at_ties(dependence: Dependence, values: Sequence[Array]) -> Array:
    """0 where the order of equal elements makes no difference, or nothing changes; else nan."""
    nodes = dependence.numbers(values)
    g = nodes[-1]
    values_of([g])
    entries = zip(dependence.entries, nodes, strict=True)
    points = [x.value for e, x in entries if e[0] is None and e[1] == POINT]
    count = 0

    def others(role: str, shape: tuple[int, ...]) -> Array | None:
        nonlocal count
        count += 1
        return uneven_steps(shape, count) if role == OTHER else None

    beside = dependence.tangent(nodes, others)
    if beside is not None:
        values_of([beside.node])
    still = beside is None or vanishes(beside.node)
    if not points or not _ends_with(g.shape, np.shape(points[0])):
        return np.where(still & (not points), 0.0, np.nan) * np.ones(g.shape)
    groups = _groups(np.asarray(points[0]))
    steps = uneven_steps(groups.shape, 0)

    def along(steps: Array) -> Array:
        moved = dependence.tangent(nodes, lambda role, shape: steps if role == POINT else None)
        if moved is None:
            return np.zeros(g.shape)
        values_of([moved.node])
        return np.asarray(moved.node.value)

    q = along(steps)
    alike = np.ones(g.shape, bool)
    for order in _orders(groups):
        turned = along(np.take_along_axis(steps, order, -1))
        order = np.broadcast_to(order, g.shape)
        alike &= _close(turned, np.take_along_axis(q, order, -1))
        for x in (g.value, None if beside is None else beside.node.value):
            if x is not None:
                alike &= _close(x, np.take_along_axis(np.asarray(x), order, -1))
    apart = np.stack([_whole(row, groups) for row in ~alike.reshape(-1, *groups.shape)])
    return np.where(~apart.reshape(g.shape) | ((q == 0) & still), 0.0, np.nan)


def _whole(chosen: Array, groups: Array) -> Array:
    """The groups of which any element is chosen."""
    counts = np.bincount(groups.ravel(), chosen.ravel())
    return np.asarray(counts[groups] > 0)


def _ends_with(shape: tuple[int, ...], last: tuple[int, ...]) -> bool:
    return bool(last) and shape[len(shape) - len(last) :] == last


def _groups(point: Array) -> Array:
    """A number for each run of equal elements of a row."""
    starts = np.ones(point.shape, np.int64)
    starts[..., 1:] = point[..., 1:] != point[..., :-1]
    return np.cumsum(starts).reshape(point.shape) - 1


def _orders(groups: Array) -> list[Array]:
    """Two orders of the last axis that generate all permutations within its runs: the first two
    of each change places, and all move on by one."""
    rows = groups.reshape(-1, groups.shape[-1])
    swapped = np.empty(rows.shape, np.int64)
    shifted = np.empty(rows.shape, np.int64)
    for own, swap, shift in zip(rows, swapped, shifted, strict=True):
        starts = np.flatnonzero(np.diff(own, prepend=own[0] - 1))
        ends = np.append(starts[1:], len(own))
        swap[:] = np.arange(len(own))
        several = starts[ends - starts > 1]
        swap[several], swap[several + 1] = several + 1, several
        shift[:] = np.arange(1, len(own) + 1)
        shift[ends - 1] = starts
    return [swapped.reshape(groups.shape), shifted.reshape(groups.shape)]


def _close(a: Array, b: Array) -> Array:
    scale = np.abs(a) + np.abs(b)
    eps = 64 * np.finfo(np.asarray(a).dtype).eps
    return np.asarray((a == b) | (np.abs(a - b) <= max(_ALIKE, eps) * scale))
