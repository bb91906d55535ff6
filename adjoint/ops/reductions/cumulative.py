"""Cumulative operations along one axis: sums, the largest and the smallest so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.graph.loop_form import Index, Loops, scanned
from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Op, public, public_storage, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import INT64, DType, Shape
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal, isnan, less, logical_or, not_equal
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.family.linear import Linear
from adjoint.ops.kinks.analysis import PIECEWISE
from adjoint.ops.kinks.kinks import NestedTangents, kink_of, with_unknown_slope
from adjoint.ops.kinks.slope import zero_with_unknown_slope
from adjoint.ops.reductions.extremum import check_ordered
from adjoint.ops.reductions.product import cumprod, later, recurrence
from adjoint.ops.reductions.reduction import kept, line, masked_as, to_accumulate
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype
from adjoint.transforms.sparsity import is_moving, running

__all__ = ["cumsum", "cumulative_sum", "cumulative_prod", "cummax", "cummin"]


class CumulativeSum(Linear):
    """The sums of the elements up to each, or with `reverse` from each on."""

    name = "cumsum"
    param_names = ("axis", "reverse")
    native = scans = adds = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        x = loops.read(node.inputs[0], index)
        return scanned(node, index, loops, lambda: x, lambda before, _: loops.e.add(before, x))

    def infer(self, x: Node, axis: int, reverse: bool) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, axis: int, reverse: bool) -> Any:
        if not reverse:
            return np.cumsum(x, axis=axis, dtype=x.dtype)
        return np.flip(np.cumsum(np.flip(x, axis), axis=axis, dtype=x.dtype), axis)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        axis, reverse = node.params
        return make(self, (adjoint,), (axis, not reverse))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, reverse = node.params
        return make(self, inputs, (axis + 1, reverse))


class Leader(Op):
    """For each element the index of the first that attains the extremum so far; nan leads."""

    family = "cumulative"
    param_names = ("axis",)

    def __init__(self, name: str, running: Callable[..., Any], beats: Callable[..., Any]) -> None:
        self.name = name
        self.running = running
        self.beats = beats

    def infer(self, x: Node, axis: int) -> tuple[Shape, DType]:
        check_ordered(self.name, x.dtype)
        return x.shape, INT64

    def evaluate(self, x: Any, axis: int) -> Any:
        x = np.moveaxis(x, axis, -1)
        best = self.running(x, axis=-1)
        new = np.ones(x.shape, bool)
        new[..., 1:] = self.beats(x[..., 1:], best[..., :-1])
        if x.dtype.kind == "f":
            new[..., 1:] |= np.isnan(x[..., 1:]) & ~np.isnan(best[..., :-1])
        places = np.where(new, np.arange(x.shape[-1]), 0)
        return np.moveaxis(np.maximum.accumulate(places, axis=-1), -1, axis)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, (node.params[0] + 1,))


class RunningExtremum(Op):
    """The largest or the smallest of the elements up to each along an axis.

    As of a reduction, the derivative of each result is split between the elements before it that
    attain it. They lie in one segment, from the first that does; a recurrence whose factors are 0
    at the start of each segment and 1 within adds up along segments, from either end. In a tie what
    arrives must stay the same, or nothing is known of the second order (`with_unknown_slope`).
    """

    family = "cumulative"
    param_names = ("axis",)
    kinks = tangent_once = True

    def __init__(self, name: str, running: Callable[..., Any], leader: Leader) -> None:
        self.name = name
        self.running = running
        self.leader = leader

    def infer(self, x: Node, axis: int) -> tuple[Shape, DType]:
        check_ordered(self.name, x.dtype)
        return x.shape, x.dtype

    def evaluate(self, x: Any, axis: int) -> Any:
        return self.running(x, axis=axis)

    def compared(self, node: Node, result: Any, *given: Any) -> tuple[Any, Any]:
        """Each element, but the first, and the extremum before it."""
        rows, best = (np.moveaxis(x, node.params[0], -1) for x in (given[0], result))
        return rows[..., 1:], best[..., :-1]

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        if not is_moving(given[0]):
            return NotImplemented
        return running(node.shape, node.params[0], False) @ given[0]

    def segments(self, node: Node) -> tuple[Tensor, Tensor, Tensor]:
        """Which elements attain the extremum so far, where its segments go on, and the shares."""
        (axis,) = node.params
        x, y = Tensor(node.inputs[0]), Tensor(node)
        places = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - axis - 1))
        within = astype(not_equal(make(self.leader, (x,), (axis,)), places), x.dtype)
        won: Tensor = logical_or(equal(x, y), isnan(x))
        attained = astype(won, x.dtype)
        count = attained + within * recurrence(within, attained, axis, False)
        return won, within, 1 / count

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        if node.scope is not None and are_nested(node, tangents[0].node):
            raise NestedTangents(f"{self.name}: its tangent knows nothing of ties")
        won, within, share = self.segments(node)
        moved = where(isnan(Tensor(node.inputs[0])), np.nan, keep_where(won, tangents[0]))
        return (moved + within * recurrence(within, moved, node.params[0], False)) * share

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        won, within, share = self.segments(node)
        sent = masked_as(adjoint * share, adjoint)
        later = recurrence(within, within * sent, node.params[0], True)
        found = sent + later
        if are_nested(node, adjoint.node):
            found = with_unknown_slope(found, adjoint, node, less(share, 1), node.params[0])
        return (where(isnan(Tensor(node.inputs[0])), np.nan, keep_where(won, found)),)

    def zero_at_ties(self, node: Node) -> Tensor:
        _, _, share = self.segments(node)
        kink = kink_of(node, PIECEWISE, ())
        return zero_with_unknown_slope(less(share, 1), Tensor(node), kink)

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return later(mask, node.shape, node.params[0], False, False)

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return later(mask, node.shape, node.params[0], True, False)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, (node.params[0] + 1,))


_cumsum = register(CumulativeSum())
_cumargmax = register(Leader("cumargmax", np.maximum.accumulate, np.greater))
_cumargmin = register(Leader("cumargmin", np.minimum.accumulate, np.less))
_cummax = register(RunningExtremum("cummax", np.maximum.accumulate, _cumargmax))
_cummin = register(RunningExtremum("cummin", np.minimum.accumulate, _cumargmin))


@public_storage
def cumsum(x: Any, /, axis: Any = None, dtype: Any = None) -> Tensor:
    """The sums of the elements up to each along `axis`; without one, of the flattened tensor.

    Booleans and integers are summed as 64-bit integers, unless `dtype` says otherwise. Raises
    `ShapeError`.

    >>> import adjoint as ad
    >>> ad.cumsum(ad.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.])
    """
    given, x = x, to_accumulate(x, dtype)
    if x is not given and has_stored(given, dtype):
        return in_float32(cumsum, (given, axis, dtype), {})
    x, place = line("cumsum", x, axis)
    return make(_cumsum, (x,), (place, False))


@public
def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """As `cumsum`, by its array-API name; `include_initial` puts the empty sum, 0, in front.

    >>> import adjoint as ad
    >>> ad.cumulative_sum(ad.asarray([1.0, 2.0, 3.0]), include_initial=True)
    Tensor([0., 1., 3., 6.])
    """
    return _from_initial("cumulative_sum", cumsum, x, axis, dtype, 0 if include_initial else None)


@public
def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """As `cumprod`, by its array-API name; `include_initial` puts the empty product, 1, in front.

    >>> import adjoint as ad
    >>> ad.cumulative_prod(ad.asarray([2.0, 3.0]), include_initial=True)
    Tensor([1., 2., 6.])
    """
    return _from_initial("cumulative_prod", cumprod, x, axis, dtype, 1 if include_initial else None)


def _from_initial(
    name: str, op: Callable[..., Tensor], x: Any, axis: Any, dtype: Any, initial: int | None
) -> Tensor:
    x, place = line(name, as_tensor(x), axis)
    result = op(x, place, dtype=dtype)
    if initial is None:
        return result
    first = np.full(kept(result.shape, (place,)), initial, result.dtype)
    return concat([first, result], axis=place)


@public
def cummax(x: Any, /, axis: Any = None) -> Tensor:
    """The largest of the elements up to each along `axis`; without one, of the flattened tensor.

    nan from the first nan on. Where several elements attain it, they share the derivative.
    Raises `ShapeError`, and `DTypeError` for complex numbers.

    >>> import adjoint as ad
    >>> ad.cummax(ad.asarray([1.0, 3.0, 2.0]))
    Tensor([1., 3., 3.])
    """
    x, place = line("cummax", as_tensor(x), axis)
    return make(_cummax, (x,), (place,))


@public
def cummin(x: Any, /, axis: Any = None) -> Tensor:
    """The smallest of the elements up to each along `axis`; without one, of the flattened tensor.

    nan from the first nan on. Where several elements attain it, they share the derivative.
    Raises `ShapeError`, and `DTypeError` for complex numbers.

    >>> import adjoint as ad
    >>> ad.cummin(ad.asarray([2.0, 3.0, 1.0]))
    Tensor([2., 2., 1.])
    """
    x, place = line("cummin", as_tensor(x), axis)
    return make(_cummin, (x,), (place,))
