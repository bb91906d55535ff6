"""Sparse matrices and arrays of tensors, under the names of ``scipy.sparse``.

Where entries stand is constant; their values are a tensor, by which and through which derivatives
go. SciPy's own matrices are constants: their products with tensors are traced as they stand.
"""

from __future__ import annotations

from adjoint.scipy.sparse import linalg
from adjoint.scipy.sparse.arrays import SparseArray
from adjoint.scipy.sparse.construct import (
    block_array,
    block_diag,
    bmat,
    diags,
    diags_array,
    eye,
    eye_array,
    find,
    hstack,
    identity,
    issparse,
    isspmatrix,
    kron,
    kronsum,
    spdiags,
    tril,
    triu,
    vstack,
)
from adjoint.scipy.sparse.formats import (
    bsr_array,
    bsr_matrix,
    coo_array,
    coo_matrix,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    dia_array,
    dia_matrix,
    dok_array,
    dok_matrix,
    lil_array,
    lil_matrix,
    sparray,
    spmatrix,
)

# fmt: off
__all__ = [
    "SparseArray", "block_array", "block_diag", "bmat", "bsr_array", "bsr_matrix", "coo_array",
    "coo_matrix", "csc_array", "csc_matrix", "csr_array", "csr_matrix", "dia_array", "dia_matrix",
    "diags", "diags_array", "dok_array", "dok_matrix", "eye", "eye_array", "find", "hstack",
    "identity", "issparse", "isspmatrix", "kron", "kronsum", "lil_array", "lil_matrix", "linalg",
    "sparray", "spdiags", "spmatrix", "tril", "triu", "vstack",
]
# fmt: on
