"""ba: the reprojection errors of a bundle adjustment, and their sparse Jacobian.

An observation depends on one camera (11 numbers), one point (3) and its weight. So the Jacobian of
all observations is the Jacobian of one, mapped over them, and written as compressed rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.gradbench.forms import flat

CAMERA, POINT = 11, 3
SHOWN = 30
"""As many entries of each part of the sparse matrix are compared, and the last one."""


def rotated(axis: Sequence[Any], v: Sequence[Any]) -> list[Any]:
    """v turned about `axis` by the angle of its length (Rodrigues)."""
    angle = ad.sqrt(sum(a * a for a in axis))
    x, y, z = (a / angle for a in axis)
    cosine, sine = ad.cos(angle), ad.sin(angle)
    along = (x * v[0] + y * v[1] + z * v[2]) * (1.0 - cosine)
    beside = y * v[2] - z * v[1], z * v[0] - x * v[2], x * v[1] - y * v[0]
    return [
        cosine * part + sine * turned + along * u
        for part, turned, u in zip(v, beside, (x, y, z), strict=True)
    ]


def reprojection(camera: Sequence[Any], point: Sequence[Any], weight: Any, seen: Any) -> Any:
    """The weighted error of one observation: two numbers.

    A camera is a rotation (3), a centre (3), a focal length, a principal point (2) and two
    coefficients of radial distortion.
    """
    apart = [p - c for p, c in zip(point, camera[3:6], strict=True)]
    x, y, depth = rotated(camera[:3], apart)
    x, y = x / depth, y / depth
    square = x * x + y * y
    scale = camera[6] * (1.0 + camera[9] * square + camera[10] * square * square)
    return weight * (scale * x + camera[7] - seen[0]), weight * (scale * y + camera[8] - seen[1])


def columns_of(a: Any) -> list[Any]:
    """A matrix as a list of its columns."""
    return [a[:, i] for i in range(a.shape[1])]


def errors(cameras: Any, points: Any, weights: Any, observed: Any, features: Any) -> Any:
    """The errors of all observations, and those of their weights."""
    camera, point = gathered(cameras, points, observed)
    pair = reprojection(camera, point, weights, columns_of(features))
    return ad.stack(pair, axis=1), 1.0 - weights * weights


def gathered(cameras: Any, points: Any, observed: Any) -> tuple[list[Any], list[Any]]:
    """For each observation the numbers of its camera and of its point."""
    of_camera = ad.take(cameras, observed[:, 0], axis=0)
    return columns_of(of_camera), columns_of(ad.take(points, observed[:, 1], axis=0))


def jacobian(cameras: Any, points: Any, weights: Any, observed: Any, features: Any) -> Any:
    """The Jacobian in compressed rows: where rows begin, columns, values."""
    n, m, p = cameras.shape[0], points.shape[0], weights.shape[0]
    camera, point = gathered(cameras, points, observed)
    one = ad.vmap(ad.jacrev(reprojection, argnums=(0, 1, 2)))
    rows = one(camera, point, weights, columns_of(features))
    values = [
        entry
        for by_camera, by_point, by_weight in rows
        for entry in (*by_camera, *by_point, by_weight)
    ]
    first = CAMERA * n, CAMERA * n + POINT * m
    own = np.arange(first[1], first[1] + p, dtype=np.int32)
    columns = ad.concat(
        [
            CAMERA * observed[:, :1] + np.arange(CAMERA, dtype=np.int32),
            first[0] + POINT * observed[:, 1:] + np.arange(POINT, dtype=np.int32),
            own[:, None],
        ],
        axis=1,
    )
    twice = ad.broadcast_to(ad.expand_dims(columns, 1), (p, 2, columns.shape[1]))
    return (
        starts_of_rows(p),
        ad.concat([ad.reshape(twice, (-1,)), own]),
        ad.concat([ad.reshape(ad.stack(values, axis=1), (-1,)), -2.0 * weights]),
    )


def starts_of_rows(p: int) -> np.ndarray:
    """Where each row begins: two long rows per observation, then one entry per weight."""
    width = CAMERA + POINT + 1
    starts = np.concatenate([width * np.arange(2 * p), 2 * width * p + np.arange(p + 1)])
    return starts.astype(np.int32)


def inputs(given: Any) -> tuple[np.ndarray, ...]:
    """All cameras, points, weights and features are the same; observations go round."""
    n, m, p = given["n"], given["m"], given["p"]
    each = np.arange(p)
    return (
        np.tile(given["cam"], (n, 1)),
        np.tile(given["x"], (m, 1)),
        np.full(p, given["w"]),
        np.stack([each % n, each % m], 1).astype(np.int32),
        np.tile(given["feat"], (p, 1)),
    )


def make(given: Any) -> Any:
    """The errors, and their Jacobian."""
    args = inputs(given)
    primal, derivative = ad.compile(errors), ad.compile(jacobian)

    def first_errors(result: Any) -> np.ndarray:
        return np.append(np.ravel(np.asarray(result[0]))[:2], np.asarray(result[1])[0])

    def ends(result: Any) -> np.ndarray:
        parts = [np.asarray(part) for part in result]
        return flat(tuple(np.append(part[:SHOWN], part[-1]) for part in parts))

    return {
        "primal": (lambda: primal(*args), first_errors),
        "derivative": (lambda: derivative(*args), ends),
    }
