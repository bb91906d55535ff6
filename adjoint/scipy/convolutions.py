"""Convolutions of several axes, by that along the last one. Composites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import promote
from adjoint.ops.indexing.slicing import along, pick, put_into_zeros
from adjoint.ops.shape.rearrange import flip
from adjoint.ops.signal.convolution import conjugate, convolve_last
from adjoint.scipy.common import floating, unsupported

__all__ = ["centered", "full", "pair", "turned", "windows"]


def pair(name: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Two arrays with equally many axes, in one floating dtype."""
    a, b = floating(a), floating(b)
    dtype = promote(a.dtype, b.dtype)
    a, b = as_tensor(a, dtype), as_tensor(b, dtype)
    if a.ndim != b.ndim:
        raise ShapeError(
            f"{name}: both arrays need equally many axes, got shapes {a.shape} and {b.shape}"
        )
    if not a.size or not b.size:
        raise ShapeError(f"{name}: needs elements, got shapes {a.shape} and {b.shape}")
    return a, b


def turned(x: Tensor) -> Tensor:
    """`x` reversed along every axis, and conjugate."""
    return flip(conjugate(x))


def full(a: Tensor, b: Tensor) -> Tensor:
    """All of the convolution of two arrays with equally many axes."""
    if a.ndim == 0:
        product: Tensor = a * b
        return product
    if a.ndim == 1:
        return convolve_last(a, b, "full")
    if a.size < b.size:
        a, b = b, a
    shape = tuple(n + m - 1 for n, m in zip(a.shape, b.shape, strict=True))
    total: Tensor | None = None
    for place in np.ndindex(b.shape[:-1]):
        row = b
        for i in place:
            row = pick(row, 0, i)
        part = convolve_last(a, row, "full")
        starts = (*place, 0)
        part = put_into_zeros(part, starts, (1,) * a.ndim, part.shape, shape)
        total = part if total is None else total + part
    assert total is not None
    return total


def centered(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The middle of `x`, in `shape`."""
    for axis, size in enumerate(shape):
        x = along(x, axis, (x.shape[axis] - size) // 2, 1, size)
    return x


def windows(x: Tensor, weights: Tensor) -> Tensor:
    """Σ_j weights[j] x[i + j] for all i where the weights lie within x."""
    if x.ndim == 1:
        return convolve_last(x, flip(weights), "valid")
    shape = tuple(n - m + 1 for n, m in zip(x.shape, weights.shape, strict=True))
    total: Tensor | None = None
    for place in np.ndindex(weights.shape[:-1]):
        row, part = weights, x
        for axis, i in enumerate(place):
            row = pick(row, 0, i)
            part = along(part, axis, i, 1, shape[axis])
        part = convolve_last(part, flip(row), "valid")
        total = part if total is None else total + part
    assert total is not None
    return total


def in_mode(name: str, a: Tensor, b: Tensor, mode: str) -> Tensor:
    """The part of the convolution that `mode` names."""
    if mode == "full":
        return full(a, b)
    if mode == "same":
        return centered(full(a, b), a.shape)
    if mode != "valid":
        raise unsupported(name, "mode", mode, 'give "full", "same" or "valid"')
    if all(n <= m for n, m in zip(a.shape, b.shape, strict=True)):
        a, b = b, a
    if any(n < m for n, m in zip(a.shape, b.shape, strict=True)):
        raise ShapeError(
            f'{name}: for mode="valid" one array must be at least as large along every axis, got '
            f"shapes {a.shape} and {b.shape}"
        )
    return windows(a, flip(b)) if a.ndim else full(a, b)
