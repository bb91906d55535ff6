"""Choosing between tensors and inserting, deleting and building up elements, with NumPy's names.

Composites. What is chosen passes its derivative on; what is left out has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.array.creation.constructors import zeros_like
from adjoint.array.values import known, known_integers
from adjoint.errors import ArgumentError, OutOfBoundsError, RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import (
    BOOL,
    as_dtype,
    as_shape,
    broadcast_shapes,
    normalize_axes,
    normalize_axis,
    size_of,
)
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.indexing.gather import gather
from adjoint.ops.indexing.indexing import setitem
from adjoint.ops.indexing.slicing import along
from adjoint.ops.shape.joining import concat, joined
from adjoint.ops.shape.movement import astype, broadcast_to, fitting, permute_dims, reshape
from adjoint.ops.shape.rearrange import diag, moveaxis, tile

__all__ = [
    "choose",
    "delete",
    "diagflat",
    "insert",
    "ix_",
    "piecewise",
    "resize",
    "rollaxis",
    "select",
    "sliding_window_view",
    "tri",
    "trim_zeros",
]


@public
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """Where the first condition holds the first choice, else where the second …; else `default`.

    What was not chosen has derivative 0. Raises `ArgumentError`, `ShapeError`.

    >>> import adjoint as ad
    >>> x = ad.arange(5)
    >>> ad.select([x < 2, x > 3], [x, 10 * x], -1)
    Tensor([ 0,  1, -1, -1, 40])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ArgumentError(
            f"select: {len(condlist)} conditions and {len(choicelist)} choices; give one choice "
            f"for each condition, at least one"
        )
    *choices, result = joined("select", [*choicelist, default])
    conditions = [as_tensor(c) for c in condlist]
    for number, condition in enumerate(conditions):
        if condition.dtype is not BOOL:
            raise ArgumentError(f"select: condition {number} holds {condition.dtype}, not booleans")
    shape = broadcast_shapes("select", *(x.shape for x in (*conditions, *choices, result)))
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = where(condition, choice, result)
    return broadcast_to(result, shape)


@public
def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Tensor:
    """The function of the last condition that holds, of the elements of `x` at which it does.

    A function may be a number; one more than conditions stands for all other elements, else they
    are 0. The result has the dtype of `x`. Each function sees only its own elements, so the values
    of the conditions are needed at once. Raises `ArgumentError`.

    >>> import adjoint as ad
    >>> x = ad.asarray([-2.0, 0.0, 3.0])
    >>> ad.piecewise(x, [x < 0, x > 0], [lambda x: -x, ad.sqrt])
    Tensor([2.        , 0.        , 1.73205081])
    """
    x = as_tensor(x)
    one = isinstance(condlist, Tensor) or not isinstance(condlist, (list, tuple))
    if one or not condlist or (as_tensor(condlist[0]).ndim == 0 and x.ndim):
        given = as_tensor(condlist)
        condlist = [given] if given.ndim == x.ndim else list(given)
    conditions = [np.broadcast_to(known(c).astype(bool), x.shape) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(funclist) != len(conditions):
        raise ArgumentError(
            f"piecewise: {len(conditions)} conditions need {len(conditions)} functions, or one "
            f"more for all other elements; got {len(funclist)}"
        )
    flat = reshape(x, (-1,))
    result: Tensor = zeros_like(flat)
    for condition, function in zip(conditions, funclist, strict=True):
        places = np.flatnonzero(condition)
        if not callable(function):
            value: Any = function
        elif places.size:
            value = function(flat[places], *args, **kw)
        else:
            continue
        result = setitem(result, places, astype(as_tensor(value), x.dtype))
    return reshape(result, x.shape)


@public
def choose(a: Any, choices: Any, mode: str = "raise") -> Tensor:
    """At each place the element of the tensor in `choices` that the integer in `a` names.

    All broadcast. mode: what to do with an integer out of bounds, "raise", "wrap" or "clip".
    Raises `OutOfBoundsError`, `RangeError`, `DTypeError`.

    >>> import adjoint as ad
    >>> ad.choose([1, 0, 1], [ad.zeros(3), ad.ones(3)])
    Tensor([1., 0., 1.])
    """
    given = joined("choose", choices)
    index = as_tensor(a)
    if index.dtype.kind not in "biu":
        raise ArgumentError(f"choose: the choice must be made by integers, got {index.dtype}")
    if mode == "raise":
        numbers = known(index)
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(given)):
            raise OutOfBoundsError(
                f"choose: the choice goes from {numbers.min()} to {numbers.max()}, but there are "
                f'{len(given)} tensors; see mode="clip" and "wrap"'
            )
    elif mode == "wrap":
        index = index % len(given)
    elif mode == "clip":
        index = clip(index, 0, len(given) - 1)
    else:
        raise RangeError(f'choose: mode must be "raise", "wrap" or "clip", got {mode!r}')
    shape = broadcast_shapes("choose", index.shape, *(x.shape for x in given))
    result = given[-1]
    for number in reversed(range(len(given) - 1)):
        result = where(index == number, given[number], result)
    return broadcast_to(result, shape)


