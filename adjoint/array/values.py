"""Values of tensors for questions that no derivative asks: how many, which, in what order."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import DTypeError
from adjoint.graph import engine
from adjoint.graph.tensor import Tensor, as_tensor


def known(x: Any) -> np.ndarray[Any, Any]:
    """The value of `x` now, to decide by it; `ConcretizationError` where nothing is computed."""
    return np.asarray(engine.value_of(as_tensor(x).node))


def known_integers(name: str, x: Any) -> np.ndarray[Any, Any]:
    """The value of `x`, if it holds integers or booleans; else `DTypeError`."""
    x = as_tensor(x)
    if x.dtype.kind not in "biu":
        raise DTypeError(f"{name}: expected integers, got dtype {x.dtype}; convert with astype")
    return known(x)


def is_open(x: Any) -> bool:
    """Whether `x` is or holds a tensor by which somebody differentiates, or that is traced."""
    if isinstance(x, (list, tuple)):
        return any(map(is_open, x))
    return isinstance(x, Tensor) and x.node.scope is not None and x.node.scope.is_open()
