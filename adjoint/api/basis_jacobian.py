"""A derivative along all unit directions at once, of which few reach any one element.

The derivative of an elementwise function is diagonal: of all the unit directions, only one reaches
an element. Such a batched tensor is kept here as its values, and the number of the direction that
each belongs to. What moves or scales it works on the values, as for a single direction, and the
zeros are made in the end. They are zeros by construction, whatever stands beside them: never 0·∞.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, size_of
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape
from adjoint.transforms.batch import batched_node
from adjoint.transforms.paths import within

Array: TypeAlias = "np.ndarray[Any, Any]"

_LARGE = 128
_PARTS, _SMALL_PARTS = 16, 4
"""From more parts than this on, of large tensors and of others, zeros cost less than the graph."""
_CHOICES = 2
"""From more parts than this on zeros with values put in cost less than choices at each place."""
_SPARSE = 4
"""How many zeros for each other element it takes to write these one by one."""


class Part(NamedTuple):
    """Values for one direction, and which it is at each; none where the number is negative."""

    values: Tensor
    owners: Array


Parts: TypeAlias = list[Part]
Rule: TypeAlias = "Callable[[Node, list[Parts | None], int], Parts | Tensor | None]"


class Units:
    """What the nodes below `outputs` become if `direction` is each unit direction in turn."""

    def __init__(self, outputs: Sequence[Node], direction: Node) -> None:
        self.size = size_of(direction.shape)
        owners = np.arange(self.size).reshape(direction.shape)
        self.found: dict[Node, Parts | Tensor] = {direction: [Part(_ones(direction), owners)]}
        for node in topological_order(outputs, within(direction.scope)):
            if node not in self.found and not self.found.keys().isdisjoint(node.inputs):
                self.found[node] = self.of(node)

    def of(self, node: Node) -> Parts | Tensor:
        """A node whose inputs are known: by a rule for parts, else with all zeros in place."""
        given = [self.found.get(child) for child in node.inputs]
        if self.size == 1:
            return [_alone(node, given)]  # type: ignore[arg-type]  # there are no others
        rule = RULES.get(node.op.name)
        if rule is not None and not any(isinstance(g, Tensor) for g in given):
            result = rule(node, given, self.size)  # type: ignore[arg-type]  # just asked
            if isinstance(result, Tensor):
                return result
            if result is not None and len(result) <= _most_parts(node, self.size):
                return result
        inputs = [self.on_the_way(c) if c in self.found else Tensor(c) for c in node.inputs]
        return batched_node(node, inputs, [g is not None for g in given])

    def on_the_way(self, node: Node) -> Tensor:
        """A node found, with the axis of directions in front, for others to work on."""
        found = self.found[node]
        if isinstance(found, list) and len(found) <= _CHOICES:
            return _chosen_by_owner(found, self.size, False)
        return self.whole(node)

    def whole(self, node: Node, last: bool = False) -> Tensor:
        """A node found, with the axis of directions in front, or `last`, as a result."""
        found = self.found[node]
        if isinstance(found, list):
            count = sum(int(np.count_nonzero(p.owners >= 0)) for p in found)
            sparse = 0 < count * _SPARSE <= self.size * size_of(node.shape)
            return (_placed if sparse else _chosen_by_owner)(found, self.size, last)
        if not last:
            return found
        return permute_dims(found, (*range(1, found.ndim), 0))


def _most_parts(node: Node, size: int) -> int:
    """How many parts of a node are still less to do than all its zeros."""
    return min(_PARTS if size_of(node.shape) >= _LARGE else _SMALL_PARTS, size - 1)


# From parts to the whole.


def _chosen_by_owner(parts: Parts, size: int, last: bool) -> Tensor:
    """At each place the value if the direction is its owner, else zero: this fuses with others."""
    shape = parts[0].values.shape
    if size == 1:
        return _reshape(parts[0].values, (*shape, 1) if last else (1, *shape))
    kind = np.int32 if size <= np.iinfo(np.int32).max else np.int64
    numbers = np.arange(size, dtype=kind)
    if last:
        parts = [Part(_reshape(p.values, (*shape, 1)), p.owners[..., None]) for p in parts]
    else:
        numbers = numbers.reshape(-1, *(1,) * len(shape))
    terms = []
    for values, owners in parts:
        mask = equal(from_array(numbers), from_array(owners.astype(kind)))
        terms.append(_where(mask, values, _zeros((), values.node.dtype)))
    return _sum(terms)


def _placed(parts: Parts, size: int, last: bool) -> Tensor:
    """Zeros to which the values are added one by one."""
    shape = parts[0].values.shape
    many = size_of(shape)
    values, places = [], []
    for part in parts:
        owners = part.owners.ravel()
        kept = np.flatnonzero(owners >= 0)
        if kept.size:
            values.append(_taken(_reshape(part.values, (many,)), kept))
            places.append(kept * size + owners[kept] if last else owners[kept] * many + kept)
    joined = values[0] if len(values) == 1 else concat(values)
    flat = _scattered(joined, np.concatenate(places), (size * many,))
    return _reshape(flat, (*shape, size) if last else (size, *shape))


def _taken(x: Tensor, kept: Array) -> Tensor:
    """The rows of `x` with the numbers `kept`, which ascend."""
    count = x.shape[0]
    if kept.size == count:
        return x
    if kept[-1] - kept[0] == kept.size - 1:
        return x[int(kept[0]) : int(kept[-1]) + 1]
    return make(find("gather"), (x, from_array(kept)), ((0,), 0))


def _scattered(rows: Tensor, places: Array, shape: Shape) -> Tensor:
    """Zeros of `shape`, to whose rows with the numbers `places` the `rows` are added."""
    return make(find("scatter_add"), (rows, from_array(places)), ((0,), 0, shape))


def _summed(values: Tensor, owners: Array, axes: Sequence[int], size: int) -> Tensor | None:
    """The sum over axes, each element of them belonging to a direction of its own; else None."""
    rest = tuple(a for a in range(values.ndim) if a not in axes)
    shape = tuple(values.shape[a] for a in rest)
    count = size_of(values.shape) // max(1, size_of(shape))
    table = np.transpose(owners, (*axes, *rest)).reshape(count, -1)
    if not table.size or (table != table[:, :1]).any():
        return None
    own = table[:, 0]
    rows = permute_dims(values, (*axes, *rest))
    rows = _taken(_reshape(rows, (count, *shape)), np.flatnonzero(own >= 0))
    own = own[own >= 0]
    if np.array_equal(own, np.arange(size)):
        return rows
    return _scattered(rows, own, (size, *shape)) if own.size else None


# Rules: what an operation makes of the parts of its inputs; None if it needs the zeros.


def _alone(node: Node, given: list[Parts | None]) -> Part:
    """Any operation where there is one direction only."""
    values = [p[0].values if p else Tensor(c) for c, p in zip(node.inputs, given, strict=True)]
    return Part(make(node.op, values, node.params), np.broadcast_to(np.int64(0), node.shape))


def _moved(node: Node, given: list[Parts | None], size: int) -> Parts | None:
    """An operation that moves elements and adds none: it moves the owners alike."""
    moves = [n for n, parts in enumerate(given) if parts is not None]
    fixed = [n for n in range(_moving(node)) if n not in moves]
    others = node.inputs[_moving(node) :]
    if not all(_is_zero(node.inputs[n]) for n in fixed) or any(o.value is None for o in others):
        return None
    if node.op.name == "scatter_add" and not _is_injective(node):
        return None
    if all(parts is None or len(parts) == 1 for parts in given):
        return [_move(node, [None if parts is None else parts[0] for parts in given])]
    result: Parts = []
    for n in moves:
        for part in given[n] or ():
            result.append(_move(node, [part if m == n else None for m in range(len(given))]))
    return result


def _moving(node: Node) -> int:
    """How many of the inputs hold what is moved; the others say where to."""
    return 1 if node.op.name in ("gather", "scatter_add") else len(node.inputs)


def _move(node: Node, given: Sequence[Part | None]) -> Part:
    values: list[Tensor] = []
    owners: list[Any] = []
    for number, (child, part) in enumerate(zip(node.inputs, given, strict=True)):
        if number >= _moving(node):
            values.append(Tensor(child))
            owners.append(np.asarray(child.value))
        elif part is None:
            values.append(_zeros(child.shape, child.dtype))
            owners.append(np.zeros(child.shape, np.int64))
        else:
            values.append(part.values)
            owners.append(part.owners + 1)
    moved = np.asarray(node.op.evaluate(*owners, *node.params))
    return Part(make(node.op, values, node.params), moved.astype(np.int64) - 1)


def _is_injective(node: Node) -> bool:
    """Whether no two elements are added to the same place."""
    ones = np.ones(node.inputs[0].shape)
    counts = node.op.evaluate(ones, *(np.asarray(i.value) for i in node.inputs[1:]), *node.params)
    return bool(np.max(counts, initial=0) <= 1)


def _unary(node: Node, given: list[Parts | None], size: int) -> Parts | None:
    """An operation of one input that keeps zeros."""
    (parts,) = given
    assert parts is not None
    return [Part(make(node.op, (p.values,), node.params), p.owners) for p in parts]


def _scaled(node: Node, given: list[Parts | None], size: int) -> Parts | None:
    """A product with what is the same for all directions, or a quotient by it."""
    if all(given) or (node.op.name == "divide" and given[0] is None):
        return None
    a, b = map(Tensor, node.inputs)
    left, right = given
    pairs = [(p.values, b) for p in left] if left else [(a, p.values) for p in right or ()]
    return [
        Part(make(node.op, pair), np.broadcast_to(p.owners, node.shape))
        for pair, p in zip(pairs, left or right or (), strict=True)
    ]


def _added(node: Node, given: list[Parts | None], size: int) -> Parts | None:
    """A sum or difference: parts that agree on who owns what become one."""
    left, right = given
    if left is None or right is None:
        return None
    result = [_spread(p, node.shape) for p in left]
    for part in right:
        part = _spread(part, node.shape)
        for number, other in enumerate(result[: len(left)]):
            if _agree(other.owners, part.owners):
                owners = np.maximum(other.owners, part.owners)
                result[number] = Part(make(node.op, (other.values, part.values)), owners)
                break
        else:
            negated = node.op.name == "subtract"
            result.append(part._replace(values=-part.values) if negated else part)
    return result


def _agree(a: Array, b: Array) -> bool:
    return bool(((a == b) | (a < 0) | (b < 0)).all())


def _spread(part: Part, shape: Shape) -> Part:
    values = part.values
    if values.shape != shape:
        values = broadcast_to(values, shape)
    return Part(values, np.broadcast_to(part.owners, shape))


def _chosen(node: Node, given: list[Parts | None], size: int) -> Parts | None:
    """A choice by a condition that is the same for all directions."""
    if given[0] is not None:
        return None
    condition = Tensor(node.inputs[0])
    result: Parts = []
    for number in (1, 2):
        parts = given[number]
        if parts is None and not _is_zero(node.inputs[number]):
            return None
        for part in parts or ():
            zero = _zeros((), node.dtype)
            pair = (part.values, zero) if number == 1 else (zero, part.values)
            result.append(_spread(Part(_where(condition, *pair), part.owners), node.shape))
    if len(result) == 2 and given[1] and given[2] and _agree(result[0].owners, result[1].owners):
        pair = (given[1][0].values, given[2][0].values)
        return [Part(_where(condition, *pair), np.maximum(result[0].owners, result[1].owners))]
    return result


def _reduced(node: Node, given: list[Parts | None], size: int) -> Parts | Tensor | None:
    """A sum."""
    (parts,) = given
    assert parts is not None
    return _sums(parts, node.params[0], size)


def _sums(parts: Parts, axes: Sequence[int], size: int) -> Parts | Tensor | None:
    """The sum over axes that belong to one direction, or to one each."""
    kept: Parts = []
    wholes: list[Tensor] = []
    for values, owners in parts:
        own = np.max(owners, axis=tuple(axes), keepdims=True, initial=-1)
        if _agree(owners, own):
            total = reduction.sum(values, tuple(axes))
            kept.append(Part(total, own.reshape(total.shape)))
            continue
        whole = _summed(values, owners, axes, size)
        if whole is None:
            return None
        wholes.append(whole)
    if wholes and kept:
        wholes.append(_chosen_by_owner(kept, size, False))
    return _sum(wholes) if wholes else kept


def _product(node: Node, given: list[Parts | None], size: int) -> Parts | Tensor | None:
    """A matrix product: with a diagonal matrix it scales rows or columns."""
    if all(given):
        return None
    a, b = (x.shape for x in node.inputs)
    if a[-1] > size:
        return None
    left, right = given
    rank = len(node.shape)
    result: Parts = []
    for part in left or right or ():
        owners = part.owners[..., None] if left else part.owners[..., None, :, :]
        x = part.values if left else Tensor(node.inputs[0])
        y = part.values if right else Tensor(node.inputs[1])
        x = _reshape(x, (*a, 1))
        y = _reshape(y, (*b[:-2], 1, *b[-2:]))
        values = x * y
        result.append(Part(values, np.broadcast_to(owners, values.shape)))
    return _sums(result, (rank - 1,), size)


_MOVEMENTS = (
    "reshape",
    "permute_dims",
    "broadcast_to",
    "slice",
    "unslice",
    "set_slice",
    "concat",
    "stack",
    "gather",
    "scatter_add",
)
_UNARIES = ("variable", "negative", "positive", "astype", "conj", "real", "imag")

RULES: dict[str, Rule] = {
    **dict.fromkeys(_MOVEMENTS, _moved),
    **dict.fromkeys(_UNARIES, _unary),
    "multiply": _scaled,
    "divide": _scaled,
    "add": _added,
    "subtract": _added,
    "where": _chosen,
    "sum": _reduced,
    "matmul": _product,
}


# Words of the graph.


def _ones(node: Node) -> Tensor:
    return _filled(1, node.shape, node.dtype)


def _zeros(shape: Shape, dtype: DType) -> Tensor:
    return _filled(0, shape, dtype)


def _filled(number: int, shape: Shape, dtype: DType) -> Tensor:
    x = Tensor(constant_node(np.full((), number, dtype), (), dtype))
    return broadcast_to(x, shape) if shape else x


def _is_zero(node: Node) -> bool:
    """Whether the node is a constant 0, repeated perhaps."""
    while node.op.name == "broadcast_to" and node.inputs:
        node = node.inputs[0]
    return node.op.name == "constant" and not np.asarray(node.value).any()


def _sum(terms: Iterable[Tensor]) -> Tensor:
    first, *others = terms
    for other in others:
        first = first + other
    return first


def _reshape(x: Tensor, shape: Shape) -> Tensor:
    return reshape(x, shape)


def _where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return where(condition, a, b)
