"""Counterparts of ``scipy.linalg``."""

from __future__ import annotations

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
from adjoint.scipy.linalg.matrix_functions import (
    coshm,
    cosm,
    eig,
    eigvals,
    expm,
    expm_frechet,
    funm,
    hessenberg,
    ldl,
    logm,
    null_space,
    orth,
    polar,
    rq,
    schur,
    sinhm,
    sinm,
    sqrtm,
    tanhm,
    tanm,
)
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
    solve_continuous_lyapunov,
    solve_discrete_lyapunov,
    solve_lyapunov,
    solve_sylvester,
    solve_toeplitz,
    solveh_banded,
    toeplitz,
)

# fmt: off
__all__ = [
    "block_diag", "cho_factor", "cho_solve", "cho_solve_banded", "cholesky", "cholesky_banded",
    "circulant", "companion", "convolution_matrix", "coshm", "cosm", "det", "diagsvd", "eig",
    "eigh", "eigh_tridiagonal", "eigvals", "eigvalsh", "eigvalsh_tridiagonal", "expm",
    "expm_frechet", "funm", "hankel", "hessenberg", "inv", "khatri_rao", "kron", "ldl", "logm",
    "lstsq", "lu", "lu_factor", "lu_solve", "matmul_toeplitz", "norm", "null_space", "orth",
    "pinv", "pinvh", "polar", "qr", "rq", "schur", "sinhm", "sinm", "solve", "solve_banded",
    "solve_circulant", "solve_continuous_lyapunov", "solve_discrete_lyapunov", "solve_lyapunov",
    "solve_sylvester", "solve_toeplitz", "solve_triangular", "solveh_banded", "sqrtm", "svd",
    "svdvals", "tanhm", "tanm", "toeplitz",
]
# fmt: on
