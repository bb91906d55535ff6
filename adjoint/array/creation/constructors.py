"""Making tensors: from data, and filled with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, as_dtype, as_shape
from adjoint.ops.shape.movement import broadcast_to, reshape

__all__ = [
    "array",
    "asarray",
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


def asarray(x: Any, /, dtype: Any = None, *, copy: bool | None = None) -> Tensor:
    """A tensor that holds `x`: a number, nested lists, a NumPy array, or a tensor.

    The data are copied, and of a tensor another handle is made. float64 is the default for Python
    floats, int64 for integers.

    >>> import adjoint as ad
    >>> ad.asarray([1, 2, 3], dtype="float32")
    Tensor([1., 2., 3.], dtype=float32)
    """
    return Tensor(as_tensor(x, None if dtype is None else as_dtype(dtype)).node)


def array(x: Any, /, dtype: Any = None, *, copy: bool | None = True, ndmin: int = 0) -> Tensor:
    """A tensor that holds `x`: NumPy's name for `asarray`. ndmin: how many axes it has at least.

    >>> import adjoint as ad
    >>> ad.array([1.0, 2.0])
    Tensor([1., 2.])
    """
    found = asarray(x, dtype)
    missing = (1,) * (ndmin - found.ndim)
    return reshape(found, missing + found.shape) if missing else found


def from_dlpack(x: Any, /, *, copy: bool | None = None) -> Tensor:
    """A tensor that holds a copy of the array `x` of another library, through DLPack.

    >>> import adjoint as ad, numpy as np
    >>> ad.from_dlpack(np.ones(2))
    Tensor([1., 1.])
    """
    if not hasattr(x, "__dlpack__"):
        raise ArgumentError(
            f"from_dlpack: {type(x).__name__} does not offer __dlpack__; use adjoint.asarray"
        )
    return as_tensor(np.from_dlpack(x))


def full(shape: Any, fill_value: Any, *, dtype: Any = None) -> Tensor:
    """A tensor of `shape` with `fill_value` everywhere, a number or a tensor of one.

    >>> import adjoint as ad
    >>> ad.full(2, 7.0)
    Tensor([7., 7.])
    """
    value = as_tensor(fill_value, None if dtype is None else as_dtype(dtype))
    if value.ndim:
        raise ArgumentError(f"full: fill_value must be one number, got shape {value.shape}")
    whole = as_shape("full", shape)
    if isinstance(fill_value, Tensor):
        return broadcast_to(value, whole)
    return as_tensor(np.full(whole, value.numpy(), value.dtype))


def zeros(shape: Any, *, dtype: Any = None) -> Tensor:
    """A tensor of zeros, float64 unless told otherwise.

    >>> import adjoint as ad
    >>> ad.zeros((2, 2))
    Tensor([[0., 0.],
            [0., 0.]])
    """
    return as_tensor(np.zeros(as_shape("zeros", shape), as_dtype(dtype or FLOAT64)))


def ones(shape: Any, *, dtype: Any = None) -> Tensor:
    """A tensor of ones, float64 unless told otherwise.

    >>> import adjoint as ad
    >>> ad.ones(3)
    Tensor([1., 1., 1.])
    """
    return as_tensor(np.ones(as_shape("ones", shape), as_dtype(dtype or FLOAT64)))


def empty(shape: Any, *, dtype: Any = None) -> Tensor:
    """A tensor to be filled in: of zeros, as results must not depend on what memory held before.

    >>> import adjoint as ad
    >>> ad.empty((2, 0)).shape
    (2, 0)
    """
    return zeros(shape, dtype=dtype)


@public
def empty_like(x: Any, /, *, dtype: Any = None, shape: Any = None) -> Tensor:
    """A tensor to be filled in, in the shape and dtype of `x`: of zeros.

    >>> import adjoint as ad
    >>> ad.empty_like(ad.ones(2)).shape
    (2,)
    """
    return zeros_like(x, dtype=dtype, shape=shape)


@public
def zeros_like(x: Any, /, *, dtype: Any = None, shape: Any = None) -> Tensor:
    """Zeros in the shape and dtype of `x`.

    >>> import adjoint as ad
    >>> ad.zeros_like(ad.ones(2))
    Tensor([0., 0.])
    """
    x = as_tensor(x)
    return zeros(x.shape if shape is None else shape, dtype=dtype or x.dtype)


@public
def ones_like(x: Any, /, *, dtype: Any = None, shape: Any = None) -> Tensor:
    """Ones in the shape and dtype of `x`.

    >>> import adjoint as ad
    >>> ad.ones_like(ad.zeros(2))
    Tensor([1., 1.])
    """
    x = as_tensor(x)
    return ones(x.shape if shape is None else shape, dtype=dtype or x.dtype)


@public
def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, shape: Any = None) -> Tensor:
    """`fill_value` everywhere, in the shape and dtype of `x`.

    >>> import adjoint as ad
    >>> ad.full_like(ad.zeros(2), 3)
    Tensor([3., 3.])
    """
    x = as_tensor(x)
    return full(x.shape if shape is None else shape, fill_value, dtype=dtype or x.dtype)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None) -> Tensor:
    """Ones on the diagonal `k`, zeros elsewhere.

    >>> import adjoint as ad
    >>> ad.eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return asarray(np.eye(n_rows, n_cols, k), as_dtype(dtype or FLOAT64))
