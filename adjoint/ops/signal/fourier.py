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

from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import COMPLEX64, DType, Shape, to_complex, to_real
from adjoint.ops.family.linear import Linear
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.movement import broadcast_to

SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The norm with which the other direction has the same factor."""


LARGE = 1024
"""The fewest numbers for which loading SciPy's transforms is worth it."""


def is_for_scipy(x: Any, axes: Sequence[int]) -> bool:
    """Whether SciPy transforms complex `x` faster than NumPy, as it takes several rows at a time as
    the lanes of vectors.

    512 by 512 along both axes took 14 ms by NumPy and 5.5 by SciPy, of half the precision 18 and 3;
    64 rows of 256 of half the precision 65 µs and 30, else 52 and 54; a single row as long by
    either, and NumPy writes it to where it belongs.
    """
    if np.size(x) < LARGE or len(set(axes)) < len(axes):  # SciPy takes each axis once
        return False
    has_rows = np.size(x) > x.shape[axes[0]]
    return has_rows and (len(axes) > 1 or x.dtype == COMPLEX64)


class Transform(Linear):
    """A transform along axes: each result hangs on all elements along them.

    Other linear operations are applied to ones and zeros to see where their results may be other
    than zero; in a transform these may cancel.
    """

    fills = True

    def along(self, node: Node) -> tuple[int, ...]:
        """The axes."""
        raise NotImplementedError

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        if masks[0] is None:
            return None
        mask = broadcast_to(masks[0], node.inputs[0].shape)
        found: Tensor = reduction.any(mask, self.along(node), keepdims=True)
        return broadcast_to(found, node.shape)


class Fourier(Transform):
    """The transform of complex numbers along `axes`, or with `inverse` the other direction."""

    name = "fft"
    param_names = ("axes", "inverse", "norm")

    def along(self, node: Node) -> tuple[int, ...]:
        return tuple(sorted(set(node.params[0])))

    def infer(
        self, x: Node, axes: tuple[int, ...], inverse: bool, norm: str
    ) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(
        self, x: Any, axes: tuple[int, ...], inverse: bool, norm: Any, out: Any = None
    ) -> Any:
        if not np.size(x):
            return np.zeros_like(x)
        if is_for_scipy(x, axes):
            fft = import_module("scipy.fft")
            found = (fft.ifftn if inverse else fft.fftn)(x, axes=axes, norm=norm)
            if out is None:
                return np.asarray(found, x.dtype)
            np.copyto(out, found)
            return out
        if len(axes) == 1:
            along = np.fft.ifft if inverse else np.fft.fft
            return np.asarray(along(x, axis=axes[0], norm=norm, out=out), x.dtype)
        transform = np.fft.ifftn if inverse else np.fft.fftn
        return np.asarray(transform(x, axes=axes, norm=norm), x.dtype)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        axes, inverse, norm = node.params
        return make(self, (adjoint,), (axes, not inverse, SWAPPED[norm]))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axes, inverse, norm = node.params
        return make(self, inputs, (tuple([a + 1 for a in axes]), inverse, norm))


class RealFourier(Transform):
    """The first n // 2 + 1 terms of the transform of n real numbers along `axis`."""

    name = "rfft"
    param_names = ("axis", "norm")

    def along(self, node: Node) -> tuple[int, ...]:
        return (node.params[0],)

    def infer(self, x: Node, axis: int, norm: str) -> tuple[Shape, DType]:
        half = x.shape[axis] // 2 + 1
        return (*x.shape[:axis], half, *x.shape[axis + 1 :]), to_complex(x.dtype)

    def evaluate(self, x: Any, axis: int, norm: Any, out: Any = None) -> Any:
        return np.asarray(np.fft.rfft(x, axis=axis, norm=norm, out=out), to_complex(x.dtype))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        axis, norm = node.params
        x = node.inputs[0]
        count = x.shape[axis]
        once = adjoint / twice(adjoint, axis, count, to_real(node.dtype))
        return make(_irfft, (once,), (axis, count, SWAPPED[norm]))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, norm = node.params
        return make(self, inputs, (axis + 1, norm))


class InverseRealFourier(Transform):
    """The `count` real numbers of which the input holds the first terms of the transform.

    The imaginary parts of the first term, and for an even count of the last, count for nothing.
    """

    name = "irfft"
    param_names = ("axis", "count", "norm")

    def along(self, node: Node) -> tuple[int, ...]:
        return (node.params[0],)

    def infer(self, x: Node, axis: int, count: int, norm: str) -> tuple[Shape, DType]:
        return (*x.shape[:axis], count, *x.shape[axis + 1 :]), to_real(x.dtype)

    def evaluate(self, x: Any, axis: int, count: int, norm: Any, out: Any = None) -> Any:
        return np.asarray(np.fft.irfft(x, count, axis=axis, norm=norm, out=out), to_real(x.dtype))

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        axis, count, norm = node.params
        terms = make(_rfft, (adjoint,), (axis, SWAPPED[norm]))
        return terms * twice(terms, axis, count, node.dtype)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        axis, count, norm = node.params
        return make(self, inputs, (axis + 1, count, norm))


class Trigonometric(Transform):
    """The discrete cosine or sine transform of a type from 1 to 4, without a factor.

    Types 2 and 3 are the transposes of each other, 1 and 4 their own, but for what stands once in a
    sum whose other terms stand twice: the ends of a cosine transform of type 1, the first element
    of one of type 3, the last of a sine transform of type 3.
    """

    name = "trigonometric_transform"
    fills = False
    param_names = ("function", "type", "axis")

    def along(self, node: Node) -> tuple[int, ...]:
        return (node.params[2],)

    def infer(self, x: Node, function: str, type: int, axis: int) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, function: str, type: int, axis: int) -> Any:
        transform = getattr(import_module("scipy.fft"), function)
        return np.asarray(transform(x, type, axis=axis), x.dtype)

    def transpose(self, node: Node, adjoint: Tensor) -> Tensor:
        function, type, axis = node.params
        other = {2: 3, 3: 2}.get(type, type)
        once = self.once(function, type, axis, node)
        before = after = None
        if type == 2:
            before = self.once(function, 3, axis, node)
        elif once is not None:
            before, after = (once / 2, 2 / once) if type == 1 else (None, 1 / once)
        sent = adjoint if before is None else adjoint * from_array(before)
        found = make(self, (sent,), (function, other, axis))
        return found if after is None else found * from_array(after)

    def once(self, function: str, type: int, axis: int, node: Node) -> Any:
        """An array: 2 along the axis where an element stands once in the sums, 1 elsewhere."""
        places = {("dct", 1): (0, -1), ("dct", 3): (0,), ("dst", 3): (-1,)}.get((function, type))
        if places is None:
            return None
        weights = np.ones(node.shape[axis], to_real(node.dtype))
        weights[list(places)] = 2
        return weights.reshape((-1,) + (1,) * (len(node.shape) - axis - 1))

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        function, type, axis = node.params
        return make(self, inputs, (function, type, axis + 1))


_fft, _rfft, _irfft, _trigonometric = map(
    register, (Fourier(), RealFourier(), InverseRealFourier(), Trigonometric())
)


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


def trigonometric(x: Tensor, function: str, type: int, axis: int) -> Tensor:
    """The transform "dct" or "dst" of `x` along `axis`, without a factor."""
    return make(_trigonometric, (x,), (function, type, axis))
