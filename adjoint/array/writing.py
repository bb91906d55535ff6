"""Functions of NumPy that write into their first argument, on tensors.

``np.put_along_axis(t, …)`` returns nothing: whoever calls it expects `t` to have changed. So the
handle stands for a new node afterwards, as after ``t[i] = v``, and nothing is returned. What would
write a traced value into an array cannot be traced, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import size_of
from adjoint.ops.choice import where
from adjoint.ops.indexing import index_add, put_along_axis, setitem
from adjoint.ops.movement import astype, broadcast_to, reshape

__all__: list[str] = []


def _put_along_axis(arr: Tensor, indices: Any, values: Any, axis: int | None = -1) -> Tensor:
    return put_along_axis(arr, indices, values, axis)


def _put(a: Tensor, ind: Any, v: Any, mode: str = "raise") -> Tensor:
    places = np.asarray(ind).reshape(-1)
    size = size_of(a.shape)
    if mode == "wrap" and size:
        places = places % size
    elif mode == "clip" and size:
        places = np.clip(places, 0, size - 1)
    return _with_elements("put", a, places, v)


def _place(arr: Tensor, mask: Any, vals: Any) -> Tensor:
    places = np.flatnonzero(np.asarray(mask))
    return _with_elements("place", arr, places, vals)


def _putmask(a: Tensor, mask: Any, values: Any) -> Tensor:
    values = as_tensor(values)
    if values.shape != a.shape:
        values = reshape(_dealt("putmask", values, np.arange(size_of(a.shape))), a.shape)
    return _chosen(as_tensor(mask), values, a)


def _copyto(dst: Tensor, src: Any, casting: str = "same_kind", where: Any = True) -> Tensor:
    source = as_tensor(src)
    if not np.can_cast(source.dtype, dst.dtype, casting):  # type: ignore[arg-type]
        raise ArgumentError(
            f"numpy.copyto: {source.dtype} does not go into {dst.dtype} by the rule {casting!r}; "
            f"convert it first (astype)"
        )
    source = broadcast_to(astype(source, dst.dtype), dst.shape)
    return source if where is True else _chosen(as_tensor(where), source, dst)


def _fill_diagonal(a: Tensor, val: Any, wrap: bool = False) -> Tensor:
    if a.ndim < 2 or (a.ndim > 2 and len(set(a.shape)) > 1):
        raise ShapeError(
            f"numpy.fill_diagonal: a tensor of shape {a.shape} has no diagonal; it needs two axes, "
            f"or more of equal size"
        )
    rows, columns = a.shape[0], a.shape[1]
    step = columns + 1 if a.ndim == 2 else 1 + int(np.cumprod(a.shape[:-1]).sum())
    end = None if wrap or a.ndim > 2 or rows <= columns else columns * columns
    return _with_elements("fill_diagonal", a, np.arange(size_of(a.shape))[:end:step], val)


def _with_elements(name: str, x: Tensor, places: Any, values: Any) -> Tensor:
    """`x` with values dealt out in turn at places counted in row-major order."""
    if not len(places):
        return x
    flat = setitem(
        reshape(x, (-1,)), places, _dealt(name, as_tensor(values), np.arange(len(places)))
    )
    return reshape(flat, x.shape)


def _dealt(name: str, values: Tensor, numbers: Any) -> Tensor:
    """The values one after the other, and again from the first when they are used up."""
    size = size_of(values.shape)
    if not size:
        raise ShapeError(f"numpy.{name}: there are no values to put; give at least one")
    return reshape(values, (-1,))[numbers % size]


def _chosen(mask: Tensor, values: Tensor, x: Tensor) -> Tensor:
    return where(astype(mask, np.dtype(bool)), astype(values, x.dtype), x)


def _added(a: Tensor, indices: Any, b: Any) -> Tensor:
    return index_add(a, indices, b)


def _subtracted(a: Tensor, indices: Any, b: Any) -> Tensor:
    return index_add(a, indices, -as_tensor(b))


WRITERS: Mapping[str, Callable[..., Tensor]] = {
    "put_along_axis": _put_along_axis,
    "put": _put,
    "place": _place,
    "putmask": _putmask,
    "copyto": _copyto,
    "fill_diagonal": _fill_diagonal,
    "add.at": _added,
    "subtract.at": _subtracted,
}
"""By name, what stands in the first argument after the function of NumPy was called."""


@public
def written_by(name: str, x: Tensor, args: Any, kwargs: Any) -> Tensor:
    """What stands in `x` after NumPy's function `name` wrote into it."""
    return WRITERS[name](Tensor(x.node), *args, **kwargs)
