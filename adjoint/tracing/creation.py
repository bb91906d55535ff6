"""NumPy's functions that make arrays, as traced code calls them.

NumPy offers no protocol for these. Arrays of floating and complex numbers become tensors, which can
be filled with what is differentiated; arrays of integers and truth values stay NumPy's.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph import calls
from adjoint.graph.tensor import Tensor, as_stored, as_tensor
from adjoint.graph.types import is_bfloat16, is_inexact, storage_dtype
from adjoint.graph.views import link
from adjoint.ops.shape.movement import broadcast_to
from adjoint.tracing import texts
from adjoint.tracing.constants import fresh, holds_tensor
from adjoint.tracing.extremes import is_unknown
from adjoint.tracing.queries import is_scalar

Functions = dict[str, Callable[..., Any]]


def array(
    object: Any, dtype: Any = None, *, copy: Any = True, ndmin: int = 0, **options: Any
) -> Any:
    """`numpy.array`, of tensors too."""
    if not holds_tensor((object,)):
        made = np.array(object, dtype, copy=copy, ndmin=ndmin, **options)
        if dtype is not None:
            texts.look_at(made, object)
        return fresh(_owned(made, object))
    if dtype is not None and np.dtype(dtype).kind == "O":
        return _of_objects(object)
    x = _converted(object, dtype)
    if copy and x is object:
        x = x.copy()
    return x if x.ndim >= ndmin else x[(None,) * (ndmin - x.ndim)]


def asarray(a: Any, dtype: Any = None, order: Any = None, **options: Any) -> Any:
    """`numpy.asarray`, of tensors too: these stay what they are."""
    if options.get("copy"):
        return array(a, dtype)
    if dtype is not None and np.dtype(dtype).kind == "O" and holds_tensor((a,)):
        return _of_objects(a)
    if not holds_tensor((a,)):
        if isinstance(a, np.matrix):  # whose * is the matrix product
            a = fresh(np.asarray(a))
        if isinstance(a, np.ndarray):
            same = dtype is None or a.dtype == np.dtype(dtype)
            return a if same else fresh(np.asarray(a, dtype))
        made = np.asarray(a, dtype, order)
        if dtype is not None:
            texts.look_at(made, a)
        return fresh(_owned(made, a))
    return _converted(a, dtype)


def asanyarray(a: Any, dtype: Any = None, order: Any = None, **options: Any) -> Any:
    """`numpy.asanyarray`, of tensors too; a `numpy.matrix` stays what it is."""
    if isinstance(a, np.matrix):
        return np.asanyarray(a, dtype, order, **options)
    return asarray(a, dtype, order, **options)


def _of_objects(x: Any) -> Any:
    """An array of NumPy's whose elements are tensors."""
    items = list(x) if isinstance(x, (list, tuple)) or x.ndim else x
    made = np.empty(_converted(x, None).shape, np.dtype("O"))
    if not made.ndim:
        made[()] = items
    for i in range(len(made) if made.ndim else 0):
        made[i] = _of_objects(items[i]) if made.ndim > 1 else items[i]
    return made


def _converted(x: Any, dtype: Any) -> Tensor:
    given = x if type(x) is Tensor else _as_lists(x)
    return as_stored(given) if dtype is None else as_tensor(given, storage_dtype(dtype))


def _as_lists(x: Any) -> Any:
    """Nested tuples and arrays of objects as lists."""
    if isinstance(x, np.ndarray):
        return x.tolist() if x.dtype.kind == "O" else x
    return [_as_lists(item) for item in x] if isinstance(x, (list, tuple)) else x


def _owned(result: Any, given: Any) -> Any:
    """An array that shares no memory: a copy, if it was made of what another object holds."""
    return (
        result.copy() if result.base is not None and not isinstance(given, np.ndarray) else result
    )


