"""Reductions over axes: what the family shares, and `sum`, `any`, `all`, `count_nonzero`.

A reduction has one parameter, the sorted tuple of the axes it takes together. One that folds its
elements states where it starts and how it combines two values: all that a loop needs to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import Op, public, public_storage, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.tensor import Tensor, as_stored, as_tensor, make
from adjoint.graph.types import (
    BOOL,
    INT64,
    DType,
    Shape,
    as_dtype,
    normalize_axes,
    normalize_axis,
    size_of,
    storage_dtype,
)
from adjoint.ops.elementwise import choice
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.elementwise.complex import conj
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.family.linear import Linear
from adjoint.ops.family.structural_zeros import nonzero_mask, over, reshaped, whole
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape

__all__ = ["sum", "any", "all", "count_nonzero"]

_UINT64 = as_dtype(np.uint64)


def reduced(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` without `axes`."""
    if len(axes) == len(shape):
        return ()
    return tuple([size for i, size in enumerate(shape) if i not in axes])


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` with size one on `axes`."""
    return tuple([1 if i in axes else size for i, size in enumerate(shape)])


def spread(x: Tensor, shape: Shape, axes: tuple[int, ...]) -> Tensor:
    """A tensor reduced over `axes` brought back to `shape` by repetition."""
    return broadcast_to(reshape(x, kept(shape, axes)), shape)


def conjugate(x: Tensor) -> Tensor:
    """The complex conjugate, without a node where `x` is real."""
    return conj(x) if x.node.dtype.kind == "c" else x


def masked_as(share: Tensor, adjoint: Tensor) -> Tensor:
    """`share`, a multiple of `adjoint`, zero where `adjoint` is zero by construction.

    There the factor may be infinite or nan, and must not reach a branch that was not taken.
    """
    mask = nonzero_mask(adjoint)
    return share if mask is None else keep_where(mask, share)


def accumulating(dtype: DType) -> DType:
    """The dtype in which NumPy sums and multiplies numbers of `dtype`."""
    if dtype.kind == "u":
        return _UINT64
    return INT64 if dtype.kind in "bi" else dtype


def to_accumulate(x: Any, dtype: Any) -> Tensor:
    """`x` as a tensor in the dtype asked for, or else in that in which NumPy would add it up."""
    x = as_tensor(x)
    wanted = accumulating(x.node.dtype) if dtype is None else storage_dtype(dtype)
    return x if x.node.dtype is wanted else as_tensor(x, wanted)


class Reduction(Op):
    """An operation that takes the elements along its `axes` together.

    If it folds them one by one it has `combine`, the word of the emitter that does so, and
    `start`, the value over nothing as a number of a dtype.
    """

    family = "reduction"
    param_names = ("axes",)

    def infer(self, x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        return reduced(x.shape, axes), x.dtype

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape, (axes,) = node.inputs[0].shape, node.params
        return reshaped(over(whole(mask, shape), shape, axes), node.shape)

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return reshaped(whole(mask, node.shape), kept(node.inputs[0].shape, node.params[0]))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, (tuple([a + 1 for a in node.params[0]]),))


def axes_of(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis` as users give it, an integer, several, or None for all, as `normalize_axes` has it."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:  # the common case, without ceremony
        return (axis % ndim,)
    if type(axis) is tuple:
        last = -1
        for a in axis:
            if type(a) is not int or not last < a < ndim:
                break
            last = a
        else:
            return axis
    return normalize_axes(name, axis, ndim)


