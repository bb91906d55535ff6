"""What NumPy writes into an array that is given: pure functions, and what they do to a tensor.

``numpy.put(t, i, v)`` writes what `put` returns into `t`, as ``t[i] = v`` does, and so into what
shares its memory. Into an array of NumPy nothing can be written that depends on what somebody
differentiates by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from adjoint.array.values import is_open, known, known_integers
from adjoint.errors import ArgumentError, OutOfBoundsError, RangeError, ShapeError
from adjoint.graph.op import FUNCTIONS, public_as
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.views import write
from adjoint.ops.choice import where
from adjoint.ops.gather import scatter_set
from adjoint.ops.indexing import put_along_axis, setitem
from adjoint.ops.movement import astype, broadcast_to, reshape
from adjoint.ops.rearrange import tile

Pure = Callable[..., Tensor]


def rebind(name: str, x: Any, result: Tensor) -> None:
    """Write `result` into `x`: a tensor, with what shares its memory, or an array."""
    if isinstance(x, Tensor):
        write(x, astype(result, x.node.dtype), name)
    else:
        np.copyto(x, result.numpy(), casting="same_kind")


def _writing(name: str) -> Callable[[Pure], Pure]:
    """Enter, under a name that the protocol knows, what writes the result into what is given."""

    def enter(pure: Pure) -> Pure:
        def written(x: Any, *args: Any, **kwargs: Any) -> None:
            into(name, x, (*args, *kwargs.values()), lambda: pure(x, *args, **kwargs))

        written.__doc__ = pure.__doc__
        written.__wrapped__ = pure  # type: ignore[attr-defined]  # whose arguments are by name
        public_as(f"writing.{name}")(written)
        return pure

    return enter


def into(name: str, x: Any, given: Any, result: Callable[[], Tensor]) -> None:
    """Write into `x` what comes of it and `given`, which must not be traced if `x` is an array."""
    if not isinstance(x, (Tensor, np.ndarray)):
        raise ArgumentError(
            f"{name}: writes into what is given, so a tensor is needed, got {type(x).__name__}"
        )
    if not isinstance(x, Tensor) and is_open(given):
        raise ArgumentError(
            f"{name}: writes values that are differentiated into an array of NumPy, where their "
            f"derivative would be lost; write into a tensor: adjoint.asarray(array)"
        )
    rebind(f"numpy.{name}", x, result())


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


def _dealt(values: Tensor, count: int) -> Tensor:
    """The elements of `values`, from the start again where they do not suffice, as a vector."""
    flat = reshape(values, (-1,))
    return tile(flat, -(-count // flat.size))[:count]


@_writing("put")
def put(x: Any, ind: Any, v: Any, mode: str = "raise") -> Tensor:
    """`x` with the values `v`, in turn, at the places `ind` of its flattened elements."""
    x = as_tensor(x)
    places = _flat_places("put", ind, x.size, mode).ravel()
    values = as_tensor(v, x.dtype)
    if not places.size or not values.size:
        return Tensor(x.node)
    flat = reshape(x, (-1,))
    dealt = _dealt(values, places.size)
    written = scatter_set(flat, dealt, (from_array(places),), (0,), 0, False)
    return reshape(written, x.shape)


def put_where(x: Tensor, mask: Any, values: Tensor, in_turn: bool) -> Tensor:
    """`x` with values where `mask` holds: `in_turn`, or each the one at its own place."""
    chosen = np.flatnonzero(np.broadcast_to(known(mask), x.shape))
    if not chosen.size or not values.size:
        return Tensor(x.node)
    dealt = _dealt(values, chosen.size) if in_turn else _dealt(values, x.size)[chosen]
    flat = scatter_set(reshape(x, (-1,)), dealt, (from_array(chosen),), (0,), 0, True)
    return reshape(flat, x.shape)


@_writing("putmask")
def putmask(x: Any, mask: Any, values: Any) -> Tensor:
    """`x` with `values`, repeated as needed, at their own places wherever `mask` holds."""
    x = as_tensor(x)
    values = as_tensor(values, x.dtype)
    mask = as_tensor(mask)
    if mask.size != x.size:
        raise ShapeError(f"putmask: mask has shape {mask.shape}, the tensor {x.shape}")
    mask = reshape(mask, x.shape)
    if values.size in (1, x.size) and values.size:
        return where(mask, reshape(values, x.shape if values.size > 1 else ()), x)
    return put_where(x, mask, values, in_turn=False)


@_writing("place")
def place(x: Any, mask: Any, vals: Any) -> Tensor:
    """`x` with the first, second … of `vals` at the first, second … place where `mask` holds."""
    x = as_tensor(x)
    mask = as_tensor(mask)
    if mask.size != x.size:
        raise ShapeError(f"place: mask has shape {mask.shape}, the tensor {x.shape}")
    values = as_tensor(vals, x.dtype)
    if not values.size and known(mask).any():
        raise ShapeError("place: there is no value to be put where the mask holds")
    return put_where(x, reshape(mask, x.shape), values, in_turn=True)


@_writing("copyto")
def copyto(x: Any, src: Any, casting: str = "same_kind", where: Any = True) -> Tensor:
    """`src`, broadcast, in the dtype of `x`; where the mask `where` does not hold, `x`."""
    x, given = as_tensor(x), as_tensor(src)
    fits = type(src) is int and x.dtype.kind in "iufc"
    if not fits and not np.can_cast(given.dtype, x.dtype, cast(Any, casting)):
        raise ArgumentError(
            f"copyto: cannot cast {given.dtype} to {x.dtype} by the rule {casting!r}"
        )
    whole = broadcast_to(astype(given, x.dtype), x.shape)
    if where is True:
        return whole
    result: Tensor = FUNCTIONS["where"](as_tensor(where), whole, x)
    return result


@_writing("fill_diagonal")
def fill_diagonal(x: Any, val: Any, wrap: bool = False) -> Tensor:
    """`x` with `val` on its main diagonal, the values of an array in turn."""
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"fill_diagonal: needs at least 2 axes, got shape {x.shape}")
    if x.ndim > 2 and len(set(x.shape)) > 1:
        raise ShapeError(f"fill_diagonal: all axes must have equal sizes, got shape {x.shape}")
    size = x.shape[-1]
    end = size * size if x.ndim == 2 and not wrap else x.size
    places = np.arange(x.size)[: end : sum(size**k for k in range(x.ndim))]
    return put(x, places, as_tensor(val))


@_writing("put_along_axis")
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: Any = -1) -> Tensor:
    """`arr` with `values` at the `indices` along `axis`."""
    return put_along_axis(arr, indices, astype(as_tensor(values), as_tensor(arr).dtype), axis)


def fill(x: Any, value: Any) -> Tensor:
    """A tensor in the shape and dtype of `x` with `value` everywhere."""
    x = as_tensor(x)
    return broadcast_to(astype(as_tensor(value), x.dtype), x.shape)


def assigned(x: Any, index: Any, value: Any) -> Tensor:
    """`x` with `value`, cast to its dtype as NumPy casts, at `index`."""
    x = as_tensor(x)
    return setitem(x, index, astype(as_tensor(value), x.dtype))
