"""Counterparts of ``scipy.sparse.linalg``."""

from __future__ import annotations

from adjoint.scipy.sparse.linalg.direct import (
    factorized,
    inv,
    matrix_power,
    norm,
    splu,
    spsolve,
    spsolve_triangular,
)
from adjoint.scipy.sparse.linalg.eigenpairs import eigsh, svds
from adjoint.scipy.sparse.linalg.iterative import bicg, bicgstab, cg, cgs, gmres, minres
from adjoint.scipy.sparse.linalg.refused import (
    eigs,
    expm,
    expm_multiply,
    lgmres,
    lobpcg,
    lsmr,
    lsqr,
    qmr,
    spilu,
    tfqmr,
)

# fmt: off
__all__ = [
    "bicg", "bicgstab", "cg", "cgs", "eigs", "eigsh", "expm", "expm_multiply", "factorized",
    "gmres", "inv", "lgmres", "lobpcg", "lsmr", "lsqr", "matrix_power", "minres", "norm", "qmr",
    "spilu", "splu", "spsolve", "spsolve_triangular", "svds", "tfqmr",
]
# fmt: on
