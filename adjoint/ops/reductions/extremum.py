"""The largest, the smallest, and the k-th smallest element; and where they stand.

Where several elements attain the value, the derivative is split equally between them; where the
value is nan, so is the derivative. Both modes and all orders follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph.node import Node, are_nested, noted
from adjoint.graph.op import Op, public, public_storage, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import INT64, DType, Shape, normalize_axis, size_of
from adjoint.ops.elementwise.choice import maximum, minimum, where
from adjoint.ops.elementwise.comparison import (
    equal,
    greater,
    isnan,
    less,
    logical_and,
    logical_not,
    logical_or,
)
from adjoint.ops.family.defined_results import largest, smallest
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.family.structural_zeros import over, whole
from adjoint.ops.kinks.kinks import mark_adjoint, mark_tangent
from adjoint.ops.reductions.reduction import (
    Reduction,
    axes_of,
    chosen,
    kept,
    masked_as,
    reduce_over,
    reduced,
    sum,
)
from adjoint.ops.shape.movement import astype, broadcast_to, reshape

__all__ = ["max", "min", "amax", "amin", "argmax", "argmin"]


def shares(won: Tensor, y: Tensor, axes: tuple[int, ...]) -> Tensor:
    """What each of the elements that attain `y` gets of its derivative: 1 / how many there are."""
    return where(isnan(y), np.nan, 1 / count_of(won, y.node.dtype, axes))


def count_of(won: Tensor, dtype: DType, axes: tuple[int, ...]) -> Tensor:
    """How many elements attain the extremum."""
    return sum(astype(won, dtype), axes)


def ties(won: Tensor, dtype: DType, axes: tuple[int, ...]) -> Tensor:
    """Where elements attain the extremum, of a dtype, that are not alone in that."""
    several = reshape(count_of(won, dtype, axes), kept(won.shape, axes)) > 1
    return logical_and(won, several)


class Extremum(Reduction):
    """The largest or the smallest element along the axes."""

    kinks = keeps_finite = True

    def __init__(self, name: str, numpy: Callable[..., Any], combine: str, worst: float) -> None:
        self.name = name
        self.numpy = numpy
        self.combine = combine
        self.worst = worst

    def start(self, dtype: DType) -> Any:
        if dtype.kind == "f":
            return self.worst
        if dtype.kind == "b":
            return self.worst > 0
        limits = np.iinfo(dtype)
        return limits.max if self.worst > 0 else limits.min

    def infer(self, x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        check_ordered(self.name, x.dtype)
        for axis in axes:
            if x.shape[axis] == 0:
                raise ShapeError(
                    f"{self.name}: axis {axis} of shape {x.shape} is empty, so there is no "
                    f"{self.name}; reduce over another axis, or concatenate a value to start from"
                )
        return reduced(x.shape, axes), x.dtype

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return self.numpy(x, axes)

    def attained(self, x: Tensor, y: Tensor) -> Tensor:
        """Which elements attain the value; nan counts as attained everywhere."""
        return logical_not(less(x, y) if self.worst < 0 else greater(x, y))

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        (axes,) = node.params
        x, y = Tensor(node.inputs[0]), Tensor(node)
        won = self.attained(x, reshape(y, kept(x.shape, axes)))
        found = sum(keep_where(won, tangents[0]), axes) * shares(won, y, axes)
        if not are_nested(node, found.node):
            return found
        at_kink = ties(won, node.dtype, axes)
        return mark_tangent(found, node, at_kink, node.inputs, tangents, "piecewise", axes)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        (axes,) = node.params
        x, y = Tensor(node.inputs[0]), Tensor(node)
        lanes = kept(x.shape, axes)
        won = self.attained(x, reshape(y, lanes))
        found = keep_where(won, reshape(adjoint * shares(won, y, axes), lanes))
        if are_nested(node, adjoint.node):
            place = (node, ties(won, node.dtype, axes), node.inputs, 0, "piecewise", axes)
            found = mark_adjoint(found, adjoint, *place)
        return (found,)


_max = register(Extremum("max", largest, "maximum", -np.inf))
_min = register(Extremum("min", smallest, "minimum", np.inf))


def check_ordered(name: str, dtype: DType) -> None:
    """Raise `DTypeError` for complex numbers, which have no order."""
    if dtype.kind == "c":
        raise DTypeError(
            f"{name}: complex numbers ({dtype}) have no order; take the real part or adjoint.abs"
        )


def _extreme(op: Extremum, x: Any, axis: Any, keepdims: bool, initial: Any, where_: Any) -> Tensor:
    """The extremum of the elements that the mask chooses, and of `initial`."""
    x = as_tensor(x)
    if where_ is not None:
        if initial is None:
            raise ArgumentError(
                f"{op.name}: with where, initial is needed: the value where nothing is selected"
            )
        x = chosen(x, where_, initial)
    if initial is None:
        return reduce_over(op, x, axis, keepdims)
    axes = axes_of(op.name, axis, x.ndim)
    if not size_of(tuple([x.shape[a] for a in axes])):
        shape = kept(x.shape, axes) if keepdims else reduced(x.shape, axes)
        return broadcast_to(as_tensor(initial, x.dtype), shape)
    found = reduce_over(op, x, axis, keepdims)
    either = maximum if op.name == "max" else minimum
    return either(found, as_tensor(initial, x.dtype))


@public_storage
def max(
    x: Any,
    /,
    axis: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The largest element over `axis` (an integer, several, or None for all); nan if any is nan.

    The derivative is split equally between elements that attain it. initial: a number that counts
    too. where: a mask of the elements that count, which needs `initial`. Raises `ShapeError` if an
    axis is empty, `DTypeError` for complex numbers.

    >>> import adjoint as ad
    >>> ad.grad(ad.max)(ad.asarray([1.0, 3.0, 3.0]))
    Tensor([0. , 0.5, 0.5])
    """
    if initial is None and where is None:
        real = as_tensor(x)
        if real is x or not has_stored(x):
            return reduce_over(_max, real, axis, keepdims)
    if has_stored(x):
        options = {"keepdims": keepdims, "initial": initial, "where": where}
        return in_float32(max, (x, axis), options)
    return _extreme(_max, x, axis, keepdims, initial, where)


