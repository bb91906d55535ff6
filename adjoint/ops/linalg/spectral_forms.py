"""Functions of a matrix written out by its decomposition, recognised when they are differentiated.

V g(w) Vᴴ depends on no choice of V, but the derivatives of its factors do.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from adjoint.graph import calls
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import Shape
from adjoint.ops.kinks.dependence import is_same
from adjoint.ops.linalg.matrices import conjugate_transpose
from adjoint.ops.linalg.spectral_values import frame_of
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import diag

_MOVEMENTS = frozenset({"permute_dims", "reshape", "slice", "conj"})
"""What stands between a decomposition and its vectors."""


@calls.bind
def spectral_form(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """The function of a matrix that a product V diag(d) Vᴴ or U diag(d) Vᴴ is; None if it is none.

    Written (V * d) @ Vᴴ, V @ (d[:, None] * Vᴴ) or with a product of three.
    """
    left, right = node.inputs
    if node.shape[-1] < 2 or left.shape[-1] < 2:
        return None
    first, d = _scaled_vectors(left, True)
    second, e = _scaled_vectors(right, False)
    if first is None or second is None or (d is None) is (e is None):
        return None
    found = _decomposition(first, second)
    if found is None or not kept.isdisjoint((left, right, first, second, found)):
        return None
    weights = d if d is not None else e
    assert weights is not None
    if weights.dtype.kind == "c" or weights.shape[-1] != min(found.inputs[0].shape[-2:]):
        return None
    return make(find("spectral_function"), tuple(map(Tensor, (weights, found, found.inputs[0]))))


def _scaled_vectors(x: Node, columns: bool) -> tuple[Node | None, Node | None]:
    """Vectors, and what multiplies their columns, or their rows if they lie transposed."""
    if not x.inputs:
        return None, None
    if x.op.name == "multiply":
        for vectors, weights in (x.inputs, x.inputs[::-1]):
            if vectors.shape == x.shape and (d := _weights(weights, x.shape, columns)) is not None:
                return vectors, d
        return None, None
    if x.op.name == "matmul":
        vectors, diagonal = x.inputs if columns else x.inputs[::-1]
        d = _on_diagonal(diagonal)
        return (vectors, d) if d is not None else (None, None)
    return (x, None) if x.op.name in ("permute_dims", "conj", "reshape") else (None, None)


def _weights(x: Node, shape: Shape, columns: bool) -> Node | None:
    """The vector that multiplies each column, or each row, of matrices of `shape`."""
    if columns and x.shape[-1:] == shape[-1:] and all(size == 1 for size in x.shape[:-1]):
        return reshape(Tensor(x), shape[-1:]).node
    if not columns and x.shape[-2:] == (shape[-2], 1) and all(n == 1 for n in x.shape[:-2]):
        return reshape(Tensor(x), (shape[-2],)).node
    return None


def _on_diagonal(x: Node) -> Node | None:
    """The vector on the diagonal of a matrix made of it."""
    if len(x.shape) != 2 or x.shape[0] != x.shape[1] or not x.inputs:
        return None
    vector = _vector_in(x, x.shape[:1])
    if vector is None or not is_same(x, diag(Tensor(vector)).node):
        return None
    return vector


def _vector_in(x: Node, shape: Shape) -> Node | None:
    """The one vector of `shape` below a few nodes of one input that varies."""
    for _ in range(6):
        if x.shape == shape:
            return x
        below = [child for child in x.inputs if child.dtype.kind in "fc" and not is_constant(child)]
        if len(below) != 1:
            return None
        (x,) = below
    return None


def _decomposition(left: Node, right: Node) -> Node | None:
    """The decomposition of one matrix whose vectors are `left`, and, transposed, `right`."""
    packed = left
    while packed.inputs and packed.op.name in _MOVEMENTS:
        packed = packed.inputs[0]
    if packed.op.name not in ("eigh", "svd") or not packed.inputs or packed.params == (True,):
        return None
    a = packed.inputs[0]
    if len(a.shape) != 2:
        return None
    first, second = frame_of(Tensor(packed), Tensor(a))
    if is_same(_plain(left), _plain(first.node), 12) and is_same(
        _plain(right), _plain(conjugate_transpose(second).node), 12
    ):
        return packed
    return None


def _plain(x: Node) -> Node:
    """`x` without permutations that undo each other."""
    while x.op.name == "permute_dims" and x.inputs and x.inputs[0].op.name == "permute_dims":
        inner = x.inputs[0]
        if not inner.inputs or [inner.params[0][a] for a in x.params[0]] != list(range(2)):
            break
        x = inner.inputs[0]
    return x
