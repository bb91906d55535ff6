"""Which operations have a slow path: their native rules are run, to see if they ask for one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from adjoint.graph.loop_form import ZERO, Index
from adjoint.graph.node import Node
from adjoint.graph.types import BOOL, DType

_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_known: dict[Hashable, bool] = {}


def has_slow_path(node: Node) -> bool:
    """Whether the rule of a pointwise node leaves some arguments to `Emitter.slow_path`."""
    if not node.op.pointwise:
        return False
    key = node.op, node.params, tuple(x.dtype for x in node.inputs)
    found = _known.get(key)
    if found is None:
        found = _known[key] = _asks_for_it(node)
    return found


def _asks_for_it(node: Node) -> bool:
    loops: Any = _Loops()
    try:
        node.op.lower(node, (ZERO,) * len(node.shape), loops)
    except _Found:
        return True
    return False


class _Found(Exception):
    """The rule asks for a slow path."""


class _DTypeEmitter:
    """An emitter that makes nothing: its scalars are dtypes."""

    @property
    def exact(self) -> _DTypeEmitter:
        return self

    def dtype(self, x: DType) -> DType:
        return x

    def constant(self, value: float, dtype: DTypeLike) -> DType:
        return np.dtype(dtype)

    def convert(self, x: DType, dtype: DTypeLike) -> DType:
        return np.dtype(dtype)

    bitcast = convert

    def call(self, name: str, *arguments: DType, dtype: DTypeLike) -> DType:
        return np.dtype(dtype)

    def select(self, condition: DType, a: Any, b: Any) -> Any:
        return a if isinstance(a, np.dtype) else b

    def slow_path(self, condition: DType, fast: DType, slow: Callable[[], DType]) -> DType:
        raise _Found

    def __getattr__(self, word: str) -> Callable[..., Any]:
        if word in _COMPARISONS:
            return lambda *operands: BOOL
        return lambda *operands: next(x for x in operands if isinstance(x, np.dtype))


class _Loops:
    """The loops around a node of one element."""

    e = _DTypeEmitter()

    def read(self, x: Node, index: Index) -> DType:
        return x.dtype

    def check(self, condition: DType) -> None:
        pass
