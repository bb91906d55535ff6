"""Equations between matrices in ``scipy.linalg``: Sylvester's, Lyapunov's and Riccati's."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg import contraction, equations
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.linalg.matrices import common_dtype, conjugate_transpose, matrices, square
from adjoint.ops.linalg.riccati import discrete_lyapunov, riccati
from adjoint.ops.linalg.sylvester import sylvester
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import refuse, unsupported

__all__ = [
    "solve_continuous_are",
    "solve_continuous_lyapunov",
    "solve_discrete_are",
    "solve_discrete_lyapunov",
    "solve_lyapunov",
    "solve_sylvester",
]


def solve_sylvester(a: Any, b: Any, q: Any) -> Tensor:
    """The X with A X + X B = Q.

    Raises `LinAlgError` when the values show that there is none, or several.

    >>> from adjoint.scipy.linalg import solve_sylvester
    >>> solve_sylvester([[1.0]], [[2.0]], [[6.0]])
    Tensor([[2.]])
    """
    dtype = common_dtype(a, b, q)
    a, b = (square("scipy.linalg.solve_sylvester", x, dtype) for x in (a, b))
    return sylvester(a, b, matrices("scipy.linalg.solve_sylvester", q, dtype))


def solve_continuous_lyapunov(a: Any, q: Any) -> Tensor:
    """The X with A X + X Aᴴ = Q.

    >>> from adjoint.scipy.linalg import solve_continuous_lyapunov
    >>> solve_continuous_lyapunov([[1.0]], [[6.0]])
    Tensor([[3.]])
    """
    return solve_sylvester(a, conjugate_transpose(as_tensor(a)), q)


solve_lyapunov = solve_continuous_lyapunov


def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Tensor:
    """The X with A X Aᴴ - X + Q = 0.

    method: "direct", from the system of all elements, which SciPy chooses for less than 10 rows, or
    "bilinear", by a continuous equation.

    >>> from adjoint.scipy.linalg import solve_discrete_lyapunov
    >>> solve_discrete_lyapunov([[0.5]], [[3.0]])
    Tensor([[4.]])
    """
    name, dtype = "scipy.linalg.solve_discrete_lyapunov", common_dtype(a, q)
    a, q = square(name, a, dtype), square(name, q, dtype)
    if method not in (None, "direct", "bilinear"):
        raise unsupported(name, "method", method, 'give "direct" or "bilinear"')
    size = a.shape[-1]
    if method == "bilinear" or (method is None and size >= 10) or a.ndim > 2 or q.ndim > 2:
        return discrete_lyapunov(a, q)
    whole = np.eye(q.size, dtype=dtype) - contraction.kron(a, conjugate(a))
    return reshape(equations.solve(whole, reshape(q, (-1,))), q.shape)


def solve_continuous_are(
    a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True
) -> Tensor:
    """The stabilising X with Aᴴ X + X A - X B R⁻¹ Bᴴ X + Q = 0; Q and R are Hermitian.

    >>> from adjoint.scipy.linalg import solve_continuous_are
    >>> solve_continuous_are([[0.0]], [[1.0]], [[4.0]], [[1.0]])
    Tensor([[2.]])
    """
    return _riccati("solve_continuous_are", a, b, q, r, e, s, balanced)


def solve_discrete_are(
    a: Any, b: Any, q: Any, r: Any, e: Any = None, s: Any = None, balanced: bool = True
) -> Tensor:
    """The stabilising X = Aᴴ X A - Aᴴ X B (R + Bᴴ X B)⁻¹ Bᴴ X A + Q; Q and R are Hermitian.

    >>> from adjoint.scipy.linalg import solve_discrete_are
    >>> solve_discrete_are([[0.0]], [[1.0]], [[4.0]], [[1.0]])
    Tensor([[4.]])
    """
    return _riccati("solve_discrete_are", a, b, q, r, e, s, balanced)


def _riccati(name: str, a: Any, b: Any, q: Any, r: Any, e: Any, s: Any, balanced: Any) -> Tensor:
    full = f"scipy.linalg.{name}"
    refuse(full, e=(e, None), s=(s, None), balanced=(bool(balanced), True))
    dtype = common_dtype(a, b, q, r)
    a, q, r = (square(full, x, dtype) for x in (a, q, r))
    return riccati(a, matrices(full, b, dtype), q, r, name == "solve_discrete_are")