@public_storage
def min(
    x: Any,
    /,
    axis: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The smallest element over `axis` (an integer, several, or None for all); nan if any is nan.

    The derivative is split equally between elements that attain it; `initial` and `where` as in
    `max`. Raises `ShapeError` if an axis is empty, `DTypeError` for complex numbers.

    >>> import adjoint as ad
    >>> ad.min(ad.asarray([[1.0, 5.0], [7.0, 2.0]]), axis=1)
    Tensor([1., 2.])
    """
    if initial is None and where is None:
        real = as_tensor(x)
        if real is x or not has_stored(x):
            return reduce_over(_min, real, axis, keepdims)
    if has_stored(x):
        options = {"keepdims": keepdims, "initial": initial, "where": where}
        return in_float32(min, (x, axis), options)
    return _extreme(_min, x, axis, keepdims, initial, where)


amax = max
amin = min


class ArgExtremum(Op):
    """The index of the first largest or smallest element along one axis."""

    family = "reduction"
    param_names = ("axis",)

    def __init__(self, name: str, numpy: Callable[..., Any]) -> None:
        self.name = name
        self.numpy = numpy

    def infer(self, x: Node, axis: int) -> tuple[Shape, DType]:
        check_ordered(self.name, x.dtype)
        if x.shape[axis] == 0:
            raise ShapeError(
                f"{self.name}: axis {axis} of shape {x.shape} is empty, so there is no index to "
                f"return; give another axis"
            )
        return reduced(x.shape, (axis,)), INT64

    def evaluate(self, x: Any, axis: int) -> Any:
        return np.asarray(self.numpy(x, axis=axis), INT64)

    def compared(self, node: Node, result: Any, *given: Any) -> tuple[Any, Any]:
        """What was found, beside each of the others."""
        (axis,) = node.params
        places = np.expand_dims(result, axis)
        others = np.arange(given[0].shape[axis]).reshape((-1,) + (1,) * (given[0].ndim - axis - 1))
        best = np.take_along_axis(given[0], places, axis)
        return best, np.where(others == places, np.nan, given[0])

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, (node.params[0] + 1,))


_argmax = register(ArgExtremum("argmax", np.argmax))
_argmin = register(ArgExtremum("argmin", np.argmin))


def _arg(op: ArgExtremum, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    if axis is None:
        result = Tensor(noted(make(op, (reshape(x, (x.size,)),), (0,)).node))
        return reshape(result, (1,) * x.ndim) if keepdims else result
    place = normalize_axis(op.name, axis, x.ndim)
    result = Tensor(noted(make(op, (x,), (place,)).node))
    return reshape(result, kept(x.shape, (place,))) if keepdims else result


@public
def argmax(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The index (int64) of the first largest element along `axis`, or in the flattened tensor.

    nan counts as largest. Its derivative is zero. Raises `ShapeError` if there is no element.

    >>> import adjoint as ad
    >>> ad.argmax(ad.asarray([1.0, 3.0, 3.0]))
    Tensor(1)
    """
    return _arg(_argmax, x, axis, keepdims)


@public
def argmin(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The index (int64) of the first smallest element along `axis`, or in the flattened tensor.

    nan counts as smallest. Its derivative is zero. Raises `ShapeError` if there is no element.

    >>> import adjoint as ad
    >>> ad.argmin(ad.asarray([[4.0, 3.0], [1.0, 2.0]]), axis=0)
    Tensor([1, 1])
    """
    return _arg(_argmin, x, axis, keepdims)


class OrderStatistic(Op):
    """The elements that would stand at the places k of the sorted last axis; k has one axis."""

    name = "order_statistic"
    kinks = True
    family = "reduction"

    def infer(self, x: Node, k: Node) -> tuple[Shape, DType]:
        check_ordered(self.name, x.dtype)
        return x.shape[:-1] + k.shape, x.dtype

    def evaluate(self, x: Any, k: Any) -> Any:
        result = np.take(np.sort(x, axis=-1), k, axis=-1)
        if x.dtype.kind == "f":  # nan is sorted last
            bad = np.isnan(x).any(axis=-1, keepdims=True)
            result = np.where(bad, np.asarray(np.nan, x.dtype), result)
        return result

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        won, weight = self.weights(node)
        tangent = reshape(tangents[0], row(tangents[0].shape))
        found = sum(keep_where(won, tangent), -1) * weight
        if not are_nested(node, found.node):
            return found
        at_kink, x = ties(won, node.dtype, (won.ndim - 1,)), Tensor(node.inputs[0])
        xs = (reshape(x, row(x.shape)).node,)
        return mark_tangent(found, node, at_kink, xs, (tangent,), "piecewise", (-1,))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        won, weight = self.weights(node)
        share = masked_as(adjoint * weight, adjoint)
        found = keep_where(won, reshape(share, (*share.shape, 1)))
        if are_nested(node, adjoint.node):
            x = Tensor(node.inputs[0])
            xs = (reshape(x, row(x.shape)).node,)
            place = (node, ties(won, node.dtype, (won.ndim - 1,)), xs, 0, "piecewise", (-1,))
            found = mark_adjoint(found, adjoint, *place)
        return sum(found, -2), None

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        rank = len(node.shape)
        return over(whole(mask, node.inputs[0].shape), node.inputs[0].shape, (rank - 1,))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return over(whole(mask, node.shape), node.shape, (len(node.shape) - 1,))

    def weights(self, node: Node) -> tuple[Tensor, Tensor]:
        """Which elements attain which of the results, and what each of them gets."""
        x, y = Tensor(node.inputs[0]), Tensor(node)
        column = reshape(y, (*y.shape, 1))
        won = logical_or(equal(reshape(x, row(x.shape)), column), isnan(column))
        return won, shares(won, y, (y.ndim,))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        return None if batched[1] else make(self, inputs)


def row(shape: Shape) -> Shape:
    """`shape` with an axis of size one before the last."""
    return (*shape[:-1], 1, shape[-1])


_order_statistic = register(OrderStatistic())


def order_statistic(x: Tensor, k: Tensor) -> Tensor:
    """The k-th smallest elements along the last axis, counted from 0; nan if any is nan.

    Their derivative is split equally between the elements that attain them.
    """
    return make(_order_statistic, (x, k))
