"""The Euclidean norm, as one operation: at 0 its derivative is 0, which no chain of roots has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import find, public, register
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import DType, Shape, to_inexact, to_real
from adjoint.ops.elementwise.comparison import equal, not_equal
from adjoint.ops.elementwise.complex import real
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.kinks.kinks import mark_adjoint, mark_tangent
from adjoint.ops.reductions.reduction import (
    Reduction,
    axes_of,
    conjugate,
    kept,
    masked_as,
    reduced,
    sum,
)
from adjoint.ops.shape.movement import reshape

__all__ = ["norm2"]


class Norm2(Reduction):
    """The root of the sum of squared absolute values; real, also of complex numbers."""

    name = "norm2"
    kinks = True

    def infer(self, x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        return reduced(x.shape, axes), to_real(x.dtype)

    def decompose(self, node: Node) -> Tensor | None:
        x = Tensor(node.inputs[0])
        if x.dtype.kind == "c":
            return None
        return make(find("sqrt"), (sum(x * x, node.params[0]),))

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        squares = np.square(x.real) + np.square(x.imag) if x.dtype.kind == "c" else np.square(x)
        return np.sqrt(np.sum(squares, axis=axes, dtype=squares.dtype))

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        y = Tensor(node)
        inner = sum(conjugate(Tensor(node.inputs[0])) * tangents[0], node.params[0])
        if inner.node.dtype.kind == "c":
            inner = real(inner)
        found = keep_where(not_equal(y, 0), inner / y)
        if not are_nested(node, tangents[0].node):
            return found
        return mark_tangent(
            found, node, self.at_kink(node), node.inputs, tangents, "norm", node.params[0]
        )

    def at_kink(self, node: Node) -> Tensor:
        """Where the norm is 0, in the shape of the input but for sizes of one."""
        return reshape(equal(Tensor(node), 0), kept(node.inputs[0].shape, node.params[0]))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        x = Tensor(node.inputs[0])
        lanes = kept(x.shape, node.params[0])
        y, sent = reshape(Tensor(node), lanes), reshape(adjoint, lanes)
        found = masked_as(x * keep_where(not_equal(y, 0), sent / y), sent)
        if not are_nested(node, adjoint.node):
            return (found,)
        place = (node, self.at_kink(node), node.inputs, 0, "norm", node.params[0])
        return (mark_adjoint(found, adjoint, *place),)


_norm2 = register(Norm2())


@public
def norm2(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The Euclidean norm over `axis` (an integer, several, or None for all); its derivative at 0
    is 0.

    Integers become float64. Raises `ShapeError`.

    >>> from adjoint.ops.reductions.norm import norm2
    >>> norm2([3.0, 4.0])
    Tensor(5.)
    """
    x = as_tensor(x)
    x = as_tensor(x, to_inexact(x.node.dtype))
    axes = axes_of("norm2", axis, x.ndim)
    result = make(_norm2, (x,), (axes,))
    return reshape(result, kept(x.shape, axes)) if keepdims else result
