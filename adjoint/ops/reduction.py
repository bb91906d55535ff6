"""Reductions over axes: the sum, and what is built on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import BOOL, INT64, DType, Shape, normalize_axes
from adjoint.ops.linear import Linear
from adjoint.ops.movement import broadcast_to, reshape


def reduced(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` without `axes`."""
    return tuple([size for i, size in enumerate(shape) if i not in axes])


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` with size one on `axes`."""
    return tuple([1 if i in axes else size for i, size in enumerate(shape)])


def spread(x: Tensor, shape: Shape, axes: tuple[int, ...]) -> Tensor:
    """A tensor reduced over `axes` brought back to `shape` by repetition."""
    return broadcast_to(reshape(x, kept(shape, axes)), shape)


class Sum(Linear):
    name = "sum"
    param_names = ("axes",)

    def infer(self, x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        return reduced(x.shape, axes), x.dtype

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.sum(x, axis=axes, dtype=x.dtype)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return spread(adjoint, node.inputs[0].shape, node.params[0])

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return sum(inputs[0], tuple(a + 1 for a in node.params[0]))


_sum = register(Sum())


@public
def sum(x: Any, /, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over `axis` (an integer, several, or None for all), as in NumPy.

    Booleans and small integers are summed as int64. The sum over an empty axis is 0.

    >>> import adjoint as ad
    >>> ad.sum(ad.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.])
    """
    x = as_tensor(x)
    if dtype is not None:
        x = as_tensor(x, np.dtype(dtype))
    elif x.node.dtype.kind in "bi" and x.node.dtype is not INT64:
        x = as_tensor(x, INT64)
    axes = normalize_axes("sum", axis, x.ndim)
    result = make(_sum, (x,), (axes,)) if axes else x
    return reshape(result, kept(x.shape, axes)) if keepdims else result


class Any_(Linear):
    """Whether any element along the axes is true; boolean, so no derivative is ever asked."""

    name = "any"
    param_names = ("axes",)
    family = "reduction"

    def infer(self, x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        return reduced(x.shape, axes), BOOL

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.any(x, axis=axes)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return any(inputs[0], tuple(a + 1 for a in node.params[0]))


_any = register(Any_())


@public
def any(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Whether any element along `axis` is true.

    >>> import adjoint as ad
    >>> ad.any(ad.asarray([False, True]))
    Tensor(True)
    """
    x = as_tensor(x, BOOL)
    axes = normalize_axes("any", axis, x.ndim)
    result = make(_any, (x,), (axes,)) if axes else x
    return reshape(result, kept(x.shape, axes)) if keepdims else result