def reduce_over(op: Reduction, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """`op` over `axis` as users give it."""
    axes = axes_of(op.name, axis, len(x.node.shape))
    result = make(op, (x,), (axes,))
    return reshape(result, kept(x.node.shape, axes)) if keepdims else result


def lanes_last(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, tuple[int, ...]]:
    """`x` with `axes` made one, the last axis; and the order its axes had just before that."""
    order = tuple([a for a in range(x.ndim) if a not in axes]) + axes
    size = size_of(tuple([x.shape[a] for a in axes]))
    return reshape(permute_dims(x, order), (*reduced(x.shape, axes), size)), order


def line(name: str, x: Tensor, axis: Any) -> tuple[Tensor, int]:
    """`x` and its one axis along which `name` goes; without an `axis` the flattened tensor."""
    if axis is None:
        return reshape(x, (x.size,)), 0
    return x, normalize_axis(name, axis, x.ndim)


class Sum(Linear, Reduction):
    name = "sum"
    combine = "add"

    def start(self, dtype: DType) -> Any:
        return 0

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.sum(x, axis=axes, dtype=x.dtype)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return spread(adjoint, node.inputs[0].shape, node.params[0])

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        return None if masks[0] is None else self.outputs_reached(node, 0, masks[0])


class Any_(Reduction):
    """Whether any element along the axes is true."""

    name = "any"
    combine = "bitwise_or"

    def start(self, dtype: DType) -> Any:
        return False

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.any(x, axis=axes)


class All_(Reduction):
    """Whether all elements along the axes are true."""

    name = "all"
    combine = "bitwise_and"

    def start(self, dtype: DType) -> Any:
        return True

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.all(x, axis=axes)


_sum, _any, _all = map(register, (Sum(), Any_(), All_()))


def chosen(x: Any, where: Any, otherwise: Any) -> Tensor:
    """`x` with `otherwise` where the mask `where` does not hold; the mask may be larger."""
    x = as_stored(x)
    return choice.where(as_tensor(where, BOOL), x, as_tensor(otherwise, x.dtype))


@public_storage
def sum(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The sum over `axis` (an integer, several, or None for all), as in NumPy.

    Booleans and integers are summed as 64-bit integers, unless `dtype` says otherwise. The sum
    over an empty axis is 0. With `keepdims` the axes stay, with size one. initial: a number to
    start from. where: a mask of the elements that count. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.sum(ad.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.])
    """
    if where is not None:
        x = chosen(x, where, 0)
    if initial is not None:
        if has_stored(x, dtype):
            options = {"keepdims": keepdims, "initial": initial}
            return in_float32(sum, (x, axis, dtype), options)
        found = sum(x, axis, dtype=dtype, keepdims=keepdims)
        return found + as_tensor(initial, found.dtype)
    if dtype is not None or type(x) is not Tensor or x.node.dtype.kind not in "fc":
        if has_stored(x, dtype):
            return in_float32(sum, (x, axis, dtype), {"keepdims": keepdims})
        x = to_accumulate(x, dtype)
    node = x.node
    axes = axes_of("sum", axis, len(node.shape))
    if not axes:
        return Tensor(node)
    result = Tensor(Node(_sum, (node,), (axes,), reduced(node.shape, axes), node.dtype))
    return reshape(result, kept(node.shape, axes)) if keepdims else result


@public_storage
def any(x: Any, /, axis: Any = None, *, keepdims: bool = False, where: Any = None) -> Tensor:
    """Whether any element along `axis` is true; of numbers, whether any is not 0.

    Over an empty axis false. where: a mask of the elements that count. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.any(ad.asarray([False, True]))
    Tensor(True)
    """
    x = as_tensor(x, BOOL)
    return reduce_over(_any, x if where is None else chosen(x, where, False), axis, keepdims)


@public_storage
def all(x: Any, /, axis: Any = None, *, keepdims: bool = False, where: Any = None) -> Tensor:
    """Whether all elements along `axis` are true; of numbers, whether none is 0.

    Over an empty axis true. where: a mask of the elements that count. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.all(ad.asarray([[True, False], [True, True]]), axis=1)
    Tensor([False,  True])
    """
    x = as_tensor(x, BOOL)
    return reduce_over(_all, x if where is None else chosen(x, where, True), axis, keepdims)


@public
def count_nonzero(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """How many elements along `axis` are not 0, as int64; nan counts.

    >>> import adjoint as ad
    >>> ad.count_nonzero(ad.asarray([0.0, 2.0, 0.0, -1.0]))
    Tensor(2)
    """
    x = as_tensor(x)
    return sum(x if x.node.dtype is BOOL else not_equal(x, 0), axis, keepdims=keepdims)
