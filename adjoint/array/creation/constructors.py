"""Making tensors: from data, and filled with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, RangeError
from adjoint.graph import dlpack
from adjoint.graph.device import check_device
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_stored, as_tensor, from_array
from adjoint.graph.types import FLOAT64, DType, as_shape, storage_dtype
from adjoint.ops.shape.movement import broadcast_to, reshape

__all__ = [
    "array",
    "asanyarray",
    "asarray",
    "ascontiguousarray",
    "asfortranarray",
    "copy",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def asarray(
    x: Any, /, dtype: Any = None, *, device: Any = None, copy: bool | None = None
) -> Tensor:
    """A tensor that holds `x`: a number, nested lists, a NumPy array, or a tensor.

    The data are copied, and of a tensor another handle is made, which does not see what is written
    into `x` later. With copy=False a tensor is returned as it is, and everything else raises
    `RangeError`. float64 is the default for Python floats, int64 for integers.

    >>> import adjoint as ad
    >>> ad.asarray([1, 2, 3], dtype="float32")
    Tensor([1., 2., 3.], dtype=float32)
    """
    if device is not None:
        check_device("asarray", device)
    wanted = None if dtype is None else storage_dtype(dtype)
    if copy is False:
        return _uncopied(x, wanted)
    return Tensor((as_stored(x) if wanted is None else as_tensor(x, wanted)).node)


def asanyarray(
    a: Any, /, dtype: Any = None, *, device: Any = None, copy: bool | None = None
) -> Tensor:
    """`asarray` by another name of NumPy's, where it also lets subclasses pass.

    >>> import adjoint as ad
    >>> ad.asanyarray([1.0, 2.0])
    Tensor([1., 2.])
    """
    return asarray(a, dtype, device=device, copy=copy)


def ascontiguousarray(a: Any, /, dtype: Any = None) -> Tensor:
    """A tensor with at least one axis that holds `a`; the order in memory is not the user's.

    >>> import adjoint as ad
    >>> ad.ascontiguousarray(3.0)
    Tensor([3.])
    """
    return array(a, dtype, ndmin=1)


def asfortranarray(a: Any, /, dtype: Any = None) -> Tensor:
    """A tensor with at least one axis that holds `a`; the order in memory is not the user's.

    >>> import adjoint as ad
    >>> ad.asfortranarray([[1, 2], [3, 4]])
    Tensor([[1, 2],
            [3, 4]])
    """
    return array(a, dtype, ndmin=1)


def copy(a: Any, /) -> Tensor:
    """A tensor of its own that holds `a`: what is written into it, or into `a`, is not shared.

    >>> import adjoint as ad
    >>> x = ad.zeros(2)
    >>> y = ad.copy(x)
    >>> y[0] = 1.0
    >>> x
    Tensor([0., 0.])
    """
    return asarray(a)


def _uncopied(x: Any, dtype: DType | None) -> Tensor:
    """`x` itself, if it is a tensor of `dtype`."""
    if not isinstance(x, Tensor):
        raise RangeError(
            f"asarray: copy=False, but a tensor never shares the memory of a {type(x).__name__}, "
            f"which may be written to later; leave copy out, or use from_dlpack(x, copy=False)"
        )
    if dtype is not None and x.dtype is not dtype:
        raise RangeError(
            f"asarray: copy=False, but the conversion from {x.dtype} to {dtype} makes a copy"
        )
    return x


def array(x: Any, /, dtype: Any = None, *, copy: bool | None = True, ndmin: int = 0) -> Tensor:
    """A tensor that holds `x`: NumPy's name for `asarray`. ndmin: how many axes it has at least.

    >>> import adjoint as ad
    >>> ad.array([1.0, 2.0])
    Tensor([1., 2.])
    """
    found = asarray(x, dtype, copy=copy)
    missing = (1,) * (ndmin - found.ndim)
    return reshape(found, missing + found.shape) if missing else found


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that holds the array `x` of another library, taken over through DLPack.

    The data are copied: who else holds the memory may write to it. With copy=False they are not,
    and must not be written to as long as anything that was computed from the tensor is in use.
    Raises `ArgumentError`, `RangeError`, `DTypeError`, and what `x` raises if it is not in this
    memory.

    >>> import adjoint as ad, numpy as np
    >>> ad.from_dlpack(np.ones(2))
    Tensor([1., 1.])
    """
    check_device("from_dlpack", device)
    if isinstance(x, Tensor):  # stays in the graph
        return asarray(x, copy=copy)
    if not hasattr(x, "__dlpack__"):
        raise ArgumentError(
            f"from_dlpack: {type(x).__name__} does not offer __dlpack__; use adjoint.asarray"
        )
    try:
        taken = np.from_dlpack(x)
    except RuntimeError as error:  # NumPy's word for a dtype that it has not, such as bfloat16
        taken = _taken_as_bfloat16(x, error)
    return from_array(taken.view()) if copy is False else as_stored(taken)


