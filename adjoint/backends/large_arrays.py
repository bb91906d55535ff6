"""Memory for large arrays that NumPy makes while a graph is evaluated: from the caching allocator.

Floor 6. The allocator is native code, so it is not loaded for a few of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from adjoint.backends.availability import missing
from adjoint.graph.node import Node
from adjoint.graph.types import size_of

LARGE = 1 << 16
"""Bytes of a value from which on results are taken to be large, too: as in `caching_allocator`."""
WORTH_LOADING = 1 << 27
"""Bytes of large values that must have been read before.

Loading takes 0.04 s. Gradients over 1 MB had taken 0.4 s then, of which cached memory saves a tenth
or more: what was spent comes back when as much again is read.
"""

_nothing: AbstractContextManager[Any] = nullcontext()
_read = 0


def memory_for(order: Sequence[Node]) -> AbstractContextManager[Any]:
    """Where the nodes of a pending graph are to be evaluated: with cached memory, or NumPy's."""
    global _read
    size = max((nbytes(n) for n in order if n.value is not None and n.shape), default=0)
    if size < LARGE:
        return _nothing
    _read += size
    if _read < WORTH_LOADING or missing():
        return _nothing
    from adjoint.backends.llvm.system import caching_allocator

    return caching_allocator.for_numpy() if caching_allocator.available else _nothing


def nbytes(node: Node) -> int:
    """The bytes of the value of a node."""
    return size_of(node.shape) * node.dtype.itemsize
