"""Discrete Fourier transforms: of complex numbers, of real ones, and back to real ones.

With ω = exp(-2πi/n) and a factor c that the norm says, `fft` is y_k = c Σ_j ω^{jk} x_j. By the
inner product Re(u* v) its transpose is the conjugate one, the transform of the other direction with
the same factor. `rfft` keeps the first half of what a transform of real numbers yields; its
transpose counts each term of that half once, whereas `irfft` counts those twice that stand for two,
so the adjoint is halved there before, and doubled after the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, to_complex, to_real
from adjoint.ops.linear import Linear

SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The norm with which the other direction has the same factor."""


class Fourier(Linear):
    """The transform of complex numbers along `axes`, or with `inverse` the other direction."""

    name = "fft"
    param_names = ("axes", "inverse", "norm")

    def infer(
        self, x: Node, axes: tuple[int, ...], inverse: bool, norm: str
    ) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, axes: tuple[int, ...], inverse: bool, norm: Any) -> Any:
        if not np.size(x):
            return np.zeros_like(x)
        transform = np.fft.ifftn if inverse else np.fft.fftn
        return np.asarray(transform(x, axes=axes, norm=norm), x.dtype)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        axes, inverse, norm = node.params
        return make(self, (adjoint,), (axes, not inverse, SWAPPED[norm]))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axes, inverse, norm = node.params
        return make(self, inputs, (tuple([a + 1 for a in axes]), inverse, norm))


class RealFourier(Linear):
    """The first n // 2 + 1 terms of the transform of n real numbers along `axis`."""

    name = "rfft"
    param_names = ("axis", "norm")

    def infer(self, x: Node, axis: int, norm: str) -> tuple[Shape, DType]:
        half = x.shape[axis] // 2 + 1
        return (*x.shape[:axis], half, *x.shape[axis + 1 :]), to_complex(x.dtype)

    def evaluate(self, x: Any, axis: int, norm: Any) -> Any:
        return np.asarray(np.fft.rfft(x, axis=axis, norm=norm), to_complex(x.dtype))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        axis, norm = node.params
        x = node.inputs[0]
        count = x.shape[axis]
        once = adjoint / twice(adjoint, axis, count, to_real(node.dtype))
        return make(_irfft, (once,), (axis, count, SWAPPED[norm]))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, norm = node.params
        return make(self, inputs, (axis + 1, norm))


class InverseRealFourier(Linear):
    """The `count` real numbers of which the input holds the first terms of the transform.

    The imaginary parts of the first term, and for an even count of the last, count for nothing.
    """

    name = "irfft"
    param_names = ("axis", "count", "norm")

    def infer(self, x: Node, axis: int, count: int, norm: str) -> tuple[Shape, DType]:
        return (*x.shape[:axis], count, *x.shape[axis + 1 :]), to_real(x.dtype)

    def evaluate(self, x: Any, axis: int, count: int, norm: Any) -> Any:
        return np.asarray(np.fft.irfft(x, count, axis=axis, norm=norm), to_real(x.dtype))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        axis, count, norm = node.params
        terms = make(_rfft, (adjoint,), (axis, SWAPPED[norm]))
        return terms * twice(terms, axis, count, node.dtype)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, count, norm = node.params
        return make(self, inputs, (axis + 1, count, norm))


_fft, _rfft, _irfft = map(register, (Fourier(), RealFourier(), InverseRealFourier()))


def twice(x: Tensor, axis: int, count: int, dtype: DType) -> Tensor:
    """2 for the terms along `axis` that stand for two of `count`, 1 for the others."""
    weights = np.full(count // 2 + 1, 2, dtype)
    weights[0] = 1
    if count % 2 == 0:
        weights[-1] = 1
    return from_array(weights.reshape((-1,) + (1,) * (x.ndim - axis - 1)))


def fourier(x: Tensor, axes: tuple[int, ...], inverse: bool, norm: str) -> Tensor:
    """The transform of complex `x` along `axes`."""
    return make(_fft, (x,), (axes, inverse, norm))


def real_fourier(x: Tensor, axis: int, norm: str) -> Tensor:
    """The first half of the transform of real `x` along `axis`."""
    return make(_rfft, (x,), (axis, norm))


def inverse_real_fourier(x: Tensor, axis: int, count: int, norm: str) -> Tensor:
    """The `count` real numbers whose transform begins with the terms of `x` along `axis`."""
    return make(_irfft, (x,), (axis, count, norm))
