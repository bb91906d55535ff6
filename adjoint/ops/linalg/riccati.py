"""The algebraic Riccati equations of optimal control.

At the solution X of the continuous equation Aᴴ X + X A - X B R⁻¹ Bᴴ X + Q = 0, with the feedback
K = R⁻¹ Bᴴ X and F = A - B K, tangents obey Fᴴ Ẋ + Ẋ F + W = 0; in the discrete equation
X = Aᴴ X A - Aᴴ X B (R + Bᴴ X B)⁻¹ Bᴴ X A + Q, with K = (R + Bᴴ X B)⁻¹ Bᴴ X A, they obey
Ẋ = Fᴴ Ẋ F + W. As K is optimal, its own change does not count: with Y = X, or in the discrete
equation Y = X F, W = (Ȧ - Ḃ K)ᴴ Y + Yᴴ (Ȧ - Ḃ K) + Q̇ + Kᴴ Ṙ K.
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
from adjoint.ops.linalg.lu import lu_factor, lu_solve
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose, for_each, identity
from adjoint.ops.linalg.sylvester import sylvester

__all__ = ["discrete_lyapunov", "riccati"]


def solve(a: Tensor, b: Tensor) -> Tensor:
    """A⁻¹ B."""
    return lu_solve(a, lu_factor(a), b)


def discrete_lyapunov(a: Tensor, q: Tensor) -> Tensor:
    """The X with A X Aᴴ - X + Q = 0, as a continuous equation by the bilinear transformation."""
    turned, one = conjugate_transpose(a), identity(a)
    below = conjugate_transpose(turned + one)
    b = conjugate_transpose(solve(below, conjugate_transpose(turned - one)))
    right = solve(below, conjugate_transpose(solve(below, conjugate_transpose(q))))
    return sylvester(conjugate_transpose(b), b, right * -2)


class Riccati(Stacked):
    """The stabilising solution X of the continuous or the `discrete` equation of A, B, Q and R."""

    name = "riccati"
    param_names = ("discrete",)

    def infer(self, a: Node, b: Node, q: Node, r: Node, discrete: bool) -> tuple[Shape, DType]:
        n, m = b.shape[-2:]
        if a.shape[-1] != n or q.shape[-2:] != (n, n) or r.shape[-2:] != (m, m):
            raise ShapeError(
                f"solve_{'discrete' if discrete else 'continuous'}_are: a, b, q and r of shapes "
                f"{a.shape}, {b.shape}, {q.shape} and {r.shape} do not fit; they must be (n, n), "
                f"(n, m), (n, n) and (m, m)"
            )
        lead = broadcast_shapes("riccati", *(x.shape[:-2] for x in (a, b, q, r)))
        return (*lead, n, n), a.dtype

    def evaluate(self, a: Any, b: Any, q: Any, r: Any, discrete: bool) -> Any:
        name = f"solve_{'discrete' if discrete else 'continuous'}_are"
        found = getattr(import_module("scipy.linalg"), name)

        def each(place: tuple[int, ...], *given: Any) -> Any:
            try:
                return found(*map(np.array, given))
            except (np.linalg.LinAlgError, ValueError) as error:
                where = f" at {list(place)} of the stack" if place else ""
                raise LinAlgError(f"{name}: no stabilising solution{where}: {error}") from error

        lead = np.broadcast_shapes(*(x.shape[:-2] for x in (a, b, q, r)))
        return for_each(each, lead + a.shape[-2:], a.dtype, a, b, q, r)

    def feedback(self, node: Node) -> tuple[Tensor, Tensor, Tensor]:
        """K, F and Y, as above."""
        a, b, _, r = map(Tensor, node.inputs)
        x = Tensor(node)
        gain = matmul(conjugate_transpose(b), x)
        if not node.params[0]:
            k = solve(r, gain)
            return k, a - matmul(b, k), x
        k = solve(r + matmul(gain, b), matmul(gain, a))
        closed = a - matmul(b, k)
        return k, closed, matmul(x, closed)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_a, by_b, by_q, by_r = tangents
        k, closed, y = self.feedback(node)
        terms = [] if by_q is None else [by_q]
        if by_b is not None:
            change = -matmul(by_b, k)
            by_a = change if by_a is None else by_a + change
        if by_a is not None:
            half = matmul(conjugate_transpose(by_a), y)
            terms.append(half + conjugate_transpose(half))
        if by_r is not None:
            terms.append(matmul(matmul(conjugate_transpose(k), by_r), k))
        if not terms:
            return None
        moved = terms[0]
        for term in terms[1:]:
            moved = moved + term
        if node.params[0]:
            return discrete_lyapunov(conjugate_transpose(closed), moved)
        return sylvester(conjugate_transpose(closed), closed, -moved)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        k, closed, y = self.feedback(node)
        if node.params[0]:
            z = discrete_lyapunov(closed, adjoint)
        else:
            z = sylvester(closed, conjugate_transpose(closed), -adjoint)
        by_a = matmul(y, z + conjugate_transpose(z))
        turned = conjugate_transpose(k)
        by_r = matmul(matmul(k, z), turned)
        shares = (by_a, -matmul(by_a, turned), z, by_r)
        return [
            fit(share, x) if asked else None
            for share, x, asked in zip(shares, node.inputs, wanted, strict=True)
        ]


_riccati = register(Riccati())


def riccati(a: Tensor, b: Tensor, q: Tensor, r: Tensor, discrete: bool) -> Tensor:
    """The stabilising solution, as `Riccati` says."""
    return make(_riccati, (a, b, q, r), (discrete,))
