"""Convolutions over channels, as in neural networks: a product of three, closed under transposing.

With images x of shape (N, C, *sizes), weights w of shape (O, C / groups, *window) and results y of
shape (N, O, *places), the number Σ y[n, o, p] w[o, c, k] x[n, c, s p + d k] is linear in each of
the three. The derivative by one of them is a bilinear operation of the other two: these are the
three operations here, and each is the transpose of the others. The window is not turned round, as
is the custom in neural networks (in signal processing: a correlation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.family.structural_zeros import applied, counts, masked_input, positive, whole
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.ops.signal import patches
from adjoint.ops.signal.convolution import conjugate
from adjoint.ops.signal.patches import Geometry

X, W, Y = "x", "w", "y"


class ChannelProduct(Op):
    """Of the images x, the weights w and the results y two are given; made is the third's adjoint.

    The parameters are those of `Geometry`, with the sizes of x and of the window.
    """

    family = "bilinear"
    keeps_finite = bilinear = True
    param_names = Geometry._fields
    given: tuple[str, str]
    """Which two of the three the inputs stand for."""
    made: str
    """Which one the result stands for."""

    def flops(self, node: Node) -> int:
        x, y = (self.shape_of(node, role) for role in (X, Y))
        geometry = Geometry(*node.params)
        work = math.prod(y) * (x[1] // geometry.groups) * math.prod(geometry.window)
        return 2 * work // max(1, math.prod(node.shape))

    def shape_of(self, node: Node, role: str) -> Shape:
        """The shape of what stands for `role`."""
        return node.shape if role == self.made else node.inputs[self.given.index(role)].shape

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        a, b = map(Tensor, node.inputs)
        first = None if tangents[0] is None else make(self, (tangents[0], b), node.params)
        second = None if tangents[1] is None else make(self, (a, tangents[1]), node.params)
        if first is None or second is None:
            return first if second is None else second
        return first + second

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        shares: list[Tensor | None] = []
        for number in (0, 1):
            if wanted[number]:
                other = conjugate(masked_input(node, 1 - number, adjoint))
                op, inputs = self.transposed(number, adjoint, other)
                shares.append(make(op, inputs, node.params))
            else:
                shares.append(None)
        return shares

    def transposed(
        self, number: int, adjoint: Tensor, other: Tensor
    ) -> tuple[Op, tuple[Tensor, Tensor]]:
        """The operation, and its inputs, that sends `adjoint` back to an input, given the other."""
        held = {self.made: adjoint, self.given[1 - number]: other}
        op = MAKING[self.given[number]]
        first, second = op.given
        return op, (held[first], held[second])

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        inputs = [whole(mask if i == number else None, x.shape) for i, x in enumerate(node.inputs)]
        return positive(applied(self, [counts(x) for x in inputs], node.params))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        other = counts(whole(None, node.inputs[1 - number].shape))
        op, inputs = self.transposed(number, counts(whole(mask, node.shape)), other)
        return positive(applied(op, inputs, node.params))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        """Examples lie along the axis that the two which vary have in common, or are groups."""
        geometry = Geometry(*node.params)
        varying = {role for role, b in zip(self.given, batched, strict=True) if b} | {self.made}
        size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        axes = IN_COMMON.get(frozenset(varying)) if geometry.groups == 1 else None
        if varying == {X, Y}:
            axes = IN_COMMON[frozenset(varying)]
        if axes is None:
            axes = GROUPED
            geometry = geometry._replace(groups=size * geometry.groups)
            inputs = [
                x if b else broadcast_to(x, (size, *x.shape))
                for x, b in zip(inputs, batched, strict=True)
            ]
        whole = [
            merged(x, axes[role]) if role in axes else x
            for x, role in zip(inputs, self.given, strict=True)
        ]
        return split(make(self, whole, tuple(geometry)), size, axes[self.made])


IN_COMMON = {
    frozenset({X, Y}): {X: 0, Y: 0},
    frozenset({W, Y}): {W: 0, Y: 1},
    frozenset({X, W}): {X: 1, W: 1},
}
"""The axis of each of two that is the same: images, channels of the results and of the images."""
GROUPED = {X: 1, W: 0, Y: 1}
"""The axis of each that falls into groups."""


def merged(x: Tensor, axis: int) -> Tensor:
    """Examples of `x`, along its first axis, one behind the other along `axis` of each."""
    x = moveaxis(x, 0, axis)
    return reshape(x, (*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :]))


def split(x: Tensor, size: int, axis: int) -> Tensor:
    """The inverse of `merged`, for `size` examples."""
    shape = (*x.shape[:axis], size, x.shape[axis] // size, *x.shape[axis + 1 :])
    return moveaxis(reshape(x, shape), axis, 0)


class ChannelConvolution(ChannelProduct):
    """The results, from the images and the weights."""

    name = "channel_convolution"
    given, made = (X, W), Y

    def infer(self, x: Node, w: Node, *params: Any) -> tuple[Shape, DType]:
        return (x.shape[0], w.shape[0], *Geometry(*params).places), x.dtype

    def evaluate(self, x: Any, w: Any, *params: Any) -> Any:
        return patches.forward(x, w, Geometry(*params))


class ChannelConvolutionTranspose(ChannelProduct):
    """What stands for images, from what stands for results and the weights."""

    name = "channel_convolution_transpose"
    given, made = (Y, W), X

    def infer(self, y: Node, w: Node, *params: Any) -> tuple[Shape, DType]:
        geometry = Geometry(*params)
        return (y.shape[0], geometry.groups * w.shape[1], *geometry.sizes), y.dtype

    def evaluate(self, y: Any, w: Any, *params: Any) -> Any:
        return patches.input_adjoint(y, w, Geometry(*params))


class ChannelConvolutionWeights(ChannelProduct):
    """What stands for weights, from the images and what stands for results."""

    name = "channel_convolution_weights"
    given, made = (X, Y), W

    def infer(self, x: Node, y: Node, *params: Any) -> tuple[Shape, DType]:
        geometry = Geometry(*params)
        return (y.shape[1], x.shape[1] // geometry.groups, *geometry.window), x.dtype

    def evaluate(self, x: Any, y: Any, *params: Any) -> Any:
        return patches.weights_adjoint(x, y, Geometry(*params))


MAKING: dict[str, ChannelProduct] = {
    op.made: register(op)
    for op in (
        ChannelConvolution(),
        ChannelConvolutionTranspose(),
        ChannelConvolutionWeights(),
    )
}
"""The operation that makes each of the three."""


def convolved(x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
    """The results for images `x` and weights `w`, of one dtype and of shapes that fit."""
    return make(MAKING[Y], (x, w), tuple(geometry))


def convolved_back(y: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
    """The transpose of `convolved` by the images, applied to `y`."""
    return make(MAKING[X], (y, w), tuple(geometry))
