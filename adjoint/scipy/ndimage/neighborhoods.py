"""The elements around each element of an array, for filters that are no weighted sums."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.indexing.slicing import along
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import astype
from adjoint.scipy.common import constant, integer
from adjoint.scipy.ndimage.correlations import PADDING, axis_of, extended, margins, per_axis


class Window(NamedTuple):
    """Where the neighbours of an element lie: a footprint with as many axes as the array."""

    footprint: np.ndarray[Any, Any]
    origins: list[int]
    modes: list[str]

    @property
    def is_box(self) -> bool:
        """Whether all elements of the footprint count."""
        return bool(self.footprint.all())


def ordered(name: str, input: Any) -> Tensor:
    """`input` as a tensor of numbers that have an order."""
    x = as_tensor(input)
    if x.dtype.kind == "c":
        raise DTypeError(f"{name}: complex numbers have no order, got dtype {x.dtype}")
    return Tensor(x.node)


def chosen_axes(name: str, axes: Any, ndim: int) -> list[int]:
    """The axes that an argument names, in increasing order; all of them if it is None."""
    if axes is None:
        return list(range(ndim))
    given = axes if np.iterable(axes) else (axes,)
    found = [axis_of(name, axis, ndim) for axis in given]
    if sorted(set(found)) != found:
        raise ArgumentError(f"{name}: axes must differ and increase, got {axes}")
    return found


def window(
    name: str, x: Tensor, size: Any, footprint: Any, origin: Any, mode: Any, axes: Any
) -> Window:
    """The window that SciPy's arguments describe. Raises `ShapeError`, `ArgumentError`."""
    chosen = chosen_axes(name, axes, x.ndim)
    if footprint is None:
        if size is None:
            raise ArgumentError(f"{name}: give size or footprint")
        sizes = [integer(name, "size", n) for n in per_axis(name, "size", size, len(chosen))]
        if min(sizes, default=1) < 1:
            raise ArgumentError(f"{name}: sizes must be positive, got {size}")
        shape = np.ones(sizes, bool)
    else:
        shape = np.array(constant(name, "footprint", footprint), bool)
        if shape.ndim != len(chosen):
            raise ShapeError(
                f"{name}: the footprint has {shape.ndim} axes, and {len(chosen)} are filtered"
            )
        if not shape.any():
            raise ArgumentError(f"{name}: the footprint has no element")
    whole, origins, modes = [1] * x.ndim, [0] * x.ndim, ["reflect"] * x.ndim
    entries = (per_axis(name, k, v, len(chosen)) for k, v in (("origin", origin), ("mode", mode)))
    for axis, count, o, m in zip(chosen, shape.shape, *entries, strict=True):
        whole[axis], origins[axis], modes[axis] = count, integer(name, "origin", o), m
    return Window(shape.reshape(whole), origins, modes)


def repeated(shape: tuple[int, ...], w: Window) -> np.ndarray[Any, Any] | None:
    """Which neighbours are an element that is among them already, as an array is continued by
    itself, or a number beyond its edges; None if there are no such."""
    key = (shape, w.footprint.shape, w.footprint.tobytes(), tuple(w.origins), tuple(w.modes))
    return _repeated(*key)


@functools.lru_cache(64)
def _repeated(
    shape: tuple[int, ...],
    sizes: tuple[int, ...],
    footprint: bytes,
    origins: tuple[int, ...],
    modes: tuple[str, ...],
) -> np.ndarray[Any, Any] | None:
    places = np.arange(math.prod(shape)).reshape(shape)
    for axis, (count, origin, mode) in enumerate(zip(sizes, origins, modes, strict=True)):
        if count > 1:
            around = [(0, 0)] * len(shape)
            around[axis] = margins("", count, origin)
            if "constant" in mode:
                places = np.pad(places, around, constant_values=-1)
            else:
                places = np.pad(places, around, PADDING[mode])  # type: ignore[call-overload]
    views = np.lib.stride_tricks.sliding_window_view(places, sizes)
    chosen = views[..., np.frombuffer(footprint, bool).reshape(sizes)]
    order = np.argsort(chosen, axis=-1, kind="stable")
    ordered = np.take_along_axis(chosen, order, -1)
    same = np.zeros(chosen.shape, bool)
    same[..., 1:] = ordered[..., 1:] == ordered[..., :-1]
    found = np.zeros(chosen.shape, bool)
    np.put_along_axis(found, order, same, -1)
    return np.moveaxis(found, -1, 0) if found.any() else None


def neighbors(name: str, x: Tensor, w: Window, cval: Any) -> Tensor:
    """The neighbours of each element along a new first axis, in the order of the footprint."""
    shape = x.shape
    if not x.size:
        raise ShapeError(f"{name}: there is no element in an array of shape {shape}")
    fill = astype(as_tensor(cval), x.dtype)
    for axis, count in enumerate(w.footprint.shape):
        if count > 1:
            before, after = margins(name, count, w.origins[axis])
            x = extended(name, x, axis, before, after, w.modes[axis], fill)
    parts = []
    for place in np.argwhere(w.footprint):
        part = x
        for axis, start in enumerate(place):
            part = along(part, axis, int(start), 1, shape[axis])
        parts.append(part)
    found: Tensor = stack(parts)
    return found
