"""Sylvester's equation A X + X B = Q, by Schur decompositions (Bartels and Stewart 1972).

From A X + X B = Q follows A Ẋ + Ẋ B = Q̇ - Ȧ X - X Ḃ, the same equation again. Its transpose has Aᴴ
and Bᴴ, so with Aᴴ Z + Z Bᴴ = X̄ the adjoints are Q̄ = Z, Ā = -Z Xᴴ and B̄ = -Xᴴ Z.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import LinAlgError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, broadcast_shapes
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose, for_each

__all__ = ["sylvester"]


class Sylvester(Stacked):
    """The X with A X + X B = Q."""

    name = "sylvester"

    def infer(self, a: Node, b: Node, q: Node) -> tuple[Shape, DType]:
        if q.shape[-2:] != (a.shape[-1], b.shape[-1]):
            raise ShapeError(
                f"solve_sylvester: matrices of shapes {a.shape} and {b.shape} need a right-hand "
                f"side of shape {(a.shape[-1], b.shape[-1])}, got {q.shape}"
            )
        lead = broadcast_shapes("solve_sylvester", a.shape[:-2], b.shape[:-2], q.shape[:-2])
        return (*lead, *q.shape[-2:]), q.dtype

    def evaluate(self, a: Any, b: Any, q: Any) -> Any:
        solve = import_module("scipy.linalg").solve_sylvester

        def each(place: tuple[int, ...], a: Any, b: Any, q: Any) -> Any:
            try:
                found = solve(np.array(a), np.array(b), np.array(q))
            except (np.linalg.LinAlgError, ValueError) as error:
                raise _unsolvable(place) from error
            rest = np.linalg.norm(a @ found + found @ b - q)
            if rest > 0.1 * np.linalg.norm(q):  # LAPACK solves a nearby equation that is solvable
                raise _unsolvable(place)
            return found

        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2], q.shape[:-2])
        return for_each(each, (*lead, *q.shape[-2:]), q.dtype, a, b, q)

    def linear_inputs(self, node: Node) -> Sequence[int]:
        return (2,)

    def takes_complex_step(self, node: Node) -> bool:
        return False

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_a, by_b, moved = tangents
        a, b, _ = map(Tensor, node.inputs)
        for change in (
            None if by_a is None else matmul(by_a, Tensor(node)),
            None if by_b is None else matmul(Tensor(node), by_b),
        ):
            if change is not None:
                moved = -change if moved is None else moved - change
        return None if moved is None else make(self, (a, b, moved))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        a, b, q = node.inputs
        turned = conjugate_transpose(Tensor(node))
        back = make(self, (*(conjugate_transpose(Tensor(x)) for x in (a, b)), adjoint))
        return (
            fit(-matmul(back, turned), a) if wanted[0] else None,
            fit(-matmul(turned, back), b) if wanted[1] else None,
            fit(back, q) if wanted[2] else None,
        )


def _unsolvable(place: tuple[int, ...]) -> LinAlgError:
    where = f" at {list(place)} of the stack" if place else ""
    return LinAlgError(
        f"solve_sylvester: the equation{where} has no solution of its own: an eigenvalue of A is "
        f"minus one of B"
    )


_sylvester = register(Sylvester())


def sylvester(a: Tensor, b: Tensor, q: Tensor) -> Tensor:
    """The X with A X + X B = Q, as `Sylvester` says."""
    return make(_sylvester, (a, b, q))
