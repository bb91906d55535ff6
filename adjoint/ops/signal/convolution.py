"""The convolution along the last axis: bilinear, and a convolution is each of its transposes.

With c = a * v in full, c_k = Σ_j a_{k-j} v_j, the adjoint of a is Σ_k c̄_{k+j} v_j: the part of the
convolution of c̄ with v in reverse where the two overlap completely, which is called valid. The
adjoint of the first input of a valid convolution is a full one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.node import Node
from adjoint.graph.op import Op, public, register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape, broadcast_shapes
from adjoint.ops.elementwise.complex import conj
from adjoint.ops.family.broadcasting import align, fit
from adjoint.ops.family.structural_zeros import (
    applied,
    counts,
    masked_input,
    onto,
    over,
    positive,
    whole,
)
from adjoint.ops.indexing.slicing import along
from adjoint.ops.shape.joining import joined
from adjoint.ops.shape.rearrange import flip
from adjoint.transforms.sparsity import from_pairs, known_value

__all__ = ["convolve", "correlate"]

Mode: TypeAlias = Literal["full", "valid"]


class Convolve(Op):
    """The full or the valid convolution; for a valid one the first input is not the shorter."""

    name = "convolve"
    family = "bilinear"
    keeps_finite = bilinear = True
    param_names = ("mode",)

    def infer(self, a: Node, v: Node, mode: Mode) -> tuple[Shape, DType]:
        n, m = a.shape[-1], v.shape[-1]
        lead = broadcast_shapes("convolve", a.shape[:-1], v.shape[:-1])
        return (*lead, n + m - 1 if mode == "full" else n - m + 1), a.dtype

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        """Where one input is known and the other alone varies, a band."""
        known = [known_value(x, p) for x, p in zip(node.inputs, given, strict=True)]
        if (known[0] is None) is (known[1] is None) or any(len(x.shape) != 1 for x in node.inputs):
            return NotImplemented
        own = 0 if known[0] is None else 1
        kernel, size = np.asarray(known[1 - own]), node.inputs[own].shape[0]
        # Element k takes kernel[k + shift - j] with number j.
        shift = 0 if node.params[0] == "full" else node.inputs[1].shape[0] - 1
        rows, taps = np.meshgrid(np.arange(node.shape[0]), np.flatnonzero(kernel), indexing="ij")
        places = rows + shift - taps
        there = (places >= 0) & (places < size)
        return from_pairs(rows[there], places[there], (node.shape[0], size)) @ given[own]

    def evaluate(self, a: Any, v: Any, mode: Mode) -> Any:
        if a.ndim == v.ndim == 1:
            return np.convolve(a, v, mode)
        n, m = a.shape[-1], v.shape[-1]
        lead = np.broadcast_shapes(a.shape[:-1], v.shape[:-1])
        size = n + m - 1 if mode == "full" else n - m + 1
        result = np.zeros((*lead, size), a.dtype)
        if mode == "full":
            if n < m:
                a, v, n, m = v, a, m, n
            for j in range(m):
                result[..., j : j + n] += a * v[..., j : j + 1]
        elif m <= size:
            for j in range(m):
                result += a[..., m - 1 - j : m - 1 - j + size] * v[..., j : j + 1]
        else:
            turned = v[..., ::-1]
            for i in range(size):
                result[..., i] = (a[..., i : i + m] * turned).sum(-1)
        return result

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        a, v = map(Tensor, node.inputs)
        first = None if tangents[0] is None else make(self, (tangents[0], v), node.params)
        second = None if tangents[1] is None else make(self, (a, tangents[1]), node.params)
        if first is None or second is None:
            return first if second is None else second
        return first + second

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        a, v = (masked_input(node, number, adjoint) for number in (0, 1))
        by_a = by_v = None
        full = node.params[0] == "full"
        if wanted[0]:
            turned = flip(conjugate(v), -1)
            by_a = fit(make(self, (adjoint, turned), ("valid" if full else "full",)), a.node)
        if wanted[1]:
            if full:
                by_v = make(self, (adjoint, flip(conjugate(a), -1)), ("valid",))
            else:
                by_v = flip(make(self, (conjugate(a), flip(adjoint, -1)), ("valid",)), -1)
            by_v = fit(by_v, v.node)
        return by_a, by_v

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        inputs = [whole(mask if i == number else None, x.shape) for i, x in enumerate(node.inputs)]
        return positive(applied(self, [counts(x) for x in inputs], node.params))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        shape, full = node.inputs[number].shape, node.params[0] == "full"
        if number and not full:  # every result has a part of all of it
            return onto(over(mask, node.shape, (len(node.shape) - 1,)), shape)
        sent = whole(mask, node.shape), whole(None, node.inputs[1 - number].shape)
        back = applied(self, [counts(x) for x in sent], ("valid" if full else "full",))
        return onto(positive(back), shape)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        rank = len(node.shape)
        whole = [align(x, rank) if b else x for x, b in zip(inputs, batched, strict=True)]
        return make(self, whole, node.params)


_convolve = register(Convolve())


def convolve_last(a: Tensor, v: Tensor, mode: Mode) -> Tensor:
    """The convolution along the last axis; the others broadcast. For a valid one a is not shorter.

    >>> import adjoint as ad
    >>> from adjoint.ops.signal.convolution import convolve_last
    >>> convolve_last(ad.ones((2, 3)), ad.ones((1, 2)), "valid").shape
    (2, 2)
    """
    return make(_convolve, (a, v), (mode,))


def conjugate(x: Tensor) -> Tensor:
    """The complex conjugate; a real tensor as it is."""
    return conj(x) if x.node.dtype.kind == "c" else x


@public
def convolve(a: Any, v: Any, /, mode: str = "full") -> Tensor:
    """The discrete convolution of two vectors, c_k = Σ_j a_{k-j} v_j.

    mode: "full", every k with an overlap; "same", as many as the longer vector has, from the
    middle; "valid", where the overlap is complete. Raises `ShapeError`, `ArgumentError`.

    >>> import adjoint as ad
    >>> ad.convolve(ad.asarray([1.0, 2.0, 3.0]), ad.asarray([0.0, 1.0]))
    Tensor([0., 1., 2., 3.])
    """
    a, v = joined("convolve", (a, v))
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        raise ShapeError(
            f"convolve: needs two vectors that are not empty, got shapes {a.shape} and {v.shape}; "
            f"use vmap to convolve many"
        )
    if mode not in ("full", "same", "valid"):
        raise ArgumentError(f'convolve: mode must be "full", "same" or "valid", got {mode!r}')
    if a.size < v.size:
        a, v = v, a
    if mode == "same":
        return along(make(_convolve, (a, v), ("full",)), 0, (v.size - 1) // 2, 1, a.size)
    return make(_convolve, (a, v), (mode,))


@public
def correlate(a: Any, v: Any, /, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors, c_k = Σ_n a_{n+k} conj(v_n); modes as in `convolve`.

    >>> import adjoint as ad
    >>> ad.correlate(ad.asarray([1.0, 2.0, 3.0]), ad.asarray([0.0, 1.0]))
    Tensor([2., 3.])
    """
    a, v = joined("correlate", (a, v))
    if mode == "same" and a.size < v.size:  # of two middles it is the other one, as in NumPy
        return flip(conjugate(convolve(v, flip(conjugate(a)), mode)))
    return convolve(a, flip(conjugate(v)), mode)
