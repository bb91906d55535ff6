"""Which loops are worth rolling up: beside the others, so that asking does not import them."""

from __future__ import annotations

LEAST = 8
"""Fewer repetitions stay written out: then they can be fused."""

WORTH = 200
"""Fewer operations in all repetitions together compile fast enough as they are."""

SMALL = 64
"""Loops of fewer operations in all repetitions stay written out within others."""

FUSED, LARGE = 1000, 1 << 18
"""So many elementwise operations, on arrays of so many bytes, had better be one pass over these."""


def is_worth(operations: float) -> bool:
    """Whether so many operations are worth looking for loops among them."""
    return operations >= WORTH
