"""Sums of products: dot, inner, outer, tensordot, kron, cross …, lowered to matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from adjoint.array.creation.constructors import ones_like
from adjoint.array.linalg.equations import inv
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import normalize_axis
from adjoint.ops.elementwise.complex import conj
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.reduction import sum as sum_over
from adjoint.ops.reductions.reduction import to_accumulate
from adjoint.ops.shape.joining import concat, joined, stack
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape
from adjoint.ops.shape.rearrange import moveaxis, roll
from adjoint.ops.signal.convolution import conjugate

__all__ = [
    "cross",
    "dot",
    "inner",
    "kron",
    "matrix_power",
    "matvec",
    "multi_dot",
    "outer",
    "tensordot",
    "vander",
    "vdot",
    "vecdot",
    "vecmat",
]


@public
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The dot product of the vectors that lie along `axis`, Σ conj(x1) x2; the others broadcast.

    >>> import adjoint as ad
    >>> ad.vecdot(ad.asarray([[1.0, 2.0], [3.0, 4.0]]), ad.asarray([1.0, 1.0]))
    Tensor([3., 7.])
    """
    a, b = joined("vecdot", (x1, x2))
    _need_axes("vecdot", a, b)
    a, b = (moveaxis(x, normalize_axis("vecdot", axis, x.ndim), -1) for x in (a, b))
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(
            f"vecdot: the vectors have {a.shape[-1]} and {b.shape[-1]} elements; "
            "they must have equally many"
        )
    a = conjugate(a)
    return matmul(a, b) if a.ndim == b.ndim == 1 else sum_over(a * b, -1, dtype=a.dtype)


def _need_axes(name: str, *tensors: Tensor) -> None:
    for x in tensors:
        if not x.ndim:
            raise ShapeError(f"{name}: a 0-d tensor is not a vector; multiply by numbers with *")


@public
def vdot(x1: Any, x2: Any, /) -> Tensor:
    """The dot product of the flattened tensors, Σ conj(x1) x2.

    >>> import adjoint as ad
    >>> ad.vdot(ad.asarray([[1.0, 2.0]]), ad.asarray([[3.0], [4.0]]))
    Tensor(11.)
    """
    a, b = joined("vdot", (x1, x2))
    return vecdot(reshape(a, (-1,)), reshape(b, (-1,)))


@public
def dot(x1: Any, x2: Any, /) -> Tensor:
    """The dot product of NumPy: of vectors, of matrices, or by a number.

    In general the sum over the last axis of `x1` and the second-to-last of `x2` (the last, if it
    is a vector), the other axes side by side. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.dot(ad.asarray([1.0, 2.0]), ad.asarray([3.0, 4.0]))
    Tensor(11.)
    """
    a, b = joined("dot", (x1, x2))
    if not a.ndim or not b.ndim:
        product: Tensor = a * b
        return product
    if b.ndim <= 2:
        if a.shape[-1] != b.shape[0]:
            raise _unequal("dot", a, -1, b, 0)
        return matmul(a, b)
    if a.shape[-1] != b.shape[-2]:
        raise _unequal("dot", a, -1, b, -2)
    return tensordot(a, b, ((-1,), (-2,)))


def _unequal(name: str, a: Tensor, first: int, b: Tensor, second: int) -> ShapeError:
    return ShapeError(
        f"{name}: shapes {a.shape} and {b.shape} do not fit: axis {first} of the first has size "
        f"{a.shape[first]}, axis {second} of the second {b.shape[second]}; they must be equal"
    )


@public
def inner(x1: Any, x2: Any, /) -> Tensor:
    """The sum over the last axes of both, the other axes side by side; the product with a number.

    >>> import adjoint as ad
    >>> ad.inner(ad.asarray([1.0, 2.0]), ad.asarray([3.0, 4.0]))
    Tensor(11.)
    """
    a, b = joined("inner", (x1, x2))
    if not a.ndim or not b.ndim:
        product: Tensor = a * b
        return product
    if a.shape[-1] != b.shape[-1]:
        raise _unequal("inner", a, -1, b, -1)
    return tensordot(a, b, ((-1,), (-1,)))


@public
def outer(x1: Any, x2: Any, /) -> Tensor:
    """The matrix of the products of all elements of `x1` with all of `x2`, both flattened.

    >>> import adjoint as ad
    >>> ad.outer(ad.asarray([1.0, 2.0]), ad.asarray([3.0, 4.0]))
    Tensor([[3., 4.],
            [6., 8.]])
    """
    a, b = joined("outer", (x1, x2))
    result: Tensor = reshape(a, (-1, 1)) * reshape(b, (1, -1))
    return result


