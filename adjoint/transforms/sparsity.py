"""Sparsity patterns: which elements of an output depend on which elements of variables.

A pattern is a boolean matrix in compressed rows, a row for each element of a node and a column for
each element of the variables. It is carried through the graph, forwards, as index sets are in
CasADi; all sets of a node at once, by products of sparse matrices. Values count for nothing, but
those of constants. What an operation does to sets follows from what its record says anyway:

* `pointwise` operations take the set of each input at the same index;
* those that `moves` elements or `adds` them up are run on the numbers of elements, or their
  transposes are;
* others are asked for the masks that they reach (`outputs_reached`, `inputs_reaching`), which
  gives lanes: groups of elements of which each depends on each;
* those that hold graphs, and products with constants, state it (`dependence`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph import engine
from adjoint.graph.forking import import_module
from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import BOOL, is_inexact, size_of

Array: TypeAlias = "np.ndarray[Any, Any]"
Pattern: TypeAlias = Any
"""A `scipy.sparse.csr_array` of booleans."""

_CODES = 62
"""Bits of the random codes by which lanes are told apart."""


def patterns(
    outputs: Sequence[Node], given: Mapping[Node, Pattern], columns: int
) -> list[Pattern | None]:
    """The patterns of `outputs` for those of some nodes.

    None stands for what depends on none of them, and `FLAT` for what does, but has no derivative.
    """
    found: dict[Node, Pattern | None] = dict(given)
    for node in topological_order(outputs, lambda n: () if n in given else n.inputs):
        if node in found:
            continue
        own = [found[x] for x in node.inputs]
        if all(p is None for p in own):
            found[node] = None
        elif not is_inexact(node.dtype):
            found[node] = FLAT
        else:
            found[node] = _pattern(node, own, columns)
    return [found[y] for y in outputs]


FLAT = "flat"


def is_moving(pattern: Pattern | None) -> bool:
    """Whether there is a derivative."""
    return pattern is not None and pattern is not FLAT


def _pattern(node: Node, given: Sequence[Pattern | None], columns: int) -> Pattern | None:
    """The pattern of a node for those of its inputs."""
    if node.op.refuses_derivatives and any(map(is_moving, given)):
        node.op.refuse(node)
    stated = node.op.dependence(node, given, columns)
    if stated is not NotImplemented:
        return stated
    result = None
    for number, p in enumerate(given):
        if is_moving(p) and not node.op.is_flat(node, number):
            part = applied(local(node, number, given), p, size_of(node.shape))
            result = part if result is None or part is result else result + part
    return FLAT if result is None else result


def known_value(node: Node, pattern: Pattern | None) -> Any:
    """The value of an input that depends on none of the variables; None if it is not known."""
    if pattern is not None or (node.scope is not None and node.scope.abstract):
        return None
    return engine.value_of(node)


def applied(local: Pattern | None, pattern: Pattern, rows: int) -> Pattern:
    """What depends by `local` on elements of this pattern; on all of them if it is None."""
    if local is not None:
        return pattern if local is _SAME else local @ pattern
    union = np.unique(pattern.indices)
    indptr = np.arange(rows + 1) * len(union)
    return csr(np.tile(union, rows), indptr, (rows, pattern.shape[1]))


_SAME = "same"
"""The local pattern of what takes each element from the same place."""


def local(node: Node, number: int, given: Sequence[Pattern | None]) -> Any:
    """Which elements of an input each element of the result depends on, in one operation."""
    child = node.inputs[number]
    rows, columns = size_of(node.shape), size_of(child.shape)
    if node.op.pointwise:
        if child.shape == node.shape:
            return _SAME
        return one_each(np.broadcast_to(numbers_of(child.shape), node.shape), columns)
    places = places_moved(node, number, given)
    if places is not None:
        return one_each(places, columns)
    if node.op.scans:
        return running(child.shape, *node.params[:2])
    if node.op.combine is not None:
        kept = [1 if a in node.params[0] else size for a, size in enumerate(child.shape)]
        where = np.broadcast_to(numbers_of(node.shape).reshape(kept), child.shape)
        return one_each(where, rows).T.tocsr()
    places = places_added(node, number, given)
    if places is not None:
        return one_each(places, rows).T.tocsr()
    grouped = places_in_groups(node, number, given)
    if grouped is not None:
        ours, theirs = grouped
        groups = max(rows, columns)
        return one_each(ours, groups) @ one_each(theirs, groups).T.tocsr()
    found = lanes(node, number)
    return None if found is None else from_pairs(*found, (rows, columns))


def places_moved(node: Node, number: int, given: Sequence[Pattern | None]) -> Array | None:
    """For an operation that moves elements: from which place each comes, -1 for none."""
    if not node.op.moves:
        return None
    child = node.inputs[number]
    values = []
    for place, x in enumerate(node.inputs):
        if place == number:
            values.append(numbers_of(child.shape) + 1)
        elif is_inexact(x.dtype):
            values.append(np.zeros(x.shape, np.int64))
        else:
            values.append(known_value(x, given[place]))
    if any(x is None for x in values):
        return None  # an index that is computed may be any
    return np.asarray(node.op.evaluate(*values, *node.params)) - 1


def places_added(node: Node, number: int, given: Sequence[Pattern | None]) -> Array | None:
    """For an operation that adds up elements: to which place each goes."""
    if not node.op.scatters or number:
        return None
    indices = [known_value(x, p) for x, p in zip(node.inputs[1:], given[1:], strict=True)]
    if any(x is None for x in indices):
        return None
    numbers = numbers_of(node.shape).astype(
        np.float64
    )  # whatever the dtype, float16 counts to 2048
    adjoint = Tensor(constant_node(numbers, node.shape, numbers.dtype))
    (back, *_) = node.op.vjp(node, adjoint, [True, *[False] * len(indices)])
    return None if back is None else np.asarray(engine.value_of(back.node)).astype(np.int64)


def places_in_groups(
    node: Node, number: int, given: Sequence[Pattern | None]
) -> tuple[Array, Array] | None:
    """For an operation at indices of which some are known: groups of places, from any of which an
    element may come, or to any of which it may go. For the result and the input which group each
    element is in; None where no index is known."""
    indexed = node.op.indexed(node) if node.op.moves or node.op.scatters else ()
    if number or not indexed or len(node.inputs) != len(indexed) + 1:
        return None
    values = [known_value(x, p) for (x, _, _), p in zip(indexed, given[1:], strict=True)]
    unknown = [axis for (_, axis, _), v in zip(indexed, values, strict=True) if v is None]
    whole = node.inputs[0].shape if node.op.moves else node.shape
    if len(unknown) == len(whole):
        return None
    first = [slice(0, 1) if a in unknown else slice(None) for a in range(len(whole))]
    groups = np.broadcast_to(numbers_of(whole)[tuple(first)], whole)
    known = [
        np.zeros(x.shape, x.dtype) if v is None else v
        for (x, _, _), v in zip(indexed, values, strict=True)
    ]
    if node.op.moves:
        return np.asarray(node.op.evaluate(groups, *known, *node.params)), groups
    indices = [Tensor(constant_node(v, np.shape(v), v.dtype)) for v in map(np.asarray, known)]
    same = make(node.op, (Tensor(node.inputs[0]), *indices), node.params).node
    adjoint = Tensor(constant_node(groups.astype(np.float64), whole, np.dtype(np.float64)))
    (back, *_) = node.op.vjp(same, adjoint, [True, *[False] * len(indices)])
    if back is None:
        return None
    return groups, np.asarray(engine.value_of(back.node)).astype(np.int64)


def lanes(node: Node, number: int) -> tuple[Array, Array] | None:
    """Pairs of an element of the result and one of an input on which it may depend.

    Each element of the result has a random code. What an input reaches is asked bit by bit, so that
    each element of it gets the union of the codes of all that it reaches; and back. An element
    depends only on those whose union is within its own. Pairs too many do no harm.
    """
    child = node.inputs[number]
    ours, theirs = [], []
    for density in _DENSITIES:
        codes = _random_codes(node.shape, density)
        reaching = _spread(codes, child.shape, lambda m: node.op.inputs_reaching(node, number, m))
        if reaching is None or (density == _DENSITIES[0] and (reaching == reaching.flat[0]).all()):
            return None
        reached = _spread(reaching, node.shape, lambda m: node.op.outputs_reached(node, number, m))
        if reached is None:
            return None
        ours.append(reached.ravel())
        theirs.append(reaching.ravel())
    our_lanes, our_numbers = np.unique(np.stack(ours), axis=1, return_inverse=True)
    their_lanes, their_numbers = np.unique(np.stack(theirs), axis=1, return_inverse=True)
    shape = our_lanes.shape[1], their_lanes.shape[1]
    if shape[0] * shape[1] > _MOST_PAIRS:
        return None
    within = np.ones(shape, bool)
    for own, other in zip(our_lanes, their_lanes, strict=True):
        within &= (other[None, :] & ~own[:, None]) == 0
    ours_with, theirs_with = np.nonzero(within)
    joined = one_each(our_numbers, shape[0]) @ from_pairs(ours_with, theirs_with, shape)
    pairs = (joined @ one_each(their_numbers, shape[1]).T.tocsr()).tocoo()
    return pairs.row, pairs.col


def _random_codes(shape: tuple[int, ...], density: float) -> Array:
    """Numbers of so many random bits, of which that share is set."""
    rng = np.random.default_rng(0)
    codes = np.zeros(shape, np.int64)
    for place in range(_CODES):
        codes |= (rng.random(shape) < density).astype(np.int64) << place
    return codes


_DENSITIES = (1 / 2, 1 / 8, 1 / 32, 1 / 256)
"""Of the bits in codes. The union of n of them tells others apart best if about 1 / n are set."""
_MOST_PAIRS = 10_000_000
"""So many pairs of lanes are compared at most."""


def _spread(codes: Array, shape: tuple[int, ...], ask: Any) -> Array | None:
    """The union of codes over all that is reached, bit by bit; None if that depends on data."""
    found = np.zeros(shape, np.int64)
    for bit in range(_CODES):
        mask = (codes >> bit & 1).astype(bool)
        node = ask(Tensor(constant_node(mask, mask.shape, BOOL))).node
        if not is_constant(node):
            return None
        found |= np.broadcast_to(np.asarray(node.value), shape).astype(np.int64) << bit
    return found


# Making patterns.


def csr(indices: Array, indptr: Array, shape: tuple[int, int]) -> Pattern:
    """The pattern with these columns in each row."""
    data = np.ones(len(indices), bool)
    return import_module("scipy.sparse").csr_array((data, indices, indptr), shape=shape)


def numbers_of(shape: tuple[int, ...]) -> Array:
    """The number of each element."""
    return np.arange(size_of(shape)).reshape(shape)


def one_each(places: Array, columns: int) -> Pattern:
    """The pattern of what takes each element from one place, from none where it is negative."""
    flat = np.asarray(places).ravel()
    there = flat >= 0
    if there.all():
        return csr(flat, np.arange(len(flat) + 1), (len(flat), columns))
    return csr(flat[there], np.concatenate(([0], np.cumsum(there))), (len(flat), columns))


def running(shape: tuple[int, ...], axis: int, reverse: bool) -> Pattern:
    """The pattern of what takes the elements up to each along an axis, or from each on."""
    sparse = import_module("scipy.sparse")
    rows, columns = np.triu_indices(shape[axis]) if reverse else np.tril_indices(shape[axis])
    along = from_pairs(rows, columns, (shape[axis],) * 2)
    before, after = (
        sparse.eye_array(size_of(part), dtype=bool) for part in (shape[:axis], shape[axis + 1 :])
    )
    return sparse.kron(before, sparse.kron(along, after), format="csr")


def from_pairs(rows: Array, columns: Array, shape: tuple[int, int]) -> Pattern:
    """The pattern of pairs of a row and a column."""
    data = np.ones(len(rows), bool)
    return import_module("scipy.sparse").csr_array((data, (rows, columns)), shape=shape)


def empty(rows: int, columns: int) -> Pattern:
    """The pattern of what depends on nothing."""
    return csr(np.zeros(0, np.int64), np.zeros(rows + 1, np.int64), (rows, columns))


def stacked(parts: Sequence[Pattern]) -> Pattern:
    """Patterns below each other."""
    return import_module("scipy.sparse").vstack(parts, format="csr")


def identities(nodes: Sequence[Node]) -> tuple[dict[Node, Pattern], int]:
    """The patterns of nodes by which others are asked for, and the number of all elements."""
    sizes = [size_of(x.shape) for x in nodes]
    total = sum(sizes)
    found, start = {}, 0
    for node, size in zip(nodes, sizes, strict=True):
        found[node] = one_each(np.arange(start, start + size), total)
        start += size
    return found, total
