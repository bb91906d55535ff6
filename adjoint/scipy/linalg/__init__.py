"""Counterparts of ``scipy.linalg``."""

from __future__ import annotations

from adjoint.scipy.common import round_results
from adjoint.scipy.linalg.equations import (
    det,
    inv,
    lstsq,
    norm,
    pinv,
    pinvh,
    solve,
    solve_triangular,
)
from adjoint.scipy.linalg.factorizations import (
    cho_factor,
    cho_solve,
    cholesky,
    eigh,
    eigh_tridiagonal,
    eigvalsh,
    eigvalsh_tridiagonal,
    lu,
    lu_factor,
    lu_solve,
    qr,
    svd,
    svdvals,
)
from adjoint.scipy.linalg.indefinite import ldl
from adjoint.scipy.linalg.matrix_equations import (
    solve_continuous_are,
    solve_continuous_lyapunov,
    solve_discrete_are,
    solve_discrete_lyapunov,
    solve_lyapunov,
    solve_sylvester,
)
from adjoint.scipy.linalg.matrix_functions import (
    coshm,
    cosm,
    expm,
    expm_frechet,
    fractional_matrix_power,
    funm,
    logm,
    null_space,
    orth,
    rq,
    signm,
    sinhm,
    sinm,
    sqrtm,
    tanhm,
    tanm,
)
from adjoint.scipy.linalg.orthogonal import orthogonal_procrustes, polar
from adjoint.scipy.linalg.similarity import hessenberg, schur
from adjoint.scipy.linalg.spectra import eig, eig_banded, eigvals, eigvals_banded
from adjoint.scipy.linalg.structured import (
    block_diag,
    cho_solve_banded,
    cholesky_banded,
    circulant,
    companion,
    convolution_matrix,
    diagsvd,
    hankel,
    khatri_rao,
    kron,
    matmul_toeplitz,
    solve_banded,
    solve_circulant,
    solve_toeplitz,
    solveh_banded,
    toeplitz,
)

# fmt: off
__all__ = [
    "block_diag", "cho_factor", "cho_solve", "cho_solve_banded", "cholesky", "cholesky_banded",
    "circulant", "companion", "convolution_matrix", "coshm", "cosm", "det", "diagsvd", "eig",
    "eig_banded", "eigh", "eigh_tridiagonal", "eigvals", "eigvals_banded", "eigvalsh",
    "eigvalsh_tridiagonal", "expm", "expm_frechet", "fractional_matrix_power", "funm", "hankel",
    "hessenberg", "inv", "khatri_rao", "kron", "ldl", "logm", "lstsq", "lu", "lu_factor",
    "lu_solve", "matmul_toeplitz", "norm", "null_space", "orth", "orthogonal_procrustes",
    "pinv", "pinvh", "polar", "qr", "rq", "schur", "signm", "sinhm", "sinm", "solve",
    "solve_banded", "solve_circulant", "solve_continuous_are", "solve_continuous_lyapunov",
    "solve_discrete_are", "solve_discrete_lyapunov", "solve_lyapunov", "solve_sylvester",
    "solve_toeplitz", "solve_triangular", "solveh_banded", "sqrtm", "svd", "svdvals", "tanhm",
    "tanm", "toeplitz",
]
# fmt: on

round_results(__name__)
