"""A few eigenvalues or singular values of a sparse matrix, with their vectors, and derivatives.

ARPACK, or what SciPy is told to use, finds a pair; then A v = w v and vᵀv = 1 determine it, so that
it has derivatives of every order by the implicit function theorem. Each derivative solves with the
bordered matrix [[A - w, -v], [-vᵀ, 0]], by one decomposition of SuperLU's, in reverse mode as in
forward mode; nothing has the size of a dense matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.api.implicit import custom_linear_solve, custom_root
from adjoint.errors import ArgumentError, ConcretizationError, NotDifferentiableError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.linalg.sparse_solve import ConstantFactor, factor_solve
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import astype, matrix_transpose, reshape
from adjoint.scipy.common import differentiated, refuse
from adjoint.scipy.sparse.arrays import SparseArray
from adjoint.scipy.sparse.formats import coo_array
from adjoint.scipy.sparse.linalg.direct import square_matrix
from adjoint.scipy.sparse.linalg.plain import plain

__all__ = ["eigsh", "svds"]

_APART = 1e-10
"""How far an eigenvalue must be from the others, beside the largest element of the matrix."""


def eigsh(
    A: Any,
    k: int = 6,
    M: Any = None,
    sigma: Any = None,
    which: str = "LM",
    v0: Any = None,
    ncv: Any = None,
    maxiter: Any = None,
    tol: Any = 0,
    return_eigenvectors: bool = True,
    Minv: Any = None,
    OPinv: Any = None,
    mode: str = "normal",
) -> Any:
    """The `k` eigenvalues of a symmetric sparse A that SciPy is asked for, and their vectors.

    As ``scipy.sparse.linalg.eigsh``: ``(w, v)``, or w alone without `return_eigenvectors`. Both
    have derivatives of every order by the values of a real A, taken for symmetric. Values must be
    known, so `compile` and `vmap` refuse it. Raises `NotDifferentiableError` for an eigenvalue that
    coincides with another, and for a matrix M that is differentiated with.

    >>> import adjoint as ad
    >>> def smallest(x):
    ...     A = ad.sparse.diags_array([x, [1.0, 1.0]], offsets=[0, 1]).tocsc()
    ...     return ad.sparse.linalg.eigsh(A + A.T, 1, sigma=0.0, return_eigenvectors=False)[0]
    >>> g = ad.grad(smallest)(ad.array([1.0, 2.0, 3.0]))
    >>> bool(abs(ad.sum(g) - 2.0) < 1e-12)  # of 2 x on the diagonal
    True
    """
    name = "scipy.sparse.linalg.eigsh"
    options = {
        "k": k, "M": M, "sigma": sigma, "which": which, "v0": v0, "ncv": ncv, "maxiter": maxiter,
        "tol": tol, "Minv": Minv, "OPinv": OPinv, "mode": mode,
    }  # fmt: skip
    if not _is_traced(A):
        given = {key: plain(value) for key, value in options.items()}
        return import_module("scipy.sparse.linalg").eigsh(
            plain(A), **given, return_eigenvectors=return_eigenvectors
        )
    refuse(name, M=(M, None), Minv=(Minv, None), OPinv=(OPinv, None))
    matrix = square_matrix("eigsh", A)
    _check_real(name, matrix)
    found = import_module("scipy.sparse.linalg").eigsh(_values(name, matrix), **options)
    w, v = _pairs(name, matrix, *found)
    return (w, v) if return_eigenvectors else w


def svds(
    A: Any,
    k: int = 6,
    ncv: Any = None,
    tol: Any = 0,
    which: str = "LM",
    v0: Any = None,
    maxiter: Any = None,
    return_singular_vectors: Any = True,
    solver: str = "arpack",
    rng: Any = None,
    options: Any = None,
) -> Any:
    """The `k` singular values of a sparse A that SciPy is asked for, and their vectors.

    As ``scipy.sparse.linalg.svds``: ``(u, s, vt)``, or s alone if `return_singular_vectors` is
    false. Derivatives as for `eigsh`, of [[0, A], [Aᵀ, 0]]; raises `NotDifferentiableError` for a
    singular value that is 0 or coincides with another.

    >>> import adjoint as ad
    >>> f = lambda x: ad.sparse.linalg.svds(
    ...     ad.sparse.diags_array([x],offsets=[0]).tocsc(), 1, return_singular_vectors=False)[0]
    >>> bool(abs(ad.grad(f)(ad.array([1.0, 3.0, 2.0])) - np.array([0.0, 1.0, 0.0])).max() < 1e-12)
    True
    """
    name = "scipy.sparse.linalg.svds"
    own = {
        "k": k, "ncv": ncv, "tol": tol, "which": which, "v0": v0, "maxiter": maxiter,
        "solver": solver, "options": options, **({} if rng is None else {"rng": rng}),
    }  # fmt: skip
    if not _is_traced(A):
        given = {key: plain(value) for key, value in own.items()}
        return import_module("scipy.sparse.linalg").svds(
            plain(A), **given, return_singular_vectors=return_singular_vectors
        )
    matrix = A.tocsr() if isinstance(A, SparseArray) else coo_array(as_tensor(A)).tocsr()
    _check_real(name, matrix)
    u, s, vt = import_module("scipy.sparse.linalg").svds(_values(name, matrix), **own)
    rows, columns = matrix.shape
    pattern, values = matrix.entries
    i, j = pattern.rows, pattern.columns + rows
    both = (np.concatenate([i, j]), np.concatenate([j, i]))
    whole = coo_array((concat([values, values]), both), shape=(rows + columns,) * 2).tocsr()
    found, vectors = _pairs(name, whole, s, np.concatenate([u, vt.T]) / 2**0.5)
    if not return_singular_vectors:
        return found
    left, right = vectors[:rows] * 2**0.5, matrix_transpose(vectors[rows:]) * 2**0.5
    return (
        left if return_singular_vectors != "vh" else None,
        found,
        right if return_singular_vectors != "u" else None,
    )


def _is_traced(A: Any) -> bool:
    values = A.entries[1] if isinstance(A, SparseArray) else A
    return isinstance(values, Tensor) and differentiated(values)


def _check_real(name: str, matrix: SparseArray) -> None:
    if matrix.dtype.kind == "c":
        raise NotDifferentiableError(
            f"{name}: of a complex matrix ({matrix.dtype}) there are no derivatives here; for a "
            f"small one use scipy.linalg.eigh or scipy.linalg.svd of A.toarray()"
        )


def _values(name: str, matrix: SparseArray) -> Any:
    """SciPy's matrix with the values, which must be known."""
    pattern, values = matrix.entries
    try:
        return pattern.matrix(np.array(stop_gradient(values).numpy(), np.float64))
    except ConcretizationError as error:
        raise ArgumentError(
            f"{name}: the iteration needs values, which are not known within compile, vmap or a "
            f"loop; call it outside of these, or use scipy.linalg.eigh of A.toarray()"
        ) from error


