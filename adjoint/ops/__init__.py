"""Floor 3: the operations, each in one place, by family."""

from adjoint.ops import (
    arithmetic,
    choice,
    comparison,
    exponential,
    matmul,
    movement,
    power,
    reduction,
    trigonometric,
)

__all__ = [
    "arithmetic",
    "choice",
    "comparison",
    "exponential",
    "matmul",
    "movement",
    "power",
    "reduction",
    "trigonometric",
]
