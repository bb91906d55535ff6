"""ht: a hand model's distance from measured points, and its Jacobian.

The pose (26 numbers) turns the bones, the bones carry the vertices of the surface, and each
measured point has a vertex, or a place in a triangle given by two coordinates of its own. So the
Jacobian is dense in the pose and has two columns for all coordinates together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.gradbench.forms import flat

FINGERS, JOINTS, FIRST = 5, 4, 6
"""Each finger has a root with two angles and two joints with one; its last bone follows."""


def angles_of_bones(bones: int, size: int) -> np.ndarray:
    """Which entry of (pose, 0) is each angle (x, z, y) of each bone; the wrist does not turn."""
    places = np.full((bones, 3), size)
    entry = FIRST
    for finger in range(FINGERS):
        for joint in range(JOINTS - 1):
            bone = 2 + finger * JOINTS + joint
            for axis in range(2 if joint == 0 else 1):
                places[bone, axis] = entry
                entry += 1
    return places


def turned(angles: Any) -> Any:
    """For each row (x, z, y) the matrix of the turns about x, then y, then z, as 4 × 4."""
    cosines, sines = ad.cos(angles), ad.sin(angles)
    cx, cz, cy = (cosines[:, i] for i in range(3))
    sx, sz, sy = (sines[:, i] for i in range(3))
    zero, one = ad.zeros(cx.shape), ad.ones(cx.shape)
    entries = [
        cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx, zero,
        sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx, zero,
        -sy, cy * sx, cy * cx, zero,
        zero, zero, zero, one,
    ]  # fmt: skip
    return ad.reshape(ad.stack(entries, axis=1), (-1, 4, 4))


def about(vector: Any) -> Any:
    """The matrix of the turn about a vector by the angle of its length."""
    angle = ad.sqrt(ad.sum(vector * vector))
    x, y, z = (vector[i] / angle for i in range(3))
    s, c = ad.sin(angle), ad.cos(angle)
    d = 1.0 - c
    entries = [
        x * x * d + c, x * y * d - z * s, x * z * d + y * s,
        x * y * d + z * s, y * y * d + c, y * z * d - x * s,
        x * z * d - y * s, y * z * d + x * s, z * z * d + c,
    ]  # fmt: skip
    return ad.reshape(ad.stack(entries), (3, 3))


class Hand:
    """What is known of the hand, and the places of the measured points on it."""

    def __init__(self, given: Any) -> None:
        data = given["data"]
        model = data["model"]
        self.parents = [int(p) for p in model["parents"]]
        self.sign = np.array([-1.0 if model["is_mirrored"] else 1.0, 1.0, 1.0])
        size = len(given["theta"])
        self.angles = angles_of_bones(len(self.parents), size)
        self.places = np.asarray(data["correspondences"])
        if len(given["us"]):
            self.places = np.asarray(model["triangles"])[self.places]
        names = ("base_relatives", "inverse_base_absolutes", "base_positions", "weights")
        self.arrays = (*(model[name] for name in names), data["points"])

    def positions(self, theta: Any, relatives: Any, inverses: Any, rest: Any, weights: Any) -> Any:
        """Where the pose puts the vertices: a column for each."""
        bones = len(self.parents)
        local = relatives @ turned(ad.append(theta, 0.0)[self.angles])
        absolute: list[Any] = []
        for bone, parent in enumerate(self.parents):
            own = local[bone]
            absolute.append(own if parent < 0 else absolute[parent] @ own)
        moves = (ad.stack(absolute) @ inverses)[:, :3, :]
        mixed = ad.expand_dims(weights.T, 1) * ad.expand_dims(rest.T, 0)
        rows = ad.reshape(ad.permute_dims(moves, (1, 0, 2)), (3, bones * 4))
        skin = rows @ ad.reshape(mixed, (bones * 4, -1))
        return (about(theta[:3]) * self.sign) @ skin + ad.expand_dims(theta[3:6], 1)

    def distances(self, theta: Any, us: Any, *arrays: Any) -> Any:
        """What the measured points are away from their places."""
        *model, points = arrays
        found = ad.take(self.positions(theta, *model).T, self.places, axis=0)
        if us.shape[0]:
            u, v = us[:, :1], us[:, 1:]
            found = u * found[:, 0] + v * found[:, 1] + (1.0 - u - v) * found[:, 2]
        return points - found

    def jacobian(self, theta: Any, us: Any, *arrays: Any) -> Any:
        """Columns for the coordinates on triangles, if there are any, then for the pose."""
        by_pose = ad.jacfwd(self.distances)(theta, us, *arrays)
        if not us.shape[0]:
            return by_pose
        ways = [np.broadcast_to(unit, us.shape) for unit in np.eye(2)]
        by_place = [
            ad.jvp(lambda us: self.distances(theta, us, *arrays), (us,), (way,))[1] for way in ways
        ]
        return ad.concat([ad.stack(by_place, axis=2), by_pose], axis=2)


def make(given: Any) -> Any:
    """The distances, and their Jacobian by coordinates and pose."""
    hand = Hand(given)
    args = (given["theta"], given["us"], *hand.arrays)
    primal, derivative = ad.compile(hand.distances), ad.compile(hand.jacobian)
    return {
        "primal": (lambda: primal(*args), flat),
        "derivative": (lambda: derivative(*args), flat),
    }
