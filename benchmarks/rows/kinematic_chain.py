"""Where a chain of 35 joints ends, and the Jacobian by their angles, NumPy in and out

Each joint turns the rest of the chain about an axis of its own. Straight-line code of small
matrices: libraries of robots write such Jacobians by hand, as tracing and compiling take seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Goal, Row, at_first_call

ROW = Row("float64", 1e-12, (Goal("jax", 2.0),))

Chain = tuple[np.ndarray, np.ndarray, np.ndarray]


def inputs(smoke: bool) -> Chain:
    """The angles, and for each joint its axis and the link behind it."""
    rng = np.random.default_rng(0)
    joints = 4 if smoke else 35
    axes = rng.normal(size=(joints, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    return rng.uniform(-1.0, 1.0, joints), axes, rng.normal(size=(joints, 3))


def cross_matrices(axes: np.ndarray) -> np.ndarray:
    """For each axis the matrix K with K v = axis × v."""
    return np.cross(axes[:, None, :], -np.eye(3))


def end(space: Any, angles: Any, crosses: Any, links: Any) -> Any:
    """Where the chain ends: Rodrigues' formula for each rotation, from the first joint on."""
    turn, place = np.eye(3), np.zeros(3)
    for i, (k, link) in enumerate(zip(crosses, links, strict=True)):
        sine, cosine = space.sin(angles[i]), space.cos(angles[i])
        turn = turn @ (np.eye(3) + sine * k + (1.0 - cosine) * (k @ k))
        place = place + turn @ link
    return place


def make_adjoint(angles: np.ndarray, axes: np.ndarray, links: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    crosses = cross_matrices(axes)

    @ad.compile
    def both(angles: Any) -> Any:
        return end(ad, angles, crosses, links), ad.jacobian(end, argnums=1)(
            ad, angles, crosses, links
        )

    return lambda: tuple(map(np.asarray, both(angles)))


def make_jax(angles: np.ndarray, axes: np.ndarray, links: np.ndarray) -> Callable[[], Any]:
    import jax

    crosses = cross_matrices(axes)

    @jax.jit
    def both(angles: Any) -> Any:
        def at(angles: Any) -> Any:
            return end(jax.numpy, angles, crosses, links)

        return at(angles), jax.jacrev(at)(angles)

    return lambda: tuple(map(np.asarray, both(angles)))


def make_torch(angles: np.ndarray, axes: np.ndarray, links: np.ndarray) -> Callable[[], Any]:
    import torch

    crosses, tensors = torch.from_numpy(cross_matrices(axes)), torch.from_numpy(links)
    eye = torch.eye(3, dtype=torch.float64)

    def at(angles: Any) -> Any:
        turn, place = eye, torch.zeros(3, dtype=torch.float64)
        for angle, k, link in zip(angles, crosses, tensors, strict=True):
            turn = turn @ (eye + torch.sin(angle) * k + (1.0 - torch.cos(angle)) * (k @ k))
            place = place + turn @ link
        return place

    def work() -> Any:
        given = torch.from_numpy(angles)
        return at(given).numpy(), torch.autograd.functional.jacobian(at, given).numpy()

    return work


def make_casadi(angles: np.ndarray, axes: np.ndarray, links: np.ndarray) -> Callable[[], Any]:
    import casadi

    crosses = cross_matrices(axes)

    def build() -> Callable[[], Any]:
        a = casadi.SX.sym("angles", len(angles))
        turn, place = casadi.SX.eye(3), casadi.SX.zeros(3)
        for i, (k, link) in enumerate(zip(crosses, links, strict=True)):
            sine, cosine = casadi.sin(a[i]), casadi.cos(a[i])
            turn = turn @ (np.eye(3) + sine * casadi.DM(k) + (1.0 - cosine) * casadi.DM(k @ k))
            place = place + turn @ casadi.DM(link)
        f = casadi.Function("f", [a], [place, casadi.jacobian(place, a)])

        def work() -> Any:
            place, jacobian = f(angles)
            return place.full()[:, 0], jacobian.full()

        return work

    return at_first_call(build)


def make_numpy(angles: np.ndarray, axes: np.ndarray, links: np.ndarray) -> Callable[[], Any]:
    """The geometric Jacobian: axis × (end − joint), in the frame of the foot."""
    crosses = cross_matrices(axes)
    squares = crosses @ crosses

    def work() -> Any:
        turn, place = np.eye(3), np.zeros(3)
        joints, turned = np.empty_like(links), np.empty_like(axes)
        for i, angle in enumerate(angles):
            joints[i], turned[i] = place, turn @ axes[i]
            rotation = np.eye(3) + np.sin(angle) * crosses[i] + (1 - np.cos(angle)) * squares[i]
            turn = turn @ rotation
            place = place + turn @ links[i]
        return place, np.cross(turned, place - joints).T

    return work
