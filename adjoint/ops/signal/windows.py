"""What lies in a window that moves over the last axes; its transpose adds that up again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from itertools import product
from typing import Any

import numpy as np

from adjoint.graph.loop_form import ZERO, Index, Loops, both, choose
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.family.linear import Linear
from adjoint.ops.indexing.slicing import divided
from adjoint.ops.signal.patches import Geometry, add_patches, patches_of


def geometry_of(sizes: Shape, stride: Shape, dilation: Shape, window: Shape) -> Geometry:
    """Windows on an array of `sizes`, without padding."""
    return Geometry(stride, ((0, 0),) * len(sizes), dilation, 1, sizes, window)


class Windows(Linear):
    """(..., *sizes) as (..., *window, *places): for each place what the window holds there."""

    name = "windows"
    moves = True
    param_names = ("sizes", "stride", "dilation", "window")

    def infer(self, x: Node, *params: Any) -> tuple[Shape, DType]:
        geometry = geometry_of(*params)
        lead = x.shape[: len(x.shape) - len(geometry.sizes)]
        return (*lead, *geometry.window, *geometry.places), x.dtype

    def evaluate(self, x: Any, *params: Any) -> Any:
        return np.array(patches_of(x, geometry_of(*params)))

    native = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        sizes, stride, dilation, _ = node.params
        d = len(sizes)
        lead, offsets, places = index[: -2 * d], index[-2 * d : -d], index[-d:]
        where = [
            p * s + o * k for p, s, o, k in zip(places, stride, offsets, dilation, strict=True)
        ]
        return loops.read(node.inputs[0], (*lead, *where))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return make(_overlap_add, (adjoint,), node.params)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, node.params)


class OverlapAdd(Linear):
    """The transpose of `windows`: each element is the sum of what windows hold at its place."""

    name = "overlap_add"
    adds = True
    param_names = ("sizes", "stride", "dilation", "window")

    def infer(self, x: Node, *params: Any) -> tuple[Shape, DType]:
        sizes = params[0]
        return (*x.shape[: len(x.shape) - 2 * len(sizes)], *sizes), x.dtype

    def evaluate(self, x: Any, *params: Any) -> Any:
        geometry = geometry_of(*params)
        d = len(geometry.sizes)
        lead = x.shape[: x.ndim - 2 * d]
        flat = x.reshape(-1, *x.shape[x.ndim - 2 * d :])
        result = np.zeros((flat.shape[0], *geometry.sizes), x.dtype)
        add_patches(result, flat, geometry)
        return result.reshape(*lead, *geometry.sizes)

    native = True

    def lowers(self, node: Node) -> bool:
        """Natively a sum over the window for each element, which long windows would make slow."""
        return bool(math.prod(node.params[3]) <= LONGEST)

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        sizes, stride, dilation, window = node.params
        d = len(sizes)
        places = geometry_of(*node.params).places
        lead, inner = index[: len(index) - d], index[len(index) - d :]
        e, x = loops.e, node.inputs[0]
        zero = e.constant(0, node.dtype)
        terms = []
        for offset in product(*map(range, window)):
            inside: Any = True
            where = []
            for i, o, s, k, count in zip(inner, offset, stride, dilation, places, strict=True):
                place = i - o * k
                if s > 1 and count > 1:
                    met, place = divided(loops, place, s)
                    inside = both(loops, inside, met)
                inside = both(loops, inside, loops.inside(place, 0, count))
                where.append(loops.clamped(place, count))
            at = (*lead, *(ZERO + o for o in offset), *where)
            terms.append(choose(loops, inside, partial(loops.read, x, at), lambda: zero))
        return reduce(e.add, terms)

    def elements_read(self, node: Node, child: Node, count: int) -> int:
        return count * int(math.prod(node.params[3]))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        return make(_windows, (adjoint,), node.params)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, node.params)


LONGEST = 16
"""Elements of a window up to which overlaps are added in native loops."""

_windows, _overlap_add = map(register, (Windows(), OverlapAdd()))


def windows(x: Tensor, sizes: Shape, stride: Shape, dilation: Shape, window: Shape) -> Tensor:
    """What a window holds at each place along the last axes of `x`, of `sizes`."""
    return make(_windows, (x,), (sizes, stride, dilation, window))
