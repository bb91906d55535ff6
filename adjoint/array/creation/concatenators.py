"""``adjoint.r_`` and ``adjoint.c_``: joining by indexing, as ``numpy.r_`` and ``numpy.c_`` do."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.creation.ranges import linspace
from adjoint.array.dtypes import result_type
from adjoint.array.values import known
from adjoint.errors import ArgumentError
from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import permute_dims, reshape

__all__ = ["c_", "r_"]


class Concatenator:
    """What joins the items in brackets: tensors, arrays, numbers, and slices, which are ranges.

    ``start:stop:step`` counts as `arange`, ``start:stop:nj`` as `linspace` with n numbers. A string
    in front, as in NumPy, says "axis,ndmin,trans1d".

    >>> import adjoint as ad
    >>> ad.r_[ad.asarray([1.0, 2.0]), 0.0, 3:5]
    Tensor([1., 2., 0., 3., 4.])
    >>> ad.c_[ad.asarray([1.0, 2.0]), ad.asarray([3.0, 4.0])]
    Tensor([[1., 3.],
            [2., 4.]])
    """

    def __init__(self, axis: int = 0, ndmin: int = 1, trans1d: int = -1) -> None:
        self.__name__ = "r_" if axis == 0 else "c_"
        self.axis = axis
        self.ndmin = ndmin
        self.trans1d = trans1d

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Tensor:
        items = list(key) if isinstance(key, tuple) else [key]
        axis, ndmin, trans1d = self.axis, self.ndmin, self.trans1d
        if items and isinstance(items[0], str):
            axis, ndmin, trans1d = _directive(items.pop(0), axis, ndmin, trans1d)
        parts: list[Any] = []
        for item in items:
            if isinstance(item, str):
                raise ArgumentError(f"r_: {item!r} must come first")
            if not isinstance(item, (slice, list, tuple)) and np.ndim(item) == 0:
                parts.append(item if not isinstance(item, Tensor) else reshape(item, (1,) * ndmin))
                continue
            x = _range(item) if isinstance(item, slice) else as_tensor(item)
            parts.append(_with_axes(x, ndmin, trans1d))
        common = result_type(*parts)
        return concat(
            [x if isinstance(x, Tensor) else reshape(as_tensor(x, common), (1,) * ndmin)
             for x in parts],
            axis,
        )  # fmt: skip


def _range(item: slice) -> Tensor:
    start = 0 if item.start is None else item.start
    step = 1 if item.step is None else item.step
    if isinstance(step, complex):
        spaced: Tensor = linspace(start, item.stop, int(abs(step)))
        return spaced
    if any(isinstance(part, Tensor) for part in (start, item.stop, step)):
        first, last, gap = (known(part).item() for part in (start, item.stop, step))
        count = len(np.arange(first, last, gap))
        counted: Tensor = as_tensor(np.arange(count)) * step + start
        return counted
    return as_tensor(np.arange(start, item.stop, step))


def _with_axes(x: Tensor, ndmin: int, trans1d: int) -> Tensor:
    """`x` with at least `ndmin` axes, its own ones beginning at `trans1d`."""
    missing = ndmin - x.ndim
    if missing <= 0:
        return x
    rank = x.ndim
    x = reshape(x, (1,) * missing + x.shape)
    if trans1d == -1:
        return x
    k = trans1d if trans1d >= 0 else trans1d + missing + 1
    own = list(range(missing, missing + rank))
    new = list(range(missing))
    return permute_dims(x, new[:k] + own + new[k:])


def _directive(text: str, axis: int, ndmin: int, trans1d: int) -> tuple[int, int, int]:
    if text in ("r", "c"):
        raise ArgumentError(f"r_: the directive {text!r} asks for numpy.matrix; use reshape")
    try:
        given = [int(part) for part in text.split(",")]
    except ValueError:
        raise ArgumentError(f'r_: the directive {text!r} is not one such as "0,2"') from None
    return tuple(given + [axis, ndmin, trans1d][len(given) :])[:3]  # type: ignore[return-value]


r_ = public_as("r_")(Concatenator())
c_ = public_as("c_")(Concatenator(-1, 2, 0))
