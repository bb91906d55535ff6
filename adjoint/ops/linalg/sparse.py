"""Products of sparse matrices, whose values are tensors, with dense ones.

A sparse matrix is a `Pattern`, which is constant, and the values of its entries. Its product is
bilinear in the values and the dense matrix, and nothing ever has the size of the whole: the adjoint
of the values is X̄ Xᴴ at the entries of the pattern alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, broadcast_shapes
from adjoint.ops.family.broadcasting import align, fit
from adjoint.ops.family.structural_zeros import onto, over, reshaped, whole
from adjoint.ops.indexing.gather import gather, scatter_add
from adjoint.ops.linalg.sparse_pattern import Array, Pattern
from adjoint.ops.reductions.reduction import conjugate, sum
from adjoint.ops.shape.movement import permute_dims, reshape
from adjoint.transforms.sparsity import is_moving

__all__ = ["at_entries", "each", "sampled_product", "sparse_matmul", "summed_at"]


def at_entries(x: Tensor, places: Array, axis: int = -1) -> Tensor:
    """The elements of `x` at constant places along an axis."""
    axis %= x.ndim
    return gather(x, (from_array(places),), (axis,), axis)


def summed_at(x: Tensor, places: Array, count: int, axis: int = -1) -> Tensor:
    """`x` added up along an axis at places among `count`: the transpose of `at_entries`."""
    axis %= x.ndim
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    return scatter_add(x, (from_array(places),), (axis,), axis, shape)


def sides(pattern: Pattern, transposed: bool) -> tuple[Array, Array]:
    """The rows and the columns of the entries, exchanged if `transposed`."""
    return (pattern.columns, pattern.rows) if transposed else (pattern.rows, pattern.columns)


def sampled_product(y: Tensor, x: Tensor, pattern: Pattern, transposed: bool) -> Tensor:
    """Y Xᵀ at the entries of a pattern alone."""
    rows, columns = sides(pattern, transposed)
    return sum(at_entries(y, rows, -2) * at_entries(x, columns, -2), -1)


def each(call: Any, lead: Shape, values: Array, x: Array) -> Any:
    """What `call` makes of one matrix after the other; their leading axes broadcast to `lead`."""
    if not lead:
        return call(values, x)
    values = np.broadcast_to(values, lead + values.shape[-1:])
    x = np.broadcast_to(x, lead + x.shape[-2:])
    return np.stack([call(values[i], x[i]) for i in np.ndindex(lead)]).reshape(
        (*lead, -1, x.shape[-1])
    )


class SparseOp(Op):
    """An operation on the values of sparse matrices and dense matrices; stacks of both broadcast.

    Its parameters are the pattern and whether the matrix is transposed.
    """

    family = "linalg"
    param_names: tuple[str, ...] = ("pattern", "transposed")

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape = node.inputs[number].shape
        if number == 0:  # each matrix has values of its own
            mask = over(whole(mask, shape), shape, (len(shape) - 1,))
            return reshaped(mask, (*shape[:-1], 1, 1))
        if number != 1:
            return super().outputs_reached(node, number, mask)
        return over(mask, shape, (len(shape) - 2,))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape, lead = node.inputs[number].shape, len(node.shape) - 2
        if number == 0:
            mask = over(whole(mask, node.shape), node.shape, (lead, lead + 1))
            return onto(reshaped(mask, (*node.shape[:-2], 1)), (*shape[:-1], 1))
        if number != 1:
            return super().inputs_reaching(node, number, mask)
        return onto(over(mask, node.shape, (len(node.shape) - 2,)), (*shape[:-2], 1, shape[-1]))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        values, x, *others = inputs
        if not batched[0] and values.ndim == 1 and x.ndim == 3:  # more columns of the same matrix
            examples, rows, columns = x.shape
            side = reshape(permute_dims(x, (1, 0, 2)), (rows, examples * columns))
            found = make(self, (values, side, *others), node.params)
            return permute_dims(reshape(found, (found.shape[0], examples, columns)), (1, 0, 2))
        rank = max(len(node.inputs[0].shape) - 1, len(node.inputs[1].shape) - 2)
        if batched[0]:
            values = align(values, rank + 1)
        if batched[1]:
            x = align(x, rank + 2)
        return make(self, (values, x, *others), node.params)


class SparseMatmul(SparseOp):
    """The product of a sparse matrix A, or its transpose, with a dense X."""

    name = "sparse_matmul"
    keeps_finite = True

    def infer(
        self, values: Node, x: Node, pattern: Pattern, transposed: bool
    ) -> tuple[Shape, DType]:
        rows, columns = pattern.shape[::-1] if transposed else pattern.shape
        if x.shape[-2] != columns:
            raise ShapeError(
                f"matmul: a sparse matrix of shape {(rows, columns)} needs {columns} rows on its "
                f"right, got shape {x.shape}"
            )
        lead = broadcast_shapes("matmul", values.shape[:-1], x.shape[:-2])
        return (*lead, rows, x.shape[-1]), x.dtype

    def evaluate(self, values: Any, x: Any, pattern: Pattern, transposed: bool) -> Any:
        def product(values: Any, x: Any) -> Any:
            matrix = pattern.matrix(np.ascontiguousarray(values))
            return (matrix.T if transposed else matrix) @ x

        lead = np.broadcast_shapes(values.shape[:-1], x.shape[:-2])
        if 0 in lead:
            rows = pattern.shape[1 if transposed else 0]
            return np.zeros((*lead, rows, x.shape[-1]), x.dtype)
        return np.asarray(each(product, lead, np.asarray(values), np.asarray(x)), x.dtype)

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        """An element depends on those of X that the entries of its row name, and on these."""
        if len(node.shape) != 2:
            return NotImplemented
        pattern, transposed = node.params
        sparse, width = import_module("scipy.sparse"), node.shape[-1]
        rows, chosen = sides(pattern, transposed)
        entries = np.arange(pattern.size)
        ones = np.ones(pattern.size, bool)
        local = (
            sparse.kron(
                sparse.csr_array((ones, (rows, entries)), (node.shape[0], pattern.size)),
                np.ones((width, 1), bool),
            ),
            sparse.kron(
                sparse.csr_array((ones, (rows, chosen)), (node.shape[0], node.inputs[1].shape[0])),
                sparse.eye_array(width, dtype=bool),
            ),
        )
        found = [part.tocsr() @ p for part, p in zip(local, given, strict=True) if is_moving(p)]
        if not found:
            return NotImplemented
        return found[0] if len(found) == 1 else found[0] + found[1]

    def decompose(self, node: Node) -> Tensor | None:
        pattern, transposed = node.params
        values, x = map(Tensor, node.inputs)
        rows, columns = sides(pattern, transposed)
        values = reshape(values, (*values.shape, 1))
        return summed_at(values * at_entries(x, columns, -2), rows, node.shape[-2], -2)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        values, x = map(Tensor, node.inputs)
        first = None if tangents[0] is None else make(self, (tangents[0], x), node.params)
        second = None if tangents[1] is None else make(self, (values, tangents[1]), node.params)
        if first is None or second is None:
            return first if second is None else second
        return first + second

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        pattern, transposed = node.params
        values, x = map(Tensor, node.inputs)
        by_values = by_x = None
        if wanted[0]:
            found = sampled_product(adjoint, conjugate(x), pattern, transposed)
            by_values = fit(found, node.inputs[0])
        if wanted[1]:
            back = make(self, (conjugate(values), adjoint), (pattern, not transposed))
            by_x = fit(back, node.inputs[1])
        return by_values, by_x


_sparse_matmul = register(SparseMatmul())


def sparse_matmul(values: Tensor, x: Tensor, pattern: Pattern, transposed: bool = False) -> Tensor:
    """The product with the matrices `x`, as `SparseMatmul` says."""
    return make(_sparse_matmul, (values, x), (pattern, transposed))
