"""Which subgradient is taken at a kink, where somebody chose it for a call of a function.

The choice is looked at when a node is made, and then stands in the node: what is compiled or kept
in caches is found by its nodes. Rules of derivatives make theirs without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, NamedTuple, TypeAlias

Side: TypeAlias = Literal["least", "left", "right"]


class Choice(NamedTuple):
    """The side from which the slope at a kink is taken, and that of `clip` at its edges."""

    side: Side = "least"
    clip_edge: int | None = None


_chosen: ContextVar[Choice | None] = ContextVar("adjoint_subgradients", default=None)

chosen = _chosen.get
"""The choice that holds here; None for the usual one."""


@contextmanager
def choosing(choice: Choice | None) -> Iterator[None]:
    """Within the block the choice holds."""
    token = _chosen.set(choice)
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen_side() -> Side:
    """The side that holds here."""
    choice = chosen()
    return "least" if choice is None else choice.side
