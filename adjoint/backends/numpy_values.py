"""The values of operations without native code, written by NumPy to where a program keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.ops.family.elementwise import Elementwise


def write_value(root: Node, values: Sequence[Any], target: Any) -> None:
    """Evaluate a node into `target`, which may lie in the memory of one of the `values`.

    A function of NumPy's own writes there itself, if no dtype is changed, and so does an operation
    that `fills`: that saves new memory, and copying it.
    """
    op = root.op
    is_alike = not root.params and all(x.dtype == target.dtype for x in values)
    if is_alike and isinstance(op, Elementwise) and type(op.numpy) is np.ufunc:
        op.numpy(*values, out=target)
    elif op.fills:
        found = op.evaluate(*values, *root.params, target)
        if found is not target:
            target[...] = found
    else:
        target[...] = op.evaluate(*values, *root.params)


__all__ = ["write_value"]