@public
def tensordot(x1: Any, x2: Any, /, axes: Any = 2) -> Tensor:
    """The sum of products over pairs of axes; the axes left of `x1` come first, then of `x2`.

    axes: an integer n, for the last n of `x1` with the first n of `x2`; or a pair of sequences,
    the axes of `x1` and those of `x2` that go with them. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.tensordot(ad.asarray([[1.0, 2.0], [3.0, 4.0]]), ad.asarray([1.0, 1.0]), axes=1)
    Tensor([3., 7.])
    """
    a, b = joined("tensordot", (x1, x2))
    first, second = _pairs(a, b, axes)
    for i, j in zip(first, second, strict=True):
        if a.shape[i] != b.shape[j]:
            raise _unequal("tensordot", a, i, b, j)
    free_a = [i for i in range(a.ndim) if i not in first]
    free_b = [j for j in range(b.ndim) if j not in second]
    size = math.prod(a.shape[i] for i in first)
    shape = tuple(a.shape[i] for i in free_a) + tuple(b.shape[j] for j in free_b)
    rows = reshape(permute_dims(a, [*free_a, *first]), (math.prod(shape[: len(free_a)]), size))
    columns = reshape(permute_dims(b, [*second, *free_b]), (size, math.prod(shape[len(free_a) :])))
    return reshape(matmul(rows, columns), shape)


def _pairs(a: Tensor, b: Tensor, axes: Any) -> tuple[list[int], list[int]]:
    if hasattr(axes, "__index__"):
        count = axes.__index__()
        if not 0 <= count <= min(a.ndim, b.ndim):
            raise ShapeError(
                f"tensordot: axes={count}, but shapes {a.shape} and {b.shape} have "
                f"{a.ndim} and {b.ndim} axes"
            )
        return list(range(a.ndim - count, a.ndim)), list(range(count))
    try:
        first, second = ([s] if hasattr(s, "__index__") else list(s) for s in axes)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"tensordot: axes must be an integer or a pair of sequences of axes, got {axes!r}"
        ) from None
    found = (
        [normalize_axis("tensordot", i, a.ndim) for i in first],
        [normalize_axis("tensordot", j, b.ndim) for j in second],
    )
    if len(first) != len(second) or any(len(set(f)) != len(f) for f in found):
        raise ShapeError(
            f"tensordot: axes {axes!r} must name as many axes of the first as of the second, "
            f"each once"
        )
    return found


@public
def kron(x1: Any, x2: Any, /) -> Tensor:
    """The Kronecker product: blocks of `x2`, each times an element of `x1`.

    >>> import adjoint as ad
    >>> ad.kron(ad.asarray([1.0, 10.0]), ad.asarray([1.0, 2.0]))
    Tensor([ 1.,  2., 10., 20.])
    """
    a, b = joined("kron", (x1, x2))
    rank = max(a.ndim, b.ndim)
    first, second = ((1,) * (rank - x.ndim) + x.shape for x in (a, b))
    spaced = reshape(a, tuple(s for size in first for s in (size, 1)))
    product = spaced * reshape(b, tuple(s for size in second for s in (1, size)))
    return reshape(product, tuple(p * q for p, q in zip(first, second, strict=True)))


