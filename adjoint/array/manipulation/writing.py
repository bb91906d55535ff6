"""What NumPy writes into an array that is given, as pure functions of tensors.

``numpy.put(t, i, v)`` returns nothing: whoever calls it expects `t` to have changed. So the handle,
and what shares its memory, stand for what `put` returns afterwards, as after ``t[i] = v``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adjoint.array.values import known, known_integers
from adjoint.errors import ArgumentError, OutOfBoundsError, RangeError, ShapeError
from adjoint.graph.storage import is_stored, rounded
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import can_cast
from adjoint.ops.elementwise import choice
from adjoint.ops.indexing.indexing import put_along_axis
from adjoint.ops.indexing.scatter_set import scatter_set
from adjoint.ops.shape.movement import astype, broadcast_to, fitting, reshape
from adjoint.ops.shape.rearrange import tile


def _flat_places(name: str, ind: Any, size: int, mode: str) -> np.ndarray[Any, Any]:
    """Indices into flattened elements, none negative."""
    places = known_integers(name, ind if as_tensor(ind).size else np.zeros(0, int)).astype(np.int64)
    if mode == "wrap":
        return places % size if size else places
    if mode == "clip":
        return np.asarray(np.clip(places, 0, size - 1))
    if mode != "raise":
        raise RangeError(f'{name}: mode must be "raise", "wrap" or "clip", got {mode!r}')
    wrong = (places < -size) | (places >= size)
    if wrong.any():
        raise OutOfBoundsError(
            f"{name}: index {places[wrong].flat[0]} is out of bounds for {size} elements"
        )
    return np.where(places < 0, places + size, places)


def _dealt(name: str, values: Tensor, count: int) -> Tensor:
    """The elements of `values`, from the start again where they do not suffice, as a vector."""
    flat = reshape(values, (-1,))
    if not flat.size:
        raise ShapeError(f"numpy.{name}: there are no values to put; give at least one")
    return tile(flat, -(-count // flat.size))[:count]


def put(x: Any, ind: Any, v: Any, mode: str = "raise") -> Tensor:
    """`x` with the values `v`, in turn, at the places `ind` of its flattened elements."""
    x = as_tensor(x)
    places = _flat_places("put", ind, x.size, mode).ravel()
    values = as_tensor(v, x.dtype)
    if not places.size:
        return Tensor(x.node)
    flat = reshape(x, (-1,))
    dealt = _dealt("put", values, places.size)
    written = scatter_set(flat, dealt, (from_array(places),), (0,), 0, False)
    return reshape(written, x.shape)


def _put_where(name: str, x: Tensor, mask: Tensor, values: Tensor) -> Tensor:
    """`x` with values where `mask` holds: for "place" in turn, else each the one at its place."""
    chosen = np.flatnonzero(known(mask))
    if not chosen.size:
        return Tensor(x.node)
    if name == "place":
        dealt = _dealt(name, values, chosen.size)
    else:
        dealt = _dealt(name, values, x.size)[chosen]
    flat = scatter_set(reshape(x, (-1,)), dealt, (from_array(chosen),), (0,), 0, True)
    return reshape(flat, x.shape)


def putmask(x: Any, mask: Any, values: Any) -> Tensor:
    """`x` with `values`, repeated as needed, at their own places wherever `mask` holds."""
    x = as_tensor(x)
    values = as_tensor(values, x.dtype)
    mask = as_tensor(mask)
    if mask.size != x.size:
        raise ShapeError(f"putmask: mask has shape {mask.shape}, the tensor {x.shape}")
    mask = reshape(mask, x.shape)
    if values.size in (1, x.size) and values.size:
        return choice.where(mask, reshape(values, x.shape if values.size > 1 else ()), x)
    return _put_where("putmask", x, mask, values)


def place(x: Any, mask: Any, vals: Any) -> Tensor:
    """`x` with the first, second … of `vals` at the first, second … place where `mask` holds."""
    x = as_tensor(x)
    mask = as_tensor(mask)
    if mask.size != x.size:
        raise ShapeError(f"place: mask has shape {mask.shape}, the tensor {x.shape}")
    values = as_tensor(vals, x.dtype)
    return _put_where("place", x, reshape(mask, x.shape), values)


def copyto(x: Any, src: Any, casting: str = "same_kind", where: Any = True) -> Tensor:
    """`src`, broadcast, in the dtype of `x`; where the mask `where` does not hold, `x`."""
    x = as_tensor(x)
    given = fitting(src, x.dtype) if type(src) is int else as_tensor(src)
    fits = type(src) is int and x.dtype.kind in "iufc"
    if not fits and not can_cast(given.dtype, x.dtype, casting):
        raise ArgumentError(
            f"numpy.copyto: cannot cast {given.dtype} to {x.dtype} by the rule {casting!r}; "
            f"convert it first (astype)"
        )
    whole = broadcast_to(astype(given, x.dtype), x.shape)
    if where is True:
        return whole
    return choice.where(as_tensor(where), whole, x)


def fill_diagonal(x: Any, val: Any, wrap: bool = False) -> Tensor:
    """`x` with `val` on its main diagonal, the values of an array in turn."""
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(
            f"numpy.fill_diagonal: shape {x.shape} has no diagonal; give 2 axes or more"
        )
    if x.ndim > 2 and len(set(x.shape)) > 1:
        raise ShapeError(
            f"numpy.fill_diagonal: shape {x.shape} has no diagonal; all sizes must be equal"
        )
    size = x.shape[-1]
    end = size * size if x.ndim == 2 and not wrap else x.size
    places = np.arange(x.size)[: end : sum(size**k for k in range(x.ndim))]
    return put(x, places, fitting(val, x.dtype) if type(val) is int else as_tensor(val))


def along_axis(arr: Any, indices: Any, values: Any, axis: Any = -1) -> Tensor:
    """`arr` with `values` at the `indices` along `axis`."""
    return put_along_axis(arr, indices, astype(as_tensor(values), as_tensor(arr).dtype), axis)


def fill(x: Any, value: Any) -> Tensor:
    """A tensor in the shape and dtype of `x` with `value` everywhere."""
    x = as_tensor(x)
    return broadcast_to(fitting(value, x.dtype), x.shape)


def _in_its_dtype(write: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`write`, whose result is in bfloat16 if the first argument is, whatever is written."""

    def written(x: Any, *args: Any, **kwargs: Any) -> Tensor:
        result = write(x, *args, **kwargs)
        return rounded(result) if is_stored(x) else result

    return written


WRITERS: Mapping[str, Callable[..., Tensor]] = {
    "put": _in_its_dtype(put),
    "putmask": _in_its_dtype(putmask),
    "place": _in_its_dtype(place),
    "copyto": _in_its_dtype(copyto),
    "fill_diagonal": _in_its_dtype(fill_diagonal),
    "put_along_axis": _in_its_dtype(along_axis),
}
"""By name, what stands in the first argument after the function of NumPy was called."""
