"""Structural zeros: where an adjoint or a tangent is zero by construction, whatever it meets.

``where(c, f(x), 0)`` sends ``where(c, adjoint, 0)`` to f(x). Where c is false that is not a number
that happens to be 0 but nothing at all, and stays nothing in a product with an infinite derivative.
The *nonzero mask* of a tensor is a boolean tensor, which broadcasts to its shape, outside which it
is zero in this sense; None says that nothing is known to be.

The graph itself says it, at every order: each operation that keeps structural zeros, or makes them
(`where`, `unslice`, `scatter_add` …), states `Op.nonzero_mask`, and families derive it. Here the
rules are applied along the graph, each node once. Masks that depend on no data are computed at
once, so that those that cover everything are seen to be none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from adjoint.graph import calls
from adjoint.graph.leaf import constant_node, is_sure
from adjoint.graph.node import Node
from adjoint.graph.op import Op, find
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import BOOL, FLOAT64, DType, Shape

_found: WeakKeyDictionary[Node, Tensor | None] = WeakKeyDictionary()


@calls.bind
def nonzero_mask(x: Tensor) -> Tensor | None:
    """A boolean tensor outside which `x` is zero by construction; None if there is none."""
    top = x.node
    if not top.sparse:
        return None
    stack = [top]
    while stack:
        node = stack[-1]
        waiting = [child for child in node.inputs if child.sparse and child not in _found]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        if node not in _found:
            mask = _mask_of(node)
            _found[node] = None if mask is None or _covers(mask) else mask
    return _found[top]


def _mask_of(node: Node) -> Tensor | None:
    """The nonzero mask of a node, given those of its inputs."""
    if node.op.name == "constant":
        return NOWHERE
    masks = [_found[x] if x.sparse else _mask_of_plain(x) for x in node.inputs]
    return node.op.nonzero_mask(node, masks) if masks else None  # or it let go of its inputs


def _mask_of_plain(node: Node) -> Tensor | None:
    """The number 0, by which `where` says what is not there, is zero everywhere."""
    zero = node.shape == () and is_sure(node) and node.value == 0
    return NOWHERE if zero else None


def _covers(mask: Tensor) -> bool:
    """Whether a mask is known to hold everywhere."""
    return mask.node.op.name == "constant" and bool(np.all(mask.node.value))


# The algebra of masks. None stands for a mask that holds everywhere.


def known_mask(value: Any) -> Tensor:
    """A mask that depends on no data."""
    array = np.asarray(value, BOOL)
    return Tensor(constant_node(array, array.shape, BOOL))


NOWHERE, EVERYWHERE = known_mask(False), known_mask(True)


def both(a: Tensor, b: Tensor | None) -> Tensor:
    """Where both masks hold."""
    if b is None or a is b:
        return a
    return applied(find("logical_and"), (a, b))


def either(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """Where one of the masks holds."""
    if a is None or b is None:
        return None
    return a if a is b else applied(find("logical_or"), (a, b))


def applied(op: Op, inputs: Sequence[Tensor], params: tuple[Any, ...] = ()) -> Tensor:
    """`op` of tensors of which at least one is a mask; at once if it depends on no data."""
    if all(x.node.op.name == "constant" for x in inputs):
        value = np.asarray(op.evaluate(*(np.asarray(x.node.value) for x in inputs), *params))
        return Tensor(constant_node(value, value.shape, value.dtype))
    return make(op, inputs, params)


def whole(mask: Tensor | None, shape: Shape) -> Tensor:
    """A mask in the full shape of what it is about."""
    if mask is None:
        mask = EVERYWHERE
    return mask if mask.node.shape == shape else applied(find("broadcast_to"), (mask,), (shape,))


def over(mask: Tensor, shape: Shape, axes: tuple[int, ...]) -> Tensor:
    """Where a mask about a tensor of `shape` holds anywhere along `axes`, which stay, of size 1."""
    lead = len(shape) - len(mask.node.shape)
    own = tuple(a - lead for a in axes if a >= lead and mask.node.shape[a - lead] != 1)
    if not own:
        return mask
    kept = tuple(1 if a in own else size for a, size in enumerate(mask.node.shape))
    if _has_one_in_each_row(mask.node, own):
        return known_mask(np.ones(kept, BOOL))
    return reshaped(applied(find("any"), (mask,), (own,)), kept)


def _has_one_in_each_row(mask: Node, along: tuple[int, ...]) -> bool:
    """Whether a mask is of elements that were picked, one in each row along an axis.

    So are those of labels in the loss of a classifier, whatever the labels are.
    """
    if mask.op.name != "greater" or mask.inputs[0].op.name != "scatter_add":
        return False
    values, *indices = mask.inputs[0].inputs
    axes, _, shape = mask.inputs[0].params
    if values.op.name != "constant" or not np.size(values.value) or not np.all(values.value):
        return False
    if len(along) != 1 or axes != tuple(range(len(shape))):
        return False
    return all(
        axis in along or (index.op.name == "constant" and _counts(index, axis, shape))
        for axis, index in enumerate(indices)
    )


def _counts(index: Node, axis: int, shape: Shape) -> bool:
    """Whether a constant index tensor is 0, 1, 2 … along its own axis."""
    size = shape[axis]
    own = (1,) * axis + (size,) + (1,) * (len(shape) - axis - 1)
    return index.shape == own and np.array_equal(np.ravel(index.value), np.arange(size))


def onto(mask: Tensor, shape: Shape) -> Tensor:
    """Where a mask holds anywhere in what elements of `shape` are broadcast to."""
    given = mask.node.shape
    lead = max(len(given) - len(shape), 0)
    own = shape[len(shape) - len(given) + lead :]
    spread = [lead + a for a, size in enumerate(own) if size == 1]
    mask = over(mask, given, (*range(lead), *spread))
    return reshaped(mask, mask.node.shape[lead:])


def reshaped(mask: Tensor, shape: Shape) -> Tensor:
    """A mask with its elements in another shape."""
    return mask if mask.node.shape == shape else applied(find("reshape"), (mask,), (shape,))


def masked_input(node: Node, number: int, adjoint: Tensor) -> Tensor:
    """Input `number` of `node`, zero where it only reaches structural zeros of the adjoint.

    There it may be infinite, and rules that multiply with it would make nan of it.
    """
    mask = mask_to_keep(node, adjoint) if adjoint.node.sparse else None
    x = Tensor(node.inputs[number])
    return x if mask is None else keep_where(node.op.inputs_reaching(node, number, mask), x)


def counts(mask: Tensor) -> Tensor:
    """1 where a mask holds, else 0."""
    return applied(find("astype"), (mask,), (FLOAT64,))


def positive(x: Tensor) -> Tensor:
    """The mask of what was counted."""
    return applied(find("greater"), (x, Tensor(constant_node(np.zeros(()), (), FLOAT64))))


def keep_where(mask: Tensor, x: Tensor) -> Tensor:
    """`x` where `mask` holds, zero elsewhere, whatever `x` is there (nan and inf included)."""
    return calls.where(mask, x, zero(x.node.dtype))


def zero(dtype: DType) -> Tensor:
    """The constant 0 of `dtype`, which stands for what is not there."""
    found = number(0, dtype)
    found.node.sparse = True
    return found


def number(value: float, dtype: DType) -> Tensor:
    """A constant of `dtype`, always the same node."""
    return Tensor(_number_node(value, dtype))


@cache
def _number_node(value: float, dtype: DType) -> Node:
    return constant_node(np.full((), value, dtype), (), dtype)


# How the rules of operations that mix elements are kept from 0 times infinity.

_LOOK = 6
"""How far from an operation to look for a comparison of its result, to save what is not needed."""


def mask_to_keep(node: Node, adjoint: Tensor) -> Tensor | None:
    """The nonzero mask of the adjoint of `node`; None also if nothing infinite can stand beside it.

    A result that lost in a comparison, as below 0 in max(y, 0), is a number. Where it was made of
    finite numbers by operations that keep them finite there is nothing to be kept out, and a layer
    of a network need not pay for it.
    """
    mask = nonzero_mask(adjoint)
    if mask is None or node.may_be_infinite or not _spares_losers_alone(mask.node, node):
        return mask
    return None if all(map(_is_finite, node.inputs)) else mask


def _is_finite(node: Node) -> bool:
    """Whether a tensor is finite, as far as it is a leaf and known."""
    while node.op.family == "leaf" and node.inputs and node.value is None:
        node = node.inputs[0]
    known = is_sure(node) or (node.op.family == "leaf" and node.value is not None)
    return not known or bool(np.isfinite(node.value).all())


_COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal"})
_IN_PLACE = frozenset({"reshape", "broadcast_to"})


def _spares_losers_alone(mask: Node, node: Node) -> bool:
    """Whether `mask` is false only where a result made of that of `node` lost in comparisons."""
    match mask.op.name, mask.inputs:
        case name, (x,) if name in _IN_PLACE:
            return _spares_losers_alone(x, node)
        case "logical_not", (x,):
            return _holds_for_losers_alone(x, node)
        case "logical_and", (x, y):
            return _spares_losers_alone(x, node) and _spares_losers_alone(y, node)
        case "where", (_, x, y):  # as nan is passed on by max(y, 0), whatever arrives there
            return _spares_losers_alone(x, node) and _spares_losers_alone(y, node)
        case "constant", _:
            return bool(np.all(mask.value))
    return False  # a comparison is false of nan as well


def _holds_for_losers_alone(mask: Node, node: Node) -> bool:
    """Whether `mask` is true only where a result made of that of `node` lost in comparisons."""
    match mask.op.name, mask.inputs:
        case name, (x,) if name in _IN_PLACE:
            return _holds_for_losers_alone(x, node)
        case "logical_or", (x, y):
            return _holds_for_losers_alone(x, node) and _holds_for_losers_alone(y, node)
        case name, _ if name in _COMPARISONS:
            return _is_made_of(mask, node, _LOOK)
    return False


def _is_made_of(y: Node, node: Node, look: int) -> bool:
    """Whether elements of `y` are those of `node`, or sums of them and others, or lost before."""
    if y is node:
        return True
    if not look or not (y.op.pointwise or y.op.family == "linear"):
        return False
    if y.op.name != "where":
        return any(_is_made_of(x, node, look - 1) for x in y.inputs)
    if len(y.inputs) != 3:
        return False
    chosen, first, second = y.inputs
    return (_is_made_of(first, node, look - 1) and _spares_losers_alone(chosen, node)) or (
        _is_made_of(second, node, look - 1) and _holds_for_losers_alone(chosen, node)
    )


@calls.bind
def confined(
    node: Node, adjoint: Tensor, shares: Sequence[Tensor | None]
) -> Sequence[Tensor | None]:
    """`shares`, zero where an input of `node` reaches no element that `adjoint` has any part in."""
    mask = mask_to_keep(node, adjoint)
    if mask is None:
        return shares
    return [
        None if share is None else keep_where(node.op.inputs_reaching(node, i, mask), share)
        for i, share in enumerate(shares)
    ]


@calls.bind
def confined_tangent(node: Node, tangents: Sequence[Tensor | None], result: Tensor) -> Tensor:
    """`result`, zero in elements of `node` that no part of a tangent reaches."""
    mask: Tensor | None = NOWHERE
    for i, tangent in enumerate(tangents):
        if tangent is not None:
            known = nonzero_mask(tangent)
            mask = either(mask, None if known is None else node.op.outputs_reached(node, i, known))
    return result if mask is None else keep_where(mask, result)
