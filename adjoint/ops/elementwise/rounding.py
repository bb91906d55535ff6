"""Rounding: piecewise constant, so the derivatives are zero (almost everywhere)."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import DTypeError
from adjoint.graph.op import public, register
from adjoint.graph.storage import has_stored
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.family.elementwise import Elementwise, apply, binary, unary

__all__ = ["floor", "ceil", "trunc", "fix", "rint", "round", "around", "nextafter"]

floor = unary(
    "floor", np.floor, None, accepts="real number", doc="The largest whole number not above x."
)
ceil = unary(
    "ceil", np.ceil, None, accepts="real number", doc="The smallest whole number not below x."
)
trunc = unary("trunc", np.trunc, None, accepts="real number", doc="x with its fraction cut off.")
fix = trunc
rint = unary(
    "rint", np.rint, None, example=(2.5,), doc="The nearest whole number, halves to the even one."
)


def _refuse_stored(x1: Any, x2: Any) -> None:
    """Raise for bfloat16, whose neighbours are not those in float32."""
    if has_stored(x1, x2):
        raise DTypeError(
            "nextafter: bfloat16 is computed in float32, which has other neighbours; take them "
            "from NumPy (numpy.nextafter of x.numpy()), or convert with .astype('float32')"
        )


nextafter = binary(
    "nextafter",
    np.nextafter,
    1,
    None,
    accepts="real",
    otherwise=_refuse_stored,
    doc="The floating number next to x1 in the direction of x2.",
)
_round = register(
    Elementwise(
        "round",
        np.round,
        (None,),
        accepts="number",
        domain=((-2.0, 2.0),),
        param_names=("decimals",),
        samples=((1,), (-1,)),
    )
)


@public
def round(x: Any, /, decimals: int = 0) -> Tensor:
    """`x` rounded to `decimals` places after the point, halves to the even digit, as NumPy.

    >>> import adjoint as ad
    >>> ad.round(ad.asarray([0.5, 1.25, 2.5]), 1)
    Tensor([0.5, 1.2, 2.5])
    """
    x = as_tensor(x)
    if decimals == 0 and x.node.dtype.kind in "fc":
        return rint(x)
    if decimals >= 0 and x.node.dtype.kind in "iu":
        return Tensor(x.node)
    return apply(_round, (x,), (int(decimals),))


around = round
