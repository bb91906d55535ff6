"""Solutions of w exp(w) = z and of w + log(w) = z."""

from __future__ import annotations

from typing import Any

from adjoint.errors import RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import to_complex
from adjoint.ops.elementwise.exponential import exp
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special.scipy_function import keep_dtype, special_unary

__all__ = ["lambertw", "wrightomega"]


def _lambertw_value(z: Any, k: int) -> Any:
    return keep_dtype(import_module("scipy.special").lambertw(z, k), z)


_lambertw = register(
    Elementwise(
        "lambertw",
        _lambertw_value,
        (lambda z, w, k: exp(-w) / (1 + w),),
        accepts="complex",
        domain=((0.5, 3.0),),
        param_names=("k",),
        samples=((0,), (-1,)),
    )
)


@public
def lambertw(z: Any, k: int = 0, /) -> Tensor:
    """Lambert's W on its branch `k`, the w with w exp(w) = z; complex numbers, as SciPy's.

    Elementwise; k is a Python integer. Between -1/e and 0 the branches 0 and -1 are real, above 0
    the branch 0 is: take `.real`. The slope at -1/e is ∞.

    >>> import adjoint as ad
    >>> ad.special.lambertw(1.0).real
    Tensor(0.56714329)
    >>> ad.grad(lambda z: ad.special.lambertw(z).real)(0.0)
    Tensor(1.)
    """
    if type(k) is not int:
        raise RangeError(f"lambertw: the branch k must be a Python integer, got {k!r}")
    z = as_tensor(z)
    return apply(_lambertw, (as_tensor(z, to_complex(z.node.dtype)),), (k,))


wrightomega = special_unary(
    "wrightomega",
    lambda z, w: w / (1 + w),
    "Wright's omega function, the w with w + log(w) = z.",
    "0.76624861",
    accepts="float",
)
