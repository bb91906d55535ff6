"""Functions of series beside their values: at points and on grids of several variables, the columns
of least squares, and arithmetic, under their full names in ``numpy.polynomial``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from adjoint.array.manipulation.joining import broadcast_arrays
from adjoint.array.polynomials import series_arithmetic
from adjoint.array.polynomials.series import BASES, Recurrence, evaluated
from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import to_inexact
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import astype, broadcast_to, reshape


def _at_points(value: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def at(*places: Any) -> Tensor:
        """The value of a series in several variables at points with these coordinates."""
        *xs, c = places
        xs = list(broadcast_arrays(*xs))
        c = value(xs[0], c)
        for x in xs[1:]:
            c = value(x, c, tensor=False)
        return c

    return at


def _on_grid(value: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def on_grid(*places: Any) -> Tensor:
        """The value of a series in several variables at all combinations of coordinates."""
        *xs, c = places
        for x in xs:
            c = value(x, c)
        return as_tensor(c)

    return on_grid


def _columns(step: Recurrence) -> Callable[..., Tensor]:
    def vander(x: Any, deg: int) -> Tensor:
        """p₀(x) … p of degree `deg` along a new last axis."""
        x = as_tensor(x)
        x = x if x.ndim else reshape(x, (1,))
        x = astype(x, to_inexact(x.dtype))
        found = [broadcast_to(as_tensor(1, x.dtype), x.shape)]
        for n in range(int(deg)):
            a, b, c = step(n)
            after = (x * a + b) * found[-1]
            found.append(after - c * found[-2] if n and c else after)
        return stack(found, axis=-1)

    return vander


def enter() -> None:
    """Have traced code find the functions under their full names in NumPy."""
    for module, name, step in BASES.values():
        place = f"polynomial.{module}.{name.removesuffix('val')}"
        value = partial(evaluated, name, step)
        for rank in ("2d", "3d"):
            public_as(f"{place}val{rank}")(_at_points(value))
            public_as(f"{place}grid{rank}")(_on_grid(value))
        public_as(f"{place}vander")(_columns(step))
    series_arithmetic.enter()