def _taken_as_bfloat16(x: Any, refused: RuntimeError) -> np.ndarray[Any, Any]:
    """The array of another library, which NumPy `refused`, if its dtype is bfloat16."""
    dtype, cure = getattr(x, "dtype", "unknown"), ""
    if "bfloat16" in str(dtype):
        try:
            return dlpack.taken(x)
        except RuntimeError:
            pass
        except DTypeError:
            cure = ", or import ml_dtypes, which has this one"
    raise DTypeError(
        f"from_dlpack: a {type(x).__name__} of dtype {dtype} cannot be taken over ({refused}); "
        f"convert it to float32 or another dtype of NumPy's first{cure}"
    ) from refused


def full(shape: Any, fill_value: Any, dtype: Any = None, *, device: Any = None) -> Tensor:
    """A tensor of `shape` with `fill_value` everywhere, a number or a tensor of one.

    >>> import adjoint as ad
    >>> ad.full(2, 7.0)
    Tensor([7., 7.])
    """
    check_device("full", device)
    wanted = None if dtype is None else storage_dtype(dtype)
    value = as_stored(fill_value) if wanted is None else as_tensor(fill_value, wanted)
    if value.ndim:
        raise ArgumentError(f"full: fill_value must be one number, got shape {value.shape}")
    whole = as_shape("full", shape)
    if isinstance(fill_value, Tensor):
        return broadcast_to(value, whole)
    return as_stored(np.full(whole, value.numpy(), value.dtype))


def zeros(shape: Any, dtype: Any = None, *, device: Any = None) -> Tensor:
    """A tensor of zeros, float64 unless told otherwise.

    >>> import adjoint as ad
    >>> ad.zeros((2, 2))
    Tensor([[0., 0.],
            [0., 0.]])
    """
    check_device("zeros", device)
    return as_stored(np.zeros(as_shape("zeros", shape), storage_dtype(dtype or FLOAT64)))


def ones(shape: Any, dtype: Any = None, *, device: Any = None) -> Tensor:
    """A tensor of ones, float64 unless told otherwise.

    >>> import adjoint as ad
    >>> ad.ones(3)
    Tensor([1., 1., 1.])
    """
    check_device("ones", device)
    return as_stored(np.ones(as_shape("ones", shape), storage_dtype(dtype or FLOAT64)))


def empty(shape: Any, dtype: Any = None, *, device: Any = None) -> Tensor:
    """A tensor to be filled in: of zeros, as results must not depend on what memory held before.

    >>> import adjoint as ad
    >>> ad.empty((2, 0)).shape
    (2, 0)
    """
    check_device("empty", device)
    return zeros(shape, dtype=dtype)


@public
def empty_like(x: Any, /, dtype: Any = None, *, shape: Any = None, device: Any = None) -> Tensor:
    """A tensor to be filled in, in the shape and dtype of `x`: of zeros.

    >>> import adjoint as ad
    >>> ad.empty_like(ad.ones(2)).shape
    (2,)
    """
    check_device("empty_like", device)
    return zeros_like(x, dtype=dtype, shape=shape)


@public
def zeros_like(x: Any, /, dtype: Any = None, *, shape: Any = None, device: Any = None) -> Tensor:
    """Zeros in the shape and dtype of `x`.

    >>> import adjoint as ad
    >>> ad.zeros_like(ad.ones(2))
    Tensor([0., 0.])
    """
    check_device("zeros_like", device)
    x = as_tensor(x)
    return zeros(x.shape if shape is None else shape, dtype=dtype or x.dtype)


@public
def ones_like(x: Any, /, dtype: Any = None, *, shape: Any = None, device: Any = None) -> Tensor:
    """Ones in the shape and dtype of `x`.

    >>> import adjoint as ad
    >>> ad.ones_like(ad.zeros(2))
    Tensor([1., 1.])
    """
    check_device("ones_like", device)
    x = as_tensor(x)
    return ones(x.shape if shape is None else shape, dtype=dtype or x.dtype)


@public
def full_like(
    x: Any,
    /,
    fill_value: Any,
    dtype: Any = None,
    *,
    shape: Any = None,
    device: Any = None,
) -> Tensor:
    """`fill_value` everywhere, in the shape and dtype of `x`.

    >>> import adjoint as ad
    >>> ad.full_like(ad.zeros(2), 3)
    Tensor([3., 3.])
    """
    check_device("full_like", device)
    x = as_tensor(x)
    return full(x.shape if shape is None else shape, fill_value, dtype=dtype or x.dtype)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    k: int = 0,
    dtype: Any = None,
    *,
    device: Any = None,
) -> Tensor:
    """Ones on the diagonal `k`, zeros elsewhere.

    >>> import adjoint as ad
    >>> ad.eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    check_device("eye", device)
    return asarray(np.eye(n_rows, n_cols, k), storage_dtype(dtype or FLOAT64))
