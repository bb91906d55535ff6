"""A row of the table: how to call one operation, on what, and which plain function means it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from adjoint.graph.op import find
from adjoint.graph.tensor import Tensor, as_tensor, make

REAL = ("float64", "float32")
ALL = ("float64", "float32", "complex128")


@dataclass(frozen=True)
class Row:
    """How to call one operation: see `tests/table/rows.py`.

    `spread` stretches the points; `digits` loosens.
    """

    op: str
    call: Callable[..., Any]
    inputs: Sequence[Any]
    numpy: Callable[..., Any] | None = None
    label: str = ""
    dtypes: Sequence[str] = ALL
    spread: float = 1.0
    digits: float = 1.0


def registered(name: str) -> Callable[..., Tensor]:
    """An operation that no public function calls just so, applied by its record."""
    return lambda xs, *params: make(find(name), [as_tensor(x) for x in xs], params)
