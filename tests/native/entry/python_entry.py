"""The entry written in Python: what native entries are compared with.

It accepts and refuses exactly the same arguments; a call takes microseconds longer.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.backends.llvm.entry.descriptor import Input, Output, Tree, check_tree
from adjoint.backends.llvm.system.caching_allocator import empty
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor


def python_entry(
    address: int,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    tree: Tree,
    name: str,
    doc: str,
    slow: Callable[..., Any],
    unflatten: Callable[[Any], Any] | None = None,
    keepalive: Any = None,
    release_gil: bool = False,
) -> Callable[..., Any]:
    """A function that enters the body at `address`, with the meaning of a native entry."""
    check_tree(tree, len(outputs))
    function_type = ctypes.CFUNCTYPE if release_gil else ctypes.PYFUNCTYPE
    body = function_type(ctypes.c_int, ctypes.c_void_p)(address)
    guards = [_scalar_guard(s.dtype) if s.python_scalar else _array_guard(s) for s in inputs]
    total = len(inputs) + len(outputs)
    table = ctypes.c_void_p * max(total, 1)

    def entry(*args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != len(guards):
            return slow(*args, **kwargs)
        data = [guard(arg) for guard, arg in zip(guards, args, strict=True)]
        if any(array is None for array in data):
            return slow(*args)
        results = [empty(spec.shape, spec.dtype) for spec in outputs]
        buffers = table(*(array.ctypes.data for array in [*data, *results]))
        if body(ctypes.addressof(buffers)):
            return slow(*args)
        leaves = tuple(
            Tensor(constant_node(result if spec.shape else result[()], spec.shape, spec.dtype))
            for result, spec in zip(results, outputs, strict=True)
        )
        return _built(tree, leaves) if unflatten is None else unflatten(leaves)

    entry.__name__ = entry.__qualname__ = name
    entry.__doc__ = doc
    entry.__dict__["keepalive"] = keepalive
    return entry


def _scalar_guard(dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    wanted: type = {"b": bool, "i": int, "u": int, "f": float, "c": complex}[dtype.kind]
    low, high = 0, 0
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = int(info.min), min(int(info.max), 2**63 - 1)

    def guard(arg: Any) -> Any:
        if type(arg) is not wanted or (type(arg) is int and not low <= arg <= high):
            return None
        with np.errstate(over="ignore"):
            return np.array(arg, dtype)

    return guard


def _array_guard(spec: Input) -> Callable[[Any], Any]:
    def guard(arg: Any) -> Any:
        value = _held(arg) if type(arg) is Tensor else arg
        kind = type(value)
        if kind is np.ndarray:
            flags = value.flags
            right = value.dtype is spec.dtype and value.shape == spec.shape
            return value if right and flags.c_contiguous and flags.aligned else None
        return np.array(value) if not spec.shape and kind is spec.dtype.type else None

    return guard


def _held(tensor: Tensor) -> Any:
    """The value of a tensor that nobody differentiates; None if there is no such value."""
    try:
        node = tensor.node
        if type(node) is not Node:
            return None
        return node.value if node.scope is None or not node.scope.open else None
    except AttributeError:
        return None


def _built(tree: Tree, leaves: Sequence[Tensor]) -> Any:
    if isinstance(tree, int):
        return leaves[tree]
    return tuple(_built(branch, leaves) for branch in tree)
