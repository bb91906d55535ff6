"""How an array may lie in memory: each function returns an equal array that lies in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def row_major(x: Array) -> Array:
    return np.array(x, order="C")


def column_major(x: Array) -> Array:
    return np.array(x, order="F")


def strided(x: Array) -> Array:
    """Every second element of something larger, in each axis."""
    large = np.zeros([2 * s + 1 for s in x.shape], x.dtype)
    view = large[(..., *[slice(0, 2 * s, 2) for s in x.shape])]
    view[...] = x
    return view


def backwards(x: Array) -> Array:
    """Negative strides in each axis."""
    turn = (..., *[slice(None, None, -1)] * x.ndim)
    return np.array(x[turn], order="C")[turn]


def transposed(x: Array) -> Array:
    return np.array(x.T, order="C").T


def read_only(x: Array) -> Array:
    made = np.array(x)
    made.flags.writeable = False
    return made


def unaligned(x: Array) -> Array:
    """One byte behind an aligned address."""
    memory = np.zeros(x.nbytes + 1, np.uint8)
    made = memory[1:].view(x.dtype).reshape(x.shape)
    made[...] = x
    return made


def swapped(x: Array) -> Array:
    """The bytes of each element in the other order."""
    return x.astype(x.dtype.newbyteorder())


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    f.__name__: f
    for f in (
        row_major,
        column_major,
        strided,
        backwards,
        transposed,
        read_only,
        unaligned,
        swapped,
    )
}
"""All of them, by name."""
