"""Samples less their trend, as of ``scipy.signal``."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from adjoint.array.linalg.contraction import tensordot
from adjoint.array.statistics.descriptive import mean
from adjoint.errors import RangeError
from adjoint.graph.tensor import Tensor
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import constant, floating, unsupported

__all__ = ["detrend"]


def detrend(
    data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False
) -> Tensor:
    """`data` less its mean ("constant"), or less a straight line between each two of `bp`.

    >>> from adjoint.scipy.signal import detrend
    >>> detrend([1.0, 3.0], type="constant")
    Tensor([-1.,  1.])
    """
    name = "scipy.signal.detrend"
    x = floating(data)
    if type in ("constant", "c"):
        return x - mean(x, axis, keepdims=True)
    if type not in ("linear", "l"):
        raise unsupported(name, "type", type, 'give "linear" or "constant"')
    x = moveaxis(x, axis, -1)
    size = x.shape[-1]
    inner = np.unique(np.asarray(constant(name, "bp", bp)).astype(int).reshape(-1))
    breaks = np.unique(np.concatenate([[0], inner, [size]]))
    if breaks[-1] > size:
        raise RangeError(f"{name}: breakpoints lie within the {size} samples")
    parts = []
    for start, stop in itertools.pairwise(breaks):
        part = x[..., int(start) : int(stop)]
        line = np.stack([np.arange(1, stop - start + 1) / (stop - start), np.ones(stop - start)], 1)
        basis = np.linalg.qr(line)[0][:, : min(2, stop - start)].astype(x.dtype)
        fitted = tensordot(tensordot(part, basis, 1), basis.T, 1)
        parts.append(part - fitted)
    return moveaxis(concat(parts, axis=x.ndim - 1), -1, axis)
