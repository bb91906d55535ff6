"""Windows for the analysis of signals, with NumPy's names; `kaiser` may be traced (`ranges`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.creation.constructors import asarray
from adjoint.graph.tensor import Tensor

__all__ = ["bartlett", "blackman", "hamming", "hanning"]


def bartlett(M: Any) -> Tensor:
    """The triangular window of `M` points, 0 at both ends.

    >>> import adjoint as ad
    >>> ad.bartlett(5)
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    return asarray(np.bartlett(M))


def blackman(M: Any) -> Tensor:
    """The Blackman window of `M` points, a sum of three cosines.

    >>> import adjoint as ad
    >>> ad.round(ad.blackman(5), 2)
    Tensor([-0.  ,  0.34,  1.  ,  0.34, -0.  ])
    """
    return asarray(np.blackman(M))


def hamming(M: Any) -> Tensor:
    """The Hamming window of `M` points, a raised cosine that is 0.08 at both ends.

    >>> import adjoint as ad
    >>> ad.hamming(3)
    Tensor([0.08, 1.  , 0.08])
    """
    return asarray(np.hamming(M))


def hanning(M: Any) -> Tensor:
    """The window of `M` points after von Hann, a raised cosine that is 0 at both ends.

    >>> import adjoint as ad
    >>> ad.hanning(5)
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    return asarray(np.hanning(M))
