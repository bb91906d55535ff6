"""The order that sorts an axis, in which equal elements stay as they were.

NumPy's stable sort takes five to eight times as long as its quickest, which compares whole vectors
but may exchange equal elements. So elements are sorted the quick way, and equal ones are then put
in order among themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST = 2000
"""A shorter axis is sorted in about the time it takes to look for equal elements."""

RUNS = 16
"""The stable sort finds what is in order already. It is taken if at most one in so many neighbours
is out of step with the others."""


def stable_order(x: Any, axis: int) -> Any:
    """The indices that sort `x` along `axis`, as ``numpy.argsort(x, axis, kind="stable")``."""
    if x.shape[axis] < LEAST or x.dtype.kind not in "iuf" or x.dtype.itemsize < 4:
        return np.argsort(x, axis=axis, kind="stable")
    lanes = np.moveaxis(x, axis, -1)
    falling = np.count_nonzero(lanes[..., 1:] < lanes[..., :-1])
    if not x.size < falling * RUNS < x.size * (RUNS - 1):
        return np.argsort(x, axis=axis, kind="stable")
    order = np.argsort(lanes, axis=-1)
    ranked = np.take_along_axis(lanes, order, -1)
    tied = ranked[..., 1:] == ranked[..., :-1]
    if x.dtype.kind == "f":
        tied |= np.isnan(ranked[..., :-1])  # these come last
    return np.moveaxis(_settled(order, tied) if tied.any() else order, -1, axis)


def _settled(order: Any, tied: Any) -> Any:
    """`order` with the indices of equal elements ascending; `tied` says which neighbours are equal.

    Whole numbers that begin with that of the run of equal elements are sorted the quick way, too.
    """
    run = np.zeros_like(order)
    np.cumsum(~tied, axis=-1, out=run[..., 1:])
    run *= order.shape[-1]
    return np.sort(run + order, axis=-1) - run


__all__ = ["stable_order"]
