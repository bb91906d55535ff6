"""What the library can do, for code that works with any array library (array API), and what a
tensor is."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph.device import CPU, check_device
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import (
    COMPLEX128,
    FLOAT64,
    INT64,
    DType,
    Shape,
    as_dtype,
    normalize_axes,
    size_of,
)

__all__ = ["iscomplexobj", "isrealobj", "isscalar", "iterable", "ndim", "shape", "size"]

_NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)
_MOST_AXES = 64  # of an array of NumPy's


class Info:
    """What `__array_namespace_info__` returns."""

    def capabilities(self) -> dict[str, Any]:
        """What is supported of that which need not be: boolean masks as indices, shapes that depend
        on values, and how many axes there may be.

        >>> import adjoint as ad
        >>> ad.__array_namespace_info__().capabilities()["boolean indexing"]
        True
        """
        return {
            "boolean indexing": True,
            "data-dependent shapes": True,
            "max dimensions": _MOST_AXES,
        }

    def default_device(self) -> str:
        """The device of new tensors."""
        return CPU

    def devices(self) -> tuple[str, ...]:
        """All devices.

        >>> import adjoint as ad
        >>> ad.__array_namespace_info__().devices()
        ('cpu',)
        """
        return (CPU,)

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """The dtypes of new tensors by kind; "indexing" is that of indices."""
        check_device("default_dtypes", device)
        return {
            "real floating": FLOAT64,
            "complex floating": COMPLEX128,
            "integral": INT64,
            "indexing": INT64,
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, DType]:
        """The dtypes of the array API by name; of one `kind` of `isdtype`, or of several.

        >>> import adjoint as ad
        >>> ad.__array_namespace_info__().dtypes(kind="real floating")
        {'float32': dtype('float32'), 'float64': dtype('float64')}
        """
        check_device("dtypes", device)
        found = {name: as_dtype(name) for name in _NAMES}
        if kind is None:
            return found
        try:
            return {name: dtype for name, dtype in found.items() if np.isdtype(dtype, kind)}
        except (TypeError, ValueError) as error:
            raise RangeError(f"dtypes: kind={kind!r} is no kind of dtypes: {error}") from error


def __array_namespace_info__() -> Info:
    """The namespace's answers: `capabilities`, `devices`, `dtypes` … (array API).

    >>> import adjoint as ad
    >>> ad.__array_namespace_info__().default_device()
    'cpu'
    """
    return Info()


def ndim(a: Any, /) -> int:
    """The number of axes of a tensor, or of what makes one.

    >>> import adjoint as ad
    >>> ad.ndim([[1.0, 2.0]])
    2
    """
    return as_tensor(a).ndim


def shape(a: Any, /) -> Shape:
    """The sizes of the axes of a tensor, or of what makes one.

    >>> import adjoint as ad
    >>> ad.shape([[1.0, 2.0]])
    (1, 2)
    """
    return as_tensor(a).shape


def size(a: Any, /, axis: Any = None) -> int:
    """The number of elements, or the size of `axis`, or the product of those of several.

    >>> import adjoint as ad
    >>> ad.size(ad.ones((2, 3))), ad.size(ad.ones((2, 3)), 1)
    (6, 3)
    """
    x = as_tensor(a)
    return size_of(tuple(x.shape[k] for k in normalize_axes("size", axis, x.ndim)))


def isscalar(element: Any, /) -> bool:
    """Whether it is a number: a tensor without axes, or what NumPy calls a scalar.

    >>> import adjoint as ad
    >>> ad.isscalar(ad.asarray(3.0)), ad.isscalar(ad.asarray([3.0]))
    (True, False)
    """
    return not element.ndim if isinstance(element, Tensor) else bool(np.isscalar(element))


def iscomplexobj(x: Any, /) -> bool:
    """Whether the dtype is complex, whatever the values are.

    >>> import adjoint as ad
    >>> ad.iscomplexobj(ad.asarray([1.0 + 0j]))
    True
    """
    return as_tensor(x).dtype.kind == "c"


def isrealobj(x: Any, /) -> bool:
    """Whether the dtype is not complex, whatever the values are.

    >>> import adjoint as ad
    >>> ad.isrealobj(ad.asarray([1.0 + 0j]))
    False
    """
    return not iscomplexobj(x)


def iterable(y: Any, /) -> bool:
    """Whether one can iterate over it; a tensor without axes cannot be.

    >>> import adjoint as ad
    >>> ad.iterable(ad.zeros(3)), ad.iterable(ad.asarray(0.0))
    (True, False)
    """
    return bool(y.ndim) if isinstance(y, Tensor) else bool(np.iterable(y))
