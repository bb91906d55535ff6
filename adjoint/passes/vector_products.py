"""Products with a vector as sums: a matrix that loops compute need not be stored for one.

``relu(a) @ v`` is then one loop over the rows of a, and ``relu(a).T @ u`` another. A matrix that
is stored is read once either way, and by a product with less to compute; so is one that more than a
few products read, as it is better computed once. A few vectors are as good as one, if the matrix is
so large that storing and reading it takes longer than to add to a few sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import FLOAT32, FLOAT64, size_of
from adjoint.ops import records
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import reshape
from adjoint.passes.rewriting import is_known, is_transpose, with_inputs

MOST_READERS = 2
"""So many nodes may read the matrix: a product and its derivative. Twelve products in turn with one
of 100 to 400 rows took 1.1 to 1.4 times as long as sums."""

MOST_VECTORS = 8
"""So many vectors are as good as one, with a matrix of `LARGE` bytes: 10,000 × 100 float64 that a
loop computes, transposed, times 8 vectors took 0.9 ms with the store, and 0.4 as sums."""

LARGE = 1 << 19


def products_with_vectors(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which such products are sums."""
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    inner = [node for node in order if node not in ends and not is_known(node)]
    few = {node for node, count in count_readers(inner).items() if count <= MOST_READERS}
    fitting = few & computed_by_loops(inner)
    fitting -= stored_for_products(inner, fitting)
    done = {node: node for node in order}
    for node in inner:
        made = with_inputs(node, tuple([done[x] for x in node.inputs]))
        place = matrix_of(node, fitting)
        done[node] = made if place is None else as_sums(made, place)
    return [done[node] for node in outputs]


def count_readers(nodes: Iterable[Node]) -> dict[Node, int]:
    """How many nodes read each node, itself or transposed."""
    found: dict[Node, int] = {}
    for node in nodes:
        if not is_transpose(node):
            for x in map(untransposed, node.inputs):
                found[x] = found.get(x, 0) + 1
    return found


def computed_by_loops(nodes: Iterable[Node]) -> set[Node]:
    """The nodes that loops compute, and do not only move; inputs are given before users."""
    found: set[Node] = set()
    for node in nodes:
        if node.op.lowers(node) and (not node.op.moves or any(x in found for x in node.inputs)):
            found.add(node)
    return found


def matrix_of(node: Node, fitting: set[Node]) -> int | None:
    """Which factor of a product is a fitting matrix, the other one being a vector; else None."""
    is_matrix = len(node.shape) == 2 and node.dtype in (FLOAT32, FLOAT64)
    if node.op is not records.matmul or not is_matrix or node.op.lowers(node):
        return None
    for place in (0, 1):
        matrix = node.inputs[place]
        is_large = size_of(matrix.shape) * matrix.dtype.itemsize >= LARGE
        most = MOST_VECTORS if is_large else 1
        if 0 < node.shape[1 - place] <= most and untransposed(matrix) in fitting:
            return place
    return None


def stored_for_products(nodes: Iterable[Node], fitting: set[Node]) -> set[Node]:
    """What a product reads that cannot be sums, so that it is stored in any case."""
    products = [n for n in nodes if n.op is records.matmul and matrix_of(n, fitting) is None]
    return {untransposed(x) for node in products for x in node.inputs}


def untransposed(x: Node) -> Node:
    """The matrix of which `x` is the transpose, or `x`."""
    return x.inputs[0] if is_transpose(x) else x


def as_sums(node: Node, place: int) -> Node:
    """The product as sums along an axis of the matrix at `place`, one for each vector."""
    axis = 1 - place
    count = node.shape[axis]
    if count == 1:
        return as_sum(node, place)
    vectors = Tensor(node.inputs[axis])
    sums = []
    for n in range(count):
        own = vectors[n : n + 1] if axis == 0 else vectors[:, n : n + 1]
        inputs = (own.node, node.inputs[1]) if axis == 0 else (node.inputs[0], own.node)
        shape = tuple([1 if i == axis else size for i, size in enumerate(node.shape)])
        one = Node(node.op, inputs, node.params, shape, node.dtype)
        sums.append(Tensor(as_sum(one, place)))
    return concat(sums, axis=axis).node


def as_sum(node: Node, place: int) -> Node:
    """The product as a sum along an axis of the matrix at `place`."""
    factor, vector = node.inputs[place], node.inputs[1 - place]
    matrix = untransposed(factor)
    axis = 1 - place if factor is matrix else place
    shape = tuple([size if i == axis else 1 for i, size in enumerate(matrix.shape)])
    terms = Tensor(matrix) * reshape(Tensor(vector), shape)
    return reshape(sum(terms, axis), node.shape).node