@public
def cross(
    x1: Any,
    x2: Any,
    /,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """The cross product of the vectors of 3 elements that lie along `axis`; the others broadcast.

    axisa, axisb, axisc: the axes of `x1`, of `x2` and of the result, if they differ. Vectors of 2
    elements have 0 as the third; of two such the third of the product is returned.

    >>> import adjoint as ad
    >>> ad.cross(ad.asarray([1.0, 0.0, 0.0]), ad.asarray([0.0, 1.0, 0.0]))
    Tensor([0., 0., 1.])
    """
    a, b = joined("cross", (x1, x2))
    _need_axes("cross", a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    a = moveaxis(a, normalize_axis("cross", axisa, a.ndim), -1)
    b = moveaxis(b, normalize_axis("cross", axisb, b.ndim), -1)
    if not {a.shape[-1], b.shape[-1]} <= {2, 3}:
        raise ShapeError(
            f"cross: both need size 3 along their axis (or 2), got {a.shape[-1]} and {b.shape[-1]}"
        )
    if a.shape[-1] == b.shape[-1] == 2:
        third: Tensor = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
        return third
    a, b = (_with_third(x) for x in (a, b))
    turned = a * roll(b, -1, -1) - roll(a, -1, -1) * b
    return moveaxis(roll(turned, -1, -1), -1, axisc)


def _with_third(x: Tensor) -> Tensor:
    """Vectors of 2 elements with 0 as the third."""
    return x if x.shape[-1] == 3 else concat([x, 0 * x[..., :1]], -1)


@public
def matrix_power(x: Any, /, n: int) -> Tensor:
    """The product of `n` factors `x`, square matrices in the last two axes, by repeated squaring.

    n: an integer; 0 gives identity matrices, a negative one powers of the inverse.

    >>> import adjoint as ad
    >>> ad.matrix_power(ad.asarray([[1.0, 1.0], [0.0, 1.0]]), 3)
    Tensor([[1., 3.],
            [0., 1.]])
    """
    x = as_tensor(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"matrix_power: needs square matrices in the last two axes, got {x.shape}")
    try:
        n = n.__index__()
    except AttributeError:
        raise ArgumentError(f"matrix_power: n must be an integer, got {n!r}") from None
    if n < 0:
        x, n = inv(x), -n
    result: Tensor | None = None
    while n:
        if n % 2:
            result = x if result is None else matmul(result, x)
        n //= 2
        x = matmul(x, x) if n else x
    return _identity_like(x) if result is None else Tensor(result.node)


def _identity_like(x: Tensor) -> Tensor:
    ones = as_tensor(np.eye(x.shape[-1], dtype=x.dtype))
    return broadcast_to(ones, x.shape)


@public
def multi_dot(tensors: Sequence[Any], /) -> Tensor:
    """The matrix product of several matrices, in the order of least work.

    The first and the last may be vectors. Raises `ShapeError`, `ArgumentError`.

    >>> import adjoint as ad
    >>> ad.multi_dot([ad.ones((2, 3)), ad.ones((3, 4)), ad.ones(4)])
    Tensor([12., 12.])
    """
    given = joined("multi_dot", tensors)
    if len(given) < 2:
        raise ArgumentError(f"multi_dot: needs at least two tensors, got {len(given)}")
    for number, x in enumerate(given):
        if x.ndim != 2 and not (x.ndim == 1 and number in (0, len(given) - 1)):
            raise ShapeError(
                f"multi_dot: tensor {number} has shape {x.shape}; needs matrices, or a vector "
                f"first or last"
            )
    for number, (a, b) in enumerate(pairwise(given)):
        if a.shape[-1] != b.shape[0]:
            raise ShapeError(
                f"multi_dot: tensor {number} has shape {a.shape}, tensor {number + 1} {b.shape}; "
                f"the last axis of one and the first of the next must be equal"
            )
    first = 1 if given[0].ndim == 1 else given[0].shape[0]
    last = 1 if given[-1].ndim == 1 else given[-1].shape[1]
    cuts = _best_cuts([first, *(x.shape[0] for x in given[1:]), last])

    def product(low: int, high: int) -> Tensor:
        if low == high:
            return given[low]
        cut = cuts[low, high]
        return matmul(product(low, cut), product(cut + 1, high))

    return product(0, len(given) - 1)


def _best_cuts(sizes: list[int]) -> dict[tuple[int, int], int]:
    """After which matrix each run of matrices is split so that the work is least.

    Matrix i has shape (sizes[i], sizes[i + 1]); work(i, j) is the least over the cuts k of
    work(i, k) + work(k + 1, j) + sizes[i] · sizes[k + 1] · sizes[j + 1].
    """
    count = len(sizes) - 1
    work = {(i, i): 0 for i in range(count)}
    cuts: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            work[i, j], cuts[i, j] = min(
                (work[i, k] + work[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return cuts


@public
def vander(x: Any, /, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix of a vector: the powers of its elements as columns.

    The powers are products, so that their derivatives are right at 0. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.vander(ad.asarray([2.0, 3.0]), 3)
    Tensor([[4., 2., 1.],
            [9., 3., 1.]])
    """
    x = to_accumulate(x, None)
    if x.ndim != 1:
        raise ShapeError(f"vander: needs a vector, got shape {x.shape}")
    count = x.shape[0] if N is None else N
    if not count:
        return reshape(x, (-1, 1))[:, :0]
    powers: list[Tensor] = [ones_like(x)]
    for _ in range(count - 1):
        powers.append(powers[-1] * x)
    return stack(powers if increasing else powers[::-1], 1)


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
