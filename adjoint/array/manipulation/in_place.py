"""NumPy's functions that write into the tensor that they are given and return nothing."""

from __future__ import annotations

from typing import Any

from adjoint.array.manipulation.writing import WRITERS
from adjoint.errors import ArgumentError
from adjoint.graph.tensor import Tensor
from adjoint.graph.views import assign

__all__ = ["copyto", "fill_diagonal", "place", "put", "putmask"]


def _write(name: str, x: Any, *args: Any) -> None:
    """Let the tensor `x` stand for what it holds after `name` wrote into it."""
    if not isinstance(x, Tensor):
        raise ArgumentError(
            f"{name}: writes into the tensor that it is given, got {type(x).__name__}; make it a "
            f"tensor first (adjoint.asarray), or write into an array with numpy.{name}"
        )
    assign(x, WRITERS[name](Tensor(x.node), *args).node)


def put(a: Tensor, ind: Any, v: Any, mode: str = "raise") -> None:
    """Write the values `v`, in turn, to the places `ind` of the flattened elements of `a`.

    mode: what to do with places that do not exist: "raise", "wrap" or "clip" them. Raises
    `ArgumentError`, `OutOfBoundsError`, `RangeError`.

    >>> import adjoint as ad
    >>> x = ad.zeros(3)
    >>> ad.put(x, [0, -1], [7.0, 8.0])
    >>> x
    Tensor([7., 0., 8.])
    """
    _write("put", a, ind, v, mode)


def place(arr: Tensor, mask: Any, vals: Any) -> None:
    """Write the first, second … of `vals` to the first, second … place where `mask` holds.

    Raises `ArgumentError`, `ShapeError`.

    >>> import adjoint as ad
    >>> x = ad.asarray([1.0, 2.0, 3.0])
    >>> ad.place(x, x > 1, [7.0, 8.0])
    >>> x
    Tensor([1., 7., 8.])
    """
    _write("place", arr, mask, vals)


def putmask(a: Tensor, mask: Any, values: Any) -> None:
    """Write `values`, repeated as needed, to their own places wherever `mask` holds.

    Raises `ArgumentError`, `ShapeError`.

    >>> import adjoint as ad
    >>> x = ad.asarray([1.0, 2.0, 3.0])
    >>> ad.putmask(x, x > 1, x**2)
    >>> x
    Tensor([1., 4., 9.])
    """
    _write("putmask", a, mask, values)


def copyto(dst: Tensor, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Write `src`, broadcast and converted, into `dst`, wherever the mask `where` holds.

    Raises `ArgumentError` if the rule `casting` does not allow the conversion.

    >>> import adjoint as ad
    >>> x = ad.zeros(3)
    >>> ad.copyto(x, 5, where=[True, False, True])
    >>> x
    Tensor([5., 0., 5.])
    """
    _write("copyto", dst, src, casting, where)


def fill_diagonal(a: Tensor, val: Any, wrap: bool = False) -> None:
    """Write `val`, or its elements in turn, onto the main diagonal of `a`.

    wrap: go on below in a tall matrix, as NumPy does. Raises `ArgumentError`, `ShapeError`.

    >>> import adjoint as ad
    >>> x = ad.zeros((2, 2))
    >>> ad.fill_diagonal(x, 3.0)
    >>> x
    Tensor([[3., 0.],
            [0., 3.]])
    """
    _write("fill_diagonal", a, val, wrap)
