"""Norms, as in ``numpy.linalg``. At 0 every norm has derivative 0. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.linalg.decompositions import svdvals
from adjoint.array.statistics.descriptive import inexact
from adjoint.errors import RangeError, ShapeError
from adjoint.graph.op import public, public_storage
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import normalize_axes, to_real
from adjoint.ops.elementwise.choice import abs, where
from adjoint.ops.elementwise.comparison import equal, not_equal
from adjoint.ops.elementwise.power import power
from adjoint.ops.kinks.kinks import with_kink
from adjoint.ops.reductions.extremum import max, min
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.reductions.reduction import kept, sum
from adjoint.ops.shape.movement import astype, permute_dims, reshape

__all__ = ["matrix_norm", "norm", "vector_norm"]


@public_storage
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of a vector, or of a matrix, as ``numpy.linalg.norm`` chooses between them.

    Without `ord` the Euclidean (Frobenius) norm over `axis`, or of all elements. With `ord` one
    axis means `vector_norm`, two mean `matrix_norm`, and None means all axes, of which there are
    one or two. Raises `ShapeError`, and `RangeError` for an unknown `ord`.

    >>> import adjoint as ad
    >>> ad.linalg.norm(ad.asarray([3.0, 4.0]))
    Tensor(5.)
    >>> ad.linalg.norm(ad.asarray([[1.0, -2.0], [3.0, 4.0]]), ord=1)
    Tensor(6.)
    """
    given, x = x, inexact(x)
    if x is not given and has_stored(given):
        return in_float32(norm, (given, ord, axis, keepdims), {})
    if ord is None:
        return norm2(x, axis, keepdims=keepdims)
    axes = _two("norm", axis, x.ndim)
    if len(axes) == 1:
        return vector_norm(x, axis=axes, ord=ord, keepdims=keepdims)
    if len(axes) == 2:
        return _matrix_norm("norm", x, axes, ord, keepdims)
    raise ShapeError(
        f"norm: with ord={ord!r} a norm is over one axis or two, got axis={axis!r} for shape "
        f"{x.shape}; give axis, or use vector_norm"
    )


def _two(name: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes in the order given, as it matters which of two are the rows."""
    if axis is None or isinstance(axis, int):
        return normalize_axes(name, axis, ndim)
    normalize_axes(name, axis, ndim)
    return tuple([int(a) % ndim for a in axis])


@public
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """The norm of the elements over `axis` (an integer, several, or None for all) as a vector.

    (Σ |x|ᵖ)^(1/p) for the number p = `ord`; the largest and the smallest |x| for inf and -inf;
    how many are not 0 for 0. Derivatives: 0 at the zero vector, for p = 1 also by each element
    that is 0; shared where elements tie for the largest. Raises `ShapeError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.grad(lambda x: ad.linalg.vector_norm(x, ord=1))(ad.asarray([0.0, -2.0]))
    Tensor([ 0., -1.])
    """
    x = inexact(x)
    axes = normalize_axes("vector_norm", axis, x.ndim)
    if isinstance(ord, str) or ord is None or not np.isscalar(ord):
        raise RangeError(f"vector_norm: ord must be a number, inf or -inf, got {ord!r}")
    p = float(ord)  # type: ignore[arg-type]
    if p == 2:
        return norm2(x, axes, keepdims=keepdims)
    if p == 0:
        count = sum(not_equal(x, 0), axes, keepdims=keepdims)
        return astype(count, to_real(x.dtype))
    size = abs(x)
    if p == np.inf:
        return _largest(size, axes, keepdims)
    if p == -np.inf:
        return min(size, axes, keepdims=keepdims)
    if p == 1:
        return sum(size, axes, keepdims=keepdims)
    total = sum(power(size, p), axes)
    root = power(total, 1 / p)
    lanes = kept(x.shape, axes)
    if p > 0:
        at_kink = equal(total, 0)
        root = with_kink(
            where(at_kink, 0.0, root),
            size,
            lambda: reshape(at_kink, lanes),
            "vector_norm",
            tuple([a - x.ndim for a in axes]),
        )
    return reshape(root, lanes) if keepdims else root


def _largest(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The largest element; 0 where there is none, as NumPy says of the norm of nothing."""
    is_empty = any(x.shape[a] == 0 for a in axes)
    return max(x, axes, keepdims=keepdims, initial=0 if is_empty else None)


def _smallest(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The smallest element."""
    return min(x, axes, keepdims=keepdims)


@public
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of the matrices in the last two axes.

    "fro": Frobenius; 1 and -1: the largest and smallest sum of a column, inf and -inf: of a row;
    2 and -2: the largest and smallest singular value, "nuc": the sum of all. Raises `ShapeError`,
    and `RangeError` for another `ord`.

    >>> import adjoint as ad
    >>> ad.linalg.matrix_norm(ad.asarray([[1.0, -2.0], [3.0, 4.0]]), ord=float("inf"))
    Tensor(7.)
    """
    x = inexact(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_norm: needs at least 2 axes, got shape {x.shape}")
    return _matrix_norm("matrix_norm", x, (x.ndim - 2, x.ndim - 1), ord, keepdims)


def _matrix_norm(name: str, x: Tensor, axes: tuple[int, ...], ord: Any, keepdims: bool) -> Tensor:
    rows, columns = axes
    if ord in ("fro", None):
        return norm2(x, axes, keepdims=keepdims)
    pick = _largest if ord in ("nuc",) or ord > 0 else _smallest
    if ord in (1, -1, np.inf, -np.inf):
        first = rows if ord in (1, -1) else columns
        sums = sum(abs(x), first, keepdims=True)
        result = pick(sums, axes, True)
    elif ord in (2, -2, "nuc"):
        rest = [a for a in range(x.ndim) if a not in axes]
        values = svdvals(permute_dims(x, (*rest, rows, columns)))
        result = sum(values, -1) if ord == "nuc" else pick(values, (-1,), True)
    else:
        raise RangeError(
            f"{name}: the ord of a matrix norm is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got "
            f"{ord!r}"
        )
    shape = kept(x.shape, axes)
    if not keepdims:
        shape = tuple([size for a, size in enumerate(x.shape) if a not in axes])
    return reshape(result, shape)
