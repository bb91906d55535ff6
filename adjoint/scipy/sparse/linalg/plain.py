"""What functions of SciPy's own are given in place of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.scipy.sparse.arrays import SparseArray

__all__ = ["plain"]


def plain(x: Any) -> Any:
    """`x` with SciPy's matrices and NumPy's arrays in place of those of tensors."""
    if isinstance(x, SparseArray):
        pattern, values = x.entries
        return pattern.matrix(np.array(values.numpy())).asformat(x.format)
    return np.array(x.numpy()) if isinstance(x, Tensor) else x
