"""The matrix product: bilinear, so its two transposes say everything."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph import calls
from adjoint.graph.forking import import_module
from adjoint.graph.loop_form import ZERO, Index, Loops, broadcast_index
from adjoint.graph.node import Node
from adjoint.graph.op import Op, public_storage, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import BOOL, DType, Shape, broadcast_shapes, promote, size_of
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.elementwise.complex import conj
from adjoint.ops.family.broadcasting import align, fit
from adjoint.ops.family.structural_zeros import masked_input, onto, over
from adjoint.ops.shape.movement import matrix_transpose, reshape
from adjoint.transforms.sparsity import known_value

__all__ = ["matmul"]


def _conj_transpose(x: Tensor) -> Tensor:
    turned = matrix_transpose(x)
    return conj(turned) if x.node.dtype.kind == "c" else turned


TINY = 8
"""Rows and columns up to which products are computed in loops, fused with what follows: 19 ns for
8×8 float64 where a call of BLAS takes 34 (Intel Ice Lake; at 12 it is 126 against 86)."""
TINY_WITH_VECTOR = 16
"""The same for a matrix times a vector: 39 ns for 16 where BLAS takes 52."""

TWO_CHAINS = 4
"""So many terms of a sum are added in two chains, which a processor takes side by side: a
recurrence waits for its products, 11 cycles instead of 16 for four terms."""

_FACTORS = frozenset({"permute_dims", "conj", "multiply", "matmul"})
"""What the second factor of V diag(d) Vᴴ can be made by."""


class MatMul(Op):
    """Products of stacks of matrices, both inputs with at least two axes."""

    name = "matmul"
    family = "bilinear"
    keeps_finite = bilinear = True
    native = True
    may_have_smooth_form = True

    def lowers(self, node: Node) -> bool:
        sizes = (*node.shape[-2:], node.inputs[0].shape[-1])
        limit = TINY_WITH_VECTOR if 1 in node.shape[-2:] else TINY
        return 0 < min(sizes) <= max(sizes) <= limit

    def flops(self, node: Node) -> int:
        return 2 * node.inputs[0].shape[-1]

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        a, b = node.inputs
        e, (*lead, row, column) = loops.e, index
        terms = []
        for place in range(a.shape[-1]):
            x = loops.read(a, broadcast_index((*lead, row, ZERO + place), a.shape))
            y = loops.read(b, broadcast_index((*lead, ZERO + place, column), b.shape))
            terms.append(e.multiply(x, y))
        half = len(terms) // 2 if len(terms) >= TWO_CHAINS else 0
        ends = [reduce(e.add, part) for part in (terms[:half], terms[half:]) if part]
        return reduce(e.add, ends)

    def elements_read(self, node: Node, child: Node, count: int) -> int:
        """A row, or a column, for each element."""
        return count * node.inputs[0].shape[-1]

    def infer(self, a: Node, b: Node) -> tuple[Shape, DType]:
        if a.shape[-1] != b.shape[-2]:
            raise ShapeError(
                f"matmul: shapes {a.shape} and {b.shape} do not fit: the last axis of the first "
                f"has size {a.shape[-1]}, the second-to-last of the second {b.shape[-2]}; "
                f"they must be equal (transpose one with .mT?)"
            )
        lead = a.shape[:-2]
        if lead != b.shape[:-2]:
            lead = broadcast_shapes("matmul", lead, b.shape[:-2])
        return (*lead, a.shape[-2], b.shape[-1]), a.dtype

    def evaluate(self, a: Any, b: Any) -> Any:
        return np.matmul(a, b)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        a, b = map(Tensor, node.inputs)
        first = None if tangents[0] is None else make(self, (tangents[0], b))
        second = None if tangents[1] is None else make(self, (a, tangents[1]))
        if first is None or second is None:
            return first if second is None else second
        return first + second

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        a, b = node.inputs
        by_a = by_b = None
        if wanted[0]:
            by_a = fit(make(self, (adjoint, _conj_transpose(masked_input(node, 1, adjoint)))), a)
        if wanted[1]:
            by_b = fit(make(self, (_conj_transpose(masked_input(node, 0, adjoint)), adjoint)), b)
        return by_a, by_b

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        """Where one factor is a known matrix, its zeros count."""
        if len(node.shape) != 2 or any(len(x.shape) != 2 for x in node.inputs):
            return NotImplemented
        a, b = (known_value(x, p) for x, p in zip(node.inputs, given, strict=True))
        if (a is None) is (b is None):
            return NotImplemented
        sparse = import_module("scipy.sparse")
        rows, columns = (sparse.eye_array(n, dtype=bool) for n in node.shape)
        if a is not None:
            return sparse.kron(sparse.csr_array(a != 0), columns).tocsr() @ given[1]
        return sparse.kron(rows, sparse.csr_array(b.T != 0)).tocsr() @ given[0]

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape = node.inputs[number].shape
        return over(mask, shape, (len(shape) - 1 - number,))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape = node.inputs[number].shape
        return onto(over(mask, node.shape, (len(node.shape) - 1 - number,)), shape)

    def smooth_form(self, node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        if node.inputs[1].op.name not in _FACTORS:
            return None
        return calls.spectral_form(node, kept)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        a, b = inputs
        if batched == [True, False] and b.ndim == 2:
            rows = reshape(a, (size_of(a.shape[:-1]), a.shape[-1]))
            return reshape(make(self, (rows, b)), (a.shape[0], *node.shape))
        if batched == [False, True] and a.ndim == 2 and b.ndim == 3 and b.shape[-1] == 1:
            rows = reshape(b, b.shape[:2])
            return reshape(make(self, (rows, matrix_transpose(a))), (b.shape[0], *node.shape))
        rank = len(node.shape)
        return make(
            self, [align(x, rank) if m else x for x, m in zip(inputs, batched, strict=True)]
        )


_matmul = register(MatMul())


def _check_vector(a: Shape, b: Shape) -> None:
    """Raise if a product with a vector does not fit, with the shapes as they were given."""
    summed = b[-2:][0]
    if a[-1] != summed:
        axis = "second-to-last" if len(b) > 1 else "only axis"
        raise ShapeError(
            f"matmul: shapes {a} and {b} do not fit: the last axis of the first has size {a[-1]}, "
            f"the {axis} of the second {summed}; they must be equal"
        )


@public_storage
def matmul(x1: Any, x2: Any, /) -> Tensor:
    """The matrix product, for all ranks as in NumPy: 1-d inputs are vectors, stacks broadcast.

    x1: shape (..., n, k) or (k,); x2: shape (..., k, m) or (k,). Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.matmul(ad.asarray([[1.0, 2.0], [3.0, 4.0]]), ad.asarray([1.0, 1.0]))
    Tensor([3., 7.])
    """
    a, b = as_tensor(x1), as_tensor(x2)
    if (a is not x1 or b is not x2) and has_stored(x1, x2):
        return in_float32(matmul, (x1, x2), {})
    first, second = a.node, b.node
    if not first.shape or not second.shape:
        number = "second" if first.shape else "first"
        raise ShapeError(f"matmul: the {number} operand is 0-d; multiply by numbers with *")
    if first.dtype is not second.dtype or first.dtype is BOOL:
        dtype = promote(first.dtype, second.dtype)
        if dtype is BOOL:  # as in NumPy: whether any product holds
            whole = np.dtype(np.int64)
            return not_equal(matmul(as_tensor(a, whole), as_tensor(b, whole)), 0)
        a, b = as_tensor(a, dtype), as_tensor(b, dtype)
    if len(first.shape) == 2 and len(second.shape) == 2:
        return make(_matmul, (a, b))
    row, column = a.ndim == 1, b.ndim == 1
    if row or column:
        _check_vector(a.shape, b.shape)
    if row:
        a = reshape(a, (1, *a.shape))
    if column:
        b = reshape(b, (*b.shape, 1))
    if a.ndim > 2 and b.ndim == 2:
        rows = reshape(a, (size_of(a.shape[:-1]), a.shape[-1]))
        result = reshape(make(_matmul, (rows, b)), (*a.shape[:-1], b.shape[-1]))
    else:
        result = make(_matmul, (a, b))
    if row or column:
        shape = result.shape
        result = reshape(
            result, (*shape[:-2], *(() if row else shape[-2:-1]), *(() if column else shape[-1:]))
        )
    return result
