"""What the operations on stacks of matrices share: their shapes, and LAPACK as SciPy calls it.

Axes before the last two count matrices. LAPACK counts columns first, so in its eyes a row-major
matrix is its own transpose; the operations say where they make use of that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from adjoint.errors import DTypeError, LinAlgError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import Op
from adjoint.graph.tensor import Tensor, as_tensor, from_array, make
from adjoint.graph.types import DType, Shape, broadcast_shapes, promote, size_of, to_inexact
from adjoint.ops.family.broadcasting import align
from adjoint.ops.family.structural_zeros import (
    keep_where,
    nonzero_mask,
    onto,
    over,
    reshaped,
    whole,
)
from adjoint.ops.indexing.slicing import along
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.movement import matrix_transpose, permute_dims, reshape

PREFIXES = {"f": "s", "d": "d", "F": "c", "D": "z"}
"""How the names of LAPACK's routines begin, by the letter of the dtype."""


class Stacked(Op):
    """An operation on stacks of matrices whose leading axes broadcast."""

    family = "linalg"

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape, lead = node.inputs[number].shape, self.stacked(node)
        if len(shape) < lead + 2:  # every matrix may have a part of it
            return super().outputs_reached(node, number, mask)
        mask = over(whole(mask, shape), shape, (lead, lead + 1))
        return reshaped(mask, (*shape[:lead], *(1,) * (len(node.shape) - lead)))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape, lead = node.inputs[number].shape, self.stacked(node)
        if len(shape) < lead + 2:
            return super().inputs_reaching(node, number, mask)
        mask = over(whole(mask, node.shape), node.shape, tuple(range(lead, len(node.shape))))
        return onto(reshaped(mask, (*node.shape[:lead], 1, 1)), (*shape[:lead], 1, 1))

    def stacked(self, node: Node) -> int:
        """How many axes of the result count matrices."""
        return max(len(x.shape) for x in node.inputs) - 2

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        rank = max(len(x.shape) for x in node.inputs)
        aligned = [align(x, rank) if m else x for x, m in zip(inputs, batched, strict=True)]
        return make(self, aligned, node.params)


class System(Stacked):
    """Systems of equations, whose last input holds right-hand sides in its columns."""

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        if number < len(node.inputs) - 1:
            return super().inputs_reaching(node, number, mask)
        shape = node.inputs[number].shape
        return onto(over(mask, node.shape, (len(node.shape) - 2,)), (*shape[:-2], 1, shape[-1]))

    def solution(self, node: Node, adjoint: Tensor) -> Tensor:
        """The solution, zero in columns of which no part of the adjoint has need."""
        mask, x = nonzero_mask(adjoint), Tensor(node)
        if mask is None:
            return x
        return keep_where(over(mask, node.shape, (len(node.shape) - 2,)), x)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        *matrices, right = inputs
        if any(batched[:-1]) or right.ndim != 3 or any(m.ndim != 2 for m in matrices):
            return super().batch(node, inputs, batched)
        examples, rows, columns = right.shape  # more columns of the same matrix
        side = reshape(permute_dims(right, (1, 0, 2)), (rows, examples * columns))
        found = make(self, (*matrices, side), node.params)
        return permute_dims(reshape(found, (rows, examples, columns)), (1, 0, 2))


@cache
def routine(name: str, dtype: DType) -> Callable[..., Any]:
    """SciPy's function for a routine of LAPACK, whose name is given without its first letter."""
    lapack = import_module("scipy.linalg.lapack")
    found: Callable[..., Any] = getattr(lapack, PREFIXES[dtype.char] + name)
    return found


def for_each(
    call: Callable[..., Any], shape: Shape, dtype: DType, *arrays: np.ndarray[Any, Any]
) -> Any:
    """An array of `shape` of what `call` makes of one matrix of each stack after the other."""
    result = np.empty(shape, dtype)
    lead = shape[:-2]
    if not lead:
        if result.size:
            result[...] = call((), *arrays)
        return result
    stacks = [np.broadcast_to(a, lead + a.shape[-2:]) for a in arrays]
    if result.size:
        for place in np.ndindex(lead):
            result[place] = call(place, *(stack[place] for stack in stacks))
    return result


def matrices(name: str, x: Any, dtype: DType | None = None) -> Tensor:
    """`x` as a tensor of at least two axes, in a dtype that LAPACK computes in."""
    x = as_tensor(x)
    wanted = to_inexact(x.node.dtype) if dtype is None else dtype
    if wanted.char not in PREFIXES:
        raise DTypeError(
            f"{name}: needs float32, float64, complex64 or complex128, got {x.node.dtype}; "
            f"convert with astype"
        )
    if x.ndim < 2:
        raise ShapeError(f"{name}: needs matrices in the last two axes, got shape {x.shape}")
    return as_tensor(x, wanted)


def square(name: str, x: Any, dtype: DType | None = None) -> Tensor:
    """`x` as a tensor of square matrices."""
    a = matrices(name, x, dtype)
    if a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name}: needs square matrices in the last two axes, got shape {a.shape}")
    return a


def common_dtype(*arrays: Any) -> DType:
    """The floating or complex dtype in which several tensors, or arrays, are computed with."""
    dtype = to_inexact(as_tensor(arrays[0]).node.dtype)
    for x in arrays[1:]:
        dtype = promote(dtype, to_inexact(as_tensor(x).node.dtype))
    return dtype


def system(name: str, a: Node, b: Node) -> tuple[Shape, DType]:
    """Shape and dtype of the solutions of systems with the matrices `a` and right sides `b`."""
    if b.shape[-2] != a.shape[-1]:
        raise ShapeError(
            f"{name}: matrices of shape {a.shape} need right-hand sides with {a.shape[-1]} rows, "
            f"got shape {b.shape}"
        )
    lead = broadcast_shapes(name, a.shape[:-2], b.shape[:-2])
    return (*lead, *b.shape[-2:]), b.dtype


def singular(name: str, place: tuple[int, ...], what: str) -> LinAlgError:
    """The error for a zero that must be divided by; `what` says where in the matrix it stands."""
    where = f" at {list(place)} of the stack" if place else ""
    return LinAlgError(
        f"{name}: the matrix{where} is singular, {what} is 0: it has no inverse; linalg.lstsq and "
        f"linalg.pinv do without one"
    )


def conjugate_transpose(x: Tensor) -> Tensor:
    """The conjugate transpose."""
    return conjugate(matrix_transpose(x))


def identity(x: Tensor) -> Tensor:
    """The identity matrix in the size and dtype of the square matrices `x`."""
    return from_array(np.eye(x.shape[-1], dtype=x.node.dtype))


def part(x: Tensor, start: int, shape: Shape) -> Tensor:
    """The block of `shape` that begins with element `start` of each matrix, row by row."""
    lead = x.shape[:-2]
    flat = reshape(x, (*lead, x.shape[-2] * x.shape[-1]))
    return reshape(along(flat, len(lead), start, 1, size_of(shape)), (*lead, *shape))