def _pairs(name: str, matrix: SparseArray, w: Any, v: Any) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors, in columns, as functions of the values of the matrix."""
    pattern, values = matrix.entries
    wide = matrix.with_entries((pattern, astype(values, FLOAT64)))
    constant = _values(name, matrix).tocsr()
    found = [
        _pair(name, wide, constant, float(w[i]), np.asarray(v[:, i], np.float64))
        for i in range(len(w))
    ]
    dtype = matrix.dtype if matrix.dtype.kind == "f" else FLOAT64
    vectors = matrix_transpose(stack([x[:-1] for x in found]))
    return astype(stack([x[-1] for x in found]), dtype), astype(vectors, dtype)


def _pair(name: str, matrix: SparseArray, constant: Any, w: float, v: Any) -> Tensor:
    """An eigenvector with its eigenvalue behind it."""
    start = np.append(v, w)
    near = _Bordered(name, constant, w, v)
    for _ in range(2):  # what the iteration left, by Newton's method
        v, w = start[:-1], start[-1]
        start = start - near(np.append(constant @ v - w * v, (1 - v @ v) / 2), near.plain)
    border = _Bordered(name, constant, float(start[-1]), start[:-1])

    def equations(z: Any) -> Tensor:
        x, value = z[:-1], z[-1]
        length: Tensor = (1 - sum(x * x)) / 2
        return concat([matrix @ x - value * x, reshape(length, (1,))])

    def by_factor(_: Any, right: Any) -> Any:
        return border(right, border.traced)

    def solved(linear: Any, right: Any) -> Any:  # `linear` moves with the pair at higher orders
        return custom_linear_solve(linear, right, by_factor, symmetric=True)

    result: Tensor = custom_root(equations, start, lambda _, z: z, solved)
    return result


class _Bordered:
    """Solutions with the bordered matrix [[A - w, -v], [-vᵀ, 0]], which is symmetric.

    A - w is singular, and the border would fill its factors. So the element at the largest of v is
    raised, by α: B = A - w + α eₚeₚᵀ. As B v = α vₚ eₚ, two solutions with B are one with the
    bordered matrix. Raises `NotDifferentiableError` where it is singular, as more than one vector
    belongs to w.
    """

    def __init__(self, name: str, constant: Any, w: float, v: Any) -> None:
        self.v, self.place = v, int(np.argmax(np.abs(v)))
        self.raised = float(max(abs(constant).max(), 1e-300))
        size = constant.shape[0]
        shift = np.full(size, -w)
        shift[self.place] += self.raised
        diagonal = import_module("scipy.sparse").diags_array([shift], offsets=[0])
        probe = np.random.default_rng(0).normal(size=size + 1)
        try:
            self.factor = import_module("scipy.sparse.linalg").splu((constant + diagonal).tocsc())
            self.of_v = self.factor.solve(v)
            large = float(np.linalg.norm(self(probe, self.plain)[:-1]) / np.linalg.norm(probe))
        except RuntimeError:
            large = np.inf
        if not large * self.raised * _APART < 1:
            raise NotDifferentiableError(
                f"{name}: the value {w:.6g} coincides with another (or, of singular values, is 0), "
                f"so its vectors have no derivative, and it may have none; for a small matrix use "
                f"scipy.linalg.eigh or scipy.linalg.svd of A.toarray(), of whose results functions "
                f"that are symmetric in equal values have their derivatives"
            )
        self.constant = ConstantFactor(self.factor)

    def plain(self, b: Any) -> Any:
        """B⁻¹ b for an array."""
        return self.factor.solve(b)

    def traced(self, b: Any) -> Any:
        """B⁻¹ b for a tensor."""
        return reshape(factor_solve(self.constant, reshape(b, (-1, 1)), False), b.shape)

    def __call__(self, right: Any, solve: Any) -> Any:
        """The solution for an array or a tensor, where `solve` is B⁻¹."""
        v = self.v
        first = solve(right[:-1])
        value = -self.raised * v[self.place] * first[self.place]
        along = -(right[-1] + (v * first).sum() + value * (v @ self.of_v))
        joined = np.append if isinstance(first, np.ndarray) else _appended
        return joined(first + along * v + value * self.of_v, value)


def _appended(x: Any, last: Any) -> Tensor:
    return concat([x, reshape(last, (1,))])
