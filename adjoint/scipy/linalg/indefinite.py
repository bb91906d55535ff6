"""Factors of symmetric matrices that are not definite.

A = L D Lᴴ. With M = L⁻¹ dA L⁻ᴴ and dL = L K, M = K D + dD + D Kᴴ: K D is what stands on the side
of L beside the blocks of D, and dD what stands in these. It is stated in L and D, so every order
follows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.api.own_operations import OwnOperation, op
from adjoint.array.linalg.equations import solve
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import stop_gradient, where
from adjoint.ops.elementwise.comparison import not_equal
from adjoint.ops.linalg.matrices import conjugate_transpose, square
from adjoint.ops.reductions.extremum import argmax
from adjoint.ops.reductions.sorting import argsort
from adjoint.ops.shape.movement import matrix_transpose
from adjoint.ops.shape.rearrange import flip
from adjoint.scipy.linalg.batching import over_batch
from adjoint.scipy.linalg.equations import symmetric_from

__all__ = ["ldl"]


def _operation(lower: bool, hermitian: bool) -> OwnOperation:
    def value(a: Any) -> Any:
        return import_module("scipy.linalg").ldl(a, lower, hermitian)[:2]

    def turned(x: Tensor) -> Tensor:
        return conjugate_transpose(x) if hermitian else matrix_transpose(x)

    def tangents(arguments: Any, value: Any, moved: Any) -> Any:
        factor, d = value
        half = solve(factor, moved[0])
        middle = turned(solve(factor, turned(half)))
        n = d.shape[-1]
        blocks = as_tensor(np.eye(n, dtype=bool)) | not_equal(stop_gradient(abs(d)), 0)
        side = np.tril(np.ones((n, n), bool), -1)
        beside = as_tensor(side if lower else side.T) & ~blocks
        product = where(beside, middle, 0)
        shares = matrix_transpose(solve(matrix_transpose(d), matrix_transpose(product)))
        return factor @ shares, where(blocks, middle, 0)

    made: OwnOperation = op(
        value,
        jvp=tangents,
        result=lambda a: [(a.shape, a.dtype), (a.shape, a.dtype)],
        vectorized="(n,n)->(n,n),(n,n)",
        name="ldl",
    )
    return made


_OPERATIONS = {(x, y): _operation(x, y) for x in (False, True) for y in (False, True)}


@over_batch(A=2)
def ldl(
    A: Any,
    lower: bool = True,
    hermitian: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """L, D and the order p of rows with A = L D Lᴴ, where D has blocks of one and two rows.

    L[p] is triangular with ones on its diagonal. With `hermitian` False it is L D Lᵀ, for
    symmetric complex matrices. Which rows are exchanged is decided by values and counts as
    constant. The triangle that `lower` names is read, and A taken for symmetric.

    >>> from adjoint.scipy.linalg import ldl
    >>> ldl([[4.0, 2.0], [2.0, 3.0]])[1]
    Tensor([[4., 0.],
            [0., 2.]])
    """
    a = symmetric_from(square("scipy.linalg.ldl", A), lower, hermitian)
    factor, d = _OPERATIONS[bool(lower), bool(hermitian)](a)
    if a.shape[-1] == 0:
        return factor, d, as_tensor(np.arange(0))
    filled = not_equal(stop_gradient(abs(factor)), 0)
    last = -argmax(flip(filled, -1), -1) if lower else argmax(filled, -1)
    return factor, d, argsort(last, -1)
