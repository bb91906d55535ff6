"""Complex numbers and their parts. Linear over the reals only, so they state both modes themselves.

The gradient of a real function of z = a + ib is ∂/∂a + i ∂/∂b, the direction of steepest ascent.
With the real inner product Re(u* v) the transposes follow: of z ↦ Re z it is r ↦ r, of z ↦ Im z it
is r ↦ ir, conjugation is its own, and of (a, b) ↦ a + ib it is z ↦ (Re z, Im z).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.calls import bind
from adjoint.graph.node import Node
from adjoint.graph.op import public, public_storage, register
from adjoint.graph.tensor import Tensor, as_stored, as_tensor
from adjoint.graph.types import DType, to_complex
from adjoint.ops.elementwise.trigonometric import arctan2, rad2deg
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.family.elementwise import Elementwise, apply, real_result
from adjoint.ops.shape.movement import broadcast_to

__all__ = ["real", "imag", "conj", "conjugate", "angle", "isreal", "iscomplex", "from_parts"]


class ComplexPart(Elementwise):
    """`real`, `imag` or `conj`: linear, so it is its own tangent rule."""

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return None if tangents[0] is None else apply(self, tangents)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        if self.name == "conj":
            return (conj(adjoint),)
        return (fit(adjoint if self.name == "real" else adjoint * 1j, node.inputs[0]),)


def _part(name: str, numpy: Any, result: Any = None) -> Any:
    return register(
        ComplexPart(
            name,
            numpy,
            (1,),
            accepts="number",
            result=result,
            domain=((-2.0, 2.0),),
            zeros="all",
            keeps_finite=True,
            holomorphic=False,
        )
    )


_real = _part("real", np.real, real_result)
_imag = _part("imag", np.imag, real_result)
_conj = _part("conj", np.conj)


class FromParts(Elementwise):
    """The complex number of two real ones: linear, so it is its own tangent rule."""

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        a, b = tangents
        if b is None:
            return None if a is None else broadcast_to(a.astype(node.dtype), node.shape)
        return broadcast_to(
            apply(self, (as_tensor(0, b.node.dtype) if a is None else a, b)), node.shape
        )

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        parts = zip((real, imag), node.inputs, wanted, strict=True)
        return [
            fit(part(adjoint), child) if is_wanted else None for part, child, is_wanted in parts
        ]


def _assembled(a: Any, b: Any) -> Any:
    """The array of a + ib, in which also infinities and zeros keep their signs."""
    made = np.empty(np.broadcast_shapes(np.shape(a), np.shape(b)), to_complex(np.result_type(a, b)))
    made.real, made.imag = a, b
    return made[()]


_from_parts = register(
    FromParts(
        "complex",
        _assembled,
        (1, 1),
        accepts="real",
        result=to_complex,
        domain=((-2.0, 2.0), (-2.0, 2.0)),
        zeros="all",
        keeps_finite=True,
        holomorphic=False,
    )
)


@bind
def from_parts(real: Any, imag: Any) -> Tensor:
    """The complex numbers with these real and imaginary parts, each of which is kept as it is:
    ``real + 1j * imag`` has nan where `imag` is infinite, and no -0."""
    return apply(_from_parts, (real, imag))


@public_storage
def real(x: Any, /) -> Tensor:
    """The real part.

    >>> import adjoint as ad
    >>> ad.real(1 + 2j)
    Tensor(1.)
    """
    x = as_stored(x)
    return apply(_real, (x,)) if x.node.dtype.kind == "c" else Tensor(x.node)


@public_storage
def imag(x: Any, /) -> Tensor:
    """The imaginary part, 0 for real numbers.

    >>> import adjoint as ad
    >>> ad.imag(1 + 2j)
    Tensor(2.)
    """
    x = as_stored(x)
    return apply(_imag, (x,)) if x.node.dtype.kind == "c" else _zeros(x)


def _zeros(x: Tensor) -> Tensor:
    dtype: DType = x.node.dtype
    return broadcast_to(as_tensor(0, dtype), x.node.shape)


@public_storage
def conj(x: Any, /) -> Tensor:
    """The complex conjugate; real numbers are their own.

    >>> import adjoint as ad
    >>> ad.conj(1 + 2j)
    Tensor(1.-2.j)
    """
    x = as_stored(x)
    return apply(_conj, (x,)) if x.node.dtype.kind == "c" else Tensor(x.node)


conjugate = conj


@public
def angle(z: Any, /, deg: bool = False) -> Tensor:
    """The angle of a complex number, from -π to π, in degrees if `deg`; its gradient at 0 is 0.

    >>> import adjoint as ad
    >>> ad.angle(1j, deg=True)
    Tensor(90.)
    """
    z = as_tensor(z)
    turned = arctan2(imag(z), real(z))
    return rad2deg(turned) if deg else turned


@public
def isreal(x: Any, /) -> Tensor:
    """Whether the imaginary part is 0.

    >>> import adjoint as ad
    >>> ad.isreal(ad.asarray([1j, 2.0]))
    Tensor([False,  True])
    """
    return imag(x) == 0


@public
def iscomplex(x: Any, /) -> Tensor:
    """Whether the imaginary part is not 0.

    >>> import adjoint as ad
    >>> ad.iscomplex(ad.asarray([1j, 2.0]))
    Tensor([ True, False])
    """
    return imag(x) != 0
