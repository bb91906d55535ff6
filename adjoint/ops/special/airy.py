"""Airy functions Ai and Bi, the solutions of y'' = x y, and the same scaled."""

from __future__ import annotations

from typing import Any

from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special.scipy_function import keep_dtype

__all__ = ["airy", "airye"]

Four = tuple[Tensor, Tensor, Tensor, Tensor]


def _airy_slope(x: Tensor, y: Tensor, which: int) -> Tensor:
    """Ai', x Ai, Bi', x Bi"""
    other = _airy_part(x, which ^ 1)
    return x * other if which % 2 else other


class _Airy(Elementwise):
    """One of four functions, of which SciPy loses a tiny imaginary part where x is negative."""

    def takes_complex_step(self, node: Node) -> bool:
        return False


_airy = register(
    _Airy(
        "airy",
        lambda x, which: keep_dtype(import_module("scipy.special").airy(x)[which], x),
        (_airy_slope,),
        domain=((-2.0, 2.0),),
        param_names=("which",),
        samples=((0,), (1,), (2,), (3,)),
    )
)


def _airy_part(x: Tensor, which: int) -> Tensor:
    return apply(_airy, (x,), (which,))


def _airye_slope(x: Tensor, y: Tensor, which: int) -> Tensor:
    """The same, and what comes from the factors exp(±2/3 x√x); Bi is not scaled left of 0."""
    other = _airye_part(x, which ^ 1)
    plain = x * other if which % 2 else other
    root = sqrt(where(x > 0, x, 0.0))
    return plain + root * y if which < 2 else plain - root * y


_airye = register(
    _Airy(
        "airye",
        lambda x, which: keep_dtype(import_module("scipy.special").airye(x)[which], x),
        (_airye_slope,),
        accepts="real",
        domain=((0.2, 2.0),),
        param_names=("which",),
        samples=((0,), (1,), (2,), (3,)),
    )
)


def _airye_part(x: Tensor, which: int) -> Tensor:
    return apply(_airye, (x,), (which,))


def _four(part: Any, x: Any) -> Four:
    x = as_tensor(x)
    return part(x, 0), part(x, 1), part(x, 2), part(x, 3)


@public
def airy(z: Any, /) -> Four:
    """The Airy functions Ai, Ai', Bi, Bi' of real or complex numbers.

    Elementwise; four tensors.

    >>> import adjoint as ad
    >>> ad.special.airy(0.0)[0]
    Tensor(0.35502805)
    """
    return _four(_airy_part, z)


@public
def airye(z: Any, /) -> Four:
    """The Airy functions scaled: Ai and Ai' times exp(2/3 x√x), Bi and Bi' times exp(-2/3 x√x).

    Elementwise, of real numbers; Ai is nan and Bi not scaled where x < 0, as in SciPy.

    >>> import adjoint as ad
    >>> ad.special.airye(0.0)[0]
    Tensor(0.35502805)
    """
    return _four(_airye_part, z)
