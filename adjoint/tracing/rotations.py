"""Rotations that SciPy made of plain numbers, as traced code sees them: of constant tensors.

SciPy chooses how to compute when a rotation is made: of tensors by the array API standard, of
arrays in C, which takes no tensors. So those that are there already are made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.graph.tensor import as_tensor
from adjoint.tracing.constants import tracing

_HOME = "scipy.spatial.transform"
_PARTS: dict[str, tuple[str, str]] = {
    "Rotation": ("from_quat", "as_quat"),
    "RigidTransform": ("from_matrix", "as_matrix"),
}
"""By class the methods that make an object of numbers and the numbers of it."""

class_of: Callable[[type], type | None] = lambda cls: None
"""The class whose objects hold tensors; who copies classes sets it."""


def constant(x: Any) -> Any:
    """A rotation or a rigid transform of plain numbers as one of constant tensors; others as they
    are."""
    kind = type(x)
    if kind.__name__ not in _PARTS or not kind.__module__.startswith(_HOME):
        return x
    known = tracing.seen.get(id(x))
    if known is not None:
        return known[1]
    traced = class_of(kind)
    if traced is None or traced is kind:
        return x
    make, numbers = _PARTS[kind.__name__]
    seen = getattr(traced, make)(as_tensor(getattr(x, numbers)()))
    tracing.seen[id(x)] = x, seen
    return seen
