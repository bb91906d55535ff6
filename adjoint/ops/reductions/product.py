"""Products, of all elements and cumulative ones, whose derivatives never divide.

The derivative of a product by one factor is the product of the others. That of the elements up to
i times that of the elements after i gives all n of them in O(n), right with any number of zeros.

A cumulative product without its last factor, yᵢ₊₁ = xᵢ yᵢ with y₀ = 1, has the tangent
ẏᵢ₊₁ = xᵢ ẏᵢ + ẋᵢ yᵢ: a *recurrence* tᵢ₊₁ = aᵢ tᵢ + bᵢ with t₀ = 0. That one is closed under
differentiation. Its tangent is a recurrence with the same a and b = ȧᵢ tᵢ + ḃᵢ. Going back,
λᵢ = t̄ᵢ + aᵢ λᵢ₊₁ is what depends on tᵢ, and b̄ᵢ = λᵢ₊₁, āᵢ = λᵢ₊₁ tᵢ. So μᵢ = λᵢ₊₁ obeys
μᵢ₋₁ = aᵢ μᵢ + t̄ᵢ with μₙ₋₁ = 0: the recurrence of a and t̄ from the other end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.loop_form import Index, Loops, choose, scanned
from adjoint.graph.node import Node
from adjoint.graph.op import Op, find, public_storage, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.family.structural_zeros import (
    EVERYWHERE,
    applied,
    counts,
    keep_where,
    known_mask,
    masked_input,
    positive,
    whole,
)
from adjoint.ops.reductions.reduction import (
    Reduction,
    axes_of,
    chosen,
    conjugate,
    kept,
    lanes_last,
    line,
    sum,
    to_accumulate,
)
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape

__all__ = ["prod", "cumprod"]

_MANY_LANES = 16
"""From how many recurrences side by side NumPy steps are cheaper than Python numbers."""


class Recurrence(Op):
    """tᵢ₊₁ = aᵢ tᵢ + bᵢ along an axis, from t₀ = 0; with `reverse` tᵢ₋₁ = aᵢ tᵢ + bᵢ."""

    name = "recurrence"
    family = "cumulative"
    param_names = ("axis", "reverse")
    native = scans = makes_zeros = True

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        """What comes of the terms that count, so never the first state."""
        term = EVERYWHERE if masks[1] is None else masks[1]
        return later(term, node.shape, *node.params)

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        a, b = node.inputs
        e, (axis, reverse) = loops.e, node.params
        start = node.shape[axis] - 1 if reverse else 0

        def step(state: Any, before: Index) -> Any:
            """From t₀ = 0, which is nothing even beside an infinite factor, comes b₀."""
            term = loops.read(b, before)
            return choose(
                loops,
                loops.inside(before[axis], start, start + 1),
                lambda: term,
                lambda: e.add(e.multiply(loops.read(a, before), state), term),
            )

        return scanned(node, index, loops, lambda: e.constant(0, node.dtype), step)

    def infer(self, a: Node, b: Node, axis: int, reverse: bool) -> tuple[Shape, DType]:
        if a.shape != b.shape:
            raise ShapeError(
                f"recurrence: the factors have shape {a.shape}, the terms {b.shape}; "
                f"they must be equal"
            )
        return b.shape, b.dtype

    def evaluate(self, a: Any, b: Any, axis: int, reverse: bool) -> Any:
        result = np.zeros_like(b, order="C")
        views = [np.moveaxis(v, axis, 0) for v in (a, b, result)]
        a, b, t = (v[::-1] for v in views) if reverse else views
        if len(b) < 2 or not b.size:
            return result
        t[1] = b[0]
        if b[0].size >= _MANY_LANES:
            for i in range(1, len(b) - 1):
                np.add(a[i] * t[i], b[i], out=t[i + 1])
            return result
        for lane in np.ndindex(b.shape[1:]):
            here = (slice(1, -1), *lane)
            pairs = zip(a[here].tolist(), b[here].tolist(), strict=True)
            t[(slice(1, None), *lane)] = list(accumulate(pairs, _step, initial=b[(0, *lane)]))
        return result

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_factor, term = tangents
        if by_factor is not None:
            moved = keep_where(self.counting(node), by_factor * Tensor(node))
            term = moved if term is None else term + moved
        return None if term is None else make(self, (Tensor(node.inputs[0]), term), node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        axis, reverse = node.params
        back = recurrence(conjugate(masked_input(node, 0, adjoint)), adjoint, axis, not reverse)
        by_factor = None
        if wanted[0]:
            by_factor = keep_where(self.counting(node), back * conjugate(Tensor(node)))
        return by_factor, back if wanted[1] else None

    def counting(self, node: Node) -> Tensor:
        """Which factors count: not the first, which would multiply t₀ = 0, and not the last."""
        size = node.shape[node.params[0]]
        places = np.arange(size).reshape(-1, *(1,) * (len(node.shape) - node.params[0] - 1))
        return known_mask((places > 0) & (places < size - 1))

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return later(mask, node.shape, *node.params)

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        axis, reverse = node.params
        return later(mask, node.shape, axis, not reverse)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        a, b = (broadcast_to(x, (size, *node.shape)) for x in inputs)
        return recurrence(a, b, node.params[0] + 1, node.params[1])


def _step(t: Any, pair: tuple[Any, Any]) -> Any:
    return pair[0] * t + pair[1]


class CumulativeProduct(Op):
    """The products of the elements up to each; `exclusive` leaves the element itself out."""

    name = "cumprod"
    family = "cumulative"
    param_names = ("axis", "reverse", "exclusive")
    native = scans = True

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        x, e = node.inputs[0], loops.e
        exclusive = node.params[2]

        def first() -> Any:
            return e.constant(1, node.dtype) if exclusive else loops.read(x, index)

        def step(product: Any, before: Index) -> Any:
            return e.multiply(product, loops.read(x, before if exclusive else index))

        return scanned(node, index, loops, first, step)

    def infer(self, x: Node, axis: int, reverse: bool, exclusive: bool) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, axis: int, reverse: bool, exclusive: bool) -> Any:
        result = np.ones_like(x, order="C")
        x, y = (np.moveaxis(v, axis, 0) for v in (x, result))
        if reverse:
            x, y = x[::-1], y[::-1]
        if exclusive:
            x, y = x[:-1], y[1:]
        np.cumprod(x, axis=0, dtype=x.dtype, out=y)
        return result

    def before(self, node: Node) -> Tensor:
        """The products of the elements before each."""
        axis, reverse, exclusive = node.params
        return Tensor(node) if exclusive else others_before(Tensor(node.inputs[0]), axis, reverse)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        axis, reverse, exclusive = node.params
        x = Tensor(node.inputs[0])
        moved = tangents[0] * self.before(node)
        tangent = recurrence(x, moved, axis, reverse)
        return tangent if exclusive else moved + x * tangent

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        axis, reverse, exclusive = node.params
        x, before = conjugate(masked_input(node, 0, adjoint)), conjugate(self.before(node))
        if exclusive:
            return (recurrence(x, adjoint, axis, not reverse) * before,)
        return ((adjoint + recurrence(x, adjoint * x, axis, not reverse)) * before,)

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return later(mask, node.shape, *node.params)

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        axis, reverse, exclusive = node.params
        return later(mask, node.shape, axis, not reverse, exclusive)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, *flags = node.params
        return make(self, inputs, (axis + 1, *flags))


class Product(Reduction):
    name = "prod"
    combine = "multiply"

    def start(self, dtype: DType) -> Any:
        return 1

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        return np.prod(x, axis=axes, dtype=x.dtype)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        (axes,) = node.params
        return sum(tangents[0] * product_of_others(Tensor(node.inputs[0]), axes), axes)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        (axes,) = node.params
        x = Tensor(node.inputs[0])
        lanes = reshape(adjoint, kept(x.shape, axes))
        return (lanes * conjugate(product_of_others(x, axes)),)


_recurrence, _cumprod, _prod = map(register, (Recurrence(), CumulativeProduct(), Product()))


def recurrence(a: Tensor, b: Tensor, axis: int, reverse: bool) -> Tensor:
    """The states tᵢ of tᵢ₊₁ = aᵢ tᵢ + bᵢ along `axis`, t₀ = 0, or the same from the other end."""
    return make(_recurrence, (a, b), (axis, reverse))


def later(mask: Tensor, shape: Shape, axis: int, reverse: bool, exclusive: bool = True) -> Tensor:
    """Where a mask holds before an element along `axis`, or with `reverse` after it.

    Unless `exclusive`, its own place counts too.
    """
    ones = counts(whole(mask, shape))
    total = applied(find("cumsum"), (ones,), (axis, reverse))
    return positive(applied(find("subtract"), (total, ones)) if exclusive else total)


def others_before(x: Tensor, axis: int, reverse: bool) -> Tensor:
    """For each element the product of those before it along `axis`, or with `reverse` after it."""
    return make(_cumprod, (x,), (axis, reverse, True))


def product_of_others(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """For each element the product of all others along `axes`."""
    if len(axes) == 1:
        return others_before(x, axes[0], False) * others_before(x, axes[0], True)
    flat, order = lanes_last(x, axes)
    result = product_of_others(flat, (flat.ndim - 1,))
    moved = reshape(result, tuple([x.shape[a] for a in order]))
    return permute_dims(moved, tuple([int(a) for a in np.argsort(order)]))


@public_storage
def prod(
    x: Any,
    /,
    axis: Any = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    """The product over `axis` (an integer, several, or None for all), as in NumPy.

    Booleans and integers are multiplied as 64-bit integers, unless `dtype` says otherwise. The
    product over an empty axis is 1. initial: a number to start from. where: a mask of the elements
    that count. Its derivatives are exact also where factors are 0. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.grad(ad.prod)(ad.asarray([0.0, 2.0, 3.0]))
    Tensor([6., 0., 0.])
    """
    if where is not None:
        x = chosen(x, where, 1)
    if initial is not None:
        if has_stored(x, dtype):
            options = {"keepdims": keepdims, "initial": initial}
            return in_float32(prod, (x, axis, dtype), options)
        found = prod(x, axis, dtype=dtype, keepdims=keepdims)
        return found * as_tensor(initial, found.dtype)
    given, x = x, to_accumulate(x, dtype)
    if x is not given and has_stored(given, dtype):
        return in_float32(prod, (given, axis, dtype), {"keepdims": keepdims})
    axes = axes_of("prod", axis, len(x.node.shape))
    result = make(_prod, (x,), (axes,)) if axes else Tensor(x.node)
    return reshape(result, kept(x.node.shape, axes)) if keepdims else result


@public_storage
def cumprod(x: Any, /, axis: Any = None, dtype: Any = None) -> Tensor:
    """The products of the elements up to each along `axis`; without one, of the flattened tensor.

    Booleans and integers are multiplied as 64-bit integers, unless `dtype` says otherwise. Its
    derivatives are exact also where factors are 0. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.cumprod(ad.asarray([2.0, 3.0, 4.0]))
    Tensor([ 2.,  6., 24.])
    """
    given, x = x, to_accumulate(x, dtype)
    if x is not given and has_stored(given, dtype):
        return in_float32(cumprod, (given, axis, dtype), {})
    x, place = line("cumprod", x, axis)
    return make(_cumprod, (x,), (place, False, False))
