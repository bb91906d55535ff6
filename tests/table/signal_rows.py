"""Rows of the table: convolutions over channels, and windows; see `tests/table/rows.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from adjoint.graph.op import find
from adjoint.graph.tensor import as_tensor, make
from adjoint.ops.signal.patches import Geometry
from tests.table.row import ALL, Row

PLAIN = Geometry((1,), ((0, 0),), (1,), 1, (5,), (2,))
UNEVEN = Geometry((2, 1), ((1, 0), (0, 2)), (1, 2), 1, (5, 4), (2, 2))
GROUPS = Geometry((2,), ((1, 1),), (1,), 2, (4,), (3,))


def terms(geometry: Geometry) -> Any:
    """Each place of the window with each of its elements, and where on the images that is."""
    for place in product(*map(range, geometry.places)):
        for offset in product(*map(range, geometry.window)):
            where = tuple(
                p * s + o * d - low
                for p, s, o, d, (low, _) in zip(
                    place, geometry.stride, offset, geometry.dilation, geometry.padding, strict=True
                )
            )
            if all(0 <= i < n for i, n in zip(where, geometry.sizes, strict=True)):
                yield place, offset, where


def by_sums(role: str, geometry: Geometry) -> Callable[..., Any]:
    """The sums that define the three products, term by term."""

    def oracle(a: Any, b: Any) -> Any:
        x, w, y = {"y": (a, b, None), "x": (None, b, a), "w": (a, None, b)}[role]
        g = geometry.groups
        images = (x if y is None or x is not None else y).shape[0]
        channels = g * w.shape[1] if x is None else x.shape[1]
        outputs = (y if w is None else w).shape[0 if w is not None else 1]
        shape = {
            "x": (images, channels, *geometry.sizes),
            "w": (outputs, channels // g, *geometry.window),
            "y": (images, outputs, *geometry.places),
        }[role]
        at = places_of_terms(geometry, images, outputs, channels)
        of = {"x": x, "w": w, "y": y}
        one, other = (of[r][at[r]] for r in "xwy" if r != role)
        result = np.zeros(shape, a.dtype)
        np.add.at(result, at[role], one * other)
        return result

    return oracle


@cache
def places_of_terms(geometry: Geometry, images: int, outputs: int, channels: int) -> Any:
    """For each term of the sums, the indices of its element of x, of w and of y."""
    g = geometry.groups
    at: dict[str, list[tuple[int, ...]]] = {"x": [], "w": [], "y": []}
    for place, offset, where in terms(geometry):
        for n, o, c in product(range(images), range(outputs), range(channels // g)):
            full = o // (outputs // g) * (channels // g) + c
            at["x"].append((n, full, *where))
            at["w"].append((o, c, *offset))
            at["y"].append((n, o, *place))
    return {r: tuple(map(np.array, zip(*found, strict=True))) for r, found in at.items()}


NAMES = {
    "y": "channel_convolution",
    "x": "channel_convolution_transpose",
    "w": "channel_convolution_weights",
}


def called(name: str, params: Any) -> Callable[..., Any]:
    """An operation applied by its record; the first argument is the namespace."""
    return lambda _, *xs: make(find(name), [as_tensor(x) for x in xs], tuple(params))


def shapes(role: str, geometry: Geometry) -> list[tuple[int, ...]]:
    g = geometry.groups
    of = {
        "x": (2, 2, *geometry.sizes),
        "w": (2 * g if g > 1 else 3, 2 // g, *geometry.window),
        "y": (2, 2 * g if g > 1 else 3, *geometry.places),
    }
    first, second = {"y": "xw", "x": "yw", "w": "xy"}[role]
    return [of[first], of[second]]


WINDOWS = ((5, 4), (2, 1), (1, 2), (2, 2))


def windows(x: Any) -> Any:
    return np.stack(
        [np.stack([x[..., i::2, j : j + 2][..., :2, :] for j in (0, 2)], -3) for i in (0, 1)], -4
    )


def overlap_add(x: Any) -> Any:
    result = np.zeros((*x.shape[:-4], 5, 4), x.dtype)
    for i, j in product(range(2), (0, 1)):
        result[..., i : i + 3 : 2, 2 * j : 2 * j + 2] += x[..., i, j, :, :]
    return result


SIGNAL_ROWS = [
    *(
        Row(
            NAMES[role],
            called(NAMES[role], geometry),
            shapes(role, geometry),
            by_sums(role, geometry),
            label=label,
            dtypes=ALL,
        )
        for role in "yxw"
        for label, geometry in (("plain", PLAIN), ("uneven", UNEVEN), ("groups", GROUPS))
    ),
    Row("windows", called("windows", WINDOWS), [(2, 5, 4)], windows),
    Row("overlap_add", called("overlap_add", WINDOWS), [(2, 2, 2, 2, 2)], overlap_add),
]
