"""NumPy's rarer functions of elements, of dtypes and of order. Composites, or of values only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.values import known, known_integers
from adjoint.errors import DTypeError, RangeError
from adjoint.graph.op import public, public_as
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import BOOL, COMPLEX64, COMPLEX128, FLOAT64, promote
from adjoint.ops.elementwise.choice import copysign, stop_gradient, where
from adjoint.ops.elementwise.comparison import equal, isfinite
from adjoint.ops.elementwise.complex import conj, real
from adjoint.ops.elementwise.rounding import nextafter
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.reduction import all, line
from adjoint.ops.reductions.sorting import argsort, sort
from adjoint.ops.shape.joining import joined
from adjoint.ops.shape.movement import astype, reshape

__all__ = [
    "argpartition",
    "array_equiv",
    "bitwise_count",
    "common_type",
    "frexp",
    "gcd",
    "lcm",
    "matvec",
    "partition",
    "ravel_multi_index",
    "real_if_close",
    "sort_complex",
    "spacing",
    "unravel_index",
    "vecmat",
]


def _of_integers(name: str, function: Callable[..., Any], *xs: Any) -> Tensor:
    """What NumPy makes of the values of tensors of integers, whose derivative is 0."""
    given = joined(name, xs) if len(xs) > 1 else [as_tensor(xs[0])]
    return from_array(np.asarray(function(*(known_integers(name, x) for x in given))))


@public
def gcd(x1: Any, x2: Any, /) -> Tensor:
    """The greatest common divisor of integers. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.gcd(12, [8, 9])
    Tensor([4, 3])
    """
    return _of_integers("gcd", np.gcd, x1, x2)


@public
def lcm(x1: Any, x2: Any, /) -> Tensor:
    """The least common multiple of integers. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.lcm(4, [6, 8])
    Tensor([12,  8])
    """
    return _of_integers("lcm", np.lcm, x1, x2)


@public
def bitwise_count(x: Any, /) -> Tensor:
    """How many bits of the size of an integer are 1, as uint8. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.bitwise_count(7)
    Tensor(3, dtype=uint8)
    """
    return _of_integers("bitwise_count", np.bitwise_count, x)


@public
def frexp(x: Any, /) -> tuple[Tensor, Tensor]:
    """The mantissa m, ½ ≤ |m| < 1, and the exponent e (int32) of x = m 2ᵉ.

    The derivative of the mantissa is 2⁻ᵉ. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.frexp(6.0)
    (Tensor(0.75), Tensor(3, dtype=int32))
    """
    x = as_tensor(x)
    x = x if x.dtype.kind == "f" else as_tensor(x, FLOAT64)
    exponents = np.asarray(np.frexp(known(x))[1], np.int32)
    half = exponents // 2
    scaled = x
    for part in (half, exponents - half):  # one factor would overflow for the least numbers
        scaled = scaled * from_array(np.ldexp(np.ones_like(x, dtype=x.dtype), -part))
    return where(isfinite(x), scaled, x), from_array(exponents)


@public
def spacing(x: Any, /) -> Tensor:
    """The distance from x to the next number of its dtype away from 0; its derivative is 0.

    >>> import adjoint as ad
    >>> float(ad.spacing(1.0)) == 2**-52
    True
    """
    x = as_tensor(x)
    x = stop_gradient(x if x.dtype.kind == "f" else as_tensor(x, FLOAT64))
    gap: Tensor = nextafter(x, copysign(as_tensor(np.inf, x.dtype), x)) - x
    return gap


@public
def real_if_close(x: Any, tol: float = 100) -> Tensor:
    """The real part of `x` if all imaginary parts are below `tol` epsilons (1 and more) or `tol`,
    else `x`. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.real_if_close(ad.asarray([1 + 0j, 2 + 1e-15j]))
    Tensor([1., 2.])
    """
    x = as_tensor(x)
    if x.dtype.kind != "c":
        return Tensor(x.node)
    bound = tol * float(np.finfo(x.dtype).eps) if tol > 1 else tol
    return real(x) if bool(np.all(np.abs(known(x).imag) < bound)) else Tensor(x.node)


@public
def array_equiv(a1: Any, a2: Any) -> Tensor:
    """Whether the elements of two tensors are equal after broadcasting.

    >>> import adjoint as ad
    >>> ad.array_equiv([1, 1], 1)
    Tensor(True)
    """
    a, b = as_tensor(a1), as_tensor(a2)
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return from_array(np.asarray(False))
    return all(equal(a, b))


@public
def matvec(x1: Any, x2: Any, /) -> Tensor:
    """The products of the matrices in the last two axes of `x1` and the vectors in the last of
    `x2`; the other axes broadcast.

    >>> import adjoint as ad
    >>> ad.matvec(ad.ones((2, 3)), ad.ones(3))
    Tensor([3., 3.])
    """
    a, b = joined("matvec", (x1, x2))
    found = matmul(a, reshape(b, (*b.shape, 1)))
    return reshape(found, found.shape[:-1])


@public
def vecmat(x1: Any, x2: Any, /) -> Tensor:
    """The products of the conjugated vectors in the last axis of `x1` and the matrices in the last
    two of `x2`; the other axes broadcast.

    >>> import adjoint as ad
    >>> ad.vecmat(ad.ones(2), ad.ones((2, 3)))
    Tensor([2., 2., 2.])
    """
    a, b = joined("vecmat", (x1, x2))
    found = matmul(reshape(conj(a), (*a.shape[:-1], 1, a.shape[-1])), b)
    return reshape(found, (*found.shape[:-2], found.shape[-1]))


def _kth(name: str, kth: Any, size: int) -> None:
    for k in np.ravel(known_integers(name, kth)).tolist():
        if not -size <= k < size:
            raise RangeError(f"{name}: kth is {k}, but there are {size} elements along the axis")


@public
def partition(x: Any, /, kth: Any, axis: Any = -1, kind: Any = None) -> Tensor:
    """`x` in an order in which element `kth` along `axis` stands as if sorted, those before are
    not larger and those behind not smaller: it is sorted, whatever `kind`. Raises `RangeError`.

    >>> import adjoint as ad
    >>> ad.partition(ad.asarray([3.0, 1.0, 2.0]), 1)
    Tensor([1., 2., 3.])
    """
    x, place = line("partition", as_tensor(x), axis)
    _kth("partition", kth, x.shape[place])
    return sort(x, place)


@public
def argpartition(x: Any, /, kth: Any, axis: Any = -1, kind: Any = None) -> Tensor:
    """The indices (int64) that put `x` in the order of `partition`. Raises `RangeError`.

    >>> import adjoint as ad
    >>> ad.argpartition(ad.asarray([3.0, 1.0, 2.0]), 1)
    Tensor([1, 2, 0])
    """
    x, place = line("argpartition", as_tensor(x), axis)
    _kth("argpartition", kth, x.shape[place])
    return argsort(x, place)


@public
def sort_complex(x: Any, /) -> Tensor:
    """`x` sorted along its last axis, by real parts first, as complex numbers.

    >>> import adjoint as ad
    >>> ad.sort_complex(ad.asarray([2.0, 1.0]))
    Tensor([1.+0.j, 2.+0.j])
    """
    x = sort(x)
    single = x.dtype.kind in "iu" and x.dtype.itemsize <= 2  # as NumPy has it
    wanted = x.dtype if x.dtype.kind == "c" else COMPLEX64 if single else COMPLEX128
    return astype(x, wanted)


@public
def common_type(*arrays: Any) -> type:
    """The inexact type that the elements of all arrays fit into. Raises `DTypeError`.

    >>> import adjoint as ad
    >>> ad.common_type(ad.ones(2, dtype="float32"), 1)
    <class 'numpy.float64'>
    """
    dtypes = [as_tensor(x).dtype for x in arrays]
    if BOOL in dtypes:
        raise DTypeError("common_type: booleans have no common inexact type")
    found = promote(*(d if d.kind in "fc" else FLOAT64 for d in dtypes))
    kind: type = found.type
    return kind


@public
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Tensor, ...]:
    """For each axis of `shape` the indices of the elements that `indices` count when flattened.

    >>> import adjoint as ad
    >>> ad.unravel_index(ad.asarray([3, 4]), (2, 3))
    (Tensor([1, 1]), Tensor([0, 1]))
    """
    places = known_integers("unravel_index", indices)
    found = np.unravel_index(places, shape, order=order)  # type: ignore[call-overload]
    return tuple(from_array(np.asarray(part, np.int64)) for part in found)


@public
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Tensor:
    """The numbers in the flattened tensor of shape `dims` of the elements at an index per axis.

    >>> import adjoint as ad
    >>> ad.ravel_multi_index(([1, 1], ad.asarray([0, 1])), (2, 3))
    Tensor([3, 4])
    """
    given = tuple(known_integers("ravel_multi_index", i) for i in multi_index)
    found = np.ravel_multi_index(given, dims, mode=mode, order=order)  # type: ignore[call-overload]
    return from_array(np.asarray(found, np.int64))


@public_as("min_scalar_type")
def _min_scalar_type(x: Any, /) -> Any:
    """The least dtype for the value of a number; of more, their dtype."""
    x = as_tensor(x)
    return x.dtype if x.ndim else np.min_scalar_type(known(x)[()])


@public_as("einsum_path")
def _einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """As NumPy's, which needs shapes alone."""
    given = [np.broadcast_to(0.0, x.shape) if isinstance(x, Tensor) else x for x in operands]
    return np.einsum_path(*given, optimize=optimize)
