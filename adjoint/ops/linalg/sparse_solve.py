"""Systems of equations with sparse matrices, by SuperLU, or by iteration.

From A x = b follows ẋ = A⁻¹ (ḃ - Ȧ x), so b̄ = A⁻ᴴ x̄, and the adjoint of a value aᵢⱼ is
-b̄ᵢ conj(xⱼ), at the entries of the pattern alone. All these systems have one decomposition: the
last ones are kept, and found again by the pattern and the values.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import LinAlgError, ShapeError
from adjoint.graph.forking import import_module, new_lock
from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, broadcast_shapes
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.family.structural_zeros import over
from adjoint.ops.linalg.sparse import SparseOp, each, sampled_product, sparse_matmul
from adjoint.ops.linalg.sparse_pattern import Array, Pattern
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.movement import permute_dims, reshape

__all__ = [
    "ConstantFactor",
    "Factors",
    "Preconditioner",
    "factor_solve",
    "factors_of",
    "sparse_iteration",
    "sparse_solve",
]

_MOST_KEPT = 2**24
"""How many numbers the decompositions that are kept may have together, 128 MiB of them."""


class Factors:
    """The decompositions that were used last, by SuperLU."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.kept: OrderedDict[Any, Any] = OrderedDict()
        self.made = 0
        self._lock = new_lock()

    def find(self, values: Array, pattern: Pattern) -> Any:
        """SuperLU's object for a matrix; raises `LinAlgError` if it is singular."""
        key = pattern, values.dtype.char, values.tobytes()
        with self._lock:
            known = self.kept.get(key)
            if known is not None:
                self.kept.move_to_end(key)
                return known
        made = _decomposed(values, pattern)
        with self._lock:
            self.made += 1
            self.kept[key] = made
            while len(self.kept) > 1 and sum(lu.nnz for lu in self.kept.values()) > self.most:
                self.kept.popitem(last=False)
        return made


factors_of = Factors(_MOST_KEPT)


def _decomposed(values: Array, pattern: Pattern) -> Any:
    matrix = pattern.matrix(values).tocsc()
    try:
        if not np.isfinite(values).all():
            raise LinAlgError("spsolve: the matrix holds nan or infinity, so it has no inverse")
        return import_module("scipy.sparse.linalg").splu(matrix)
    except RuntimeError as error:
        raise LinAlgError(
            f"spsolve: the sparse matrix of shape {pattern.shape} is singular ({error}): it has no "
            f"inverse; are boundary conditions missing, or rows empty?"
        ) from None


class SparseSystem(SparseOp):
    """The solution X of A X = B, or with the transposed matrix, for a sparse A and a dense B.

    Inputs behind the values and B have no influence on the solution, only on the way there.
    """

    def infer(self, values: Node, b: Node, *rest: Any) -> tuple[Shape, DType]:
        pattern: Pattern = rest[len(rest) - len(self.param_names)]
        if b.shape[-2] != pattern.shape[0]:
            raise ShapeError(
                f"spsolve: a sparse matrix of shape {pattern.shape} needs right-hand sides with "
                f"{pattern.shape[0]} rows, got shape {b.shape}"
            )
        lead = broadcast_shapes("spsolve", values.shape[:-1], b.shape[:-2])
        return (*lead, *b.shape[-2:]), b.dtype

    def solved(self, values: Array, b: Array, *rest: Any) -> Array:
        """The solution with one matrix."""
        raise NotImplementedError

    def evaluate(self, values: Any, b: Any, *rest: Any) -> Any:
        def solve(values: Any, b: Any) -> Any:
            if not b.size:
                return np.zeros_like(b)
            return self.solved(np.ascontiguousarray(values), np.array(b), *rest)

        values, b = np.asarray(values), np.asarray(b)
        lead = np.broadcast_shapes(values.shape[:-1], b.shape[:-2])
        if 0 in lead:
            return np.zeros((*lead, *b.shape[-2:]), b.dtype)
        return np.asarray(each(solve, lead, values, b), b.dtype)

    def another(self, node: Node, b: Tensor, transposed: bool) -> Tensor:
        """The solution with another right-hand side, perhaps of the transposed system."""
        values, _, *others = map(Tensor, node.inputs)
        pattern, was, *rest = node.params
        return make(self, (values, b, *others), (pattern, was is not transposed, *rest))

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_values, moved = tangents[:2]
        if by_values is not None:
            change = sparse_matmul(by_values, Tensor(node), *node.params[:2])
            moved = -change if moved is None else moved - change
        return None if moved is None else self.another(node, moved, False)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        pattern, transposed = node.params[:2]
        back = conjugate(self.another(node, conjugate(adjoint), True))
        by_values = None
        if wanted[0]:
            x = conjugate(Tensor(node))
            by_values = fit(-sampled_product(back, x, pattern, transposed), node.inputs[0])
        by_b = fit(back, node.inputs[1]) if wanted[1] else None
        return by_values, by_b, *(None for _ in node.inputs[2:])


