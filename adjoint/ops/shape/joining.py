"""Joining: `concat` along an axis, `stack` along a new one. Linear in all inputs together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph.loop_form import Index, Loops, choose
from adjoint.graph.node import Node
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import (
    DType,
    Shape,
    as_dtype,
    can_cast,
    default_dtype,
    normalize_axis,
    promote,
    size_of,
    weak_dtype,
)
from adjoint.ops.family.linear import Together
from adjoint.ops.indexing.slicing import along, batch_size, pick, zeros_of
from adjoint.ops.shape.movement import broadcast_to, reshape

__all__ = ["concat", "concatenate", "stack"]


MANY = 64
"""More inputs than this are joined by NumPy: a loop would have to choose between them."""


class Join(Together):
    """What `concat` and `stack` share: inputs of one dtype, joined along the axis `axis`."""

    param_names = ("axis",)
    native = True

    def lowers(self, node: Node) -> bool:
        return len(node.inputs) <= MANY

    def elements_read(self, node: Node, child: Node, count: int) -> int:
        """Of each input those that lie where it does."""
        return count * size_of(child.shape) // max(1, size_of(node.shape))

    def starts(self, node: Node) -> list[int]:
        """Where along the axis each input begins."""
        raise NotImplementedError

    def inner(self, node: Node, number: int, index: Index, loops: Loops) -> Index:
        """The index into input `number` that belongs to `index`."""
        raise NotImplementedError

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        starts = [*self.starts(node), node.shape[node.params[0]]]
        place = index[node.params[0]]
        loops.edges(place, starts[1:-1])

        def read(number: int, *others: int) -> Any:
            """The element, known to come from input `number` or one of the others."""

            def here() -> Any:
                return loops.read(node.inputs[number], self.inner(node, number, index, loops))

            if not others:
                return here()
            inside = loops.inside(place, 0, starts[number + 1])
            return choose(loops, inside, here, lambda: read(*others))

        filled = [n for n in range(len(node.inputs)) if starts[n] < starts[n + 1]]
        return read(*filled or [0])  # of an input without elements none can be read, nor looked at

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        known = [
            zeros_of(child) if tangent is None else tangent
            for child, tangent in zip(node.inputs, tangents, strict=True)
        ]
        return make(self, known, node.params)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        size = batch_size(inputs, batched)
        whole = [
            x if b else broadcast_to(x, (size, *x.node.shape))
            for x, b in zip(inputs, batched, strict=True)
        ]
        return make(self, whole, (node.params[0] + 1,))


class Concat(Join):
    name = "concat"

    def starts(self, node: Node) -> list[int]:
        sizes = [child.shape[node.params[0]] for child in node.inputs]
        return [0, *accumulate(sizes[:-1])]

    def inner(self, node: Node, number: int, index: Index, loops: Loops) -> Index:
        (axis,) = node.params
        start, size = self.starts(node)[number], node.inputs[number].shape[axis]
        return (*index[:axis], loops.clamped(index[axis] - start, size), *index[axis + 1 :])

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *nodes, axis = args
        first: Shape = nodes[0].shape
        before, after = first[:axis], first[axis + 1 :]
        total = 0
        for number, node in enumerate(nodes):
            shape = node.shape
            if shape != first and (
                len(shape) != len(first) or shape[:axis] != before or shape[axis + 1 :] != after
            ):
                raise ShapeError(
                    f"concat: tensor {number} has shape {shape}, tensor 0 has {first}; they must "
                    f"be equal except along axis {axis}"
                )
            total += shape[axis]
        return (*before, total, *after), nodes[0].dtype

    def evaluate(self, *args: Any) -> Any:
        return np.concatenate(args[:-1], axis=args[-1])

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        (axis,) = node.params
        shares: list[Tensor | None] = []
        start = 0
        for child, want in zip(node.inputs, wanted, strict=True):
            size = child.shape[axis]
            shares.append(along(adjoint, axis, start, 1, size) if want else None)
            start += size
        return shares


class Stack(Join):
    name = "stack"

    def starts(self, node: Node) -> list[int]:
        return list(range(len(node.inputs)))

    def inner(self, node: Node, number: int, index: Index, loops: Loops) -> Index:
        (axis,) = node.params
        return (*index[:axis], *index[axis + 1 :])

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *nodes, axis = args
        first: Shape = nodes[0].shape
        for number, node in enumerate(nodes):
            if node.shape != first:
                raise ShapeError(
                    f"stack: tensor {number} has shape {node.shape}, tensor 0 has {first}; they "
                    f"must be equal (to join along an axis that exists use concat)"
                )
        return (*first[:axis], len(nodes), *first[axis:]), nodes[0].dtype

    def evaluate(self, *args: Any) -> Any:
        *values, axis = args
        if not values[0].shape:
            return np.fromiter(values, values[0].dtype, len(values))
        return np.stack(values, axis)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        (axis,) = node.params
        return [pick(adjoint, axis, i) if want else None for i, want in enumerate(wanted)]


_concat, _stack = map(register, (Concat(), Stack()))


def joined(name: str, tensors: Any, dtype: Any = None, casting: str = "unsafe") -> list[Tensor]:
    """The tensors to be joined, in their common dtype; Python numbers adapt to the others."""
    if type(tensors) is Tensor:
        given: list[Any] = list(tensors)
    elif isinstance(tensors, np.ndarray) or not isinstance(tensors, Iterable):
        given = list(as_tensor(tensors))
    else:
        given = list(tensors)
    if not given:
        raise ArgumentError(f"{name}: got no tensors, needs at least one")
    wanted = _common_dtype(given) if dtype is None else as_dtype(dtype)
    if dtype is not None and casting != "unsafe":
        for x in given:
            if isinstance(x, (Tensor, np.ndarray)) and not can_cast(x.dtype, wanted, casting):
                raise DTypeError(
                    f"{name}: cannot cast {x.dtype} to {wanted} by the rule {casting!r}; convert "
                    f"with astype, or give casting='unsafe'"
                )
    return [
        x if type(x) is Tensor and x.node.dtype is wanted else as_tensor(x, wanted) for x in given
    ]


def _common_dtype(given: list[Any]) -> DType:
    """The common dtype; what is neither a tensor nor a Python number becomes a tensor in place."""
    strong: set[DType] = set()
    weak: set[type] = set()
    for number, x in enumerate(given):
        if type(x) in (float, int, bool, complex):
            weak.add(type(x))
            continue
        if type(x) is not Tensor:
            given[number] = x = as_tensor(x)
        strong.add(x.node.dtype)
    if not strong:
        return promote(*sorted(map(default_dtype, weak), key=str))
    dtype = promote(*sorted(strong, key=str)) if len(strong) > 1 else strong.pop()
    for scalar in weak:
        dtype = weak_dtype(scalar, dtype)
    return dtype


@public
def concat(
    tensors: Any, /, axis: int | None = 0, *, dtype: Any = None, casting: str = "same_kind"
) -> Tensor:
    """The tensors joined along an axis that they have; None flattens them first.

    tensors: a sequence of tensors, arrays or nested lists whose shapes are equal except along
    `axis`. The dtype is their common one unless given, to which all must cast by the rule
    `casting`. Raises `ShapeError` naming the tensor at fault, `ArgumentError` if there are none.

    >>> import adjoint as ad
    >>> ad.concat([ad.asarray([1.0, 2.0]), ad.asarray([3.0])])
    Tensor([1., 2., 3.])
    """
    given = joined("concat", tensors, dtype, casting)
    if axis is None:
        given = [reshape(x, (-1,)) for x in given]
        axis = 0
    if not given[0].node.shape:
        raise ShapeError("concat: 0-d tensors have no axis to concatenate along; use stack")
    return make(_concat, given, (normalize_axis("concat", axis, given[0].ndim),))


concatenate = concat


@public
def stack(
    tensors: Any, /, axis: int = 0, *, dtype: Any = None, casting: str = "same_kind"
) -> Tensor:
    """The tensors, all of one shape, joined along a new axis at position `axis` of the result.

    tensors: a sequence of tensors, arrays or numbers. The dtype is their common one unless given.
    Raises `ShapeError` naming the tensor at fault, `ArgumentError` if there are none.

    >>> import adjoint as ad
    >>> x = ad.asarray([1.0, 2.0])
    >>> ad.stack([x, 10 * x])
    Tensor([[ 1.,  2.],
            [10., 20.]])
    """
    given = joined("stack", tensors, dtype, casting)
    return make(_stack, given, (normalize_axis("stack", axis, given[0].ndim + 1),))
