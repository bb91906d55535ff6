"""The first or the last of the indices that sort an axis, without sorting all of it.

A few are found as one extreme after the other. For more NumPy's partition says where they end, in a
time that grows with the number of elements, not with its logarithm too, and only they are sorted.
Rows of which this does not settle which elements they are, as some that are left out are equal to
the last that is taken, are sorted as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import INT64, DType, Shape
from adjoint.ops.reductions.stable_order import stable_order

__all__ = ["order_part"]

FEW = 8
"""So many extremes of 256 rows of 500 float32 take 0.2 ms, a partition with what follows 0.35."""


class OrderPart(Op):
    """The first `count` of the indices of `argsort`, or with `last` the last."""

    name = "order_part"
    family = "sorting"
    param_names = ("axis", "descending", "count", "last")

    def infer(
        self, x: Node, axis: int, descending: bool, count: int, last: bool
    ) -> tuple[Shape, DType]:
        return (*x.shape[:axis], count, *x.shape[axis + 1 :]), INT64

    def evaluate(self, x: Any, axis: int, descending: bool, count: int, last: bool) -> Any:
        lanes = np.moveaxis(x, axis, -1)
        if last:  # from the other end, where equal elements stand the other way round
            found = lanes.shape[-1] - 1 - first_places(lanes[..., ::-1], count, not descending)
            found = found[..., ::-1]
        else:
            found = first_places(lanes, count, descending)
        return np.moveaxis(np.asarray(found, INT64), -1, axis)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, *others = node.params
        return make(self, inputs, (axis + 1, *others))


def first_places(x: Any, count: int, largest: bool) -> Any:
    """The indices of the `count` smallest or `largest` elements along the last axis of `x`, in
    order, of equal elements the first ones first; nan counts as largest."""
    if not 0 < count < x.shape[-1] or x.size == 0 or x.dtype.kind not in "iuf":
        return _all_places(x, largest)[..., :count]
    by = _by_extremes if count <= FEW else _by_partition
    found, unsure = by(x, count, largest)
    if unsure.any():
        found[unsure] = _all_places(x[unsure], largest)[..., :count]
    return found


def _all_places(x: Any, largest: bool) -> Any:
    """The stable order of the last axis, ascending or with the `largest` first."""
    if not largest:
        return stable_order(x, -1)
    return x.shape[-1] - 1 - stable_order(x[..., ::-1], -1)[..., ::-1]


def _by_extremes(x: Any, count: int, largest: bool) -> tuple[Any, Any]:
    """One extreme after the other; and the rows in which the number that takes the place of those
    that were found is itself among these, or nan, which every extreme is."""
    extreme = np.argmax if largest else np.argmin
    least, most = (-np.inf, np.inf) if x.dtype.kind == "f" else _range(x.dtype)
    gone = least if largest else most
    left = np.array(x)
    found = np.empty((*x.shape[:-1], count), INT64)
    unsure = np.zeros(x.shape[:-1], bool)
    for k in range(count):
        place = extreme(left, axis=-1)[..., None]
        value = np.take_along_axis(left, place, -1)[..., 0]
        unsure |= value == gone
        if not largest:
            unsure |= value != value
        np.put_along_axis(left, place, gone, -1)
        found[..., k] = place[..., 0]
    return found, unsure


def _range(dtype: DType) -> tuple[int, int]:
    """The least and the largest integer."""
    info = np.iinfo(dtype)
    return info.min, info.max


def _by_partition(x: Any, count: int, largest: bool) -> tuple[Any, Any]:
    """All that are beyond a number or equal to it; and the rows in which these are not `count`."""
    edge = x.shape[-1] - count if largest else count - 1
    limit = np.partition(x, edge, axis=-1)[..., edge : edge + 1]
    chosen = ~(x < limit) if largest else x <= limit
    unsure = np.count_nonzero(chosen, axis=-1) != count
    if unsure.any():
        chosen[unsure] = np.arange(x.shape[-1]) < count
    found = np.nonzero(chosen)[-1].reshape(*x.shape[:-1], count)
    order = _all_places(np.take_along_axis(x, found, -1), largest)
    return np.take_along_axis(found, order, -1), unsure


_order_part = register(OrderPart())


def order_part(x: Tensor, axis: int, descending: bool, count: int, last: bool) -> Tensor:
    """Part of ``argsort(x, axis, descending)``: the first `count`, or with `last` the last."""
    return make(_order_part, (x,), (axis, descending, count, last))