def _like(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def like(a: Any, *args: Any, **kwargs: Any) -> Any:
        if type(a) is Tensor:
            if is_unknown(a) and not (args or kwargs):  # it may be written to where one says
                return as_stored(np.array(function(np.zeros(a.shape, a.dtype))))
            a = np.empty(a.shape, a.dtype)
        if holds_tensor((a,)):
            a = np.empty(*_shape_and_dtype(a))
        if holds_tensor((*args, *kwargs.values())):
            value, dtype = _filling(a, args, kwargs)
            return full(kwargs.get("shape") or np.shape(a), value, dtype)
        return fresh(np.array(function(a, *args, **kwargs), subok=False))

    return like


def _shape_and_dtype(x: Any) -> tuple[Any, Any]:
    t = _converted(x, None)
    return t.shape, t.dtype


def _filling(a: Any, args: Any, kwargs: Any) -> tuple[Any, ...]:
    value = args[0] if args else kwargs["fill_value"]
    dtype = args[1] if len(args) > 1 else kwargs.get("dtype")
    return value, (np.asarray(a).dtype if dtype is None else dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    """`numpy.full`, of a tensor too."""
    if not holds_tensor((fill_value,)):
        return fresh(np.full(_whole(shape), fill_value, dtype, order, **options))
    value = _converted(fill_value, dtype)
    return broadcast_to(value, _whole(shape)).copy()


def _whole(shape: Any) -> Any:
    """A shape of integers, which tensors may stand for."""
    if type(shape) is Tensor or isinstance(shape, np.ndarray):
        return tuple(int(s) for s in shape) if shape.ndim else int(shape)
    return tuple(map(int, shape)) if isinstance(shape, (list, tuple)) else shape


def _making(name: str) -> Callable[..., Any]:
    """A function whose first argument is a shape, and whose result nobody holds yet."""
    function = getattr(np, name)

    def make(shape: Any, *args: Any, **kwargs: Any) -> Any:
        return fresh(function(_whole(shape), *args, **kwargs))

    return make


def empty(shape: Any, *args: Any, **kwargs: Any) -> Any:
    """`numpy.empty`: of nan, as results must not depend on what memory held before."""
    made = np.empty(_whole(shape), *args, **kwargs)
    if made.dtype.kind in "fc" or is_bfloat16(made.dtype):
        made.fill(np.nan)
    return fresh(made)


def empty_like(prototype: Any, *args: Any, **kwargs: Any) -> Any:
    """`numpy.empty_like`: of nan, as `empty`."""
    found = _like("empty_like")(prototype, *args, **kwargs)
    is_filled = type(found) is Tensor and is_inexact(found.dtype)
    return as_stored(np.full(found.shape, np.nan, found.dtype)) if is_filled else found


def copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
    """`numpy.copy`, of tensors too."""
    return array(a)


def from_dlpack(x: Any, /, **options: Any) -> Any:
    """`numpy.from_dlpack`, of tensors too, which stay what they are."""
    if type(x) is Tensor:
        return x.copy() if options.get("copy") else x
    return fresh(np.from_dlpack(x, **options))


def _making_new(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy's that makes new arrays of whatever it is given."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return fresh(function(*args, **kwargs))

    return call


def _with_an_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that orders memory: of a tensor it is the tensor, with at least one axis, or with
    several a copy, if NumPy's array would have another order."""

    def call(a: Any, dtype: Any = None, **options: Any) -> Any:
        if not holds_tensor((a,)):
            return asarray(function(a, dtype, **options) if np.ndim(a) == 0 else a, dtype)
        x = asarray(a, dtype)
        if x is a and (x.ndim > 1 or hasattr(x, "links")):
            return link(Tensor(x.node), x, f"numpy.{function.__name__}")
        return x if x.ndim else x[None]

    return call


def fromiter(iter: Any, dtype: Any, count: int = -1, **options: Any) -> Any:
    """`numpy.fromiter`, of tensors too."""
    given = list(iter if count < 0 else itertools.islice(iter, count))
    if holds_tensor(given):
        if len(given) < count:
            raise ShapeError(f"numpy.fromiter: asked for {count} elements, got {len(given)}")
        return _converted(given, dtype)
    return fresh(np.fromiter(given, dtype, count, **options))


def frompyfunc(func: Any, /, nin: int, nout: int, **identity: Any) -> Any:
    """`numpy.frompyfunc`; of tensors the function makes a tensor, as `numpy.vectorize` does."""
    of_arrays = np.frompyfunc(func, nin, nout, **identity)

    @functools.wraps(func)
    def of_each(*args: Any, **kwargs: Any) -> Any:
        if holds_tensor(args):
            return calls.vectorize(func)(*args, **kwargs)
        return of_arrays(*args, **kwargs)

    return of_each


_AS_THEY_ARE = ("eye", "identity", "tri", "fromfunction", "frombuffer")

FUNCTIONS_OF_NUMPY: Functions = {
    "array": array,
    "asarray": asarray,
    "asanyarray": asanyarray,
    "ascontiguousarray": _with_an_axis(np.ascontiguousarray),
    "asfortranarray": _with_an_axis(np.asfortranarray),
    "asarray_chkfinite": asarray,
    "require": lambda a, dtype=None, requirements=None, **options: asarray(a, dtype),
    "copy": copy,
    "from_dlpack": from_dlpack,
    "frompyfunc": frompyfunc,
    "fromiter": fromiter,
    "isscalar": is_scalar,
    "zeros": _making("zeros"),
    "ones": _making("ones"),
    "empty": empty,
    "full": full,
    "zeros_like": _like("zeros_like"),
    "ones_like": _like("ones_like"),
    "empty_like": empty_like,
    "full_like": _like("full_like"),
    **{name: _making_new(getattr(np, name)) for name in _AS_THEY_ARE},
    **texts.FUNCTIONS_OF_NUMPY,
}
"""What stands for functions of NumPy's of these names."""
