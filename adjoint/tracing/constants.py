"""Arrays of the user's module, as traced code sees them: what is computed from them can be filled.

An array of NumPy's has no room for a derivative. So while tracing, new arrays of floating or
complex numbers are tensors: those of ``np.zeros`` and its like, and those computed from constants.
What stands in the user's module stays an array, the very memory, but of a class that knows this.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from adjoint.graph import lost
from adjoint.graph.numpy_protocol import NumpyProtocol, call_function
from adjoint.graph.shown import check_read
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import is_bfloat16, storage_dtype


class _State(threading.local):
    """How many functions this thread traces, one inside the other, what arrays it has seen, and the
    error that holds also if the user's code catches it."""

    depth = 0
    refused: Exception | None = None

    def __init__(self) -> None:
        self.seen: dict[int, tuple[Any, Any]] = {}


tracing = _State()
lost.is_tracing = lambda: tracing.depth > 0


class ConstantArray(np.ndarray[Any, Any]):
    """An array that was there before; copies of it, and what is computed from it, are tensors."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, NumpyProtocol) for x in inputs):
            return NotImplemented
        out = kwargs.get("out")
        if out is not None:
            if any(isinstance(x, NumpyProtocol) for x in out):
                return NotImplemented
            kwargs["out"] = tuple(map(plain, out))
        result = getattr(ufunc, method)(*map(plain, inputs), **kwargs)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return fresh(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, NumpyProtocol) for kind in types):
            return NotImplemented
        kwargs = {k: plain_within(v) for k, v in kwargs.items()}
        return fresh(function(*map(plain_within, args), **kwargs))

    def __getitem__(self, index: Any) -> Any:
        """A view, which is an array; copies, and what stands where a tensor says, are tensors."""
        if type(index) is int or type(index) is slice:
            return super().__getitem__(index)
        if holds_tensor((index,)):
            return as_tensor(plain(self))[index]
        result = plain(self)[index]
        if type(result) is np.ndarray and not np.may_share_memory(result, self):
            return fresh(result.copy())
        return fresh(result)

    def take(self, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> Any:
        """The elements at `indices`, a tensor."""
        if holds_tensor((indices, out)):
            return call_function(np.take, (plain(self), indices, axis, out, mode), {})
        return fresh(plain(self).take(indices, axis, out, mode))

    def copy(self, order: Any = "C") -> Any:
        """A tensor with the same values, which can be written to."""
        return fresh(plain(self).copy(order))

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """A tensor, or an array of integers or truth values, converted."""
        made = plain(self).astype(dtype, *args, **kwargs)
        if self.dtype.kind in "US":
            check_read(made)
        return fresh(made)

    def flatten(self, order: Any = "C") -> Any:
        """A tensor with one axis, which can be written to."""
        return fresh(plain(self).flatten(order))

    def dot(self, b: Any, out: Any = None) -> Any:
        """The dot product, of a tensor too, for which NumPy's method has no protocol."""
        if isinstance(b, NumpyProtocol) or isinstance(out, NumpyProtocol):
            return call_function(np.dot, (plain(self), b), {} if out is None else {"out": out})
        return fresh(plain(self).dot(plain(b), None if out is None else plain(out)))

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce__(self) -> Any:
        return plain(self).__reduce__()


def constant_array(array: np.ndarray[Any, Any]) -> Any:
    """`array` as traced code sees it: the same memory, and in one call the same object."""
    known = tracing.seen.get(id(array))
    if known is not None:
        return known[1]
    seen = array.view(ConstantArray)
    if tracing.depth:
        tracing.seen[id(array)] = array, seen
    return seen


def plain(x: Any) -> Any:
    """`x`; of a constant array the array itself."""
    return x.view(np.ndarray) if type(x) is ConstantArray else x


def plain_within(x: Any) -> Any:
    """`x` with arrays in place of constant arrays, also inside lists, tuples and dicts."""
    if type(x) is dict:
        return {k: plain_within(v) for k, v in x.items()}
    return type(x)(map(plain_within, x)) if type(x) in (list, tuple) else plain(x)


def fresh(result: Any) -> Any:
    """What NumPy computed: a new array that can hold derivatives becomes a tensor.

    Only while tracing: a function defined inside the traced one may be called after it.
    """
    kind = type(result)
    if not tracing.depth:
        return plain(result)
    if kind is np.ndarray or kind is ConstantArray:
        if result.dtype.kind in "US":
            return result.view(ConstantArray)  # whose numbers may be read
        can_vary = result.dtype.kind in "fc" or is_bfloat16(result.dtype)
        if not can_vary or result.dtype.itemsize > 16:
            return plain(result)
        if result.base is not None:
            return result.view(ConstantArray)  # it shares memory with what was there before
        return from_array(np.require(plain(result), storage_dtype(result.dtype), "C"))
    if kind is list or kind is tuple:
        return kind(map(fresh, result))
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return kind(*map(fresh, result))
    return result


def holds_tensor(args: Any) -> bool:
    """Whether a tensor is among arguments, or in lists and tuples among them."""
    for x in args:
        if isinstance(x, Tensor):
            return True
        if type(x) in (list, tuple) and holds_tensor(x):
            return True
        if type(x) is np.ndarray and x.dtype.kind == "O" and holds_tensor(x.flat):
            return True
    return False