def _places(name: str, obj: Any, size: int, last: int) -> np.ndarray[Any, Any]:
    """The places from 0 to `last` that an index means along an axis of `size`, as integers."""
    if isinstance(obj, slice):
        return np.arange(*obj.indices(size))
    given = known(obj) if as_tensor(obj).size else np.zeros(0, np.int64)
    if given.dtype == np.bool_:
        if given.shape != (size,):
            raise ShapeError(f"{name}: a mask for {size} elements has shape {given.shape}")
        return np.flatnonzero(given)
    places = known_integers(name, given).astype(np.int64)
    wrong = (places < -size) | (places > last)
    if wrong.any():
        raise OutOfBoundsError(
            f"{name}: index {places[wrong].flat[0]} is out of bounds for an axis of size {size}"
        )
    return np.where(places < 0, places + size, places)


def _line(name: str, x: Tensor, axis: Any) -> tuple[Tensor, int]:
    if axis is None:
        return reshape(x, (-1,)), 0
    return x, normalize_axis(name, axis, x.ndim)


@public
def insert(x: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """`x` with `values` inserted along `axis` before the places `obj`; None flattens `x` first.

    obj: an integer, several, a slice or a mask, all by the places in `x`. With one integer,
    `values` are the slices that come in; with several there is one slice for each, or one for all.
    Raises `OutOfBoundsError`, `ShapeError`.

    >>> import adjoint as ad
    >>> ad.insert(ad.asarray([1.0, 2.0, 3.0]), [0, 2], ad.asarray([7.0, 8.0]))
    Tensor([7., 1., 2., 8., 3.])
    """
    x, place = _line("insert", as_tensor(x), axis)
    size = x.shape[place]
    places = _places("insert", obj, size, size)
    v = fitting(values, x.dtype)
    single = places.size == 1
    if single:
        v = reshape(v, (1,) * (x.ndim - v.ndim) + v.shape) if v.ndim < x.ndim else v
        if not places.ndim:  # of one integer the first axis counts what comes in
            v = moveaxis(v, 0, place)
        count = v.shape[place]
        places = np.repeat(places.ravel(), count)
    else:
        count = places.size
    while v.ndim > x.ndim and v.shape[0] == 1:
        v = v[0]
    v = broadcast_to(v, (*x.shape[:place], count, *x.shape[place + 1 :]))
    if not count:
        return Tensor(x.node)
    order = np.argsort(places, kind="stable")
    new = np.empty(count, np.int64)
    new[order] = places[order] + np.arange(count)
    source = np.zeros(size + count, np.int64)
    old = np.ones(size + count, bool)
    old[new] = False
    source[old] = np.arange(size)
    source[new] = size + np.arange(count)
    return gather(concat([x, v], place), (from_array(source),), (place,), place)


@public
def delete(x: Any, obj: Any, axis: int | None = None) -> Tensor:
    """`x` without the places `obj` along `axis`; None flattens `x` first.

    obj: an integer, several, a slice or a mask. Raises `OutOfBoundsError`, `ShapeError`.

    >>> import adjoint as ad
    >>> ad.delete(ad.asarray([1.0, 2.0, 3.0]), 1)
    Tensor([1., 3.])
    """
    x, place = _line("delete", as_tensor(x), axis)
    size = x.shape[place]
    keep = np.ones(size, bool)
    keep[_places("delete", obj, size, size - 1)] = False
    return gather(x, (from_array(np.flatnonzero(keep)),), (place,), place)


@public
def resize(x: Any, new_shape: Any) -> Tensor:
    """The elements of `x`, over and over, in another shape. Raises `RangeError`.

    >>> import adjoint as ad
    >>> ad.resize(ad.asarray([1.0, 2.0]), (2, 3))
    Tensor([[1., 2., 1.],
            [2., 1., 2.]])
    """
    x = as_tensor(x)
    shape = as_shape("resize", new_shape)
    count = size_of(shape)
    if not x.size:
        return broadcast_to(as_tensor(0, x.dtype), shape)
    repeated = tile(reshape(x, (-1,)), -(-count // x.size))
    return reshape(along(repeated, 0, 0, 1, count), shape)


@public
def trim_zeros(x: Any, trim: str = "fb", axis: Any = None) -> Tensor:
    """`x` without the zeros at its front ("f") and back ("b") along `axis`, by default all.

    The value is needed at once, as it decides the shape. Raises `RangeError`, `ShapeError`.

    >>> import adjoint as ad
    >>> ad.trim_zeros(ad.asarray([0.0, 1.0, 0.0, 2.0, 0.0]))
    Tensor([1., 0., 2.])
    """
    x = as_tensor(x)
    ways = trim.lower()
    if ways not in ("fb", "bf", "f", "b"):
        raise RangeError(f'trim_zeros: trim must be "f", "b" or "fb", got {trim!r}')
    places = np.nonzero(known(x))
    for a in normalize_axes("trim_zeros", axis, x.ndim):
        found = places[a]
        low = int(found.min()) if found.size else (x.shape[a] if "f" in ways else 0)
        high = int(found.max()) + 1 if found.size else (0 if ways == "b" else x.shape[a])
        start = low if "f" in ways else 0
        stop = high if "b" in ways else x.shape[a]
        count = max(stop - start, 0)
        x = along(x, a, start if count else 0, 1, count)
    return Tensor(x.node)


@public
def diagflat(v: Any, k: int = 0) -> Tensor:
    """A matrix of zeros with the elements of `v`, flattened, on its diagonal `k`.

    >>> import adjoint as ad
    >>> ad.diagflat(ad.asarray([[1.0], [2.0]]))
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return diag(reshape(as_tensor(v), (-1,)), k)


@public
def rollaxis(x: Any, axis: int, start: int = 0) -> Tensor:
    """`x` with `axis` moved to before the axis that stands at `start`; see `moveaxis`.

    >>> import adjoint as ad
    >>> ad.rollaxis(ad.zeros((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    x = as_tensor(x)
    place = normalize_axis("rollaxis", axis, x.ndim)
    target = start if start == x.ndim else normalize_axis("rollaxis", start, x.ndim)
    order = [a for a in range(x.ndim) if a != place]
    order.insert(target - (place < target), place)
    return permute_dims(x, order)


@public
def ix_(*args: Any) -> tuple[Tensor, ...]:
    """Vectors, masks among them, as indices that choose all their combinations.

    >>> import adjoint as ad
    >>> ad.ones((3, 4))[ad.ix_([0, 2], [True, False, False, True])].shape
    (2, 2)
    """
    found = []
    for number, x in enumerate(args):
        x = as_tensor(x) if as_tensor(x).size else as_tensor(np.zeros(0, np.int64))
        if x.ndim != 1:
            raise ShapeError(f"ix_: argument {number} has shape {x.shape}; expected a vector")
        if x.dtype is BOOL:
            x = from_array(np.flatnonzero(known(x)))
        found.append(reshape(x, (1,) * number + (-1,) + (1,) * (len(args) - number - 1)))
    return tuple(found)


@public
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = float) -> Tensor:
    """Ones on and below the diagonal `k` of a matrix of `N` rows and `M` columns, else zeros.

    >>> import adjoint as ad
    >>> ad.tri(2)
    Tensor([[1., 0.],
            [1., 1.]])
    """
    return from_array(np.tri(N, M, k, as_dtype(dtype)))


@public
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Tensor:
    """All windows of `x`: its axes count where they begin, new last ones go through a window.

    window_shape: the size of the windows along each `axis`, by default all. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.sliding_window_view(ad.asarray([1.0, 2.0, 3.0]), 2)
    Tensor([[1., 2.],
            [2., 3.]])
    """
    x = as_tensor(x)
    sizes = as_shape("sliding_window_view", window_shape)
    given = range(x.ndim) if axis is None else (axis,) if hasattr(axis, "__index__") else axis
    axes = [normalize_axis("sliding_window_view", a, x.ndim) for a in given]
    if len(axes) != len(sizes):
        raise ShapeError(
            f"sliding_window_view: windows of {len(sizes)} sizes along {len(axes)} axes; give one "
            f"size for each axis"
        )
    for place, size in zip(axes, sizes, strict=True):
        count = x.shape[place] - size + 1
        if count < 1:
            raise ShapeError(
                f"sliding_window_view: a window of {size} does not fit into axis {place} of "
                f"{x.shape}"
            )
        index = from_array(np.arange(count)[:, None] + np.arange(size))
        x = moveaxis(gather(x, (index,), (place,), place), place + 1, -1)
    return Tensor(x.node)