class SparseSolve(SparseSystem):
    """The solution by SuperLU."""

    name = "sparse_solve"

    def solved(self, values: Array, b: Array, *rest: Any) -> Array:
        pattern, transposed = rest
        return np.asarray(factors_of.find(values, pattern).solve(b, "T" if transposed else "N"))


class Preconditioner:
    """What an iteration takes for the inverse of its matrix; equal only to itself."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def __repr__(self) -> str:
        return f"Preconditioner({id(self)})"


class SparseIteration(SparseSystem):
    """The solution by one of SciPy's iterations, to the tolerance that its options give.

    `near` says what stands for the inverse: the pattern of a matrix whose values are the third
    input, a `Preconditioner`, or None.
    """

    name = "sparse_iteration"
    param_names = ("pattern", "transposed", "method", "options", "near")

    def solved(self, values: Array, b: Array, *rest: Any) -> Array:
        *near_values, pattern, transposed, method, options, near = rest
        linalg = import_module("scipy.sparse.linalg")
        matrix = pattern.matrix(values)
        if isinstance(near, Pattern):
            near = near.matrix(np.ascontiguousarray(near_values[0]))
        elif near is not None:
            near = linalg.aslinearoperator(near.given)
        if transposed:
            matrix, near = matrix.T, None if near is None else near.T
        columns = []
        for column in b.T:
            x, info = getattr(linalg, method)(matrix, column, M=near, **dict(options))
            if info:
                raise LinAlgError(
                    f"{method}: no solution within the tolerance "
                    f"({'breakdown' if info < 0 else f'after {info} iterations'}); give a "
                    f"preconditioner M or a larger maxiter, or use spsolve"
                )
            columns.append(x)
        return np.stack(columns, axis=1)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        if any(batched[2:]):
            return None
        return super().batch(node, inputs, batched)


_sparse_solve, _sparse_iteration = map(register, (SparseSolve(), SparseIteration()))


class FactorSolve(Op):
    """The solution by a decomposition that SciPy's ``splu`` made, a constant."""

    name = "sparse_factor_solve"
    family = "linalg"
    param_names = ("factor", "transposed")
    keeps_finite = True

    def infer(self, b: Node, factor: Any, transposed: bool) -> tuple[Shape, DType]:
        if b.shape[-2] != factor.shape[0]:
            raise ShapeError(
                f"splu: a decomposition of shape {factor.shape} needs right-hand sides with "
                f"{factor.shape[0]} rows, got shape {b.shape}"
            )
        return b.shape, b.dtype

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return over(mask, node.shape, (len(node.shape) - 2,))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return over(mask, node.shape, (len(node.shape) - 2,))

    def evaluate(self, b: Any, factor: Any, transposed: bool) -> Any:
        if not b.size:
            return np.zeros_like(b)
        return np.asarray(factor.real.solve(np.array(b), "T" if transposed else "N"), b.dtype)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return None if tangents[0] is None else make(self, (tangents[0],), node.params)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        factor, transposed = node.params
        back = conjugate(make(self, (conjugate(adjoint),), (factor, not transposed)))
        return (back,)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        (b,) = inputs
        examples, rows, columns = b.shape
        side = reshape(permute_dims(b, (1, 0, 2)), (rows, examples * columns))
        found = make(self, (side,), node.params)
        return permute_dims(reshape(found, (rows, examples, columns)), (1, 0, 2))


class ConstantFactor:
    """SuperLU's object as a parameter; equal only to itself."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.shape = real.shape
        self.dtype = np.dtype(real.L.dtype)

    def __hash__(self) -> int:
        return hash(id(self.real))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConstantFactor) and self.real is other.real

    def __repr__(self) -> str:
        return f"ConstantFactor({self.shape}, {id(self.real)})"


_factor_solve = register(FactorSolve())


def factor_solve(factor: ConstantFactor, b: Tensor, transposed: bool) -> Tensor:
    """The solutions for the columns of `b`, as `FactorSolve` says."""
    return make(_factor_solve, (b,), (factor, transposed))


def sparse_solve(values: Tensor, b: Tensor, pattern: Pattern, transposed: bool = False) -> Tensor:
    """The solutions for the columns of `b`, as `SparseSolve` says."""
    return make(_sparse_solve, (values, b), (pattern, transposed))


def sparse_iteration(
    inputs: Sequence[Tensor],
    pattern: Pattern,
    method: str,
    options: tuple[tuple[str, Any], ...],
    near: Pattern | Preconditioner | None,
) -> Tensor:
    """The solutions for the columns of the second input, as `SparseIteration` says."""
    return make(_sparse_iteration, inputs, (pattern, False, method, options, near))
