"""Which operations have rare arguments: their native rules are listened to for the word `rare`."""

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


def is_rare(node: Node) -> bool:
    """Whether the rule of a node, one element from one, leaves some to `Emitter.rare`."""
    if not node.op.pointwise:
        return False
    key = node.op, node.params, tuple(x.dtype for x in node.inputs)
    found = _known.get(key)
    if found is None:
        found = _known[key] = _says_rare(node)
    return found


def _says_rare(node: Node) -> bool:
    loops: Any = _Loops()
    try:
        node.op.lower(node, (ZERO,) * len(node.shape), loops)
    except _Heard:
        return True
    return False


class _Heard(Exception):
    """The word was said."""


class _Listener:
    """An emitter that makes nothing: its scalars are dtypes."""

    @property
    def exact(self) -> _Listener:
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

    def rare(self, condition: DType, usual: DType, unusual: Callable[[], DType]) -> DType:
        raise _Heard

    def __getattr__(self, word: str) -> Callable[..., Any]:
        if word in _COMPARISONS:
            return lambda *operands: BOOL
        return lambda *operands: next(x for x in operands if isinstance(x, np.dtype))


class _Loops:
    """The loops around a node of one element."""

    e = _Listener()

    def read(self, x: Node, index: Index) -> DType:
        return x.dtype

    def check(self, condition: DType) -> None:
        pass
