"""What the library can do, for code that works with any array library (array API)."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph.device import CPU, check_device
from adjoint.graph.types import COMPLEX128, FLOAT64, INT64, DType, as_dtype

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
