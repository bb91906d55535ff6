"""Slices with a fixed start, step and size along each axis: taken out, put in, put into zeros.

One operation of the three is another's transpose. Axes of size one may come and go on the way, so
that integers and None in an index need no operation of their own. Linear, and no arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.loop_form import ZERO, Affine, Index, Loops, both, choose
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import BOOL, DType, Shape, size_of
from adjoint.ops.family.linear import Linear, Together
from adjoint.ops.family.structural_zeros import known_mask, zero
from adjoint.ops.shape.movement import broadcast_to, reshape

Ints: TypeAlias = tuple[int, ...]

_SMALL = 16
"""Slices up to this size are copied, so that they do not keep a large array alive."""


@lru_cache(maxsize=4096)
def selectors(starts: Ints, steps: Ints, sizes: Ints) -> tuple[slice, ...]:
    """The NumPy index of the slices."""
    found = []
    for start, step, size in zip(starts, steps, sizes, strict=True):
        stop = start + step * size
        found.append(slice(start, None if stop < 0 else stop, step) if size else slice(0, 0))
    return tuple(found)


def in_slices(loops: Loops, index: Index, params: Sequence[Any]) -> tuple[Any, Index]:
    """Whether `index` lies in the slices, and its place among what they hold."""
    inside: Any = True
    where = []
    for i, start, step, size in zip(index, *params[:3], strict=True):
        if abs(step) != 1 and size > 1:
            met, i = divided(loops, i - start, step)
            inside = both(loops, inside, met)
        else:
            i = (i - start) * (step if size > 1 else 1)
        inside = both(loops, inside, loops.inside(i, 0, size))
        where.append(loops.clamped(i, size) if inside is not True else i)
    return inside, tuple(where)


def divided(loops: Loops, i: Affine, step: int) -> tuple[Any, Affine]:
    """Whether `step` divides the index, and the quotient."""
    e, number = loops.e, loops.scalar(i)
    quotient = e.divide(number, step)
    return e.equal(e.multiply(quotient, step), number), loops.counter(quotient)


class Slice(Linear):
    """Along each axis `sizes` elements from `starts` on by `steps`; the result has `shape`."""

    name = "slice"
    moves = True
    param_names = ("starts", "steps", "sizes", "shape")

    def infer(
        self, x: Node, starts: Ints, steps: Ints, sizes: Ints, shape: Shape
    ) -> tuple[Shape, DType]:
        return shape, x.dtype

    def evaluate(self, x: Any, starts: Ints, steps: Ints, sizes: Ints, shape: Shape) -> Any:
        part = np.asarray(x)[selectors(starts, steps, sizes)]
        if part.size <= _SMALL:
            part = part.copy()
        return part if part.shape == shape else part.reshape(shape)

    native = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        starts, steps, sizes, shape = node.params
        counters = iter([i for i, size in zip(index, shape, strict=True) if size != 1])
        where = [
            ZERO + start if size == 1 else next(counters) * step + start
            for start, step, size in zip(starts, steps, sizes, strict=True)
        ]
        return loops.read(node.inputs[0], tuple(where))

    def part_offset(self, node: Node) -> int | None:
        starts, steps, sizes, _ = node.params
        offset, single = 0, True
        for size, start, step, count in zip(
            node.inputs[0].shape, starts, steps, sizes, strict=True
        ):
            if count != size and not single:
                return None  # a part of an axis behind one with several elements leaves gaps
            if count > 1 and step != 1:
                return None
            single = single and count == 1
            offset = offset * size + start
        return offset

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        starts, steps, sizes, _ = node.params
        return make(_unslice, (adjoint,), (starts, steps, sizes, node.inputs[0].shape))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, _batched(inputs[0].shape[0], node.params))


class Unslice(Linear):
    """Zeros of `shape` with the input in the place of the slices; the transpose of `slice`."""

    name = "unslice"
    moves = makes_zeros = True
    param_names = ("starts", "steps", "sizes", "shape")

    def infer(
        self, x: Node, starts: Ints, steps: Ints, sizes: Ints, shape: Shape
    ) -> tuple[Shape, DType]:
        return shape, x.dtype

    def evaluate(self, x: Any, starts: Ints, steps: Ints, sizes: Ints, shape: Shape) -> Any:
        x = np.asarray(x)
        result = np.zeros(shape, x.dtype)
        result[selectors(starts, steps, sizes)] = x.reshape(sizes)
        return result

    native = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        x = node.inputs[0]
        inside, where = in_slices(loops, index, node.params)
        kept = iter([i for i, size in zip(where, node.params[2], strict=True) if size != 1])
        inner = tuple([ZERO if size == 1 else next(kept) for size in x.shape])
        zero = loops.e.constant(0, node.dtype)
        return choose(loops, inside, lambda: loops.read(x, inner), lambda: zero)

    def elements_read(self, node: Node, child: Node, count: int) -> int:
        return read_in_place(node, child, count)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        starts, steps, sizes, _ = node.params
        return make(_slice, (adjoint,), (starts, steps, sizes, node.inputs[0].shape))

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        if masks[0] is not None:
            return super().nonzero_mask(node, masks)
        starts, steps, sizes, shape = node.params
        partly = [size < full for size, full in zip(sizes, shape, strict=True)]
        mask = np.zeros([full if p else 1 for p, full in zip(partly, shape, strict=True)], BOOL)
        places = zip(selectors(starts, steps, sizes), partly, strict=True)
        mask[tuple([place if p else slice(None) for place, p in places])] = True
        return known_mask(mask)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, _batched(inputs[0].shape[0], node.params))


class SetSlice(Together):
    """The first input with the second in the place of the slices; linear in the two together."""

    name = "set_slice"
    joins = 2
    param_names = ("starts", "steps", "sizes")

    def infer(
        self, x: Node, value: Node, starts: Ints, steps: Ints, sizes: Ints
    ) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, value: Any, starts: Ints, steps: Ints, sizes: Ints) -> Any:
        result = np.array(x)
        result[selectors(starts, steps, sizes)] = np.reshape(value, sizes)
        return result

    native = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        x, value = node.inputs
        inside, where = in_slices(loops, index, node.params)
        kept = iter([i for i, size in zip(where, node.params[2], strict=True) if size != 1])
        inner = tuple([ZERO if size == 1 else next(kept) for size in value.shape])
        return choose(loops, inside, lambda: loops.read(value, inner), lambda: loops.read(x, index))

    def elements_read(self, node: Node, child: Node, count: int) -> int:
        return count if child is node.inputs[0] else read_in_place(node, child, count)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        x, value = tangents
        if x is None and value is None:
            return None
        if x is None and value is not None:
            return make(_unslice, (value,), (*node.params, node.shape))
        x = zeros_of(node) if x is None else x
        value = zeros_of(node.inputs[1]) if value is None else value
        return make(self, (x, value), node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        value = node.inputs[1]
        return (
            make(self, (adjoint, zeros_of(value)), node.params) if wanted[0] else None,
            make(_slice, (adjoint,), (*node.params, value.shape)) if wanted[1] else None,
        )

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        size = batch_size(inputs, batched)
        whole = [
            x if b else broadcast_to(x, (size, *x.shape))
            for x, b in zip(inputs, batched, strict=True)
        ]
        return make(self, whole, _batched(size, (*node.params, ()))[:3])


_slice, _unslice, _set_slice = map(register, (Slice(), Unslice(), SetSlice()))


def _batched(size: int, params: tuple[Any, ...]) -> tuple[Any, ...]:
    """Parameters for the same slices of `size` examples."""
    starts, steps, sizes, shape = params
    return (0, *starts), (1, *steps), (size, *sizes), (size, *shape)


def read_in_place(node: Node, child: Node, count: int) -> int:
    """How many elements of `child`, put into a larger tensor, are read for `count` of that: those
    that lie there. With steps the loop is not cut where the slice ends, but asks at each element.
    """
    if any(abs(step) != 1 for step in node.params[1]):
        return count
    return count * size_of(child.shape) // max(1, size_of(node.shape))


def batch_size(inputs: Sequence[Tensor], batched: Sequence[bool]) -> int:
    """How many examples there are."""
    return next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)


def zeros_of(node: Node) -> Tensor:
    """Zeros in the shape and dtype of `node`, one number in memory."""
    return broadcast_to(zero(node.dtype), node.shape)


def slice_of(x: Tensor, starts: Ints, steps: Ints, sizes: Ints, shape: Shape) -> Tensor:
    """The slices of `x` in `shape`, which may differ from `sizes` by axes of size one."""
    if sizes == x.node.shape and all(step == 1 for step in steps):
        return reshape(x, shape)
    return make(_slice, (x,), (starts, steps, sizes, shape))


def along(x: Tensor, axis: int, start: int, step: int, size: int) -> Tensor:
    """The slice of `x` along one axis, the others whole."""
    shape = x.node.shape
    sizes = (*shape[:axis], size, *shape[axis + 1 :])
    starts = (0,) * axis + (start,) + (0,) * (len(shape) - axis - 1)
    steps = (1,) * axis + (step,) + (1,) * (len(shape) - axis - 1)
    return slice_of(x, starts, steps, sizes, sizes)


def pick(x: Tensor, axis: int, index: int) -> Tensor:
    """``x`` at `index` along `axis`, which is dropped; both counted from the front."""
    shape = x.node.shape
    sizes = (*shape[:axis], 1, *shape[axis + 1 :])
    starts = (0,) * axis + (index,) + (0,) * (len(shape) - axis - 1)
    return make(_slice, (x,), (starts, (1,) * len(shape), sizes, shape[:axis] + shape[axis + 1 :]))


def put_slice(x: Tensor, value: Tensor, starts: Ints, steps: Ints, sizes: Ints) -> Tensor:
    """`x` with `value`, which has as many elements, in the place of the slices."""
    if sizes == x.node.shape and all(step == 1 for step in steps):
        return reshape(value, sizes)
    return make(_set_slice, (x, value), (starts, steps, sizes))


def put_into_zeros(value: Tensor, starts: Ints, steps: Ints, sizes: Ints, shape: Shape) -> Tensor:
    """Zeros of `shape` with `value`, which has as many elements, in the place of the slices."""
    if sizes == shape and all(step == 1 for step in steps):
        return reshape(value, shape)
    return make(_unslice, (value,), (starts, steps, sizes, shape))
