"""Sorting and searching. The indices are operations; what they select is gathered with them.

So the derivative of a sorted tensor is that of the stable permutation that sorted it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from adjoint.errors import RangeError, ShapeError
from adjoint.graph.loop_form import Index, Loops
from adjoint.graph.node import Node, are_nested, noted
from adjoint.graph.op import Op, public, register
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import INT64, DType, Shape, promote
from adjoint.ops.elementwise.comparison import equal, less
from adjoint.ops.indexing.indexing import take, take_along_axis
from adjoint.ops.kinks.kinks import with_kink, with_ties
from adjoint.ops.reductions.extremum import min
from adjoint.ops.reductions.reduction import line, sum
from adjoint.ops.reductions.stable_order import stable_order
from adjoint.ops.shape.movement import astype
from adjoint.ops.shape.rearrange import moveaxis

__all__ = ["sort", "argsort", "top_k", "searchsorted", "digitize"]


class ArgSort(Op):
    """The indices that would sort an axis; equal elements stay in their order."""

    name = "argsort"
    family = "sorting"
    permutes = True
    param_names = ("axis", "descending")

    def infer(self, x: Node, axis: int, descending: bool) -> tuple[Shape, DType]:
        return x.shape, INT64

    def evaluate(self, x: Any, axis: int, descending: bool) -> Any:
        if descending:  # sort the axis from its other end, so that equal elements keep their order
            order = stable_order(np.flip(x, axis), axis)
            order = x.shape[axis] - 1 - np.flip(order, axis)
        else:
            order = stable_order(x, axis)
        return np.asarray(order, INT64)

    def compared(self, node: Node, result: Any, *given: Any) -> tuple[Any, Any]:
        """Neighbours in the order."""
        rows = np.moveaxis(np.take_along_axis(given[0], result, node.params[0]), node.params[0], -1)
        return rows[..., :-1], rows[..., 1:]

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, descending = node.params
        return make(self, inputs, (axis + 1, descending))


LARGEST = 1 << 16
"""Among at most so many numbers lanes search. Among 65,536 it takes 10 ns a number that is looked
for if these are in order, else 15; NumPy takes 21 and 112. Among 100 it is 3, and 6 and 39."""


def before(e: Any, x: Any, wanted: Any, side: str) -> Any:
    """Whether an element comes before where `wanted` is inserted; nan counts as largest."""
    if side == "left":
        is_less = e.less(x, wanted)
        if e.dtype(x).kind != "f":
            return is_less
        is_last = e.bitwise_and(e.not_equal(wanted, wanted), e.equal(x, x))
        return e.bitwise_or(is_less, is_last)
    if e.dtype(x).kind != "f":
        return e.less_equal(x, wanted)
    return e.bitwise_or(e.less_equal(x, wanted), e.not_equal(wanted, wanted))


class SearchSorted(Op):
    """Where to insert the second input into the sorted first one, which has one axis."""

    name = "searchsorted"
    family = "sorting"
    param_names = ("side",)
    native = True

    def lowers(self, node: Node) -> bool:
        size = node.inputs[0].shape[0]
        return 0 < size <= LARGEST and node.inputs[0].dtype.kind in "iuf"

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        """By bisection without branches: from the largest power of two on, each is added to the
        number of elements that come before if as many do."""
        e, (x1, x2) = loops.e, node.inputs
        wanted, size = loops.read(x2, index), x1.shape[0]
        found = e.constant(0, INT64)
        step = 1
        while 2 * step <= size:
            step *= 2
        while step:
            tried = e.add(found, step)
            place = loops.counter(e.subtract(e.minimum(tried, size), 1))
            comes_before = before(e, loops.read(x1, (place,)), wanted, node.params[0])
            fits = e.bitwise_and(comes_before, e.less_equal(tried, size))
            found = e.select(fits, tried, found)
            step >>= 1
        return found

    def infer(self, x1: Node, x2: Node, side: str) -> tuple[Shape, DType]:
        if len(x1.shape) != 1:
            raise ShapeError(
                f"searchsorted: the sorted numbers (x1) must have one axis, got shape {x1.shape}; "
                f"search row by row with vmap"
            )
        if side not in ("left", "right"):
            raise RangeError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
        return x2.shape, INT64

    def evaluate(self, x1: Any, x2: Any, side: Any) -> Any:
        return np.asarray(np.searchsorted(x1, x2, side=side), INT64)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        return None if batched[0] else make(self, inputs, node.params)


_argsort = register(ArgSort())
_searchsorted = register(SearchSorted())


def _order(x: Tensor, axis: int, descending: bool) -> Tensor:
    """The indices that sort `x`, whose line is known: there may be a tie."""
    return Tensor(noted(make(_argsort, (x,), (axis, descending)).node))


def _with_ties(s: Tensor, axis: int, function: str) -> Tensor:
    """What `function` sorted along `axis`, which knows of ties where derivatives are nested."""
    if s.node.shape[axis] < 2 or not are_nested(s.node):
        return s
    return moveaxis(with_ties(moveaxis(s, axis, -1), function), -1, axis)


def _left_out(x: Tensor, found: Tensor, axis: int) -> Tensor:
    """Which of the first elements of `x` in order, `found`, equal one that is not among them."""
    last = min(found, axis, keepdims=True)
    among, all_of_them = (
        sum(astype(equal(y, last), INT64), axis, keepdims=True) for y in (found, x)
    )
    return equal(found, last) & less(among, all_of_them)


@public
def argsort(
    x: Any,
    /,
    axis: Any = -1,
    *,
    kind: Any = None,
    descending: bool = False,
    stable: bool | None = True,
) -> Tensor:
    """The indices (int64) that sort `x` along `axis`; None sorts the flattened tensor.

    Equal elements stay in their order, whatever `kind` and `stable` say; nan counts as largest.
    Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.argsort(ad.asarray([3.0, 1.0, 2.0]))
    Tensor([1, 2, 0])
    """
    x, place = line("argsort", as_tensor(x), axis)
    return _order(x, place, bool(descending))


@public
def sort(
    x: Any,
    /,
    axis: Any = -1,
    *,
    kind: Any = None,
    descending: bool = False,
    stable: bool | None = True,
) -> Tensor:
    """`x` sorted along `axis`; None sorts the flattened tensor.

    The derivative is that of the permutation, in which equal elements stay in their order. nan
    counts as largest. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.sort(ad.asarray([3.0, 1.0, 2.0]), descending=True)
    Tensor([3., 2., 1.])
    """
    x, place = line("sort", as_tensor(x), axis)
    order = _order(x, place, bool(descending))
    return _with_ties(take_along_axis(x, order, place), place, "sort")


@public
def top_k(x: Any, k: int, /, *, axis: Any = -1) -> tuple[Tensor, Tensor]:
    """The `k` largest elements along `axis`, largest first, and their indices (int64).

    Of equal elements the first come first, and keep the derivative. Raises `ShapeError`, and
    `RangeError` if there are fewer than `k`.

    >>> import adjoint as ad
    >>> ad.top_k(ad.asarray([1.0, 3.0, 2.0]), 2)
    (Tensor([3., 2.]), Tensor([1, 2]))
    """
    x, place = line("top_k", as_tensor(x), axis)
    if not 0 <= k <= x.shape[place]:
        raise RangeError(
            f"top_k: asked for {k} elements of axis {place} of shape {x.shape}; "
            f"k must be from 0 to {x.shape[place]}"
        )
    order = _order(x, place, True)
    first = order[(*(slice(None),) * place, slice(int(k)))]
    values = take_along_axis(x, first, place)
    if 0 < k < x.shape[place]:
        values = with_kink(values, values, partial(_left_out, x, values, place), "top_k")
    return _with_ties(values, place, "top_k"), first


@public
def searchsorted(x1: Any, x2: Any, /, side: str = "left", sorter: Any = None) -> Tensor:
    """The index (int64) at which each element of `x2` would keep the sorted `x1` sorted.

    `x1` has one axis and is in ascending order. With `side` "left" the index is that of the first
    element not below, with "right" of the first above. sorter: indices that sort `x1`. Its
    derivative is zero. Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.searchsorted(ad.asarray([1.0, 2.0, 3.0]), ad.asarray([0.5, 2.0]))
    Tensor([0, 1])
    """
    first, second = as_tensor(x1), as_tensor(x2)
    if sorter is not None:
        first = take(first, sorter, axis=0)
    dtype = promote(first.dtype, second.dtype)
    return make(_searchsorted, (as_tensor(first, dtype), as_tensor(second, dtype)), (side,))


@public
def digitize(x: Any, bins: Any, right: bool = False) -> Tensor:
    """The index (int64) of the bin of each element; `bins` are their edges in ascending order.

    A bin holds its left edge, or with `right` its right one. Below the first edge it is 0, above
    the last it is their number. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.digitize(ad.asarray([0.2, 1.0, 6.4]), ad.asarray([0.0, 1.0, 2.5]))
    Tensor([1, 2, 3])
    """
    return searchsorted(bins, x, side="left" if right else "right")
